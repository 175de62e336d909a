/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf messages as TensorFlow's files have them, field by field.
 *
 *	message = ( tag value )*
 *	tag     = varint number << 3 | type; numbers from 1 to 2^29 - 1
 *	value   = type 0: varint; 1: 8 bytes; 2: varint length, bytes; 5: 4 bytes
 *	varint  = base 128, low bits first, below 2^64, as short as can be
 *
 * Only lib/format/tf_*.c use this.
 */
#ifndef FORMAT_TF_PROTO_H
#define FORMAT_TF_PROTO_H

#include "util/cursor.h"

enum { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

struct proto_field {
	uint32_t number;
	unsigned type;
	uint64_t value;	    /* of all types but PROTO_BYTES */
	struct cursor bytes; /* of PROTO_BYTES */
};

/* Reads a varint; false where it does not keep the grammar above. */
bool proto_varint(struct cursor *c, uint64_t *out);

/* Reads the next field of a message that goes on; false where it does not keep the grammar. */
bool proto_next(struct cursor *c, struct proto_field *out);

#endif
