/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files that tests make: fields in the wire form of protocol buffers. */
#ifndef MADE_ONNX_H
#define MADE_ONNX_H

#include "made.h"

void made_varint(struct buf *out, uint64_t value);
void made_int(struct buf *out, unsigned number, uint64_t value);
void made_text(struct buf *out, unsigned number, const char *text);

/* A field of wire type 2. */
void made_field(struct buf *out, unsigned number, const struct buf *bytes);

/* A TensorProto of that name and of `n` values of a type that begins with `data_type`. */
void made_tensor(struct buf *out, const char *name, unsigned data_type, uint64_t n);

/* A model of version 8 around the fields of a graph. */
void made_model(struct buf *out, const struct buf *graph);

/* The same around initializers of one TensorProto each. */
void made_onnx(struct buf *out, const struct buf *tensors, size_t n);

/* A model of `n` tensors "layer.I.weight" of one byte each, in no order of their names. */
void made_onnx_many(struct buf *out, size_t n);

/* A model of one tensor "a" of four bytes. */
void made_onnx_good(struct buf *out);

#endif
