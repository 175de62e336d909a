/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures from strangers: PEM public and private keys (passphrase
 * "secret"), and signatures. What parses must encode and parse to the same key;
 * no input may verify over a message that nobody signed.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/key_internal.h"

enum { ENCODED_MAX = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum wm_code give_passphrase(void *context, struct buf *out, struct wm_error *err)
{
	(void)context;
	return buf_append_str(out, "secret", err);
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_signature(const struct public_key *k, const uint8_t *data, size_t size)
{
	uint8_t sig[SIGNATURE_MAX];
	size_t len;

	require(key_verify(k, "nobody signed this", 18, data, size, NULL) == WM_SIGNATURE);
	if (signature_normalise(sig, &len, public_key_algorithm(k), data, size, NULL) == WM_OK)
		require(signature_check_form(public_key_algorithm(k), sig, len, NULL) == WM_OK);
}

static void check_public(const uint8_t *data, size_t size)
{
	cleanup_public_key struct public_key *k = NULL;
	cleanup_public_key struct public_key *again = NULL;
	cleanup_buf struct buf pem = BUF_INIT(ENCODED_MAX);

	if (public_key_parse(&k, data, size, "fuzz", NULL) != WM_OK)
		return;
	require(public_key_encode(&pem, k, NULL) == WM_OK);
	require(public_key_parse(&again, pem.data, pem.len, "fuzz", NULL) == WM_OK);
	require(strcmp(public_key_id(k), public_key_id(again)) == 0);
}

static void check_private(const uint8_t *data, size_t size)
{
	cleanup_private_key struct private_key *k = NULL;
	cleanup_private_key struct private_key *again = NULL;
	cleanup_buf struct buf pem = BUF_INIT(ENCODED_MAX);
	uint8_t sig[SIGNATURE_MAX];
	size_t len;

	if (private_key_parse(&k, data, size, "fuzz", give_passphrase, NULL, NULL) != WM_OK)
		return;
	require(private_key_encode(&pem, k, "", 0, NULL) == WM_OK);
	require(private_key_parse(&again, pem.data, pem.len, "fuzz", NULL, NULL, NULL) == WM_OK);
	require(private_key_sign(k, data, size, sig, &len, NULL) == WM_OK);
	require(key_verify(private_key_public(again), data, size, sig, len, NULL) == WM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct private_key *keys[2];

	for (enum key_algorithm a = KEY_P256; a <= KEY_ED25519; a++) {
		if (!keys[a])
			require(private_key_new(&keys[a], a, NULL) == WM_OK);
		check_signature(private_key_public(keys[a]), data, size);
	}
	check_public(data, size);
	check_private(data, size);
	return 0;
}
