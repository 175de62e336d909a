/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf by hand; see wire.h. */
#include "wire.h"

void wire_raw(struct buf *out, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, data, len, &err), &err);
}

void wire_varint(struct buf *out, uint64_t value, size_t extra)
{
	uint8_t byte;

	do {
		byte = (uint8_t)(value & 0x7F);
		value >>= 7;
		if (value || extra)
			byte |= 0x80;
		wire_raw(out, &byte, 1);
	} while (value);
	for (; extra > 0; extra--) {
		byte = extra > 1 ? 0x80 : 0;
		wire_raw(out, &byte, 1);
	}
}

void wire_key(struct buf *out, uint32_t number, enum wire_type type)
{
	wire_varint(out, (uint64_t)number << 3 | type, 0);
}

void wire_bytes(struct buf *out, uint32_t number, const void *data, size_t len)
{
	wire_key(out, number, WIRE_BYTES);
	wire_varint(out, len, 0);
	wire_raw(out, data, len);
}

void wire_text(struct buf *out, uint32_t number, const char *text)
{
	wire_bytes(out, number, text, strlen(text));
}

void wire_buf(struct buf *out, uint32_t number, const struct buf *inner)
{
	wire_bytes(out, number, inner->data, inner->len);
}
