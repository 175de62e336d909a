/* SPDX-License-Identifier: Apache-2.0 */
/* Breadth first, with the step from which a run is concerned. */
#include "lineage/trace.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

void trace_release(struct trace *t)
{
	free(t->list);
	free(t->place);
	free(t->clean);
	free(t->undecided);
	free(t->gone);
	*t = (struct trace){ 0 };
}

/*
 * A walk under way. What is known of a run may grow: the step from which it is tainted falls, and
 * more of its checkpoints are. Its ways are in the order in which that lets them pass, so that each
 * way is gone once.
 */
struct walk {
	const struct graph *g;
	const struct trace_options *options;
	const struct trace_seed *seeds;
	struct trace *t;
	uint32_t *queue; /* places in the list; a ring */
	uint32_t head, n_queued;
	bool *queued;	/* by place */
	uint32_t *seed; /* by place: the seed that it is, or whose content it is; or GRAPH_NONE */
	uint32_t *ways; /* edges that lead on from node i: from offsets[i] to offsets[i + 1] */
	const uint32_t *offsets; /* the graph's */
	uint32_t *next;		 /* by node: the first way that was not gone */
};

static bool is_up(const struct walk *w)
{
	return w->options->ancestors;
}

static uint32_t far_end(const struct walk *w, const struct graph_edge *e)
{
	return is_up(w) ? e->from : e->to;
}

static void enqueue(struct walk *w, uint32_t place)
{
	if (w->queued[place])
		return;
	w->queued[place] = true;
	w->queue[(w->head + w->n_queued++) % w->g->n_nodes] = place;
}

static uint32_t dequeue(struct walk *w)
{
	const uint32_t place = w->queue[w->head];

	w->head = (w->head + 1) % w->g->n_nodes;
	w->n_queued--;
	w->queued[place] = false;
	return place;
}

/* Whether `step` concerns more of a run than `before` does. */
static bool reaches_further(const struct walk *w, uint64_t step, uint64_t before)
{
	return is_up(w) ? step > before : step < before;
}

static void reach(struct walk *w, const struct traced *found, uint32_t seed)
{
	struct trace *t = w->t;
	uint32_t *place = &t->place[found->node];

	if (*place == GRAPH_NONE) {
		*place = t->n;
		w->seed[t->n] = seed;
		t->list[t->n++] = *found;
		enqueue(w, *place);
	} else if (reaches_further(w, found->step, t->list[*place].step)) {
		t->list[*place].step = found->step;
		enqueue(w, *place);
	}
}

/* --- from seeds -------------------------------------------------------------------------- */

static bool is_of_subset(const struct trace_seed *s, const uint8_t *subset)
{
	for (size_t i = 0; i < s->n_subsets; i++)
		if (memcmp(s->subsets[i], subset, SHA256_BYTES) == 0)
			return true;
	return s->n_subsets == 0;
}

static int compare_roots(const void *key, const void *element)
{
	return memcmp(key, *(const uint8_t *const *)element, SHA256_BYTES);
}

static bool is_without(const struct trace_seed *s, const uint8_t *subset)
{
	return s->n_without > 0 &&
	       bsearch(subset, s->without, s->n_without, sizeof(*s->without), compare_roots);
}

/* A role that is not said, or not known here, is any. */
static bool role_counts(const struct walk *w, const struct graph_edge *e)
{
	return w->options->roles == 0 || e->role <= 0 || e->role > 63 ||
	       (w->options->roles >> e->role & 1);
}

/* Whether the use of what is at `place` counts. */
static bool use_counts(struct walk *w, uint32_t place, uint32_t edge)
{
	const struct graph_edge *e = &w->g->edges[edge];

	if (is_up(w) || w->seed[place] == GRAPH_NONE || e->relation != GRAPH_USED)
		return true;
	if (!role_counts(w, e))
		return false;
	if (e->subset && is_without(&w->seeds[w->seed[place]], e->subset)) {
		w->t->n_without++;
		return false;
	}
	if (e->subset && !is_of_subset(&w->seeds[w->seed[place]], e->subset)) {
		w->t->undecided[w->t->n_undecided++] = edge;
		return false;
	}
	return true;
}

/* --- ways -------------------------------------------------------------------------------- */

/* Of a checkpoint that a run made: after which step; of what it used: from which step on. */
static uint64_t step_of(const struct graph_edge *e, bool up)
{
	if (up)
		return e->relation == GRAPH_USED && e->from_step != STEP_NONE ? e->from_step : 0;
	return e->relation == GRAPH_MADE ? e->step : STEP_NONE;
}

/* Whether what is concerned from `step` on, or up to it, concerns the other end of `e`. */
static bool passes(const struct walk *w, const struct graph_edge *e, uint64_t step)
{
	return is_up(w) ? step_of(e, true) <= step : step_of(e, false) >= step;
}

/* The step from which on, or up to which, the far end of `e` is concerned. */
static uint64_t step_beyond(const struct walk *w, const struct graph_edge *e)
{
	if (is_up(w))
		return e->relation == GRAPH_MADE ? e->step : STEP_NONE;
	return e->relation == GRAPH_USED && e->from_step != STEP_NONE ? e->from_step : 0;
}

static int compare_ways(const void *a, const void *b, void *context)
{
	const uint32_t *x = a, *y = b;
	const struct walk *w = context;
	const uint64_t p = step_of(&w->g->edges[*x], is_up(w));
	const uint64_t q = step_of(&w->g->edges[*y], is_up(w));

	if (p != q)
		return (p > q) == is_up(w) ? 1 : -1;
	return (*x > *y) - (*x < *y);
}

static void order_ways(struct walk *w)
{
	const struct graph *g = w->g;

	w->offsets = is_up(w) ? g->in : g->out;
	for (uint32_t i = 0; i < g->n_edges; i++)
		w->ways[i] = is_up(w) ? i : g->out_edges[i];
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		w->next[i] = w->offsets[i];
		if (g->nodes[i].kind == GRAPH_RUN)
			qsort_r(w->ways + w->offsets[i], w->offsets[i + 1] - w->offsets[i],
				sizeof(*w->ways), compare_ways, w);
	}
}

static void expand(struct walk *w, uint32_t place)
{
	const struct traced at = w->t->list[place];
	const bool is_run = w->g->nodes[at.node].kind == GRAPH_RUN;
	uint32_t *next = &w->next[at.node];

	for (; *next < w->offsets[at.node + 1]; ++*next) {
		const uint32_t edge = w->ways[*next];
		const struct graph_edge *e = &w->g->edges[edge];

		if (is_run && !passes(w, e, at.step))
			break;
		if (!use_counts(w, place, edge))
			continue;
		w->t->gone[edge] = true;
		reach(w,
		      &(struct traced){ .node = far_end(w, e),
					.depth = at.depth + 1,
					.via = edge,
					.before = place,
					.step = step_beyond(w, e) },
		      e->relation == GRAPH_EQUAL_CONTENT ? w->seed[place] : GRAPH_NONE);
	}
}

/* --- paths ------------------------------------------------------------------------------- */

static void add_shown(struct trace *shown, const struct traced *found)
{
	shown->place[found->node] = shown->n;
	shown->list[shown->n++] = *found;
}

/* What only a cycle leads to as far as it is concerned: by the way that led there first. */
static void add_rest(const struct walk *w, struct trace *shown)
{
	const struct trace *t = w->t;

	for (uint32_t i = 0; i < t->n; i++) {
		struct traced at = t->list[i];

		if (shown->place[at.node] != GRAPH_NONE)
			continue;
		at.before = shown->place[t->list[at.before].node];
		at.depth = shown->list[at.before].depth + 1;
		add_shown(shown, &at);
	}
}

/*
 * Walks once more over what is reached, now that it is known how much of each run is concerned: by
 * the ways that concern that much, so that the path to all that follows is one that carries it.
 */
static void find_paths(const struct walk *w, struct trace *shown)
{
	const struct trace *t = w->t;

	for (uint32_t i = 0; i < t->n && t->list[i].via == GRAPH_NONE; i++)
		add_shown(shown, &t->list[i]);
	for (uint32_t i = 0; i < shown->n; i++) {
		const uint32_t node = shown->list[i].node;

		for (uint32_t k = w->offsets[node]; k < w->offsets[node + 1]; k++) {
			const struct graph_edge *e = &w->g->edges[w->ways[k]];
			struct traced at = { .node = far_end(w, e),
					     .depth = shown->list[i].depth + 1,
					     .via = w->ways[k],
					     .before = i };

			if (!t->gone[at.via] || shown->place[at.node] != GRAPH_NONE)
				continue;
			at.step = t->list[t->place[at.node]].step;
			if (w->g->nodes[at.node].kind != GRAPH_RUN || step_beyond(w, e) == at.step)
				add_shown(shown, &at);
		}
	}
	add_rest(w, shown);
}

/* --- what is clean ----------------------------------------------------------------------- */

/* Checkpoints that a tainted run made, and that were not reached. */
static enum wm_code list_clean(struct trace *t, const struct graph *g, struct wm_error *err)
{
	size_t room = 1;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		room += g->out[t->list[i].node + 1] - g->out[t->list[i].node];
	t->clean = calloc(room, sizeof(*t->clean));
	if (!t->clean)
		return fail_nomem(err);
	for (uint32_t i = 0; i < t->n; i++) {
		const uint32_t node = t->list[i].node;

		for (uint32_t k = g->out[node]; k < g->out[node + 1]; k++) {
			const struct graph_edge *e = &g->edges[g->out_edges[k]];

			if (e->relation == GRAPH_MADE && !trace_has(t, e->to))
				t->clean[n++] = e->to;
		}
	}
	qsort(t->clean, n, sizeof(*t->clean), graph_compare_nodes);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || t->clean[i] != t->clean[i - 1])
			t->clean[t->n_clean++] = t->clean[i];
	return WM_OK;
}

/* --- all --------------------------------------------------------------------------------- */

static enum wm_code make_list(struct trace *t, const struct graph *g, struct wm_error *err)
{
	const size_t n = (size_t)g->n_nodes + 1;

	t->list = calloc(n, sizeof(*t->list));
	t->place = calloc(n, sizeof(*t->place));
	if (!t->list || !t->place)
		return fail_nomem(err);
	memset(t->place, 0xff, n * sizeof(*t->place));
	return WM_OK;
}

static enum wm_code make_room(struct walk *w, struct wm_error *err)
{
	const size_t n = (size_t)w->g->n_nodes + 1, n_edges = (size_t)w->g->n_edges + 1;

	TRY(make_list(w->t, w->g, err));
	w->t->undecided = calloc(n_edges, sizeof(*w->t->undecided));
	w->queue = calloc(n, sizeof(*w->queue));
	w->queued = calloc(n, sizeof(*w->queued));
	w->seed = calloc(n, sizeof(*w->seed));
	w->next = calloc(n, sizeof(*w->next));
	w->ways = calloc(n_edges, sizeof(*w->ways));
	w->t->gone = calloc(n_edges, sizeof(*w->t->gone));
	if (!w->t->undecided || !w->t->gone || !w->queue || !w->queued || !w->seed || !w->next ||
	    !w->ways)
		return fail_nomem(err);
	order_ways(w);
	return WM_OK;
}

static void walk_release(struct walk *w)
{
	free(w->queue);
	free(w->queued);
	free(w->seed);
	free(w->next);
	free(w->ways);
}

/* Puts the list of `shown` in place of the one of `t`. */
static void take_list(struct trace *t, struct trace *shown)
{
	const struct trace list = *t;

	t->list = shown->list;
	t->place = shown->place;
	shown->list = list.list;
	shown->place = list.place;
}

enum wm_code trace_from(struct trace *out, const struct graph *g, const struct trace_seed *seeds,
			size_t n, const struct trace_options *options, struct wm_error *err)
{
	__attribute__((cleanup(walk_release))) struct walk w = {
		.g = g, .options = options, .seeds = seeds, .t = out
	};
	cleanup_trace struct trace shown = { 0 };

	TRY(make_room(&w, err));
	TRY(make_list(&shown, g, err));
	for (size_t i = 0; i < n; i++)
		reach(&w,
		      &(struct traced){ .node = seeds[i].node,
					.via = GRAPH_NONE,
					.before = GRAPH_NONE,
					.step = options->ancestors ? STEP_NONE : 0 },
		      (uint32_t)i);
	while (w.n_queued > 0)
		expand(&w, dequeue(&w));
	find_paths(&w, &shown);
	take_list(out, &shown);
	return options->ancestors ? WM_OK : list_clean(out, g, err);
}

bool graph_is_open_end(const struct graph *g, uint32_t node)
{
	const struct graph_node *n = &g->nodes[node];

	if (!n->stated)
		return !graph_is_shared_file(g, node);
	/* Nobody makes a thing known by stating it as one of another kind. */
	if (n->said_to_be & ~n->stated_as & (1U << GRAPH_CHECKPOINT | 1U << GRAPH_DATASET))
		return true;
	if (n->untold)
		return true;
	if (n->kind != GRAPH_CHECKPOINT || (n->flags & STATEMENT_LINEAGE_COMPLETE))
		return false;
	for (uint32_t i = g->in[node]; i < g->in[node + 1]; i++)
		if (!graph_is_equality(g->edges[i].relation))
			return false;
	return true;
}

enum wm_code trace_from_open_ends(struct trace *out, const struct graph *g, struct wm_error *err)
{
	const struct trace_options options = { .ancestors = false };
	cleanup_free struct trace_seed *seeds = calloc((size_t)g->n_nodes + 1, sizeof(*seeds));
	size_t n = 0;

	if (!seeds)
		return fail_nomem(err);
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (graph_is_open_end(g, i))
			seeds[n++].node = i;
	return trace_from(out, g, seeds, n, &options, err);
}
