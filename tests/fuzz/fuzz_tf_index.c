/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes of TensorFlow checkpoints: the input as a file, and as the only block of a table
 * with correct checksums, which no mutation would keep. What is accepted has one segment, and
 * tensors elsewhere whose lengths are those of their shapes, each name once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format/format.h"
#include "util/file.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRAILER = 5, TABLE_MAX = 1 << 24 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void put(struct buf *out, const void *data, size_t len)
{
	require(buf_append(out, data, len, NULL) == WM_OK);
}

static void put_varint(struct buf *out, uint64_t value)
{
	for (; value > 127; value >>= 7)
		put(out, &(uint8_t){ (uint8_t)(value | 128) }, 1);
	put(out, &(uint8_t){ (uint8_t)value }, 1);
}

static void put_block(struct buf *out, const void *data, size_t len)
{
	const size_t at = out->len;
	uint32_t crc = UINT32_MAX;

	put(out, data, len);
	put(out, "", 1);
	for (size_t i = at; i < out->len; i++) {
		crc ^= out->data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	crc = (crc >> 15 | crc << 17) + 0xa282ead8u;
	for (int i = 0; i < 4; i++)
		put(out, &(uint8_t){ (uint8_t)(crc >> 8 * i) }, 1);
}

static void put_table(struct buf *out, const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = { 0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb };
	static const uint8_t empty[] = { 0, 0, 0, 0, 1, 0, 0, 0 };
	cleanup_buf struct buf handle = BUF_INIT(64), index = BUF_INIT(128);
	size_t at, footer;

	put_block(out, data, size);
	put_block(out, empty, sizeof(empty));
	at = out->len;
	put_varint(&handle, 0);
	put_varint(&handle, size);
	put(&index, "\0\1", 2);
	put_varint(&index, handle.len);
	put(&index, "\xff", 1);
	put(&index, handle.data, handle.len);
	put(&index, empty, sizeof(empty));
	put_block(out, index.data, index.len);
	footer = out->len;
	put_varint(out, size + TRAILER);
	put_varint(out, sizeof(empty));
	put_varint(out, at);
	put_varint(out, index.len);
	while (out->len < footer + 40)
		put(out, "", 1);
	put(out, magic, sizeof(magic));
}

static void check(const struct layout *l, size_t size)
{
	const struct external *last = NULL;

	require(l->size == size && l->slot_len == 0 && l->n_tensors == 0 && l->n_segments == 1);
	require(l->n_pieces == 1 && l->pieces[0].len == size);
	for (size_t i = 0; i < l->n_externals; i++) {
		const struct external *e = &l->externals[i];
		uint64_t n, len = 0;

		require(strncmp(e->path, "fuzz.data-", 10) == 0 && strlen(e->path) >= 24);
		require(e->off <= INT64_MAX && e->tensor.len <= INT64_MAX);
		if (!e->tensor.name)
			continue;
		require(tensor_elements(&e->tensor, &n) && dtype_len(&len, e->tensor.dtype, n));
		require(len == e->tensor.len && e->tensor.segment == SIZE_MAX);
		require(strlen(e->tensor.name) == e->tensor.name_len);
		require(utf8_valid((const uint8_t *)e->tensor.name, e->tensor.name_len));
		require(!last || tensor_compare_names(&last->tensor, &e->tensor) < 0);
		last = e;
	}
}

static void parse(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.index", &err) != WM_OK)
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	else if (l.format == &format_tf_index)
		check(&l, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf table = BUF_INIT(TABLE_MAX);

	parse(data, size);
	if (size < TABLE_MAX / 2) {
		put_table(&table, data, size);
		parse(table.data, table.len);
	}
	return 0;
}
