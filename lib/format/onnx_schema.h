/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of ONNX and their fields, after onnx.proto of onnx 1.20 (IR version 13).
 *
 * What is not in the table is refused, because a reader that knows more would see more.
 * Only format/onnx.c, which has the grammar on top, and its parts use this.
 */
#ifndef FORMAT_ONNX_SCHEMA_H
#define FORMAT_ONNX_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum onnx_type {
	ONNX_MODEL,
	ONNX_GRAPH,
	ONNX_NODE,
	ONNX_ATTRIBUTE,
	ONNX_TENSOR,
	ONNX_FUNCTION,
	ONNX_TRAINING_INFO,
	ONNX_ENTRY, /* StringStringEntryProto */
	ONNX_OPSET,
	ONNX_VALUE_INFO,
	ONNX_ANNOTATION,
	ONNX_TYPE,
	ONNX_TYPE_TENSOR, /* and SparseTensor, which is alike */
	ONNX_TYPE_NESTED, /* Sequence and Optional */
	ONNX_TYPE_MAP,
	ONNX_TYPE_OPAQUE,
	ONNX_SHAPE,
	ONNX_DIMENSION,
	ONNX_DEVICES,
	ONNX_NODE_DEVICES,
	ONNX_SHARDING,
	ONNX_GROUP,
	ONNX_SHARDED_DIM,
	ONNX_SIMPLE_DIM,
	N_ONNX_TYPES
};

enum onnx_kind {
	ONNX_INT,     /* a varint */
	ONNX_FIXED32,
	ONNX_FIXED64,
	ONNX_TEXT,    /* UTF-8 without NUL */
	ONNX_BYTES,
	ONNX_MESSAGE,
	ONNX_SPARSE,  /* a SparseTensorProto: refused */
};

enum { ONNX_NUMBER_MAX = 26 };

/* Numbers of fields that are looked into. */
enum {
	ONNX_MODEL_IR_VERSION = 1,
	ONNX_MODEL_GRAPH = 7,
	ONNX_MODEL_OPSET_IMPORT = 8,
	ONNX_MODEL_METADATA_PROPS = 14,
	ONNX_GRAPH_INITIALIZER = 5,
	ONNX_NODE_OP_TYPE = 4,
	ONNX_NODE_DOMAIN = 7,
	ONNX_NODE_OVERLOAD = 8,
	ONNX_FUNCTION_NAME = 1,
	ONNX_FUNCTION_DOMAIN = 10,
	ONNX_FUNCTION_OVERLOAD = 13,
	ONNX_ATTRIBUTE_NAME = 1,
	ONNX_ATTRIBUTE_TYPE = 20,
	ONNX_ENTRY_KEY = 1,
	ONNX_ENTRY_VALUE = 2,
	ONNX_TENSOR_DIMS = 1,
	ONNX_TENSOR_DATA_TYPE = 2,
	ONNX_TENSOR_FLOAT_DATA = 4,
	ONNX_TENSOR_INT32_DATA = 5,
	ONNX_TENSOR_STRING_DATA = 6,
	ONNX_TENSOR_INT64_DATA = 7,
	ONNX_TENSOR_NAME = 8,
	ONNX_TENSOR_RAW_DATA = 9,
	ONNX_TENSOR_DOUBLE_DATA = 10,
	ONNX_TENSOR_UINT64_DATA = 11,
	ONNX_TENSOR_EXTERNAL_DATA = 13,
	ONNX_TENSOR_DATA_LOCATION = 14,
};

struct onnx_field {
	const char *name;
	uint8_t number; /* 1 to ONNX_NUMBER_MAX */
	enum onnx_kind kind;
	bool repeated;
	enum onnx_type type; /* of a MESSAGE */
};

struct onnx_message {
	const char *name;
	const struct onnx_field *fields;
	size_t n_fields;
	uint32_t one_of; /* bits of numbers, of which at most one may be there */
};

/* The row of a type. Static. */
const struct onnx_message *onnx_message(enum onnx_type type);

/* The field of this number, or NULL. Static. */
const struct onnx_field *onnx_field(enum onnx_type type, uint64_t number);

/* The field of the value of an attribute of this AttributeType; 0: there is no such type. */
uint8_t onnx_attribute_field(uint64_t attribute_type);

#endif
