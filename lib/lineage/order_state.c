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

const char *obligation_kind_name(Weightmark__V1__Obligation__Kind kind)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
		&weightmark__v1__obligation__kind__descriptor, (int)kind);

	return v ? v->name : "other";
}

const char *order_scope_name(enum order_scope scope)
{
	static const char *const names[] = {
		[SCOPE_DATASET] = "dataset", [SCOPE_CHECKPOINT] = "checkpoint",
		[SCOPE_PARTY] = "party",     [SCOPE_RECORD] = "record",
		[SCOPE_SUBSET] = "subset",
	};

	return names[scope];
}

const char *item_state_name(enum item_state state)
{
	static const char *const names[] = { "open", "destroyed", "kept" };

	return names[state];
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

/*
 * An obligation is met by an event that names it, by a certificate, or by the order itself; one
 * that is about things or people only when nothing of them is left open, and then without a word
 * too.
 */
static void judge(struct order_obligation *out, const struct order_state *s)
{
	const Weightmark__V1__Obligation *b = out->said;
	const struct account a = account_for(s, b->kind);

	out->by = event_for(s, b->id->text);
	if (!out->by && certificate_meets(b->kind))
		out->by = first_certificate(s);
	out->n_open = a.n_open;
	out->n_kept = a.n_kept;
	if (!out->by && a.n > 0 && a.n_open == 0)
		out->by = a.last;
	out->done_on = out->by ? day_said(s, out->by) : DAY_NONE;
	if (!out->by && out->done)
		out->by = out->version;
	out->done = out->by && out->n_open == 0;
	out->left = out->due - s->today;
}

static int compare_obligations(const void *x, const void *y)
{
	const struct order_obligation *a = x, *b = y;

	if (a->due != b->due)
		return a->due > b->due ? 1 : -1;
	return strcmp(a->said->id->text, b->said->id->text);
}

/*
 * The last event that says that a supplement was given, or certificate: it is of all holds
 * before.
 */
static const struct said *last_supplement(const struct order_state *s)
{
	const struct order *o = s->order;
	const struct said *last = NULL;

	for (size_t i = 0; i < o->n_events + o->n_certificates; i++) {
		const struct said *at = i < o->n_events ? o->events[i] :
							  o->certificates[i - o->n_events];
		const char *of = i < o->n_events ? event_of(at)->obligation_id : SUPPLEMENT;
		const int32_t day = day_said(s, at);

		if (of && strcmp(of, SUPPLEMENT) == 0 && day != DAY_NONE && day <= s->today &&
		    (!last || day > day_said(s, last)))
			last = at;
	}
	return last;
}

static void judge_holds(struct order_state *s)
{
	const struct said *last = last_supplement(s);

	for (size_t i = 0; i < s->n_holds; i++) {
		struct order_hold *h = &s->holds[i];

		if (h->due == DAY_NONE)
			continue;
		if (last && day_said(s, last) >= h->end)
			h->supplement = last;
		s->closed &= h->supplement != NULL;
		s->overdue |= !h->supplement && s->today > h->due;
	}
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
	const Weightmark__V1__Order *o = (const Weightmark__V1__Order *)version->statement->message;

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
		room += ((const Weightmark__V1__Order *)o->versions[i].statement->message)
				->n_obligation;
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
	TRY(list_obligations(s, err));
	s->closed = true;
	for (size_t i = 0; i < s->n_obligations; i++) {
		struct order_obligation *b = &s->obligations[i];

		judge(b, s);
		s->closed &= b->done;
		s->overdue |= !b->done && b->left < 0;
	}
	qsort(s->obligations, s->n_obligations, sizeof(*s->obligations), compare_obligations);
	judge_holds(s);
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
