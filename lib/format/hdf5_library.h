/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhdf5, loaded when the first HDF5 file is met, and a driver by which it reads a file of which
 * it has the descriptor alone.
 *
 * The library is loaded in the process, so that children inherit it, and called only in children
 * that may do nothing but read one file and write one pipe (format/hdf5_child.h).
 */
#ifndef FORMAT_HDF5_LIBRARY_H
#define FORMAT_HDF5_LIBRARY_H

/* Newer headers then mean by their names what those of 1.10 mean. */
#ifndef H5_USE_110_API
#define H5_USE_110_API
#endif
#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "format/format.h"

#define HDF5_FUNCTIONS(F)								\
	F(H5open) F(H5free_memory) F(H5get_libversion) F(H5Eset_auto2)			\
	F(H5PLset_loading_state) F(H5FDregister) F(H5Fopen) F(H5Oopen)	\
	F(H5Oclose) F(H5Oget_info2) F(H5Literate) F(H5Dget_type)		\
	F(H5Dget_space) F(H5Dget_create_plist) F(H5Dget_offset)				\
	F(H5Dget_storage_size) F(H5Dread) F(H5Dget_num_chunks) F(H5Dget_chunk_info)	\
	F(H5Sget_simple_extent_type) F(H5Sget_simple_extent_ndims)			\
	F(H5Sget_simple_extent_dims) F(H5Sget_simple_extent_npoints)			\
	F(H5Screate_simple) F(H5Sselect_hyperslab) F(H5Sclose) F(H5Tget_class)		\
	F(H5Tget_size) F(H5Tget_order) F(H5Tget_sign) F(H5Tget_precision)		\
	F(H5Tget_offset) F(H5Tget_fields) F(H5Tget_ebias) F(H5Tget_norm)		\
	F(H5Tget_nmembers) F(H5Tget_member_name) F(H5Tget_member_value)			\
	F(H5Tget_member_type) F(H5Tget_member_offset) F(H5Tget_super)			\
	F(H5Tis_variable_str) F(H5Tget_cset) F(H5Tset_cset) F(H5Tset_size)		\
	F(H5Tcopy) F(H5Tclose) F(H5Pcreate) F(H5Pset_driver) F(H5Pset_cache)	\
	F(H5Pget_layout) F(H5Pget_chunk) F(H5Pget_nfilters) F(H5Pget_filter2)		\
	F(H5Pget_external_count) F(H5Pclose) F(H5Pfill_value_defined) F(H5Aexists)	\
	F(H5Aopen) F(H5Aget_type) F(H5Aget_space) F(H5Aget_storage_size) F(H5Aread)	\
	F(H5Aclose) F(H5Pget_mdc_config) F(H5Pset_mdc_config)			\
	F(H5Oopen_by_addr)

/* Its functions, each under its own name, and its variables. */
struct hdf5_library {
#define F(name) __typeof__(&name) name;
	HDF5_FUNCTIONS(F)
#undef F
	const hid_t *file_access, *c_string; /* valid after H5open() */
};

/*
 * Loads the library if it is not there yet. It stays until the process ends. Fails with
 * `hdf5-library` where there is none of the version that this was built with.
 */
MUST_USE enum wm_code hdf5_library_load(const struct hdf5_library **out, struct wm_error *err);

/*
 * In a child: prepares the library, which then will open only what `view` is, for reading; bytes
 * beyond it do not exist. Called before any byte of the file is read. False where it cannot.
 */
MUST_USE bool hdf5_library_start(const struct window *view);

/* Opens that file; below 0 where the library cannot. */
hid_t hdf5_library_open_file(void);

/* Makes `out` the `len` bytes at `off` of the view; false where it has not so many. */
bool hdf5_library_part(struct window *out, uint64_t off, uint64_t len);

/* Why a read of the file itself failed: `read-failed`, `file-changed`; REASON_NONE: none did. */
enum reason hdf5_library_read_failure(void);

#endif
