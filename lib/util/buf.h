/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable run of bytes that knows its maximum.
 *
 *	cleanup_buf struct buf b = BUF_INIT(LIMIT_SIDECAR);
 *	TRY(buf_append(&b, data, len, err));
 *
 * Growing past the maximum fails with `limit`, never truncates. `data` is always
 * followed by one zero byte that is not counted, so that text can be printed;
 * it is "" while nothing was appended.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap; /* bytes allocated; 0 while data is the static empty string */
	size_t max; /* len never exceeds this */
};

extern uint8_t buf_empty_[1];

#define BUF_INIT(maximum) { buf_empty_, 0, 0, (maximum) }

void buf_release(struct buf *b);

/* Forgets all but the first `len` <= b->len bytes. */
void buf_truncate(struct buf *b, size_t len);

/* Makes room for `more` further bytes without changing len. */
MUST_USE enum wm_code buf_reserve(struct buf *b, size_t more, struct wm_error *err);

MUST_USE enum wm_code buf_append(struct buf *b, const void *data, size_t len,
				 struct wm_error *err);
MUST_USE enum wm_code buf_append_byte(struct buf *b, uint8_t byte, struct wm_error *err);
MUST_USE enum wm_code buf_append_str(struct buf *b, const char *s, struct wm_error *err);

/* Appends formatted text. */
MUST_USE enum wm_code buf_printf(struct buf *b, struct wm_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lower-case hexadecimal of `len` bytes (RFC 4648 section 8). */
MUST_USE enum wm_code buf_append_hex(struct buf *b, const uint8_t *data, size_t len,
				     struct wm_error *err);

/* Integers, big-endian. */
MUST_USE enum wm_code buf_append_u32be(struct buf *b, uint32_t value, struct wm_error *err);
MUST_USE enum wm_code buf_append_u64be(struct buf *b, uint64_t value, struct wm_error *err);

/* The bytes as text. Borrowed from `b` until its next change. */
static inline const char *buf_str(const struct buf *b)
{
	return (const char *)b->data;
}

#define cleanup_buf __attribute__((cleanup(buf_release)))

#endif
