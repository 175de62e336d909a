/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs that carried statements are in: proofs of inclusion verified, and the tree heads they
 * lead to held against those that are remembered.
 *
 * Every proof that a sidecar or a slot carries must lead where it says, whoever's log it is. It
 * counts only where the log's key is pinned for its origin. No ledger and no network is needed.
 */
#ifndef ATTEST_LOGGED_H
#define ATTEST_LOGGED_H

#include "log/memory.h"
#include "util/error.h"

struct verification;

/* One log. */
struct logged {
	struct log_key *key;
	bool pinned;
	size_t n_statements; /* carried envelopes by pinned keys that are in it; 0 unless pinned */
	bool *counted;	     /* one a carried envelope; NULL unless pinned */
	struct note *notes;  /* distinct tree heads, by size; unless pinned, the newest alone */
	size_t n_notes;
	enum linkage linkage; /* of the newest; FORK where any contradicts another one */
	uint64_t sizes[2];    /* FORK: of the two heads that the evidence has */
	bool remembered;
	char *evidence; /* the path of what was kept of a fork, or NULL */
};

struct logs {
	struct logged *list;
	size_t n;
	struct wm_error proofs_err; /* why a proof does not lead where it says */
};

void logs_release(struct logs *logs);

/*
 * Gathers the logs of all proofs that carriers of `v` hold, whose envelopes are verified by now.
 * `pinned` may be NULL; `state` (log/memory.h) is read and written for pinned logs alone, and may
 * be NULL. Fails only where nothing could be told.
 */
MUST_USE enum wm_code logs_gather(struct verification *v, const struct log_keys *pinned,
				  const char *state, struct wm_error *err);

/* The checks (attest/checks.h). */
enum wm_code proofs_consistent(const struct verification *v, struct wm_error *err);
enum wm_code logs_unforked(const struct verification *v, struct wm_error *err);

#endif
