/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files that tests make; see made_onnx.h. */
#include "made_onnx.h"

#include <stdio.h>

static void append(struct buf *out, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, data, len, &err), &err);
}

void made_varint(struct buf *out, uint64_t value)
{
	uint8_t byte;

	for (; value > 0x7f; value >>= 7) {
		byte = (uint8_t)(value | 0x80);
		append(out, &byte, 1);
	}
	byte = (uint8_t)value;
	append(out, &byte, 1);
}

void made_int(struct buf *out, unsigned number, uint64_t value)
{
	made_varint(out, (uint64_t)number << 3);
	made_varint(out, value);
}

void made_text(struct buf *out, unsigned number, const char *text)
{
	made_varint(out, (uint64_t)number << 3 | 2);
	made_varint(out, strlen(text));
	append(out, text, strlen(text));
}

void made_field(struct buf *out, unsigned number, const struct buf *bytes)
{
	made_varint(out, (uint64_t)number << 3 | 2);
	made_varint(out, bytes->len);
	append(out, bytes->data, bytes->len);
}

void made_tensor(struct buf *out, const char *name, unsigned data_type, uint64_t n)
{
	made_int(out, 1, n);
	made_int(out, 2, data_type);
	made_text(out, 8, name);
}

void made_model(struct buf *out, const struct buf *graph)
{
	cleanup_buf struct buf opset = BUF_INIT(16);

	made_int(&opset, 2, 13);
	made_int(out, 1, 8);
	made_field(out, 8, &opset);
	made_field(out, 7, graph);
}

void made_onnx(struct buf *out, const struct buf *tensors, size_t n)
{
	cleanup_buf struct buf graph = BUF_INIT(SIZE_MAX / 4);

	for (size_t i = 0; i < n; i++)
		made_field(&graph, 5, &tensors[i]);
	made_model(out, &graph);
}

void made_onnx_many(struct buf *out, size_t n)
{
	cleanup_buf struct buf graph = BUF_INIT(1 << 26);

	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf tensor = BUF_INIT(1 << 10);
		char name[64];

		snprintf(name, sizeof(name), "layer.%zu.weight", i * 7919 % n);
		made_tensor(&tensor, name, 2, 1);
		made_text(&tensor, 9, "d");
		made_field(&graph, 5, &tensor);
	}
	made_model(out, &graph);
}

void made_onnx_good(struct buf *out)
{
	cleanup_buf struct buf tensor = BUF_INIT(64);

	made_tensor(&tensor, "a", 2, 4);
	made_text(&tensor, 9, "data");
	made_onnx(out, &tensor, 1);
}
