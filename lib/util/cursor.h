/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading input bytes: a position that only moves through one checked advance.
 *
 * Every parser takes its bytes as a cursor. cursor_take() is the only place
 * where a length meets the bytes that are left, so no parser can read beyond
 * its input: taken <= left before the move, hence off <= len after it.
 */
#ifndef UTIL_CURSOR_H
#define UTIL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *data; /* borrowed */
	size_t len;
	size_t off; /* <= len */
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	return (struct cursor){ data, len, 0 };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->len - c->off;
}

/* The next `n` bytes, or NULL (and no move) where fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->data + c->off;

	if (n > cursor_left(c))
		return NULL;
	c->off += n;
	return at;
}

/* The next byte without moving, or -1 at the end. */
static inline int cursor_peek(const struct cursor *c)
{
	return c->off < c->len ? c->data[c->off] : -1;
}

/* Reads a little-endian integer; false (and no move) where too few bytes are left. */
static inline bool cursor_u64le(struct cursor *c, uint64_t *out)
{
	const uint8_t *p = cursor_take(c, 8);
	uint64_t v = 0;

	if (!p)
		return false;
	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	*out = v;
	return true;
}

/* The same, big-endian. */
static inline bool cursor_u32be(struct cursor *c, uint32_t *out)
{
	const uint8_t *p = cursor_take(c, 4);

	if (!p)
		return false;
	*out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return true;
}

static inline bool cursor_u64be(struct cursor *c, uint64_t *out)
{
	const uint8_t *p = cursor_take(c, 8);
	uint64_t v = 0;

	if (!p)
		return false;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	*out = v;
	return true;
}

/* The same of four bytes, little-endian. */
static inline bool cursor_u32le(struct cursor *c, uint32_t *out)
{
	const uint8_t *p = cursor_take(c, 4);

	if (!p)
		return false;
	*out = (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
	return true;
}

#endif
