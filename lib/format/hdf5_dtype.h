/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: which of our types a type of HDF5 is. Only format/hdf5_dataset.c uses this. */
#ifndef FORMAT_HDF5_DTYPE_H
#define FORMAT_HDF5_DTYPE_H

#include "format/hdf5_library.h"

enum hdf5_kind {
	HDF5_NUMBERS, /* of a row of our table */
	HDF5_PAIRS,   /* opaque bytes, two an element: BF16 if an attribute says so */
	HDF5_TEXT,    /* strings, which no tensor is made of */
	HDF5_OTHER,   /* what is refused */
};

/* Stores the row for HDF5_NUMBERS and HDF5_PAIRS. */
enum hdf5_kind hdf5_read_dtype(enum dtype *out, const struct hdf5_library *h, hid_t type);

#endif
