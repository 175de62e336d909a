/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an order does not reach: the checkpoints of all ledgers to which no declared path leads from
 * what it is about, and which of them to go on from.
 *
 * Unknown is not clean: neither what has an ancestor that nobody declares, nor what descends from
 * a use of which it is undecided whether it was of the data.
 */
#ifndef LINEAGE_CLEAN_H
#define LINEAGE_CLEAN_H

#include "lineage/orders.h"

struct clean {
	uint32_t *list; /* checkpoints that a statement is about, by node; owned */
	uint32_t n;
	uint32_t *candidates; /* of them, those of tainted runs from before the data; owned */
	uint32_t n_candidates;
	uint32_t n_undecided; /* checkpoints neither tainted nor unknown, from such a use */
};

void clean_release(struct clean *c);
#define cleanup_clean __attribute__((cleanup(clean_release)))

/* `out` is zeroed memory, to be released also after a failure. Linear in the graph. */
MUST_USE enum wm_code clean_make(struct clean *out, const struct order_state *s,
				 struct wm_error *err);

#endif
