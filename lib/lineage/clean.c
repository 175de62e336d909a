/* SPDX-License-Identifier: Apache-2.0 */
/* All checkpoints but those that are reached, or may be. */
#include "lineage/clean.h"

#include <stdlib.h>

#include "util/cleanup.h"

void clean_release(struct clean *c)
{
	free(c->list);
	free(c->candidates);
	*c = (struct clean){ 0 };
}

/* What descends from runs whose use is undecided. */
static enum wm_code trace_undecided(struct trace *out, const struct order_state *s,
				    struct wm_error *err)
{
	const struct graph *g = s->orders->graph;
	const struct trace_options options = { .ancestors = false };
	cleanup_free struct trace_seed *seeds =
		calloc((size_t)s->trace.n_undecided + 1, sizeof(*seeds));
	cleanup_free bool *seen = calloc((size_t)g->n_nodes + 1, sizeof(*seen));
	size_t n = 0;

	if (!seeds || !seen)
		return fail_nomem(err);
	for (uint32_t i = 0; i < s->trace.n_undecided; i++) {
		const uint32_t run = g->edges[s->trace.undecided[i]].to;

		if (!seen[run])
			seeds[n++].node = run;
		seen[run] = true;
	}
	return trace_from(out, g, seeds, n, &options, err);
}

enum wm_code clean_make(struct clean *out, const struct order_state *s, struct wm_error *err)
{
	const struct graph *g = s->orders->graph;
	cleanup_trace struct trace undecided = { 0 };
	cleanup_free bool *is_clean = calloc((size_t)g->n_nodes + 1, sizeof(*is_clean));

	out->list = calloc((size_t)g->n_nodes + 1, sizeof(*out->list));
	out->candidates = calloc((size_t)s->trace.n_clean + 1, sizeof(*out->candidates));
	if (!is_clean || !out->list || !out->candidates)
		return fail_nomem(err);
	if (s->trace.n_undecided > 0)
		TRY(trace_undecided(&undecided, s, err));
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		if (g->nodes[i].kind != GRAPH_CHECKPOINT || !g->nodes[i].stated ||
		    trace_has(&s->trace, i) || order_may_reach(s, i))
			continue;
		is_clean[i] = !undecided.place || !trace_has(&undecided, i);
		out->n_undecided += !is_clean[i];
		if (is_clean[i])
			out->list[out->n++] = i;
	}
	for (uint32_t i = 0; i < s->trace.n_clean; i++)
		if (is_clean[s->trace.clean[i]])
			out->candidates[out->n_candidates++] = s->trace.clean[i];
	return WM_OK;
}
