/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/base64.c: the vectors of RFC 4648 section 10, and one spelling only. */
#include "harness.h"

#include "util/base64.h"

static void follows_the_vectors(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },	      { "f", "Zg==" },	       { "fo", "Zm8=" },
		{ "foo", "Zm9v" },    { "foob", "Zm9vYg==" },  { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = strlen(rows[i][0]), n_chars = strlen(rows[i][1]);
		char chars[8];
		uint8_t bytes[6];

		assert_int_equal(base64_len(len), n_chars);
		base64_encode(chars, (const uint8_t *)rows[i][0], len);
		assert_memory_equal(chars, rows[i][1], n_chars);
		assert_int_equal(base64_decoded_len(chars, n_chars), len);
		assert_true(base64_decode(bytes, chars, n_chars));
		assert_memory_equal(bytes, rows[i][0], len);
	}
}

/* Of all four characters, base64 are those that encoding what they decode to gives back. */
static void takes_one_spelling(void **state)
{
	static const char some[] = "ABQgw/+9zaZ=.\n -_\x80";
	const size_t n = sizeof(some);
	size_t n_taken = 0;

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		const char chars[4] = { some[i / n / n / n], some[i / n / n % n], some[i / n % n],
					some[i % n] };
		char again[4];
		uint8_t bytes[3];

		if (!base64_decode(bytes, chars, 4))
			continue;
		n_taken++;
		base64_encode(again, bytes, base64_decoded_len(chars, 4));
		assert_memory_equal(again, chars, 4);
	}
	/* 11 digits; of them the low 4 bits, and so the low 2, are zero in A, Q, g and w. */
	assert_int_equal(n_taken, 11 * 11 * 11 * 11 + 11 * 11 * 4 + 11 * 4);
}

static void refuses_other_lengths(void **state)
{
	uint8_t bytes[6];

	(void)state;
	for (size_t n = 0; n <= 8; n++)
		assert_int_equal(base64_decode(bytes, "AAAAAAAA", n), n % 4 == 0);
	assert_false(base64_decode(bytes, "AA==AAAA", 8));
	assert_false(base64_decode(bytes, "A===", 4));
	assert_false(base64_decode(bytes, "====", 4));
	assert_int_equal(base64_decoded_len("AAA=A", 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_vectors),
		cmocka_unit_test(takes_one_spelling),
		cmocka_unit_test(refuses_other_lengths),
	};

	return run_tests(tests);
}
