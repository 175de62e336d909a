/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph as JSON. */
#include "report/lineage_report.h"

#include <limits.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/limits.h"
#include "weightmark/v1/run.pb-c.h"

static enum wm_code set_step(struct node *map, struct tree *t, const char *key, uint64_t step,
			     struct wm_error *err)
{
	return step > (uint64_t)NODE_INTEGER_MAX ? WM_OK : node_set_integer(map, t, key, step, err);
}

/* What digests say. */
static enum wm_code recomputed_tree(struct node *map, struct tree *t,
				    const struct recomputed *found, struct wm_error *err)
{
	if (found->equality != NOT_EQUAL)
		TRY(node_set_text(map, t, "equality",
				  graph_relation_name(found->equality == WEIGHTS_EQUAL ?
							      GRAPH_EQUAL_WEIGHTS :
							      GRAPH_EQUAL_TENSORS), err));
	if (found->n_tensors > 0)
		TRY(node_set_integer(map, t, "equal_tensors", found->n_tensors, err));
	return found->has_parent_digest ? node_set_bool(map, t, "parent_by_digest", true, err) :
					  WM_OK;
}

/* Beside what digests say, a derivation still has who said how it was made. */
static enum wm_code edge_tree(struct node *map, struct tree *t, const struct lineage_report *r,
			      uint32_t edge, struct wm_error *err)
{
	const struct graph *g = r->graph;
	const struct graph_edge *e = &g->edges[edge];
	const struct recomputed found = lineage_recomputed(r, edge);
	const char *issuer = lineage_issuer(g, e), *detail = lineage_detail(e);
	const bool asserted = issuer && found.equality == NOT_EQUAL;

	TRY(node_set_text(map, t, "relation", graph_relation_name(e->relation), err));
	if (detail)
		TRY(node_set_text(map, t, "detail", detail, err));
	TRY(set_step(map, t, "from_step", e->from_step, err));
	TRY(set_step(map, t, "to_step", e->to_step, err));
	TRY(set_step(map, t, "step", e->step, err));
	if (e->subset)
		TRY(node_set_hex(map, t, "subset", e->subset, SHA256_BYTES, err));
	TRY(node_set_text(map, t, "assurance", asserted ? "asserted" : "recomputed", err));
	if (issuer)
		TRY(node_set_text(map, t, "issuer", issuer, err));
	if (graph_is_corrected(g, e))
		TRY(node_set_bool(map, t, "corrected", true, err));
	return recomputed_tree(map, t, &found, err);
}

static enum wm_code node_tree(struct node *list, struct tree *t, const struct lineage_report *r,
			      uint32_t place, struct wm_error *err)
{
	const struct traced *at = &r->trace->list[place];
	const struct graph *g = r->graph;
	const char *end = lineage_end(r, at->node);
	struct node *map;

	TRY(node_append_new(&map, list, t, NODE_MAP, err));
	TRY(node_set_text(map, t, "object", g->nodes[at->node].id, err));
	TRY(node_set_text(map, t, "kind", graph_kind_name(g->nodes[at->node].kind), err));
	TRY(node_set_bool(map, t, "stated", g->nodes[at->node].stated, err));
	if (g->nodes[at->node].flags & STATEMENT_RETROSPECTIVE)
		TRY(node_set_bool(map, t, "retrospective", true, err));
	TRY(node_set_integer(map, t, "depth", at->depth, err));
	if (end)
		TRY(node_set_text(map, t, "end", end, err));
	if (at->via == GRAPH_NONE)
		return WM_OK;
	TRY(node_set_text(map, t, "before", g->nodes[r->trace->list[at->before].node].id, err));
	return edge_tree(map, t, r, at->via, err);
}

/* The other ways that lead on from the node at `place`. */
static enum wm_code again_tree(struct node *list, struct tree *t, const struct lineage_report *r,
			       uint32_t place, struct wm_error *err)
{
	const struct graph *g = r->graph;
	const uint32_t node = r->trace->list[place].node;
	const uint32_t *offsets = r->ancestors ? g->in : g->out;
	struct node *map;

	for (uint32_t i = offsets[node]; i < offsets[node + 1]; i++) {
		const uint32_t edge = r->ancestors ? i : g->out_edges[i];
		const struct graph_edge *e = &g->edges[edge];

		if (!lineage_leads_again(r, place, edge))
			continue;
		TRY(node_append_new(&map, list, t, NODE_MAP, err));
		TRY(node_set_text(map, t, "object",
				  g->nodes[r->ancestors ? e->from : e->to].id, err));
		TRY(node_set_text(map, t, "before", g->nodes[node].id, err));
		TRY(edge_tree(map, t, r, edge, err));
	}
	return WM_OK;
}

static enum wm_code nodes_tree(struct node *map, struct tree *t, const struct lineage_report *r,
			       struct wm_error *err)
{
	const struct trace *trace = r->trace;
	struct node *list;

	TRY(node_set_new(&list, map, t, "nodes", NODE_LIST, err));
	for (uint32_t i = 0; i < trace->n; i++)
		if (trace->list[i].depth <= r->depth)
			TRY(node_tree(list, t, r, i, err));
	TRY(node_set_new(&list, map, t, "again", NODE_LIST, err));
	for (uint32_t i = 0; i < trace->n; i++)
		if (trace->list[i].depth <= r->depth)
			TRY(again_tree(list, t, r, i, err));
	return WM_OK;
}

static enum wm_code clean_tree(struct node *map, struct tree *t, const struct lineage_report *r,
			       struct wm_error *err)
{
	cleanup_free struct lineage_clean *clean = NULL;
	const struct graph *g = r->graph;
	struct node *list, *row;

	TRY(lineage_clean(&clean, r, err));
	TRY(node_set_new(&list, map, t, "clean", NODE_LIST, err));
	for (uint32_t i = 0; i < r->trace->n_clean; i++) {
		const uint32_t run = r->trace->list[clean[i].run].node;

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "object", g->nodes[clean[i].node].id, err));
		TRY(node_set_text(row, t, "run", g->nodes[run].id, err));
		TRY(set_step(row, t, "step", clean[i].step, err));
		TRY(node_set_text(row, t, "issuer", lineage_issuer(g, &g->edges[clean[i].edge]),
				  err));
	}
	return WM_OK;
}

static enum wm_code undecided_tree(struct node *map, struct tree *t,
				   const struct lineage_report *r, struct wm_error *err)
{
	const struct graph *g = r->graph;
	struct node *list, *row;

	TRY(node_set_new(&list, map, t, "undecided", NODE_LIST, err));
	for (uint32_t i = 0; i < r->trace->n_undecided; i++) {
		const struct graph_edge *e = &g->edges[r->trace->undecided[i]];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "dataset", g->nodes[e->from].id, err));
		TRY(node_set_text(row, t, "run", g->nodes[e->to].id, err));
		TRY(edge_tree(row, t, r, r->trace->undecided[i], err));
	}
	return WM_OK;
}

static enum wm_code findings_tree(struct node *map, struct tree *t, const struct lineage_report *r,
				  struct wm_error *err)
{
	const struct graph *g = r->graph;
	struct node *list, *row;

	TRY(node_set_new(&list, map, t, "findings", NODE_LIST, err));
	for (uint32_t i = 0; i < g->n_findings; i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);
		const struct graph_finding *f = &g->findings[i];

		if (!lineage_concerns(r, f))
			continue;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "finding", graph_finding_name(f->kind), err));
		TRY(node_set_text(row, t, "object", g->nodes[f->node].id, err));
		if (f->other != GRAPH_NONE)
			TRY(node_set_text(row, t, "other", g->nodes[f->other].id, err));
		TRY(graph_finding_text(&text, g, f, INT_MAX, err));
		TRY(node_set_text(row, t, "text", buf_str(&text), err));
	}
	return WM_OK;
}

static enum wm_code roles_tree(struct node *map, struct tree *t, uint64_t roles,
			       struct wm_error *err)
{
	const ProtobufCEnumDescriptor *d = &weightmark__v1__dataset_use__role__descriptor;
	struct node *list, *name;

	if (roles == 0)
		return WM_OK;
	TRY(node_set_new(&list, map, t, "roles", NODE_LIST, err));
	for (unsigned i = 0; i < d->n_values; i++) {
		if (!lineage_has_role(roles, d->values[i].value))
			continue;
		TRY(node_text(&name, t, d->values[i].name, strlen(d->values[i].name), err));
		node_append(list, name);
	}
	return WM_OK;
}

enum wm_code lineage_tree(struct node *map, struct tree *t, const struct lineage_report *r,
			  struct wm_error *err)
{
	TRY(roles_tree(map, t, r->roles, err));
	TRY(nodes_tree(map, t, r, err));
	TRY(clean_tree(map, t, r, err));
	TRY(undecided_tree(map, t, r, err));
	return findings_tree(map, t, r, err);
}
