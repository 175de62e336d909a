/* SPDX-License-Identifier: Apache-2.0 */
/* Notes: what is read is a prefix of what was given, and its head is written as the same lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/note.h"
#include "log/origin.h"
#include "util/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_note struct note n = { .text = NULL };
	cleanup_log_key struct log_key *key = NULL;
	struct wm_error err = { 0 };
	char again[LIMIT_ORIGIN + 128], root[45] = "";

	if (log_key_parse(&key, data, size, "fuzz", &err) == WM_OK)
		REQUIRE(origin_valid(log_key_origin(key)));
	if (note_parse(&n, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL && !n.text);
		return 0;
	}
	base64_encode(root, n.head.root, SHA256_BYTES);
	snprintf(again, sizeof(again), "%s\n%llu\n%s\n", n.head.origin,
		 (unsigned long long)n.head.size, root);
	REQUIRE(n.len == size && strlen(again) == n.body_len);
	REQUIRE(memcmp(again, data, n.body_len) == 0 && data[n.body_len] == '\n');
	REQUIRE(n.n_signatures > 0 && n.n_signatures <= NOTE_SIGNATURES);
	return 0;
}
