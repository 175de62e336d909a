/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sidecars: the protobuf file that carries statements beside a checkpoint, `X.wmk`.
 *
 * The bytes are canonical: no unknown or repeated fields, envelopes strictly ascending by
 * (statement id, keyid), openings by (statement id, pointer), proofs by (statement id, keyid,
 * key of the log), one signature each, every proof of an envelope that is there. The message on
 * the wire is proto/weightmark/v1/envelope.proto.
 */
#ifndef STATEMENT_SIDECAR_H
#define STATEMENT_SIDECAR_H

#include "statement/envelope.h"
#include "util/buf.h"
#include "util/cleanup.h"

/* The ending of sidecar names. */
#define SIDECAR_SUFFIX ".wmk"

struct opening {
	uint8_t statement[SHA256_BYTES];
	const char *pointer;
	const uint8_t *salt; /* OPENING_SALT bytes */
	const uint8_t *value; /* canonical JSON */
	size_t value_len;
};

enum { OPENING_SALT = 16 };

/* That an envelope is an entry of a log. What the text says is not looked at here: log/proof.h. */
struct proof {
	uint8_t statement[SHA256_BYTES];
	const char *keyid;
	const uint8_t *log_key; /* KEY_ED25519_BYTES: the log's key */
	const uint8_t *text;	/* C2SP tlog-proof */
	size_t text_len;
};

struct sidecar {
	struct arena arena; /* holds everything below, where it was decoded */
	struct envelope *envelopes;
	size_t n_envelopes;
	struct opening *openings;
	size_t n_openings;
	struct proof *proofs;
	size_t n_proofs;
};

enum { SIDECAR_START = 14 };

/* Whether the first SIDECAR_START bytes of a file are those of every sidecar. */
bool sidecar_begins(const uint8_t start[SIDECAR_START]);

void sidecar_release(struct sidecar *s);
#define cleanup_sidecar __attribute__((cleanup(sidecar_release)))

/*
 * Decodes a whole file. Fails with `sidecar-malformed`, `sidecar-order`, `unsigned` (an
 * envelope without signature), `payload-type`, `limit`. `name` is used in messages. On
 * failure `*out` is untouched. The bytes need not outlive the call.
 */
MUST_USE enum wm_code sidecar_decode(struct sidecar *out, const void *data, size_t len,
				     const char *name, struct wm_error *err);

/*
 * Appends the canonical bytes of a sidecar that holds what the lists of `s` do, in any order, one
 * envelope or more. Of envelopes with one statement and key, and of openings of one place, the
 * first in its list is written; of proofs with one statement, key and log the last, so that a
 * fresh proof takes an older one's place. Fails with `limit`, and with `sidecar-malformed` where
 * a proof is of no envelope.
 */
MUST_USE enum wm_code sidecar_encode_all(struct buf *out, const struct sidecar *s,
					 struct wm_error *err);

/* The same with these envelopes alone. */
MUST_USE enum wm_code sidecar_encode(struct buf *out, struct envelope *envelopes, size_t n,
				     struct wm_error *err);

/* The envelope of the decoded `s` with the statement and key of `e`, or NULL. Borrowed. */
const struct envelope *sidecar_find(const struct sidecar *s, const struct envelope *e);

/*
 * The proofs of `e` in the decoded `s`, and in `*n` how many; borrowed. None where `s` holds
 * another signature: an entry is an envelope with its signature.
 */
const struct proof *sidecar_proofs(size_t *n, const struct sidecar *s, const struct envelope *e);

/* Proofs gathered of several sidecars, from which they borrow. */
struct proof_list {
	struct proof *list;
	size_t n;
};

void proof_list_release(struct proof_list *list);
#define cleanup_proof_list __attribute__((cleanup(proof_list_release)))

/* Appends sidecar_proofs() of `e`. */
MUST_USE enum wm_code proof_list_add(struct proof_list *to, const struct sidecar *from,
				     const struct envelope *e, struct wm_error *err);

/* SHA-256("wmSealedV1" 00 | salt | value): what a sealed value's digest must be. */
MUST_USE enum wm_code opening_digest(uint8_t out[SHA256_BYTES], const struct opening *o,
				     struct wm_error *err);

#endif
