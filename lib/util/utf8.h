/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as the Unicode Standard, table 3-7, and RFC 3629 define it. */
#ifndef UTIL_UTF8_H
#define UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the scalar value at the start of `data` into `*scalar`. Returns its
 * length, 1 to 4 bytes, or 0 where the bytes are not well formed (overlong,
 * surrogate, above U+10FFFF, cut short) or len is 0.
 */
size_t utf8_decode(uint32_t *scalar, const uint8_t *data, size_t len);

/* Writes `scalar` (not a surrogate, <= U+10FFFF) to `out`; returns its length. */
size_t utf8_encode(uint8_t out[4], uint32_t scalar);

/* Whether all `len` bytes are well formed. */
bool utf8_valid(const uint8_t *data, size_t len);

/*
 * Whether printing `scalar` could change more than the place it is printed at:
 * controls (C0, DEL, C1), line and paragraph separators, bidirectional and
 * invisible formatting, non-characters, private use, tags (UAX 9, UTR 36).
 */
bool utf8_unsafe(uint32_t scalar);

#endif
