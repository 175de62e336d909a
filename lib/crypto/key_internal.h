/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this floor share about keys. */
#ifndef CRYPTO_KEY_INTERNAL_H
#define CRYPTO_KEY_INTERNAL_H

#include "crypto/key.h"
#include "crypto/libcrypto.h"

/* The canonical SubjectPublicKeyInfo (RFC 5280, RFC 5480, RFC 8410). */
struct spki {
	uint8_t data[91];
	size_t len;
};

struct public_key {
	EVP_PKEY *pkey;
	enum key_algorithm algorithm;
	struct spki spki;
	char id[KEYID_HEX + 1];
};

struct private_key {
	EVP_PKEY *pkey;
	struct public_key *public;
};

/* Fails with `key-unsupported` unless `algorithm`, of a key still encoded, is one of ours. */
MUST_USE enum wm_code check_algorithm(const ASN1_OBJECT *algorithm, const char *name,
				      struct wm_error *err);

/*
 * The algorithm and the canonical SPKI of any key. Fails with `key-unsupported`, or
 * `key-encoding` where the curve was given by parameters instead of its name.
 */
MUST_USE enum wm_code spki_of(struct spki *out, enum key_algorithm *algorithm,
			      const EVP_PKEY *pkey, const char *name, struct wm_error *err);

/* Reads a DER SubjectPublicKeyInfo, with every check of public_key_parse(). */
MUST_USE enum wm_code public_key_from_der(struct public_key **out, const uint8_t *der, size_t len,
					  const char *name, struct wm_error *err);

/* Fails with `signature-malformed` unless `sig` is in the one accepted form. */
MUST_USE enum wm_code signature_check_form(enum key_algorithm algorithm, const uint8_t *sig,
					   size_t sig_len, struct wm_error *err);

/*
 * Brings a signature as others make it (P-256: high S) into the accepted form. `out`
 * may be `sig`. Fails with `signature-malformed`.
 */
MUST_USE enum wm_code signature_normalise(uint8_t out[SIGNATURE_MAX], size_t *out_len,
					  enum key_algorithm algorithm, const uint8_t *sig,
					  size_t sig_len, struct wm_error *err);

#endif
