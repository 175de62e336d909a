/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of NumPy's arrays, which Keras's may hold in turn. */
#ifndef FORMAT_NPZ_H
#define FORMAT_NPZ_H

#include "format/arrays.h"
#include "format/zip.h"

/*
 * Adds each array of an archive that was read as `z`, and stands `base` bytes into a->file.
 * Fails with `zip-duplicate`, `npz-member` and as arrays_add() does.
 */
MUST_USE enum wm_code npz_add(struct arrays *a, const struct zip *z, uint64_t base,
			      struct wm_error *err);

/* PyTorch takes an archive for its own by a record, whatever it is called: an import says so. */
MUST_USE enum wm_code npz_note_pickle(struct layout *l, const struct zip *z,
				      struct wm_error *err);

/*
 * Fails with `zip-duplicate` where NumPy would find two things under one key. To be called
 * before the slot is taken out, which is one of them.
 */
MUST_USE enum wm_code npz_check_keys(const struct zip *z, struct wm_error *err);

#endif
