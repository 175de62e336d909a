/* SPDX-License-Identifier: Apache-2.0 */
/* Where `trace` begins: the nodes of a lineage graph that an operand means. */
#ifndef TRACE_SEEDS_H
#define TRACE_SEEDS_H

#include "ledgers.h"
#include "lineage/trace.h"

struct seeds {
	const struct graph *graph; /* this and what follows are for the caller to set; borrowed */
	const struct ledgers *ledgers;
	const char *const *origins;
	struct call *call;
	bool records;		     /* the verb has --dataset: then it is the file of a record */
	const enum graph_kind *kind; /* of these alone; NULL: of all */
	struct trace_seed *list; /* owned */
	size_t n;
	bool *taken; /* by node; owned */
	/* While looking: */
	struct index *index;
	bool datasets; /* alone */
};

void seeds_release(struct seeds *s);
#define cleanup_seeds __attribute__((cleanup(seeds_release)))

/*
 * Finds what `what` means: an object id, a digest, "party:NAME", a name; else a checkpoint of this
 * path, by what it measures as, or a proof of membership, by its dataset. With a leading "/", "./"
 * or "../" it is a path alone; with the option dataset it is the file of a record of that dataset.
 * None is no failure. Fails with `usage` where a name means several,
 * with `record-proof-mismatch` where a proof is not one of the statement that it names.
 */
MUST_USE enum wm_code find_seeds(struct seeds *s, const char *what, struct wm_error *err);

/*
 * Finds the one thing of the seeds' kind that `what` means. Fails as find_seeds() does, with
 * `usage` where it means several, and with `thing-unknown`.
 */
MUST_USE enum wm_code find_thing(uint32_t *out, struct seeds *s, const char *what,
				 struct wm_error *err);

#endif
