/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document as a tree of values: what JSON and YAML texts have in common.
 *
 * Readers (json_read, yaml_read) make trees, writers (json_write, yaml_write)
 * print them, and lib/statement maps them to and from schema messages. Nodes live
 * in the tree's arena. A plain YAML scalar stays text: the schema, not the
 * spelling, decides what `no` or `1.10` means.
 */
#ifndef TEXT_NODE_H
#define TEXT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/error.h"
#include "util/limits.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INTEGER, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool plain;	    /* TEXT: an unquoted YAML scalar; BOOL: the value */
	unsigned line;	    /* where it (in a MAP: its key) was read, from 1; 0: it was made */
	unsigned column;
	int64_t integer;    /* INTEGER: |value| <= 2^53 - 1 */
	const char *text;   /* TEXT: UTF-8 without NUL, zero-terminated */
	size_t len;	    /* TEXT: bytes; LIST, MAP: children */
	const char *key;    /* in a MAP: its key, UTF-8 without NUL */
	struct node *first; /* LIST, MAP: children in order */
	struct node *last;
	struct node *next;  /* the next sibling */
};

/* A document, or the several documents of one YAML stream (a LIST of them). */
struct tree {
	struct arena arena;
	struct node *root;
	size_t n_nodes; /* <= LIMIT_NODES */
};

#define TREE_INIT { ARENA_INIT(LIMIT_DECODE_MEMORY), NULL, 0 }

void tree_release(struct tree *t);
#define cleanup_tree __attribute__((cleanup(tree_release)))

/* Largest integer that JSON carries exactly everywhere (RFC 7493 section 2.2). */
#define NODE_INTEGER_MAX INT64_C(9007199254740991)

/* New nodes, attached nowhere. `node_text` copies; fails `limit`, `no-memory`. */
MUST_USE enum wm_code node_new(struct node **out, struct tree *t, enum node_kind kind,
			       struct wm_error *err);
MUST_USE enum wm_code node_text(struct node **out, struct tree *t, const char *text, size_t len,
				struct wm_error *err);

/* A new INTEGER. Fails with `limit` above 2^53 - 1. */
MUST_USE enum wm_code node_integer(struct node **out, struct tree *t, uint64_t value,
				   struct wm_error *err);

/* Appends `child` to the LIST `list`. */
void node_append(struct node *list, struct node *child);

/* node_new(), then node_append(). */
MUST_USE enum wm_code node_append_new(struct node **out, struct node *list, struct tree *t,
				      enum node_kind kind, struct wm_error *err);

/* Appends `child` to the MAP `map` under `key`, which is copied. Duplicates are not looked for. */
MUST_USE enum wm_code node_set(struct node *map, struct tree *t, const char *key,
			       struct node *child, struct wm_error *err);

/* A new node, then node_set(): for building output in one line each. */
MUST_USE enum wm_code node_set_text(struct node *map, struct tree *t, const char *key,
				    const char *text, struct wm_error *err);
MUST_USE enum wm_code node_set_integer(struct node *map, struct tree *t, const char *key,
				       uint64_t value, struct wm_error *err);
MUST_USE enum wm_code node_set_bool(struct node *map, struct tree *t, const char *key, bool value,
				    struct wm_error *err);
MUST_USE enum wm_code node_set_hex(struct node *map, struct tree *t, const char *key,
				   const uint8_t *data, size_t len, struct wm_error *err);
MUST_USE enum wm_code node_set_new(struct node **out, struct node *map, struct tree *t,
				   const char *key, enum node_kind kind, struct wm_error *err);

/*
 * The same for text that may not be UTF-8, a path or a message: it is escaped then
 * (util/escape.h), and kept as it is otherwise.
 */
MUST_USE enum wm_code node_shown(struct node **out, struct tree *t, const char *text,
				 struct wm_error *err);
MUST_USE enum wm_code node_set_shown(struct node *map, struct tree *t, const char *key,
				     const char *text, struct wm_error *err);

/* The child of MAP `map` under `key`, or NULL. Borrowed from the tree. */
struct node *node_find(const struct node *map, const char *key);

/* The same, taken out of the map. */
struct node *node_take(struct node *map, const char *key);

/*
 * Stores an array of the `map->len` children of MAP `map`, sorted by the UTF-16 code
 * units of their keys (RFC 8785 section 3.2.3), for the caller to free().
 */
MUST_USE enum wm_code node_sorted(const struct node ***out, const struct node *map,
				  struct wm_error *err);

/* Stores a child of MAP `map` whose key another child before it has, or NULL. n log n. */
MUST_USE enum wm_code node_find_duplicate(const struct node **out, const struct node *map,
					  struct wm_error *err);

/* "text", "a list", ... for messages. Static. */
const char *node_kind_name(enum node_kind kind);

#endif
