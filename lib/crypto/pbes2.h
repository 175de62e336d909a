/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Password-based encryption of private keys, PBES2 (RFC 8018 section 6.2): what is
 * accepted, and what it may cost. The parameters come with the file, so they are
 * judged before a derivation is begun.
 */
#ifndef CRYPTO_PBES2_H
#define CRYPTO_PBES2_H

#include "crypto/libcrypto.h"

/*
 * Checks that `scheme` is PBES2 with AES-CBC and scrypt, or PBKDF2 with HMAC-SHA-256,
 * that its parameters are whole, and that deriving stays below LIMIT_SCRYPT_MEMORY,
 * LIMIT_SCRYPT_WORK, LIMIT_PBKDF2_ITERATIONS. Fails with `key-unsupported`,
 * `key-malformed`, `key-cost`. `name` is used in messages only.
 */
MUST_USE enum wm_code pbes2_check(const X509_ALGOR *scheme, const char *name,
				  struct wm_error *err);

/* The scheme that we encrypt with: AES-256-CBC and scrypt, with fresh salt and IV. */
MUST_USE enum wm_code pbes2_new(X509_ALGOR **out, struct wm_error *err);

#endif
