/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/json_write.c: canonical (RFC 8785) and pretty. */
#include "harness.h"

#include "text/json.h"

static void read_text(struct tree *t, const char *text)
{
	struct wm_error err = { 0 };

	assert_ok(json_read(t, text, strlen(text), "x", &err), &err);
}

static void writes_canonical(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		/* RFC 8785 section 3.2.2, less its numbers, which are no integers. */
		{ "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
		  "\"literals\":[null,true,false]}",
		  "{\"literals\":[null,true,false],"
		  "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}" },
		/* RFC 8785 section 3.2.3. */
		{ "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
		  "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
		  "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
		  "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
		  "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
		  "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
		  "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
		  "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}" },
		/* The examples that come with RFC 8785: arrays, structures, french. */
		{ "[56,{\"d\":true,\"10\":null,\"1\":[]}]",
		  "[56,{\"1\":[],\"10\":null,\"d\":true}]" },
		{ "{\"1\":{\"f\":{\"f\":\"hi\",\"F\":5},\"\\n\":56},\"10\":{},\"\":\"empty\","
		  "\"a\":{},\"111\":[{\"e\":\"yes\",\"E\":\"no\"}],\"A\":{}}",
		  "{\"\":\"empty\",\"1\":{\"\\n\":56,\"f\":{\"F\":5,\"f\":\"hi\"}},\"10\":{},"
		  "\"111\":[{\"E\":\"no\",\"e\":\"yes\"}],\"A\":{},\"a\":{}}" },
		{ "{\"sin\":\"4\",\"p\xc3\xaa" "che\":\"3\",\"peach\":\"1\","
		  "\"p\xc3\xa9" "ch\xc3\xa9\":\"2\"}",
		  "{\"peach\":\"1\",\"p\xc3\xa9" "ch\xc3\xa9\":\"2\","
		  "\"p\xc3\xaa" "che\":\"3\",\"sin\":\"4\"}" },
		/* U+E000 and U+FFFF's neighbours sort behind surrogates, U+D7FF before. */
		{ "{\"\\ue000\":1,\"\\uffee\":2,\"\\ud7ff\":3,"
		  "\"\\udbff\\udfee\":4,\"\\ud800\\udc00\":5}",
		  "{\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":5,\"\xf4\x8f\xbf\xae\":4,"
		  "\"\xee\x80\x80\":1,\"\xef\xbf\xae\":2}" },
		{ "\"\\u0001\\b\\t\\n\\u000B\\f\\r\\u001F\x7f\\u2028\"",
		  "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\xe2\x80\xa8\"" },
		{ " [ 9007199254740991 , -9007199254740991 , 0 ] ",
		  "[9007199254740991,-9007199254740991,0]" },
		{ "{\"aa\":1,\"a\":2,\"\":3,\"b\":4}", "{\"\":3,\"a\":2,\"aa\":1,\"b\":4}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf out = BUF_INIT(10000);
		struct wm_error err = { 0 };

		read_text(&t, cases[i].text);
		assert_ok(json_write_canonical(&out, t.root, &err), &err);
		assert_string_equal(buf_str(&out), cases[i].canonical);
	}
}

static void writes_pretty(void **state)
{
	static const struct {
		const char *text, *pretty;
	} cases[] = {
		{ "[]", "[]\n" },
		{ "{\"b\":[1,{}],\"a\":{\"c\":[[]]}}",
		  "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"c\": [\n      []\n    ]\n"
		  "  }\n}\n" },
		{ "\"\\u001b[2J\\u007f\\u0085\\u202e\\ufeff\\ud83d\\ude00\\udb40\\udc41\\n\"",
		  "\"\\u001b[2J\\u007f\\u0085\\u202e\\ufeff\xf0\x9f\x98\x80\\udb40\\udc41\\n\"\n" },
		{ "{\"\\u202e\":true}", "{\n  \"\\u202e\": true\n}\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf out = BUF_INIT(10000);
		struct wm_error err = { 0 };

		read_text(&t, cases[i].text);
		assert_ok(json_write_pretty(&out, t.root, &err), &err);
		assert_string_equal(buf_str(&out), cases[i].pretty);
	}
}

static void refuses_trees_that_json_cannot_hold(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf out = BUF_INIT(10000);
	struct node *list = NULL, *map = NULL, *n = NULL, *inner = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(node_new(&n, &t, NODE_INTEGER, &err), &err);
	n->integer = NODE_INTEGER_MAX + 1;
	assert_reason(json_write_canonical(&out, n, &err), &err, INTERNAL);
	assert_ok(node_text(&n, &t, "\xff", 1, &err), &err);
	assert_reason(json_write_canonical(&out, n, &err), &err, INTERNAL);
	assert_ok(node_new(&map, &t, NODE_MAP, &err), &err);
	assert_ok(node_set_text(map, &t, "a", "1", &err), &err);
	assert_ok(node_set_text(map, &t, "b", "2", &err), &err);
	assert_ok(node_set_text(map, &t, "a", "3", &err), &err);
	assert_reason(json_write_canonical(&out, map, &err), &err, INTERNAL);
	assert_ok(node_new(&list, &t, NODE_LIST, &err), &err);
	for (int depth = 1; depth < LIMIT_JSON_DEPTH; depth++) {
		assert_ok(node_new(&inner, &t, NODE_LIST, &err), &err);
		node_append(inner, list);
		list = inner;
	}
	assert_ok(json_write_canonical(&out, list, &err), &err);
	assert_ok(node_new(&inner, &t, NODE_LIST, &err), &err);
	node_append(inner, list);
	assert_reason(json_write_canonical(&out, inner, &err), &err, LIMIT);
}

static enum wm_code write_both(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(10000);
	const struct tree *t = context;

	TRY(json_write_canonical(&out, t->root, err));
	return json_write_pretty(&out, t->root, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;

	(void)state;
	read_text(&t, "{\"b\":[1,\"a\\n\",{\"y\":1,\"x\":2}],\"a\":null,\"c\":true}");
	with_every_allocation_failing(write_both, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_canonical),
		cmocka_unit_test(writes_pretty),
		cmocka_unit_test(refuses_trees_that_json_cannot_hold),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
