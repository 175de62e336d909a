/* SPDX-License-Identifier: Apache-2.0 */
/* YAML: each document that was read is written so that it reads as the same tree. */
#include <stdlib.h>
#include <string.h>

#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

/* Whether quotes stand or not matters only where they decide what a reader sees. */
static void require_equal(const struct node *a, const struct node *b)
{
	const struct node *p = a->first, *q = b->first;

	REQUIRE(a->kind == b->kind && a->len == b->len);
	if (a->kind == NODE_TEXT) {
		REQUIRE(memcmp(a->text, b->text, a->len + 1) == 0);
		REQUIRE(a->plain == b->plain || !yaml_ambiguous(a->text, a->len));
	}
	for (; p && q; p = p->next, q = q->next) {
		REQUIRE(!p->key == !q->key && (!p->key || strcmp(p->key, q->key) == 0));
		require_equal(p, q);
	}
	REQUIRE(!p && !q);
}

static void round_trip(const struct node *document)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	REQUIRE(yaml_write(&out, document, &err) == WM_OK);
	REQUIRE(yaml_read(&t, out.data, out.len, "again", &err) == WM_OK);
	if (document->kind == NODE_NULL) {
		REQUIRE(t.root->len == 0);
		return;
	}
	REQUIRE(t.root->len == 1);
	require_equal(document, t.root->first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	if (yaml_read(&t, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason != NULL && err.code != WM_INTERNAL);
		return 0;
	}
	for (const struct node *document = t.root->first; document; document = document->next)
		round_trip(document);
	return 0;
}
