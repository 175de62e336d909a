/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the two sides of reading HDF5: what the child lists, and what the parent makes of it.
 * Only format/hdf5.c, which says what of HDF5 is taken, and its helpers use this.
 *
 *	list    = record*; integers are little-endian
 *	record  = dataset | config
 *	dataset = u8 'd', u8 dtype, u8 rank, u8 stored, u32 length of name, u64 off, u64 dim*, name
 *	dtype   = a value of enum dtype
 *	stored  = 0: only the library can give the bytes, and off is 0; 1: one run at off
 *	dim     = u64, `rank` of them, outermost first
 *	name    = the path, without the slash in front
 *	config  = u8 'c', u32 length, JSON: the value of an attribute that says how Keras builds
 *	          the model
 */
#ifndef FORMAT_HDF5_INTERNAL_H
#define FORMAT_HDF5_INTERNAL_H

#include "format/format.h"

enum {
	HDF5_DATASET = 'd',
	HDF5_CONFIG = 'c',
	HDF5_RANK_MAX = 32, /* the library's own limit */
};

/* One attribute that says how Keras builds the model. */
#define HDF5_CONFIG_MAX (LIMIT_HEADER / 8)

/* How many bytes a list may have, so that parser and list stay within 64 MiB. */
#define HDF5_LIST_MAX (LIMIT_HEADER / 2)

/* How a tensor comes to its bytes that is no segment of its own. */
struct hdf5_source {
	bool is_run; /* one run at `off`, which others overlap; else the library gives them */
	uint64_t off;  /* from the signature on */
	uint64_t base; /* where in the view the signature stands */
};

/* In the child: lists what the file holds; the context is its name. */
enum wm_code hdf5_list(const void *context, const struct sink *out, struct wm_error *err);

/* Tensors of the list, and the file that they are in. */
struct hdf5_wanted {
	const struct tensor *tensors;
	size_t n;
	const char *name;
};

/*
 * In the child: gives the bytes of those tensors of the context, a struct hdf5_wanted, that are no
 * runs, one after the other, each in pieces of its own.
 */
enum wm_code hdf5_read_tensors(const void *context, const struct sink *out, struct wm_error *err);

/*
 * Makes tensors, segments and imports of a list, none of which is believed: everything is
 * bounded, and ranges lie in the l->size bytes of the view, of which the library has those from
 * `base` on. Fails with `hdf5-...`, `keras-malformed`, `limit`.
 */
MUST_USE enum wm_code hdf5_take_list(struct layout *l, uint64_t base, const void *list, size_t len,
				     const char *name, struct wm_error *err);

#endif
