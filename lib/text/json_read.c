/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a whole JSON document into a tree. */
#include "text/json.h"

#include <string.h>

#include "util/escape.h"

struct reader {
	struct json j;
	struct tree *t;
	struct node *root;
	struct node *open[LIMIT_JSON_DEPTH + 1]; /* the maps and lists around us, from 1 */
	const char *key;			 /* of the value that comes next in a map */
	unsigned line, column;			 /* where the value or its key began */
	size_t line_off, seen;			 /* where the line begins; counted as far as */
};

static void release(struct reader *r)
{
	json_release(&r->j);
}

static enum wm_code refuse(const struct reader *r, const char *what, struct wm_error *err)
{
	return fail(err, r->j.reason, "%s: byte %zu: %s", r->j.name, r->j.at, what);
}

/* Counts the lines up to the present event. */
static void locate(struct reader *r)
{
	const uint8_t *nl;

	while (r->seen < r->j.at) {
		nl = memchr(r->j.in.data + r->seen, '\n', r->j.at - r->seen);
		if (!nl)
			break;
		r->line++;
		r->line_off = r->seen = (size_t)(nl - r->j.in.data) + 1;
	}
	r->seen = r->j.at;
}

static enum wm_code check_text(const struct reader *r, struct wm_error *err)
{
	if (memchr(r->j.text, '\0', r->j.len))
		return refuse(r, "expected text without NUL (\\u0000)", err);
	return WM_OK;
}

static enum wm_code read_key(struct reader *r, struct wm_error *err)
{
	char *key = NULL;

	TRY(check_text(r, err));
	TRY(arena_copy(&key, &r->t->arena, r->j.text, r->j.len, err));
	r->key = key;
	r->column = (unsigned)(r->j.at - r->line_off) + 1;
	return WM_OK;
}

static enum wm_code read_integer(const struct reader *r, int64_t *out, struct wm_error *err)
{
	const bool negative = r->j.text[0] == '-';
	int64_t value = 0;
	bool good = true;

	for (size_t i = negative; good && i < r->j.len; i++) {
		const int digit = r->j.text[i] - '0';

		good = digit >= 0 && digit <= 9;
		value = value * 10 + digit;
		good = good && value <= NODE_INTEGER_MAX;
	}
	if (!good || (negative && value == 0))
		return refuse(r, "expected an integer from -(2^53-1) to 2^53-1, written as digits",
			      err);
	*out = negative ? -value : value;
	return WM_OK;
}

static enum wm_code new_node(struct reader *r, enum json_event event, struct node **out,
			     struct wm_error *err)
{
	switch (event) {
	case JSON_MAP:
		return node_new(out, r->t, NODE_MAP, err);
	case JSON_LIST:
		return node_new(out, r->t, NODE_LIST, err);
	case JSON_TEXT:
		TRY(check_text(r, err));
		return node_text(out, r->t, r->j.text, r->j.len, err);
	case JSON_NUMBER:
		TRY(node_new(out, r->t, NODE_INTEGER, err));
		return read_integer(r, &(*out)->integer, err);
	case JSON_TRUE:
	case JSON_FALSE:
		TRY(node_new(out, r->t, NODE_BOOL, err));
		(*out)->plain = event == JSON_TRUE;
		return WM_OK;
	default:
		return node_new(out, r->t, NODE_NULL, err);
	}
}

static enum wm_code read_value(struct reader *r, enum json_event event, struct wm_error *err)
{
	const bool opens = event == JSON_MAP || event == JSON_LIST;
	struct node *parent = r->open[r->j.depth - opens];
	struct node *n = NULL;

	TRY(new_node(r, event, &n, err));
	n->key = r->key;
	n->line = r->line;
	n->column = r->key ? r->column : (unsigned)(r->j.at - r->line_off) + 1;
	r->key = NULL;
	if (parent)
		node_append(parent, n);
	else
		r->root = n;
	if (opens)
		r->open[r->j.depth] = n;
	return WM_OK;
}

static enum wm_code end_map(const struct reader *r, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_MESSAGE);
	const struct node *twice;

	TRY(node_find_duplicate(&twice, r->open[r->j.depth + 1], err));
	if (!twice)
		return WM_OK;
	TRY(escape_quoted(&key, twice->key, strnlen(twice->key, 32), err));
	return fail(err, r->j.reason, "%s: byte %zu: the map that ends here has the key %s twice",
		    r->j.name, r->j.at, buf_str(&key));
}

enum wm_code json_read(struct tree *t, const void *data, size_t len, const char *name,
		       struct wm_error *err)
{
	__attribute__((cleanup(release))) struct reader r = {
		.j = json_parser(data, len, name), .t = t, .line = 1,
	};
	enum json_event event;

	for (;;) {
		TRY(json_next(&r.j, &event, err));
		locate(&r);
		if (event == JSON_END)
			break;
		if (event == JSON_KEY)
			TRY(read_key(&r, err));
		else if (event == JSON_MAP_END)
			TRY(end_map(&r, err));
		else if (event != JSON_LIST_END)
			TRY(read_value(&r, event, err));
	}
	t->root = r.root;
	return WM_OK;
}
