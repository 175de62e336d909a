/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What digests alone say of the derivations that a walk went: nobody has to be believed for it.
 *
 * A derivation that keeps the weights (convert, rename, or of no kind) is recomputed where all
 * parts of its child have equals in its parent. Of others that leave some as they were (finetune,
 * adapter, prune) the tensors are counted that both manifests list: those were frozen. An adapter
 * whose statement gives the digest of its parent, which another statement measured, has its parent
 * at hand. All else stays asserted.
 */
#ifndef LINEAGE_RECOMPUTED_H
#define LINEAGE_RECOMPUTED_H

#include "lineage/trace.h"

enum recomputed_equality { NOT_EQUAL, WEIGHTS_EQUAL, TENSOR_SETS_EQUAL /* all but names */ };

struct recomputed {
	enum recomputed_equality equality;
	uint32_t n_tensors;	/* distinct ones that both list */
	bool has_parent_digest; /* of an adapter: what it names by its digest is the parent */
};

/*
 * Compares the ends of each edge that `t` went, and of which both are at most `depth` away; the
 * list is by edge, free() it. Manifests, which the ledgers have, are read for at most
 * LIMIT_COMPARED derivations, those nearest; `*left_out`: for how many they were not. The indexes
 * are those of the graph. n log n.
 */
MUST_USE enum wm_code recompute(struct recomputed **out, uint32_t *left_out, const struct graph *g,
				const struct trace *t, uint32_t depth,
				struct index *const *indexes, struct wm_error *err);

#endif
