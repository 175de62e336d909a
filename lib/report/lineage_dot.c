/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph in the language of Graphviz. */
#include "report/drawing.h"

#include <string.h>

#include "util/escape.h"
#include "util/limits.h"

/*
 * Appends escaped text for a quoted string: in it Graphviz reads escapes after backslashes, and
 * names of characters after ampersands.
 */
static enum wm_code quoted_shown(struct buf *out, const struct buf *shown, struct wm_error *err)
{
	for (size_t i = 0; i < shown->len; i++) {
		const uint8_t byte = shown->data[i];

		if (byte == '"' || byte == '\\')
			TRY(buf_append_byte(out, '\\', err));
		TRY(byte == '&' ? buf_append_str(out, "&amp;", err) :
				  buf_append_byte(out, byte, err));
	}
	return WM_OK;
}

static enum wm_code quoted(struct buf *out, const char *text, struct wm_error *err)
{
	cleanup_buf struct buf shown = BUF_INIT(LIMIT_GRAPH_MEMORY);

	TRY(escape_append(&shown, text, strlen(text), err));
	return quoted_shown(out, &shown, err);
}

static const char *shape(enum graph_kind kind)
{
	return kind == GRAPH_DATASET ? "cylinder" : kind == GRAPH_RUN ? "ellipse" : "box";
}

static enum wm_code node_dot(struct buf *out, const struct graph *g, const struct drawn *d,
			     uint32_t place, struct wm_error *err)
{
	const struct graph_node *n = &g->nodes[d->node];

	TRY(buf_printf(out, err, "\tn%u [shape=%s, fillcolor=\"%s\", label=\"%s, %s\\n", place,
		       shape(n->kind), drawn_state_colour(d->state), lineage_kind(n),
		       drawn_state_name(d->state)));
	TRY(quoted(out, n->id, err));
	return buf_append_str(out, "\"];\n", err);
}

static enum wm_code edge_dot(struct buf *out, const struct lineage_report *r,
			     const struct drawing *d, uint32_t edge, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);
	const struct graph_edge *e = &r->graph->edges[edge];

	TRY(lineage_edge_text(&text, r, edge, err));
	TRY(buf_printf(out, err, "\tn%u -> n%u [label=\"", d->place[e->from], d->place[e->to]));
	TRY(quoted(out, buf_str(&text), err));
	return buf_printf(out, err, "\"%s%s];\n",
			  graph_is_equality(e->relation) ? ", dir=both" : "",
			  r->trace->gone[edge] ? "" : ", style=dashed");
}

enum wm_code lineage_dot(struct buf *out, const struct lineage_report *r, struct wm_error *err)
{
	cleanup_drawing struct drawing d = { 0 };
	cleanup_buf struct buf title = BUF_INIT(LIMIT_GRAPH_MEMORY);

	TRY(drawing_make(&d, r, err));
	TRY(lineage_title(&title, r, err));
	TRY(buf_append_str(out, "digraph lineage {\n\trankdir=LR;\n\tlabel=\"", err));
	TRY(quoted_shown(out, &title, err));
	TRY(buf_append_str(out, "\\n" LINEAGE_CAPTION "\";\n\tnode [style=filled];\n", err));
	for (uint32_t i = 0; i < d.n; i++)
		TRY(node_dot(out, r->graph, &d.nodes[i], i, err));
	for (uint32_t i = 0; i < d.n_edges; i++)
		TRY(edge_dot(out, r, &d, d.edges[i], err));
	return buf_append_str(out, "}\n", err);
}
