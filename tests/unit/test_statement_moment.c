/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/moment.c: days and times of RFC 3339, and what is neither. */
#include "harness.h"

#include "statement/moment.h"

static void reads_what_rfc_3339_has(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		bool is_day;
	} rows[] = {
		{ "1970-01-01", 0, true },
		{ "2024-02-29", 1709164800, true },
		{ "0001-01-01", -62135596800, true },
		{ "9999-12-31", 253402214400, true },
		{ "1970-01-01T00:00:01Z", 1, false },
		{ "1970-01-01t00:00:01z", 1, false },
		{ "1970-01-01T01:00:00+01:00", 0, false },
		{ "1969-12-31T22:30:00-01:30", 0, false },
		{ "2020-12-28T19:52:00.001+10:00", 1609149120, false },
		{ "1970-01-01T00:00:00.999999999Z", 0, false },
		{ "2016-12-31T23:59:60Z", 1483228800, false },
		{ "9999-12-31T23:59:59Z", 253402300799, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_day = !rows[i].is_day;
		int64_t got = -1;

		assert_true(moment_read(&got, &is_day, rows[i].text));
		assert_int_equal(got, rows[i].seconds);
		assert_int_equal(is_day, rows[i].is_day);
	}
}

static void refuses_all_else(void **state)
{
	static const char *const rows[] = {
		"", "2024", "2024-1-01", "2023-02-29", "2024-00-01", "2024-13-01", "2024-01-00",
		"2024-04-31", "0000-01-01", "02024-01-01", " 2024-01-01", "2024-01-01 ",
		"2024-01-01T", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z",
		"2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z",
		"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+1:00",
		"2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60", "2024-01-01T00:00Z",
		"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "yesterday",
	};
	bool is_day;
	int64_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (moment_read(&got, &is_day, rows[i]))
			test_failed(__FILE__, __LINE__, "took '%s'", rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_rfc_3339_has),
		cmocka_unit_test(refuses_all_else),
	};

	return run_tests(tests);
}
