/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/sha256.c: published vectors, one shot and in pieces. */
#include "harness.h"

#include "crypto/sha256.h"
#include "util/hex.h"

/* FIPS 180-2 appendix B, NIST's SHA256ShortMsg.rsp, and the empty message. */
static const struct {
	const char *message; /* hex */
	const char *digest;
} vectors[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "d3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1" },
	{ "616263", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "6162636462636465636465666465666765666768666768696768696a68696a6b"
	  "696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

enum { N_VECTORS = sizeof(vectors) / sizeof(*vectors), MESSAGE_MAX = 64 };

static size_t message_of(uint8_t out[MESSAGE_MAX], size_t i)
{
	size_t digits = strlen(vectors[i].message);

	assert_true(hex_decode(out, vectors[i].message, digits));
	return digits / 2;
}

static void assert_digest(const uint8_t digest[SHA256_BYTES], const char *hex)
{
	char text[2 * SHA256_BYTES + 1];

	hex_encode(text, digest, SHA256_BYTES);
	assert_string_equal(text, hex);
}

static void agrees_with_published_vectors(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		uint8_t message[MESSAGE_MAX], digest[SHA256_BYTES];
		size_t len = message_of(message, i);

		assert_ok(sha256_of(digest, message, len, &err), &err);
		assert_digest(digest, vectors[i].digest);
	}
}

/* One context, every message, cut at every place; and a start that drops what came before. */
static void digests_in_pieces(void **state)
{
	cleanup_sha256 struct sha256 *s = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sha256_new(&s, &err), &err);
	for (size_t i = 0; i < N_VECTORS; i++) {
		uint8_t message[MESSAGE_MAX], digest[SHA256_BYTES];
		size_t len = message_of(message, i);

		for (size_t cut = 0; cut <= len; cut++) {
			assert_ok(sha256_start(s, &err), &err);
			assert_ok(sha256_update(s, "dropped", 7, &err), &err);
			assert_ok(sha256_start(s, &err), &err);
			assert_ok(sha256_update(s, message, cut, &err), &err);
			assert_ok(sha256_update(s, message + cut, len - cut, &err), &err);
			assert_ok(sha256_finish(s, digest, &err), &err);
			assert_digest(digest, vectors[i].digest);
		}
	}
}

static void digests_a_million_letters(void **state)
{
	cleanup_sha256 struct sha256 *s = NULL;
	struct wm_error err = { 0 };
	uint8_t digest[SHA256_BYTES];
	char letters[1000];

	(void)state;
	memset(letters, 'a', sizeof(letters));
	assert_ok(sha256_new(&s, &err), &err);
	assert_ok(sha256_start(s, &err), &err);
	for (int i = 0; i < 1000; i++)
		assert_ok(sha256_update(s, letters, sizeof(letters), &err), &err);
	assert_ok(sha256_finish(s, digest, &err), &err);
	assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static enum wm_code make_one(void *context, struct wm_error *err)
{
	cleanup_sha256 struct sha256 *s = NULL;

	(void)context;
	return sha256_new(&s, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(make_one, NULL);
	sha256_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_published_vectors),
		cmocka_unit_test(digests_in_pieces),
		cmocka_unit_test(digests_a_million_letters),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
