/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/node.c: building and searching trees. */
#include "harness.h"

#include "text/node.h"

static enum wm_code build(struct tree *t, struct wm_error *err)
{
	struct node *list = NULL, *item = NULL;

	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_text(t->root, t, "name", "llm", err));
	TRY(node_set_integer(t->root, t, "size", NODE_INTEGER_MAX, err));
	TRY(node_set_bool(t->root, t, "open", true, err));
	TRY(node_set_new(&list, t->root, t, "parts", NODE_LIST, err));
	TRY(node_text(&item, t, "a\0b", 1, err));
	node_append(list, item);
	TRY(node_append_new(&item, list, t, NODE_MAP, err));
	TRY(node_set_hex(item, t, "hex", (const uint8_t *)"\x00\xff", 2, err));
	TRY(node_integer(&item, t, 7, err));
	node_append(list, item);
	return WM_OK;
}

static void builds(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(build(&t, &err), &err);
	assert_int_equal(t.root->len, 4);
	assert_int_equal(t.n_nodes, 9);
	assert_string_equal(node_find(t.root, "name")->text, "llm");
	assert_int_equal(node_find(t.root, "name")->line, 0);
	assert_int_equal(node_find(t.root, "size")->integer, NODE_INTEGER_MAX);
	assert_true(node_find(t.root, "open")->plain);
	assert_string_equal(node_find(t.root, "parts")->first->text, "a");
	assert_string_equal(node_find(node_find(t.root, "parts")->first->next, "hex")->text, "00ff");
	assert_int_equal(node_find(t.root, "parts")->last->integer, 7);
	assert_int_equal(node_find(t.root, "parts")->len, 3);
	assert_ptr_equal(t.root->last, node_find(t.root, "parts"));
	assert_null(node_find(t.root, "nam"));
	assert_null(node_find(t.root->first, "name"));
	assert_reason(node_set_integer(t.root, &t, "n", (uint64_t)NODE_INTEGER_MAX + 1, &err),
		      &err, LIMIT);
	assert_int_equal(t.root->len, 4);
}

/* What is taken out leaves a map that is as if it had never been in it. */
static void takes(void **state)
{
	static const char *const keys[] = { "name", "parts", "open", "size" };
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	size_t len = 4;

	(void)state;
	assert_ok(build(&t, &err), &err);
	assert_null(node_take(t.root, "nam"));
	for (size_t i = 0; i < 4; i++) {
		struct node *taken = node_take(t.root, keys[i]), *last = NULL;
		size_t n = 0;

		assert_non_null(taken);
		assert_string_equal(taken->key, keys[i]);
		assert_null(taken->next);
		assert_null(node_find(t.root, keys[i]));
		assert_int_equal(t.root->len, --len);
		for (struct node *c = t.root->first; c; c = c->next, n++)
			last = c;
		assert_int_equal(n, len);
		assert_ptr_equal(t.root->last, last);
	}
	assert_ok(node_set_bool(t.root, &t, "open", true, &err), &err);
	assert_ptr_equal(t.root->first, t.root->last);
}

static void limits_nodes(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	struct node *n = NULL;

	(void)state;
	for (size_t i = 0; i < LIMIT_NODES; i++)
		assert_ok(node_new(&n, &t, NODE_NULL, &err), &err);
	assert_reason(node_new(&n, &t, NODE_NULL, &err), &err, LIMIT);
}

static void sorts_by_utf16(void **state)
{
	static const char *const keys[] = {
		"b", "\xef\xac\xb3", "a", "\xf0\x9f\x98\x80",
		"", "\xee\x80\x80", "aa", "\xed\x9f\xbf",
	};
	static const char *const want[] = {
		"", "a", "aa", "b",
		"\xed\x9f\xbf", "\xf0\x9f\x98\x80", "\xee\x80\x80", "\xef\xac\xb3",
	};
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free const struct node **sorted = NULL;
	const struct node *twice = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(node_new(&t.root, &t, NODE_MAP, &err), &err);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_ok(node_set_text(t.root, &t, keys[i], "", &err), &err);
	assert_ok(node_sorted(&sorted, t.root, &err), &err);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(sorted[i]->key, want[i]);
	assert_ok(node_find_duplicate(&twice, t.root, &err), &err);
	assert_null(twice);
	assert_ok(node_set_text(t.root, &t, "aa", "", &err), &err);
	t.root->last->line = 7;
	assert_ok(node_find_duplicate(&twice, t.root, &err), &err);
	assert_ptr_equal(twice, t.root->last);
}

static void names_kinds(void **state)
{
	(void)state;
	assert_string_equal(node_kind_name(NODE_TEXT), "text");
	assert_string_equal(node_kind_name(NODE_LIST), "a list");
	assert_string_equal(node_kind_name(NODE_MAP), "a map");
}

static enum wm_code build_and_search(void *context, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	const struct node *twice = NULL;

	(void)context;
	TRY(build(&t, err));
	return node_find_duplicate(&twice, t.root, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(build_and_search, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds),
		cmocka_unit_test(takes),
		cmocka_unit_test(limits_nodes),
		cmocka_unit_test(sorts_by_utf16),
		cmocka_unit_test(names_kinds),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
