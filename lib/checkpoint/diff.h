/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors two checkpoints have in common, by name and by content. */
#ifndef CHECKPOINT_DIFF_H
#define CHECKPOINT_DIFF_H

#include "checkpoint/checkpoint.h"

enum difference { DIFF_EQUAL, DIFF_CHANGED, DIFF_ADDED, DIFF_REMOVED, N_DIFFERENCES };

/* One tensor name that either has. */
struct diff_row {
	enum difference difference;
	const struct tensor *before, *after; /* borrowed; NULL where absent */
};

struct diff {
	struct diff_row *rows; /* by name bytes, ascending */
	size_t n_rows;
	size_t count[N_DIFFERENCES];   /* tensors */
	uint64_t bytes[N_DIFFERENCES]; /* of `after`; REMOVED: of `before` */
};

void diff_release(struct diff *d);
#define cleanup_diff __attribute__((cleanup(diff_release)))

/*
 * Compares two measured checkpoints; equal means equal dtype, shape and digest. Fails
 * with `no-tensors` where the format of one cannot tell tensors. Takes time linear in
 * the number of tensors.
 */
MUST_USE enum wm_code diff_checkpoints(struct diff *out, const struct checkpoint *before,
				       const struct checkpoint *after, struct wm_error *err);

/* The tensor of a row: as it is after, or was before where it is removed. */
const struct tensor *diff_tensor(const struct diff_row *row);

/* "equal", "changed", "added", "removed". Static. */
const char *difference_name(enum difference difference);

#endif
