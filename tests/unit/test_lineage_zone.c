/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/zone.c and zone_rule.c: what the clocks of a place show. */
#include "harness.h"

#include <stdio.h>
#include <time.h>

#include "lineage/zone.h"
#include "lineage/zone_rule.h"
#include "statement/scalar.h"
#include "util/limits.h"

enum { HOUR = 3600 };

static int64_t at(int year, int month, int day, int hour)
{
	return days_from_civil(year, month, day) * SECONDS_A_DAY + hour * HOUR;
}

/* --- rules ------------------------------------------------------------------------------- */

static void test_rules(void **state)
{
	static const struct {
		const char *rule;
		int year, month, day, hour, offset;
	} rows[] = {
		{ "EST5EDT,M3.2.0,M11.1.0", 2024, 3, 10, 6, -5 },
		{ "EST5EDT,M3.2.0,M11.1.0", 2024, 3, 10, 7, -4 },
		{ "EST5EDT,M3.2.0,M11.1.0", 2024, 11, 3, 5, -4 },
		{ "EST5EDT,M3.2.0,M11.1.0", 2024, 11, 3, 6, -5 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 2024, 3, 31, 0, 1 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 2024, 3, 31, 1, 2 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 2024, 10, 27, 1, 1 },
		{ "NZST-12NZDT,M9.5.0,M4.1.0/3", 2024, 1, 1, 0, 13 },
		{ "NZST-12NZDT,M9.5.0,M4.1.0/3", 2024, 7, 1, 0, 12 },
		{ "<-03>3", 2024, 7, 1, 0, -3 },
		{ "<+0330>-3:30", 2024, 7, 1, 0, 3 },
		{ "XXX0YYY-2,J60,J61", 2024, 3, 1, 3, 2 },
		{ "XXX0YYY-2,J60,J61", 2024, 2, 29, 3, 0 },
		{ "XXX0YYY-2,59,61", 2024, 2, 29, 3, 2 },
		{ "EET-2EEST,M3.4.4/50,M10.4.4/50", 2024, 3, 30, 1, 3 },
		{ "UTC0", 1900, 1, 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zone_rule r;

		assert_true(zone_rule_parse(&r, rows[i].rule, strlen(rows[i].rule)));
		assert_int_equal(zone_rule_offset(&r, at(rows[i].year, rows[i].month, rows[i].day,
							 rows[i].hour)) / HOUR,
				 rows[i].offset);
	}
}

static void test_no_rules(void **state)
{
	static const char *const rows[] = {
		"E5",	 "EST",	     "EST25",	      "EST5EDT",	 "EST5EDT,M3.2.0",
		"<-03",	 "<->3",     "EST5 ",	      "EST5EDT,M0.2.0,M11.1.0", "EST5EDT,M13.2.0,M1.1.0",
		"EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J5", "EST5EDT,366,5",
		"EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,", "EST5:60", "5EST",
	};
	struct zone_rule r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (zone_rule_parse(&r, rows[i], strlen(rows[i])))
			test_failed(__FILE__, __LINE__, "'%s' was read", rows[i]);
	assert_true(zone_rule_parse(&r, "", 0));
	assert_false(r.present);
}

/* --- files ------------------------------------------------------------------------------- */

static void put(struct buf *b, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(b, data, len, &err), &err);
}

static void put_u32(struct buf *b, uint32_t v)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_u32be(b, v, &err), &err);
}

static void put_u64(struct buf *b, uint64_t v)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_u64be(b, v, &err), &err);
}

static void put_head(struct buf *b, uint32_t n_times, uint32_t n_types)
{
	const uint32_t counts[] = { 0, 0, 0, n_times, n_types, 4 };

	put(b, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	for (size_t i = 0; i < 6; i++)
		put_u32(b, counts[i]);
}

/* UTC+1 until 1000, then UTC+2 until 2000, then UTC+1; the rule has it at UTC-5. */
static void make_file(struct buf *b)
{
	put_head(b, 0, 1);
	put(b, "\0\0\0\0\0\0ABC", 10);
	put_head(b, 2, 2);
	put_u64(b, 1000);
	put_u64(b, 2000);
	put(b, "\1\0", 2);
	put_u32(b, HOUR);
	put(b, "\0\0", 2);
	put_u32(b, 2 * HOUR);
	put(b, "\1\0", 2);
	put(b, "ABC", 4);
	put(b, "\nEST5\n", 6);
}

static void test_file(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_ZONE_FILE);
	cleanup_zone struct zone *z = NULL;
	struct wm_error err = { 0 };

	(void)state;
	make_file(&b);
	assert_ok(zone_parse(&z, b.data, b.len, "Test", &err), &err);
	assert_int_equal(zone_offset(z, INT64_MIN), HOUR);
	assert_int_equal(zone_offset(z, 999), HOUR);
	assert_int_equal(zone_offset(z, 1000), 2 * HOUR);
	assert_int_equal(zone_offset(z, 1999), 2 * HOUR);
	assert_int_equal(zone_offset(z, 2000), -5 * HOUR);
}

static void test_malformed_files(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_ZONE_FILE);
	const size_t second = 44 + 10; /* where the second header begins */
	static const struct {
		size_t at; /* after the second header */
		uint8_t value;
	} rows[] = {
		{ 0, 'X' },	  /* magic */
		{ 4, '1' },	  /* version */
		{ 32, 0xff },	  /* number of times */
		{ 39, 0 },	  /* no type */
		{ 44 + 8, 0x80 }, /* times fall */
		{ 44 + 16, 2 },	  /* a type that is not there */
		{ 44 + 18, 0x7f }, /* an offset of years */
		{ 44 + 34, 'x' }, /* no newline before the rule */
		{ 44 + 38, 'x' }, /* no rule */
	};

	(void)state;
	make_file(&b);
	for (size_t len = 0; len < b.len; len++) {
		struct wm_error err = { 0 };
		struct zone *z = NULL;

		assert_reason(zone_parse(&z, b.data, len, "Test", &err), &err, ZONE_UNKNOWN);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *place = &b.data[second + rows[i].at], before = *place;
		struct wm_error err = { 0 };
		struct zone *z = NULL;

		*place = rows[i].value;
		if (zone_parse(&z, b.data, b.len, "Test", &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "row %zu was read", i);
		*place = before;
	}
}

static void test_names(void **state)
{
	static const char *const rows[] = { "", "/etc/passwd", "../UTC", "Europe/../UTC", "a b",
					    "Mars/Olympus", "Europe", "Europe/Vienna/x" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wm_error err = { 0 };
		struct zone *z = NULL;

		assert_reason(zone_open(&z, rows[i], &err), &err, ZONE_UNKNOWN);
	}
}

/* The C library reads the same files its own way. */
static void test_like_libc(void **state)
{
	static const char *const zones[] = { "America/New_York", "Europe/Vienna", "Asia/Kolkata",
					     "Australia/Lord_Howe", "America/Sao_Paulo",
					     "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin",
					     "Asia/Gaza" };

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		cleanup_zone struct zone *z = NULL;
		struct wm_error err = { 0 };

		if (zone_open(&z, zones[i], &err) != WM_OK)
			skip();
		setenv("TZ", zones[i], 1);
		tzset();
		for (time_t t = at(1900, 1, 1, 5); t < at(2100, 1, 1, 0); t += 1234567) {
			struct tm tm;

			assert_non_null(localtime_r(&t, &tm));
			if (tm.tm_gmtoff != zone_offset(z, t))
				test_failed(__FILE__, __LINE__, "%s at %lld", zones[i],
					    (long long)t);
		}
	}
}

static enum wm_code parse(void *context, struct wm_error *err)
{
	const struct buf *b = context;
	cleanup_zone struct zone *z = NULL;

	return zone_parse(&z, b->data, b->len, "Test", err);
}

static void test_memory(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(LIMIT_ZONE_FILE);

	(void)state;
	make_file(&b);
	with_every_allocation_failing(parse, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_malformed_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_like_libc),
		cmocka_unit_test(test_memory),
	};

	return run_tests(tests);
}
