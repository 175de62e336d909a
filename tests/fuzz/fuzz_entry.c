/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: one that is read is written as the same bytes, and has one leaf. */
#include <stdlib.h>
#include <string.h>

#include "log/entry.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_buf struct buf again = BUF_INIT(LIMIT_ENTRY);
	uint8_t leaf[SHA256_BYTES], other[SHA256_BYTES], digest[SHA256_BYTES], record[RECORD_BYTES];
	struct wm_error err = { 0 };
	struct envelope e;

	if (entry_decode(&e, &a, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		return 0;
	}
	REQUIRE(entry_encode(&again, &e, &err) == WM_OK);
	REQUIRE(again.len == size && memcmp(again.data, data, size) == 0);
	REQUIRE(entry_leaf(leaf, &e, &err) == WM_OK);
	REQUIRE(sha256_of(digest, data, size, &err) == WM_OK);
	entry_record(record, &e, digest);
	record_leaf(other, record);
	REQUIRE(memcmp(leaf, other, SHA256_BYTES) == 0);
	return 0;
}
