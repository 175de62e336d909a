/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of names: ASCII by itself, the rest through libunistring. */
#include "text/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <uninorm.h>

#include "util/cleanup.h"

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] & 0x80)
			return false;
	return true;
}

bool fold_is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] & 0x80 || is_capital(text[i]))
			return false;
	return true;
}

static enum wm_code append_unicode(struct buf *out, const char *text, size_t len,
				   struct wm_error *err)
{
	cleanup_free uint8_t *folded = NULL;
	size_t folded_len = 0;

	folded = u8_casefold((const uint8_t *)text, len, NULL, UNINORM_NFC, NULL, &folded_len);
	if (!folded && errno == ENOMEM)
		return fail_nomem(err);
	if (!folded)
		return fail(err, REASON_INTERNAL, "%s: cannot be folded: %s", text,
			    strerror(errno));
	return buf_append(out, folded, folded_len, err);
}

enum wm_code fold_append(struct buf *out, const char *text, size_t len, struct wm_error *err)
{
	size_t start = out->len;

	if (!is_ascii(text, len))
		return append_unicode(out, text, len, err);
	TRY(buf_append(out, text, len, err));
	for (size_t i = start; i < out->len; i++)
		if (is_capital((char)out->data[i]))
			out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
	return WM_OK;
}
