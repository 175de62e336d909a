/* SPDX-License-Identifier: Apache-2.0 */
/* Building and searching trees of values. */
#include "text/node.h"

#include <string.h>

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

void node_append(struct node *list, struct node *child)
{
	if (list->last)
		list->last->next = child;
	else
		list->first = child;
	list->last = child;
	list->len++;
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

	if (value > NODE_INTEGER_MAX)
		return fail(err, REASON_LIMIT, "%s: larger than 2^53 - 1", key);
	TRY(node_new(&child, t, NODE_INTEGER, err));
	child->integer = (int64_t)value;
	return node_set(map, t, key, child, err);
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

struct node *node_find(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (struct node *n = map->first; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
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
