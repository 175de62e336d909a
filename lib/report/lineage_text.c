/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph as an indented tree. */
#include "report/lineage_report.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/escape.h"

enum { INDENT_MAX = 40 };

static enum wm_code shown(struct buf *out, const char *text, struct wm_error *err)
{
	return escape_append(out, text, strlen(text), err);
}

static enum wm_code edge_text(struct buf *out, const struct graph *g, const struct graph_edge *e,
			      struct wm_error *err)
{
	const char *issuer = lineage_issuer(g, e), *detail = lineage_detail(e);

	TRY(buf_printf(out, err, "  [%s", graph_relation_name(e->relation)));
	if (detail)
		TRY(buf_printf(out, err, ", %s", detail));
	if (e->from_step != STEP_NONE)
		TRY(buf_printf(out, err, ", from step %llu", (unsigned long long)e->from_step));
	if (e->step != STEP_NONE)
		TRY(buf_printf(out, err, ", step %llu", (unsigned long long)e->step));
	if (!issuer)
		return buf_append_str(out, "; recomputed]", err);
	TRY(buf_append_str(out, "; asserted by ", err));
	TRY(shown(out, issuer, err));
	return buf_append_str(out, "]", err);
}

static enum wm_code node_line(struct buf *out, const struct lineage_report *r,
			      const struct traced *at, struct wm_error *err)
{
	const struct graph_node *n = &r->graph->nodes[at->node];
	const char *end = lineage_end(r, at->node);

	TRY(buf_printf(out, err, "%*s%s ",
		       (int)(2 * (at->depth < INDENT_MAX ? at->depth : INDENT_MAX)), "",
		       graph_kind_name(n->kind)));
	TRY(shown(out, n->id, err));
	if (at->via != GRAPH_NONE)
		TRY(edge_text(out, r->graph, &r->graph->edges[at->via], err));
	return buf_printf(out, err, "%s%s\n", end ? "  <- " : "", end ? end : "");
}

/* Each after the one that it was reached from: by first child and next sibling, by place. */
static enum wm_code nodes_text(struct buf *out, const struct lineage_report *r,
			       struct wm_error *err)
{
	const struct trace *t = r->trace;
	cleanup_free uint32_t *child = malloc(((size_t)t->n + 1) * sizeof(*child));
	cleanup_free uint32_t *sibling = malloc(((size_t)t->n + 1) * sizeof(*sibling));
	uint32_t root = GRAPH_NONE;

	if (!child || !sibling)
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
			TRY(node_line(out, r, &t->list[i], err));
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

enum wm_code lineage_text(struct buf *out, const struct lineage_report *r, struct wm_error *err)
{
	const struct graph *g = r->graph;

	TRY(nodes_text(out, r, err));
	for (uint32_t i = 0; i < r->trace->n_clean; i++) {
		TRY(buf_append_str(out, "clean, first candidates: ", err));
		TRY(shown(out, g->nodes[r->trace->clean[i]].id, err));
		TRY(buf_append_str(out, "\n", err));
	}
	for (uint32_t i = 0; i < g->n_findings; i++) {
		const struct graph_finding *f = &g->findings[i];

		if (!lineage_concerns(r, f))
			continue;
		TRY(buf_printf(out, err, "finding: %s: ", graph_finding_name(f->kind)));
		TRY(shown(out, g->nodes[f->node].id, err));
		if (f->other != GRAPH_NONE) {
			TRY(buf_append_str(out, " and ", err));
			TRY(shown(out, g->nodes[f->other].id, err));
		}
		TRY(buf_append_str(out, "\n", err));
	}
	return WM_OK;
}
