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
	*t = (struct trace){ 0 };
}

/* A walk under way. A node is in the queue once at a time. */
struct walk {
	const struct graph *g;
	const struct trace_options *options;
	const struct trace_seed *seeds;
	struct trace *t;
	uint32_t *queue; /* places in the list; a ring */
	uint32_t head, n_queued;
	bool *queued; /* by place */
	uint32_t *seed; /* by place: the seed that it is, or whose content it is; or GRAPH_NONE */
};

static void enqueue(struct walk *w, uint32_t place)
{
	if (w->queued[place])
		return;
	w->queued[place] = true;
	w->queue[(w->head + w->n_queued++) % w->g->n_nodes] = place;
}

/* Whether `step` concerns more of a run than `before` does. */
static bool reaches_further(const struct walk *w, uint64_t step, uint64_t before)
{
	return w->options->ancestors ? step > before : step < before;
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

static bool role_counts(const struct walk *w, const struct graph_edge *e)
{
	return w->options->roles == 0 || e->role == 0 || (w->options->roles >> e->role & 1);
}

/* Whether the use of what is at `place` counts. */
static bool use_counts(struct walk *w, uint32_t place, uint32_t edge)
{
	const struct graph_edge *e = &w->g->edges[edge];

	if (w->seed[place] == GRAPH_NONE || e->relation != GRAPH_USED)
		return true;
	if (!role_counts(w, e))
		return false;
	if (e->subset && !is_of_subset(&w->seeds[w->seed[place]], e->subset)) {
		w->t->undecided[w->t->n_undecided++] = edge;
		return false;
	}
	return true;
}

/* --- the two directions ------------------------------------------------------------------ */

/* The step from which on the end of `e` is tainted, where the beginning is from `step` on. */
static bool goes_down(uint64_t *to, const struct graph_edge *e, uint64_t step)
{
	*to = 0;
	if (e->relation == GRAPH_USED)
		*to = e->from_step == STEP_NONE ? 0 : e->from_step;
	return e->relation != GRAPH_MADE || e->step == STEP_NONE || e->step >= step;
}

/* The step up to which the beginning of `e` counts, where the end does up to `step`. */
static bool goes_up(uint64_t *to, const struct graph_edge *e, uint64_t step)
{
	*to = e->relation == GRAPH_MADE ? e->step : STEP_NONE;
	return e->relation != GRAPH_USED || e->from_step == STEP_NONE || e->from_step <= step;
}

static void expand(struct walk *w, uint32_t place)
{
	const struct traced at = w->t->list[place];
	const bool up = w->options->ancestors;
	const uint32_t *ways = up ? w->g->in : w->g->out;

	for (uint32_t i = ways[at.node]; i < ways[at.node + 1]; i++) {
		const uint32_t edge = up ? i : w->g->out_edges[i];
		const struct graph_edge *e = &w->g->edges[edge];
		struct traced next = {
			.node = up ? e->from : e->to,
			.depth = at.depth + 1,
			.via = edge,
			.before = place,
		};

		if (!up && !use_counts(w, place, edge))
			continue;
		if (up ? goes_up(&next.step, e, at.step) : goes_down(&next.step, e, at.step))
			reach(w, &next,
			      e->relation == GRAPH_EQUAL_CONTENT ? w->seed[place] : GRAPH_NONE);
	}
}

/* --- what is clean ----------------------------------------------------------------------- */

static int compare_nodes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

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
	qsort(t->clean, n, sizeof(*t->clean), compare_nodes);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || t->clean[i] != t->clean[i - 1])
			t->clean[t->n_clean++] = t->clean[i];
	return WM_OK;
}

/* --- all --------------------------------------------------------------------------------- */

static enum wm_code make_room(struct walk *w, struct wm_error *err)
{
	const size_t n = (size_t)w->g->n_nodes + 1;
	struct trace *t = w->t;

	t->list = calloc(n, sizeof(*t->list));
	t->place = calloc(n, sizeof(*t->place));
	t->undecided = calloc((size_t)w->g->n_edges + 1, sizeof(*t->undecided));
	w->queue = calloc(n, sizeof(*w->queue));
	w->queued = calloc(n, sizeof(*w->queued));
	w->seed = calloc(n, sizeof(*w->seed));
	if (!t->list || !t->place || !t->undecided || !w->queue || !w->queued || !w->seed)
		return fail_nomem(err);
	memset(t->place, 0xff, n * sizeof(*t->place));
	return WM_OK;
}

static void walk_release(struct walk *w)
{
	free(w->queue);
	free(w->queued);
	free(w->seed);
}

enum wm_code trace_from(struct trace *out, const struct graph *g, const struct trace_seed *seeds,
			size_t n, const struct trace_options *options, struct wm_error *err)
{
	__attribute__((cleanup(walk_release))) struct walk w = {
		.g = g, .options = options, .seeds = seeds, .t = out
	};

	TRY(make_room(&w, err));
	for (size_t i = 0; i < n; i++)
		reach(&w,
		      &(struct traced){ .node = seeds[i].node,
					.via = GRAPH_NONE,
					.before = GRAPH_NONE,
					.step = options->ancestors ? g->nodes[seeds[i].node].step :
								     0 },
		      (uint32_t)i);
	while (w.n_queued > 0) {
		const uint32_t place = w.queue[w.head];

		w.head = (w.head + 1) % g->n_nodes;
		w.n_queued--;
		w.queued[place] = false;
		expand(&w, place);
	}
	return options->ancestors ? WM_OK : list_clean(out, g, err);
}

bool graph_is_open_end(const struct graph *g, uint32_t node)
{
	const struct graph_node *n = &g->nodes[node];

	if (!n->stated)
		return true;
	if (n->kind != GRAPH_CHECKPOINT || (n->flags & STATEMENT_LINEAGE_COMPLETE))
		return false;
	for (uint32_t i = g->in[node]; i < g->in[node + 1]; i++)
		if (!graph_is_equality(g->edges[i].relation))
			return false;
	return true;
}
