/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorted tables of keys and values, as LevelDB and TensorFlow write them.
 *
 *	table   = block* meta index footer, and nothing else; integers are little-endian
 *	footer  = handle of meta, handle of index, zero bytes up to 40, u64 0xdb4775248b80fb57
 *	handle  = varint offset, varint length: of a block without its trailer
 *	block   = entry* u32{n} n trailer: offsets of entries whose keys stand whole ("restarts"),
 *	          ascending, the first 0; n = u32, at least 1
 *	trailer = type crc: u8 0, no compression; u32 masked CRC-32C of the block and the type
 *	entry   = shared unshared length bytes{unshared} bytes{length}: varints; the key is so
 *	          many bytes of the one before and those; then the value
 *	meta    = a block without entries
 *	index   = a block of one entry for each block of the table, in order: a key not below its
 *	          last one and below the next one's first, and its handle
 *
 * Keys ascend strictly as bytes, each at most LIMIT_NAME of them. Blocks without entries
 * but meta do not occur; varints are as in format/tf_proto.h, and below 2^32 but in handles.
 *
 *	cleanup_tf_table struct tf_table t = TF_TABLE_INIT;
 *	TRY(tf_table_open(&t, data, len, name, err));
 *	for (;;) { TRY(tf_table_next(&t, &end, err)); ... t.entries.key, t.entries.value }
 */
#ifndef FORMAT_TF_TABLE_H
#define FORMAT_TF_TABLE_H

#include "util/buf.h"
#include "util/cursor.h"
#include "util/limits.h"

enum { TF_FOOTER_BYTES = 48 };

/* A block, read entry by entry. */
struct tf_block {
	struct cursor entries, restarts;
	uint32_t restart; /* where the next one must be; UINT32_MAX: there is none */
	size_t n_entries; /* read so far */
	struct buf key;	  /* of the entry that was read last, also if in a block before */
	struct cursor value;
};

struct tf_table {
	const char *name;	   /* for messages */
	const uint8_t *data;	   /* the table, borrowed */
	size_t len;
	size_t at, end;		   /* the blocks that were not read yet */
	struct tf_block index, entries;
	bool started, in_block;
};

#define TF_BLOCK_INIT { .restart = UINT32_MAX, .key = BUF_INIT(LIMIT_NAME) }
#define TF_TABLE_INIT { .index = TF_BLOCK_INIT, .entries = TF_BLOCK_INIT }

void tf_table_release(struct tf_table *t);
#define cleanup_tf_table __attribute__((cleanup(tf_table_release)))

/* Whether these are the last TF_FOOTER_BYTES bytes of a table. */
bool tf_table_ends(const uint8_t *footer);

/*
 * Opens a table that is in memory. Fails with `tf-malformed`, `tf-checksum`,
 * `tf-compressed`.
 */
MUST_USE enum wm_code tf_table_open(struct tf_table *t, const void *data, size_t len,
				    const char *name, struct wm_error *err);

/* Reads the next entry, or sets `*end`. Fails in the same way, and with `limit`. */
MUST_USE enum wm_code tf_table_next(struct tf_table *t, bool *end, struct wm_error *err);

#endif
