/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/scalar.c: each scalar's texts, its bytes, and what is neither. */
#include "harness.h"

#include <stdio.h>

#include "statement/message.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "weightmark/v1/scalar.pb-c.h"

#define D(name) &weightmark__v1__##name##__descriptor
#define HEX16	"00112233445566778899aabbccddeeff"
#define HEX32	HEX16 HEX16

/* Reads `text`, or makes `*m` NULL. */
static void read_text(ProtobufCMessage **m, struct arena *a, const ProtobufCMessageDescriptor *d,
		      const char *text, size_t len)
{
	struct wm_error err = { 0 };

	assert_non_null(scalar_find(d));
	assert_ok(scalar_read(m, scalar_find(d), text, len, a, &err), &err);
}

static void good_texts_round_trip(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *descriptor;
		const char *text;
	} rows[] = {
		{ D(date), "2026-11-20" }, { D(date), "0001-01-01" }, { D(date), "9999-12-31" },
		{ D(date), "2024-02-29" }, { D(date), "2000-02-29" }, { D(date), "1970-01-01" },
		{ D(time), "2026-11-20T18:00:00Z" }, { D(time), "0001-01-01T00:00:00Z" },
		{ D(time), "9999-12-31T23:59:59Z" }, { D(time), "1969-12-31T23:59:59Z" },
		{ D(digest), HEX32 }, { D(statement_id), "wm:" HEX32 }, { D(nonce), HEX16 },
		{ D(decimal), "0" }, { D(decimal), "-1" }, { D(decimal), "10" },
		{ D(decimal), "12.5" }, { D(decimal), "-0.5" }, { D(decimal), "0.05" },
		{ D(country), "NO" }, { D(country), "US-CA" }, { D(country), "GB-ENG" },
		{ D(country), "FR-7" }, { D(spdx_expression), "MIT OR (ISC AND Apache-2.0)" },
		{ D(id), "a" }, { D(id), "Z9._-@:+" }, { D(id), "0" }, { D(party_id), "no" },
		{ D(object_id), "a/b" }, { D(object_id), "https://a.example/x/b@1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT(65536);
		cleanup_buf struct buf out = BUF_INIT(1000);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		read_text(&m, &a, rows[i].descriptor, rows[i].text, strlen(rows[i].text));
		if (!m)
			test_failed(__FILE__, __LINE__, "'%s' was refused", rows[i].text);
		assert_true(scalar_find(rows[i].descriptor)->valid(m));
		assert_ok(scalar_find(rows[i].descriptor)->print(&out, m, &err), &err);
		assert_string_equal(buf_str(&out), rows[i].text);
	}
}

static void other_texts_are_refused(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *descriptor;
		const char *text;
	} rows[] = {
		{ D(date), "" },
		{ D(date), "2026-11-2" },
		{ D(date), "2026-11-201" },
		{ D(date), "0000-01-01" },
		{ D(date), "2026-00-01" },
		{ D(date), "2026-13-01" },
		{ D(date), "2026-11-00" },
		{ D(date), "2026-11-31" },
		{ D(date), "2026-02-29" },
		{ D(date), "1900-02-29" },
		{ D(date), "2026/11/20" },
		{ D(date), "2026-11/20" },
		{ D(date), "2026-11-20Z" },
		{ D(date), "+026-11-20" },
		{ D(date), "2026-1a-20" },
		{ D(time), "2026-11-20T18:00:00" },
		{ D(time), "2026-11-20t18:00:00Z" },
		{ D(time), "2026-11-20T18:00:00z" },
		{ D(time), "2026-11-20 18:00:00Z" },
		{ D(time), "2026-11-20T24:00:00Z" },
		{ D(time), "2026-11-20T18:60:00Z" },
		{ D(time), "2026-11-20T18:00:60Z" },
		{ D(time), "2026-11-20T18:00:00+00:00" },
		{ D(time), "2026-11-20T18:00:00.0Z" },
		{ D(time), "2026-11-31T18:00:00Z" },
		{ D(time), "2026-11-20T18.00:00Z" },
		{ D(time), "2026-11-20T18:00.00Z" },
		{ D(time), "2026-11-20T1a:00:00Z" },
		{ D(time), "2026-11-20" },
		{ D(digest), HEX16 },
		{ D(digest), HEX32 "0" },
		{ D(digest), HEX32 "00" },
		{ D(digest), "A" HEX16 "0112233445566778899aabbccddeeff" },
		{ D(digest), "" },
		{ D(digest), "wm:" HEX32 },
		{ D(statement_id), HEX32 },
		{ D(statement_id), "wm:" },
		{ D(statement_id), "WM:" HEX32 },
		{ D(statement_id), "wm:" HEX16 },
		{ D(statement_id), "w" },
		{ D(nonce), HEX32 },
		{ D(nonce), "" },
		{ D(decimal), "" },
		{ D(decimal), "-" },
		{ D(decimal), "-0" },
		{ D(decimal), "01" },
		{ D(decimal), "1." },
		{ D(decimal), ".5" },
		{ D(decimal), "1.50" },
		{ D(decimal), "0.0" },
		{ D(decimal), "-0.0" },
		{ D(decimal), "1e3" },
		{ D(decimal), "+1" },
		{ D(decimal), "1,5" },
		{ D(decimal), "1.2.3" },
		{ D(decimal), "NaN" },
		{ D(decimal), "--1" },
		{ D(decimal), " 1" },
		{ D(country), "" },
		{ D(country), "D" },
		{ D(country), "de" },
		{ D(country), "DEU" },
		{ D(country), "DE-" },
		{ D(country), "DE-ABCD" },
		{ D(country), "DE_BY" },
		{ D(country), "DE-by" },
		{ D(country), "D1" },
		{ D(country), "No" },
		{ D(id), "" },
		{ D(id), ".a" },
		{ D(id), "-a" },
		{ D(id), "a b" },
		{ D(id), "a/b" },
		{ D(id), "é" },
		{ D(id), "a\n" },
		{ D(party_id), "" },
		{ D(party_id), "@a" },
		{ D(object_id), "" },
		{ D(object_id), "a" },
		{ D(object_id), "/a" },
		{ D(object_id), "a/" },
		{ D(object_id), "a b/c" },
		{ D(object_id), "é/c" },
		{ D(object_id), "a\x7f/c" },
		{ D(object_id), "a/.c" },
		{ D(spdx_expression), "" },
		{ D(spdx_expression), "MIT or ISC" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT(65536);
		ProtobufCMessage *m = NULL;

		read_text(&m, &a, rows[i].descriptor, rows[i].text, strlen(rows[i].text));
		if (m)
			test_failed(__FILE__, __LINE__, "'%s' was taken as a %s", rows[i].text,
				    rows[i].descriptor->short_name);
	}
}

static void nul_is_no_letter(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(65536);
	ProtobufCMessage *m = NULL;

	(void)state;
	read_text(&m, &a, D(id), "a\0b", 3);
	assert_null(m);
	read_text(&m, &a, D(object_id), "a/b\0", 4);
	assert_null(m);
}

/* The longest text of the form "PREFIX aaa..." and one that is longer. */
static void lengths_have_limits(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *descriptor;
		const char *prefix;
		char fill;
		size_t max;
	} rows[] = {
		{ D(id), "", 'a', LIMIT_ID },
		{ D(party_id), "", 'a', LIMIT_ID },
		{ D(decimal), "", '7', LIMIT_ID },
		{ D(decimal), "-", '7', LIMIT_ID },
		{ D(decimal), "1.", '7', LIMIT_ID },
		{ D(object_id), "i/", 'a', LIMIT_ID + 2 },
		{ D(spdx_expression), "", 'a', LIMIT_SPDX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t len = rows[i].max - 1; len <= rows[i].max + 1; len++) {
			cleanup_arena struct arena a = ARENA_INIT(65536);
			char text[LIMIT_SPDX + 2];
			ProtobufCMessage *m = NULL;

			memset(text, rows[i].fill, len);
			memcpy(text, rows[i].prefix, strlen(rows[i].prefix));
			read_text(&m, &a, rows[i].descriptor, text, len);
			if (!m != (len > rows[i].max))
				test_failed(__FILE__, __LINE__, "row %zu, %zu bytes", i, len);
		}
}

static void object_ids_have_a_limit(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(65536);
	char text[LIMIT_OBJECT + 1];
	ProtobufCMessage *m = NULL;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[LIMIT_OBJECT - 10] = '/';
	read_text(&m, &a, D(object_id), text, LIMIT_OBJECT);
	assert_non_null(m);
	read_text(&m, &a, D(object_id), text, LIMIT_OBJECT + 1);
	assert_null(m);
}

static void bytes_are_checked(void **state)
{
	Weightmark__V1__Date date = WEIGHTMARK__V1__DATE__INIT;
	Weightmark__V1__Time time = WEIGHTMARK__V1__TIME__INIT;
	Weightmark__V1__Digest digest = WEIGHTMARK__V1__DIGEST__INIT;
	Weightmark__V1__StatementId id = WEIGHTMARK__V1__STATEMENT_ID__INIT;
	Weightmark__V1__Nonce nonce = WEIGHTMARK__V1__NONCE__INIT;
	const int32_t first_day = -719162, last_day = 2932896;

	(void)state;
	for (int i = -1; i <= 1; i++) {
		date.days = first_day + i;
		assert_int_equal(scalar_find(D(date))->valid(&date.base), i >= 0);
		date.days = last_day + i;
		assert_int_equal(scalar_find(D(date))->valid(&date.base), i <= 0);
		time.seconds = (int64_t)first_day * 86400 + i;
		assert_int_equal(scalar_find(D(time))->valid(&time.base), i >= 0);
		time.seconds = ((int64_t)last_day + 1) * 86400 - 1 + i;
		assert_int_equal(scalar_find(D(time))->valid(&time.base), i <= 0);
		digest.sha256.len = id.sha256.len = (size_t)(32 + i);
		nonce.random.len = (size_t)(16 + i);
		assert_int_equal(scalar_find(D(digest))->valid(&digest.base), i == 0);
		assert_int_equal(scalar_find(D(statement_id))->valid(&id.base), i == 0);
		assert_int_equal(scalar_find(D(nonce))->valid(&nonce.base), i == 0);
	}
}

/* Every day of the range, against a calendar that counts one day after the other. */
static void the_calendar_counts(void **state)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = 1, month = 1, day = 1;

	(void)state;
	for (int64_t days = -719162; days <= 2932896; days++) {
		const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		char expected[64], got[TIME_TEXT + 1];

		if (day == 1 || day >= 28) {
			snprintf(expected, sizeof(expected), "%04d-%02d-%02dT23:59:59Z", year,
				 month, day);
			time_text(got, days * 86400 + 86399);
			assert_string_equal(got, expected);
		}
		if (++day <= lengths[month - 1] + (leap && month == 2))
			continue;
		day = 1;
		month = month % 12 + 1;
		year += month == 1;
	}
	assert_int_equal(year, 10000);
}

static void other_messages_are_no_scalars(void **state)
{
	(void)state;
	assert_null(scalar_find(NULL));
}

static enum wm_code read_digest(void *context, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(65536);
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar_find(D(digest)), HEX32, 64, &a, err));
	assert_non_null(m);
	(void)context;
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(read_digest, NULL);
}

/* Too little memory is never taken for a text of another form. */
static void small_arenas_are_the_limit(void **state)
{
	(void)state;
	for (size_t max = 0;; max += 16) {
		cleanup_arena struct arena a = ARENA_INIT(max);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		if (scalar_read(&m, scalar_find(D(digest)), HEX32, 64, &a, &err) == WM_OK) {
			assert_non_null(m);
			assert_true(max > 64);
			return;
		}
		assert_int_equal(err.code, WM_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_round_trip),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(nul_is_no_letter),
		cmocka_unit_test(lengths_have_limits),
		cmocka_unit_test(object_ids_have_a_limit),
		cmocka_unit_test(bytes_are_checked),
		cmocka_unit_test(the_calendar_counts),
		cmocka_unit_test(other_messages_are_no_scalars),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(small_arenas_are_the_limit),
	};

	return run_tests(tests);
}
