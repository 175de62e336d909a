/* SPDX-License-Identifier: Apache-2.0 */
/* lib/report/ics.c: lines as RFC 5545 has them; whole calendars are read back in tests/cli/order.bats. */
#include "harness.h"

#include "report/ics.h"
#include "util/limits.h"

static void assert_line(const char *value, const char *expected)
{
	cleanup_buf struct buf out = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	assert_ok(ics_append_text(&out, "X", value, &err), &err);
	assert_string_equal(buf_str(&out), expected);
}

static void test_escapes(void **state)
{
	(void)state;
	assert_line("", "X:\r\n");
	assert_line("a\\b;c,d\ne", "X:a\\\\b\\;c\\,d\\ne\r\n");
	assert_line("a\x1b[2J\r\x7f" "b", "X:a[2Jb\r\n");
	assert_line("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\x8e\xff" "d", "X:abcd\r\n");
	assert_line("BEGIN:VEVENT\nEND:VEVENT", "X:BEGIN:VEVENT\\nEND:VEVENT\r\n");
}

/* Unfolds `out` into `back`; no line is longer than 75 octets. */
static void unfold(struct buf *back, const struct buf *out)
{
	struct wm_error err = { 0 };
	const char *at = buf_str(out), *end;

	for (; *at; at = end + 2) {
		end = strstr(at, "\r\n");
		assert_non_null(end);
		assert_true(end - at <= 75);
		if (at != buf_str(out)) {
			assert_int_equal(*at, ' ');
			at++;
		}
		assert_ok(buf_append(back, at, (size_t)(end - at), &err), &err);
	}
}

static void test_folding(void **state)
{
	static const char *const letters[] = { "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t n = 60; n < 240; n++) {
		cleanup_buf struct buf value = BUF_INIT(LIMIT_NAME), out = BUF_INIT(LIMIT_NAME);
		cleanup_buf struct buf back = BUF_INIT(LIMIT_NAME);
		const char *letter = letters[n % 4];

		for (size_t i = 0; i < n; i++)
			assert_ok(buf_append_str(&value, i % 7 ? letter : "b", &err), &err);
		assert_ok(ics_append_text(&out, "X", buf_str(&value), &err), &err);
		unfold(&back, &out);
		assert_string_equal(buf_str(&back) + 2, buf_str(&value));
		/* Each line is UTF-8 by itself: no character is cut. */
		for (const char *at = buf_str(&out); *at;) {
			const char *end = strstr(at, "\r\n");

			assert_true(((uint8_t)end[2] & 0xc0) != 0x80);
			assert_true(end[2] != ' ' || ((uint8_t)end[3] & 0xc0) != 0x80);
			at = end + 2;
		}
	}
}

static enum wm_code write_line(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(LIMIT_NAME);

	TRY(ics_begin(&out, err));
	TRY(ics_append_text(&out, "SUMMARY", context, err));
	return ics_end(&out, err);
}

static void test_memory(void **state)
{
	char text[] = "a, long enough; to be folded, and then some more of it, so that it is";

	(void)state;
	with_every_allocation_failing(write_line, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_memory),
	};

	return run_tests(tests);
}
