/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors that one file of a checkpoint names and another one holds (struct external).
 *
 * A file of data is one that no format claims; all that is said of it stands in one file. It
 * becomes `external/1`: segments for the tensors by their offsets, skeleton between them,
 * and the tensors move into its layout, which borrows their names from the file that has them.
 */
#ifndef CHECKPOINT_EXTERNAL_H
#define CHECKPOINT_EXTERNAL_H

#include "checkpoint/checkpoint.h"

/*
 * Resolves the externals of all files, after all were opened and parsed, and sorts each
 * file's by path and offset. A git-lfs pointer in place of a file of data stays one, and its
 * size bounds them. Fails with `external-alone` (a lone file has externals),
 * `external-missing`, `external-not-data`, `external-twice` (two files have externals in
 * one), `external-range`, `external-overlap` (ranges that are not the same) and
 * `tensor-twice`.
 */
MUST_USE enum wm_code external_resolve(struct checkpoint *c, struct wm_error *err);

/*
 * Of externals in that order the index of the first behind those that lie in the same file
 * as the one at `first`.
 */
size_t external_run_end(const struct layout *l, size_t first);

/* The path within the checkpoint of an external of `f`, appended to `out`. */
MUST_USE enum wm_code external_path(struct buf *out, const struct checkpoint_file *f,
				    const struct external *e, struct wm_error *err);

#endif
