/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/decimal.c: sums that are exact. */
#include "harness.h"

#include <stdio.h>

#include "lineage/decimal.h"

static void test_sums(void **state)
{
	static const struct {
		const char *a, *b, *sum;
	} rows[] = {
		{ "0", "0", "0" },
		{ "0.1", "0.2", "0.3" },
		{ "0.5", "0.5", "1" },
		{ "999", "1", "1000" },
		{ "99.99", "0.01", "100" },
		{ "1000000000000000000000", "0.000000000000000000001",
		  "1000000000000000000000.000000000000000000001" },
		{ "12.50", "0", "12.5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct decimal d = { .n = 0 };
		char text[DECIMAL_TEXT + 1];

		assert_true(decimal_add(&d, rows[i].a));
		assert_true(decimal_add(&d, rows[i].b));
		decimal_text(text, &d);
		assert_string_equal(text, rows[i].sum);
		assert_int_equal(d.n, 2);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = { "", "-1", ".5", "1.", "1e5", "1 ", "0x1", "1.2.3", "+1" };
	struct decimal d = { .n = 0 };
	char text[DECIMAL_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(decimal_add(&d, rows[i]));
	decimal_text(text, &d);
	assert_string_equal(text, "0");
	assert_int_equal(d.n, 0);
}

/* Of the most digits: a million of them still have room. */
static void test_long(void **state)
{
	struct decimal d = { .n = 0 };
	char nines[LIMIT_ID + 2], text[DECIMAL_TEXT + 1];

	(void)state;
	memset(nines, '9', LIMIT_ID);
	nines[LIMIT_ID] = '\0';
	for (int i = 0; i < 1000; i++)
		assert_true(decimal_add(&d, nines));
	decimal_text(text, &d);
	assert_int_equal(strlen(text), LIMIT_ID + 3);
	assert_int_equal(strncmp(text, "99999", 5), 0);
	assert_string_equal(text + LIMIT_ID, "000");
	nines[LIMIT_ID] = '9';
	nines[LIMIT_ID + 1] = '\0';
	assert_false(decimal_add(&d, nines));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
	};

	return run_tests(tests);
}
