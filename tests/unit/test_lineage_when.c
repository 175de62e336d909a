/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/when.c: moments and days. */
#include "harness.h"

#include "lineage/when.h"

static int32_t day(int year, int month, int of_month)
{
	return (int32_t)days_from_civil(year, month, of_month);
}

static int64_t at(int year, int month, int of_month, int hour, int minute, int second)
{
	return ((int64_t)day(year, month, of_month) * 24 + hour) * 3600 + minute * 60 + second;
}

static void test_reading(void **state)
{
	static const struct {
		const char *text, *shown; /* NULL: it is neither */
		bool is_day;
	} rows[] = {
		{ "2024-03-08", "2024-03-08", true },
		{ "1969-12-31", "1969-12-31", true },
		{ "2024-03-08T10:00:00Z", "2024-03-08T10:00:00Z", false },
		{ "2024-03-08T00:30:00+01:00", "2024-03-07T23:30:00Z", false },
		{ "2024-03-08T10:00:00", NULL, false },
		{ "2024-02-30", NULL, false },
		{ "9999-02-01", NULL, false },
		{ "9999-02-01T00:00:00Z", NULL, false },
		{ "yesterday", NULL, false },
		{ "", NULL, false },
	};
	char text[TIME_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct when w = when_moment(0);

		assert_int_equal(when_read(&w, rows[i].text), rows[i].shown != NULL);
		if (!rows[i].shown)
			continue;
		assert_int_equal(w.day != DAY_NONE, rows[i].is_day);
		assert_string_equal(when_text(text, &w), rows[i].shown);
	}
}

/* The first and the last second of days, some of which are shorter or longer than others. */
static void test_days_in_zones(void **state)
{
	static const struct {
		const char *zone;
		int day[3], first[6], last[6];
	} rows[] = {
		{ "UTC", { 2024, 3, 8 }, { 2024, 3, 8, 0, 0, 0 }, { 2024, 3, 8, 23, 59, 59 } },
		{ "Europe/Vienna", { 2024, 3, 31 }, { 2024, 3, 30, 23, 0, 0 },
		  { 2024, 3, 31, 21, 59, 59 } },
		{ "America/New_York", { 2024, 11, 3 }, { 2024, 11, 3, 4, 0, 0 },
		  { 2024, 11, 4, 4, 59, 59 } },
		{ "Pacific/Kiritimati", { 2024, 3, 8 }, { 2024, 3, 7, 10, 0, 0 },
		  { 2024, 3, 8, 9, 59, 59 } },
		/* Clocks that go forward at the end of a day, and back into it. */
		{ "America/Santiago", { 2024, 9, 7 }, { 2024, 9, 7, 4, 0, 0 },
		  { 2024, 9, 8, 3, 59, 59 } },
		{ "America/Santiago", { 2024, 4, 6 }, { 2024, 4, 6, 3, 0, 0 },
		  { 2024, 4, 7, 3, 59, 59 } },
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int *f = rows[i].first, *l = rows[i].last;
		const struct when w =
			when_day(day(rows[i].day[0], rows[i].day[1], rows[i].day[2]));
		const struct when last = when_moment(at(l[0], l[1], l[2], l[3], l[4], l[5]));
		const struct when next = when_moment(last.at + 1);
		cleanup_zone struct zone *z = NULL;

		assert_ok(zone_open(&z, rows[i].zone, &err), &err);
		assert_int_equal(when_first(&w, z), at(f[0], f[1], f[2], f[3], f[4], f[5]));
		assert_int_equal(when_last(&w, z), last.at);
		assert_int_equal(when_day_in(&w, z), w.day);
		assert_int_equal(when_day_in(&last, z), w.day);
		assert_int_equal(when_day_in(&next, z), w.day + 1);
		assert_int_equal(when_last(&next, z), next.at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_days_in_zones),
	};

	return run_tests(tests);
}
