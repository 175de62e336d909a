/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte buffers with a declared maximum. */
#include "util/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"

uint8_t buf_empty_[1] = { 0 };

void buf_release(struct buf *b)
{
	if (b->cap)
		free(b->data);
	*b = (struct buf)BUF_INIT(b->max);
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->cap)
		b->data[len] = 0;
}

enum wm_code buf_reserve(struct buf *b, size_t more, struct wm_error *err)
{
	size_t want, cap;
	uint8_t *grown;

	if (more > b->max - b->len)
		return fail(err, REASON_LIMIT, "a buffer would exceed %zu bytes", b->max);
	want = b->len + more + 1;
	if (want <= b->cap)
		return WM_OK;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap += cap / 2;
	grown = realloc(b->cap ? b->data : NULL, cap);
	if (!grown)
		return fail_nomem(err);
	grown[b->len] = 0;
	b->data = grown;
	b->cap = cap;
	return WM_OK;
}

enum wm_code buf_append(struct buf *b, const void *data, size_t len, struct wm_error *err)
{
	if (len == 0)
		return WM_OK;
	TRY(buf_reserve(b, len, err));
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
	return WM_OK;
}

enum wm_code buf_append_byte(struct buf *b, uint8_t byte, struct wm_error *err)
{
	return buf_append(b, &byte, 1, err);
}

enum wm_code buf_append_str(struct buf *b, const char *s, struct wm_error *err)
{
	return buf_append(b, s, strlen(s), err);
}

enum wm_code buf_printf(struct buf *b, struct wm_error *err, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return fail(err, REASON_INTERNAL, "a message could not be formatted");
	TRY(buf_reserve(b, (size_t)n, err));
	if (n == 0)
		return WM_OK;
	va_start(args, format);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
	return WM_OK;
}

enum wm_code buf_append_hex(struct buf *b, const uint8_t *data, size_t len, struct wm_error *err)
{
	if (len > SIZE_MAX / 2 - 1)
		return fail(err, REASON_LIMIT, "too many bytes to write in hexadecimal");
	TRY(buf_reserve(b, 2 * len, err));
	if (len == 0)
		return WM_OK;
	hex_encode((char *)b->data + b->len, data, len);
	b->len += 2 * len;
	return WM_OK;
}

enum wm_code buf_append_u32be(struct buf *b, uint32_t value, struct wm_error *err)
{
	uint8_t bytes[4];

	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
	return buf_append(b, bytes, sizeof(bytes), err);
}

enum wm_code buf_append_u64be(struct buf *b, uint64_t value, struct wm_error *err)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	return buf_append(b, bytes, sizeof(bytes), err);
}
