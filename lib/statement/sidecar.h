/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sidecars: the protobuf file that carries statements beside a checkpoint, `X.wmk`.
 *
 * The bytes are canonical: no unknown or repeated fields, envelopes strictly ascending by
 * (statement id, keyid), openings by (statement id, pointer), one signature each. The
 * message on the wire is proto/weightmark/v1/envelope.proto.
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

struct sidecar {
	struct arena arena; /* holds everything below */
	struct envelope *envelopes;
	size_t n_envelopes;
	struct opening *openings;
	size_t n_openings;
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
 * Appends the canonical bytes of a sidecar with these envelopes, one or more, which are
 * sorted in place. Of two with one statement and key, one is written. Fails with `limit`.
 */
MUST_USE enum wm_code sidecar_encode(struct buf *out, struct envelope *envelopes, size_t n,
				     struct wm_error *err);

/* The same with openings, which are sorted in place too; of two equal places one is written. */
MUST_USE enum wm_code sidecar_encode_all(struct buf *out, struct envelope *envelopes, size_t n,
					 struct opening *openings, size_t n_openings,
					 struct wm_error *err);

/* SHA-256("wmSealedV1" 00 | salt | value): what a sealed value's digest must be. */
MUST_USE enum wm_code opening_digest(uint8_t out[SHA256_BYTES], const struct opening *o,
				     struct wm_error *err);

#endif
