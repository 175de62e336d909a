/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 in one spelling. */
#include "util/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

void base64_encode(char *out, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		const size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;

		if (n > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (n > 2)
			bits |= data[i + 2];
		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[bits & 63] : '=';
	}
}

static int char_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static size_t count_pads(const char *chars, size_t n_chars)
{
	if (n_chars < 4 || chars[n_chars - 1] != '=')
		return 0;
	return chars[n_chars - 2] == '=' ? 2 : 1;
}

size_t base64_decoded_len(const char *chars, size_t n_chars)
{
	return n_chars % 4 ? 0 : n_chars / 4 * 3 - count_pads(chars, n_chars);
}

bool base64_decode(uint8_t *out, const char *chars, size_t n_chars)
{
	const size_t n_digits = n_chars - count_pads(chars, n_chars);
	unsigned n_bits = 0;
	uint32_t bits = 0;

	if (n_chars % 4 != 0)
		return false;
	for (size_t i = 0; i < n_digits; i++) {
		const int value = char_value(chars[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			*out++ = (uint8_t)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	/* The bits that the last digit has beyond the last byte. */
	return bits == 0;
}
