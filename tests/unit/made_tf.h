/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes of TensorFlow checkpoints that tests make, of one block and correct checksums. */
#ifndef MADE_TF_H
#define MADE_TF_H

#include "harness.h"

enum { MADE_TF_FLOAT = 1, MADE_TF_U8 = 4, MADE_TF_TEXT = 7 };

/* An entry with a shape of one size; a name of NULL ends a list. */
struct made_tf_entry {
	const char *name;
	unsigned dtype;
	uint64_t dim, shard, off, len;
};

/* Appends the index of these entries, which stand in the order of their names. */
void made_tf_index(struct buf *out, unsigned n_shards, const struct made_tf_entry *entries);

/* The same of `n` entries "v/IIIIII" of one byte each, one behind the other. */
void made_tf_many(struct buf *out, size_t n);

/* Appends the table of this block, without its trailer, under the index's key "\xff". */
void made_tf_table(struct buf *out, const void *block, size_t len);

/* Appends one entry of a block whose key shares nothing. */
void made_tf_pair(struct buf *block, const void *key, size_t key_len, const void *value,
		  size_t len);

/* Appends a varint. */
void made_tf_varint(struct buf *out, uint64_t value);

/* Appends the restarts of a block of `n` entries that share nothing: their offsets. */
void made_tf_restarts(struct buf *block, const uint32_t *offs, size_t n);

#endif
