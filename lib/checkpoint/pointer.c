/* SPDX-License-Identifier: Apache-2.0 */
/* Reading git-lfs pointers, in the one form that git-lfs writes. */
#include "checkpoint/pointer.h"

#include <string.h>

#include "util/cursor.h"
#include "util/hex.h"

static bool take_text(struct cursor *c, const char *text)
{
	struct cursor ahead = *c;
	const uint8_t *at = cursor_take(&ahead, strlen(text));

	if (!at || memcmp(at, text, strlen(text)) != 0)
		return false;
	*c = ahead;
	return true;
}

/* "sha256:" and the digest, to the end of the line. */
static bool take_digest(struct cursor *c, uint8_t out[SHA256_BYTES])
{
	const uint8_t *digits;

	if (!take_text(c, "sha256:"))
		return false;
	digits = cursor_take(c, (size_t)2 * SHA256_BYTES);
	return digits && hex_decode(out, (const char *)digits, (size_t)2 * SHA256_BYTES) &&
	       take_text(c, "\n");
}

/* The name of an extension in the characters of keys, and the space behind it. */
static bool take_name(struct cursor *c)
{
	size_t len = 0;
	int next;

	while ((next = cursor_peek(c)) >= 0 &&
	       ((next >= 'a' && next <= 'z') || (next >= '0' && next <= '9') || next == '.' ||
		next == '-')) {
		cursor_take(c, 1);
		len++;
	}
	return len > 0 && take_text(c, " ");
}

static bool take_extensions(struct cursor *c, bool *extended)
{
	uint8_t input[SHA256_BYTES];
	int last = '0' - 1;

	while (take_text(c, "ext-")) {
		int digit = cursor_peek(c);

		if (digit <= last || digit > '9')
			return false;
		cursor_take(c, 1);
		if (!take_text(c, "-") || !take_name(c) || !take_digest(c, input))
			return false;
		last = digit;
		*extended = true;
	}
	return true;
}

static bool take_size(struct cursor *c, uint64_t *out)
{
	uint64_t size = 0;
	size_t n_digits = 0;
	int next;

	while ((next = cursor_peek(c)) >= '0' && next <= '9') {
		uint64_t digit = (uint64_t)(next - '0');

		if ((n_digits > 0 && size == 0) || size > (INT64_MAX - digit) / 10)
			return false;
		size = size * 10 + digit;
		n_digits++;
		cursor_take(c, 1);
	}
	*out = size;
	return n_digits > 0 && take_text(c, "\n");
}

bool pointer_read(struct pointer *out, const void *data, size_t len)
{
	struct cursor c = cursor_of(data, len);
	struct pointer p = { .extended = false };

	if (len >= POINTER_BYTES ||
	    !take_text(&c, "version https://git-lfs.github.com/spec/v1\n") ||
	    !take_extensions(&c, &p.extended) || !take_text(&c, "oid ") ||
	    !take_digest(&c, p.sha256) || !take_text(&c, "size ") || !take_size(&c, &p.size) ||
	    cursor_left(&c) != 0)
		return false;
	*out = p;
	return true;
}
