/* SPDX-License-Identifier: Apache-2.0 */
/* lib/report: a verdict can always be told, whatever names the input has. */
#include "publisher.h"

#include <stdio.h>
#include <unistd.h>

#include "report/verdict_report.h"
#include "text/json.h"
#include "util/limits.h"

static struct publisher p;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	publisher_make(&p, NULL);
	publisher_write(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

/* Asserts that the verdict about `path` can be told as text and as JSON that can be read. */
static void tell(struct buf *text, struct buf *json, const char *path, const char *sidecar)
{
	const struct verify_options options = { .keys = p.pinned, .sidecar = sidecar, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;
	cleanup_tree struct tree t = TREE_INIT, again = TREE_INIT;
	struct wm_error err = { 0 };

	assert_ok(verdict_reach(&v, path, &options, &err), &err);
	text->len = json->len = 0;
	assert_ok(verdict_text(text, v, true, &err), &err);
	assert_ok(verdict_tree(&t.root, &t, v, false, &err), &err);
	assert_ok(json_write_pretty(json, t.root, &err), &err);
	assert_ok(json_read(&again, json->data, json->len, "verdict", &err), &err);
	assert_int_equal(node_find(again.root, "checks")->len, v->n_checks);
	for (size_t i = 0; i < text->len; i++)
		assert_true(text->data[i] == '\n' || (text->data[i] >= ' ' && text->data[i] != 0x7f));
}

static void names_of_any_kind(void **state)
{
	static const char *const names[] = { "a\xff", "a\x1b[2J", "a\nweightmark: accept", "\xe2\x80\xae" };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SIDECAR), json = BUF_INIT(LIMIT_SIDECAR);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_free char *path = NULL;

		assert_true(asprintf(&path, "%s/%s", p.dir, names[i]) > 0);
		assert_int_equal(rename(p.path, path), 0);
		tell(&text, &json, path, NULL);
		assert_non_null(strstr(buf_str(&json), "\"sidecar-missing\""));
		tell(&text, &json, path, p.sidecar);
		assert_non_null(strstr(buf_str(&json), "\"accept\""));
		assert_non_null(strstr(buf_str(&json), "\"renamed\""));
		assert_int_equal(rename(path, p.path), 0);
	}
}

/* Messages are cut at a byte, which may be inside a character. */
static void messages_cut_inside_a_character(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_SIDECAR), json = BUF_INIT(LIMIT_SIDECAR);

	(void)state;
	for (int shift = 0; shift < 3; shift++) {
		cleanup_buf struct buf path = BUF_INIT(4096);
		struct wm_error err = { 0 };

		assert_ok(buf_printf(&path, &err, "%s/%.*s", p.dir, shift, "xx"), &err);
		for (int i = 0; i < 80; i++)
			assert_ok(buf_append_str(&path, "\xe2\x82\xac", &err), &err);
		assert_int_equal(rename(p.path, buf_str(&path)), 0);
		tell(&text, &json, buf_str(&path), NULL);
		assert_non_null(strstr(buf_str(&json), "\"sidecar-missing\""));
		assert_int_equal(rename(buf_str(&path), p.path), 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_of_any_kind),
		CASE(messages_cut_inside_a_character),
	};

	return run_tests(tests);
}
