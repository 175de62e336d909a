/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of statements: what is decoded is encoded to the same bytes, unless it was
 * made under a newer schema; its JSON reads as YAML to the same message.
 */
#include <stdlib.h>
#include <string.h>

#include "statement/mapping.h"
#include "statement/message.h"
#include "statement/statement.h"
#include "text/json.h"
#include "text/yaml.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

static void same_bytes(const struct buf *a, const void *data, size_t len)
{
	REQUIRE(a->len == len && memcmp(a->data, data, len) == 0);
}

/* As protobuf and as YAML, and back. */
static void other_codecs(const ProtobufCMessage *m)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const struct mapping mapping = { "fuzz", REASON_YAML_FIELD, true, false, &a };
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR), again = BUF_INIT(LIMIT_SIDECAR);
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_SIDECAR);
	cleanup_tree struct tree t = TREE_INIT, read = TREE_INIT;
	struct wm_error err = { 0 };
	ProtobufCMessage *same = NULL;
	struct node *root = NULL;

	REQUIRE(message_encode(&bytes, m, &err) == WM_OK);
	REQUIRE(message_decode(&same, m->descriptor, &a, bytes.data, bytes.len, REASON_YAML_FIELD,
			       &err) == WM_OK);
	REQUIRE(mapping_write(&root, &t, m, &err) == WM_OK);
	REQUIRE(yaml_write(&yaml, root, &err) == WM_OK);
	REQUIRE(yaml_read(&read, yaml.data, yaml.len, "fuzz", &err) == WM_OK);
	REQUIRE(mapping_read(&same, m->descriptor, read.root->first, &mapping, &err) == WM_OK);
	REQUIRE(message_encode(&again, same, &err) == WM_OK);
	same_bytes(&again, bytes.data, bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	if (statement_decode(&s, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		return 0;
	}
	REQUIRE(s->header && s->header->object);
	REQUIRE(statement_encode(&again, s->kind, s->message, &err) == WM_OK);
	if (!s->newer_schema)
		same_bytes(&again, data, size);
	other_codecs(s->message);
	return 0;
}
