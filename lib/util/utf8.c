/* SPDX-License-Identifier: Apache-2.0 */
/* Strict UTF-8, and which characters must not reach a terminal as they are. */
#include "util/utf8.h"

size_t utf8_decode(uint32_t *scalar, const uint8_t *data, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t n;

	if (len == 0)
		return 0;
	if (data[0] < 0x80) {
		*scalar = data[0];
		return 1;
	}
	if (data[0] < 0xC2 || data[0] > 0xF4)
		return 0;
	n = data[0] < 0xE0 ? 2 : data[0] < 0xF0 ? 3 : 4;
	if (n > len)
		return 0;
	value = data[0] & (0x7FU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((data[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (data[i] & 0x3FU);
	}
	if (value < least[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*scalar = value;
	return n;
}

size_t utf8_encode(uint8_t out[4], uint32_t scalar)
{
	if (scalar < 0x80) {
		out[0] = (uint8_t)scalar;
		return 1;
	}
	if (scalar < 0x800) {
		out[0] = (uint8_t)(0xC0 | scalar >> 6);
		out[1] = (uint8_t)(0x80 | (scalar & 0x3F));
		return 2;
	}
	if (scalar < 0x10000) {
		out[0] = (uint8_t)(0xE0 | scalar >> 12);
		out[1] = (uint8_t)(0x80 | (scalar >> 6 & 0x3F));
		out[2] = (uint8_t)(0x80 | (scalar & 0x3F));
		return 3;
	}
	out[0] = (uint8_t)(0xF0 | scalar >> 18);
	out[1] = (uint8_t)(0x80 | (scalar >> 12 & 0x3F));
	out[2] = (uint8_t)(0x80 | (scalar >> 6 & 0x3F));
	out[3] = (uint8_t)(0x80 | (scalar & 0x3F));
	return 4;
}

bool utf8_valid(const uint8_t *data, size_t len)
{
	uint32_t scalar;
	size_t n;

	for (size_t off = 0; off < len; off += n) {
		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 0)
			return false;
	}
	return true;
}

bool utf8_unsafe(uint32_t scalar)
{
	static const struct {
		uint32_t first, last; /* ascending */
	} ranges[] = {
		{ 0x00, 0x1F },	      { 0x7F, 0x9F },	    { 0xAD, 0xAD },
		{ 0x034F, 0x034F },   { 0x061C, 0x061C },   { 0x115F, 0x1160 },
		{ 0x17B4, 0x17B5 },   { 0x180B, 0x180F },   { 0x200B, 0x200F },
		{ 0x2028, 0x202E },   { 0x2060, 0x206F },   { 0x3164, 0x3164 },
		{ 0xE000, 0xF8FF },   { 0xFDD0, 0xFDEF },   { 0xFE00, 0xFE0F },
		{ 0xFEFF, 0xFEFF },   { 0xFFA0, 0xFFA0 },   { 0xFFF0, 0xFFFB },
		{ 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF }, { 0xF0000, 0x10FFFF },
	};

	if ((scalar & 0xFFFE) == 0xFFFE)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (scalar <= ranges[i].last)
			return scalar >= ranges[i].first;
	return false;
}
