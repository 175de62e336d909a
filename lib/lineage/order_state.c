/* SPDX-License-Identifier: Apache-2.0 */
/* Where an order stands: what is due, what is done, what is overdue. */
#include <stdlib.h>
#include <string.h>

#include "lineage/orders_internal.h"
#include "statement/message.h"
#include "util/limits.h"

#define SUPPLEMENT "supplement"

void order_state_release(struct order_state *s)
{
	trace_release(&s->trace);
	zone_free(s->zone);
	free(s->roots);
	subset_answers_release(&s->subsets);
	arena_release(&s->arena);
	*s = (struct order_state){ 0 };
}

/* --- words ------------------------------------------------------------------------------- */

/* Only a court or an agency orders. */
static const struct {
	const char *text, *verb;
} order_kinds[] = {
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__no_assertion] = { "order", "asked for" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__court_order] = { "court order", "ordered" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__agency_order] = { "agency order", "ordered" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__voluntary_undertaking] = { "voluntary undertaking",
									"undertook" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__regulator_request] = { "regulator's request",
								    "requested" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__contract_demand] = { "demand under a contract",
								  "demanded" },
	[WEIGHTMARK__V1__ORDER__KIND__VALUE__data_subject_request] = { "data subject's request",
								       "requested" },
};

enum { N_KINDS = sizeof(order_kinds) / sizeof(order_kinds[0]) };

const char *order_verb(Weightmark__V1__Order__Kind__Value kind)
{
	return order_kinds[(unsigned)kind < N_KINDS ? kind : 0].verb;
}

const char *order_kind_text(Weightmark__V1__Order__Kind__Value kind)
{
	return order_kinds[(unsigned)kind < N_KINDS ? kind : 0].text;
}

const char *order_kind_name(Weightmark__V1__Order__Kind__Value kind)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
		&weightmark__v1__order__kind__value__descriptor, (int)kind);

	return v ? v->name : "no_assertion";
}

const char *obligation_kind_text(Weightmark__V1__Obligation__Kind kind)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
		&weightmark__v1__obligation__kind__descriptor, (int)kind);

	return v ? v->name : "other";
}

const char *order_status_text(const struct order_state *s)
{
	return s->closed ? "closed" : s->overdue ? "overdue" : s->open ? "open" : "undecided";
}

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
		if (nodes[s->items[i].node].kind == kind) {
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

static const struct said *newest_version(const struct order_state *s)
{
	return &s->order->versions[s->order->n_versions - 1];
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
	if (!out->by && b->has_done && b->done == WEIGHTMARK__V1__TRI__VALUE__yes)
		out->by = newest_version(s);
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

enum wm_code order_obligations(struct order_state *s, struct wm_error *err)
{
	__attribute__((cleanup(holidays_release))) struct holidays h = { 0 };
	const Weightmark__V1__Order *o = s->order->said;
	bool undecided = false;
	void *room = NULL;

	TRY(holidays_of(&h, o, err));
	TRY(arena_alloc(&room, &s->arena, (o->n_obligation + 1) * sizeof(*s->obligations), err));
	s->obligations = room;
	for (; s->n_obligations < o->n_obligation; s->n_obligations++) {
		struct order_obligation *b = &s->obligations[s->n_obligations];

		b->said = o->obligation[s->n_obligations];
		b->due = due_day(b->said, o->trigger_date->days, &h);
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

/* --- all --------------------------------------------------------------------------------- */

static enum wm_code find_zone(struct order_state *s, struct wm_error *err)
{
	const char *name = s->order->said->time_zone;
	struct wm_error why = { 0 };
	enum wm_code code = name ? zone_open(&s->zone, name, &why) : WM_OK;

	s->zone_unknown = code != WM_OK && error_reason(&why) == REASON_ZONE_UNKNOWN;
	return code == WM_OK || s->zone_unknown ? WM_OK : fail_again(err, &why);
}

/* Many orders are looked at together: each keeps what it reaches, and no room for all there is. */
static void shrink(struct trace *t)
{
	void *list = realloc(t->list, ((size_t)t->n + 1) * sizeof(*t->list));
	void *undecided;

	t->list = list ? list : t->list;
	undecided = realloc(t->undecided, ((size_t)t->n_undecided + 1) * sizeof(*t->undecided));
	t->undecided = undecided ? undecided : t->undecided;
}

enum wm_code order_assess(struct order_state *out, const struct orders *orders,
			  const struct order *order, int32_t as_of, int64_t now,
			  struct wm_error *err)
{
	struct trace_options options = { .ancestors = false };

	out->orders = orders;
	out->order = order;
	out->arena = (struct arena)ARENA_INIT(LIMIT_GRAPH_MEMORY);
	TRY(find_zone(out, err));
	out->today = as_of == DAY_NONE ? day_in_zone(out->zone, now) : as_of;
	TRY(order_seeds(out, err));
	options.roles = out->roles;
	TRY(trace_from(&out->trace, orders->graph, out->seeds, out->n_seeds, &options, err));
	shrink(&out->trace);
	TRY(order_items(out, err));
	TRY(order_recipients(out, err));
	return order_obligations(out, err);
}

int32_t order_next_due(const struct order_state *s)
{
	int32_t next = DAY_NONE;

	for (size_t i = 0; i < s->n_obligations && next == DAY_NONE; i++)
		if (!s->obligations[i].done)
			next = s->obligations[i].due;
	for (size_t i = 0; i < s->n_holds; i++) {
		const struct order_hold *h = &s->holds[i];

		if (h->due != DAY_NONE && !h->supplement && (next == DAY_NONE || h->due < next))
			next = h->due;
	}
	return next;
}

const char *party_name(const struct statement *s, const Weightmark__V1__PartyId *id)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(s->message->descriptor, "party");
	const size_t n = f && id ? field_count(s->message, f) : 0;

	for (size_t i = 0; i < n; i++) {
		const Weightmark__V1__Party *p = (const Weightmark__V1__Party *)value_message(
			field_value(s->message, f, i));

		if (strcmp(p->id->text, id->id) == 0)
			return p->legal_name ? p->legal_name : p->id->text;
	}
	return id ? id->id : "-";
}
