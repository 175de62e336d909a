/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/json.c: the pull parser. */
#include "harness.h"

#include "text/json.h"

/* One letter an event; keys, text and numbers as they are between parentheses. */
static enum wm_code trace(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	cleanup_json struct json j = json_parser(text, len, "x.json");
	enum json_event event;

	do {
		TRY(json_next(&j, &event, err));
		TRY(buf_append_byte(out, (uint8_t)"{}[]ktntf0."[event], err));
		if (event == JSON_KEY || event == JSON_TEXT || event == JSON_NUMBER) {
			TRY(buf_append_byte(out, '(', err));
			TRY(buf_append(out, j.text, j.len, err));
			TRY(buf_append_byte(out, ')', err));
		}
	} while (event != JSON_END);
	return json_next(&j, &event, err);
}

static void gives_events(void **state)
{
	static const struct {
		const char *text, *events;
	} good[] = {
		{ "{}", "{}." },
		{ " [ ]\n", "[]." },
		{ "true", "t." },
		{ "[true,false,null]", "[tf0]." },
		{ "{\"a\":[1,{\"b\":\"c\"}],\"d\":{}}", "{k(a)[n(1){k(b)t(c)}]k(d){}}." },
		{ "[0,-0,10,-1.5,2e3,2E+3,0.1e-07]",
		  "[n(0)n(-0)n(10)n(-1.5)n(2e3)n(2E+3)n(0.1e-07)]." },
		{ "\"\"", "t()." },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "t(\"\\/\b\f\n\r\t)." },
		{ "\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"",
		  "t(A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80)." },
		{ "\"long plain text, then \xc3\xa9, then \\n and more than eight bytes\"",
		  "t(long plain text, then \xc3\xa9, then \n and more than eight bytes)." },
		{ "[\"\x7f\"]", "[t(\x7f)]." },
		{ "\t{\"\\u006b\" : 1 , \"l\"\r\n:2}", "{k(k)n(1)k(l)n(2)}." },
		{ "18446744073709551616", "n(18446744073709551616)." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000);
		struct wm_error err = { 0 };

		assert_ok(trace(&out, good[i].text, strlen(good[i].text), &err), &err);
		assert_string_equal(buf_str(&out), good[i].events);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "x.json: byte 0: expected a value" },
		{ "  ", "x.json: byte 2: expected a value" },
		{ "\xef\xbb\xbf{}", "x.json: byte 0: expected a value" },
		{ "nul", "x.json: byte 0: expected a value" },
		{ "NaN", "x.json: byte 0: expected a value" },
		{ "-Infinity", "x.json: byte 1: expected a digit" },
		{ "'a'", "x.json: byte 0: expected a value" },
		{ "{} {}", "x.json: byte 3: expected nothing more" },
		{ "01", "x.json: byte 1: expected nothing more" },
		{ "[-]", "x.json: byte 2: expected a digit" },
		{ "[1.]", "x.json: byte 3: expected a digit" },
		{ "[.5]", "x.json: byte 1: expected a value" },
		{ "[+1]", "x.json: byte 1: expected a value" },
		{ "[1e]", "x.json: byte 3: expected a digit" },
		{ "[1e+]", "x.json: byte 4: expected a digit" },
		{ "[1,]", "x.json: byte 3: expected a value" },
		{ "[,1]", "x.json: byte 1: expected a value" },
		{ "[1 2]", "x.json: byte 3: expected ',' or ']'" },
		{ "[1}", "x.json: byte 2: expected ',' or ']'" },
		{ "[1", "x.json: byte 2: expected ',' or ']'" },
		{ "[1]]", "x.json: byte 3: expected nothing more" },
		{ "[/**/]", "x.json: byte 1: expected a value" },
		{ "{\"a\":1,}", "x.json: byte 7: expected a key in '\"'" },
		{ "{,}", "x.json: byte 1: expected a key in '\"' or '}'" },
		{ "{a:1}", "x.json: byte 1: expected a key in '\"' or '}'" },
		{ "{1:1}", "x.json: byte 1: expected a key in '\"' or '}'" },
		{ "{\"a\"}", "x.json: byte 4: expected ':'" },
		{ "{\"a\":}", "x.json: byte 5: expected a value" },
		{ "{\"a\":1]", "x.json: byte 6: expected ',' or '}'" },
		{ "{\"a\" 1}", "x.json: byte 5: expected ':'" },
		{ "\"abc", "x.json: byte 4: expected '\"' at the end of text" },
		{ "\"a\nb\"", "x.json: byte 2: expected no raw control character in text" },
		{ "\"0123456789\x1f\"",
		  "x.json: byte 11: expected no raw control character in text" },
		{ "\"\\x41\"", "x.json: byte 1: expected an escape such as \\n or \\u0041" },
		{ "\"\\", "x.json: byte 1: expected an escape such as \\n or \\u0041" },
		{ "\"\x80\"", "x.json: byte 1: expected UTF-8" },
		{ "\"\xc0\x80\"", "x.json: byte 1: expected UTF-8" },
		{ "\"\xed\xa0\x80\"", "x.json: byte 1: expected UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", "x.json: byte 1: expected UTF-8" },
		{ "\"abc\xe2\x82", "x.json: byte 4: expected UTF-8" },
	};
	static const char *const bad_units[] = {
		"\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\n\"",
		"\"\\ud800\\ud800\"", "\"\\ud800\\u0041\"", "\"\\ud83d", "\"\\u", "\"\\ud83d\\u",
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000);

		assert_reason(trace(&out, bad[i].text, strlen(bad[i].text), &err), &err,
			      JSON_MALFORMED);
		assert_string_equal(err.message, bad[i].message);
	}
	for (size_t i = 0; i < sizeof(bad_units) / sizeof(bad_units[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000);

		assert_reason(trace(&out, bad_units[i], strlen(bad_units[i]), &err), &err,
			      JSON_MALFORMED);
		assert_non_null(strstr(err.message, "x.json: byte 1: expected four hexadecimal"));
	}
}

/* Every special byte at every place of a run, so that the fast path cannot pass over one. */
static void sees_special_bytes_everywhere(void **state)
{
	(void)state;
	for (size_t at = 1; at < 26; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			cleanup_buf struct buf out = BUF_INIT(100);
			char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
			struct wm_error err = { 0 };
			enum wm_code code;

			text[at] = (char)byte;
			code = trace(&out, text, sizeof(text) - 1, &err);
			if (byte < 0x20 || byte == '"' || byte >= 0x80)
				assert_int_equal(code, WM_FORMAT);
			else if (byte == '\\')
				assert_int_equal(code == WM_OK,
						 strchr("bfnrt", text[at + 1]) != NULL);
			else
				assert_int_equal(code, WM_OK);
		}
	}
}

static void refuses_every_prefix(void **state)
{
	static const char text[] = "{\"a\\u00e9\":"
				   "[1,-2.5e3,\"\xc3\xa9\\ud83d\\ude00\",true,null,{}]}";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		cleanup_buf struct buf out = BUF_INIT(1000);
		cleanup_free char *exact = malloc(len + 1);
		struct wm_error err = { 0 };

		assert_non_null(exact);
		memcpy(exact, text, len);
		assert_int_equal(trace(&out, exact, len, &err),
				 len == sizeof(text) - 1 ? WM_OK : WM_FORMAT);
	}
}

static void limits_nesting(void **state)
{
	char text[2 * LIMIT_JSON_DEPTH + 2];
	struct wm_error err = { 0 };

	(void)state;
	for (size_t depth = LIMIT_JSON_DEPTH - 1; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
		cleanup_buf struct buf out = BUF_INIT(1000);

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		if (depth <= LIMIT_JSON_DEPTH) {
			assert_ok(trace(&out, text, 2 * depth, &err), &err);
		} else {
			assert_reason(trace(&out, text, 2 * depth, &err), &err, LIMIT);
			assert_string_equal(err.message,
					    "x.json: byte 32: nesting deeper than 32 levels");
		}
	}
}

static void skips_whole_values(void **state)
{
	static const char text[] = "{\"a\":{\"b\":[1,{\"c\":2}],\"d\":{}},\"e\":3,\"f\":[[]]}";
	cleanup_json struct json j = json_parser(text, sizeof(text) - 1, "x");
	struct wm_error err = { 0 };
	enum json_event event;

	(void)state;
	assert_ok(json_next(&j, &event, &err), &err);
	for (const char *key = "aef"; *key; key++) {
		assert_ok(json_next(&j, &event, &err), &err);
		assert_int_equal(event, JSON_KEY);
		assert_int_equal(j.len, 1);
		assert_int_equal(j.text[0], *key);
		assert_ok(json_next(&j, &event, &err), &err);
		assert_ok(json_skip(&j, event, &err), &err);
	}
	assert_ok(json_next(&j, &event, &err), &err);
	assert_int_equal(event, JSON_MAP_END);
}

static void skips_no_further_than_the_input(void **state)
{
	cleanup_json struct json j = json_parser("[[1,2", 5, "x");
	struct wm_error err = { 0 };
	enum json_event event;

	(void)state;
	assert_ok(json_next(&j, &event, &err), &err);
	assert_reason(json_skip(&j, event, &err), &err, JSON_MALFORMED);
}

static void does_not_copy_plain_text(void **state)
{
	static const char text[] = "[\"plain\",\"a\\nb\"]";
	cleanup_json struct json j = json_parser(text, sizeof(text) - 1, "x");
	struct wm_error err = { 0 };
	enum json_event event;

	(void)state;
	assert_ok(json_next(&j, &event, &err), &err);
	assert_ok(json_next(&j, &event, &err), &err);
	assert_ptr_equal(j.text, text + 2);
	assert_int_equal(j.at, 1);
	assert_ok(json_next(&j, &event, &err), &err);
	assert_int_equal(j.at, 9);
	assert_memory_equal(j.text, "a\nb", 3);
}

static void reads_unsigned_integers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "9", true, 9 },
		{ "18446744073709551614", true, UINT64_MAX - 1 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "184467440737095516150", false, 0 },
		{ "-1", false, 0 },
		{ "-0", false, 0 },
		{ "1.0", false, 0 },
		{ "1e3", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_json struct json j =
			json_parser(cases[i].text, strlen(cases[i].text), "x");
		struct wm_error err = { 0 };
		enum json_event event;
		uint64_t value = 77;

		j.reason = REASON_USAGE;
		assert_ok(json_next(&j, &event, &err), &err);
		if (cases[i].good) {
			assert_ok(json_u64(&j, &value, &err), &err);
			assert_int_equal(value, cases[i].value);
		} else {
			assert_reason(json_u64(&j, &value, &err), &err, USAGE);
			assert_int_equal(value, 77);
		}
	}
}

static enum wm_code parse_escapes(void *context, struct wm_error *err)
{
	cleanup_json struct json j = json_parser(context, strlen(context), "x");
	enum json_event event;

	do
		TRY(json_next(&j, &event, err));
	while (event != JSON_END);
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	char text[] = "[\"a\\n\",\"a long text with an escape \\u00e9 that must grow what holds it "
		      "beyond the first size\"]";

	(void)state;
	with_every_allocation_failing(parse_escapes, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_events),
		cmocka_unit_test(refuses),
		cmocka_unit_test(sees_special_bytes_everywhere),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(limits_nesting),
		cmocka_unit_test(skips_whole_values),
		cmocka_unit_test(skips_no_further_than_the_input),
		cmocka_unit_test(does_not_copy_plain_text),
		cmocka_unit_test(reads_unsigned_integers),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
