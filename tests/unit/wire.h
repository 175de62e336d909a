/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf written by hand, so that it can be wrong. */
#ifndef WIRE_H
#define WIRE_H

#include "harness.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Appends a varint; padded by `extra` needless bytes. */
void wire_varint(struct buf *out, uint64_t value, size_t extra);

/* Appends the key of a field. */
void wire_key(struct buf *out, uint32_t number, enum wire_type type);

/* Appends field `number` of bytes, text or an inner message. */
void wire_bytes(struct buf *out, uint32_t number, const void *data, size_t len);
void wire_text(struct buf *out, uint32_t number, const char *text);
void wire_buf(struct buf *out, uint32_t number, const struct buf *inner);

/* Appends raw bytes. */
void wire_raw(struct buf *out, const void *data, size_t len);

#endif
