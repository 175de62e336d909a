/* SPDX-License-Identifier: Apache-2.0 */
/* Where an order stands: what is due, what is done, what is overdue. */
#include <stdlib.h>
#include <string.h>

#include "lineage/orders_internal.h"
#include "statement/message.h"
#include "util/limits.h"

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

const char *order_status_text(const struct order_state *s)
{
	return s->closed ? "closed" : s->overdue ? "overdue" : s->open ? "open" : "undecided";
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
