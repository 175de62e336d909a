/* SPDX-License-Identifier: Apache-2.0 */
/* A small valid statement of each kind, and changing it at one place. */
#ifndef STATEMENTS_H
#define STATEMENTS_H

#include "harness.h"

#include "statement/statement.h"
#include "text/node.h"

#define HEX16 "00112233445566778899aabbccddeeff"
#define HEX32 HEX16 HEX16

/* One change: the value at a JSON pointer becomes `json`, or goes away where that is NULL. */
struct edit {
	const char *pointer; /* NULL: no change; a last "-" appends to a list */
	const char *json;
};

/* The predicate of a valid statement of `kind`. */
struct node *statements_predicate(struct tree *t, const char *kind);

/* The whole of a valid statement. */
struct node *statements_root(struct tree *t, const char *kind);

void statements_edit(struct node *root, struct tree *t, const struct edit *e);

/* Maps and encodes the edited predicate. */
enum wm_code statements_encode(struct buf *payload, const char *kind, const struct edit *e,
			       struct wm_error *err);

/* Writes the edited whole as canonical JSON, whatever it says, and decodes that. */
enum wm_code statements_decode(struct statement **out, const char *kind, const struct edit *e,
			       struct wm_error *err);

#endif
