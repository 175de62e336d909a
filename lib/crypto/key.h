/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures: ECDSA over P-256 with SHA-256, and Ed25519 (RFC 8032).
 *
 * Public keys are canonical: SubjectPublicKeyInfo (RFC 5280) as OpenSSL writes it
 * with a named curve and an uncompressed point; any other encoding of a key is
 * refused, and so are Ed25519 keys of small order or with y >= p. A key is known
 * by its keyid: the SHA-256 of that DER, in lower-case hexadecimal.
 *
 * Signatures: Ed25519 as RFC 8032 has it; P-256 as strict DER with low S, high S
 * refused. key_verify() succeeds only where libcrypto's answer is exactly 1.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/secret.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/error.h"

enum {
	KEYID_BYTES = 32,
	KEYID_HEX = 2 * KEYID_BYTES,
	SIGNATURE_MAX = 128, /* bytes; room for a P-384 DER signature */
};

enum key_algorithm { KEY_P256, KEY_ED25519 };

/* "ecdsa-p256", "ed25519"; static. */
const char *key_algorithm_name(enum key_algorithm algorithm);

/* A public key. */
struct public_key;
void public_key_free(struct public_key *k);
DEFINE_CLEANUP(public_key, struct public_key, public_key_free)
#define cleanup_public_key __attribute__((cleanup(public_key_cleanup_)))

/* Reads one PEM "PUBLIC KEY" block (RFC 7468); nothing but white space may surround it. */
MUST_USE enum wm_code public_key_parse(struct public_key **out, const void *pem, size_t len,
				       const char *name, struct wm_error *err);
MUST_USE enum wm_code public_key_load(struct public_key **out, const char *path,
				      struct wm_error *err);
/* Appends the PEM form, as `openssl pkey -pubin` reads it. */
MUST_USE enum wm_code public_key_encode(struct buf *out, const struct public_key *k,
					struct wm_error *err);
enum key_algorithm public_key_algorithm(const struct public_key *k);
/*
 * Ed25519 keys as the 32 bytes of RFC 8032 section 5.1.5. Reading fails as public_key_parse() does;
 * writing is false for a key of another algorithm.
 */
enum { KEY_ED25519_BYTES = 32 };
MUST_USE enum wm_code public_key_from_ed25519(struct public_key **out,
					      const uint8_t raw[KEY_ED25519_BYTES],
					      const char *name, struct wm_error *err);
bool public_key_ed25519(uint8_t raw[KEY_ED25519_BYTES], const struct public_key *k);
/* The keyid: 64 hex digits, zero-terminated; borrowed from `k`. */
const char *public_key_id(const struct public_key *k);

/*
 * Verifies `sig` over `message`: WM_OK, or `signature-malformed` (wrong length, not
 * strict DER, high S) or `signature-invalid`.
 */
MUST_USE enum wm_code key_verify(const struct public_key *k, const void *message, size_t len,
				 const uint8_t *sig, size_t sig_len, struct wm_error *err);

/* A private key; its memory is cleansed when freed. */
struct private_key;
void private_key_free(struct private_key *k);
DEFINE_CLEANUP(private_key, struct private_key, private_key_free)
#define cleanup_private_key __attribute__((cleanup(private_key_cleanup_)))

MUST_USE enum wm_code private_key_new(struct private_key **out, enum key_algorithm algorithm,
				      struct wm_error *err);

/*
 * Reads one PEM block, "PRIVATE KEY" or "ENCRYPTED PRIVATE KEY" (PKCS #8, RFC 5958;
 * PBES2 with scrypt, RFC 7914, or PBKDF2 with SHA-256). The cost of the derivation is
 * bounded before it is begun (`key-cost`). `passphrase` is asked only for an
 * encrypted key: it fills `out` (at most out->max bytes, without newline) and may
 * fail; NULL stands for "there is none" (`passphrase-needed`).
 */
typedef enum wm_code passphrase_fn(void *context, struct buf *out, struct wm_error *err);
MUST_USE enum wm_code private_key_parse(struct private_key **out, const void *pem, size_t len,
					const char *name, passphrase_fn *passphrase, void *context,
					struct wm_error *err);

/*
 * Appends the PEM form: PKCS #8, under PBES2 with AES-256-CBC and scrypt (N = 2^14,
 * r = 8, p = 5) where `passphrase_len` > 0. The caller cleanses `out` (crypto/secret.h).
 */
MUST_USE enum wm_code private_key_encode(struct buf *out, const struct private_key *k,
					 const char *passphrase, size_t passphrase_len,
					 struct wm_error *err);

/* The public half. Borrowed from `k`. */
const struct public_key *private_key_public(const struct private_key *k);

/* Signs `message`; `*sig_len` is at most SIGNATURE_MAX. P-256 signatures have low S. */
MUST_USE enum wm_code private_key_sign(const struct private_key *k, const void *message,
				       size_t len, uint8_t sig[SIGNATURE_MAX], size_t *sig_len,
				       struct wm_error *err);

#endif
