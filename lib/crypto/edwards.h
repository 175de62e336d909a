/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcrypto leaves unchecked of an Ed25519 public key: that it is the canonical
 * encoding of a point on the curve (RFC 8032 section 5.1.3) whose order is large. Under
 * a key of small order, signatures of any message can be made without a private key.
 */
#ifndef CRYPTO_EDWARDS_H
#define CRYPTO_EDWARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum { ED25519_BYTES = 32 };

/* Fails with `key-weak` (small order, or y >= p) or `key-malformed` (no such point). */
MUST_USE enum wm_code edwards_check(const uint8_t point[ED25519_BYTES], const char *name,
				    struct wm_error *err);

/* Whether the little-endian `scalar` is below the order L of the base point. */
bool edwards_scalar_reduced(const uint8_t scalar[ED25519_BYTES]);

#endif
