/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering what a verdict rests on: carriers, signatures, statements, measurements.
 *
 * Gathering judges nothing: it keeps what each step said, and the table of checks
 * (checks.c) reads it. Only what could not be told at all (I/O, memory) is an error.
 * A payload is parsed only after a pinned key's signature over it verified.
 */
#ifndef ATTEST_VERIFY_H
#define ATTEST_VERIFY_H

#include "checkpoint/checkpoint.h"
#include "statement/sidecar.h"
#include "statement/statement.h"
#include "trust/keyring.h"
#include "weightmark/v1/manifest.pb-c.h"

/* One envelope that a carrier held. */
struct carried {
	const struct envelope *envelope;
	const struct public_key *key; /* the pinned key that it names, or NULL */
	struct wm_error signature;    /* WM_OK: verified under `key` */
	bool keyid_wrong;	      /* verified under another pinned key than it names */
	struct statement *statement;  /* NULL unless verified and decoded */
	struct wm_error decoded;      /* why it is not, where it was verified */
};

struct verification {
	bool full; /* the plain SHA-256 was to be recomputed too */
	char *sidecar_path;
	struct sidecar sidecar;
	struct wm_error sidecar_err;
	struct carried *carried; /* one an envelope of the sidecar */
	size_t n_carried;
	/* The newest manifest among the verified statements; NULL where there is none. */
	const struct carried *head;
	const Weightmark__V1__Manifest *manifest; /* of `head` */
	size_t n_heads; /* it, and manifests that are not earlier ones of its object */
	struct checkpoint *checkpoint; /* NULL where it could not be parsed */
	struct wm_error checkpoint_err;
};

struct verify_options {
	const struct keyring *keys;
	const char *sidecar; /* its path, or NULL: beside the checkpoint */
	bool full;
	unsigned workers; /* 0: one a processor */
	struct progress *progress;
};

/* Gathers everything; `out` is zeroed memory and to be released also after a failure. */
MUST_USE enum wm_code verification_gather(struct verification *out, const char *path,
					  const struct verify_options *options,
					  struct wm_error *err);
void verification_release(struct verification *v);

/* Whether a pinned key's signature over the statement of `c` verified in any envelope. */
bool statement_verified(const struct verification *v, const struct carried *c);

#endif
