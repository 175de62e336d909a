/* SPDX-License-Identifier: Apache-2.0 */
/* Building and searching trees of values. */
#include "text/node.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/escape.h"
#include "util/utf8.h"

void tree_release(struct tree *t)
{
	arena_release(&t->arena);
	t->root = NULL;
	t->n_nodes = 0;
}

enum wm_code node_new(struct node **out, struct tree *t, enum node_kind kind,
		      struct wm_error *err)
{
	void *memory = NULL;
	struct node *n;

	if (t->n_nodes >= LIMIT_NODES)
		return fail(err, REASON_LIMIT, "more than %d values in one document", LIMIT_NODES);
	TRY(arena_alloc(&memory, &t->arena, sizeof(*n), err));
	t->n_nodes++;
	n = memory;
	n->kind = kind;
	if (kind == NODE_TEXT)
		n->text = "";
	*out = n;
	return WM_OK;
}

enum wm_code node_text(struct node **out, struct tree *t, const char *text, size_t len,
		       struct wm_error *err)
{
	struct node *n = NULL;
	char *copy = NULL;

	TRY(node_new(&n, t, NODE_TEXT, err));
	TRY(arena_copy(&copy, &t->arena, text, len, err));
	n->text = copy;
	n->len = len;
	*out = n;
	return WM_OK;
}

enum wm_code node_integer(struct node **out, struct tree *t, uint64_t value, struct wm_error *err)
{
	if (value > NODE_INTEGER_MAX)
		return fail(err, REASON_LIMIT, "%llu is larger than 2^53 - 1",
			    (unsigned long long)value);
	TRY(node_new(out, t, NODE_INTEGER, err));
	(*out)->integer = (int64_t)value;
	return WM_OK;
}

void node_append(struct node *list, struct node *child)
{
	if (list->last)
		list->last->next = child;
	else
		list->first = child;
	list->last = child;
	list->len++;
}

enum wm_code node_append_new(struct node **out, struct node *list, struct tree *t,
			     enum node_kind kind, struct wm_error *err)
{
	TRY(node_new(out, t, kind, err));
	node_append(list, *out);
	return WM_OK;
}

enum wm_code node_set(struct node *map, struct tree *t, const char *key, struct node *child,
		      struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, &t->arena, key, strlen(key), err));
	child->key = copy;
	node_append(map, child);
	return WM_OK;
}

enum wm_code node_set_text(struct node *map, struct tree *t, const char *key, const char *text,
			   struct wm_error *err)
{
	struct node *child = NULL;

	TRY(node_text(&child, t, text, strlen(text), err));
	return node_set(map, t, key, child, err);
}

enum wm_code node_set_integer(struct node *map, struct tree *t, const char *key, uint64_t value,
			      struct wm_error *err)
{
	struct node *child = NULL;

	TRY(node_integer(&child, t, value, err));
	return node_set(map, t, key, child, err);
}

enum wm_code node_set_hex(struct node *map, struct tree *t, const char *key, const uint8_t *data,
			  size_t len, struct wm_error *err)
{
	cleanup_buf struct buf hex = BUF_INIT(2 * len);

	TRY(buf_append_hex(&hex, data, len, err));
	return node_set_text(map, t, key, buf_str(&hex), err);
}

enum wm_code node_set_bool(struct node *map, struct tree *t, const char *key, bool value,
			   struct wm_error *err)
{
	struct node *child = NULL;

	TRY(node_new(&child, t, NODE_BOOL, err));
	child->plain = value;
	return node_set(map, t, key, child, err);
}

enum wm_code node_set_new(struct node **out, struct node *map, struct tree *t, const char *key,
			  enum node_kind kind, struct wm_error *err)
{
	struct node *child = NULL;

	TRY(node_new(&child, t, kind, err));
	TRY(node_set(map, t, key, child, err));
	*out = child;
	return WM_OK;
}

enum wm_code node_shown(struct node **out, struct tree *t, const char *text, struct wm_error *err)
{
	size_t len = strlen(text);
	cleanup_buf struct buf escaped = BUF_INIT(6 * len); /* "\\u{7f}" a byte at most */

	if (utf8_valid((const uint8_t *)text, len))
		return node_text(out, t, text, len, err);
	TRY(escape_append(&escaped, text, len, err));
	return node_text(out, t, buf_str(&escaped), escaped.len, err);
}

enum wm_code node_set_shown(struct node *map, struct tree *t, const char *key, const char *text,
			    struct wm_error *err)
{
	struct node *child = NULL;

	TRY(node_shown(&child, t, text, err));
	return node_set(map, t, key, child, err);
}

struct node *node_find(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (struct node *n = map->first; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

struct node *node_take(struct node *map, const char *key)
{
	struct node *taken = node_find(map, key), **link = &map->first;

	if (!taken)
		return NULL;
	map->last = NULL;
	for (struct node *n = map->first; n; n = n->next) {
		if (n == taken)
			continue;
		*link = map->last = n;
		link = &n->next;
	}
	*link = taken->next = NULL;
	map->len--;
	return taken;
}

/*
 * UTF-8 sorts as code points do; UTF-16 differs in that surrogates (above U+FFFF in
 * UTF-8: lead bytes from F0) come before U+E000 to U+FFFF (lead bytes EE and EF).
 */
static int compare_keys(const char *a, const char *b)
{
	const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;

	while (*p == *q && *p)
		p++, q++;
	return (*p == 0xEE || *p == 0xEF ? *p + 0x10 : *p) -
	       (*q == 0xEE || *q == 0xEF ? *q + 0x10 : *q);
}

static int compare_children(const void *a, const void *b)
{
	const struct node *const *p = a, *const *q = b;

	return compare_keys((*p)->key, (*q)->key);
}

enum wm_code node_sorted(const struct node ***out, const struct node *map, struct wm_error *err)
{
	const struct node **sorted = calloc(map->len + 1, sizeof(const struct node *));
	size_t i = 0;

	if (!sorted)
		return fail_nomem(err);
	for (const struct node *n = map->first; n; n = n->next)
		sorted[i++] = n;
	qsort(sorted, i, sizeof(const struct node *), compare_children);
	*out = sorted;
	return WM_OK;
}

static bool is_ascending(const struct node *map)
{
	for (const struct node *n = map->first; n && n->next; n = n->next)
		if (compare_keys(n->key, n->next->key) >= 0)
			return false;
	return true;
}

static const struct node *later(const struct node *a, const struct node *b)
{
	if (a->line != b->line)
		return a->line > b->line ? a : b;
	return a->column > b->column ? a : b;
}

enum wm_code node_find_duplicate(const struct node **out, const struct node *map,
				 struct wm_error *err)
{
	cleanup_free const struct node **sorted = NULL;

	*out = NULL;
	if (is_ascending(map))
		return WM_OK;
	TRY(node_sorted(&sorted, map, err));
	for (size_t i = 1; i < map->len && !*out; i++)
		if (compare_keys(sorted[i - 1]->key, sorted[i]->key) == 0)
			*out = later(sorted[i - 1], sorted[i]);
	return WM_OK;
}

const char *node_kind_name(enum node_kind kind)
{
	switch (kind) {
	case NODE_NULL:
		return "nothing";
	case NODE_BOOL:
		return "true or false";
	case NODE_INTEGER:
		return "a number";
	case NODE_TEXT:
		return "text";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a map";
	}
	return "an unknown kind";
}
