/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The retrain plan of an order: the tainted checkpoints, parents before children, from which clean
 * checkpoint each can be made anew, and what making it cost the last time, as its runs say.
 */
#ifndef LINEAGE_PLAN_H
#define LINEAGE_PLAN_H

#include "lineage/decimal.h"
#include "lineage/orders.h"

/* What the runs recorded. */
struct plan_cost {
	struct decimal flops, energy_kwh;
	size_t n_runs;	  /* counted */
	size_t n_without; /* of them, those that say neither */
};

struct plan_step {
	uint32_t node;
	uint32_t start; /* the last clean ancestor, or GRAPH_NONE: none is declared */
	uint32_t after; /* a tainted parent that is made anew before, or GRAPH_NONE */
	uint32_t run;	/* that made it, or GRAPH_NONE: a derivation */
	bool in_cycle;	/* ancestors lead back to it: no order is right */
	bool counted;	/* its run was counted for a step before */
	struct plan_cost cost;
	const char *compute; /* in the plan's arena, or NULL */
};

struct plan {
	struct arena arena;
	struct plan_step *steps; /* owned */
	size_t n;
	struct plan_cost total; /* each run once */
};

void plan_release(struct plan *p);
#define cleanup_plan __attribute__((cleanup(plan_release)))

/*
 * Makes the plan of `s`. Checkpoints that are equal to one before by their weights need no step of
 * their own, and have one all the same: whoever retrains decides. Reads the runs from the ledgers.
 * `out` is zeroed memory, to be released also after a failure. Linear in what is tainted.
 */
MUST_USE enum wm_code plan_make(struct plan *out, const struct order_state *s,
				struct wm_error *err);

#endif
