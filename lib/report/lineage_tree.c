/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph as JSON, and what its forms share. */
#include "report/lineage_report.h"

#include <string.h>

#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

const char *lineage_issuer(const struct graph *g, const struct graph_edge *e)
{
	if (e->statement == GRAPH_NONE)
		return NULL;
	return g->statements[e->statement].issuer ? g->statements[e->statement].issuer : "-";
}

const char *lineage_detail(const struct graph_edge *e)
{
	const ProtobufCEnumDescriptor *d = &weightmark__v1__dataset_use__role__descriptor;
	const ProtobufCEnumValue *value;
	int number = e->role;

	if (e->relation == GRAPH_DERIVED) {
		d = &weightmark__v1__derivation__kind__descriptor;
		number = e->derivation;
	}
	value = number > 0 ? protobuf_c_enum_descriptor_get_value(d, number) : NULL;
	return value ? value->name : NULL;
}

/* Whether a run says that it started from weights. */
static bool has_start(const struct graph *g, uint32_t run)
{
	for (uint32_t i = g->in[run]; i < g->in[run + 1]; i++)
		if (g->edges[i].relation == GRAPH_STARTED_FROM)
			return true;
	return false;
}

const char *lineage_end(const struct lineage_report *r, uint32_t node)
{
	const struct graph_node *n = &r->graph->nodes[node];

	if (!r->ancestors)
		return NULL;
	if (graph_is_open_end(r->graph, node))
		return "unknown";
	return n->kind == GRAPH_RUN && !has_start(r->graph, node) ?
		       "random initialisation: no parent is declared" :
		       NULL;
}

static bool is_shown(const struct lineage_report *r, uint32_t node)
{
	return node != GRAPH_NONE && trace_has(r->trace, node) &&
	       r->trace->list[r->trace->place[node]].depth <= r->depth;
}

bool lineage_concerns(const struct lineage_report *r, const struct graph_finding *f)
{
	return is_shown(r, f->node) || is_shown(r, f->other);
}

static enum wm_code set_step(struct node *map, struct tree *t, const char *key, uint64_t step,
			     struct wm_error *err)
{
	return step > (uint64_t)NODE_INTEGER_MAX ? WM_OK : node_set_integer(map, t, key, step, err);
}

static enum wm_code edge_tree(struct node *map, struct tree *t, const struct graph *g,
			      const struct graph_edge *e, struct wm_error *err)
{
	const char *issuer = lineage_issuer(g, e), *detail = lineage_detail(e);

	TRY(node_set_text(map, t, "relation", graph_relation_name(e->relation), err));
	if (detail)
		TRY(node_set_text(map, t, "detail", detail, err));
	TRY(set_step(map, t, "from_step", e->from_step, err));
	TRY(set_step(map, t, "to_step", e->to_step, err));
	TRY(set_step(map, t, "step", e->step, err));
	TRY(node_set_text(map, t, "assurance", issuer ? "asserted" : "recomputed", err));
	return issuer ? node_set_text(map, t, "issuer", issuer, err) : WM_OK;
}

static enum wm_code node_tree(struct node *list, struct tree *t, const struct lineage_report *r,
			      const struct traced *at, struct wm_error *err)
{
	const struct graph *g = r->graph;
	const char *end = lineage_end(r, at->node);
	struct node *map;

	TRY(node_append_new(&map, list, t, NODE_MAP, err));
	TRY(node_set_text(map, t, "id", g->nodes[at->node].id, err));
	TRY(node_set_text(map, t, "kind", graph_kind_name(g->nodes[at->node].kind), err));
	TRY(node_set_bool(map, t, "stated", g->nodes[at->node].stated, err));
	TRY(node_set_integer(map, t, "depth", at->depth, err));
	if (end)
		TRY(node_set_text(map, t, "end", end, err));
	if (at->via == GRAPH_NONE)
		return WM_OK;
	TRY(node_set_text(map, t, "before", g->nodes[r->trace->list[at->before].node].id, err));
	return edge_tree(map, t, g, &g->edges[at->via], err);
}

static enum wm_code findings_tree(struct node *map, struct tree *t, const struct lineage_report *r,
				  struct wm_error *err)
{
	const struct graph *g = r->graph;
	struct node *list, *row;

	TRY(node_set_new(&list, map, t, "findings", NODE_LIST, err));
	for (uint32_t i = 0; i < g->n_findings; i++) {
		const struct graph_finding *f = &g->findings[i];

		if (!lineage_concerns(r, f))
			continue;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "finding", graph_finding_name(f->kind), err));
		TRY(node_set_text(row, t, "node", g->nodes[f->node].id, err));
		if (f->other != GRAPH_NONE)
			TRY(node_set_text(row, t, "other", g->nodes[f->other].id, err));
	}
	return WM_OK;
}

enum wm_code lineage_tree(struct node *map, struct tree *t, const struct lineage_report *r,
			  struct wm_error *err)
{
	const struct graph *g = r->graph;
	const struct trace *trace = r->trace;
	struct node *list, *child;

	TRY(node_set_new(&list, map, t, "nodes", NODE_LIST, err));
	for (uint32_t i = 0; i < trace->n; i++)
		if (trace->list[i].depth <= r->depth)
			TRY(node_tree(list, t, r, &trace->list[i], err));
	TRY(node_set_new(&list, map, t, "clean", NODE_LIST, err));
	for (uint32_t i = 0; i < trace->n_clean; i++) {
		const char *id = g->nodes[trace->clean[i]].id;

		TRY(node_text(&child, t, id, strlen(id), err));
		node_append(list, child);
	}
	return findings_tree(map, t, r, err);
}
