/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one mapping between schema messages and trees of values, driven by descriptors:
 * what JSON carries, what people write in YAML, what `show` prints.
 *
 * Keys are the schema's field names. A message is a map, a semantic scalar its text, an
 * enum the name of its value, an integer a number of at most 53 bits, a repeated field
 * a list. Absent fields have no key; an empty list does not exist. A map with the sole
 * key `sealed` stands for a value that is withheld: it is kept as (pointer, digest) in
 * the statement's header, in order of pointers, and written back at its place.
 */
#ifndef STATEMENT_MAPPING_H
#define STATEMENT_MAPPING_H

#include <protobuf-c/protobuf-c.h>

#include "text/node.h"

struct mapping {
	const char *name;     /* of the document, for messages; borrowed */
	enum reason reason;   /* what a mistake in the document fails with */
	bool plain_numbers;   /* integers may be unquoted text (YAML) */
	bool ignore_unknown;  /* keys and words that the schema does not know are passed over */
	struct arena *arena;  /* where the message is made */
};

/*
 * Makes a message of type `d` from the MAP `n`. A mistake fails with document, line
 * where there is one, field, and the nearest valid name, or all where none is near.
 */
MUST_USE enum wm_code mapping_read(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
				   const struct node *n, const struct mapping *m,
				   struct wm_error *err);

/* Makes the tree of `message`, its root a MAP of `t`. */
MUST_USE enum wm_code mapping_write(struct node **out, struct tree *t,
				    const ProtobufCMessage *message, struct wm_error *err);

/* Whether `name` of field `f` is kept out of documents: the header's list of sealed values. */
bool mapping_hides(const ProtobufCFieldDescriptor *f);

#endif
