/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What digests alone say of the derivations that a walk went: nobody has to be believed for it.
 *
 * Beside an equality of the same two nodes a derivation is one that left the weights, or all but
 * names, as they were. Of others the tensors are counted that both have: those were frozen. Only
 * tensors that the manifests list are compared. An adapter whose statement gives the digest of its
 * parent, which another statement measured, has its parent at hand. All else stays asserted.
 */
#ifndef LINEAGE_RECOMPUTED_H
#define LINEAGE_RECOMPUTED_H

#include "lineage/trace.h"

struct recomputed {
	uint32_t n_tensors;	/* distinct ones that both have */
	bool has_parent_digest; /* of an adapter: what it names by its digest is the parent */
};

/*
 * Compares for each node of `t` that is at most `depth` away what the edge by which it was reached
 * derived, in a list by place: at most LIMIT_COMPARED derivations, from the manifests that the
 * ledgers have; `*left_out`: how many more there are. The indexes are those of the graph. free()
 * the list.
 */
MUST_USE enum wm_code recompute(struct recomputed **out, uint32_t *left_out, const struct graph *g,
				const struct trace *t, uint32_t depth,
				struct index *const *indexes, struct wm_error *err);

/*
 * The equality of the two nodes of edge `e`, a derivation that keeps the weights (convert, rename,
 * or of no kind): GRAPH_EQUAL_WEIGHTS, else GRAPH_EQUAL_TENSORS; false: there is none. Logarithmic.
 */
bool derivation_equality(enum graph_relation *out, const struct graph *g,
			 const struct graph_edge *e);

#endif
