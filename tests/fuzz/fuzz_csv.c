/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of CSV: those of a text put together are the text; and a row that is seen in a part of it is
 * the one that is seen in all of it.
 */
#include <stdlib.h>

#include "data/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

/* Of a text that goes on there is the same row, none yet, or the refusal that all of it gets. */
static void check_parts(const uint8_t *data, size_t left, size_t taken, size_t len)
{
	for (size_t part = 0; part < left && part < 64; part++) {
		size_t got = 0, got_len = 0;

		if (csv_row(&got, &got_len, data, part, false, "fuzz", NULL) == WM_OK && got > 0)
			REQUIRE(got == taken && got_len == len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t taken = 0, len = 0;
		struct wm_error err = { 0 };

		if (csv_row(&taken, &len, data + at, size - at, true, "fuzz", &err) != WM_OK) {
			REQUIRE(err.code == WM_FORMAT);
			return 0;
		}
		REQUIRE(taken > 0 && taken <= size - at);
		REQUIRE(len <= taken && taken - len <= 2);
		check_parts(data + at, size - at, taken, len);
		at += taken;
	}
	return 0;
}
