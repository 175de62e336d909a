/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a record is in a dataset, which need the root alone to be verified; and that it is
 * not, which need the key too. Canonical JSON of at most LIMIT_RECORD_PROOF bytes; digests are
 * base64:
 *
 *	{"_type": "urn:weightmark:record-proof:v1", "commitment": r, "dataset": object id,
 *	 "digest": d, "index": of the leaf, "path": [siblings from the leaf up], "root",
 *	 "size": leaves of the tree, "statement": statement id}
 *	{"_type": "urn:weightmark:record-absence:v1", "dataset", "digest": d, "neighbour": [the
 *	 leaves before and after where it would be, {"index", "leaf", "path"}], "root", "size",
 *	 "statement"}
 *
 * The first opens one record, d and r, and nothing of others. That a record is absent is only what
 * who holds the key says: whoever does not have it cannot know that r is the right one.
 */
#ifndef DATA_MEMBERSHIP_H
#define DATA_MEMBERSHIP_H

#include "data/commitments.h"
#include "util/limits.h"

struct neighbour {
	struct inclusion path;
	uint8_t leaf[SHA256_BYTES];
};

struct membership {
	char dataset[LIMIT_OBJECT + 1];
	uint8_t statement[SHA256_BYTES]; /* its id */
	uint8_t root[SHA256_BYTES];
	uint64_t size;
	uint8_t digest[SHA256_BYTES];
	bool absent;
	uint8_t r[SHA256_BYTES];     /* of one that is in */
	struct neighbour at[2];	     /* itself; of an absent one its neighbours, ascending */
	size_t n;
};

/*
 * Proves that the record with this digest is in; dataset and statement stay the caller's to fill.
 * Fails with `record-unknown`, `commitment-key-mismatch`, and as commitments_prove() does.
 */
MUST_USE enum wm_code membership_prove(struct membership *out, const struct commitments *c,
				       const struct record_key *k,
				       const uint8_t digest[SHA256_BYTES], struct wm_error *err);

/* Proves that it is not. Fails with `record-mismatch` where it is. */
MUST_USE enum wm_code membership_prove_absent(struct membership *out, const struct commitments *c,
					      const struct record_key *k,
					      const uint8_t digest[SHA256_BYTES],
					      struct wm_error *err);

MUST_USE enum wm_code membership_encode(struct buf *out, const struct membership *m,
					struct wm_error *err);

/* Parses exactly what membership_encode() writes. Fails with `record-proof-malformed`. */
MUST_USE enum wm_code membership_parse(struct membership *out, const void *data, size_t len,
				       const char *name, struct wm_error *err);

/*
 * WM_OK where `m` proves against `root` and `size`, the number of leaves, which the caller has from
 * elsewhere: who signed them? Of a record that is in, size may be 0, not known, and `k` NULL; of an
 * absent one both are needed, since a smaller tree could take a node for a leaf. Fails with
 * `record-proof-mismatch`, `commitment-key-missing`.
 */
MUST_USE enum wm_code membership_verify(const struct membership *m,
					const uint8_t root[SHA256_BYTES], uint64_t size,
					const struct record_key *k, struct wm_error *err);

#endif
