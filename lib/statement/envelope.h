/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DSSE envelopes (secure-systems-lab/dsse, protocol.md v1.0): what exactly is signed.
 *
 * An envelope of ours has one signature; a countersignature is an envelope of its own
 * around the same payload.
 */
#ifndef STATEMENT_ENVELOPE_H
#define STATEMENT_ENVELOPE_H

#include "crypto/signer.h"
#include "crypto/sha256.h"
#include "util/arena.h"

/* The one payloadType. */
extern const char envelope_payload_type[];

struct envelope {
	const uint8_t *payload; /* borrowed from the sidecar or the arena that holds it */
	size_t payload_len;
	const uint8_t *sig;
	size_t sig_len;
	const char *keyid;		 /* as written: a hint until the signature is verified */
	uint8_t statement[SHA256_BYTES]; /* the payload's statement id, computed */
};

/*
 * Appends PAE(payloadType, payload) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body,
 * LEN in decimal ASCII.
 */
MUST_USE enum wm_code envelope_pae(struct buf *out, const void *payload, size_t len,
				   struct wm_error *err);

/* Signs a payload; what the envelope borrows is copied into `a`. */
MUST_USE enum wm_code envelope_sign(struct envelope *out, struct arena *a, struct signer *signer,
				    const void *payload, size_t len, struct wm_error *err);

/* WM_OK where `key` made the signature; fails as key_verify() does. */
MUST_USE enum wm_code envelope_verify(const struct envelope *e, const struct public_key *key,
				      struct wm_error *err);

/*
 * Whether `key` made the signature, for callers to whom a no is no failure: `said` holds
 * envelope_verify()'s answer. Fails only where none could be had.
 */
MUST_USE enum wm_code envelope_try(struct wm_error *said, const struct envelope *e,
				   const struct public_key *key, struct wm_error *err);

/* Order of envelopes in a sidecar: by statement id, then keyid. */
int envelope_compare(const struct envelope *a, const struct envelope *b);

#endif
