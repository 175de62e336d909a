/* SPDX-License-Identifier: Apache-2.0 */
/* The order of steps (Kahn 1962), where each begins, and what its run cost. */
#include "lineage/plan.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/limits.h"
#include "weightmark/v1/run.pb-c.h"

void plan_release(struct plan *p)
{
	free(p->steps);
	arena_release(&p->arena);
	*p = (struct plan){ 0 };
}

/* What a checkpoint begins with: see struct plan_step. */
struct begin {
	uint32_t start, after;
};

struct planning {
	const struct order_state *s;
	const struct graph *g;
	struct plan *plan;
	uint32_t *waits; /* by place in the trace: edges from tainted nodes that are not done */
	uint32_t *queue; /* nodes */
	uint32_t *step;	 /* by place: the step of a checkpoint, or GRAPH_NONE */
	struct begin *runs; /* by place: of a run */
	bool *read;	 /* by place: the run's cost is counted */
};

static void planning_release(struct planning *p)
{
	free(p->waits);
	free(p->queue);
	free(p->step);
	free(p->runs);
	free(p->read);
}

static bool counts(const struct planning *p, const struct graph_edge *e)
{
	return !graph_is_equality(e->relation) && trace_has(&p->s->trace, e->from) &&
	       trace_has(&p->s->trace, e->to);
}

/* --- where a step begins ----------------------------------------------------------------- */

static bool is_clean(const struct planning *p, uint32_t node)
{
	return p->g->nodes[node].kind == GRAPH_CHECKPOINT && !trace_has(&p->s->trace, node) &&
	       !order_may_reach(p->s, node);
}

/* The last checkpoint of the run before the data came in. */
static uint32_t clean_of_run(const struct planning *p, uint32_t run)
{
	uint32_t best = GRAPH_NONE;
	uint64_t latest = 0;

	for (uint32_t i = p->g->out[run]; i < p->g->out[run + 1]; i++) {
		const struct graph_edge *e = &p->g->edges[p->g->out_edges[i]];

		if (e->relation != GRAPH_MADE || !is_clean(p, e->to) || e->step == STEP_NONE ||
		    (best != GRAPH_NONE && e->step <= latest))
			continue;
		best = e->to;
		latest = e->step;
	}
	return best;
}

/* Clean parents are begun with; tainted ones are made anew before. The first of each counts. */
static void note_parent(const struct planning *p, struct begin *begin, uint32_t parent)
{
	if (p->g->nodes[parent].kind != GRAPH_CHECKPOINT)
		return;
	if (trace_has(&p->s->trace, parent))
		begin->after = begin->after == GRAPH_NONE ? parent : begin->after;
	else if (begin->start == GRAPH_NONE && is_clean(p, parent))
		begin->start = parent;
}

static struct begin begin_of_run(const struct planning *p, uint32_t run)
{
	struct begin begin = { GRAPH_NONE, GRAPH_NONE };
	const uint32_t own = clean_of_run(p, run);

	for (uint32_t i = p->g->in[run]; i < p->g->in[run + 1]; i++)
		if (graph_is_start(p->g, &p->g->edges[i]))
			note_parent(p, &begin, p->g->edges[i].from);
	if (own != GRAPH_NONE)
		begin = (struct begin){ own, GRAPH_NONE };
	return begin;
}

static void find_start(const struct planning *p, struct plan_step *step)
{
	struct begin begin = { GRAPH_NONE, GRAPH_NONE };
	uint32_t before = GRAPH_NONE;

	for (uint32_t i = p->g->in[step->node]; i < p->g->in[step->node + 1]; i++) {
		const struct graph_edge *e = &p->g->edges[i];
		const uint32_t place = p->s->trace.place[e->from];

		if (e->relation == GRAPH_DERIVED)
			note_parent(p, &begin, e->from);
		if (e->relation != GRAPH_MADE || place == GRAPH_NONE || step->run != GRAPH_NONE)
			continue;
		step->run = e->from;
		begin.start = begin.start == GRAPH_NONE ? p->runs[place].start : begin.start;
		begin.after = begin.after == GRAPH_NONE ? p->runs[place].after : begin.after;
	}
	if (begin.after != GRAPH_NONE)
		before = p->step[p->s->trace.place[begin.after]];
	if (begin.start == GRAPH_NONE && before != GRAPH_NONE)
		begin.start = p->plan->steps[before].start;
	step->start = begin.start;
	step->after = begin.after;
}

/* --- what it cost ------------------------------------------------------------------------ */

static void add_cost(struct plan_cost *c, const Weightmark__V1__Run *r)
{
	const bool flops = r->flops && decimal_add(&c->flops, r->flops->digits);
	const bool energy = r->energy_kwh && decimal_add(&c->energy_kwh, r->energy_kwh->digits);

	c->n_runs++;
	c->n_without += !flops && !energy;
}

/* What the newest statement about the run says. */
static enum wm_code read_cost(struct planning *p, struct plan_step *step, struct wm_error *err)
{
	const uint32_t statement = p->g->nodes[step->run].statement;
	cleanup_statement struct statement *s = NULL;
	const Weightmark__V1__Run *run;
	char *copy = NULL;

	if (statement == GRAPH_NONE)
		return WM_OK;
	TRY(graph_read_statement(&s, &p->g->statements[statement], p->s->orders->indexes, err));
	if (!s || s->kind->descriptor != &weightmark__v1__run__descriptor)
		return WM_OK;
	run = (const Weightmark__V1__Run *)s->message;
	add_cost(&step->cost, run);
	add_cost(&p->plan->total, run);
	if (run->compute)
		TRY(arena_copy(&copy, &p->plan->arena, run->compute, strlen(run->compute), err));
	step->compute = copy;
	return WM_OK;
}

static enum wm_code count_cost(struct planning *p, struct plan_step *step, struct wm_error *err)
{
	bool *read;

	if (step->run == GRAPH_NONE)
		return WM_OK;
	read = &p->read[p->s->trace.place[step->run]];
	step->counted = *read;
	*read = true;
	return step->counted ? WM_OK : read_cost(p, step, err);
}

/* --- the order of steps ------------------------------------------------------------------ */

static enum wm_code take(struct planning *p, uint32_t node, bool in_cycle, struct wm_error *err)
{
	const uint32_t place = p->s->trace.place[node];
	struct plan_step *step = &p->plan->steps[p->plan->n];

	if (p->g->nodes[node].kind == GRAPH_RUN)
		p->runs[place] = begin_of_run(p, node);
	if (p->g->nodes[node].kind != GRAPH_CHECKPOINT)
		return WM_OK;
	*step = (struct plan_step){ .node = node, .start = GRAPH_NONE, .after = GRAPH_NONE,
				    .run = GRAPH_NONE, .in_cycle = in_cycle };
	find_start(p, step);
	TRY(count_cost(p, step, err));
	p->step[place] = (uint32_t)p->plan->n++;
	return WM_OK;
}

static enum wm_code walk(struct planning *p, struct wm_error *err)
{
	const struct trace *t = &p->s->trace;
	uint32_t head = 0, n = 0;

	for (uint32_t i = 0; i < p->g->n_edges; i++)
		if (counts(p, &p->g->edges[i]))
			p->waits[t->place[p->g->edges[i].to]]++;
	for (uint32_t i = 0; i < t->n; i++)
		if (p->waits[i] == 0)
			p->queue[n++] = t->list[i].node;
	for (; head < n; head++) {
		const uint32_t node = p->queue[head];

		TRY(take(p, node, false, err));
		for (uint32_t i = p->g->out[node]; i < p->g->out[node + 1]; i++) {
			const struct graph_edge *e = &p->g->edges[p->g->out_edges[i]];

			if (counts(p, e) && --p->waits[t->place[e->to]] == 0)
				p->queue[n++] = e->to;
		}
	}
	for (uint32_t i = 0; i < t->n; i++)
		if (p->waits[i] > 0)
			TRY(take(p, t->list[i].node, true, err));
	return WM_OK;
}

enum wm_code plan_make(struct plan *out, const struct order_state *s, struct wm_error *err)
{
	__attribute__((cleanup(planning_release))) struct planning p = {
		.s = s, .g = s->orders->graph, .plan = out
	};
	const size_t n = (size_t)s->trace.n + 1;

	out->arena = (struct arena)ARENA_INIT(LIMIT_GRAPH_MEMORY);
	out->steps = calloc(s->n_tainted + 1, sizeof(*out->steps));
	p.waits = calloc(n, sizeof(*p.waits));
	p.queue = calloc(n, sizeof(*p.queue));
	p.step = calloc(n, sizeof(*p.step));
	p.runs = calloc(n, sizeof(*p.runs));
	p.read = calloc(n, sizeof(*p.read));
	if (!out->steps || !p.waits || !p.queue || !p.step || !p.runs || !p.read)
		return fail_nomem(err);
	memset(p.runs, 0xff, n * sizeof(*p.runs));
	memset(p.step, 0xff, n * sizeof(*p.step));
	return walk(&p, err);
}
