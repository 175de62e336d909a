/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements about datasets whose records are committed to: what was measured goes in, a signed one
 * is found again, and statements that refer to it are composed.
 */
#ifndef ATTEST_DATASET_H
#define ATTEST_DATASET_H

#include "attest/compose.h"
#include "data/commitments.h"
#include "lineage/gather.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"

/* What recording measured. */
struct dataset_measured {
	const struct commitments_header *commitments;
	const char *grammar;
	uint64_t n_bytes;
};

/*
 * Puts it into the one dataset of `c`; size_value and size_unit only where the author gave none.
 * Fails with `yaml-field` where the author wrote what is measured.
 */
MUST_USE enum wm_code dataset_fill(struct composition *c, const struct dataset_measured *m,
				   struct wm_error *err);

/* One statement of a dataset that has record commitments. */
struct dataset_version {
	uint8_t statement[SHA256_BYTES]; /* its id */
	uint8_t root[SHA256_BYTES], key_id[SHA256_BYTES], content_root[SHA256_BYTES];
	uint64_t sequence;
};

/* A signed dataset. */
struct dataset {
	struct sidecar sidecar;
	struct statement *statement;
	const Weightmark__V1__Dataset *message; /* in the statement */
	uint64_t newest; /* sequence of the newest one about it that was looked at */
	struct gathered_list versions; /* struct dataset_version, newest first, each root once */
};

void dataset_release(struct dataset *d);
#define cleanup_dataset __attribute__((cleanup(dataset_release)))

/*
 * Reads the sidecar `path` and takes from it the statement `id`, or where that is NULL the newest
 * one of its one dataset. With `key`, only what that key signed counts; without, nobody vouches for
 * it. Fails as carrier_load() and statement_decode() do; with `dataset-unknown` (none, several, no
 * record commitments), `key-untrusted`, `signature-invalid`, `issuer-mismatch`.
 */
MUST_USE enum wm_code dataset_load(struct dataset *out, const char *path, const uint8_t *id,
				   const struct public_key *key, struct wm_error *err);

/*
 * A revocation, the one statement of `c`, of the records with these leaves, which are sorted here
 * and stand in it once. Its id follows from the kind, the dataset and the leaves, so that the same
 * withdrawal is the same object. It holds from a moment or a day on.
 */
struct withdrawing {
	const struct dataset *dataset;
	Weightmark__V1__Revocation__Kind kind;
	struct when effective;
	uint8_t (*leaves)[SHA256_BYTES];
	size_t n;
};
MUST_USE enum wm_code dataset_withdraw(struct composition *c, struct withdrawing *w,
				       struct wm_error *err);

/* The event that the key of commitments `key_id` of the dataset was destroyed at `now`. */
MUST_USE enum wm_code dataset_key_destroyed(struct composition *c, const struct dataset *d,
					    const uint8_t key_id[SHA256_BYTES], int64_t now,
					    struct wm_error *err);

#endif
