/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing what is drawn, and where. */
#include "report/drawing.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/limits.h"

void drawing_release(struct drawing *d)
{
	free(d->nodes);
	free(d->edges);
	free(d->place);
	*d = (struct drawing){ 0 };
}

static enum wm_code check_room(const struct drawing *d, struct wm_error *err)
{
	if (d->n + d->n_edges >= LIMIT_DRAWING)
		return fail(err, REASON_LIMIT,
			    "a drawing of more than %d nodes and edges: leave out what is far away "
			    "with --depth N, or take text or json", LIMIT_DRAWING);
	return WM_OK;
}

static enum wm_code add_node(struct drawing *d, uint32_t node, uint32_t layer,
			     enum drawn_state state, struct wm_error *err)
{
	if (d->place[node] != GRAPH_NONE)
		return WM_OK;
	TRY(check_room(d, err));
	if (layer >= d->n_layers)
		d->n_layers = layer + 1;
	d->place[node] = d->n;
	d->nodes[d->n++] = (struct drawn){ .node = node, .layer = layer, .state = state };
	return WM_OK;
}

static enum wm_code add_edge(struct drawing *d, uint32_t edge, struct wm_error *err)
{
	TRY(check_room(d, err));
	d->edges[d->n_edges++] = edge;
	return WM_OK;
}

static enum drawn_state state_of(const struct lineage_report *r, const struct traced *at)
{
	if (at->depth == 0)
		return DRAWN_START;
	return r->ancestors && graph_is_open_end(r->graph, at->node) ? DRAWN_UNKNOWN :
								       DRAWN_REACHED;
}

/* What was reached is drawn as far as it is shown; layers count the way that the data went. */
static enum wm_code add_reached(struct drawing *d, const struct lineage_report *r,
				struct wm_error *err)
{
	const struct trace *t = r->trace;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->list[i].depth <= r->depth)
			TRY(add_node(d, t->list[i].node, t->list[i].depth,
				     state_of(r, &t->list[i]), err));
	for (uint32_t i = 0; r->ancestors && i < d->n; i++)
		d->nodes[i].layer = d->n_layers - 1 - d->nodes[i].layer;
	return WM_OK;
}

/* The layer after that of the node, or GRAPH_NONE where that is not shown. */
static uint32_t layer_after(const struct drawing *d, const struct lineage_report *r, uint32_t node)
{
	const uint32_t place = d->place[node];

	return place == GRAPH_NONE || d->nodes[place].layer >= r->depth ? GRAPH_NONE :
									  d->nodes[place].layer + 1;
}

/* What a run made before, and runs of which it is undecided: beside what was reached. */
static enum wm_code add_beside(struct drawing *d, const struct lineage_report *r,
			       struct wm_error *err)
{
	const struct graph *g = r->graph;
	const struct trace *t = r->trace;

	for (uint32_t i = 0; i < t->n_undecided; i++) {
		const struct graph_edge *e = &g->edges[t->undecided[i]];
		const uint32_t layer = layer_after(d, r, e->from);

		if (layer == GRAPH_NONE)
			continue;
		TRY(add_node(d, e->to, layer, DRAWN_UNDECIDED, err));
		TRY(add_edge(d, t->undecided[i], err));
	}
	for (uint32_t i = 0; i < t->n_clean; i++) {
		const uint32_t node = t->clean[i];

		for (uint32_t k = g->in[node]; k < g->in[node + 1]; k++) {
			const struct graph_edge *e = &g->edges[k];
			const uint32_t layer = layer_after(d, r, e->from);

			if (e->relation != GRAPH_MADE || layer == GRAPH_NONE ||
			    !trace_has(t, e->from))
				continue;
			TRY(add_node(d, node, layer, DRAWN_CLEAN, err));
			TRY(add_edge(d, k, err));
		}
	}
	return WM_OK;
}

static enum wm_code add_edges(struct drawing *d, const struct lineage_report *r,
			      struct wm_error *err)
{
	const struct graph *g = r->graph;

	for (uint32_t i = 0; i < d->n; i++) {
		const uint32_t node = d->nodes[i].node;

		for (uint32_t k = g->in[node]; k < g->in[node + 1]; k++)
			if (r->trace->gone[k] && d->place[g->edges[k].from] != GRAPH_NONE &&
			    !lineage_is_mirrored(&g->edges[k]))
				TRY(add_edge(d, k, err));
	}
	return WM_OK;
}

uint32_t drawing_lane(const struct drawing *d, const struct graph *g, uint32_t i, uint32_t before)
{
	const struct graph_edge *e = &g->edges[d->edges[i]];
	const struct graph_edge *last = i > 0 ? &g->edges[d->edges[i - 1]] : NULL;

	return last && last->from == e->from && last->to == e->to ? before + 1 : 0;
}

static void count_lanes(struct drawing *d, const struct graph *g)
{
	uint32_t lane = 0;

	d->n_lanes = 1;
	for (uint32_t i = 0; i < d->n_edges; i++) {
		lane = drawing_lane(d, g, i, lane);
		if (lane >= d->n_lanes)
			d->n_lanes = lane + 1;
	}
}

static enum wm_code set_rows(struct drawing *d, struct wm_error *err)
{
	cleanup_free uint32_t *used = calloc((size_t)d->n_layers + 1, sizeof(*used));

	if (!used)
		return fail_nomem(err);
	for (uint32_t i = 0; i < d->n; i++) {
		d->nodes[i].row = used[d->nodes[i].layer]++;
		if (used[d->nodes[i].layer] > d->n_rows)
			d->n_rows = used[d->nodes[i].layer];
	}
	return WM_OK;
}

enum wm_code drawing_make(struct drawing *out, const struct lineage_report *r,
			  struct wm_error *err)
{
	const size_t n_nodes = (size_t)r->graph->n_nodes + 1;

	out->nodes = calloc(LIMIT_DRAWING, sizeof(*out->nodes));
	out->edges = calloc(LIMIT_DRAWING, sizeof(*out->edges));
	out->place = malloc(n_nodes * sizeof(*out->place));
	if (!out->nodes || !out->edges || !out->place)
		return fail_nomem(err);
	memset(out->place, 0xff, n_nodes * sizeof(*out->place));
	TRY(add_reached(out, r, err));
	TRY(add_beside(out, r, err));
	TRY(add_edges(out, r, err));
	count_lanes(out, r->graph);
	return set_rows(out, err);
}

/* --- words ------------------------------------------------------------------------------- */

static const struct {
	const char *name, *colour;
} states[DRAWN_STATES] = {
	[DRAWN_START] = { "start", "#ffd08a" },
	[DRAWN_REACHED] = { "reached", "#f6c9c9" },
	[DRAWN_UNKNOWN] = { "origin unknown", "#e2e2e2" },
	[DRAWN_UNDECIDED] = { "undecided", "#fff3b8" },
	[DRAWN_CLEAN] = { "clean as declared", "#cfe8cf" },
};

const char *drawn_state_name(enum drawn_state state)
{
	return states[state].name;
}

const char *drawn_state_colour(enum drawn_state state)
{
	return states[state].colour;
}
