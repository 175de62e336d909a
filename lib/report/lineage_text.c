/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph as an indented tree. */
#include "report/lineage_report.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/escape.h"
#include "util/limits.h"
#include "weightmark/v1/run.pb-c.h"

enum { INDENT_MAX = 40 };

static enum wm_code shown(struct buf *out, const char *text, struct wm_error *err)
{
	return escape_append(out, text, strlen(text), err);
}

static enum wm_code bracketed(struct buf *out, const struct lineage_report *r, uint32_t edge,
			      struct wm_error *err)
{
	TRY(buf_append_str(out, "  [", err));
	TRY(lineage_edge_text(out, r, edge, err));
	return buf_append_str(out, "]", err);
}

/* The beginning of a line: how far away, what it is. */
static enum wm_code begin_line(struct buf *out, const struct graph *g, uint32_t node,
			       uint32_t depth, const char *word, struct wm_error *err)
{
	TRY(buf_printf(out, err, "%*s%s%s ",
		       (int)(2 * (depth < INDENT_MAX ? depth : INDENT_MAX)), "", word,
		       lineage_kind(&g->nodes[node])));
	return shown(out, g->nodes[node].id, err);
}

/* A tree that is being printed. */
struct printing {
	struct buf *out;
	const struct lineage_report *r;
	bool *done; /* by place: its line stands */
};

static enum wm_code reference(struct printing *p, uint32_t depth, const char *word, uint32_t node,
			      uint32_t edge, struct wm_error *err)
{
	TRY(begin_line(p->out, p->r->graph, node, depth, word, err));
	TRY(bracketed(p->out, p->r, edge, err));
	return buf_append_str(p->out, "\n", err);
}

/* Ways from the node at `place` to what stands above. */
static enum wm_code see_text(struct printing *p, uint32_t place, struct wm_error *err)
{
	const struct graph *g = p->r->graph;
	const struct traced *at = &p->r->trace->list[place];
	const uint32_t *offsets = p->r->ancestors ? g->in : g->out;

	for (uint32_t i = offsets[at->node]; i < offsets[at->node + 1]; i++) {
		const uint32_t edge = p->r->ancestors ? i : g->out_edges[i];
		const struct graph_edge *e = &g->edges[edge];
		const uint32_t far = p->r->ancestors ? e->from : e->to;

		if (lineage_leads_again(p->r, place, edge) && p->done[p->r->trace->place[far]])
			TRY(reference(p, at->depth + 1, "see ", far, edge, err));
	}
	return WM_OK;
}

/* Further ways to the node at `place` from what stands above. */
static enum wm_code also_text(struct printing *p, uint32_t place, struct wm_error *err)
{
	const struct graph *g = p->r->graph;
	const struct traced *at = &p->r->trace->list[place];
	const uint32_t *offsets = p->r->ancestors ? g->out : g->in;

	for (uint32_t i = offsets[at->node]; i < offsets[at->node + 1]; i++) {
		const uint32_t edge = p->r->ancestors ? g->out_edges[i] : i;
		const struct graph_edge *e = &g->edges[edge];
		const uint32_t near = p->r->ancestors ? e->to : e->from;
		const uint32_t from = p->r->trace->place[near];

		if (from != GRAPH_NONE && from != place && p->done[from] &&
		    lineage_leads_again(p->r, from, edge))
			TRY(reference(p, at->depth + 1, p->r->ancestors ? "also of " : "also from ",
				      near, edge, err));
	}
	return WM_OK;
}

static enum wm_code node_lines(struct printing *p, uint32_t place, struct wm_error *err)
{
	const struct traced *at = &p->r->trace->list[place];
	const char *end = lineage_end(p->r, at->node);

	TRY(begin_line(p->out, p->r->graph, at->node, at->depth, "", err));
	if (at->via != GRAPH_NONE)
		TRY(bracketed(p->out, p->r, at->via, err));
	TRY(buf_printf(p->out, err, "%s%s\n", end ? "  <- " : "", end ? end : ""));
	p->done[place] = true;
	TRY(also_text(p, place, err));
	return see_text(p, place, err);
}

/* Each after the one that it was reached from: by first child and next sibling, by place. */
static enum wm_code nodes_text(struct buf *out, const struct lineage_report *r,
			       struct wm_error *err)
{
	const struct trace *t = r->trace;
	cleanup_free uint32_t *child = malloc(((size_t)t->n + 1) * sizeof(*child));
	cleanup_free uint32_t *sibling = malloc(((size_t)t->n + 1) * sizeof(*sibling));
	cleanup_free bool *done = calloc((size_t)t->n + 1, sizeof(*done));
	struct printing p = { .out = out, .r = r, .done = done };
	uint32_t root = GRAPH_NONE;

	if (!child || !sibling || !done)
		return fail_nomem(err);
	memset(child, 0xff, ((size_t)t->n + 1) * sizeof(*child));
	for (uint32_t i = t->n; i-- > 0;) {
		const struct traced *at = &t->list[i];
		uint32_t *first = at->before == GRAPH_NONE ? &root : &child[at->before];

		sibling[i] = *first;
		*first = i;
	}
	for (uint32_t i = root; i != GRAPH_NONE;) {
		if (t->list[i].depth <= r->depth)
			TRY(node_lines(&p, i, err));
		if (child[i] != GRAPH_NONE) {
			i = child[i];
			continue;
		}
		while (sibling[i] == GRAPH_NONE && t->list[i].before != GRAPH_NONE)
			i = t->list[i].before;
		i = sibling[i];
	}
	return WM_OK;
}

/* Which uses count, and that nobody gave an order. */
static enum wm_code head_text(struct buf *out, const struct lineage_report *r,
			      struct wm_error *err)
{
	const ProtobufCEnumDescriptor *d = &weightmark__v1__dataset_use__role__descriptor;
	const char *before = "";

	if (r->what_if)
		TRY(buf_append_str(out, "No order was given: what follows would be tainted.\n",
				   err));
	if (r->roles == 0)
		return WM_OK;
	TRY(buf_append_str(out, "Only these uses of it count, as in a signed narrower scope: ",
			   err));
	for (unsigned i = 0; i < d->n_values; i++) {
		if (!lineage_has_role(r->roles, d->values[i].value))
			continue;
		TRY(buf_printf(out, err, "%s%s", before, d->values[i].name));
		before = ", ";
	}
	return buf_append_str(out, "; and those whose role is not said.\n", err);
}

static enum wm_code clean_text(struct buf *out, const struct lineage_report *r,
			       struct wm_error *err)
{
	cleanup_free struct lineage_clean *clean = NULL;
	const struct graph *g = r->graph;

	TRY(lineage_clean(&clean, r, err));
	for (uint32_t i = 0; i < r->trace->n_clean; i++) {
		TRY(buf_append_str(out, "clean, first candidates: ", err));
		TRY(shown(out, g->nodes[clean[i].node].id, err));
		TRY(buf_append_str(out, " of ", err));
		TRY(shown(out, g->nodes[r->trace->list[clean[i].run].node].id, err));
		TRY(bracketed(out, r, clean[i].edge, err));
		TRY(buf_append_str(out, "\n", err));
	}
	return WM_OK;
}

static enum wm_code undecided_text(struct buf *out, const struct lineage_report *r,
				   struct wm_error *err)
{
	const struct graph *g = r->graph;

	for (uint32_t i = 0; i < r->trace->n_undecided; i++) {
		const uint32_t edge = r->trace->undecided[i];

		TRY(buf_append_str(out, "undecided, a subset: ", err));
		TRY(shown(out, g->nodes[g->edges[edge].to].id, err));
		TRY(buf_append_str(out, " of ", err));
		TRY(shown(out, g->nodes[g->edges[edge].from].id, err));
		TRY(bracketed(out, r, edge, err));
		TRY(buf_append_str(out, "\n", err));
	}
	return WM_OK;
}

static enum wm_code findings_text(struct buf *out, const struct lineage_report *r,
				  struct wm_error *err)
{
	const struct graph *g = r->graph;

	for (uint32_t i = 0; i < g->n_findings; i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);

		if (!lineage_concerns(r, &g->findings[i]))
			continue;
		TRY(graph_finding_text(&text, g, &g->findings[i], INT_MAX, err));
		TRY(buf_printf(out, err,
			       "finding: %s: ", graph_finding_name(g->findings[i].kind)));
		TRY(shown(out, buf_str(&text), err));
		TRY(buf_append_str(out, "\n", err));
	}
	return WM_OK;
}

enum wm_code lineage_text(struct buf *out, const struct lineage_report *r, struct wm_error *err)
{
	TRY(head_text(out, r, err));
	TRY(nodes_text(out, r, err));
	TRY(undecided_text(out, r, err));
	TRY(clean_text(out, r, err));
	return findings_text(out, r, err);
}
