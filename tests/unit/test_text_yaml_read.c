/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/yaml_read.c: the subset that is read, and what is refused. */
#include "harness.h"

#include <time.h>

#include "text/json.h"
#include "text/yaml.h"

static enum wm_code read_text(struct tree *t, const char *text, struct wm_error *err)
{
	return yaml_read(t, text, strlen(text), "f.yaml", err);
}

/* YAML on the left is read as the stream that the canonical JSON on the right shows. */
static void reads(void **state)
{
	static const struct {
		const char *yaml, *json;
	} good[] = {
		{ "", "[]" },
		{ "# nothing\n", "[]" },
		{ "---\n", "[null]" },
		{ "--- a\n--- b\n...\n---\n", "[\"a\",\"b\",null]" },
		{ "a: 1\nb: 1.10\nc: no\nd: ~\ne: null\n",
		  "[{\"a\":\"1\",\"b\":\"1.10\",\"c\":\"no\",\"d\":\"~\",\"e\":\"null\"}]" },
		{ "a:\nb: ''\n", "[{\"a\":null,\"b\":\"\"}]" },
		{ "- a\n-\n- - b\n  - c: d\n    e: f\n",
		  "[[\"a\",null,[\"b\",{\"c\":\"d\",\"e\":\"f\"}]]]" },
		{ "{a: [1, {b: c}], \"d\": 'it''s', f}",
		  "[{\"a\":[\"1\",{\"b\":\"c\"}],\"d\":\"it's\",\"f\":null}]" },
		{ "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "[{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}]" },
		{ "? a\n: b\n", "[{\"a\":\"b\"}]" },
		{ "\"<<\": a\n", "[{\"<<\":\"a\"}]" },
		{ "\"\": a\n", "[{\"\":\"a\"}]" },
		{ "a: \"\\x41\\u00e9\\U0001F600\\n\"",
		  "[{\"a\":\"A\xc3\xa9\xf0\x9f\x98\x80\\n\"}]" },
		{ "\xef\xbb\xbf" "a: b\r\nc: d\r\n", "[{\"a\":\"b\",\"c\":\"d\"}]" },
		{ "%YAML 1.1\n---\na: 100%TAG\n", "[{\"a\":\"100%TAG\"}]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf out = BUF_INIT(1000);
		struct wm_error err = { 0 };

		assert_ok(read_text(&t, good[i].yaml, &err), &err);
		assert_ok(json_write_canonical(&out, t.root, &err), &err);
		assert_string_equal(buf_str(&out), good[i].json);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *yaml, *message;
	} bad[] = {
		{ "a: 1\nb: 2\na: 3\n",
		  "f.yaml: line 3, column 1: the key 'a' is there already; give it once" },
		{ "x:\n  - {a: 1, 'a': 2}\n",
		  "f.yaml: line 2, column 12: the key 'a' is there already; give it once" },
		{ "a: &x 1\n", "f.yaml: line 1, column 4: anchors are not supported; "
			       "write the value out wherever it is needed" },
		{ "a: &x [1]\n", "f.yaml: line 1, column 4: anchors are not supported; "
				 "write the value out wherever it is needed" },
		{ "&x {a: 1}\n", "f.yaml: line 1, column 1: anchors are not supported; "
				 "write the value out wherever it is needed" },
		{ "a: *x\n", "f.yaml: line 1, column 4: aliases are not supported; write the value "
			     "out, or quote text that begins with '*'" },
		{ "a: !!int 1\n", "f.yaml: line 1, column 4: tags are not supported; write the "
				  "value without, in quotes if it is text" },
		{ "a: ! 1\n", "f.yaml: line 1, column 4: tags are not supported; write the "
			      "value without, in quotes if it is text" },
		{ "a: !!set {}\n", "f.yaml: line 1, column 4: tags are not supported; write the "
				   "value without, in quotes if it is text" },
		{ "a:\n- !t [x]\n", "f.yaml: line 2, column 3: tags are not supported; write the "
				    "value without, in quotes if it is text" },
		{ "!k a: 1\n", "f.yaml: line 1, column 1: tags are not supported; write the "
			       "value without, in quotes if it is text" },
		{ "%TAG ! tag:x,1:\n---\na\n", "f.yaml: line 1, column 1: tags are not supported; "
					       "leave the directive out" },
		{ "# x\n%TAG ! tag:x,1:\n---\na\n", "f.yaml: line 2, column 1: tags are not "
						    "supported; leave the directive out" },
		{ "a: b\n<<: {c: d}\n", "f.yaml: line 2, column 1: merge keys are not supported; "
					"write the keys out" },
		{ "? [a]\n: b\n", "f.yaml: line 1, column 3: expected text as a key, "
				  "not a map or list" },
		{ "{{a: b}: c}\n", "f.yaml: line 1, column 2: expected text as a key, "
				   "not a map or list" },
		{ "? \n: b\n", "f.yaml: line 1, column 2: expected a key before ':'" },
		{ "a: \"x\\0\"\n", "f.yaml: line 1, column 4: expected text without NUL (\\0)" },
		{ "\"x\\0\": a\n", "f.yaml: line 1, column 1: expected text without NUL (\\0)" },
		{ "a: b\nc: \xff\n", "f.yaml: line 2, column 4: expected UTF-8" },
		{ "a:\n  \x01\n", "f.yaml: line 2, column 3: control characters are not allowed" },
		{ "a: 'b\n", "f.yaml: line 2, column 1: found unexpected end of stream "
			     "while scanning a quoted scalar" },
		{ "a: b: c\n", "f.yaml: line 1, column 5: mapping values are not allowed in this "
			       "context" },
		{ "[1, 2\n", "f.yaml: line 2, column 1: did not find expected ',' or ']' "
			     "while parsing a flow sequence" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		struct wm_error err = { 0 };

		assert_reason(read_text(&t, bad[i].yaml, &err), &err, YAML_MALFORMED);
		assert_string_equal(err.message, bad[i].message);
		assert_null(t.root);
	}
}

static void refuses_raw_nul_and_utf16(void **state)
{
	static const char nul[] = "a: b\0c", utf16[] = "\xff\xfe" "a\0";
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(yaml_read(&t, nul, sizeof(nul) - 1, "f", &err), &err, YAML_MALFORMED);
	assert_reason(yaml_read(&t, utf16, sizeof(utf16) - 1, "f", &err), &err, YAML_MALFORMED);
}

static void knows_places_and_quotes(void **state)
{
	static const char text[] = "a: 1\nb:\n  - 'x'\n  - |\n    y\n  - >\n    z\n  - \"1\"\n";
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	const struct node *n;

	(void)state;
	assert_ok(read_text(&t, text, &err), &err);
	n = t.root->first;
	assert_int_equal(n->line, 1);
	assert_true(node_find(n, "a")->plain);
	n = node_find(n, "b");
	assert_int_equal(n->line, 2);
	assert_int_equal(n->column, 1);
	assert_int_equal(n->first->line, 3);
	assert_int_equal(n->first->column, 5);
	for (n = n->first; n; n = n->next)
		assert_false(n->plain);
}

static void limits_nesting(void **state)
{
	(void)state;
	for (size_t depth = LIMIT_JSON_DEPTH - 1; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
		cleanup_tree struct tree flow = TREE_INIT, block = TREE_INIT;
		struct wm_error err = { 0 };
		char text[2 * LIMIT_JSON_DEPTH + 2];

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		if (depth <= LIMIT_JSON_DEPTH)
			assert_ok(yaml_read(&flow, text, 2 * depth, "f", &err), &err);
		else
			assert_reason(yaml_read(&flow, text, 2 * depth, "f", &err), &err, LIMIT);
		for (size_t i = 0; i < depth; i++)
			memcpy(text + 2 * i, "- ", 2);
		if (depth <= LIMIT_JSON_DEPTH)
			assert_ok(yaml_read(&block, text, 2 * depth, "f", &err), &err);
		else
			assert_reason(yaml_read(&block, text, 2 * depth, "f", &err), &err, LIMIT);
	}
}

/* `pattern` again and again up to `len` bytes. */
static enum wm_code read_repeated(const char *pattern, size_t len, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free char *text = malloc(len);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = pattern[i % strlen(pattern)];
	return yaml_read(&t, text, len, "f", err);
}

static void limits_bytes_and_values(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(read_repeated("#x\n", LIMIT_YAML, &err), &err);
	assert_reason(read_repeated("#x\n", LIMIT_YAML + 1, &err), &err, LIMIT);
	/* The stream is a value, and so is each empty document. */
	assert_ok(read_repeated("---\n", 4 * ((size_t)LIMIT_NODES - 1), &err), &err);
	assert_reason(read_repeated("---\n", 4 * (size_t)LIMIT_NODES, &err), &err, LIMIT);
}

static void answers_hostile_input_quickly(void **state)
{
	static const char *const patterns[] = {
		"[", "{", "? ", "- ", "a: ", "[\n", "%TAG !a! b\n", "%YAML 1.1\n", "&a ", "!a ",
		"\"\\n", "a\n", " ", "\n", "?\n", "-\n -\n", "a: b\n", "|\n",
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const clock_t start = clock();

		if (read_repeated(patterns[i], 1 << 20, &err) != WM_OK)
			assert_true(err.code == WM_INVALID || err.code == WM_LIMIT);
		/* Each takes less than 0.2 s; what is quadratic would take minutes. */
		assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10);
	}
}

static enum wm_code read_document(void *context, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	return yaml_read(&t, context, strlen(context), "f", err);
}

static void survives_failing_allocations(void **state)
{
	char text[] = "b: [1, {c: d}]\na: \"x\\n\"\n---\n- e\n";

	(void)state;
	with_every_allocation_failing(read_document, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_raw_nul_and_utf16),
		cmocka_unit_test(knows_places_and_quotes),
		cmocka_unit_test(limits_nesting),
		cmocka_unit_test(limits_bytes_and_values),
		cmocka_unit_test(answers_hostile_input_quickly),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
