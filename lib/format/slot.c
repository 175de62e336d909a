/* SPDX-License-Identifier: Apache-2.0 */
/* The values of slots. */
#include "format/slot.h"

#include <assert.h>
#include <string.h>

#include "util/base64.h"
#include "util/cursor.h"
#include "util/limits.h"

static const char mark[] = "wm1.";

enum {
	MARK_BYTES = sizeof(mark) - 1,
	FIXED_BYTES = MARK_BYTES + 3, /* with the form and the dots around k */
};

bool slot_claims(const char *value, size_t len)
{
	return len >= MARK_BYTES && memcmp(value, mark, MARK_BYTES) == 0;
}

static size_t count_digits(size_t n)
{
	size_t count = 1;

	for (; n >= 10; n /= 10)
		count++;
	return count;
}

enum wm_code slot_write_value(struct buf *out, char form, size_t around, size_t unit,
			      const void *carried, size_t len, struct wm_error *err)
{
	const size_t n_chars = base64_len(len);
	size_t total = unit, n_pads;

	assert(unit > 0 && unit % SLOT_UNIT == 0);
	if (len > LIMIT_SLOT)
		return fail(err, REASON_SLOT_TOO_LARGE, "%zu bytes to embed, over %d", len,
			    LIMIT_SLOT);
	while (around + FIXED_BYTES + count_digits(total / SLOT_UNIT) + n_chars > total)
		total += unit;
	n_pads = total - around - FIXED_BYTES - count_digits(total / SLOT_UNIT) - n_chars;
	TRY(buf_reserve(out, total - around, err));
	TRY(buf_printf(out, err, "%s%c.%zu.", mark, form, total / SLOT_UNIT));
	base64_encode((char *)out->data + out->len, carried, len);
	memset(out->data + out->len + n_chars, '.', n_pads);
	out->len += n_chars + n_pads;
	out->data[out->len] = 0;
	return WM_OK;
}

/* Moves over k and the dot behind it. */
static bool take_count(struct cursor *c)
{
	if (cursor_peek(c) == '0' || cursor_peek(c) == '.')
		return false;
	while (cursor_peek(c) >= '0' && cursor_peek(c) <= '9')
		cursor_take(c, 1);
	return cursor_peek(c) == '.' && cursor_take(c, 1);
}

enum wm_code slot_read_value(bool *is_slot, char *form, struct buf *carried,
			     const char *value, size_t len, struct wm_error *err)
{
	struct cursor c = cursor_of(value, len);
	const uint8_t *start;
	size_t end = len, n;

	*is_slot = false;
	if (!slot_claims(value, len) || !cursor_take(&c, MARK_BYTES))
		return WM_OK;
	start = cursor_take(&c, 2);
	if (!start || start[0] < 'a' || start[0] > 'z' || start[1] != '.' || !take_count(&c))
		return WM_OK;
	while (end > c.off && value[end - 1] == '.')
		end--;
	n = base64_decoded_len(value + c.off, end - c.off);
	if (n > LIMIT_SLOT)
		return WM_OK;
	TRY(buf_reserve(carried, n, err));
	if (!base64_decode(carried->data + carried->len, value + c.off, end - c.off)) {
		buf_truncate(carried, carried->len);
		return WM_OK;
	}
	carried->len += n;
	buf_truncate(carried, carried->len);
	*form = (char)start[0];
	*is_slot = true;
	return WM_OK;
}
