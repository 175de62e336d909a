/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4), with "=", in one spelling. */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters that `len` bytes take; len <= SIZE_MAX / 4 * 3 - 3. */
size_t base64_len(size_t len);

/* Writes base64_len(len) characters to `out`, and no zero byte. */
void base64_encode(char *out, const uint8_t *data, size_t len);

/*
 * The bytes that `n_chars` characters stand for. Says nothing yet about whether they are
 * base64: 0 also where their number is no multiple of 4.
 */
size_t base64_decoded_len(const char *chars, size_t n_chars);

/*
 * Reads all `n_chars` characters into base64_decoded_len() bytes at `out`. False, with
 * `out` undefined, for anything that base64_encode() does not write: white space, a
 * missing "=", bits set that no byte holds.
 */
bool base64_decode(uint8_t *out, const char *chars, size_t n_chars);

#endif
