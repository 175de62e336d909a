/* SPDX-License-Identifier: Apache-2.0 */
/* Reading LevelDB tables strictly; grammar in tf_table.h. */
#include "format/tf_table.h"

#include <string.h>

#include "format/tf_proto.h"

enum { TRAILER_BYTES = 5, HANDLES_BYTES = 40, RESTART_BYTES = 4 };
#define MAGIC UINT64_C(0xdb4775248b80fb57)

void tf_table_release(struct tf_table *t)
{
	buf_release(&t->index.key);
	buf_release(&t->entries.key);
}

static enum wm_code malformed(const struct tf_table *t, const char *what, struct wm_error *err)
{
	return fail(err, REASON_TF_MALFORMED, "%s: %s", t->name, what);
}

/* --- checksums ----------------------------------------------------------------------- */

/* CRC-32C (RFC 3720, appendix B.4), four bits at a time. */
static uint32_t crc32c(const uint8_t *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* As LevelDB stores them, lest there be checksums of checksums. */
static uint32_t mask(uint32_t crc)
{
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* --- blocks -------------------------------------------------------------------------- */

static void next_restart(struct tf_block *b)
{
	if (!cursor_u32le(&b->restarts, &b->restart))
		b->restart = UINT32_MAX;
}

/* Opens the block of `len` bytes at `off`, which a trailer follows before `end`. */
static enum wm_code open_block(struct tf_block *b, const struct tf_table *t, uint64_t off,
			       uint64_t len, size_t end, struct wm_error *err)
{
	struct cursor c;
	uint32_t n = 0, crc = 0;

	if (off > end || end - off < TRAILER_BYTES || len != end - off - TRAILER_BYTES)
		return malformed(t, "a block that does not lie where it should", err);
	c = cursor_of(t->data + off, end - (size_t)off);
	cursor_take(&c, (size_t)len);
	if (*cursor_take(&c, 1) != 0)
		return fail(err, REASON_TF_COMPRESSED, "%s: the block at byte %llu is compressed",
			    t->name, (unsigned long long)off);
	cursor_u32le(&c, &crc);
	if (crc != mask(crc32c(t->data + off, (size_t)len + 1)))
		return fail(err, REASON_TF_CHECKSUM, "%s: the block at byte %llu", t->name,
			    (unsigned long long)off);
	if (len < 2 * RESTART_BYTES)
		return malformed(t, "a block without room for its restarts", err);
	c = cursor_of(t->data + off + len - RESTART_BYTES, RESTART_BYTES);
	cursor_u32le(&c, &n);
	if (n == 0 || n > len / RESTART_BYTES - 1 || len > UINT32_MAX)
		return malformed(t, "a block with no restarts, or more than it can have", err);
	len -= (uint64_t)(n + 1) * RESTART_BYTES;
	b->entries = cursor_of(t->data + off, (size_t)len);
	b->restarts = cursor_of(t->data + off + len, (size_t)n * RESTART_BYTES);
	b->n_entries = 0;
	next_restart(b);
	return WM_OK;
}

/* A length within an entry: at most `max`. */
static bool read_len(struct cursor *c, size_t max, size_t *out)
{
	uint64_t value;

	if (!proto_varint(c, &value) || value > max)
		return false;
	*out = (size_t)value;
	return true;
}

/* What stands behind the last entry: no further restart. */
static enum wm_code check_end(const struct tf_block *b, const struct tf_table *t,
			      struct wm_error *err)
{
	const bool empty = b->n_entries == 0 && b->restart == 0 && cursor_left(&b->restarts) == 0;

	if (b->restart != UINT32_MAX && !empty)
		return malformed(t, "a restart where no entry is", err);
	return WM_OK;
}

/* Reads the next entry of a block that goes on. */
static enum wm_code next_entry(struct tf_block *b, const struct tf_table *t, bool first,
			       struct wm_error *err)
{
	const bool whole = b->restart == b->entries.off;
	struct cursor *c = &b->entries;
	size_t shared, unshared, len, common;
	const uint8_t *rest;
	int order;

	if (!read_len(c, b->key.len, &shared) || !read_len(c, UINT32_MAX, &unshared) ||
	    !read_len(c, UINT32_MAX, &len))
		return malformed(t, "an entry whose lengths do not fit", err);
	if (whole ? shared != 0 : b->n_entries == 0 || b->restart < b->entries.off)
		return malformed(t, "a restart where no whole key is", err);
	rest = cursor_take(c, unshared);
	if (!rest || !cursor_take(c, len))
		return malformed(t, "an entry beyond its block", err);
	b->value = cursor_of(rest + unshared, len);
	common = b->key.len - shared < unshared ? b->key.len - shared : unshared;
	order = memcmp(b->key.data + shared, rest, common);
	if (!first && (order > 0 || (order == 0 && unshared <= b->key.len - shared)))
		return malformed(t, "keys that do not ascend", err);
	buf_truncate(&b->key, shared);
	TRY(buf_append(&b->key, rest, unshared, err));
	if (whole)
		next_restart(b);
	b->n_entries++;
	return WM_OK;
}

/* --- tables -------------------------------------------------------------------------- */

bool tf_table_ends(const uint8_t *footer)
{
	struct cursor c = cursor_of(footer + HANDLES_BYTES, 8);
	uint64_t magic = 0;

	return cursor_u64le(&c, &magic) && magic == MAGIC;
}

enum wm_code tf_table_open(struct tf_table *t, const void *data, size_t len, const char *name,
			   struct wm_error *err)
{
	static const uint8_t zeros[HANDLES_BYTES];
	uint64_t meta = 0, meta_len = 0, index = 0, index_len = 0;
	struct cursor c;
	size_t left;

	t->name = name;
	t->data = data;
	t->len = len;
	if (len < TF_FOOTER_BYTES || !tf_table_ends(t->data + len - TF_FOOTER_BYTES))
		return malformed(t, "is no table", err);
	c = cursor_of(t->data + len - TF_FOOTER_BYTES, HANDLES_BYTES);
	if (!proto_varint(&c, &meta) || !proto_varint(&c, &meta_len) || !proto_varint(&c, &index) ||
	    !proto_varint(&c, &index_len))
		return malformed(t, "a footer without two handles", err);
	left = cursor_left(&c);
	if (memcmp(cursor_take(&c, left), zeros, left) != 0)
		return malformed(t, "a footer whose padding is not 0", err);
	if (index > len - TF_FOOTER_BYTES)
		return malformed(t, "a block that does not lie where it should", err);
	TRY(open_block(&t->index, t, index, index_len, len - TF_FOOTER_BYTES, err));
	TRY(open_block(&t->entries, t, meta, meta_len, (size_t)index, err));
	if (t->entries.entries.len > 0)
		return malformed(t, "blocks of metadata, which TensorFlow does not write", err);
	TRY(check_end(&t->entries, t, err));
	t->at = 0;
	t->end = (size_t)meta;
	return WM_OK;
}

/* The order of the key of the index that was read last and another key. */
static int compare_to_index(const struct tf_table *t, const uint8_t *key, size_t len)
{
	const struct buf *k = &t->index.key;
	int order = memcmp(k->data, key, k->len < len ? k->len : len);

	return order ? order : (k->len > len) - (k->len < len);
}

/* Opens the next block, which the index tells of and whose first key is above the last. */
static enum wm_code next_block(struct tf_table *t, struct wm_error *err)
{
	uint64_t off, len;

	TRY(next_entry(&t->index, t, t->index.n_entries == 0, err));
	if (!proto_varint(&t->index.value, &off) || !proto_varint(&t->index.value, &len) ||
	    cursor_left(&t->index.value) > 0)
		return malformed(t, "an entry of the index that is no handle", err);
	if (off != t->at || len > t->end - t->at || t->end - t->at - len < TRAILER_BYTES)
		return malformed(t, "a block that does not lie where it should", err);
	t->at = (size_t)(off + len + TRAILER_BYTES);
	TRY(open_block(&t->entries, t, off, len, t->at, err));
	if (t->entries.entries.len == 0)
		return malformed(t, "a block without entries", err);
	t->in_block = true;
	return WM_OK;
}

/* The first key of the block that comes next, which is yet to be checked. */
static bool peek_key(const struct tf_table *t, struct cursor *out)
{
	struct cursor c = cursor_of(t->data + t->at, t->end - t->at);
	size_t shared, unshared, len;
	const uint8_t *key;

	if (!read_len(&c, 0, &shared) || !read_len(&c, UINT32_MAX, &unshared) ||
	    !read_len(&c, UINT32_MAX, &len))
		return false;
	key = cursor_take(&c, unshared);
	*out = cursor_of(key, unshared);
	return key;
}

/* The key of the index parts the block from the next one. */
static enum wm_code end_block(struct tf_table *t, struct wm_error *err)
{
	const struct buf *last = &t->entries.key;
	struct cursor next;

	TRY(check_end(&t->entries, t, err));
	if (compare_to_index(t, last->data, last->len) < 0)
		return malformed(t, "a key of the index below those of its block", err);
	if (t->at < t->end &&
	    (!peek_key(t, &next) || compare_to_index(t, next.data, next.len) >= 0))
		return malformed(t, "a key of the index not below those of the next block", err);
	t->in_block = false;
	return WM_OK;
}

enum wm_code tf_table_next(struct tf_table *t, bool *end, struct wm_error *err)
{
	if (t->in_block && cursor_left(&t->entries.entries) == 0)
		TRY(end_block(t, err));
	if (!t->in_block && cursor_left(&t->index.entries) == 0) {
		TRY(check_end(&t->index, t, err));
		if (t->at != t->end)
			return malformed(t, "a block that the index does not tell of", err);
		*end = true;
		return WM_OK;
	}
	if (!t->in_block)
		TRY(next_block(t, err));
	TRY(next_entry(&t->entries, t, !t->started, err));
	t->started = true;
	*end = false;
	return WM_OK;
}
