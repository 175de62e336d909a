/* SPDX-License-Identifier: Apache-2.0 */
/* What an order obliges to: which versions count, what is due when, and what meets it. */
#include <stdlib.h>
#include <string.h>

#include "lineage/orders_internal.h"
#include "statement/message.h"
#include "util/limits.h"

#define SUPPLEMENT "supplement"

/* --- what is done ------------------------------------------------------------------------ */

static bool is_certificate(const struct said *s)
{
	return s->statement->kind->descriptor == &weightmark__v1__deletion_certificate__descriptor;
}

/* The day of an event, or of what a certificate says it was executed on, or was issued. */
static int32_t day_said(const struct order_state *s, const struct said *said)
{
	const Weightmark__V1__DeletionCertificate *c =
		(const Weightmark__V1__DeletionCertificate *)said->statement->message;
	const Weightmark__V1__Time *t = said->statement->header->issued_at;

	if (!is_certificate(said))
		return day_of_event(s, said);
	if (c->executed_on)
		return c->executed_on->days;
	return t ? day_in_zone(s->zone, t->seconds) : DAY_NONE;
}

static const struct said *earlier_said(const struct order_state *s, const struct said *a,
				       const struct said *b)
{
	return !a || day_said(s, b) < day_said(s, a) ? b : a;
}

/* The first event, until the day that is looked at, that names this obligation. */
static const struct said *event_for(const struct order_state *s, const char *id)
{
	const struct said *found = NULL;

	for (size_t i = 0; i < s->order->n_events; i++) {
		const struct said *event = s->order->events[i];
		const char *of = event_of(event)->obligation_id;

		if (of && strcmp(of, id) == 0 && has_happened(s, event))
			found = earlier_said(s, found, event);
	}
	return found;
}

static const struct said *first_certificate(const struct order_state *s)
{
	const struct said *found = NULL;

	for (size_t i = 0; i < s->order->n_certificates; i++) {
		const int32_t day = day_said(s, s->order->certificates[i]);

		if (day != DAY_NONE && day <= s->today)
			found = earlier_said(s, found, s->order->certificates[i]);
	}
	return found;
}

/* --- each obligation --------------------------------------------------------------------- */

/* What has to be accounted for before an obligation of this kind is met. */
struct account {
	size_t n, n_open, n_kept;
	const struct said *last; /* of what is accounted for */
};

static void count(struct account *a, const struct order_state *s, const struct said *by)
{
	a->n++;
	a->n_open += !by;
	if (by && (!a->last || day_said(s, by) > day_said(s, a->last)))
		a->last = by;
}

static void count_items(struct account *a, const struct order_state *s, enum graph_kind kind)
{
	const struct graph_node *nodes = s->orders->graph->nodes;

	for (size_t i = 0; i < s->n_items; i++)
		if (graph_may_be(&nodes[s->items[i].node], kind)) {
			count(a, s, s->items[i].by);
			a->n_kept += s->items[i].state == ITEM_KEPT;
		}
}

static struct account account_for(const struct order_state *s,
				  Weightmark__V1__Obligation__Kind kind)
{
	struct account a = { 0 };

	if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_data)
		count_items(&a, s, GRAPH_DATASET);
	if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_models)
		count_items(&a, s, GRAPH_CHECKPOINT);
	for (size_t i = 0; i < s->n_recipients; i++) {
		if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__instruct_recipients)
			count(&a, s, s->recipients[i].told);
		if (kind == WEIGHTMARK__V1__OBLIGATION__KIND__forward_confirmations)
			count(&a, s, s->recipients[i].confirmed);
	}
	return a;
}

static bool certificate_meets(Weightmark__V1__Obligation__Kind kind)
{
	return kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_data ||
	       kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_models ||
	       kind == WEIGHTMARK__V1__OBLIGATION__KIND__delete_derived_features ||
	       kind == WEIGHTMARK__V1__OBLIGATION__KIND__sworn_statement;
}

/* How much of what the obligation is about nobody knows: then nothing of it counts as done. */
static size_t unknown_of(const struct order_state *s, Weightmark__V1__Obligation__Kind kind)
{
	switch (kind) {
	case WEIGHTMARK__V1__OBLIGATION__KIND__delete_models:
		return s->n_missing + s->trace.n_undecided;
	case WEIGHTMARK__V1__OBLIGATION__KIND__delete_data:
	case WEIGHTMARK__V1__OBLIGATION__KIND__delete_derived_features:
	case WEIGHTMARK__V1__OBLIGATION__KIND__instruct_recipients:
	case WEIGHTMARK__V1__OBLIGATION__KIND__forward_confirmations:
		return s->n_missing;
	default:
		return 0;
	}
}

/*
 * An obligation is met by an event that names it, by what was done with all things and people that
 * it is about, by a certificate, or by the order itself; one that is about things or people only
 * when nothing of them is left open. A certificate tells of deeds: it is not their day.
 */
static void judge(struct order_obligation *out, const struct order_state *s)
{
	const Weightmark__V1__Obligation *b = out->said;
	const struct account a = account_for(s, b->kind);

	out->by = event_for(s, b->id->text);
	out->n_open = a.n_open;
	out->n_kept = a.n_kept;
	if (!out->by && a.n > 0 && a.n_open == 0)
		out->by = a.last;
	if (!out->by && certificate_meets(b->kind))
		out->by = first_certificate(s);
	out->done_on = out->by ? day_said(s, out->by) : DAY_NONE;
	if (!out->by && out->done)
		out->by = out->version;
	out->n_unknown = unknown_of(s, b->kind);
	out->done = out->by && out->n_open == 0 && out->n_unknown == 0;
	out->undecided = out->by && out->n_open == 0 && out->n_unknown > 0;
	out->left = out->due - s->today;
}

static int compare_obligations(const void *x, const void *y)
{
	const struct order_obligation *a = x, *b = y;

	if (a->due != b->due)
		return a->due > b->due ? 1 : -1;
	return strcmp(a->said->id->text, b->said->id->text);
}

/* The last event that says that a supplement was given: it is of all holds before. */
static const struct said *last_supplement(const struct order_state *s)
{
	const struct said *last = NULL;

	for (size_t i = 0; i < s->order->n_events; i++) {
		const struct said *at = s->order->events[i];
		const char *of = event_of(at)->obligation_id;

		if (of && strcmp(of, SUPPLEMENT) == 0 && has_happened(s, at) &&
		    (!last || day_said(s, at) > day_said(s, last)))
			last = at;
	}
	return last;
}

/* A thing whose end a certificate tells. */
struct told {
	uint32_t node;
	const struct said *by;
};

static int compare_told(const void *x, const void *y)
{
	const struct told *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return (a->by > b->by) - (a->by < b->by);
}

static enum wm_code tell(struct gathered_list *told, const struct order_state *s,
			 const struct said *by, struct wm_error *err)
{
	const Weightmark__V1__DeletionCertificate *c =
		(const Weightmark__V1__DeletionCertificate *)by->statement->message;

	for (size_t i = 0; i < c->n_item; i++) {
		__attribute__((cleanup(gathered_list_release))) struct gathered_list nodes = { 0 };
		struct told *t;

		TRY(resolve_reference(&nodes, s->orders, c->item[i]->subject, err));
		for (size_t k = 0; k < nodes.n; k++) {
			TRY(gathered_add(&t, told, sizeof(*t), err));
			*t = (struct told){ ((const uint32_t *)nodes.list)[k], by };
		}
	}
	return WM_OK;
}

/* A certificate that tells the end of what was held is its supplement; one that keeps it is not. */
static enum wm_code list_told(struct gathered_list *told, const struct order_state *s,
			      struct wm_error *err)
{
	for (size_t i = 0; s->n_holds > 0 && i < s->order->n_certificates; i++) {
		const struct said *by = s->order->certificates[i];
		const int32_t day = day_said(s, by);

		if (day != DAY_NONE && day <= s->today)
			TRY(tell(told, s, by, err));
	}
	if (told->n > 0)
		qsort(told->list, told->n, sizeof(struct told), compare_told);
	return WM_OK;
}

/* The first certificate from the end of the hold on that tells the end of what was held. */
static const struct said *supplement_told(const struct order_state *s, const struct order_hold *h,
					  const struct gathered_list *told)
{
	const struct told *list = told->list;
	const struct said *found = NULL;
	size_t low = 0, high = told->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (list[middle].node < h->node)
			low = middle + 1;
		else
			high = middle;
	}
	for (; h->node != GRAPH_NONE && low < told->n && list[low].node == h->node; low++)
		if (day_said(s, list[low].by) >= h->end)
			found = earlier_said(s, found, list[low].by);
	return found;
}

static enum wm_code judge_holds(struct order_state *s, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list told = { 0 };
	const struct said *last = last_supplement(s);

	TRY(list_told(&told, s, err));
	for (size_t i = 0; i < s->n_holds; i++) {
		struct order_hold *h = &s->holds[i];

		if (h->due == DAY_NONE)
			continue;
		h->supplement = last && day_said(s, last) >= h->end ? last :
								      supplement_told(s, h, &told);
		s->open |= !h->supplement;
		s->overdue |= !h->supplement && s->today > h->due;
	}
	return WM_OK;
}

/* Versions of one obligation together, the earliest day first. */
static int compare_versions(const void *x, const void *y)
{
	const struct order_obligation *a = x, *b = y;
	int order = strcmp(a->said->id->text, b->said->id->text);

	if (order == 0)
		order = (a->said->kind > b->said->kind) - (a->said->kind < b->said->kind);
	if (order == 0)
		order = (a->due > b->due) - (a->due < b->due);
	return order ? order : (a->version < b->version) - (a->version > b->version);
}

static bool is_done(const Weightmark__V1__Obligation *b)
{
	return b->has_done && b->done == WEIGHTMARK__V1__TRI__VALUE__yes;
}

static enum wm_code add_version(struct order_state *s, const struct said *version,
				struct wm_error *err)
{
	__attribute__((cleanup(holidays_release))) struct holidays h = { 0 };
	const Weightmark__V1__Order *o = order_said(version);

	TRY(holidays_of(&h, o, err));
	for (size_t i = 0; i < o->n_obligation; i++) {
		const Weightmark__V1__Obligation *b = o->obligation[i];

		s->obligations[s->n_obligations++] = (struct order_obligation){
			.said = b,
			.version = version,
			.due = due_day(b, o->trigger_date->days, &h),
			.done = is_done(b),
		};
	}
	return WM_OK;
}

/* Those of all versions that count: each once, and met by the order itself where all say so. */
static enum wm_code list_obligations(struct order_state *s, struct wm_error *err)
{
	const struct order *o = s->order;
	struct order_obligation *list;
	size_t room = 1, n = 0;
	void *memory = NULL;

	for (size_t i = 0; i < o->n_versions; i++)
		room += order_said(&o->versions[i])->n_obligation;
	TRY(arena_alloc(&memory, &s->arena, room * sizeof(*s->obligations), err));
	list = s->obligations = memory;
	for (size_t i = 0; i < o->n_versions; i++)
		if (version_counts(o, &o->versions[i]))
			TRY(add_version(s, &o->versions[i], err));
	qsort(list, s->n_obligations, sizeof(*list), compare_versions);
	for (size_t i = 0; i < s->n_obligations; i++) {
		const bool again = n > 0 && list[i].said->kind == list[n - 1].said->kind &&
				   strcmp(list[i].said->id->text, list[n - 1].said->id->text) == 0;

		if (again)
			list[n - 1].done &= list[i].done;
		else
			list[n++] = list[i];
	}
	s->n_obligations = n;
	return WM_OK;
}

enum wm_code order_obligations(struct order_state *s, struct wm_error *err)
{
	bool undecided = false;

	TRY(list_obligations(s, err));
	for (size_t i = 0; i < s->n_obligations; i++) {
		struct order_obligation *b = &s->obligations[i];

		judge(b, s);
		s->open |= !b->done && !b->undecided;
		undecided |= b->undecided;
		s->overdue |= !b->done && !b->undecided && b->left < 0;
	}
	qsort(s->obligations, s->n_obligations, sizeof(*s->obligations), compare_obligations);
	TRY(judge_holds(s, err));
	s->closed = !s->open && !undecided;
	return WM_OK;
}
