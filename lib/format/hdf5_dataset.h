/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: what one data set is. Only format/hdf5_list.c and hdf5_read.c use this. */
#ifndef FORMAT_HDF5_DATASET_H
#define FORMAT_HDF5_DATASET_H

#include "format/hdf5_internal.h"
#include "format/hdf5_library.h"

struct hdf5_dataset {
	bool is_text; /* no tensor; the rest is not set */
	enum dtype dtype;
	unsigned rank;
	uint64_t dims[HDF5_RANK_MAX]; /* outermost first */
	bool is_chunked, is_compact, is_run;
	bool is_filled; /* has a value for what was never written */
	uint64_t len;	/* bytes of all elements */
	uint64_t off;	/* of a run, in the view */
	uint64_t chunk[HDF5_RANK_MAX]; /* of what is chunked: the dimensions of a chunk */
	uint64_t chunk_len;	       /* and its bytes, as they are when unpacked */
	bool is_deflated, has_checksum;
};

/* What can go wrong with a data set or group of this path in a file of this name. */
struct hdf5_place {
	const struct hdf5_library *h;
	const char *name, *path;
};

/* Fails with `hdf5-malformed`, or as reading the file did, where the library failed. */
enum wm_code hdf5_failed(const struct hdf5_place *p, const char *what, struct wm_error *err);

/* Fails with `hdf5-external`, `-filter`, `-malformed`, `-storage`, `-type`. */
MUST_USE enum wm_code hdf5_describe(struct hdf5_dataset *out, const struct hdf5_place *p,
				    hid_t dataset, struct wm_error *err);

/*
 * Whether libhdf5 can read the data set without making values up: all chunks unpack to their
 * length. Fails with `hdf5-filter`, `-malformed`, `-storage`, `limit`.
 */
MUST_USE enum wm_code hdf5_check_chunks(const struct hdf5_dataset *d, const struct hdf5_place *p,
					hid_t dataset, hid_t space, struct wm_error *err);

/*
 * Appends the text of the attribute of `object` that is named p->path; `*is_there` is whether
 * there is one. Fails with `hdf5-config` where it is no single text.
 */
MUST_USE enum wm_code hdf5_read_text(bool *is_there, struct buf *out, const struct hdf5_place *p,
				     hid_t object, struct wm_error *err);

#endif
