/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over a lineage graph as an SVG image (SVG 2), a column for each layer. It stands alone:
 * no script, no link, no style or font from elsewhere.
 */
#include "report/drawing.h"

#include <string.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/utf8.h"

enum {
	MARGIN = 20,
	COLUMN = 420, /* from one layer to the next */
	ROW = 60,
	WIDTH = 280, /* of a node */
	HEIGHT = 40,
	BEND = 60,
	LABEL_CHARACTERS = 36,
	LANE = 30, /* between edges of the same two nodes */
	LINE = 10, /* of a label */
	LEGEND = 66,
	LEGEND_COLUMN = 180,
};

/* Appends text as XML 1.0 has it; what it does not allow is escaped by escape_append(). */
static enum wm_code xml(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	static const char *const entities[256] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
	};

	for (size_t i = 0; i < len; i++) {
		const char *entity = entities[(uint8_t)text[i]];

		TRY(entity ? buf_append_str(out, entity, err) :
			     buf_append_byte(out, (uint8_t)text[i], err));
	}
	return WM_OK;
}

static enum wm_code title(struct buf *out, const char *shown, struct wm_error *err)
{
	TRY(buf_append_str(out, "<title>", err));
	TRY(xml(out, shown, strlen(shown), err));
	return buf_append_str(out, "</title>", err);
}

/* The length of the first `n` characters of UTF-8. */
static size_t length_of(const char *text, size_t len, size_t n)
{
	size_t at = 0;
	uint32_t scalar;

	while (n-- > 0 && at < len)
		at += utf8_decode(&scalar, (const uint8_t *)text + at, len - at);
	return at;
}

static size_t count_characters(const char *text, size_t len)
{
	uint32_t scalar;
	size_t n = 0;

	for (size_t at = 0; at < len; n++)
		at += utf8_decode(&scalar, (const uint8_t *)text + at, len - at);
	return n;
}

/* A text that fits, its middle left out where it is long. */
static enum wm_code label(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	const size_t n = count_characters(text, len), half = LABEL_CHARACTERS / 2;
	size_t tail;

	if (n <= LABEL_CHARACTERS)
		return xml(out, text, len, err);
	tail = length_of(text, len, n - half);
	TRY(xml(out, text, length_of(text, len, half - 1), err));
	TRY(buf_append_str(out, "\xe2\x80\xa6", err));
	return xml(out, text + tail, len - tail, err);
}

static unsigned left_of(const struct drawn *d)
{
	return MARGIN + d->layer * COLUMN;
}

static unsigned top_of(const struct drawn *d)
{
	return MARGIN + d->row * ROW;
}

static unsigned corner(enum graph_kind kind)
{
	return kind == GRAPH_RUN ? HEIGHT / 2 : kind == GRAPH_DATASET ? 8 : 0;
}

static enum wm_code node_svg(struct buf *out, const struct graph *g, const struct drawn *d,
			     struct wm_error *err)
{
	const struct graph_node *n = &g->nodes[d->node];
	cleanup_buf struct buf id = BUF_INIT(LIMIT_GRAPH_MEMORY);

	TRY(escape_append(&id, n->id, strlen(n->id), err));
	TRY(buf_append_str(out, "<g>", err));
	TRY(title(out, buf_str(&id), err));
	TRY(buf_printf(out, err,
		       "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" rx=\"%u\" fill=\"%s\" "
		       "stroke=\"#444444\"/><text x=\"%u\" y=\"%u\" font-weight=\"bold\">%s, "
		       "%s</text><text x=\"%u\" y=\"%u\">",
		       left_of(d), top_of(d), WIDTH, HEIGHT, corner(n->kind),
		       drawn_state_colour(d->state), left_of(d) + 12, top_of(d) + 16,
		       lineage_kind(n), drawn_state_name(d->state), left_of(d) + 12,
		       top_of(d) + 32));
	TRY(label(out, buf_str(&id), id.len, err));
	return buf_append_str(out, "</text></g>\n", err);
}

/* What relation, in which role; below it steps, and whether that was corrected since. */
static enum wm_code edge_label(struct buf *out, const struct graph *g, const struct graph_edge *e,
			       unsigned x, struct wm_error *err)
{
	cleanup_buf struct buf below = BUF_INIT(LIMIT_GRAPH_MEMORY);
	const char *detail = lineage_detail(e);

	TRY(buf_printf(out, err, "%s%s%s", graph_relation_name(e->relation), detail ? ", " : "",
		       detail ? detail : ""));
	TRY(lineage_steps_text(&below, "", e, err));
	if (graph_is_corrected(g, e))
		TRY(buf_printf(&below, err, "%scorrected", below.len ? ", " : ""));
	return below.len == 0 ? WM_OK :
				buf_printf(out, err, "<tspan x=\"%u\" dy=\"%d\">%s</tspan>", x,
					   LINE, buf_str(&below));
}

/* To the left of a later layer, else around to the right of its own or an earlier one. */
static enum wm_code edge_svg(struct buf *out, const struct lineage_report *r,
			     const struct drawing *d, uint32_t edge, uint32_t lane,
			     struct wm_error *err)
{
	const struct graph_edge *e = &r->graph->edges[edge];
	const struct drawn *from = &d->nodes[d->place[e->from]], *to = &d->nodes[d->place[e->to]];
	const bool on = to->layer > from->layer, both = graph_is_equality(e->relation);
	const unsigned x = left_of(from) + WIDTH, y = top_of(from) + HEIGHT / 2;
	const unsigned u = left_of(to) + (on ? 0 : WIDTH), v = top_of(to) + HEIGHT / 2;
	const unsigned middle = (x + u) / 2 + (on ? 0 : BEND), down = lane * LANE;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);

	TRY(lineage_edge_text(&text, r, edge, err));
	TRY(buf_append_str(out, "<g>", err));
	TRY(title(out, buf_str(&text), err));
	TRY(buf_printf(out, err,
		       "<path d=\"M%u %uC%u %u %u %u %u %u\" fill=\"none\" stroke=\"#666666\"%s%s "
		       "marker-end=\"url(#a)\"/><text x=\"%u\" y=\"%u\" fill=\"#666666\" "
		       "font-size=\"9\" text-anchor=\"middle\">",
		       x, y, x + BEND, y + down, on ? u - BEND : u + BEND, v + down, u, v,
		       r->trace->gone[edge] ? "" : " stroke-dasharray=\"5 3\"",
		       both ? " marker-start=\"url(#a)\"" : "", middle,
		       (y + v) / 2 + down * 3 / 4 - 3)); /* where the curve is half way */
	TRY(edge_label(out, r->graph, e, middle, err));
	return buf_append_str(out, "</text></g>\n", err);
}

/* Below the nodes, and the lowest edges. */
static unsigned legend_top(const struct drawing *d)
{
	return MARGIN + d->n_rows * ROW + (d->n_lanes - 1) * LANE;
}

static enum wm_code legend(struct buf *out, const struct drawing *d, const struct buf *shown,
			   struct wm_error *err)
{
	const unsigned y = legend_top(d) + 32;

	TRY(buf_printf(out, err, "<text x=\"%d\" y=\"%u\" font-weight=\"bold\">", MARGIN, y - 16));
	TRY(xml(out, buf_str(shown), shown->len, err));
	TRY(buf_printf(out, err, "</text>\n<text x=\"%d\" y=\"%u\">" LINEAGE_CAPTION "</text>\n",
		       MARGIN, y));
	for (unsigned i = 0; i < DRAWN_STATES; i++)
		TRY(buf_printf(out, err,
			       "<rect x=\"%u\" y=\"%u\" width=\"14\" height=\"14\" fill=\"%s\" "
			       "stroke=\"#444444\"/><text x=\"%u\" y=\"%u\">%s</text>\n",
			       MARGIN + i * LEGEND_COLUMN, y + 12, drawn_state_colour(i),
			       MARGIN + i * LEGEND_COLUMN + 20, y + 23, drawn_state_name(i)));
	return WM_OK;
}

static enum wm_code head(struct buf *out, const struct drawing *d, const struct buf *shown,
			 struct wm_error *err)
{
	const unsigned least = 2 * MARGIN + DRAWN_STATES * LEGEND_COLUMN;
	const unsigned drawn = 2 * MARGIN + d->n_layers * COLUMN;
	const unsigned width = drawn > least ? drawn : least;
	const unsigned height = legend_top(d) + LEGEND + MARGIN;

	TRY(buf_printf(out, err,
		       "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		       "viewBox=\"0 0 %u %u\" font-family=\"monospace\" font-size=\"12\">\n",
		       width, height, width, height));
	TRY(title(out, buf_str(shown), err));
	return buf_printf(out, err,
			  "\n<defs><marker id=\"a\" markerWidth=\"8\" "
			  "markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto-start-reverse\">"
			  "<path d=\"M0 0L8 4L0 8z\" fill=\"#666666\"/></marker></defs>\n"
			  "<rect width=\"%u\" height=\"%u\" fill=\"#ffffff\"/>\n",
			  width, height);
}

enum wm_code lineage_svg(struct buf *out, const struct lineage_report *r, struct wm_error *err)
{
	cleanup_drawing struct drawing d = { 0 };
	cleanup_buf struct buf shown = BUF_INIT(LIMIT_GRAPH_MEMORY);
	uint32_t lane = 0;

	TRY(drawing_make(&d, r, err));
	TRY(lineage_title(&shown, r, err));
	TRY(head(out, &d, &shown, err));
	for (uint32_t i = 0; i < d.n_edges; i++) {
		lane = drawing_lane(&d, r->graph, i, lane);
		TRY(edge_svg(out, r, &d, d.edges[i], lane, err));
	}
	for (uint32_t i = 0; i < d.n; i++)
		TRY(node_svg(out, r->graph, &d.nodes[i], err));
	TRY(legend(out, &d, &shown, err));
	return buf_append_str(out, "</svg>\n", err);
}
