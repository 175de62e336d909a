/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util: hex.c, utf8.c, escape.c, relpath.c and cursor.h. */
#include "harness.h"

#include "util/cursor.h"
#include "util/escape.h"
#include "util/hex.h"
#include "util/limits.h"
#include "util/relpath.h"
#include "util/utf8.h"

/* --- hexadecimal ------------------------------------------------------------------------- */

static void hex_has_one_spelling(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		const char digits[] = { (char)(i >> 8), (char)(i & 255), 0 };
		bool good = strspn(digits, "0123456789abcdef") == 2;
		uint8_t byte = 0;
		char again[3];

		assert_int_equal(hex_decode(&byte, digits, 2), good);
		if (!good)
			continue;
		hex_encode(again, &byte, 1);
		assert_string_equal(again, digits);
	}
}

static void hex_lengths(void **state)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	char text[9];

	(void)state;
	assert_true(hex_decode(out, "", 0));
	assert_int_equal(out[0], 9);
	assert_false(hex_decode(out, "0", 1));
	assert_false(hex_decode(out, "000", 3));
	assert_true(hex_decode(out, "00ff10x", 6));
	assert_memory_equal(out, "\x00\xff\x10\x09", 4);
	hex_encode(text, out, 0);
	assert_string_equal(text, "");
	hex_encode(text, out, 4);
	assert_string_equal(text, "00ff1009");
}

/* --- UTF-8 ------------------------------------------------------------------------------- */

static void every_scalar_value_round_trips(void **state)
{
	(void)state;
	for (uint32_t scalar = 0; scalar <= 0x10FFFF; scalar++) {
		uint8_t bytes[4];
		uint32_t again = 0;
		size_t len;

		if (scalar >= 0xD800 && scalar <= 0xDFFF)
			continue;
		len = utf8_encode(bytes, scalar);
		assert_int_equal(utf8_decode(&again, bytes, len), len);
		assert_int_equal(again, scalar);
		assert_int_equal(utf8_decode(&again, bytes, len - 1), 0);
		assert_true(utf8_valid(bytes, len));
		if (len > 1)
			assert_false(utf8_valid(bytes, len - 1) || utf8_valid(bytes + 1, len - 1));
	}
}

/* Of all byte pairs and triples, those are taken that encode a scalar value. */
static void nothing_else_is_utf8(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1U << 24; i++) {
		const uint8_t bytes[3] = { (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		uint32_t scalar = 0;
		uint8_t again[4];
		size_t len = utf8_decode(&scalar, bytes, 3);

		if (len == 0)
			continue;
		if (utf8_encode(again, scalar) != len || memcmp(again, bytes, len) != 0)
			test_failed(__FILE__, __LINE__, "%06x", i);
		if (len == 1)
			i |= 0xFFFF;
		else if (len == 2)
			i |= 0xFF;
	}
}

static void malformed_sequences(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x20", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98",
		"\xf8\x88\x80\x80\x80", "\xfe", "\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
	assert_true(utf8_valid((const uint8_t *)"a\0b", 3));
	assert_true(utf8_valid(NULL, 0));
}

static void unsafe_characters(void **state)
{
	static const uint32_t unsafe[] = {
		0,	0x07,	0x1B,	0x1F,	0x7F,	0x80,	0x85,	0x9F,	0xAD,	0x61C,
		0x200B, 0x200D, 0x200E, 0x2028, 0x2029, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069,
		0xE000, 0xF8FF, 0xFDD0, 0xFEFF, 0xFFFE, 0xFFFF, 0x1FFFE, 0xE0001, 0xF0000, 0x10FFFF,
	};
	static const uint32_t safe[] = {
		' ', 'a', '~', 0xA0, 0xE9, 0x4E2D, 0x2010, 0xFFFD, 0x1F600
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		if (!utf8_unsafe(unsafe[i]))
			test_failed(__FILE__, __LINE__, "U+%04X", unsafe[i]);
	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (utf8_unsafe(safe[i]))
			test_failed(__FILE__, __LINE__, "U+%04X", safe[i]);
}

/* --- escapes ----------------------------------------------------------------------------- */

static void escapes(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *escaped, *quoted;
	} rows[] = {
		{ "", 0, "", "''" },
		{ "plain caf\xc3\xa9", 11, "plain caf\xc3\xa9", "'plain caf\xc3\xa9'" },
		{ "a\\b", 3, "a\\\\b", "'a\\\\b'" },
		{ "it's", 4, "it's", "'it\\'s'" },
		{ "\x1b[2J", 4, "\\u{1b}[2J", "'\\u{1b}[2J'" },
		{ "a\nVERIFIED", 10, "a\\u{a}VERIFIED", "'a\\u{a}VERIFIED'" },
		{ "\0", 1, "\\u{0}", "'\\u{0}'" },
		{ "\xe2\x80\xae", 3, "\\u{202e}", "'\\u{202e}'" },
		{ "\xff\xc3", 2, "\\xff\\xc3", "'\\xff\\xc3'" },
		{ "\xc3" "a", 2, "\\xc3a", "'\\xc3a'" },
		{ "\xf3\xa0\x80\x81", 4, "\\u{e0001}", "'\\u{e0001}'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(100);
		struct wm_error err = { 0 };

		assert_ok(escape_append(&out, rows[i].text, rows[i].len, &err), &err);
		assert_string_equal(buf_str(&out), rows[i].escaped);
		buf_truncate(&out, 0);
		assert_ok(escape_quoted(&out, rows[i].text, rows[i].len, &err), &err);
		assert_string_equal(buf_str(&out), rows[i].quoted);
	}
}

static void escaping_every_byte_is_one_safe_line(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(10000);
	struct wm_error err = { 0 };
	char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	assert_ok(escape_append(&out, bytes, sizeof(bytes), &err), &err);
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.data[i] >= ' ' && out.data[i] <= '~');
}

static enum wm_code escape_all(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(10000);

	(void)context;
	for (int i = 0; i < 100; i++)
		TRY(escape_quoted(&out, "a\\'\n\xff", 5, err));
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(escape_all, NULL);
}

/* --- paths ------------------------------------------------------------------------------- */

static void plain_relative_paths(void **state)
{
	static const char *const good[] = {
		"a",   "a/b",	  "a b/c.d",	 ".hidden", "..a", "a..",
		"...", "a/.../b", "caf\xc3\xa9", "-a",	    "~",
	};
	static const char *const bad[] = {
		"",
		"/",
		"/a",
		"a/",
		"a//b",
		".",
		"..",
		"./a",
		"../a",
		"a/.",
		"a/..",
		"a/./b",
		"a/../b",
		"a\\b",
		"a\nb",
		"\x1b",
		"a\x7f",
		"\xff",
		"a/\xc3",
		"a\xe2\x80\xae",
		"a\xe2\x80\x8b",
	};
	char longest[LIMIT_PATH + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!relpath_valid(good[i]))
			test_failed(__FILE__, __LINE__, "'%s' was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (relpath_valid(bad[i]))
			test_failed(__FILE__, __LINE__, "'%s' was taken", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[LIMIT_PATH + 1] = '\0';
	assert_false(relpath_valid(longest));
	longest[LIMIT_PATH] = '\0';
	assert_true(relpath_valid(longest));
}

/* --- cursors ----------------------------------------------------------------------------- */

static void cursors_stop_at_the_end(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	uint64_t value = 0;

	(void)state;
	assert_int_equal(cursor_peek(&c), 1);
	assert_null(cursor_take(&c, 10));
	assert_null(cursor_take(&c, SIZE_MAX));
	assert_int_equal(cursor_left(&c), 9);
	assert_ptr_equal(cursor_take(&c, 0), bytes);
	assert_true(cursor_u64le(&c, &value));
	assert_int_equal(value, UINT64_C(0x0807060504030201));
	assert_false(cursor_u64le(&c, &value));
	assert_int_equal(cursor_left(&c), 1);
	assert_ptr_equal(cursor_take(&c, 1), bytes + 8);
	assert_int_equal(cursor_peek(&c), -1);
	assert_null(cursor_take(&c, 1));
	assert_non_null(cursor_take(&c, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_has_one_spelling),
		cmocka_unit_test(hex_lengths),
		cmocka_unit_test(every_scalar_value_round_trips),
		cmocka_unit_test(nothing_else_is_utf8),
		cmocka_unit_test(malformed_sequences),
		cmocka_unit_test(unsafe_characters),
		cmocka_unit_test(escapes),
		cmocka_unit_test(escaping_every_byte_is_one_safe_line),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(plain_relative_paths),
		cmocka_unit_test(cursors_stop_at_the_end),
	};

	return run_tests(tests);
}
