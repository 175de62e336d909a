/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two checkpoints have in common: their tensors by name and content, where both are at
 * hand; files and parts, where one is known by a statement alone.
 */
#ifndef CHECKPOINT_DIFF_H
#define CHECKPOINT_DIFF_H

#include "checkpoint/checkpoint.h"
#include "weightmark/v1/manifest.pb-c.h"

enum difference { DIFF_EQUAL, DIFF_CHANGED, DIFF_ADDED, DIFF_REMOVED, N_DIFFERENCES };

/* One tensor name, in one part, that either has. */
struct diff_row {
	enum difference difference;
	const char *part; /* "" where neither has more than one */
	const struct tensor *before, *after; /* borrowed; NULL where absent */
};

struct diff {
	struct diff_row *rows; /* by part and name bytes, ascending */
	size_t n_rows;
	size_t count[N_DIFFERENCES];   /* tensors */
	uint64_t bytes[N_DIFFERENCES]; /* of `after`; REMOVED: of `before` */
};

void diff_release(struct diff *d);
#define cleanup_diff __attribute__((cleanup(diff_release)))

/*
 * Compares two checkpoints whose parts were measured; equal means equal dtype, shape and
 * digest. Parts are those of one name, or the only ones. A part of which one of the two has
 * no weights digest is left out: diff_records() compares it. Fails with `no-tensors` where no
 * part of one has tensors that can be told apart.
 */
MUST_USE enum wm_code diff_checkpoints(struct diff *out, const struct checkpoint *before,
				       const struct checkpoint *after, struct wm_error *err);

/* The tensor of a row: as it is after, or was before where it is removed. */
const struct tensor *diff_tensor(const struct diff_row *row);

/* A checkpoint whose files were measured, or what a statement says of one; the other is NULL. */
struct diff_side {
	const struct checkpoint *measured;
	const Weightmark__V1__Checkpoint *stated; /* of a statement that was decoded */
};

/* A file or a part that either has. */
struct record_row {
	enum difference difference;
	const char *name; /* as after, or before where it is removed; borrowed */
	uint64_t bytes;	  /* of the file; of the part's tensors, or else of its files; likewise */
	bool has_weights; /* a part whose weights digests are compared */
	bool same_set;	  /* of a changed part: the same tensors under other names */
};

struct record_list {
	struct record_row *rows; /* by name bytes, ascending */
	size_t n_rows;
	size_t count[N_DIFFERENCES];
	uint64_t bytes[N_DIFFERENCES]; /* of `after`; REMOVED: of `before` */
};

struct record_diff {
	struct record_list files, parts;
};

void record_diff_release(struct record_diff *d);
#define cleanup_record_diff __attribute__((cleanup(record_diff_release)))

/*
 * Compares files by file digest, or by plain SHA-256 where they were read under different
 * grammars or one is a git-lfs pointer and both are known; parts by weights digest, or by
 * their files where one has none. Files and parts are those of one name, or the only ones.
 * Both sides must outlive `out`. Fails only for want of memory.
 */
MUST_USE enum wm_code diff_records(struct record_diff *out, const struct diff_side *before,
				   const struct diff_side *after, struct wm_error *err);

/* "equal", "changed", "added", "removed". Static. */
const char *difference_name(enum difference difference);

#endif
