/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) from libcrypto: one shot and streaming. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/error.h"

enum { SHA256_BYTES = 32 };

/* A running digest. Owned by the caller; sha256_free(NULL) does nothing. */
struct sha256;

MUST_USE enum wm_code sha256_new(struct sha256 **out, struct wm_error *err);
void sha256_free(struct sha256 *s);

/* Starts anew; a context may be used for any number of messages. */
MUST_USE enum wm_code sha256_start(struct sha256 *s, struct wm_error *err);
MUST_USE enum wm_code sha256_update(struct sha256 *s, const void *data, size_t len,
				    struct wm_error *err);
MUST_USE enum wm_code sha256_finish(struct sha256 *s, uint8_t out[SHA256_BYTES],
				    struct wm_error *err);

/* The digest of one buffer. */
MUST_USE enum wm_code sha256_of(uint8_t out[SHA256_BYTES], const void *data, size_t len,
				struct wm_error *err);

DEFINE_CLEANUP(sha256, struct sha256, sha256_free)
#define cleanup_sha256 __attribute__((cleanup(sha256_cleanup_)))

#endif
