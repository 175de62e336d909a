/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes of shards: which file of a set holds which tensor (Hugging Face Hub).
 *
 *	index      = { "metadata": { ... }, "weight_map": { tensor: file, ... }, ... }
 *	file       = the name of a file in the folder of the index: no slash, not "." or ".."
 *
 * Both members stand at most once, weight_map exactly once with one tensor or more, each
 * mapped once. What metadata says is not looked at: programs count total_size differently.
 */
#ifndef CHECKPOINT_INDEX_H
#define CHECKPOINT_INDEX_H

#include "checkpoint/checkpoint.h"

/* What one shard should hold. */
struct index_shard {
	const char *path; /* within the checkpoint */
	size_t first, n;  /* its entries */
};

struct index_entry {
	const char *file;   /* zero-terminated */
	const char *tensor; /* not zero-terminated */
	size_t tensor_len;
};

struct shard_index {
	struct arena arena;	 /* holds names of parts and paths */
	const char *part;	 /* that the shards make */
	const char *place;	 /* of the index, for messages; borrowed from its file */
	bool lists_tensors;	 /* shards are of a format that always tells tensors */
	struct buf text;	 /* holds what the entries point to */
	struct index_entry *entries; /* by file, then the bytes of the tensors' names */
	size_t n_entries, cap_entries;
	struct index_shard *shards; /* by path bytes, ascending */
	size_t n_shards;
};

#define SHARD_INDEX_INIT                                                        \
	{                                                                       \
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY), .text = BUF_INIT(LIMIT_INDEXES) \
	}

void shard_index_release(struct shard_index *x);
#define cleanup_shard_index __attribute__((cleanup(shard_index_release)))

/*
 * Reads the index `f`, whose name is that of one, into `out`, which is SHARD_INDEX_INIT and
 * is released by the caller also on failure. The bytes are kept as the head of the file's
 * layout, so that what was read is what is measured. Fails with `index-malformed`, `limit`.
 */
MUST_USE enum wm_code index_read(struct shard_index *out, struct checkpoint_file *f,
				 struct wm_error *err);

/*
 * Checks the shards that are there: each holds the tensors mapped to it and no other. Those
 * that are git-lfs pointers, or of a format that does not tell tensors, are skipped.
 * Fails with `index-mismatch`.
 */
MUST_USE enum wm_code index_check(const struct shard_index *x, const struct checkpoint *c,
				  struct wm_error *err);

#endif
