/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/yaml_write.c: block style, and what is quoted. */
#include "harness.h"

#include "text/json.h"
#include "text/yaml.h"

static void writes_blocks(void **state)
{
	static const struct {
		const char *json, *yaml;
	} cases[] = {
		{ "null", "" },
		{ "[]", "[]\n" },
		{ "{}", "{}\n" },
		{ "\"a\"", "a\n" },
		{ "{\"a\":1,\"b\":true,\"c\":null,\"d\":\"x\"}", "a: 1\nb: true\nc:\nd: x\n" },
		{ "{\"a\":{\"b\":{\"c\":-5}},\"d\":[]}", "a:\n  b:\n    c: -5\nd: []\n" },
		{ "{\"a\":[{\"b\":1,\"c\":[2,{}]},null]}",
		  "a:\n  - b: 1\n    c:\n      - 2\n      - {}\n  -\n" },
		{ "[[1,[2]],[{\"a\":{\"b\":3}}]]", "- - 1\n  - - 2\n- - a:\n      b: 3\n" },
		{ "[null,[null]]", "-\n- -\n" },
		{ "{\"no\":1,\"\":2,\"<<\":3,\"a b\":4,\"a: b\":5}",
		  "\"no\": 1\n\"\": 2\n\"<<\": 3\na b: 4\n\"a: b\": 5\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf out = BUF_INIT(1000);
		struct wm_error err = { 0 };

		assert_ok(json_read(&t, cases[i].json, strlen(cases[i].json), "x", &err), &err);
		assert_ok(yaml_write(&out, t.root, &err), &err);
		assert_string_equal(buf_str(&out), cases[i].yaml);
	}
}

static const char *const ambiguous[] = {
	"", "~", "=", "<<", "null", "Null", "NULL", "y", "Y", "n", "yes", "No", "true", "FALSE",
	"on", "Off", "0", "-1", "+1", "1.10", "1e5", "1E-5",
	".5", "-.5", "0x1F", "0o17", "017", "0b101",
	"1_000", "1:30:00", ".inf", "-.INF", "+.Inf", ".NaN", "2024-01-01",
	"2001-12-14t21:59:43.10-05:00",
	"2001-12-14 21:59:43.10 -5", "685.230_15e+03", "12e03",
};

static const char *const unambiguous[] = {
	"a", "Apache-2.0", "4 cats", "1.10 (beta)", "acme/llm", "wm:12", "nope",
	"https://a.b/c?d#e",
	"it's", "a, b", "-x", "a#b", "a:b", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x98\x80", "100%", "...a",
};

static void quotes_what_is_ambiguous(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ambiguous) / sizeof(ambiguous[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000), want = BUF_INIT(1000);
		struct node n = { .kind = NODE_TEXT, .text = ambiguous[i],
				  .len = strlen(ambiguous[i]) };
		struct wm_error err = { 0 };

		assert_true(yaml_ambiguous(n.text, n.len));
		assert_ok(yaml_write(&out, &n, &err), &err);
		assert_ok(buf_printf(&want, &err, "\"%s\"\n", n.text), &err);
		assert_string_equal(buf_str(&out), buf_str(&want));
		/* Unless it stood without quotes where it was read. */
		if (n.len == 0)
			continue;
		n.plain = true;
		out.len = want.len = 0;
		assert_ok(yaml_write(&out, &n, &err), &err);
		assert_ok(buf_printf(&want, &err, "%s\n", n.text), &err);
		assert_string_equal(buf_str(&out), buf_str(&want));
	}
	for (size_t i = 0; i < sizeof(unambiguous) / sizeof(unambiguous[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000), want = BUF_INIT(1000);
		const struct node n = { .kind = NODE_TEXT, .text = unambiguous[i],
					.len = strlen(unambiguous[i]) };
		struct wm_error err = { 0 };

		assert_false(yaml_ambiguous(n.text, n.len));
		assert_ok(yaml_write(&out, &n, &err), &err);
		assert_ok(buf_printf(&want, &err, "%s\n", n.text), &err);
		assert_string_equal(buf_str(&out), buf_str(&want));
	}
}

static void quotes_what_does_not_stand(void **state)
{
	static const struct {
		const char *text, *yaml;
	} cases[] = {
		{ " a", "\" a\"\n" },
		{ "a ", "\"a \"\n" },
		{ "a:", "\"a:\"\n" },
		{ "a: b", "\"a: b\"\n" },
		{ "a #b", "\"a #b\"\n" },
		{ "-", "\"-\"\n" },
		{ "- a", "\"- a\"\n" },
		{ "---", "\"---\"\n" },
		{ "--- a", "\"--- a\"\n" },
		{ "...", "\"...\"\n" },
		{ "?", "\"?\"\n" },
		{ ":a", "\":a\"\n" },
		{ ",a", "\",a\"\n" },
		{ "[a", "\"[a\"\n" },
		{ "]a", "\"]a\"\n" },
		{ "{a", "\"{a\"\n" },
		{ "}a", "\"}a\"\n" },
		{ "#a", "\"#a\"\n" },
		{ "&a", "\"&a\"\n" },
		{ "*a", "\"*a\"\n" },
		{ "!a", "\"!a\"\n" },
		{ "|", "\"|\"\n" },
		{ ">", "\">\"\n" },
		{ "'a'", "\"'a'\"\n" },
		{ "\"a\"", "\"\\\"a\\\"\"\n" },
		{ "%a", "\"%a\"\n" },
		{ "@a", "\"@a\"\n" },
		{ "`a", "\"`a\"\n" },
		{ "a\nb\\\t", "\"a\\nb\\\\\\t\"\n" },
		{ "\x1b[2J\x7f\xc2\x85", "\"\\x1b[2J\\x7f\\x85\"\n" },
		{ "a\xe2\x80\xae" "b\xef\xbb\xbf", "\"a\\u202eb\\ufeff\"\n" },
		{ "\xf3\xa0\x81\x81\xf0\x9f\x98\x80", "\"\\U000e0041\xf0\x9f\x98\x80\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node n = { .kind = NODE_TEXT, .text = cases[i].text,
				  .len = strlen(cases[i].text) };
		struct wm_error err = { 0 };

		for (int plain = 0; plain <= 1; plain++) {
			cleanup_buf struct buf out = BUF_INIT(1000);

			n.plain = plain;
			assert_ok(yaml_write(&out, &n, &err), &err);
			assert_string_equal(buf_str(&out), cases[i].yaml);
		}
	}
}

/* A key beyond 1024 characters needs the form with '?'; its neighbours do not. */
static void writes_long_keys(void **state)
{
	char key[3000];

	(void)state;
	for (size_t len = 990; len <= 1040; len++) {
		cleanup_tree struct tree t = TREE_INIT, again = TREE_INIT;
		cleanup_buf struct buf out = BUF_INIT(10000);
		struct wm_error err = { 0 };
		struct node *map = NULL, *inner = NULL;

		memset(key, '#', len);
		key[len] = '\0';
		assert_ok(node_new(&t.root, &t, NODE_LIST, &err), &err);
		assert_ok(node_new(&map, &t, NODE_MAP, &err), &err);
		node_append(t.root, map);
		assert_ok(node_set_new(&inner, map, &t, key, NODE_MAP, &err), &err);
		assert_ok(node_set_text(inner, &t, "a", "b", &err), &err);
		assert_ok(node_set_text(map, &t, "c", "d", &err), &err);
		assert_ok(yaml_write(&out, t.root, &err), &err);
		assert_int_equal(strncmp(buf_str(&out), "- ? ", 4) == 0, len + 2 > 1000);
		assert_ok(yaml_read(&again, out.data, out.len, "again", &err), &err);
		map = again.root->first->first;
		assert_string_equal(node_find(node_find(map, key), "a")->text, "b");
		assert_string_equal(node_find(map, "c")->text, "d");
	}
}

static void limits_nesting(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf out = BUF_INIT(10000);
	struct node *list = NULL, *inner = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(node_new(&list, &t, NODE_LIST, &err), &err);
	for (int depth = 1; depth < LIMIT_JSON_DEPTH; depth++) {
		assert_ok(node_new(&inner, &t, NODE_LIST, &err), &err);
		node_append(inner, list);
		list = inner;
	}
	assert_ok(yaml_write(&out, list, &err), &err);
	assert_ok(yaml_read(&t, out.data, out.len, "again", &err), &err);
	assert_ok(node_new(&inner, &t, NODE_LIST, &err), &err);
	node_append(inner, list);
	assert_reason(yaml_write(&out, inner, &err), &err, LIMIT);
}

static enum wm_code write_document(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(10000);
	const struct tree *t = context;

	return yaml_write(&out, t->root, err);
}

static void survives_failing_allocations(void **state)
{
	static const char text[] = "{\"b\":[1,\"a\\n\",{\"y\":1,\"x\":2}],\"a\":null,\"c\":true}";
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(json_read(&t, text, sizeof(text) - 1, "x", &err), &err);
	with_every_allocation_failing(write_document, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_blocks),
		cmocka_unit_test(quotes_what_is_ambiguous),
		cmocka_unit_test(quotes_what_does_not_stand),
		cmocka_unit_test(writes_long_keys),
		cmocka_unit_test(limits_nesting),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
