/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of statement: one table (docs/design.md, "Statements"). A reserved kind is named, so
 * that it is recognised and refused as such, and has no message yet.
 */
#ifndef STATEMENT_KIND_H
#define STATEMENT_KIND_H

#include <protobuf-c/protobuf-c.h>

#include "text/node.h"
#include "util/buf.h"

/* The newest minor version of the schema that this code knows. */
enum { SCHEMA_MINOR = 0 };

struct kind {
	const char *name;		/* "manifest" */
	const char *predicate_type;	/* "urn:weightmark:manifest:v1" */
	const ProtobufCMessageDescriptor *descriptor; /* NULL: reserved */
	const char *local_id_field; /* where authors write it; NULL: they do not write this kind */
	/* Appends that local id; nothing where the message has none. NULL as above. */
	enum wm_code (*local_id)(struct buf *out, const ProtobufCMessage *m, struct wm_error *err);
	/* Appends the in-toto subjects that a valid predicate implies to the LIST `subjects`. */
	enum wm_code (*subjects)(struct node *subjects, struct tree *t, const ProtobufCMessage *m,
				 struct wm_error *err);
};

/* All kinds; ends with a row whose name is NULL. Static. */
extern const struct kind kinds[];

/* By name or predicateType; NULL where there is none. */
const struct kind *kind_find(const char *name);
const struct kind *kind_of_predicate(const char *predicate_type);

/* The row of a message of `descriptor`, which must be of a kind. */
const struct kind *kind_of_message(const ProtobufCMessageDescriptor *descriptor);

#endif
