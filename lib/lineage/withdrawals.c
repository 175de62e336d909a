/* SPDX-License-Identifier: Apache-2.0 */
/* Following withdrawn data through the lineage. */
#include "lineage/withdrawals.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum { MONTHS_TO_ANSWER = 1 };

void withdrawal_release(struct withdrawal *w)
{
	gathered_list_release(&w->datasets);
	gathered_list_release(&w->uses);
	gathered_list_release(&w->spared);
	subset_answers_release(&w->subsets);
	trace_release(&w->trace);
}

bool is_withdrawal(const Weightmark__V1__Revocation *r)
{
	return r->dataset && (r->kind == WEIGHTMARK__V1__REVOCATION__KIND__consent_withdrawal ||
			      r->kind == WEIGHTMARK__V1__REVOCATION__KIND__erasure_request ||
			      r->kind == WEIGHTMARK__V1__REVOCATION__KIND__rights_reservation ||
			      r->kind == WEIGHTMARK__V1__REVOCATION__KIND__licence_termination);
}

bool withdrawal_is_called(const struct said *said, const char *id)
{
	const char *object = said->statement->header->object->text, *slash = strrchr(object, '/');
	char text[STATEMENT_ID_TEXT + 1];

	if (said->statement->kind->descriptor != &weightmark__v1__revocation__descriptor ||
	    !is_withdrawal((const Weightmark__V1__Revocation *)said->statement->message))
		return false;
	statement_id_text(text, said->statement->id);
	return strcmp(object, id) == 0 || strcmp(text, id) == 0 ||
	       (slash && strcmp(slash + 1, id) == 0);
}

const char *withdrawal_when_name(enum withdrawal_when when)
{
	static const char *const names[] = {
		[USE_BEFORE] = "after-it-began",
		[USE_AFTER] = "before-it-began",
		[USE_ENDED] = "after-it-ended",
		[USE_UNKNOWN] = "unknown",
	};

	return names[when];
}

const char *withdrawal_share_name(enum withdrawal_share share)
{
	static const char *const names[] = { "whole", "subset", "unknown" };

	return names[share];
}

static enum wm_code find_datasets(struct withdrawal *w, const struct orders *o,
				  struct wm_error *err)
{
	uint32_t *list;
	size_t n = 0;

	TRY(resolve_all(&w->datasets, o, w->revocation->dataset, err));
	list = w->datasets.list;
	if (w->datasets.n > 0)
		qsort(list, w->datasets.n, sizeof(*list), graph_compare_nodes);
	for (size_t i = 0; i < w->datasets.n; i++)
		if (n == 0 || list[n - 1] != list[i])
			list[n++] = list[i];
	w->datasets.n = n;
	return WM_OK;
}

static enum wm_code follow(struct withdrawal *w, const struct graph *g, struct wm_error *err)
{
	const struct trace_options options = { .ancestors = false };
	cleanup_free struct trace_seed *seeds = calloc(w->datasets.n + 1, sizeof(*seeds));
	const uint32_t *nodes = w->datasets.list;

	if (!seeds)
		return fail_nomem(err);
	for (size_t i = 0; i < w->datasets.n; i++)
		seeds[i] = (struct trace_seed){ .node = nodes[i],
						.without = w->subsets.without,
						.n_without = w->subsets.n_without };
	return trace_from(&w->trace, g, seeds, w->datasets.n, &options, err);
}

static enum withdrawal_when when_began(const struct withdrawal *w, const struct graph_node *run)
{
	const struct when since = when_withdrawn(w->revocation);

	if (run->begins_last == INT64_MIN)
		return run->ends != INT64_MIN && run->ends < when_first(&since, NULL) ?
			       USE_ENDED :
			       USE_UNKNOWN;
	return when_first(&since, NULL) <= run->begins_last ? USE_AFTER : USE_BEFORE;
}

/* Which subsets at hand have none of what was withdrawn. */
static enum wm_code ask_records(struct withdrawal *w, const struct orders *o,
				struct wm_error *err)
{
	const Weightmark__V1__Revocation *r = w->revocation;
	cleanup_free const uint8_t **leaves = calloc(w->n_records + 1, sizeof(*leaves));
	size_t n = 0;

	if (!leaves)
		return fail_nomem(err);
	for (size_t i = 0; i < r->n_record; i++)
		leaves[n++] = r->record[i]->sha256.data;
	if (r->record_commitment)
		leaves[n++] = r->record_commitment->sha256.data;
	return subsets_ask(&w->subsets, o->subsets, leaves, n, err);
}

/* What the edge comes from, where that is none of the datasets: what descends from them. */
static uint32_t through_of(const struct withdrawal *w, const struct graph_edge *e)
{
	const uint32_t *nodes = w->datasets.list;

	return w->datasets.n > 0 && bsearch(&e->from, nodes, w->datasets.n, sizeof(*nodes),
					    graph_compare_nodes) ?
		       GRAPH_NONE :
		       e->from;
}

/* Whether a use counts for the run; stores what is known best of those that do. */
static bool find_use(struct withdrawal_use *out, const struct withdrawal *w, const struct graph *g,
		     uint32_t run)
{
	enum withdrawal_share *const best = &out->share;
	bool found = false;

	*out = (struct withdrawal_use){ .run = run, .share = SHARE_UNKNOWN };
	for (uint32_t i = g->in[run]; i < g->in[run + 1]; i++) {
		const struct graph_edge *e = &g->edges[i];

		if (e->relation != GRAPH_USED || !w->trace.gone[i])
			continue;
		if (!found || out->through != GRAPH_NONE)
			out->through = through_of(w, e);
		found = true;
		if (!e->subset || w->n_records == 0)
			*best = SHARE_WHOLE;
		else if (*best != SHARE_WHOLE &&
			 subset_answer(&w->subsets, e->subset) == SUBSET_HAS)
			*best = SHARE_HAS;
	}
	return found;
}

/* Runs of which no use of the datasets, or of equal content, counts. */
static enum wm_code list_spared(struct withdrawal *w, const struct graph *g, struct wm_error *err)
{
	cleanup_free bool *used = calloc((size_t)g->n_nodes + 1, sizeof(*used));
	cleanup_free bool *counts = calloc((size_t)g->n_nodes + 1, sizeof(*counts));
	uint32_t *run;

	if (!used || !counts)
		return fail_nomem(err);
	for (uint32_t i = 0; w->trace.n_without > 0 && i < g->n_edges; i++) {
		const struct graph_edge *e = &g->edges[i];

		if (e->relation != GRAPH_USED || !trace_has(&w->trace, e->from))
			continue;
		used[e->to] = true;
		counts[e->to] |= w->trace.gone[i];
	}
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		if (!used[i] || counts[i])
			continue;
		TRY(gathered_add(&run, &w->spared, sizeof(*run), err));
		*run = i;
	}
	return WM_OK;
}

/* Runs that used the data themselves, whether or not weights that saw it led there as well. */
static enum wm_code list_uses(struct withdrawal *w, const struct graph *g, struct wm_error *err)
{
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct withdrawal_use *place, use;

		if (!trace_has(&w->trace, i))
			continue;
		w->n_affected += g->nodes[i].kind == GRAPH_CHECKPOINT;
		if (!find_use(&use, w, g, i))
			continue;
		use.when = when_began(w, &g->nodes[i]);
		TRY(gathered_add(&place, &w->uses, sizeof(*place), err));
		*place = use;
	}
	return WM_OK;
}

static int32_t due_of(const Weightmark__V1__Revocation *r)
{
	const struct when asked = r->received_at ? when_moment(r->received_at->seconds) :
						   when_withdrawn(r);

	return r->respond_by ? day_of(r->respond_by) :
			       day_add_months(when_day_in(&asked, NULL), MONTHS_TO_ANSWER);
}

enum wm_code withdrawal_assess(struct withdrawal *out, const struct orders *orders,
			       const struct said *said, int32_t today, struct wm_error *err)
{
	const Weightmark__V1__Revocation *r =
		(const Weightmark__V1__Revocation *)said->statement->message;

	out->said = said;
	out->revocation = r;
	out->n_records = r->n_record + (r->record_commitment != NULL);
	out->answered = r->closed_at != NULL;
	out->due = due_of(r);
	out->left = out->due - today;
	TRY(find_datasets(out, orders, err));
	TRY(ask_records(out, orders, err));
	TRY(follow(out, orders->graph, err));
	TRY(list_spared(out, orders->graph, err));
	return list_uses(out, orders->graph, err);
}
