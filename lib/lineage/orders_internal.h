/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that compute where an order stands share. */
#ifndef LINEAGE_ORDERS_INTERNAL_H
#define LINEAGE_ORDERS_INTERNAL_H

#include "lineage/orders.h"

/* Makes what resolve_reference() needs, and the nodes with an unknown ancestor. */
MUST_USE enum wm_code orders_join_graph(struct orders *o, struct wm_error *err);

/* Fills seeds, scopes and missing of a state whose orders, order and arena are set. */
MUST_USE enum wm_code order_seeds(struct order_state *s, struct wm_error *err);

/* Fills items, and counts them, of a state that has its trace; holds as well. */
MUST_USE enum wm_code order_items(struct order_state *s, struct wm_error *err);

/* Fills recipients and conflicts. */
MUST_USE enum wm_code order_recipients(struct order_state *s, struct wm_error *err);

/* Fills obligations, closed and overdue, after all else. */
MUST_USE enum wm_code order_obligations(struct order_state *s, struct wm_error *err);

/* The order of a version. */
static inline const Weightmark__V1__Order *order_said(const struct said *version)
{
	return (const Weightmark__V1__Order *)version->statement->message;
}

/* The event of a statement. */
static inline const Weightmark__V1__LifecycleEvent *event_of(const struct said *s)
{
	return (const Weightmark__V1__LifecycleEvent *)s->statement->message;
}

/* That something was destroyed or kept. */
struct deed {
	uint32_t node; /* GRAPH_NONE: what no ledger has */
	bool by_digest;	 /* not by name */
	bool of_part;  /* it names one of several digests: that accounts for nothing */
	const struct said *said;
	const Weightmark__V1__Destroyed *destroyed; /* one of these */
	const Weightmark__V1__Retained *kept;
};

/*
 * Appends to `whole` the nodes that a deed about `r` accounts for: the object that it names, else
 * those of which it gives the only digest that is stated. To `part`, those of which it is one of
 * several: that of a file among files, or one that another statement about the object contradicts.
 */
MUST_USE enum wm_code resolve_deed(struct gathered_list *whole, struct gathered_list *part,
				   const struct orders *o, const Weightmark__V1__Reference *r,
				   struct wm_error *err);

/* Adds what the `n` events say, and puts the deeds in order of their nodes. */
MUST_USE enum wm_code list_deeds(struct gathered_list *out, const struct orders *o,
				 const struct said *const *events, size_t n, struct wm_error *err);

/* The day of an event. */
int32_t day_of_event(const struct order_state *s, const struct said *event);

/* Whether it keeps something on the day that is looked at. */
bool hold_is_in_force(const struct order_state *s, const struct order_hold *h);

/* Whether the event is of the day that is looked at, or before. */
bool has_happened(const struct order_state *s, const struct said *event);

/* The same of a deed: its event, and the destruction that it tells of. */
bool deed_has_happened(const struct order_state *s, const struct deed *d);

/* The node that the statement of this id is about, or GRAPH_NONE. */
uint32_t node_of_statement(const struct orders *o, const uint8_t id[SHA256_BYTES]);

#endif
