/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal (RFC 4648 section 8), lower case only. */
#ifndef UTIL_HEX_H
#define UTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and a zero byte to `out`. */
void hex_encode(char *out, const uint8_t *data, size_t len);

/*
 * Reads exactly `n_digits` digits into n_digits / 2 bytes at `out`. False, with
 * `out` untouched beyond the bytes read so far, for an odd count or any character
 * but 0-9 a-f: one value has one text form.
 */
bool hex_decode(uint8_t *out, const char *digits, size_t n_digits);

#endif
