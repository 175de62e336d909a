/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/signature.c: one form of a signature, and only the right one verifies. */
#include "keys.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "crypto/key_internal.h"
#include "util/file.h"

static const char message[] = "DSSEv1 4 test 5 hello";
enum { MESSAGE_LEN = sizeof(message) - 1 };

struct signed_message {
	struct private_key *key;
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len;
};

static struct signed_message sign_with(const char *file)
{
	struct signed_message s = { .key = test_private_key(file) };
	struct wm_error err = { 0 };

	assert_ok(private_key_sign(s.key, message, MESSAGE_LEN, s.sig, &s.sig_len, &err), &err);
	return s;
}

static enum wm_code verify(const struct signed_message *s, const uint8_t *sig, size_t sig_len,
			   struct wm_error *err)
{
	return key_verify(private_key_public(s->key), message, MESSAGE_LEN, sig, sig_len, err);
}

static const char *const key_files[] = { "p256.pem", "ed25519.pem" };

static void refuses_every_changed_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signed_message s = sign_with(key_files[i]);
		struct wm_error err = { 0 };
		char changed[MESSAGE_LEN];

		assert_ok(verify(&s, s.sig, s.sig_len, &err), &err);
		for (size_t bit = 0; bit < 8 * s.sig_len; bit++) {
			uint8_t sig[SIGNATURE_MAX];

			memcpy(sig, s.sig, s.sig_len);
			sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(verify(&s, sig, s.sig_len, &err), WM_SIGNATURE);
		}
		for (size_t bit = 0; bit < 8 * MESSAGE_LEN; bit++) {
			memcpy(changed, message, MESSAGE_LEN);
			changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
			assert_reason(key_verify(private_key_public(s.key), changed, MESSAGE_LEN,
						 s.sig, s.sig_len, &err), &err, SIGNATURE_INVALID);
		}
		private_key_free(s.key);
	}
}

/* Attacks 4 and 5: each shorter length, down to none, and longer ones. */
static void refuses_every_other_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signed_message s = sign_with(key_files[i]);
		uint8_t sig[4096] = { 0 };

		memcpy(sig, s.sig, s.sig_len);
		for (size_t len = 0; len <= sizeof(sig); len++) {
			struct wm_error err = { 0 };

			if (len == s.sig_len)
				assert_ok(verify(&s, sig, len, &err), &err);
			else
				assert_reason(verify(&s, sig, len, &err), &err,
					      SIGNATURE_MALFORMED);
		}
		private_key_free(s.key);
	}
}

/* Attack 3: S + L verifies in the equation, and in nothing else. */
static void refuses_s_plus_order(void **state)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	};
	struct signed_message s = sign_with("ed25519.pem");
	struct wm_error err = { 0 };

	(void)state;
	for (int times = 1; times < 8; times++) {
		unsigned carry = 0;

		for (size_t i = 0; i < 32; i++) {
			carry += (unsigned)s.sig[32 + i] + order[i];
			s.sig[32 + i] = (uint8_t)carry;
			carry >>= 8;
		}
		assert_reason(verify(&s, s.sig, 64, &err), &err, SIGNATURE_MALFORMED);
	}
	memcpy(s.sig + 32, order, 32);
	assert_reason(verify(&s, s.sig, 64, &err), &err, SIGNATURE_MALFORMED);
	s.sig[32]--;
	assert_reason(verify(&s, s.sig, 64, &err), &err, SIGNATURE_INVALID);
	private_key_free(s.key);
}

/* R of small order, canonical or not, and S = 0: nothing for a key of large order. */
static void refuses_small_order_r(void **state)
{
	struct signed_message s = sign_with("ed25519.pem");
	static const uint8_t lows[] = { 0x00, 0x01, 0xec, 0xed, 0xee };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lows); i++) {
		struct wm_error err = { 0 };
		uint8_t sig[64] = { 0 };

		memset(sig, lows[i / 2] > 1 ? 0xff : 0, 32);
		sig[0] = lows[i / 2];
		sig[31] &= 0x7f;
		sig[31] |= (uint8_t)(i % 2 << 7);
		assert_reason(verify(&s, sig, sizeof(sig), &err), &err, SIGNATURE_INVALID);
	}
	private_key_free(s.key);
}

/* Writes SEQUENCE { r, n - s } of a good signature: the same but for the sign of s. */
static size_t with_high_s(uint8_t out[SIGNATURE_MAX], const uint8_t *sig, size_t sig_len)
{
	BIGNUM *n = NULL;
	BIGNUM *r;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &sig, (long)sig_len);
	int len;

	assert_int_equal(BN_hex2bn(&n, "FFFFFFFF00000000FFFFFFFFFFFFFFFF"
				       "BCE6FAADA7179E84F3B9CAC2FC632551"), 64);
	assert_int_equal(BN_sub(n, n, ECDSA_SIG_get0_s(s)), 1);
	r = BN_dup(ECDSA_SIG_get0_r(s));
	assert_int_equal(ECDSA_SIG_set0(s, r, n), 1);
	len = i2d_ECDSA_SIG(s, &out);
	ECDSA_SIG_free(s);
	assert_true(len > 0);
	return (size_t)len;
}

static void refuses_high_s_and_lowers_it(void **state)
{
	struct signed_message s = sign_with("p256.pem");
	uint8_t high[SIGNATURE_MAX], low[SIGNATURE_MAX];
	size_t high_len = with_high_s(high, s.sig, s.sig_len), low_len;
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(verify(&s, high, high_len, &err), &err, SIGNATURE_MALFORMED);
	assert_ok(signature_normalise(low, &low_len, KEY_P256, high, high_len, &err), &err);
	assert_int_equal(low_len, s.sig_len);
	assert_memory_equal(low, s.sig, low_len);
	assert_ok(signature_normalise(high, &high_len, KEY_P256, high, high_len, &err), &err);
	assert_memory_equal(high, s.sig, high_len);
	private_key_free(s.key);
}

/* Forms of r and s around every boundary; those in range are well formed and wrong. */
static void judges_r_and_s_at_their_boundaries(void **state)
{
#define N_1    "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define N_0    "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define HALF   "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
#define HALF_1 "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9"
	static const struct {
		const char *r, *s;
		enum reason reason;
	} cases[] = {
		{ "01", "01", REASON_SIGNATURE_INVALID },
		{ N_1, HALF, REASON_SIGNATURE_INVALID },
		{ N_0, "01", REASON_SIGNATURE_MALFORMED },
		{ "01", HALF_1, REASON_SIGNATURE_MALFORMED },
		{ "01", N_1, REASON_SIGNATURE_MALFORMED },
		{ "01", N_0, REASON_SIGNATURE_MALFORMED },
		{ "00", "01", REASON_SIGNATURE_MALFORMED },
		{ "01", "00", REASON_SIGNATURE_MALFORMED },
		{ "ff", "01", REASON_SIGNATURE_MALFORMED },
		{ "01", "ff", REASON_SIGNATURE_MALFORMED },
		{ "0001", "01", REASON_SIGNATURE_MALFORMED },
		{ "01", "0001", REASON_SIGNATURE_MALFORMED },
		{ "", "01", REASON_SIGNATURE_MALFORMED },
	};
	struct signed_message s = sign_with("p256.pem");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf pair = BUF_INIT(200), sig = BUF_INIT(200);
		const char *const parts[] = { cases[i].r, cases[i].s };
		struct wm_error err = { 0 };

		for (size_t j = 0; j < 2; j++) {
			uint8_t bytes[33];
			size_t len = strlen(parts[j]) / 2;

			for (size_t k = 0; k < len; k++)
				assert_int_equal(sscanf(parts[j] + 2 * k, "%2hhx", &bytes[k]), 1);
			der_append(&pair, 0x02, bytes, len);
		}
		der_append(&sig, 0x30, pair.data, pair.len);
		assert_int_equal(verify(&s, sig.data, sig.len, &err), WM_SIGNATURE);
		assert_string_equal(err.reason, reason_info(cases[i].reason)->id);
	}
	private_key_free(s.key);
}

/* The good signature in other BER: long length, indefinite length, a third element. */
static void refuses_other_encodings_of_the_same(void **state)
{
	struct signed_message s = sign_with("p256.pem");
	uint8_t sig[SIGNATURE_MAX];
	struct wm_error err = { 0 };

	(void)state;
	memcpy(sig, "\x30\x81", 2);
	memcpy(sig + 2, s.sig + 1, s.sig_len - 1);
	assert_reason(verify(&s, sig, s.sig_len + 1, &err), &err, SIGNATURE_MALFORMED);
	memcpy(sig, "\x30\x80", 2);
	memcpy(sig + 2, s.sig + 2, s.sig_len - 2);
	memcpy(sig + s.sig_len, "\0\0", 2);
	assert_reason(verify(&s, sig, s.sig_len + 2, &err), &err, SIGNATURE_MALFORMED);
	memcpy(sig, s.sig, s.sig_len);
	memcpy(sig + s.sig_len, "\x05\x00", 2);
	sig[1] += 2;
	assert_reason(verify(&s, sig, s.sig_len + 2, &err), &err, SIGNATURE_MALFORMED);
	private_key_free(s.key);
}

static void refuses_another_key(void **state)
{
	(void)state;
	for (enum key_algorithm a = KEY_P256; a <= KEY_ED25519; a++) {
		struct signed_message s = sign_with(key_files[a]);
		cleanup_private_key struct private_key *other = NULL;
		struct wm_error err = { 0 };

		assert_ok(private_key_new(&other, a, &err), &err);
		assert_reason(key_verify(private_key_public(other), message, MESSAGE_LEN, s.sig,
					 s.sig_len, &err), &err, SIGNATURE_INVALID);
		private_key_free(s.key);
	}
}

static void put(const char *dir, const char *name, const void *data, size_t len)
{
	cleanup_free char *path = NULL;
	struct wm_error err = { 0 };

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	assert_ok(file_write(path, data, len, 0600, FILE_REPLACE, &err), &err);
}

/* What we sign openssl verifies, and the other way round. */
static void agrees_with_the_openssl_command(void **state)
{
	static const char *const options[] = { "-rawin -digest sha256", "-rawin" };
	char *dir = scratch_new();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signed_message s = sign_with(key_files[i]);
		cleanup_buf struct buf theirs = BUF_INIT(SIGNATURE_MAX);
		cleanup_free char *path = NULL;
		uint8_t sig[SIGNATURE_MAX];
		size_t sig_len;
		struct wm_error err = { 0 };

		put(dir, "message", message, MESSAGE_LEN);
		put(dir, "sig", s.sig, s.sig_len);
		assert_int_equal(shell("openssl pkeyutl -verify %s -inkey testdata/keys/%s "
				       "-in %s/message -sigfile %s/sig >/dev/null", options[i],
				       key_files[i], dir, dir), 0);
		assert_int_equal(shell("openssl pkeyutl -sign %s -inkey testdata/keys/%s "
				       "-in %s/message -out %s/theirs", options[i], key_files[i],
				       dir, dir), 0);
		assert_true(asprintf(&path, "%s/theirs", dir) > 0);
		read_file(&theirs, path);
		assert_ok(signature_normalise(sig, &sig_len, (enum key_algorithm)i, theirs.data,
					      theirs.len, &err), &err);
		assert_ok(verify(&s, sig, sig_len, &err), &err);
		private_key_free(s.key);
	}
	scratch_remove(dir);
}

/* Half of all P-256 signatures would have high S. */
static void signs_with_low_s(void **state)
{
	cleanup_private_key struct private_key *k = test_private_key("p256.pem");

	(void)state;
	for (int i = 0; i < 64; i++) {
		struct wm_error err = { 0 };
		uint8_t sig[SIGNATURE_MAX];
		size_t len;

		assert_ok(private_key_sign(k, &i, sizeof(i), sig, &len, &err), &err);
		assert_ok(key_verify(private_key_public(k), &i, sizeof(i), sig, len, &err), &err);
	}
}

/* RFC 8032 section 7.1, test 1: the empty message. */
static void matches_the_rfc(void **state)
{
	static const char der[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"
				 "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
				 "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
	static const uint8_t expect[] = "\xe5\x56\x43\x00\xc3\x60\xac\x72\x90\x86\xe2\xcc\x80\x6e"
					"\x82\x8a\x84\x87\x7f\x1e\xb8\xe5\xd9\x74\xd8\x73\xe0\x65"
					"\x22\x49\x01\x55\x5f\xb8\x82\x15\x90\xa3\x3b\xac\xc6\x1e"
					"\x39\x70\x1c\xf9\xb4\x6b\xd2\x5b\xf5\xf0\x59\x5b\xbe\x24"
					"\x65\x51\x41\x43\x8e\x7a\x10\x0b";
	cleanup_private_key struct private_key *k = NULL;
	struct wm_error err = { 0 };
	uint8_t sig[SIGNATURE_MAX];
	size_t len;

	(void)state;
	assert_ok(parse_private_der(&k, "PRIVATE KEY", (const uint8_t *)der, 48, "", &err), &err);
	assert_ok(private_key_sign(k, "", 0, sig, &len, &err), &err);
	assert_int_equal(len, 64);
	assert_memory_equal(sig, expect, 64);
	assert_ok(key_verify(private_key_public(k), "", 0, sig, len, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_changed_bit),
		cmocka_unit_test(refuses_every_other_length),
		cmocka_unit_test(refuses_s_plus_order),
		cmocka_unit_test(refuses_small_order_r),
		cmocka_unit_test(refuses_high_s_and_lowers_it),
		cmocka_unit_test(judges_r_and_s_at_their_boundaries),
		cmocka_unit_test(refuses_other_encodings_of_the_same),
		cmocka_unit_test(refuses_another_key),
		cmocka_unit_test(agrees_with_the_openssl_command),
		cmocka_unit_test(signs_with_low_s),
		cmocka_unit_test(matches_the_rfc),
	};

	return run_tests(tests);
}
