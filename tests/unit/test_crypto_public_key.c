/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/public_key.c, pem.c, edwards.c: one encoding of a key, and no weak key. */
#include "keys.h"

#include <stdio.h>

static void reads_and_writes_canonical_keys(void **state)
{
	static const struct {
		const char *file;
		enum key_algorithm algorithm;
		const char *name;
	} cases[] = {
		{ "p256.pub", KEY_P256, "ecdsa-p256" },
		{ "ed25519.pub", KEY_ED25519, "ed25519" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_public_key struct public_key *k = test_public_key(cases[i].file);
		cleanup_buf struct buf pem = BUF_INIT(4096), file = BUF_INIT(4096);
		struct wm_error err = { 0 };
		char path[64];

		snprintf(path, sizeof(path), "testdata/keys/%s", cases[i].file);
		read_file(&file, path);
		assert_ok(public_key_encode(&pem, k, &err), &err);
		assert_string_equal(buf_str(&pem), buf_str(&file));
		assert_int_equal(public_key_algorithm(k), cases[i].algorithm);
		assert_string_equal(key_algorithm_name(public_key_algorithm(k)), cases[i].name);
		assert_int_equal(shell("openssl pkey -pubin -in %s -outform DER | sha256sum | "
				       "grep -q ^%s", path, public_key_id(k)), 0);
	}
}

static void refuses_other_keys(void **state)
{
	static const struct {
		const char *file;
		enum reason reason;
	} cases[] = {
		{ "p256-compressed.pub", REASON_KEY_ENCODING },
		{ "p256-hybrid.pub", REASON_KEY_ENCODING },
		{ "p256-explicit.pub", REASON_KEY_ENCODING },
		{ "p384.pub", REASON_KEY_UNSUPPORTED },
		{ "rsa.pub", REASON_KEY_UNSUPPORTED },
		{ "x25519.pub", REASON_KEY_UNSUPPORTED },
		{ "p256.pem", REASON_KEY_PRIVATE },
		{ "p256-pbkdf2.pem", REASON_KEY_PRIVATE },
		{ "p256-traditional.pem", REASON_KEY_PRIVATE },
		{ "README", REASON_KEY_MALFORMED },
		{ "absent", REASON_NOT_FOUND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct public_key *k = NULL;
		struct wm_error err = { 0 };
		char path[64];

		snprintf(path, sizeof(path), "testdata/keys/%s", cases[i].file);
		assert_int_not_equal(public_key_load(&k, path, &err), WM_OK);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
		assert_null(k);
	}
}

static void reads_one_block_strictly(void **state)
{
#define BEGIN "-----BEGIN PUBLIC KEY-----\n"
#define END   "-----END PUBLIC KEY-----\n"
	static const char *const cases[] = {
		"",
		BEGIN,
		BEGIN END,
		"text\n" BEGIN END,
		"-----BEGIN PUBLIC KEY-----" END,
		"-----BEGIN -----\n-----END -----\n",
		BEGIN "A\n" END,
		BEGIN "=AAA\n" END,
		BEGIN "AA=A\n" END,
		BEGIN "AA==AAAA\n" END,
		BEGIN "AB==\n" END,
		BEGIN "AA A\n" END,
		BEGIN "A" END,
		BEGIN "AAAA\n-----END PRIVATE KEY-----\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct public_key *k = NULL;
		struct wm_error err = { 0 };

		assert_reason(public_key_parse(&k, cases[i], strlen(cases[i]), "test",
					       &err), &err, KEY_MALFORMED);
		assert_null(k);
	}
}

/* The file of a good key with something put before or after it, or with other line breaks. */
static void bears_white_space_around_the_block_only(void **state)
{
	static const struct {
		const char *before, *after;
		bool good;
	} cases[] = {
		{ "", "", true },	  { "\n \t", "\r\n \n", true }, { "x", "", false },
		{ "", "x", false },	  { "", "\n-----BEGIN PUBLIC KEY-----\n", false },
		{ "Bag: x\n", "", false },
	};
	cleanup_buf struct buf file = BUF_INIT(4096);

	(void)state;
	read_file(&file, "testdata/keys/ed25519.pub");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_public_key struct public_key *k = NULL;
		cleanup_buf struct buf pem = BUF_INIT(8192);
		struct wm_error err = { 0 };

		assert_ok(buf_printf(&pem, &err, "%s%s%s", cases[i].before, buf_str(&file),
				     cases[i].after), &err);
		if (cases[i].good)
			assert_ok(public_key_parse(&k, pem.data, pem.len, "test", &err), &err);
		else
			assert_reason(public_key_parse(&k, pem.data, pem.len, "test", &err), &err,
				      KEY_MALFORMED);
	}
}

/* A key is refused when cut at any byte but its last line break. */
static void refuses_every_truncation(void **state)
{
	cleanup_buf struct buf file = BUF_INIT(4096);

	(void)state;
	read_file(&file, "testdata/keys/p256.pub");
	for (size_t len = 0; len < file.len - 1; len++) {
		struct public_key *k = NULL;
		struct wm_error err = { 0 };

		assert_reason(public_key_parse(&k, file.data, len, "test", &err), &err,
			      KEY_MALFORMED);
	}
}

/* A good SPKI with each bit changed is another key or none, never the same key. */
static void refuses_or_tells_apart_every_changed_bit(void **state)
{
	static const uint8_t head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
					0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
	uint8_t der[44];

	(void)state;
	memset(der, 0x66, sizeof(der)); /* the base point: 0x58, then 0x66 */
	memcpy(der, head, sizeof(head));
	der[12] = 0x58;
	for (size_t bit = 0; bit < 8 * sizeof(der); bit++) {
		cleanup_public_key struct public_key *same = NULL;
		cleanup_public_key struct public_key *k = NULL;
		struct wm_error err = { 0 };
		enum wm_code code;

		assert_ok(parse_public_der(&same, der, sizeof(der), &err), &err);
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
		code = parse_public_der(&k, der, sizeof(der), &err);
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit < 8 * sizeof(head))
			assert_int_equal(code, WM_INVALID);
		if (code == WM_OK)
			assert_string_not_equal(public_key_id(k), public_key_id(same));
		else
			assert_int_equal(code, WM_INVALID);
	}
}

static void refuses_trailing_bytes_and_ber(void **state)
{
	cleanup_buf struct buf der = BUF_INIT(4096);
	struct wm_error err = { 0 };
	struct public_key *k = NULL;
	uint8_t point[32], ber[45];

	(void)state;
	memset(point, 0x66, sizeof(point));
	point[0] = 0x58;
	assert_ok(parse_ed25519_point(&k, point, &err), &err);
	public_key_free(take_ptr(&k));
	memcpy(ber, "\x30\x81\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 13);
	memcpy(ber + 13, point, 32);
	assert_reason(parse_public_der(&k, ber, sizeof(ber), &err), &err, KEY_ENCODING);
	assert_ok(buf_append(&der, "\x30\x2a", 2, &err), &err);
	assert_ok(buf_append(&der, ber + 3, 42, &err), &err);
	assert_ok(parse_public_der(&k, der.data, der.len, &err), &err);
	public_key_free(take_ptr(&k));
	assert_ok(buf_append_byte(&der, 0, &err), &err);
	assert_reason(parse_public_der(&k, der.data, der.len, &err), &err, KEY_ENCODING);
}

/* Attacks 1 and 2: every encoding of a point of small order, and every y >= p. */
static void refuses_weak_ed25519_keys(void **state)
{
	static const char order_8[] =
		"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0"
		"\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05"
		"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f"
		"\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a";
	uint8_t points[24][32];
	size_t n = 0;

	(void)state;
	memset(points, 0, sizeof(points));
	n++;				  /* y = 0, order 4 */
	points[n++][0] = 1;		  /* y = 1, the identity */
	memcpy(points[n++], order_8, 32);
	memcpy(points[n++], order_8 + 32, 32);
	for (int low = 0xec; low <= 0xff; low++) { /* y = -1, then p to 2^255 - 1 */
		memset(points[n], 0xff, 32);
		points[n][0] = (uint8_t)low;
		points[n++][31] = 0x7f;
	}
	assert_int_equal(n, 24);
	for (size_t i = 0; i < 2 * n; i++) {
		struct public_key *k = NULL;
		struct wm_error err = { 0 };
		uint8_t point[32];

		memcpy(point, points[i / 2], 32);
		point[31] |= (uint8_t)(i % 2 << 7);
		assert_reason(parse_ed25519_point(&k, point, &err), &err, KEY_WEAK);
	}
}

/* y = 2 is on no point of the curve, y = 3 is: both judged, not guessed. */
static void refuses_points_off_the_curve(void **state)
{
	uint8_t point[32] = { 2 };
	struct public_key *k = NULL;
	struct wm_error err = { 0 };
	uint8_t p256[91] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
			     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
			     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
	uint8_t infinity[27];

	(void)state;
	assert_reason(parse_ed25519_point(&k, point, &err), &err, KEY_MALFORMED);
	point[0] = 3;
	assert_ok(parse_ed25519_point(&k, point, &err), &err);
	public_key_free(take_ptr(&k));
	assert_reason(parse_public_der(&k, p256, sizeof(p256), &err), &err, KEY_MALFORMED);
	memcpy(infinity, p256, 26);
	infinity[1] = 25;
	infinity[24] = 2;
	infinity[26] = 0;
	assert_reason(parse_public_der(&k, infinity, sizeof(infinity), &err), &err, KEY_MALFORMED);
}

static enum wm_code load_and_encode(void *context, struct wm_error *err)
{
	cleanup_public_key struct public_key *k = NULL;
	cleanup_buf struct buf pem = BUF_INIT(4096);

	TRY(public_key_load(&k, context, err));
	return public_key_encode(&pem, k, err);
}

static void survives_failing_allocations(void **state)
{
	char path[] = "testdata/keys/p256.pub";

	(void)state;
	with_every_allocation_failing(load_and_encode, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_canonical_keys),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(reads_one_block_strictly),
		cmocka_unit_test(bears_white_space_around_the_block_only),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_or_tells_apart_every_changed_bit),
		cmocka_unit_test(refuses_trailing_bytes_and_ber),
		cmocka_unit_test(refuses_weak_ed25519_keys),
		cmocka_unit_test(refuses_points_off_the_curve),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
