/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of two histories: what is believed says of one log two things that cannot both be,
 * each signed, and has one spelling.
 */
#include <stdlib.h>
#include <string.h>

#include "log/evidence.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_evidence struct evidence e = { 0 };
	cleanup_buf struct buf again = BUF_INIT(LIMIT_EVIDENCE);
	struct wm_error err = { 0 };

	if (evidence_check(&e, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && (err.code == WM_FORMAT || err.code == WM_MISMATCH));
		REQUIRE(!e.key && !e.first.text && !e.second.text);
		return 0;
	}
	REQUIRE(note_verify(&e.first, e.key, &err) == WM_OK);
	REQUIRE(note_verify(&e.second, e.key, &err) == WM_OK);
	REQUIRE(e.first.head.size <= e.second.head.size);
	if (e.first.head.size < e.second.head.size)
		return 0;
	REQUIRE(memcmp(e.first.head.root, e.second.head.root, SHA256_BYTES) != 0);
	REQUIRE(evidence_encode(&again, e.key, &e.first, &e.second, NULL, &err) == WM_OK);
	REQUIRE(again.len == size && memcmp(again.data, data, size) == 0);
	return 0;
}
