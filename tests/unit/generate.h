/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema messages with random valid contents, the same in every run.
 *
 * The generator walks descriptors, so that a new field or message of the schema is
 * tested without a change here. A scalar without a row in generate.c fails the test.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "harness.h"
#include "statement/kind.h"
#include "util/arena.h"

struct generator {
	uint64_t state;	     /* not 0 */
	struct arena *arena; /* where the messages live */
};

uint64_t generate_u64(struct generator *g);
size_t generate_below(struct generator *g, size_t n);

/* Text that is hard to carry: quotes, line breaks, controls, look-alikes of other types. */
char *generate_text(struct generator *g);

/* A message of type `d` with some of its fields; no sealed values. */
ProtobufCMessage *generate_message(struct generator *g, const ProtobufCMessageDescriptor *d);

/* Withholds some values of `m`, which has a header; those that may not be are left. */
void generate_sealed(struct generator *g, ProtobufCMessage *m);

/* A message that statement_validate() accepts. */
ProtobufCMessage *generate_statement(struct generator *g, const struct kind *kind);

/*
 * Every message type with fields that the kinds, the reserved ones too, and sidecars are
 * made of; ends with NULL. Static.
 */
const ProtobufCMessageDescriptor *const *generate_descriptors(void);

/* Whether documents carry messages of type `d`: no field of bytes outside of scalars. */
bool generate_is_document(const ProtobufCMessageDescriptor *d);

#endif
