/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in memory: overwritten before they are released, and random where they begin. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "util/buf.h"
#include "util/error.h"

/* Releases a buffer that held a secret, overwriting it first. */
void buf_cleanse(struct buf *b);
#define cleanup_secret __attribute__((cleanup(buf_cleanse)))

/* Overwrites memory in a way that is not optimised away. */
void cleanse(void *p, size_t len);

/* Fills `out` with `len` random bytes from libcrypto's generator. */
MUST_USE enum wm_code random_bytes(void *out, size_t len, struct wm_error *err);

#endif
