/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping text of unknown origin for people to read. */
#include "util/escape.h"

#include <string.h>

#include "util/utf8.h"

static enum wm_code append(struct buf *out, const char *text, size_t len, char quote,
			   struct wm_error *err)
{
	const uint8_t *data = (const uint8_t *)text;
	uint32_t scalar;
	size_t n;

	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 0) {
			TRY(buf_printf(out, err, "\\x%02x", data[off]));
			n = 1;
		} else if (utf8_unsafe(scalar)) {
			TRY(buf_printf(out, err, "\\u{%x}", (unsigned)scalar));
		} else {
			if (scalar == '\\' || (quote && scalar == (uint32_t)quote))
				TRY(buf_append_byte(out, '\\', err));
			TRY(buf_append(out, data + off, n, err));
		}
	}
	return WM_OK;
}

enum wm_code escape_append(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	return append(out, text, len, '\0', err);
}

enum wm_code escape_quoted(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	TRY(buf_append_byte(out, '\'', err));
	TRY(append(out, text, len, '\'', err));
	return buf_append_byte(out, '\'', err);
}

size_t address_shown(const char *text, size_t max)
{
	const char *colon = strstr(text, "://");

	if (colon && strchr(colon, '@'))
		return (size_t)(colon - text) + 3;
	return strnlen(text, max);
}
