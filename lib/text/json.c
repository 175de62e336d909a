/* SPDX-License-Identifier: Apache-2.0 */
/* The strict pull parser of JSON (RFC 8259). */
#include "text/json.h"

#include <string.h>

#include "util/utf8.h"

enum state {
	WANT_VALUE, /* also the beginning: a new parser is all zero here */
	WANT_ITEM_OR_END,
	WANT_KEY_OR_END,
	WANT_KEY,
	WANT_COMMA_OR_END,
	WANT_NOTHING,
};

struct json json_parser(const void *data, size_t len, const char *name)
{
	return (struct json){
		.in = cursor_of(len ? data : "", len),
		.name = name,
		.text = "",
		.unescaped = BUF_INIT(len),
		.reason = REASON_JSON_MALFORMED,
	};
}

void json_release(struct json *j)
{
	buf_release(&j->unescaped);
}

/* Says what is wrong at the byte that comes next. */
static enum wm_code malformed(const struct json *j, const char *what, struct wm_error *err)
{
	return fail(err, j->reason, "%s: byte %zu: %s", j->name, j->in.off, what);
}

static int next_after_space(struct json *j)
{
	int c = cursor_peek(&j->in);

	while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
		j->in.off++;
		c = cursor_peek(&j->in);
	}
	return c;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* How many bytes in front are ASCII that a string may hold as it is. */
static size_t plain_run(const uint8_t *data, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t n = 0;
	uint64_t v, quote, backslash;

	/* Eight bytes at a time: a top bit is set where one of them is special. */
	for (; len - n >= sizeof(v); n += sizeof(v)) {
		memcpy(&v, data + n, sizeof(v));
		quote = v ^ ones * '"';
		backslash = v ^ ones * '\\';
		if ((v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops)
			break;
	}
	while (n < len && data[n] >= 0x20 && data[n] < 0x80 && data[n] != '"' && data[n] != '\\')
		n++;
	return n;
}

static bool hex4(struct json *j, uint32_t *out)
{
	const uint8_t *p = cursor_take(&j->in, 4);

	*out = 0;
	for (int i = 0; p && i < 4; i++) {
		uint8_t c = p[i];

		if (is_digit(c))
			*out = *out << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out = *out << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return p != NULL;
}

/* Behind "\u": four hexadecimal digits, or a whole pair of surrogates. */
static bool unicode_escape(struct json *j, uint32_t *scalar)
{
	const uint8_t *p;
	uint32_t low;

	if (!hex4(j, scalar) || (*scalar >= 0xDC00 && *scalar <= 0xDFFF))
		return false;
	if (*scalar < 0xD800 || *scalar > 0xDFFF)
		return true;
	p = cursor_take(&j->in, 2);
	if (!p || p[0] != '\\' || p[1] != 'u' || !hex4(j, &low) || low < 0xDC00 || low > 0xDFFF)
		return false;
	*scalar = 0x10000 + ((*scalar - 0xD800) << 10) + (low - 0xDC00);
	return true;
}

/* The backslash comes next. */
static enum wm_code take_escape(struct json *j, struct wm_error *err)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const size_t off = j->in.off;
	const uint8_t *p = cursor_take(&j->in, 2);
	const char *simple = p && p[1] ? strchr(from, p[1]) : NULL;
	uint8_t utf8[4];
	uint32_t scalar;

	if (simple)
		return buf_append_byte(&j->unescaped, (uint8_t)to[simple - from], err);
	if (!p || p[1] != 'u') {
		j->in.off = off;
		return malformed(j, "expected an escape such as \\n or \\u0041", err);
	}
	if (!unicode_escape(j, &scalar)) {
		j->in.off = off;
		return malformed(j, "expected four hexadecimal digits that name a character, "
				    "or a pair of surrogates", err);
	}
	return buf_append(&j->unescaped, utf8, utf8_encode(utf8, scalar), err);
}

/* Moves over characters that need no change; fails on one that must not be there. */
static enum wm_code take_literal(struct json *j, struct wm_error *err)
{
	uint32_t scalar;
	size_t n;

	for (;;) {
		j->in.off += plain_run(j->in.data + j->in.off, cursor_left(&j->in));
		if (cursor_peek(&j->in) < 0x80)
			return WM_OK;
		n = utf8_decode(&scalar, j->in.data + j->in.off, cursor_left(&j->in));
		if (n == 0)
			return malformed(j, "expected UTF-8", err);
		j->in.off += n;
	}
}

/* The opening quote comes next. Text without escapes stays where it is. */
static enum wm_code take_string(struct json *j, struct wm_error *err)
{
	bool escaped = false;
	size_t start = ++j->in.off;

	j->unescaped.len = 0;
	for (;;) {
		TRY(take_literal(j, err));
		if (cursor_peek(&j->in) != '\\')
			break;
		TRY(buf_append(&j->unescaped, j->in.data + start, j->in.off - start, err));
		TRY(take_escape(j, err));
		start = j->in.off;
		escaped = true;
	}
	if (cursor_peek(&j->in) != '"')
		return malformed(j, cursor_peek(&j->in) < 0 ? "expected '\"' at the end of text" :
				 "expected no raw control character in text", err);
	if (escaped)
		TRY(buf_append(&j->unescaped, j->in.data + start, j->in.off - start, err));
	j->text = escaped ? buf_str(&j->unescaped) : (const char *)j->in.data + start;
	j->len = escaped ? j->unescaped.len : j->in.off - start;
	j->in.off++;
	return WM_OK;
}

static enum wm_code take_digits(struct json *j, struct wm_error *err)
{
	if (!is_digit(cursor_peek(&j->in)))
		return malformed(j, "expected a digit", err);
	while (is_digit(cursor_peek(&j->in)))
		j->in.off++;
	return WM_OK;
}

static enum wm_code take_number(struct json *j, struct wm_error *err)
{
	const size_t start = j->in.off;
	int c;

	if (cursor_peek(&j->in) == '-')
		j->in.off++;
	if (cursor_peek(&j->in) == '0')
		j->in.off++;
	else
		TRY(take_digits(j, err));
	if (cursor_peek(&j->in) == '.') {
		j->in.off++;
		TRY(take_digits(j, err));
	}
	c = cursor_peek(&j->in);
	if (c == 'e' || c == 'E') {
		j->in.off++;
		c = cursor_peek(&j->in);
		if (c == '+' || c == '-')
			j->in.off++;
		TRY(take_digits(j, err));
	}
	j->text = (const char *)j->in.data + start;
	j->len = j->in.off - start;
	return WM_OK;
}

static enum wm_code take_word(struct json *j, const char *word, struct wm_error *err)
{
	const size_t off = j->in.off, len = strlen(word);
	const uint8_t *p = cursor_take(&j->in, len);

	if (p && memcmp(p, word, len) == 0)
		return WM_OK;
	j->in.off = off;
	return malformed(j, "expected a value", err);
}

static enum wm_code open_container(struct json *j, enum json_event *event, struct wm_error *err)
{
	const bool map = cursor_peek(&j->in) == '{';

	if (j->depth >= LIMIT_JSON_DEPTH)
		return fail(err, REASON_LIMIT, "%s: byte %zu: nesting deeper than %d levels",
			    j->name, j->in.off, LIMIT_JSON_DEPTH);
	j->in.off++;
	j->is_map[++j->depth] = map;
	j->state = map ? WANT_KEY_OR_END : WANT_ITEM_OR_END;
	*event = map ? JSON_MAP : JSON_LIST;
	return WM_OK;
}

/* What may follow a whole value where we are. */
static uint8_t after_value(const struct json *j)
{
	return j->depth ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static void close_container(struct json *j, enum json_event *event)
{
	*event = j->is_map[j->depth] ? JSON_MAP_END : JSON_LIST_END;
	j->in.off++;
	j->depth--;
	j->state = after_value(j);
}

static enum wm_code take_value(struct json *j, int c, enum json_event *event, struct wm_error *err)
{
	if (c == '{' || c == '[')
		return open_container(j, event, err);
	if (c == '"') {
		TRY(take_string(j, err));
		*event = JSON_TEXT;
	} else if (c == '-' || is_digit(c)) {
		TRY(take_number(j, err));
		*event = JSON_NUMBER;
	} else if (c == 't') {
		TRY(take_word(j, "true", err));
		*event = JSON_TRUE;
	} else if (c == 'f') {
		TRY(take_word(j, "false", err));
		*event = JSON_FALSE;
	} else {
		TRY(take_word(j, "null", err));
		*event = JSON_NULL;
	}
	j->state = after_value(j);
	return WM_OK;
}

static enum wm_code take_key(struct json *j, int c, enum json_event *event, struct wm_error *err)
{
	if (c != '"')
		return malformed(j, j->state == WANT_KEY ? "expected a key in '\"'" :
				 "expected a key in '\"' or '}'", err);
	TRY(take_string(j, err));
	if (next_after_space(j) != ':')
		return malformed(j, "expected ':'", err);
	j->in.off++;
	j->state = WANT_VALUE;
	*event = JSON_KEY;
	return WM_OK;
}

/* Behind a value inside a map or list: over the comma, or to its end. */
static enum wm_code take_comma(struct json *j, int *c, struct wm_error *err)
{
	const bool map = j->is_map[j->depth];

	if (*c == (map ? '}' : ']'))
		return WM_OK;
	if (*c != ',')
		return malformed(j, map ? "expected ',' or '}'" : "expected ',' or ']'", err);
	j->in.off++;
	j->state = map ? WANT_KEY : WANT_VALUE;
	*c = next_after_space(j);
	j->at = j->in.off;
	return WM_OK;
}

enum wm_code json_next(struct json *j, enum json_event *event, struct wm_error *err)
{
	int c = next_after_space(j);

	j->at = j->in.off;
	if (j->state == WANT_COMMA_OR_END)
		TRY(take_comma(j, &c, err));
	switch ((enum state)j->state) {
	case WANT_COMMA_OR_END:
		close_container(j, event);
		return WM_OK;
	case WANT_ITEM_OR_END:
		if (c == ']') {
			close_container(j, event);
			return WM_OK;
		}
		return take_value(j, c, event, err);
	case WANT_VALUE:
		return take_value(j, c, event, err);
	case WANT_KEY_OR_END:
		if (c == '}') {
			close_container(j, event);
			return WM_OK;
		}
		return take_key(j, c, event, err);
	case WANT_KEY:
		return take_key(j, c, event, err);
	case WANT_NOTHING:
		break;
	}
	if (c >= 0)
		return malformed(j, "expected nothing more", err);
	*event = JSON_END;
	return WM_OK;
}

enum wm_code json_skip(struct json *j, enum json_event event, struct wm_error *err)
{
	const unsigned depth = j->depth;

	if (event != JSON_MAP && event != JSON_LIST)
		return WM_OK;
	while (j->depth >= depth)
		TRY(json_next(j, &event, err));
	return WM_OK;
}

enum wm_code json_u64(const struct json *j, uint64_t *out, struct wm_error *err)
{
	uint64_t value = 0;
	bool good = j->len > 0;

	for (size_t i = 0; good && i < j->len; i++) {
		const uint64_t digit = (uint64_t)((unsigned char)j->text[i] - '0');

		good = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
		value = value * 10 + digit;
	}
	if (!good)
		return fail(err, j->reason,
			    "%s: byte %zu: expected an integer from 0 to 18446744073709551615",
			    j->name, j->at);
	*out = value;
	return WM_OK;
}
