/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the verb `order` share. */
#ifndef ORDER_VERBS_H
#define ORDER_VERBS_H

#include "attest/compose.h"
#include "days.h"
#include "lineage/orders.h"
#include "private_ledger.h"
#include "verb.h"

enum { ORDERS_DONE_MAX = 64 }; /* of which one call says what was done */

/* The subverbs. */
verb_fn order_draft, order_add, order_status, order_done;

/* `done` of a withdrawal: that it was answered. */
verb_fn order_answered;

/* All that a call reads. */
struct order_view {
	struct ledgers ledgers;
	const char **origins; /* --origin, or NULL */
	struct graph *graph;
	struct orders *orders;
	bool vouched_later; /* the caller verifies all that he counts on himself */
};

void order_view_release(struct order_view *v);
#define cleanup_order_view __attribute__((cleanup(order_view_release)))

/*
 * Opens the ledgers, joins the graph, reads the orders, with the signatures of keys that --trust or
 * the setting public-key names. `out` is zeroed memory, but for `vouched_later`.
 */
MUST_USE enum wm_code order_view_open(struct order_view *out, struct call *call,
				      struct wm_error *err);

/* The same again after something was recorded; which ledgers are read was told. */
MUST_USE enum wm_code order_view_reopen(struct order_view *v, struct call *call,
					struct wm_error *err);

/* Fails with `deed-future`, and warns of what the order or its ledgers do not bear out. */
MUST_USE enum wm_code order_check_deeds(const struct order_state *s,
					const struct composed *events, size_t n,
					struct wm_error *err);

/* --- showing (order_print.c, order_tree.c) ------------------------------------------------ */

/* Orders as they stand, those that are due first at the front. */
struct order_states {
	struct order_state *list;
	size_t n;
	bool whole; /* one was asked for: all that it reaches is listed, not counted alone */
	bool plan;  /* and how to train anew */
	bool clean; /* and all that it does not reach */
};

void order_states_release(struct order_states *s);
#define cleanup_order_states __attribute__((cleanup(order_states_release)))

/* Those that are due first to the front. */
void order_states_sort(struct order_states *s);

MUST_USE enum wm_code print_orders(const struct order_states *s, struct wm_error *err);
/* "verified", "not verified" where the key is not at hand, "not by this key". */
const char *signature_text(const struct said *s);

/* Names the statements that the keys at hand did not sign; as a list "signature_invalid". */
void print_invalid(const struct orders *o);
MUST_USE enum wm_code invalid_tree(struct node *map, struct tree *t, const struct orders *o,
				   struct wm_error *err);

MUST_USE enum wm_code orders_tree(struct tree *t, const struct order_states *s,
				  struct wm_error *err);

/* The checkpoints that may descend from it, and which ancestor of each is of unknown origin. */
MUST_USE enum wm_code print_unknown(const struct order_state *s, struct wm_error *err);
MUST_USE enum wm_code unknown_tree(struct node *map, struct tree *t, const char *key,
				   const struct order_state *s, struct wm_error *err);

/* Which withdrawals are told of. */
struct withdrawal_view {
	const char *id; /* or NULL */
	int32_t today;
	int64_t now;
	bool within_given;
	uint64_t within; /* days, until the answer is due: others are passed over */
	bool gap;
	size_t n; /* that were told of */
};
/* Whether one of this name is there. */
bool has_withdrawal(const struct orders *o, const char *id);
/* Appends to a calendar the answers that are due of those that show_withdrawals() tells of. */
MUST_USE enum wm_code withdrawals_calendar(struct buf *ics, const struct orders *o,
					   const struct withdrawal_view *view,
					   struct wm_error *err);

/*
 * Tells of all withdrawals, or those called `id`: as a list "withdrawals" of `map`, or as text
 * where that is NULL, after an empty line where `gap`. `*overdue`: an answer is.
 */
MUST_USE enum wm_code show_withdrawals(bool *overdue, struct node *map, struct tree *t,
				       const struct orders *o, struct withdrawal_view *view,
				       struct wm_error *err);

#endif
