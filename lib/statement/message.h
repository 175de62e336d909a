/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema messages in memory and as canonical protobuf bytes.
 *
 * Messages are the structs that protoc-c generates, used as plain data; each lives in
 * an arena, which is also the allocator that counts what decoding takes. Canonical
 * bytes are what this encoder writes: fields in order, no unknown ones, shortest
 * forms. Decoding accepts nothing else.
 */
#ifndef STATEMENT_MESSAGE_H
#define STATEMENT_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "util/arena.h"
#include "util/buf.h"

/* A new message of type `d` without any field. */
MUST_USE enum wm_code message_new(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
				  struct arena *a, struct wm_error *err);

/*
 * Decodes canonical bytes. Refused with `reason`: anything that does not encode to the
 * same bytes (duplicate scalars, overlong varints, other field order), unknown fields
 * at any depth, enum values and scalars outside their sets, text that is not UTF-8 or
 * holds NUL. Refused with `limit`: more memory than `a` may give.
 */
MUST_USE enum wm_code message_decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
				     struct arena *a, const void *data, size_t len,
				     enum reason reason, struct wm_error *err);

/* Appends the canonical bytes of `m`, whose required fields must be set. */
MUST_USE enum wm_code message_encode(struct buf *out, const ProtobufCMessage *m,
				     struct wm_error *err);

/*
 * The one place that knows how protobuf-c lays out fields. The place of field `f`: of
 * its value, or of the pointer to its array where it is repeated.
 */
void *field_place(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* The header of messages of type `d`, or NULL where they are of no kind. */
const ProtobufCFieldDescriptor *header_field(const ProtobufCMessageDescriptor *d);

/* How many values field `f` has: 0 or 1, or the length of a repeated field. */
size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* The place of value `i` < field_count() of field `f`. */
const void *field_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i);

/* Makes room for `n` values in field `f` of a new message (n is 1 unless repeated). */
MUST_USE enum wm_code field_reserve(void **values, ProtobufCMessage *m,
				    const ProtobufCFieldDescriptor *f, size_t n, struct arena *a,
				    struct wm_error *err);

/* Sizes in bytes of one value as it lies in memory. */
size_t field_value_size(const ProtobufCFieldDescriptor *f);

/* The sub-message at the place `value` of a message field. */
const ProtobufCMessage *value_message(const void *value);

/* Calls `visit` for `m` and every message below it, stopping at the first failure. */
typedef enum wm_code message_visitor(const ProtobufCMessage *m, const void *context,
				     struct wm_error *err);
MUST_USE enum wm_code message_walk(const ProtobufCMessage *m, message_visitor *visit,
				   const void *context, struct wm_error *err);

#endif
