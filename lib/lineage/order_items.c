/* SPDX-License-Identifier: Apache-2.0 */
/* What became of all that an order reaches: destroyed, kept on some authority, or neither. */
#include <stdlib.h>
#include <string.h>

#include "lineage/orders_internal.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

enum { SUPPLEMENT_DAYS = 30 };

/* --- what events say --------------------------------------------------------------------- */

int32_t day_of_event(const struct order_state *s, const struct said *event)
{
	const struct when when = when_of_event(event_of(event));

	return when_day_in(&when, s->zone);
}

bool has_happened(const struct order_state *s, const struct said *event)
{
	return day_of_event(s, event) <= s->today;
}

bool deed_has_happened(const struct order_state *s, const struct deed *d)
{
	const struct when when = d->destroyed ? when_destroyed(d->destroyed) :
						when_of_event(event_of(d->said));
	const int32_t day = when_day_in(&when, s->zone);

	return has_happened(s, d->said) && (day == DAY_NONE || day <= s->today);
}

static enum wm_code add_one(struct gathered_list *out, const struct deed *what, uint32_t node,
			    bool of_part, bool by_digest, struct wm_error *err)
{
	struct deed *d;

	TRY(gathered_add(&d, out, sizeof(*d), err));
	*d = *what;
	d->node = node;
	d->of_part = of_part;
	d->by_digest = by_digest;
	return WM_OK;
}

static enum wm_code add_deed(struct gathered_list *out, const struct orders *o,
			     const struct deed *what, const Weightmark__V1__Reference *subject,
			     struct wm_error *err)
{
	cleanup_gathered struct gathered_list whole = { 0 }, part = { 0 };
	const bool named = subject->object && graph_find(o->graph, subject->object->text) !=
						      GRAPH_NONE;

	TRY(resolve_deed(&whole, &part, o, subject, err));
	for (size_t i = 0; i < whole.n; i++)
		TRY(add_one(out, what, ((const uint32_t *)whole.list)[i], false, !named, err));
	for (size_t i = 0; i < part.n; i++)
		TRY(add_one(out, what, ((const uint32_t *)part.list)[i], true, true, err));
	return whole.n > 0 ? WM_OK : add_one(out, what, GRAPH_NONE, false, false, err);
}

static int compare_deeds(const void *x, const void *y)
{
	const struct deed *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return (a->said > b->said) - (a->said < b->said);
}

enum wm_code list_deeds(struct gathered_list *out, const struct orders *o,
			const struct said *const *events, size_t n, struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const Weightmark__V1__LifecycleEvent *e = event_of(events[i]);

		for (size_t k = 0; k < e->n_destroyed; k++)
			TRY(add_deed(out, o,
				     &(struct deed){ .said = events[i],
						     .destroyed = e->destroyed[k] },
				     e->destroyed[k]->subject, err));
		for (size_t k = 0; k < e->n_kept; k++)
			TRY(add_deed(out, o,
				     &(struct deed){ .said = events[i], .kept = e->kept[k] },
				     e->kept[k]->subject, err));
	}
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(struct deed), compare_deeds);
	return WM_OK;
}

/* The deeds of `node`, and those after: a run of them. */
static const struct deed *deeds_of(size_t *n, const struct gathered_list *deeds, uint32_t node)
{
	const struct deed *list = deeds->list;
	size_t low = 0, high = deeds->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < deeds->n && list[high].node == node;)
		high++;
	*n = high - low;
	return *n > 0 ? list + low : NULL;
}

/* --- holds ------------------------------------------------------------------------------- */

/* Releases of an order's holds, by node: GRAPH_NONE is of all. */
struct release {
	uint32_t node;
	int32_t day;
};

struct settling {
	struct order_state *s;
	struct gathered_list own;      /* struct deed */
	struct gathered_list releases; /* struct release */
	struct gathered_list holds;    /* struct order_hold */
};

static void settling_release(struct settling *c)
{
	gathered_list_release(&c->own);
	gathered_list_release(&c->releases);
	gathered_list_release(&c->holds);
}

static int compare_releases(const void *x, const void *y)
{
	const struct release *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return (a->day > b->day) - (a->day < b->day);
}

static enum wm_code add_release(struct settling *c, uint32_t node, int32_t day,
				struct wm_error *err)
{
	struct release *r;

	TRY(gathered_add(&r, &c->releases, sizeof(*r), err));
	*r = (struct release){ node, day };
	return WM_OK;
}

static enum wm_code list_releases(struct settling *c, struct wm_error *err)
{
	const struct order_state *s = c->s;

	for (size_t i = 0; i < s->order->n_events; i++) {
		const struct said *event = s->order->events[i];
		const Weightmark__V1__LifecycleEvent *e = event_of(event);
		cleanup_gathered struct gathered_list nodes = { 0 };

		if (e->kind != WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__hold_released ||
		    !has_happened(s, event))
			continue;
		if (!e->subject)
			TRY(add_release(c, GRAPH_NONE, day_of_event(s, event), err));
		else
			TRY(resolve_reference(&nodes, s->orders, e->subject, err));
		for (size_t k = 0; k < nodes.n; k++)
			TRY(add_release(c, ((const uint32_t *)nodes.list)[k],
					day_of_event(s, event), err));
	}
	if (c->releases.n > 0)
		qsort(c->releases.list, c->releases.n, sizeof(struct release), compare_releases);
	return WM_OK;
}

/* The first release of `node` on `start` or after, or DAY_NONE. */
static int32_t released_on(const struct settling *c, uint32_t node, int32_t start)
{
	const struct release *list = c->releases.list;
	size_t low = 0, high = c->releases.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].node < node ||
		    (list[middle].node == node && list[middle].day < start))
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->releases.n && list[low].node == node ? list[low].day : DAY_NONE;
}

static int32_t earlier(int32_t a, int32_t b)
{
	if (a == DAY_NONE || b == DAY_NONE)
		return a == DAY_NONE ? b : a;
	return a < b ? a : b;
}

static int32_t supplement_days_of(const Weightmark__V1__Order *o)
{
	return o->has_supplement_days && o->supplement_days <= LIMIT_ORDER_DAYS ?
		       (int32_t)o->supplement_days :
		       SUPPLEMENT_DAYS;
}

/* The fewest that a version that counts says. */
static void read_terms(struct order_state *s)
{
	s->supplement_days = LIMIT_ORDER_DAYS;
	s->infeasible_allowed = true;
	for (size_t i = 0; i < s->order->n_versions; i++) {
		const struct said *version = &s->order->versions[i];
		const Weightmark__V1__Order *o = order_said(version);

		if (!version_counts(s->order, version))
			continue;
		if (supplement_days_of(o) < s->supplement_days)
			s->supplement_days = supplement_days_of(o);
		s->infeasible_allowed &= o->has_infeasibility_allowed &&
					 o->infeasibility_allowed ==
						 WEIGHTMARK__V1__TRI__VALUE__yes;
	}
}

int32_t hold_supplement_days(const struct order_state *s)
{
	return s->supplement_days;
}

static struct order_hold make_hold(const struct settling *c, const struct deed *d)
{
	const struct order_state *s = c->s;
	const int32_t day = day_of_event(s, d->said);
	struct order_hold h = {
		.event = d->said,
		.kept = d->kept,
		.node = d->node,
		.start = day_of(d->kept->hold_start),
		.end = earlier(day_of(d->kept->hold_end),
			       earlier(released_on(c, d->node, day),
				       released_on(c, GRAPH_NONE, day))),
		.due = DAY_NONE,
	};

	if (h.end == DAY_NONE)
		return h;
	h.due = h.end + hold_supplement_days(s);
	if (d->kept->supplemental_due)
		h.due = d->kept->supplemental_due->days;
	return h;
}

bool hold_is_in_force(const struct order_state *s, const struct order_hold *h)
{
	if (h->kept->reason == WEIGHTMARK__V1__RETAINED__REASON__technically_infeasible &&
	    !s->infeasible_allowed)
		return false;
	return (h->start == DAY_NONE || h->start <= s->today) &&
	       (h->end == DAY_NONE || s->today <= h->end);
}

/* --- items ------------------------------------------------------------------------------- */

static enum wm_code settle(struct settling *c, struct order_item *item, const struct deed *list,
			   size_t n, struct wm_error *err)
{
	struct order_hold *hold;

	for (size_t i = 0; i < n; i++) {
		if (!deed_has_happened(c->s, &list[i]))
			continue;
		item->by_part |= list[i].of_part;
		if (list[i].of_part)
			continue;
		if (list[i].destroyed) {
			item->state = ITEM_DESTROYED;
			item->by = list[i].said;
			continue;
		}
		TRY(gathered_add(&hold, &c->holds, sizeof(*hold), err));
		*hold = make_hold(c, &list[i]);
		if (item->state != ITEM_OPEN || !hold_is_in_force(c->s, hold))
			continue;
		item->state = ITEM_KEPT;
		item->by = list[i].said;
	}
	return WM_OK;
}

static bool is_item(const struct graph_node *n)
{
	return graph_may_be(n, GRAPH_DATASET) || graph_may_be(n, GRAPH_CHECKPOINT);
}

static bool is_in_part(const struct order_state *s, uint32_t place)
{
	return place < s->n_seeds &&
	       (s->scopes[place] == SCOPE_RECORD || s->scopes[place] == SCOPE_SUBSET);
}

/* By node: marked first, then read off in order. */
static enum wm_code list_items(struct settling *c, struct wm_error *err)
{
	struct order_state *s = c->s;
	const struct graph *g = s->orders->graph;
	const struct deed *deeds;
	void *room = NULL;
	size_t n;

	TRY(arena_alloc(&room, &s->arena, ((size_t)s->trace.n + 1) * sizeof(*s->items), err));
	s->items = room;
	for (uint32_t node = 0; node < g->n_nodes; node++) {
		struct order_item *item = &s->items[s->n_items];
		const bool model = graph_may_be(&g->nodes[node], GRAPH_CHECKPOINT);
		const bool data = graph_may_be(&g->nodes[node], GRAPH_DATASET);

		if (!trace_has(&s->trace, node)) {
			s->n_unknown += order_may_reach(s, node);
			continue;
		}
		if (!is_item(&g->nodes[node]))
			continue;
		*item = (struct order_item){ .node = node, .place = s->trace.place[node] };
		item->in_part = is_in_part(s, item->place);
		s->n_items++;
		s->n_tainted += model;
		s->n_data += data;
		deeds = deeds_of(&n, &c->own, node);
		TRY(settle(c, item, deeds, n, err));
		deeds = deeds_of(&n, &s->orders->deeds, node);
		TRY(settle(c, item, deeds, n, err));
		s->n_open_models += item->state == ITEM_OPEN && model;
		s->n_open_data += item->state == ITEM_OPEN && data;
	}
	return WM_OK;
}

/* Holds of what no ledger has are known all the same. */
static enum wm_code add_other_holds(struct settling *c, struct wm_error *err)
{
	size_t n;
	const struct deed *list = deeds_of(&n, &c->own, GRAPH_NONE);
	struct order_hold *hold;

	for (size_t i = 0; i < n; i++) {
		if (!list[i].kept || !has_happened(c->s, list[i].said))
			continue;
		TRY(gathered_add(&hold, &c->holds, sizeof(*hold), err));
		*hold = make_hold(c, &list[i]);
	}
	return WM_OK;
}

static enum wm_code keep_holds(struct settling *c, struct wm_error *err)
{
	struct order_state *s = c->s;
	void *room = NULL;

	TRY(arena_alloc(&room, &s->arena, (c->holds.n + 1) * sizeof(*s->holds), err));
	s->holds = room;
	s->n_holds = c->holds.n;
	if (c->holds.n > 0)
		memcpy(room, c->holds.list, c->holds.n * sizeof(*s->holds));
	return WM_OK;
}

enum wm_code order_items(struct order_state *s, struct wm_error *err)
{
	__attribute__((cleanup(settling_release))) struct settling c = { .s = s };

	read_terms(s);
	TRY(list_deeds(&c.own, s->orders, s->order->events, s->order->n_events, err));
	TRY(list_releases(&c, err));
	TRY(list_items(&c, err));
	TRY(add_other_holds(&c, err));
	return keep_holds(&c, err);
}

static int compare_items(const void *key, const void *element)
{
	const uint32_t *node = key;
	const struct order_item *item = element;

	return (*node > item->node) - (*node < item->node);
}

const struct order_item *order_item(const struct order_state *s, uint32_t node)
{
	return bsearch(&node, s->items, s->n_items, sizeof(*s->items), compare_items);
}
