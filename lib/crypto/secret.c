/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes, and memory that is overwritten before it is released. */
#include "crypto/secret.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "crypto/libcrypto.h"

void cleanse(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

void buf_cleanse(struct buf *b)
{
	if (b->cap)
		cleanse(b->data, b->cap);
	buf_release(b);
}

enum wm_code random_bytes(void *out, size_t len, struct wm_error *err)
{
	if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
		return fail_libcrypto(err, REASON_INTERNAL, "no %zu random bytes to be had", len);
	return WM_OK;
}
