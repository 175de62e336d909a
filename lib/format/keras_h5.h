/* SPDX-License-Identifier: Apache-2.0 */
/* The HDF5 file in a Keras model: its tensors, as those of the archive. */
#ifndef FORMAT_KERAS_H5_H
#define FORMAT_KERAS_H5_H

#include "format/arrays.h"
#include "format/zip.h"

/*
 * Adds each tensor of a stored member in HDF5, whose layout becomes the member of a->layout,
 * to an `a` that has none. Fails as format_hdf5 does.
 */
MUST_USE enum wm_code keras_h5_add(struct arrays *a, const struct zip_member *m,
				   struct wm_error *err);

/* Gathers a tensor with a source that this added. */
MUST_USE enum wm_code keras_h5_gather(const struct layout *l, const struct tensor *t,
				      const struct window *w, const struct sink *sink,
				      struct wm_error *err);

#endif
