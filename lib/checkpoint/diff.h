/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors two checkpoints have in common, by name and by content. */
#ifndef CHECKPOINT_DIFF_H
#define CHECKPOINT_DIFF_H

#include "checkpoint/checkpoint.h"

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
 * digest. Parts are those of one name, or the only ones. Fails with `no-tensors` where no
 * part of one has tensors that can be told apart.
 */
MUST_USE enum wm_code diff_checkpoints(struct diff *out, const struct checkpoint *before,
				       const struct checkpoint *after, struct wm_error *err);

/* The tensor of a row: as it is after, or was before where it is removed. */
const struct tensor *diff_tensor(const struct diff_row *row);

/* "equal", "changed", "added", "removed". Static. */
const char *difference_name(enum difference difference);

#endif
