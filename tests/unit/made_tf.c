/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes of TensorFlow checkpoints that tests make; see made_tf.h. */
#include "made_tf.h"

#include <stdio.h>

enum { MADE_MAX = 1 << 26, FOOTER_HANDLES = 40 };

static void put(struct buf *out, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, data, len, &err), &err);
}

static void put_u32(struct buf *out, uint32_t value)
{
	const uint8_t bytes[] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 24) };

	put(out, bytes, sizeof(bytes));
}

void made_tf_varint(struct buf *out, uint64_t value)
{
	for (; value > 127; value >>= 7)
		put(out, &(uint8_t){ (uint8_t)(value | 128) }, 1);
	put(out, &(uint8_t){ (uint8_t)value }, 1);
}

/* Bit by bit, unlike the one that is tested. */
static uint32_t checksum(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* Appends a block and its trailer. */
static void put_block(struct buf *out, const struct buf *block)
{
	const size_t at = out->len;

	put(out, block->data, block->len);
	put(out, "", 1);
	put_u32(out, checksum(out->data + at, block->len + 1));
}

void made_tf_pair(struct buf *block, const void *key, size_t key_len, const void *value,
		  size_t len)
{
	made_tf_varint(block, 0);
	made_tf_varint(block, key_len);
	made_tf_varint(block, len);
	put(block, key, key_len);
	put(block, value, len);
}

void made_tf_restarts(struct buf *block, const uint32_t *offs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_u32(block, offs[i]);
	put_u32(block, (uint32_t)n);
}

void made_tf_table(struct buf *out, const void *bytes, size_t len)
{
	static const uint8_t magic[] = { 0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb };
	cleanup_buf struct buf block = BUF_INIT(MADE_MAX), value = BUF_INIT(64);
	const size_t start = out->len;
	size_t meta, index, footer;

	put(&block, bytes, len);
	put_block(out, &block);
	meta = out->len - start;
	buf_truncate(&block, 0);
	made_tf_restarts(&block, &(uint32_t){ 0 }, 1);
	put_block(out, &block);
	index = out->len - start;
	buf_truncate(&block, 0);
	made_tf_varint(&value, 0);
	made_tf_varint(&value, len);
	made_tf_pair(&block, "\xff", 1, value.data, value.len);
	made_tf_restarts(&block, &(uint32_t){ 0 }, 1);
	put_block(out, &block);
	footer = out->len;
	made_tf_varint(out, meta);
	made_tf_varint(out, index - meta - 5);
	made_tf_varint(out, index);
	made_tf_varint(out, footer - start - index - 5);
	while (out->len < footer + FOOTER_HANDLES)
		put(out, "", 1);
	put(out, magic, sizeof(magic));
}

static void put_number(struct buf *out, uint8_t number, uint64_t value)
{
	put(out, &(uint8_t){ (uint8_t)(number << 3) }, 1);
	made_tf_varint(out, value);
}

static void put_entry(struct buf *block, const struct made_tf_entry *e)
{
	cleanup_buf struct buf size = BUF_INIT(64), shape = BUF_INIT(64), value = BUF_INIT(256);

	put_number(&size, 1, e->dim);
	put(&shape, "\x12", 1);
	made_tf_varint(&shape, size.len);
	put(&shape, size.data, size.len);
	put_number(&value, 1, e->dtype);
	put(&value, "\x12", 1);
	made_tf_varint(&value, shape.len);
	put(&value, shape.data, shape.len);
	put_number(&value, 3, e->shard);
	put_number(&value, 4, e->off);
	put_number(&value, 5, e->len);
	made_tf_pair(block, e->name, strlen(e->name), value.data, value.len);
}

static void put_header(struct buf *block, unsigned n_shards)
{
	cleanup_buf struct buf header = BUF_INIT(64);

	put_number(&header, 1, n_shards);
	put(&header, "\x1a\x02\x08\x01", 4);
	made_tf_pair(block, "", 0, header.data, header.len);
}

void made_tf_index(struct buf *out, unsigned n_shards, const struct made_tf_entry *entries)
{
	cleanup_buf struct buf block = BUF_INIT(MADE_MAX);
	uint32_t offs[256] = { 0 };
	size_t n = 1;

	put_header(&block, n_shards);
	for (; entries->name; entries++) {
		offs[n++] = (uint32_t)block.len;
		put_entry(&block, entries);
	}
	made_tf_restarts(&block, offs, n);
	made_tf_table(out, block.data, block.len);
}

void made_tf_many(struct buf *out, size_t n)
{
	cleanup_buf struct buf block = BUF_INIT(MADE_MAX);
	uint32_t *offs = calloc(n + 1, sizeof(*offs));
	char name[32];

	assert_non_null(offs);
	put_header(&block, 1);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "v/%06zu", i);
		offs[i + 1] = (uint32_t)block.len;
		put_entry(&block, &(struct made_tf_entry){ name, MADE_TF_U8, 1, 0, i, 1 });
	}
	made_tf_restarts(&block, offs, n + 1);
	free(offs);
	made_tf_table(out, block.data, block.len);
}
