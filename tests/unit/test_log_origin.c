/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/origin.c: which texts are names of logs. */
#include "harness.h"

#include "log/origin.h"

enum { N = 64 };

static void good_ones(void **state)
{
	static const char *const rows[] = { "a",     "0",      "acme.example/models", "a-b_c.d/e",
					    "a-",    "a_",     "a.b/c/d",	      "a.loc",
					    "locks", "a.lockx", "lock",		      "a-.b" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wm_error err = { 0 };

		assert_ok(origin_check(rows[i], &err), &err);
		assert_true(origin_valid(rows[i]));
	}
}

static void bad_ones(void **state)
{
	static const char *const rows[] = {
		"",	  "/",	   "a/",	"/a",	  "a//b",  "A",	  "aB",	   "a b", " a",
		"a ",	  "a+b",   ".a",	"-a",	  "_a",	   "a.",  "a/b.",  "a./b", "a..b",
		"a.lock", ".lock", "a/b.lock/c", "a.lock/b", "a/.", "a/..", "../a", "a\n", "\xc3\xa9",
		"a:b",	  "a\\b",  "a~1",	"a^",	  "a@{",   "a/-b", "a?",   "a*",  "a[",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wm_error err = { 0 };

		if (origin_valid(rows[i]))
			test_failed(__FILE__, __LINE__, "'%s' is taken", rows[i]);
		assert_reason(origin_check(rows[i], &err), &err, ORIGIN_INVALID);
		assert_non_null(strstr(err.message, rows[i]));
	}
}

/* Each byte first, within, and last. */
static void every_byte(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	(void)state;
	for (int c = 1; c < 256; c++) {
		const bool letter = strchr(letters, c), mark = strchr("._-", c);
		const char first[] = { (char)c, 'a', '\0' }, last[] = { 'a', (char)c, '\0' };
		const char within[] = { 'a', (char)c, 'a', '\0' };

		assert_int_equal(origin_valid(first), letter);
		assert_int_equal(origin_valid(within), letter || mark || c == '/');
		assert_int_equal(origin_valid(last), letter || (mark && c != '.'));
	}
}

static void length(void **state)
{
	char text[LIMIT_ORIGIN + N];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t len = LIMIT_ORIGIN - 1; len <= LIMIT_ORIGIN + 1; len++) {
		text[len] = '\0';
		assert_int_equal(origin_valid(text), len <= LIMIT_ORIGIN);
		text[len] = 'a';
	}
	/* One that is too long is not read beyond what it takes to know. */
	assert_false(origin_valid(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(length),
	};

	return run_tests(tests);
}
