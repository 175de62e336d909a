/* SPDX-License-Identifier: Apache-2.0 */
/* Telling in the child what a data set is, and refusing what loaders could be tricked with. */
#include "format/hdf5_dataset.h"

#include <string.h>

#include "format/hdf5_dtype.h"
#include "util/buf.h"

/* An unpacked chunk is at most this large: the library has it packed, unpacked and in its cache. */
enum { CHUNK_MAX = 16 << 20 };

enum wm_code hdf5_failed(const struct hdf5_place *p, const char *what, struct wm_error *err)
{
	const enum reason failure = hdf5_library_read_failure();

	if (failure != REASON_NONE)
		return fail(err, failure, "%s: reading '%.120s' failed", p->name, p->path);
	return fail(err, REASON_HDF5_MALFORMED, "%s: '%.120s': libhdf5 cannot read its %s", p->name,
		    p->path, what);
}

static enum wm_code read_shape(struct hdf5_dataset *d, const struct hdf5_place *p, hid_t space,
			       struct wm_error *err)
{
	const H5S_class_t class = p->h->H5Sget_simple_extent_type(space);
	const int rank = p->h->H5Sget_simple_extent_ndims(space);
	hsize_t dims[HDF5_RANK_MAX];

	if (class == H5S_NULL)
		return fail(err, REASON_HDF5_TYPE, "%s: '%.120s' is a data set without a shape",
			    p->name, p->path);
	if (rank < 0 || rank > HDF5_RANK_MAX ||
	    p->h->H5Sget_simple_extent_dims(space, dims, NULL) != rank)
		return hdf5_failed(p, "shape", err);
	d->rank = (unsigned)rank;
	for (unsigned i = 0; i < d->rank; i++)
		d->dims[i] = dims[i];
	return WM_OK;
}

/*
 * Whether an attribute says that opaque pairs of bytes are bfloat16, for which HDF5 has no type:
 * what Keras 3 writes, and looks at when it loads (keras/src/saving/saving_lib.py).
 */
static enum wm_code read_mark(bool *out, const struct hdf5_place *p, hid_t dataset,
			      struct wm_error *err)
{
	static const char mark[] = "bfloat16";
	const struct hdf5_place attribute = { p->h, p->name, "dtype" };
	cleanup_buf struct buf text = BUF_INIT(HDF5_CONFIG_MAX);
	bool is_there = false;

	TRY(hdf5_read_text(&is_there, &text, &attribute, dataset, err));
	*out = is_there && text.len == sizeof(mark) - 1 &&
	       memcmp(text.data, mark, sizeof(mark) - 1) == 0;
	return WM_OK;
}

static enum wm_code read_type(struct hdf5_dataset *d, const struct hdf5_place *p, hid_t dataset,
			      struct wm_error *err)
{
	const hid_t type = p->h->H5Dget_type(dataset);
	bool is_bfloat16 = false;
	enum hdf5_kind kind;

	if (type < 0)
		return hdf5_failed(p, "type", err);
	kind = hdf5_read_dtype(&d->dtype, p->h, type);
	p->h->H5Tclose(type);
	d->is_text = kind == HDF5_TEXT;
	if (kind == HDF5_PAIRS)
		TRY(read_mark(&is_bfloat16, p, dataset, err));
	if (kind == HDF5_OTHER || (kind == HDF5_PAIRS && !is_bfloat16))
		return fail(err, REASON_HDF5_TYPE,
			    "%s: '%.120s' is of a type that is no tensor's here", p->name, p->path);
	return WM_OK;
}

/* Takes filters in the one order that writers have: shuffle, deflate, fletcher32. */
static enum wm_code read_filters(struct hdf5_dataset *d, const struct hdf5_place *p, hid_t list,
				 struct wm_error *err)
{
	static const H5Z_filter_t order[] = { H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE,
					      H5Z_FILTER_FLETCHER32 };
	const size_t n_known = sizeof(order) / sizeof(order[0]);
	const int n = p->h->H5Pget_nfilters(list);
	size_t next = 0;

	if (n < 0)
		return hdf5_failed(p, "filters", err);
	if (n > 0 && !d->is_chunked)
		return fail(err, REASON_HDF5_FILTER, "%s: '%.120s' has filters and no chunks",
			    p->name, p->path);
	for (int i = 0; i < n; i++) {
		unsigned flags = 0, config = 0;
		size_t n_values = 0;
		const H5Z_filter_t id = p->h->H5Pget_filter2(list, (unsigned)i, &flags, &n_values,
							     NULL, 0, NULL, &config);

		while (next < n_known && order[next] != id)
			next++;
		if (next++ >= n_known)
			return fail(err, REASON_HDF5_FILTER,
				    "%s: '%.120s' needs the filter %d, or has it out of order",
				    p->name, p->path, (int)id);
		d->is_deflated |= id == H5Z_FILTER_DEFLATE;
		d->has_checksum |= id == H5Z_FILTER_FLETCHER32;
	}
	return WM_OK;
}

static enum wm_code read_chunk(struct hdf5_dataset *d, const struct hdf5_place *p, hid_t list,
			       struct wm_error *err)
{
	uint64_t len = dtype_info(d->dtype)->bytes;
	hsize_t dims[HDF5_RANK_MAX];

	if (d->rank == 0 || p->h->H5Pget_chunk(list, HDF5_RANK_MAX, dims) != (int)d->rank)
		return hdf5_failed(p, "chunks", err);
	for (unsigned i = 0; i < d->rank; i++)
		if (dims[i] == 0 || __builtin_mul_overflow(len, dims[i], &len) || len > CHUNK_MAX)
			return fail(err, REASON_HDF5_STORAGE,
				    "%s: '%.120s' has chunks of more than %d bytes", p->name,
				    p->path, CHUNK_MAX);
	for (unsigned i = 0; i < d->rank; i++)
		d->chunk[i] = dims[i];
	d->chunk_len = len;
	return WM_OK;
}

/* Finds where the bytes are. What was never written has no place, and is gathered. */
static enum wm_code read_storage(struct hdf5_dataset *d, const struct hdf5_place *p,
				 hid_t dataset, hid_t list, struct wm_error *err)
{
	const H5D_layout_t layout = p->h->H5Pget_layout(list);
	const int n_external = p->h->H5Pget_external_count(list);
	H5D_fill_value_t fill = H5D_FILL_VALUE_ERROR;

	if (layout == H5D_VIRTUAL || n_external > 0)
		return fail(err, REASON_HDF5_EXTERNAL,
			    "%s: the bytes of '%.120s' are in other files", p->name, p->path);
	if (n_external < 0 ||
	    (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED && layout != H5D_COMPACT))
		return hdf5_failed(p, "layout", err);
	if (p->h->H5Pfill_value_defined(list, &fill) < 0)
		return hdf5_failed(p, "value for what was never written", err);
	d->is_filled = fill != H5D_FILL_VALUE_DEFAULT;
	d->is_chunked = layout == H5D_CHUNKED;
	d->is_compact = layout == H5D_COMPACT;
	TRY(read_filters(d, p, list, err));
	if (d->is_text)
		return WM_OK;
	if (d->is_chunked)
		return read_chunk(d, p, list, err);
	if (layout == H5D_CONTIGUOUS) {
		d->off = p->h->H5Dget_offset(dataset);
		d->is_run = d->off != HADDR_UNDEF;
	}
	return WM_OK;
}

static enum wm_code check_length(struct hdf5_dataset *d, const struct hdf5_place *p,
				 hid_t dataset, struct wm_error *err)
{
	const struct tensor t = { .rank = d->rank, .dims = d->dims };
	uint64_t n = 0, len = 0;

	if (!tensor_elements(&t, &n) || !dtype_len(&len, d->dtype, n))
		return fail(err, REASON_HDF5_STORAGE,
			    "%s: '%.120s' has more bytes than 64 bits count", p->name, p->path);
	/* The library reads by the shape, whatever is there. */
	if ((d->is_run || d->is_compact) && p->h->H5Dget_storage_size(dataset) != len)
		return fail(err, REASON_HDF5_STORAGE,
			    "%s: '%.120s' is stored in %llu bytes, and has %llu", p->name, p->path,
			    (unsigned long long)p->h->H5Dget_storage_size(dataset),
			    (unsigned long long)len);
	d->len = len;
	return WM_OK;
}

static enum wm_code describe(struct hdf5_dataset *d, const struct hdf5_place *p, hid_t dataset,
			     hid_t list, struct wm_error *err)
{
	hid_t space;
	enum wm_code code;

	TRY(read_type(d, p, dataset, err));
	/* Asking for the shape of one that is spread over files would look for them. */
	if (p->h->H5Pget_layout(list) != H5D_VIRTUAL && !d->is_text) {
		space = p->h->H5Dget_space(dataset);
		if (space < 0)
			return hdf5_failed(p, "shape", err);
		code = read_shape(d, p, space, err);
		p->h->H5Sclose(space);
		TRY(code);
	}
	TRY(read_storage(d, p, dataset, list, err));
	return d->is_text ? WM_OK : check_length(d, p, dataset, err);
}

enum wm_code hdf5_describe(struct hdf5_dataset *out, const struct hdf5_place *p, hid_t dataset,
			   struct wm_error *err)
{
	const hid_t list = p->h->H5Dget_create_plist(dataset);
	struct hdf5_dataset d = { 0 };
	enum wm_code code;

	if (list < 0)
		return hdf5_failed(p, "properties", err);
	code = describe(&d, p, dataset, list, err);
	p->h->H5Pclose(list);
	TRY(code);
	*out = d;
	return WM_OK;
}
