/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 from libcrypto, its algorithm fetched once a process. */
#include "crypto/sha256.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/libcrypto.h"

struct sha256 {
	EVP_MD_CTX *context;
};

static enum wm_code fail_sha256(struct wm_error *err)
{
	return fail_libcrypto(err, REASON_INTERNAL, "libcrypto computes no SHA-256");
}

/* Fetching costs as much as digesting several KiB, hence once; it lives until exit. */
static const EVP_MD *algorithm(void)
{
	static _Atomic(EVP_MD *) fetched;
	EVP_MD *md = atomic_load(&fetched), *none = NULL;

	if (md)
		return md;
	md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (md && !atomic_compare_exchange_strong(&fetched, &none, md)) {
		EVP_MD_free(md);
		md = none;
	}
	return md;
}

enum wm_code sha256_new(struct sha256 **out, struct wm_error *err)
{
	struct sha256 *s = malloc(sizeof(*s));

	if (!s)
		return fail_nomem(err);
	s->context = EVP_MD_CTX_new();
	if (!s->context) {
		free(s);
		return fail_libcrypto(err, REASON_NO_MEMORY, "no context for SHA-256");
	}
	*out = s;
	return WM_OK;
}

void sha256_free(struct sha256 *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->context);
	free(s);
}

enum wm_code sha256_start(struct sha256 *s, struct wm_error *err)
{
	const EVP_MD *md = algorithm();

	if (!md || EVP_DigestInit_ex2(s->context, md, NULL) != 1)
		return fail_sha256(err);
	return WM_OK;
}

enum wm_code sha256_update(struct sha256 *s, const void *data, size_t len, struct wm_error *err)
{
	if (EVP_DigestUpdate(s->context, data, len) != 1)
		return fail_sha256(err);
	return WM_OK;
}

enum wm_code sha256_finish(struct sha256 *s, uint8_t out[SHA256_BYTES], struct wm_error *err)
{
	if (EVP_DigestFinal_ex(s->context, out, NULL) != 1)
		return fail_sha256(err);
	return WM_OK;
}

enum wm_code sha256_of(uint8_t out[SHA256_BYTES], const void *data, size_t len,
		       struct wm_error *err)
{
	const EVP_MD *md = algorithm();

	if (!md || EVP_Digest(data, len, out, NULL, md, NULL) != 1)
		return fail_sha256(err);
	return WM_OK;
}
