/* SPDX-License-Identifier: Apache-2.0 */
/* Notes and verifier keys: what is read is written as the same bytes. */
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

static void check_key(const struct log_key *key, const uint8_t *data, size_t size)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_NOTE);
	struct wm_error err = { 0 };

	REQUIRE(origin_valid(log_key_origin(key)));
	REQUIRE(log_key_encode(&again, key, &err) == WM_OK);
	REQUIRE(again.len == size || (again.len + 1 == size && data[size - 1] == '\n'));
	REQUIRE(memcmp(again.data, data, again.len) == 0);
}

static void append_signature(struct buf *out, const struct note_signature *s)
{
	uint8_t bytes[LIMIT_NOTE];
	char text[2 * LIMIT_NOTE] = "";
	struct wm_error err = { 0 };

	memcpy(bytes, s->key_id, LOG_KEY_ID);
	memcpy(bytes + LOG_KEY_ID, s->sig, s->sig_len);
	base64_encode(text, bytes, LOG_KEY_ID + s->sig_len);
	REQUIRE(buf_append_str(out, "\xe2\x80\x94 ", &err) == WM_OK);
	REQUIRE(buf_append(out, s->name, s->name_len, &err) == WM_OK);
	REQUIRE(buf_printf(out, &err, " %s\n", text) == WM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_note struct note n = { .text = NULL };
	cleanup_log_key struct log_key *key = NULL;
	struct wm_error err = { 0 };
	cleanup_buf struct buf again = BUF_INIT(LIMIT_NOTE);
	char root[45] = "";

	if (log_key_parse(&key, data, size, "fuzz", &err) == WM_OK)
		check_key(key, data, size);
	if (note_parse(&n, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL && !n.text);
		return 0;
	}
	base64_encode(root, n.head.root, SHA256_BYTES);
	REQUIRE(buf_printf(&again, &err, "%s\n%llu\n%s\n", n.head.origin,
			   (unsigned long long)n.head.size, root) == WM_OK);
	REQUIRE(again.len == n.body_len);
	REQUIRE(buf_append_byte(&again, '\n', &err) == WM_OK);
	REQUIRE(n.n_signatures > 0 && n.n_signatures <= NOTE_SIGNATURES);
	for (size_t i = 0; i < n.n_signatures; i++)
		append_signature(&again, &n.signatures[i]);
	REQUIRE(n.len == size && again.len == size && memcmp(again.data, data, size) == 0);
	return 0;
}
