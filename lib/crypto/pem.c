/* SPDX-License-Identifier: Apache-2.0 */
/* One PEM block, read strictly and written in its usual form. */
#include "crypto/pem.h"

#include <stdbool.h>
#include <string.h>

#include "util/cursor.h"

enum { LINE = 64 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void skip_space(struct cursor *c)
{
	int next = cursor_peek(c);

	while (next == ' ' || next == '\t' || next == '\r' || next == '\n') {
		c->off++;
		next = cursor_peek(c);
	}
}

static bool skip_text(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if (cursor_left(c) < len || memcmp(c->data + c->off, text, len) != 0)
		return false;
	return cursor_take(c, len) != NULL;
}

static bool skip_line_break(struct cursor *c)
{
	return skip_text(c, "\n") || skip_text(c, "\r\n");
}

static bool read_label(char label[PEM_LABEL_SIZE], struct cursor *c)
{
	size_t n = 0;
	int next = cursor_peek(c);

	while (next == ' ' || (next >= 'A' && next <= 'Z') || (next >= '0' && next <= '9')) {
		if (n == PEM_LABEL_SIZE - 1)
			return false;
		label[n++] = (char)next;
		c->off++;
		next = cursor_peek(c);
	}
	label[n] = '\0';
	return n > 0;
}

static int base64_value(int c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Reads the characters of one group of four; returns how many are not padding, 0 if wrong. */
static int read_group(uint32_t *bits, struct cursor *c)
{
	int n_values = 0, n = 0;

	*bits = 0;
	while (n < 4) {
		int next = cursor_peek(c);
		int value = base64_value(next);

		if (skip_line_break(c))
			continue;
		if (value < 0 && (next != '=' || n < 2))
			return 0;
		if (value >= 0 && n_values < n)
			return 0;
		if (value >= 0)
			n_values++;
		*bits = *bits << 6 | (uint32_t)(value < 0 ? 0 : value);
		c->off++;
		n++;
	}
	return n_values;
}

/* Reads base64 up to the '-' of the boundary; false where it is not canonical. */
static enum wm_code read_base64(struct buf *der, bool *good, struct cursor *c,
				struct wm_error *err)
{
	int n_values = 4;

	*good = false;
	for (;;) {
		uint8_t bytes[3];
		uint32_t bits;
		size_t n;

		while (skip_line_break(c))
			continue;
		if (cursor_peek(c) == '-')
			break;
		if (n_values < 4)
			return WM_OK;
		n_values = read_group(&bits, c);
		if (n_values == 0)
			return WM_OK;
		n = (size_t)n_values - 1;
		for (int i = 0; i < 3; i++)
			bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
		if (n < 3 && (bits & (0xffffffu >> (8 * n))) != 0)
			return WM_OK;
		TRY(buf_append(der, bytes, n, err));
	}
	*good = true;
	return WM_OK;
}

static bool read_begin(char label[PEM_LABEL_SIZE], struct cursor *c)
{
	skip_space(c);
	return skip_text(c, "-----BEGIN ") && read_label(label, c) && skip_text(c, "-----") &&
	       skip_line_break(c);
}

static enum wm_code take_label(char label[PEM_LABEL_SIZE], struct cursor *c, const char *name,
			       struct wm_error *err)
{
	if (!read_begin(label, c))
		return fail(err, REASON_KEY_MALFORMED, "%s: does not begin with a PEM line "
			    "like -----BEGIN PUBLIC KEY-----", name);
	return WM_OK;
}

enum wm_code pem_label(char label[PEM_LABEL_SIZE], const void *pem, size_t len, const char *name,
		       struct wm_error *err)
{
	struct cursor c = cursor_of(pem, len);

	return take_label(label, &c, name, err);
}

enum wm_code pem_decode(struct buf *der, const void *pem, size_t len, const char *name,
			struct wm_error *err)
{
	struct cursor c = cursor_of(pem, len);
	char label[PEM_LABEL_SIZE];
	bool good;

	TRY(take_label(label, &c, name, err));
	TRY(buf_reserve(der, cursor_left(&c) / 4 * 3, err));
	TRY(read_base64(der, &good, &c, err));
	if (!good)
		return fail(err, REASON_KEY_MALFORMED, "%s: not base64 at byte %zu", name, c.off);
	if (!skip_text(&c, "-----END ") || !skip_text(&c, label) || !skip_text(&c, "-----"))
		return fail(err, REASON_KEY_MALFORMED, "%s: no line -----END %s-----", name, label);
	skip_space(&c);
	if (cursor_left(&c) > 0)
		return fail(err, REASON_KEY_MALFORMED, "%s: something follows the key, at byte %zu",
			    name, c.off);
	return WM_OK;
}

static enum wm_code append_group(struct buf *out, const uint8_t *bytes, size_t n,
				 struct wm_error *err)
{
	uint32_t bits = 0;
	char text[4];

	for (size_t i = 0; i < 3; i++)
		bits = bits << 8 | (i < n ? bytes[i] : 0);
	for (size_t i = 0; i < 4; i++)
		text[i] = i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
	return buf_append(out, text, sizeof(text), err);
}

enum wm_code pem_encode(struct buf *out, const char *label, const void *der, size_t len,
			struct wm_error *err)
{
	struct cursor c = cursor_of(der, len);
	size_t n_characters = (len + 2) / 3 * 4;
	size_t column = 0;

	/* One allocation, so that no copy of a secret is left behind by a growing buffer. */
	TRY(buf_reserve(out, n_characters + (n_characters + LINE - 1) / LINE +
			2 * strlen(label) + strlen("-----BEGIN -----\n-----END -----\n"), err));
	TRY(buf_printf(out, err, "-----BEGIN %s-----\n", label));
	while (cursor_left(&c) > 0) {
		size_t n = cursor_left(&c) < 3 ? cursor_left(&c) : 3;

		TRY(append_group(out, cursor_take(&c, n), n, err));
		column += 4;
		if (column % LINE == 0 || cursor_left(&c) == 0)
			TRY(buf_append_byte(out, '\n', err));
	}
	return buf_printf(out, err, "-----END %s-----\n", label);
}
