/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a checkpoint comes from, and what stands against it: the lineage of the statements that are
 * carried with it, of further ones that are given, and of ledgers (lineage/graph.h), asked about
 * this one checkpoint. What only ledgers say is not verified: it can speak against the checkpoint,
 * and a signature by a pinned key is what the other checks are for.
 */
#ifndef ATTEST_ANCESTRY_H
#define ATTEST_ANCESTRY_H

#include "attest/verify.h"

/* Where lineage is looked for besides the carriers. */
struct lineage_options {
	struct index *const *indexes; /* of ledgers, caught up */
	size_t n_indexes;
	const char *const *statements; /* sidecars of further statements, all by pinned keys */
	size_t n_statements;
};

/* What speaks against the checkpoint: the first of each, WM_OK where there is none. */
struct ancestry {
	size_t n_ancestors, n_unknown;
	bool decided; /* ledgers were asked, and neither use nor order was left undecided */
	struct wm_error tainted;   /* `ancestor-tainted` */
	struct wm_error withdrawn; /* `record-withdrawn`: before a run that used it began */
	struct wm_error withdrawn_later; /* `record-withdrawn-later`: after it, or untold */
	struct wm_error unknown;   /* `ancestor-unknown`, `use-undecided` */
	struct wm_error conflict;  /* `declarations-conflict`, `signature-invalid` */
};

/*
 * Gathers what there is about the checkpoint that `v->head` speaks of, which must not be NULL.
 * Fails as graph_load() and orders_load() do, and where a given sidecar cannot be read, or is by a
 * key that is not pinned (`key-untrusted`).
 */
MUST_USE enum wm_code ancestry_gather(struct ancestry *out, const struct verification *v,
				      const struct keyring *keys, const struct lineage_options *o,
				      struct wm_error *err);

#endif
