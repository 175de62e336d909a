/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records are new, by name or number, told while they are read: a file of commitments has no
 * names, and nobody keeps all of those that are read. Each record is committed to, and looked up
 * among the first bytes of the leaves that were there before; memory is 8 bytes a leaf of those.
 *
 *	added_new(&a, commitments, key, &err);
 *	if (added_is_new(a, leaf))
 *		added_note(a, name, number, &err);
 *	added_close(a);
 */
#ifndef DATA_ADDED_H
#define DATA_ADDED_H

#include "data/commitments.h"

struct added_record {
	char *name;	 /* of a file or member; NULL: */
	uint64_t number; /* of a line or row */
};

struct added {
	const struct record_key *key; /* borrowed */
	uint64_t *known; /* first bytes of leaves, ascending */
	size_t n_known;
	struct added_record *list; /* by number, name: the first LIMIT_CHANGES_LISTED */
	size_t n;
};

/*
 * Reads the leaves of `c`, made under `k`, which must outlive it. Fails with
 * `commitments-unsorted`.
 */
MUST_USE enum wm_code added_new(struct added **out, const struct commitments *c,
				const struct record_key *k, struct wm_error *err);
void added_free(struct added *a);
DEFINE_CLEANUP(added, struct added, added_free)
#define cleanup_added __attribute__((cleanup(added_cleanup_)))

/* Whether no record with this leaf was there; by any thread. */
bool added_is_new(const struct added *a, const uint8_t leaf[SHA256_BYTES]);

/* The record with this name, or number where `name` is NULL, is new. One at a time. */
MUST_USE enum wm_code added_note(struct added *a, const char *name, uint64_t number,
				 struct wm_error *err);

/* Sorts the list, and cuts it: what it has is the same whatever the order of reading was. */
void added_close(struct added *a);

#endif
