/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing again without the bytes: files that stand as git-lfs pointers have the records
 * that the carried manifest has of them, where the pointers name the very files.
 */
#ifndef ATTEST_AMEND_H
#define ATTEST_AMEND_H

#include "attest/compose.h"
#include "attest/priors.h"

/*
 * Finds the record of every file that stands as a pointer: in the newest carried manifest,
 * as it was signed or as a carried release of it distributes it. Adds the parts of that
 * manifest to `c`, which has none yet. `out` borrows from both. Fails with `pointer-only`
 * (nothing is carried, or a weights file is here that the manifest does not know),
 * `pointer-mismatch`, `not-whole`.
 */
MUST_USE enum wm_code take_pointers(struct taken *out, struct checkpoint *c,
				    const struct priors *p, struct wm_error *err);

/*
 * After measuring: takes over the records of the parts that have pointers, whose other
 * files must be what they were. Fails with `pointer-only`.
 */
MUST_USE enum wm_code take_parts(struct taken *out, struct checkpoint *c, const struct priors *p,
				 struct wm_error *err);

/*
 * What an author wrote was about the weights of then: fails with `weights-changed` where
 * those that were measured now, in `now`, are not the ones that the `carried` manifest lists,
 * all of them and no other. Files without weights may differ; where no tensors can be told,
 * one file to load must be the same.
 */
MUST_USE enum wm_code check_same_weights(const struct prior *carried,
					 const Weightmark__V1__Checkpoint *now,
					 struct wm_error *err);

#endif
