/* SPDX-License-Identifier: Apache-2.0 */
/* Reading protobuf messages field by field. */
#include "format/tf_proto.h"

enum { NUMBER_MAX = (1 << 29) - 1, VARINT_BYTES = 10 };

bool proto_varint(struct cursor *c, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES; i++) {
		const uint8_t *byte = cursor_take(c, 1);

		if (!byte || (i == VARINT_BYTES - 1 && *byte > 1))
			return false;
		value |= (uint64_t)(*byte & 0x7f) << (7 * i);
		if (*byte & 0x80)
			continue;
		*out = value;
		return *byte != 0 || i == 0;
	}
	return false;
}

static bool read_bytes(struct cursor *c, struct cursor *out)
{
	const uint8_t *bytes;
	uint64_t len;

	if (!proto_varint(c, &len) || len > cursor_left(c))
		return false;
	bytes = cursor_take(c, (size_t)len);
	*out = cursor_of(bytes, (size_t)len);
	return true;
}

bool proto_next(struct cursor *c, struct proto_field *out)
{
	struct proto_field f = { 0 };
	uint32_t word = 0;
	uint64_t tag;

	if (!proto_varint(c, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return false;
	f.number = (uint32_t)(tag >> 3);
	f.type = tag & 7;
	if (f.type == PROTO_VARINT) {
		if (!proto_varint(c, &f.value))
			return false;
	} else if (f.type == PROTO_FIXED64) {
		if (!cursor_u64le(c, &f.value))
			return false;
	} else if (f.type == PROTO_FIXED32) {
		if (!cursor_u32le(c, &word))
			return false;
		f.value = word;
	} else if (f.type != PROTO_BYTES || !read_bytes(c, &f.bytes)) {
		return false;
	}
	*out = f;
	return true;
}
