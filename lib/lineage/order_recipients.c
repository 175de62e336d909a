/* SPDX-License-Identifier: Apache-2.0 */
/* Who got what an order reaches, whether they were told, and where two sides disagree. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lineage/orders_internal.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

static const Weightmark__V1__Transfer *transfer_of(const struct said *s)
{
	return (const Weightmark__V1__Transfer *)s->statement->message;
}

/* One side's word about a transfer of something that is in scope or tainted. */
struct side {
	uint32_t node;
	const char *from, *to;
	int32_t date;
	const struct said *said;
};

static int compare_pairs(const struct side *a, const struct side *b)
{
	int order = strcasecmp(a->to, b->to);

	if (order == 0 && a->node != b->node)
		order = a->node > b->node ? 1 : -1;
	return order ? order : strcasecmp(a->from, b->from);
}

/* By recipient, node, giver; then by who says so, then by date. */
static int compare_sides(const void *x, const void *y)
{
	const struct side *a = x, *b = y;
	int order = compare_pairs(a, b);

	if (order == 0)
		order = strcmp(a->said->statement->header->issuer,
			       b->said->statement->header->issuer);
	if (order == 0)
		order = (a->date > b->date) - (a->date < b->date);
	return order ? order : (a->said > b->said) - (a->said < b->said);
}

static enum wm_code list_sides(struct gathered_list *out, const struct orders *o,
			       const struct trace *reached, struct wm_error *err)
{
	const struct said_list *transfers = &o->transfers;

	for (size_t i = 0; i < transfers->n; i++) {
		const struct said *said = transfers->list[i];
		const Weightmark__V1__Transfer *t = transfer_of(said);
		cleanup_gathered struct gathered_list nodes = { 0 };

		if (!t->subject)
			continue;
		TRY(resolve_all(&nodes, o, t->subject, err));
		for (size_t k = 0; k < nodes.n; k++) {
			const uint32_t node = ((const uint32_t *)nodes.list)[k];
			struct side *side;

			if (!trace_has(reached, node))
				continue;
			TRY(gathered_add(&side, out, sizeof(*side), err));
			*side = (struct side){ node, party_name(said->statement, t->from),
					       party_name(said->statement, t->to),
					       day_of(t->date), said };
		}
	}
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(struct side), compare_sides);
	return WM_OK;
}

/* --- disagreement ------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_contract(const Weightmark__V1__Transfer *a, const Weightmark__V1__Transfer *b)
{
	const Weightmark__V1__Digest *x = a->contract ? a->contract->sha256 : NULL;
	const Weightmark__V1__Digest *y = b->contract ? b->contract->sha256 : NULL;

	if ((a->has_has_contract ? a->has_contract : 0) !=
		    (b->has_has_contract ? b->has_contract : 0) ||
	    !a->contract != !b->contract)
		return false;
	return !x || !y || memcmp(x->sha256.data, y->sha256.data, SHA256_BYTES) == 0;
}

static int related(const Weightmark__V1__Transfer *t)
{
	return t->related_party && t->related_party->has_exists ? (int)t->related_party->exists : 0;
}

static enum wm_code add_conflict(struct gathered_list *out, const struct side *a,
				 const struct side *b, const char *field, struct wm_error *err)
{
	struct order_conflict *c;

	TRY(gathered_add(&c, out, sizeof(*c), err));
	*c = (struct order_conflict){ a->node, a->said, b->said, field };
	return WM_OK;
}

static enum wm_code compare_words(struct gathered_list *out, const struct side *a,
				  const struct side *b, struct wm_error *err)
{
	const Weightmark__V1__Transfer *x = transfer_of(a->said), *y = transfer_of(b->said);

	if (!same_contract(x, y))
		TRY(add_conflict(out, a, b, "contract", err));
	if (!same_text(x->recipient_class, y->recipient_class))
		TRY(add_conflict(out, a, b, "recipient_class", err));
	if (related(x) != related(y))
		TRY(add_conflict(out, a, b, "related_party", err));
	if (a->date != b->date)
		TRY(add_conflict(out, a, b, "date", err));
	return WM_OK;
}

static size_t issuer_run(const struct side *list, size_t n, size_t from)
{
	size_t end = from + 1;

	while (end < n && same_text(list[end].said->statement->header->issuer,
				    list[from].said->statement->header->issuer))
		end++;
	return end;
}

/* The first issuer's transfers between the two, by date, with those of every other issuer. */
static enum wm_code compare_group(struct gathered_list *out, const struct side *list, size_t n,
				  struct wm_error *err)
{
	const size_t first = issuer_run(list, n, 0);
	size_t end;

	for (size_t at = first; at < n; at = end) {
		end = issuer_run(list, n, at);
		for (size_t k = 0; k < first && at + k < end; k++)
			TRY(compare_words(out, &list[k], &list[at + k], err));
	}
	return WM_OK;
}

static enum wm_code list_conflicts(struct gathered_list *out, const struct gathered_list *sides,
				   struct wm_error *err)
{
	const struct side *list = sides->list;
	size_t end;

	for (size_t at = 0; at < sides->n; at = end) {
		for (end = at + 1; end < sides->n && compare_pairs(&list[at], &list[end]) == 0;)
			end++;
		TRY(compare_group(out, &list[at], end - at, err));
	}
	return WM_OK;
}

enum wm_code orders_conflicts(struct gathered_list *out, const struct orders *o,
			      const struct trace *reached, struct wm_error *err)
{
	cleanup_gathered struct gathered_list sides = { 0 };

	TRY(list_sides(&sides, o, reached, err));
	return list_conflicts(out, &sides, err);
}

/* --- who was told ------------------------------------------------------------------------ */

static int compare_names(const void *key, const void *element)
{
	const char *name = key;
	const struct order_recipient *r = element;

	return strcasecmp(name, r->name);
}

static bool among(const struct gathered_list *nodes, uint32_t node)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (((const uint32_t *)nodes->list)[i] == node)
			return true;
	return false;
}

/* An event that names no thing is about all that the recipient got. */
static enum wm_code note_event(struct order_state *s, const struct said *event,
			       struct wm_error *err)
{
	const Weightmark__V1__LifecycleEvent *e = event_of(event);
	const bool told = e->kind == WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__notified_recipient;
	const bool confirmed =
		e->kind == WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__recipient_confirmed;
	const char *name = party_name(event->statement, e->recipient);
	cleanup_gathered struct gathered_list nodes = { 0 };
	struct order_recipient *r;

	if ((!told && !confirmed) || !e->recipient || !has_happened(s, event))
		return WM_OK;
	r = bsearch(name, s->recipients, s->n_recipients, sizeof(*r), compare_names);
	while (r && r > s->recipients && strcasecmp(r[-1].name, name) == 0)
		r--;
	if (e->subject)
		TRY(resolve_reference(&nodes, s->orders, e->subject, err));
	for (; r && r < s->recipients + s->n_recipients && strcasecmp(r->name, name) == 0; r++) {
		if (e->subject && !among(&nodes, r->node))
			continue;
		r->told = told ? event : r->told;
		r->confirmed = confirmed ? event : r->confirmed;
	}
	return WM_OK;
}

/* Whoever has to act himself need not be told. */
static bool responds(const struct order *o, const char *name)
{
	const struct statement *s = o->newest->statement;

	for (size_t i = 0; i < o->said->n_respondent; i++)
		if (strcasecmp(party_name(s, o->said->respondent[i]), name) == 0)
			return true;
	return false;
}

static enum wm_code list_recipients(struct order_state *s, const struct gathered_list *sides,
				    struct wm_error *err)
{
	const struct side *list = sides->list;
	void *room = NULL;

	TRY(arena_alloc(&room, &s->arena, (sides->n + 1) * sizeof(*s->recipients), err));
	s->recipients = room;
	for (size_t i = 0; i < sides->n; i++) {
		if ((i > 0 && list[i].node == list[i - 1].node &&
		     strcasecmp(list[i].to, list[i - 1].to) == 0) ||
		    responds(s->order, list[i].to))
			continue;
		s->recipients[s->n_recipients++] = (struct order_recipient){
			.name = list[i].to, .node = list[i].node, .transfer = list[i].said
		};
	}
	for (size_t i = 0; i < s->order->n_events; i++)
		TRY(note_event(s, s->order->events[i], err));
	for (size_t i = 0; i < s->n_recipients; i++) {
		s->n_untold += !s->recipients[i].told;
		s->n_unconfirmed += !s->recipients[i].confirmed;
	}
	return WM_OK;
}

enum wm_code order_recipients(struct order_state *s, struct wm_error *err)
{
	cleanup_gathered struct gathered_list sides = { 0 }, conflicts = { 0 };
	void *room = NULL;

	TRY(list_sides(&sides, s->orders, &s->trace, err));
	TRY(list_recipients(s, &sides, err));
	TRY(list_conflicts(&conflicts, &sides, err));
	TRY(arena_alloc(&room, &s->arena, (conflicts.n + 1) * sizeof(*s->conflicts), err));
	s->conflicts = room;
	s->n_conflicts = conflicts.n;
	if (conflicts.n > 0)
		memcpy(room, conflicts.list, conflicts.n * sizeof(*s->conflicts));
	return WM_OK;
}
