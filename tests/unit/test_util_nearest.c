/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/nearest.c: which name was meant. */
#include "harness.h"

#include "util/nearest.h"

static const char *const names[] = { "sign", "verify", "show", "digest", "diff", "explain" };

enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

static void finds_what_was_meant(void **state)
{
	static const struct {
		const char *word, *meant; /* NULL: nothing is near */
	} cases[] = {
		{ "sign", "sign" },	 { "sgin", "sign" },	  { "SIGN", "sign" },
		{ "sing", "sign" },	 { "sig", "sign" },	  { "signn", "sign" },
		{ "verfiy", "verify" },	 { "expla", "explain" },  { "explian", "explain" },
		{ "xplain", "explain" }, { "digests", "digest" }, { "divest", "digest" },
		{ "dif", "diff" },	 { "", NULL },		  { "x", NULL },
		{ "sh", NULL },		 { "abcdefgh", NULL },	  { "veri", "verify" },
		{ "ver", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = nearest(cases[i].word, names, N_NAMES);

		if (!cases[i].meant)
			assert_null(got);
		else if (!got)
			test_failed(__FILE__, __LINE__, "nothing is near '%s'", cases[i].word);
		else
			assert_string_equal(got, cases[i].meant);
	}
	assert_null(nearest("sign", names, 0));
}

static void takes_the_first_of_equals(void **state)
{
	static const char *const equals[] = { "cat", "bat", "rat" };

	(void)state;
	assert_string_equal(nearest("hat", equals, 3), "cat");
}

/* `len` letters x in a string of their own, so that a sanitizer sees every step beyond. */
static char *letters(size_t len)
{
	char *word = malloc(len + 1);

	assert_non_null(word);
	memset(word, 'x', len);
	word[len] = '\0';
	return word;
}

static void words_of_64_bytes_and_one_more(void **state)
{
	static const size_t lengths[] = { 63, 64, 65, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		cleanup_free char *word = letters(lengths[i]);
		cleanup_free char *longest = letters(64);
		const char *candidates[] = { word, longest };
		bool fits = lengths[i] <= 64;

		assert_ptr_equal(nearest(word, candidates, 1), fits ? word : NULL);
		assert_ptr_equal(nearest(longest, candidates, 2),
				 lengths[i] == 64 ? word : longest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_meant),
		cmocka_unit_test(takes_the_first_of_equals),
		cmocka_unit_test(words_of_64_bytes_and_one_more),
	};

	return run_tests(tests);
}
