/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/envelope.c: what exactly is signed, and by whom. */
#include "keys.h"

#include "statement/envelope.h"
#include "util/limits.h"

enum { ARENA_MAX = 1 << 20 };

static struct signer *signer_of(const char *key)
{
	struct signer *s = NULL;
	struct wm_error err = { 0 };

	assert_ok(signer_take_key(&s, test_private_key(key), &err), &err);
	return s;
}

/* The vector of DSSE's protocol.md, with our payloadType in place of its own. */
static void pae_is_that_of_dsse(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		const char *pae;
		size_t pae_len;
	} rows[] = {
		{ "hello world", 11, "DSSEv1 28 application/vnd.in-toto+json 11 hello world", 53 },
		{ "", 0, "DSSEv1 28 application/vnd.in-toto+json 0 ", 41 },
		{ "a\0b", 3, "DSSEv1 28 application/vnd.in-toto+json 3 a\0b", 44 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000);
		struct wm_error err = { 0 };

		assert_ok(envelope_pae(&out, rows[i].payload, rows[i].len, &err), &err);
		assert_int_equal(out.len, rows[i].pae_len);
		assert_memory_equal(out.data, rows[i].pae, out.len);
	}
}

static void signs_and_verifies(void **state)
{
	static const char *const names[] = { "p256", "ed25519" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
		char private_name[32], public_name[32], payload[] = "{\"a\":1}";
		cleanup_signer struct signer *s = NULL;
		cleanup_public_key struct public_key *key = NULL, *other = NULL;
		struct wm_error err = { 0 };
		struct envelope e;

		strcat(strcpy(private_name, names[i]), ".pem");
		strcat(strcpy(public_name, names[i]), ".pub");
		s = signer_of(private_name);
		key = test_public_key(public_name);
		other = test_public_key(i ? "p256.pub" : "ed25519.pub");
		assert_ok(envelope_sign(&e, &a, s, payload, 7, &err), &err);
		memset(payload, 'x', 7); /* the envelope has a copy */
		assert_int_equal(e.payload_len, 7);
		assert_string_equal(e.keyid, public_key_id(key));
		assert_ok(envelope_verify(&e, key, &err), &err);
		assert_int_not_equal(envelope_verify(&e, other, &err), WM_OK);
	}
}

/* A signature over one payload stands for no other one (attack 11), bit by bit. */
static void a_signature_is_for_its_payload(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	cleanup_signer struct signer *s = signer_of("ed25519.pem");
	cleanup_public_key struct public_key *key = test_public_key("ed25519.pub");
	struct wm_error err = { 0 };
	uint8_t payload[8], sig[64];
	struct envelope e;

	(void)state;
	assert_ok(envelope_sign(&e, &a, s, "{\"a\":12}", 8, &err), &err);
	memcpy(payload, e.payload, 8);
	memcpy(sig, e.sig, 64);
	e.payload = payload;
	e.sig = sig;
	for (size_t i = 0; i < 64; i++) {
		payload[i / 8] ^= (uint8_t)(1U << i % 8);
		assert_reason(envelope_verify(&e, key, &err), &err, SIGNATURE_INVALID);
		payload[i / 8] ^= (uint8_t)(1U << i % 8);
		sig[i] ^= 1;
		assert_int_equal(envelope_verify(&e, key, &err), WM_SIGNATURE);
		sig[i] ^= 1;
	}
	e.payload_len = 7;
	assert_reason(envelope_verify(&e, key, &err), &err, SIGNATURE_INVALID);
	e.payload_len = 8;
	e.sig_len = 63;
	assert_reason(envelope_verify(&e, key, &err), &err, SIGNATURE_MALFORMED);
	e.sig_len = 0;
	assert_reason(envelope_verify(&e, key, &err), &err, SIGNATURE_MALFORMED);
	e.sig_len = 64;
	assert_ok(envelope_verify(&e, key, &err), &err);
}

static void a_bare_payload_signature_is_none(void **state)
{
	cleanup_private_key struct private_key *private = test_private_key("ed25519.pem");
	struct envelope e = { .payload = (const uint8_t *)"{}", .payload_len = 2 };
	struct wm_error err = { 0 };
	uint8_t sig[SIGNATURE_MAX];

	(void)state;
	assert_ok(private_key_sign(private, "{}", 2, sig, &e.sig_len, &err), &err);
	e.sig = sig;
	assert_reason(envelope_verify(&e, private_key_public(private), &err), &err,
		      SIGNATURE_INVALID);
}

static void envelopes_have_an_order(void **state)
{
	struct envelope low = { .keyid = "a", .statement = { 1 } };
	struct envelope high = { .keyid = "a", .statement = { 2 } };
	struct envelope later = { .keyid = "b", .statement = { 1 } };

	(void)state;
	assert_int_equal(envelope_compare(&low, &low), 0);
	assert_true(envelope_compare(&low, &high) < 0);
	assert_true(envelope_compare(&high, &low) > 0);
	assert_true(envelope_compare(&low, &later) < 0);
	assert_true(envelope_compare(&later, &high) < 0);
}

static enum wm_code sign_and_verify(void *context, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	struct signer *s = context;
	struct envelope e;

	TRY(envelope_sign(&e, &a, s, "{}", 2, err));
	return envelope_verify(&e, signer_public(s), err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_signer struct signer *s = signer_of("ed25519.pem");

	(void)state;
	with_every_allocation_failing(sign_and_verify, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pae_is_that_of_dsse),
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(a_signature_is_for_its_payload),
		cmocka_unit_test(a_bare_payload_signature_is_none),
		cmocka_unit_test(envelopes_have_an_order),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
