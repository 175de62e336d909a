/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text: random trees survive being written and read, in each of the three forms. */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>

#include "text/json.h"
#include "text/yaml.h"
#include "util/utf8.h"

static uint64_t seed;

/* xorshift64*: the same trees in every run. */
static uint32_t draw(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 32) % below;
}

static uint32_t draw_scalar(void)
{
	static const char tricky[] = "-?:,[]{}#&*!|>'\"%@` \n\t\\/=~<+.0123456789eEyYnNxo_";
	static const struct {
		uint32_t first, n;
	} ranges[] = {
		{ 'a', 26 }, { 0x01, 0x7F }, { 0x80, 0x80 }, { 0x2020, 0x20 }, { 0xD7F0, 0x10 },
		{ 0xE000, 0x10 }, { 0xFB00, 0x500 }, { 0x10000, 0x100 }, { 0x1F600, 0x40 },
		{ 0xE0041, 4 }, { 0x10FFF0, 0x10 },
	};
	const uint32_t kind = draw(20);

	if (kind < 9)
		return (uint32_t)tricky[draw(sizeof(tricky) - 1)];
	return ranges[kind - 9].first + draw(ranges[kind - 9].n);
}

static const char *draw_text(void)
{
	static const char *const words[] = {
		"no", "null", "true", "~", "1e5", "<<", "---", "", "0x1F", "2024-01-01", "key",
		"- a", "a: b", "...", "=",
	};
	static char text[5000];
	size_t len = 0, n = draw(100) ? draw(12) : draw(1200);

	if (draw(4) == 0)
		return words[draw(sizeof(words) / sizeof(words[0]))];
	while (n--)
		len += utf8_encode((uint8_t *)text + len, draw_scalar());
	text[len] = '\0';
	return text;
}

static struct node *draw_node(struct tree *t, unsigned depth);

static void draw_children(struct tree *t, struct node *parent, unsigned depth)
{
	struct wm_error err = { 0 };

	for (uint32_t n = draw(6); n; n--) {
		struct node *child = draw_node(t, depth + 1);
		const char *key = draw_text();

		if (parent->kind == NODE_LIST)
			node_append(parent, child);
		else if (!node_find(parent, key))
			assert_ok(node_set(parent, t, key, child, &err), &err);
	}
}

static struct node *draw_node(struct tree *t, unsigned depth)
{
	static const enum node_kind kinds[] = { NODE_NULL, NODE_BOOL, NODE_INTEGER, NODE_TEXT,
						NODE_TEXT, NODE_LIST, NODE_MAP,	    NODE_MAP };
	const enum node_kind kind = kinds[draw(depth < 6 ? 8 : 5)];
	struct wm_error err = { 0 };
	struct node *n = NULL;

	if (kind == NODE_TEXT) {
		const char *text = draw_text();

		assert_ok(node_text(&n, t, text, strlen(text), &err), &err);
		return n;
	}
	assert_ok(node_new(&n, t, kind, &err), &err);
	if (kind == NODE_BOOL)
		n->plain = draw(2);
	if (kind == NODE_INTEGER)
		n->integer = draw(4) ? (int64_t)draw(2000) - 1000 :
			     draw(2) ? NODE_INTEGER_MAX : -NODE_INTEGER_MAX;
	if (kind == NODE_LIST || kind == NODE_MAP)
		draw_children(t, n, depth);
	return n;
}

/* In YAML, numbers and truth come back as plain text, and text that is `made` may be plain. */
static void assert_equal_scalars(const struct node *made, const struct node *got, bool yaml)
{
	char spelled[32];

	if (!yaml || made->kind == NODE_NULL) {
		assert_int_equal(made->kind, got->kind);
		assert_true(made->integer == got->integer);
		assert_int_equal(made->plain, got->plain);
		if (made->kind == NODE_TEXT)
			assert_string_equal(made->text, got->text);
		return;
	}
	assert_int_equal(got->kind, NODE_TEXT);
	if (made->kind == NODE_TEXT) {
		assert_string_equal(made->text, got->text);
		assert_false(got->plain && yaml_ambiguous(got->text, got->len));
		return;
	}
	snprintf(spelled, sizeof(spelled), "%" PRId64, made->integer);
	assert_string_equal(got->text, made->kind == NODE_INTEGER ? spelled :
			    made->plain ? "true" : "false");
	assert_true(got->plain);
}

static void assert_equal(const struct node *made, const struct node *got, bool yaml, bool sorted)
{
	const struct node *q = got->first;

	if (made->kind != NODE_LIST && made->kind != NODE_MAP) {
		assert_equal_scalars(made, got, yaml);
		return;
	}
	assert_int_equal(made->kind, got->kind);
	assert_int_equal(made->len, got->len);
	for (const struct node *p = made->first; p; p = p->next, q = q->next) {
		const struct node *same = sorted && p->key ? node_find(got, p->key) : q;

		assert_non_null(same);
		if (p->key)
			assert_string_equal(p->key, same->key);
		assert_equal(p, same, yaml, sorted);
	}
}

static void through_json(const struct node *made, bool pretty)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	assert_ok((pretty ? json_write_pretty : json_write_canonical)(&out, made, &err), &err);
	assert_ok(json_read(&t, out.data, out.len, "again", &err), &err);
	assert_equal(made, t.root, false, !pretty);
}

static void through_yaml(const struct node *made)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	assert_ok(yaml_write(&out, made, &err), &err);
	assert_ok(yaml_read(&t, out.data, out.len, "again", &err), &err);
	assert_int_equal(t.root->len, made->kind != NODE_NULL);
	if (made->kind != NODE_NULL)
		assert_equal(made, t.root->first, true, false);
}

static void random_trees_survive(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 20000; round++) {
		cleanup_tree struct tree t = TREE_INIT;

		seed = round * UINT64_C(0x9E3779B97F4A7C15);
		t.root = draw_node(&t, 0);
		through_json(t.root, false);
		through_json(t.root, true);
		through_yaml(t.root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees_survive),
	};

	return run_tests(tests);
}
