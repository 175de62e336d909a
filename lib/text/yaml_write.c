/* SPDX-License-Identifier: Apache-2.0 */
/* Writing trees as YAML in block style. */
#include "text/yaml.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "util/limits.h"
#include "util/utf8.h"

/* Readers give up on `key:` where more than 1024 characters stand before the colon. */
enum { INDENT = 2, KEY_MAX = 1000 };

static bool is_word(const char *text, size_t len)
{
	static const char *const words[] = {
		"~", "=", "<<", "null", "y", "n", "yes", "no", "true", "false", "on", "off",
		".inf", "+.inf", "-.inf", ".nan",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && strncasecmp(words[i], text, len) == 0)
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers of any base, times and dates: begin so, and consist of these characters. */
static bool is_number(const char *text, size_t len)
{
	/* A date, which begins with a digit, may have a space before its time. */
	const bool may_be_date = is_digit(text[0]);
	bool digit = false;

	if (!may_be_date && !memchr("+-.", text[0], 3))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]) && !memchr("abcdefABCDEFxXoO_.:+-tTzZ", text[i], 25) &&
		    !(text[i] == ' ' && may_be_date))
			return false;
		digit = digit || is_digit(text[i]);
	}
	return digit;
}

bool yaml_ambiguous(const char *text, size_t len)
{
	return len == 0 || is_word(text, len) || is_number(text, len);
}

/* Whether `text` stays what it is between other tokens of a block without quotes. */
static bool stands_unquoted(const char *text, size_t len)
{
	const uint8_t *data = (const uint8_t *)text;
	uint32_t scalar;
	size_t n;

	if (len == 0 || strchr(" ?:,[]{}#&*!|>'\"%@`", text[0]))
		return false;
	if (text[0] == '-' && (len == 1 || text[1] == ' '))
		return false;
	if (len >= 3 && (memcmp(text, "---", 3) == 0 || memcmp(text, "...", 3) == 0) &&
	    (len == 3 || text[3] == ' '))
		return false;
	for (size_t off = 0; off < len; off += n) {
		const bool last = off + 1 == len;

		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 0 || utf8_unsafe(scalar) || (last && (scalar == ' ' || scalar == ':')))
			return false;
		if (!last && ((scalar == ':' && text[off + 1] == ' ') ||
			      (scalar == ' ' && text[off + 1] == '#')))
			return false;
	}
	return true;
}

static enum wm_code write_escape(struct buf *out, uint32_t scalar, struct wm_error *err)
{
	switch (scalar) {
	case '\n':
		return buf_append_str(out, "\\n", err);
	case '\t':
		return buf_append_str(out, "\\t", err);
	case '"':
	case '\\':
		return buf_printf(out, err, "\\%c", (char)scalar);
	default:
		return buf_printf(out, err, scalar < 0x100 ? "\\x%02" PRIx32 :
				  scalar < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, scalar);
	}
}

static enum wm_code write_quoted(struct buf *out, const char *text, size_t len,
				 struct wm_error *err)
{
	const uint8_t *data = (const uint8_t *)text;
	uint32_t scalar;
	size_t n;

	TRY(buf_append_byte(out, '"', err));
	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 0)
			return fail(err, REASON_INTERNAL, "text to be written is not UTF-8");
		if (utf8_unsafe(scalar) || scalar == '"' || scalar == '\\')
			TRY(write_escape(out, scalar, err));
		else
			TRY(buf_append(out, data + off, n, err));
	}
	return buf_append_byte(out, '"', err);
}

static enum wm_code write_text(struct buf *out, const char *text, size_t len, bool plain,
			       struct wm_error *err)
{
	if (stands_unquoted(text, len) && (plain || !yaml_ambiguous(text, len)))
		return buf_append(out, text, len, err);
	return write_quoted(out, text, len, err);
}

static enum wm_code write_scalar(struct buf *out, const struct node *n, struct wm_error *err)
{
	switch (n->kind) {
	case NODE_NULL:
		return WM_OK;
	case NODE_BOOL:
		return buf_append_str(out, n->plain ? "true" : "false", err);
	case NODE_INTEGER:
		return buf_printf(out, err, "%" PRId64, n->integer);
	case NODE_TEXT:
		return write_text(out, n->text, n->len, n->plain, err);
	case NODE_LIST:
		return buf_append_str(out, "[]", err);
	case NODE_MAP:
		return buf_append_str(out, "{}", err);
	}
	return fail(err, REASON_INTERNAL, "a value of unknown kind was to be written");
}

static enum wm_code indent(struct buf *out, unsigned depth, struct wm_error *err)
{
	return buf_printf(out, err, "%*s", (int)(INDENT * depth), "");
}

static enum wm_code write_key(struct buf *out, const char *key, unsigned depth,
			      struct wm_error *err)
{
	const size_t start = out->len;

	TRY(write_text(out, key, strlen(key), false, err));
	if (out->len - start <= KEY_MAX)
		return buf_append_byte(out, ':', err);
	out->len = start;
	TRY(buf_append_str(out, "? ", err));
	TRY(write_text(out, key, strlen(key), false, err));
	TRY(buf_append_byte(out, '\n', err));
	TRY(indent(out, depth, err));
	return buf_append_byte(out, ':', err);
}

/* The entries of `n`, each on its line; the first where we are, behind "- ", if `inside`. */
static enum wm_code write_children(struct buf *out, const struct node *n, unsigned depth,
				   bool inside, struct wm_error *err)
{
	for (const struct node *child = n->first; child; child = child->next) {
		if (!inside || child != n->first)
			TRY(indent(out, depth, err));
		if (n->kind == NODE_MAP)
			TRY(write_key(out, child->key, depth, err));
		else
			TRY(buf_append_byte(out, '-', err));
		/* What is written can be read again: the same depth holds for both. */
		if ((child->kind == NODE_LIST || child->kind == NODE_MAP) &&
		    depth + 1 >= LIMIT_JSON_DEPTH)
			return fail(err, REASON_LIMIT, "nesting deeper than %d levels",
				    LIMIT_JSON_DEPTH);
		if (child->first) {
			TRY(buf_append_byte(out, n->kind == NODE_MAP ? '\n' : ' ', err));
			TRY(write_children(out, child, depth + 1, n->kind == NODE_LIST, err));
			continue;
		}
		if (child->kind != NODE_NULL)
			TRY(buf_append_byte(out, ' ', err));
		TRY(write_scalar(out, child, err));
		TRY(buf_append_byte(out, '\n', err));
	}
	return WM_OK;
}

enum wm_code yaml_write(struct buf *out, const struct node *n, struct wm_error *err)
{
	if (n->kind == NODE_NULL)
		return WM_OK;
	if (n->first)
		return write_children(out, n, 0, false, err);
	TRY(write_scalar(out, n, err));
	return buf_append_byte(out, '\n', err);
}
