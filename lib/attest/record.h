/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording what sidecars carry in a log, and keeping the proofs of that in the sidecars.
 *
 * Order: the sidecar is there, its envelopes become entries, the sidecar gets their proofs. An
 * envelope that is an entry already is not appended again, so that the same call after a crash
 * completes what was begun and changes nothing else. Payloads are read strictly before anything is
 * appended; whose signature it is, is for those to say who pin keys.
 */
#ifndef ATTEST_RECORD_H
#define ATTEST_RECORD_H

#include "ledger/ledger.h"
#include "statement/sidecar.h"
#include "trust/keyring.h"

struct record_options {
	const char *ledger; /* the repository's path */
	const char *origin; /* of the log; NULL: the only one that this copy may write to */
	const char *index;  /* folder of indexes (index/index.h), or NULL: in memory */
	const struct keyring *keys; /* every envelope must be by one of them; NULL: by any */
	bool no_proofs;		    /* leave the sidecars as they are */
	struct progress *progress;
};

/* What was recorded. */
struct recording {
	const char *ledger; /* borrowed from the options */
	char origin[LIMIT_ORIGIN + 1];
	struct log_key *key;
	uint64_t size; /* entries of the log now */
	uint8_t root[SHA256_BYTES];
	size_t n_appended, n_present; /* envelopes that are new in the log; that were there */
	size_t n_updated;	      /* sidecars that got proofs */
	bool rewritten;		      /* the log's history was another one when it was last read */
};

void recording_release(struct recording *r);
#define cleanup_recording __attribute__((cleanup(recording_release)))

/*
 * Records all envelopes of the `n` sidecar files `paths`, in their order; within one in the order
 * of the sidecar, but those about one object by their sequences. All new ones are one batch. Fails
 * as carrier_load(), statement_decode(), ledger_writer_open(), ledger_append() and sidecar_extend()
 * do; with `key-untrusted` or `signature-invalid`; with `origin-unknown` where no log could be
 * meant, `usage` where more than one. `out` is zeroed memory, to be released also after a failure.
 */
MUST_USE enum wm_code record_sidecars(struct recording *out, const char *const *paths, size_t n,
				      const struct record_options *options, struct wm_error *err);

/* Records these envelopes, which no sidecar carries: there are no proofs then. */
MUST_USE enum wm_code record_envelopes(struct recording *out, struct envelope *list, size_t n,
				       const struct record_options *options,
				       struct wm_error *err);

/*
 * Whether recording could begin: the ledger is there, one log of it is meant, and this copy may
 * write to it. `out` gets origin and size, and no key. `complete` also opens the writer, which ends
 * what a killed one began. Fails as record_sidecars() does before it reads a sidecar, and with
 * `write-failed`.
 */
MUST_USE enum wm_code record_check(struct recording *out, const struct record_options *options,
				   bool complete, struct wm_error *err);

/* Chooses the origin: `wanted`, else the only log that this copy may write to. */
MUST_USE enum wm_code record_choose_origin(char out[LIMIT_ORIGIN + 1], const struct ledger *l,
					   const char *wanted, struct wm_error *err);

#endif
