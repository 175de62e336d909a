/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tensors and where they stand to the segments of a layout, for formats that have them
 * anywhere in their files.
 */
#ifndef FORMAT_PLACE_H
#define FORMAT_PLACE_H

#include "format/format.h"

/* Where a tensor does not stand as one run: its format gathers it. */
#define PLACE_NONE UINT64_MAX

/*
 * Appends a tensor to the layout and where it stands, or PLACE_NONE, to `*offs`, which is NULL at
 * first; free() it. Fails with `limit` beyond LIMIT_TENSORS; `name` is the file's.
 */
MUST_USE enum wm_code place_add(struct layout *l, uint64_t **offs, const struct tensor *t,
				uint64_t off, const char *name, struct wm_error *err);

/*
 * Of l->tensors, tensor i is the run of its length at offs[i]: sets offs[i] to PLACE_NONE
 * where it overlaps with another without being the same run, so that no byte is in two
 * segments. Such a tensor needs a source.
 */
MUST_USE enum wm_code place_part_overlaps(const struct layout *l, uint64_t *offs,
					  struct wm_error *err);

/*
 * Makes the segments that tile l->size: one for each run, shared by all tensors that are it,
 * skeleton between and around them, and no segment across the bounds of the zone.
 * Tensors are in any order; those without bytes, or at PLACE_NONE, get no segment.
 */
MUST_USE enum wm_code place_segments(struct layout *l, const uint64_t *offs, struct wm_error *err);

#endif
