/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto where libcrypto's own allocations fail: never a wrong yes, never a crash. */
#include "keys.h"

#include <openssl/crypto.h>

static size_t n_until_failure; /* 0: none fails */

static bool fails_now(void)
{
	if (n_until_failure == 0)
		return false;
	if (n_until_failure == 1)
		return true;
	n_until_failure--;
	return false;
}

static void *allocate(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return fails_now() ? NULL : malloc(size);
}

static void *reallocate(void *p, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return fails_now() ? NULL : realloc(p, size);
}

static void release(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

/* Runs `body` with allocation 1, 2, 3 ... and all after it failing; how often it failed. */
static size_t with_libcrypto_failing(enum wm_code (*body)(const void *), const void *context,
				     enum wm_code expect)
{
	for (size_t n = 1; n < 5000; n++) {
		enum wm_code code;
		bool failed;

		n_until_failure = n;
		code = body(context);
		failed = n_until_failure == 1;
		n_until_failure = 0;
		if (!failed) {
			assert_int_equal(code, expect);
			return n - 1;
		}
		if (expect != WM_OK)
			assert_int_not_equal(code, WM_OK);
	}
	return 0;
}

struct case_of {
	struct private_key *key;
	const char *message;
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len;
};

static enum wm_code verify(const void *context)
{
	const struct case_of *c = context;

	return key_verify(private_key_public(c->key), c->message, strlen(c->message), c->sig,
			  c->sig_len, NULL);
}

static enum wm_code sign_and_verify(const void *context)
{
	struct case_of c = *(const struct case_of *)context;

	TRY(private_key_sign(c.key, "made", 4, c.sig, &c.sig_len, NULL));
	c.message = "made";
	return verify(&c);
}

static void never_says_yes_wrongly(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct case_of c = { .key = test_private_key(i ? "ed25519.pem" : "p256.pem") };
		struct wm_error err = { 0 };

		assert_ok(private_key_sign(c.key, "true", 4, c.sig, &c.sig_len, &err), &err);
		c.message = "true";
		assert_true(with_libcrypto_failing(verify, &c, WM_OK) > 0);
		c.message = "false";
		assert_true(with_libcrypto_failing(verify, &c, WM_SIGNATURE) > 0);
		assert_true(with_libcrypto_failing(sign_and_verify, &c, WM_OK) > 0);
		private_key_free(c.key);
	}
}

static enum wm_code parse(const void *context)
{
	const struct buf *pem = context;
	cleanup_public_key struct public_key *k = NULL;

	return public_key_parse(&k, pem->data, pem->len, "test", NULL);
}

static void parses_only_good_keys(void **state)
{
	static const struct {
		const char *path;
		enum wm_code expect;
	} cases[] = {
		{ "testdata/keys/p256.pub", WM_OK },
		{ "testdata/keys/ed25519.pub", WM_OK },
		{ "testdata/keys/p256-compressed.pub", WM_INVALID },
		{ "testdata/keys/p256-explicit.pub", WM_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf pem = BUF_INIT(65536);

		read_file(&pem, cases[i].path);
		assert_true(with_libcrypto_failing(parse, &pem, cases[i].expect) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_says_yes_wrongly),
		cmocka_unit_test(parses_only_good_keys),
	};

	/* Refused once libcrypto has allocated anything. */
	if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
		return 1;
	return run_tests(tests);
}
