/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subsets of which the commitments are at hand: whether a run that names one by its root used
 * certain records.
 *
 * That a leaf is not among commitments says something only under the key that made it; a file
 * under that key is one that has the leaf, or has the key id of one that has. So the commitments
 * of the whole dataset belong to those of its subsets.
 */
#ifndef LINEAGE_SUBSETS_H
#define LINEAGE_SUBSETS_H

#include "data/commitments.h"
#include "lineage/gather.h"

struct subsets {
	struct gathered_list files; /* struct commitments *, by key id */
};

void subsets_release(struct subsets *s);
#define cleanup_subsets __attribute__((cleanup(subsets_release)))

/*
 * Adds the file `path`, and reads all of it, so that what is not in it is not in the subset. Fails
 * as commitments_open() and commitments_check() do.
 */
MUST_USE enum wm_code subsets_add(struct subsets *s, const char *path, struct wm_error *err);

enum subset_has { SUBSET_UNKNOWN, SUBSET_HAS, SUBSET_HAS_NONE };

/* What is known of one root. */
struct subset_answer {
	const uint8_t *root; /* of record commitments, or of content; borrowed */
	enum subset_has has;
};

/* What is known of all roots at hand. */
struct subset_answers {
	struct gathered_list list; /* struct subset_answer by root */
	const uint8_t **without;   /* roots of those that have none of the leaves, sorted; owned */
	size_t n_without;
};

void subset_answers_release(struct subset_answers *a);
#define cleanup_subset_answers __attribute__((cleanup(subset_answers_release)))

/*
 * Asks for all of the `n` leaves; `s` may be NULL: then nothing is known. `out` is zeroed memory,
 * to be released also after a failure, and before `s`. Fails as commitments_find() does.
 */
MUST_USE enum wm_code subsets_ask(struct subset_answers *out, const struct subsets *s,
				  const uint8_t *const *leaves, size_t n, struct wm_error *err);

/* Whether the subset of this root has any of the leaves. */
enum subset_has subset_answer(const struct subset_answers *a, const uint8_t root[SHA256_BYTES]);

#endif
