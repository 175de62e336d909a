/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/json_read.c: whole documents. */
#include "harness.h"

#include <time.h>

#include "text/json.h"

static enum wm_code read_text(struct tree *t, const char *text, struct wm_error *err)
{
	return json_read(t, text, strlen(text), "x.json", err);
}

static void reads_a_tree(void **state)
{
	static const char text[] = "{\"a\": [1, -2, true, false, null],\n  \"b\": {\"c\": \"d\"}}";
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	const struct node *n;

	(void)state;
	assert_ok(read_text(&t, text, &err), &err);
	assert_int_equal(t.root->kind, NODE_MAP);
	assert_int_equal(t.root->len, 2);
	assert_int_equal(t.n_nodes, 9);
	n = node_find(t.root, "a");
	assert_int_equal(n->kind, NODE_LIST);
	assert_int_equal(n->len, 5);
	assert_int_equal(n->first->integer, 1);
	assert_int_equal(n->first->next->integer, -2);
	assert_true(n->first->next->next->plain);
	assert_false(n->first->next->next->next->plain);
	assert_int_equal(n->last->kind, NODE_NULL);
	assert_int_equal(n->last->line, 1);
	assert_int_equal(n->last->column, 28);
	n = node_find(t.root, "b");
	assert_int_equal(n->line, 2);
	assert_int_equal(n->column, 3);
	assert_string_equal(node_find(n, "c")->text, "d");
	assert_null(node_find(n, "d"));
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "{\"a\":1,\"a\":2}",
		  "x.json: byte 12: the map that ends here has the key 'a' twice" },
		{ "[{\"b\":1,\"a\":1,\"\\u0062\":2}]",
		  "x.json: byte 24: the map that ends here has the key 'b' twice" },
		{ "{\"\":1,\"\":2}",
		  "x.json: byte 10: the map that ends here has the key '' twice" },
		{ "{\"a\\u0000\":1}", "x.json: byte 1: expected text without NUL (\\u0000)" },
		{ "[\"\\u0000\"]", "x.json: byte 1: expected text without NUL (\\u0000)" },
		{ "[1,]", "x.json: byte 3: expected a value" },
		{ "{} ,", "x.json: byte 3: expected nothing more" },
	};
	static const char *const bad_numbers[] = {
		"9007199254740992", "-9007199254740992", "18446744073709551615",
		"99999999999999999999999999", "-0", "1.0", "0.5", "1e3", "1E0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		struct wm_error err = { 0 };

		assert_reason(read_text(&t, bad[i].text, &err), &err, JSON_MALFORMED);
		assert_string_equal(err.message, bad[i].message);
		assert_null(t.root);
	}
	for (size_t i = 0; i < sizeof(bad_numbers) / sizeof(bad_numbers[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		struct wm_error err = { 0 };

		assert_reason(read_text(&t, bad_numbers[i], &err), &err, JSON_MALFORMED);
		assert_string_equal(err.message, "x.json: byte 0: expected an integer from "
						 "-(2^53-1) to 2^53-1, written as digits");
	}
}

static void takes_numbers_of_53_bits(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 }, { "-1", -1 }, { "9007199254740990", NODE_INTEGER_MAX - 1 },
		{ "9007199254740991", NODE_INTEGER_MAX },
		{ "-9007199254740991", -NODE_INTEGER_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		struct wm_error err = { 0 };

		assert_ok(read_text(&t, good[i].text, &err), &err);
		assert_true(t.root->integer == good[i].value);
	}
}

/* `n` numbers in one list, hence n + 1 values. */
static enum wm_code read_list_of(size_t n, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free char *text = malloc(2 * n + 1);

	assert_non_null(text);
	text[0] = '[';
	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + 2 * i, "0,", 2);
	text[2 * n] = ']';
	return json_read(&t, text, 2 * n + 1, "x", err);
}

static void limits_values(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(read_list_of(LIMIT_NODES - 2, &err), &err);
	assert_ok(read_list_of(LIMIT_NODES - 1, &err), &err);
	assert_reason(read_list_of(LIMIT_NODES, &err), &err, LIMIT);
}

/* A million keys in no order, the first given again at the end. */
static void answers_hostile_maps_quickly(void **state)
{
	const unsigned n = 1000000;
	cleanup_buf struct buf text = BUF_INIT(1 << 25);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };
	clock_t start;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_ok(buf_printf(&text, &err, "%c\"%x\":0", i ? ',' : '{', i * 2654435761U),
			  &err);
	assert_ok(buf_append_str(&text, ",\"0\":0}", &err), &err);
	start = clock();
	assert_reason(json_read(&t, text.data, text.len, "x", &err), &err, JSON_MALFORMED);
	assert_non_null(strstr(err.message, "has the key '0' twice"));
	/* About 0.6 s where nothing else runs; ten are out of reach of any n log n. */
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10);
}

static enum wm_code read_document(void *context, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	return json_read(&t, context, strlen(context), "x", err);
}

static void survives_failing_allocations(void **state)
{
	char text[] = "{\"b\":[1,\"a\\n\",{}],\"a\":null,\"c\":true}";

	(void)state;
	with_every_allocation_failing(read_document, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_tree),
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes_numbers_of_53_bits),
		cmocka_unit_test(limits_values),
		cmocka_unit_test(answers_hostile_maps_quickly),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
