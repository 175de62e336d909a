/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/private_key.c, pbes2.c, secret.c: PKCS #8 in and out, at a bounded cost. */
#include "keys.h"

#include <stdio.h>

#include "util/limits.h"

static enum wm_code load(struct private_key **out, const char *file, const char *passphrase,
			 struct wm_error *err)
{
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	cleanup_free char *secret = passphrase ? strdup(passphrase) : NULL;
	char path[128];

	snprintf(path, sizeof(path), "testdata/keys/%s", file);
	read_file(&pem, path);
	return private_key_parse(out, pem.data, pem.len, path, secret ? test_passphrase : NULL,
				 secret, err);
}

static void reads_good_keys(void **state)
{
	static const char *const pairs[][2] = {
		{ "p256.pem", "p256.pub" },
		{ "p256-pbkdf2.pem", "p256.pub" },
		{ "ed25519.pem", "ed25519.pub" },
		{ "ed25519-scrypt.pem", "ed25519.pub" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cleanup_private_key struct private_key *k = test_private_key(pairs[i][0]);
		cleanup_public_key struct public_key *p = test_public_key(pairs[i][1]);

		assert_string_equal(public_key_id(private_key_public(k)), public_key_id(p));
	}
}

static void refuses_other_keys(void **state)
{
	static const struct {
		const char *file, *passphrase;
		enum reason reason;
	} cases[] = {
		{ "p256-explicit.pem", "secret", REASON_KEY_ENCODING },
		{ "p384.pem", "secret", REASON_KEY_UNSUPPORTED },
		{ "rsa.pem", "secret", REASON_KEY_UNSUPPORTED },
		{ "p256-pbes1.pem", "secret", REASON_KEY_UNSUPPORTED },
		{ "p256-pbkdf2-sha1.pem", "secret", REASON_KEY_UNSUPPORTED },
		{ "p256-3des.pem", "secret", REASON_KEY_UNSUPPORTED },
		{ "p256-traditional.pem", "secret", REASON_KEY_MALFORMED },
		{ "README", "secret", REASON_KEY_MALFORMED },
		{ "p256.pub", "secret", REASON_KEY_PUBLIC },
		{ "p256-pbkdf2.pem", "Secret", REASON_PASSPHRASE_WRONG },
		{ "p256-pbkdf2.pem", "", REASON_PASSPHRASE_WRONG },
		{ "ed25519-scrypt.pem", "secret ", REASON_PASSPHRASE_WRONG },
		{ "ed25519-scrypt.pem", NULL, REASON_PASSPHRASE_NEEDED },
		{ "ed25519-scrypt-p8192.pem", "secret", REASON_KEY_COST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct private_key *k = NULL;
		struct wm_error err = { 0 };

		assert_int_equal(load(&k, cases[i].file, cases[i].passphrase, &err), WM_INVALID);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
		assert_null(k);
	}
}

static enum wm_code refuse_to_answer(void *context, struct buf *out, struct wm_error *err)
{
	(void)context, (void)out;
	return fail(err, REASON_READ_FAILED, "no terminal");
}

static enum wm_code answer_too_much(void *context, struct buf *out, struct wm_error *err)
{
	size_t *n = context;

	for (size_t i = 0; i < *n; i++)
		TRY(buf_append_byte(out, 'x', err));
	return WM_OK;
}

static void passes_on_how_the_passphrase_failed(void **state)
{
	cleanup_buf struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	struct private_key *k = NULL;
	struct wm_error err = { 0 };
	size_t n = LIMIT_PASSPHRASE;

	(void)state;
	read_file(&pem, "testdata/keys/p256-pbkdf2.pem");
	assert_reason(private_key_parse(&k, pem.data, pem.len, "test", refuse_to_answer, NULL,
					&err), &err, READ_FAILED);
	assert_reason(private_key_parse(&k, pem.data, pem.len, "test", answer_too_much, &n, &err),
		      &err, PASSPHRASE_WRONG);
	n++;
	assert_reason(private_key_parse(&k, pem.data, pem.len, "test", answer_too_much, &n, &err),
		      &err, LIMIT);
}

static void round_trips(void **state)
{
	static const char *const passphrases[] = { "", "x", "correct horse \xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		cleanup_private_key struct private_key *k = NULL;
		cleanup_private_key struct private_key *again = NULL;
		cleanup_secret struct buf pem = BUF_INIT(4096);
		cleanup_free char *secret = strdup(passphrases[i / 2]);
		struct wm_error err = { 0 };

		assert_ok(private_key_new(&k, i % 2 ? KEY_ED25519 : KEY_P256, &err), &err);
		assert_ok(private_key_encode(&pem, k, secret, strlen(secret), &err), &err);
		assert_non_null(strstr(buf_str(&pem), *secret ? "BEGIN ENCRYPTED PRIVATE KEY" :
							       "BEGIN PRIVATE KEY"));
		assert_ok(private_key_parse(&again, pem.data, pem.len, "test", test_passphrase,
					    secret, &err), &err);
		assert_string_equal(public_key_id(private_key_public(k)),
				    public_key_id(private_key_public(again)));
	}
}

static void makes_different_keys(void **state)
{
	(void)state;
	for (enum key_algorithm a = KEY_P256; a <= KEY_ED25519; a++) {
		cleanup_private_key struct private_key *k = NULL;
		cleanup_private_key struct private_key *other = NULL;
		struct wm_error err = { 0 };

		assert_ok(private_key_new(&k, a, &err), &err);
		assert_ok(private_key_new(&other, a, &err), &err);
		assert_int_equal(public_key_algorithm(private_key_public(k)), a);
		assert_string_not_equal(public_key_id(private_key_public(k)),
					public_key_id(private_key_public(other)));
	}
}

/* What we write, the openssl command reads, plain and encrypted. */
static void writes_what_openssl_reads(void **state)
{
	char *dir = scratch_new();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		cleanup_private_key struct private_key *k =
			test_private_key(i % 2 ? "ed25519.pem" : "p256.pem");
		cleanup_secret struct buf pem = BUF_INIT(4096);
		struct wm_error err = { 0 };
		char path[256];
		FILE *f;

		assert_ok(private_key_encode(&pem, k, "open sesame", i / 2 ? 11 : 0, &err), &err);
		snprintf(path, sizeof(path), "%s/key.pem", dir);
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(pem.data, 1, pem.len, f), pem.len);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(shell("openssl pkey -in %s -passin 'pass:open sesame' -pubout | "
				       "cmp - testdata/keys/%s", path,
				       i % 2 ? "ed25519.pub" : "p256.pub"), 0);
		if (i == 0)
			assert_int_equal(shell("openssl pkey -in %s | cmp - %s", path, path), 0);
	}
	scratch_remove(dir);
}

static void append_integer(struct buf *out, uint64_t value)
{
	uint8_t bytes[9] = { 0 };
	size_t n = 1;

	for (size_t i = 0; i < 8; i++)
		bytes[8 - i] = (uint8_t)(value >> (8 * i));
	while (n < 9 && (value >> (8 * n - 1)) != 0)
		n++;
	der_append(out, 0x02, bytes + 9 - n, n);
}

/* An encrypted key with these scrypt parameters; `key_len` 0 leaves the length out. */
static void append_scrypt_key(struct buf *out, uint64_t n, uint64_t r, uint64_t p,
			      uint64_t key_len)
{
	static const uint8_t scrypt[] = "\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";
	static const uint8_t aes[] = "\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10"
				     "0123456789abcdef";
	static const uint8_t pbes2[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
	cleanup_buf struct buf a = BUF_INIT(4096), b = BUF_INIT(4096), c = BUF_INIT(4096),
			       d = BUF_INIT(4096);
	struct wm_error err = { 0 };

	der_append(&a, 0x04, "saltsalt", 8);
	append_integer(&a, n);
	append_integer(&a, r);
	append_integer(&a, p);
	if (key_len)
		append_integer(&a, key_len);
	assert_ok(buf_append(&b, scrypt, sizeof(scrypt) - 1, &err), &err);
	der_append(&b, 0x30, a.data, a.len);
	a.len = 0;
	der_append(&a, 0x30, b.data, b.len);
	assert_ok(buf_append(&a, aes, sizeof(aes) - 1, &err), &err);
	assert_ok(buf_append(&c, pbes2, sizeof(pbes2) - 1, &err), &err);
	der_append(&c, 0x30, a.data, a.len);
	der_append(&d, 0x30, c.data, c.len);
	der_append(&d, 0x04, "0123456789abcdef0123456789abcdef", 32);
	der_append(out, 0x30, d.data, d.len);
}

/* Refused parameters are refused at once; accepted ones reach the derivation. */
static void bounds_the_cost_of_scrypt(void **state)
{
	static const struct {
		uint64_t n, r, p, key_len;
		enum reason reason;
	} cases[] = {
		{ 1 << 14, 8, 1, 0, REASON_PASSPHRASE_WRONG },
		{ 1 << 14, 8, 1, 32, REASON_PASSPHRASE_WRONG },
		{ 2, 1, 1, 32, REASON_PASSPHRASE_WRONG },
		{ 1 << 14, 8, 32, 32, REASON_PASSPHRASE_WRONG }, /* N r p = 2^22 */
		{ 1 << 14, 8, 33, 32, REASON_KEY_COST },
		{ 1 << 15, 8, 1, 32, REASON_KEY_COST }, /* a little above 32 MiB */
		{ 1 << 14, 15, 1, 32, REASON_PASSPHRASE_WRONG },
		{ 1 << 14, 16, 1, 32, REASON_KEY_COST },
		{ 1 << 14, 8, 8192, 32, REASON_KEY_COST },
		{ 1 << 20, 8, 1, 32, REASON_KEY_COST },
		{ 2, 1 << 30, 1, 32, REASON_KEY_COST },
		{ 2, 1, UINT64_MAX, 32, REASON_KEY_COST },
		{ UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX, 32, REASON_KEY_COST },
		{ 0, 8, 1, 32, REASON_KEY_MALFORMED },
		{ 1, 8, 1, 32, REASON_KEY_MALFORMED },
		{ (1 << 14) + 1, 8, 1, 32, REASON_KEY_MALFORMED },
		{ 1 << 14, 0, 1, 32, REASON_KEY_MALFORMED },
		{ 1 << 14, 8, 0, 32, REASON_KEY_MALFORMED },
		{ 1 << 14, 8, 1, 16, REASON_KEY_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf der = BUF_INIT(4096);
		struct private_key *k = NULL;
		struct wm_error err = { 0 };

		append_scrypt_key(&der, cases[i].n, cases[i].r, cases[i].p, cases[i].key_len);
		assert_int_equal(parse_private_der(&k, "ENCRYPTED PRIVATE KEY", der.data, der.len,
						   "secret", &err), WM_INVALID);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
	}
}

static void bounds_the_cost_of_pbkdf2(void **state)
{
	/* SEQUENCE { SEQUENCE { PBES2, { PBKDF2 { salt, count, SHA-256 }, AES } }, bytes } */
	static const uint8_t head[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
	static const uint8_t prf[] = "\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09\x05\x00";
	static const uint8_t aes[] = "\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10"
				     "0123456789abcdef";
	static const uint8_t pbes2[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
	static const struct {
		uint64_t iterations;
		enum reason reason;
	} cases[] = {
		{ 0, REASON_KEY_MALFORMED },
		{ 1, REASON_PASSPHRASE_WRONG },
		{ LIMIT_PBKDF2_ITERATIONS + 1, REASON_KEY_COST },
		{ UINT64_MAX, REASON_KEY_COST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf a = BUF_INIT(4096), b = BUF_INIT(4096);
		struct private_key *k = NULL;
		struct wm_error err = { 0 };

		der_append(&a, 0x04, "saltsalt", 8);
		append_integer(&a, cases[i].iterations);
		assert_ok(buf_append(&a, prf, sizeof(prf) - 1, &err), &err);
		assert_ok(buf_append(&b, head, sizeof(head) - 1, &err), &err);
		der_append(&b, 0x30, a.data, a.len);
		a.len = 0;
		der_append(&a, 0x30, b.data, b.len);
		assert_ok(buf_append(&a, aes, sizeof(aes) - 1, &err), &err);
		b.len = 0;
		assert_ok(buf_append(&b, pbes2, sizeof(pbes2) - 1, &err), &err);
		der_append(&b, 0x30, a.data, a.len);
		a.len = 0;
		der_append(&a, 0x30, b.data, b.len);
		der_append(&a, 0x04, "0123456789abcdef", 16);
		b.len = 0;
		der_append(&b, 0x30, a.data, a.len);
		assert_int_equal(parse_private_der(&k, "ENCRYPTED PRIVATE KEY", b.data, b.len,
						   "secret", &err), WM_INVALID);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
	}
}

/* A P-256 key: SEQUENCE { 1, scalar, [1] point }, the point being that of p256.pub. */
static enum wm_code parse_p256(const uint8_t scalar[32], const uint8_t *point,
			       struct wm_error *err)
{
	static const uint8_t algorithm[] = "\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02"
					   "\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
	cleanup_private_key struct private_key *k = NULL;
	cleanup_buf struct buf a = BUF_INIT(4096), b = BUF_INIT(4096);

	TRY(buf_append(&a, "\x02\x01\x01", 3, err));
	der_append(&a, 0x04, scalar, 32);
	if (point) {
		TRY(buf_append(&a, "\xa1\x44\x03\x42\x00", 5, err));
		TRY(buf_append(&a, point, 65, err));
	}
	der_append(&b, 0x30, a.data, a.len);
	a.len = 0;
	TRY(buf_append(&a, algorithm, sizeof(algorithm) - 1, err));
	der_append(&a, 0x04, b.data, b.len);
	b.len = 0;
	der_append(&b, 0x30, a.data, a.len);
	return parse_private_der(&k, "PRIVATE KEY", b.data, b.len, "", err);
}

static void refuses_halves_that_do_not_match(void **state)
{
	/* The base point of P-256 (FIPS 186-4 D.1.2.3), whose scalar is 1. */
	static const uint8_t base[] = "\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4"
				      "\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8"
				      "\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a"
				      "\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40"
				      "\x68\x37\xbf\x51\xf5";
	static const uint8_t order[] = "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"
				       "\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2"
				       "\xfc\x63\x25\x51";
	uint8_t scalar[32] = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(parse_p256(scalar, base, &err), &err, KEY_MALFORMED);
	assert_reason(parse_p256(scalar, NULL, &err), &err, KEY_MALFORMED);
	assert_reason(parse_p256(order, NULL, &err), &err, KEY_MALFORMED);
	scalar[31] = 1;
	assert_ok(parse_p256(scalar, base, &err), &err);
	assert_ok(parse_p256(scalar, NULL, &err), &err);
	scalar[31] = 2;
	assert_ok(parse_p256(scalar, NULL, &err), &err);
	assert_reason(parse_p256(scalar, base, &err), &err, KEY_MALFORMED);
}

static void refuses_every_truncation(void **state)
{
	static const char *const files[] = { "p256.pem", "p256-pbkdf2.pem" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_buf struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
		char path[64], secret[] = "secret";

		snprintf(path, sizeof(path), "testdata/keys/%s", files[i]);
		read_file(&pem, path);
		for (size_t len = 0; len < pem.len - 1; len++) {
			struct private_key *k = NULL;
			struct wm_error err = { 0 };

			assert_reason(private_key_parse(&k, pem.data, len, path, test_passphrase,
							secret, &err), &err, KEY_MALFORMED);
		}
	}
}

struct file {
	const void *data;
	size_t len;
};

static enum wm_code use(void *context, struct wm_error *err)
{
	const struct file *f = context;
	cleanup_private_key struct private_key *k = NULL;
	cleanup_secret struct buf pem = BUF_INIT(4096);
	char secret[] = "secret";
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len;

	TRY(private_key_parse(&k, f->data, f->len, "test", test_passphrase, secret, err));
	TRY(private_key_encode(&pem, k, "", 0, err));
	return private_key_sign(k, "x", 1, sig, &sig_len, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	struct file f;

	(void)state;
	read_file(&pem, "testdata/keys/p256-pbkdf2.pem");
	f = (struct file){ pem.data, pem.len };
	with_every_allocation_failing(use, &f);
}

static void cleanses_and_draws(void **state)
{
	struct buf b = BUF_INIT(100);
	struct wm_error err = { 0 };
	uint8_t first[32] = { 0 }, second[32] = { 0 };

	(void)state;
	buf_cleanse(&b);
	assert_ok(buf_append(&b, "secret", 6, &err), &err);
	buf_cleanse(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100);
	assert_ok(random_bytes(first, sizeof(first), &err), &err);
	assert_ok(random_bytes(second, sizeof(second), &err), &err);
	assert_memory_not_equal(first, second, sizeof(first));
	cleanse(first, sizeof(first));
	memset(second, 0, sizeof(second));
	assert_memory_equal(first, second, sizeof(first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_good_keys),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(passes_on_how_the_passphrase_failed),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(makes_different_keys),
		cmocka_unit_test(writes_what_openssl_reads),
		cmocka_unit_test(bounds_the_cost_of_scrypt),
		cmocka_unit_test(bounds_the_cost_of_pbkdf2),
		cmocka_unit_test(refuses_halves_that_do_not_match),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(cleanses_and_draws),
	};

	return run_tests(tests);
}
