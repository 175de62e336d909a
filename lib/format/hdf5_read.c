/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: the values of a data set, row by row, and the text of an attribute. */
#include "format/hdf5_internal.h"

#include <stdlib.h>
#include <string.h>

#include "format/hdf5_dataset.h"
#include "format/hdf5_library.h"
#include "util/cleanup.h"

enum {
	READ_BYTES = 4 << 20, /* at a time: chunks that are in no cache are unpacked once for it */
};

/* A data set being read: in blocks of rows of one dimension, with all others inside whole. */
struct reading {
	struct hdf5_place place;
	hid_t dataset, type;
	unsigned rank, along; /* dimensions outside `along` are walked one by one */
	hsize_t dims[HDF5_RANK_MAX], start[HDF5_RANK_MAX], count[HDF5_RANK_MAX];
	uint64_t row_len; /* bytes of one step along that dimension */
	uint64_t rows;	  /* of them at a time */
	uint8_t *block;
	const struct sink *out;
};

/* Chooses the blocks: of at most READ_BYTES, along the outermost dimension that allows it. */
static void divide(struct reading *r, uint64_t element)
{
	r->row_len = element;
	r->along = r->rank ? r->rank - 1 : 0;
	while (r->along > 0 && r->dims[r->along] <= READ_BYTES / r->row_len) {
		r->row_len *= r->dims[r->along];
		r->along--;
	}
	r->rows = READ_BYTES / r->row_len;
	for (unsigned i = 0; i < r->rank; i++)
		r->count[i] = i < r->along ? 1 : r->dims[i];
}

static enum wm_code read_block(struct reading *r, uint64_t n, hid_t space, struct wm_error *err)
{
	const struct hdf5_library *h = r->place.h;
	const size_t len = (size_t)(n * r->row_len);
	hid_t memory;
	herr_t done;

	r->count[r->along] = n;
	memory = h->H5Screate_simple((int)r->rank, r->count, NULL);
	if (memory < 0 ||
	    h->H5Sselect_hyperslab(space, H5S_SELECT_SET, r->start, NULL, r->count, NULL) < 0)
		return hdf5_failed(&r->place, "shape", err);
	done = h->H5Dread(r->dataset, r->type, memory, space, H5P_DEFAULT, r->block);
	h->H5Sclose(memory);
	if (done < 0)
		return hdf5_failed(&r->place, "values", err);
	return r->out->take(r->out->context, r->block, len, err);
}

/* Moves the dimensions outside `along` to their next place; false behind the last. */
static bool advance(struct reading *r)
{
	for (unsigned i = r->along; i-- > 0;) {
		if (++r->start[i] < r->dims[i])
			return true;
		r->start[i] = 0;
	}
	return false;
}

static enum wm_code read_all(struct reading *r, hid_t space, struct wm_error *err)
{
	do {
		uint64_t left = r->dims[r->along];

		r->start[r->along] = 0;
		while (left > 0) {
			const uint64_t n = left < r->rows ? left : r->rows;

			TRY(read_block(r, n, space, err));
			r->start[r->along] += n;
			left -= n;
		}
	} while (advance(r));
	return WM_OK;
}

static enum wm_code read_scalar(struct reading *r, uint64_t element, struct wm_error *err)
{
	if (r->place.h->H5Dread(r->dataset, r->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->block) < 0)
		return hdf5_failed(&r->place, "values", err);
	return r->out->take(r->out->context, r->block, (size_t)element, err);
}

static bool is_as_listed(const struct hdf5_dataset *d, const struct tensor *t)
{
	if (d->is_text || d->dtype != t->dtype || d->rank != t->rank)
		return false;
	for (unsigned i = 0; i < d->rank; i++)
		if (d->dims[i] != t->dims[i])
			return false;
	return true;
}

static enum wm_code read_values(struct reading *r, const struct hdf5_dataset *d, hid_t space,
				struct wm_error *err)
{
	const uint64_t element = dtype_info(d->dtype)->bytes;

	r->rank = d->rank;
	memcpy(r->dims, d->dims, sizeof(r->dims));
	TRY(hdf5_check_chunks(d, &r->place, r->dataset, space, err));
	if (r->rank == 0)
		return read_scalar(r, element, err);
	divide(r, element);
	return read_all(r, space, err);
}

static enum wm_code read_dataset(struct reading *r, const struct tensor *t, struct wm_error *err)
{
	const struct hdf5_library *h = r->place.h;
	struct hdf5_dataset d = { 0 };
	enum wm_code code;
	hid_t space;

	TRY(hdf5_describe(&d, &r->place, r->dataset, err));
	if (!is_as_listed(&d, t))
		return fail(err, REASON_FILE_CHANGED, "%s: '%.120s' is another data set now",
			    r->place.name, r->place.path);
	r->type = h->H5Dget_type(r->dataset);
	space = h->H5Dget_space(r->dataset);
	code = r->type < 0 || space < 0 ? hdf5_failed(&r->place, "type", err) :
					  read_values(r, &d, space, err);
	h->H5Sclose(space);
	h->H5Tclose(r->type);
	return code;
}

static enum wm_code read_tensor(const struct hdf5_wanted *wanted, const struct tensor *t,
				hid_t file, uint8_t *block, const struct sink *out,
				struct wm_error *err)
{
	struct reading r = { .out = out, .block = block, .place = { NULL, wanted->name, t->name } };
	enum wm_code code;

	TRY(hdf5_library_load(&r.place.h, err));
	r.dataset = file < 0 ? -1 : r.place.h->H5Oopen(file, t->name, H5P_DEFAULT);
	if (r.dataset < 0)
		return hdf5_failed(&r.place, "head", err);
	code = read_dataset(&r, t, err);
	r.place.h->H5Oclose(r.dataset);
	return code;
}

enum wm_code hdf5_read_tensors(const void *context, const struct sink *out, struct wm_error *err)
{
	const struct hdf5_wanted *wanted = context;
	cleanup_free uint8_t *block = malloc(READ_BYTES);
	const hid_t file = hdf5_library_open_file();

	if (!block)
		return fail_nomem(err);
	for (size_t i = 0; i < wanted->n; i++) {
		const struct tensor *t = &wanted->tensors[i];
		const struct hdf5_source *source = t->source;

		if (source && !source->is_run)
			TRY(read_tensor(wanted, t, file, block, out, err));
	}
	return WM_OK;
}

/* --- text of attributes ------------------------------------------------------------------ */

static enum wm_code no_text(const struct hdf5_place *p, struct wm_error *err)
{
	const enum reason failure = hdf5_library_read_failure();

	return fail(err, failure == REASON_NONE ? REASON_HDF5_CONFIG : failure,
		    "%s: the attribute %s is no single text of at most %d bytes", p->name, p->path,
		    HDF5_CONFIG_MAX);
}

/* A text that stands in a heap of the file. */
static enum wm_code read_variable(struct buf *out, const struct hdf5_place *p, hid_t attribute,
				  hid_t type, struct wm_error *err)
{
	const hid_t memory = p->h->H5Tcopy(*p->h->c_string);
	char *text = NULL;
	enum wm_code code;
	size_t len;

	if (memory < 0 || p->h->H5Tset_size(memory, H5T_VARIABLE) < 0 ||
	    p->h->H5Tset_cset(memory, p->h->H5Tget_cset(type)) < 0 ||
	    p->h->H5Aread(attribute, memory, (void *)&text) < 0 || !text)
		return no_text(p, err);
	len = strnlen(text, HDF5_CONFIG_MAX + 1);
	code = len > HDF5_CONFIG_MAX ? no_text(p, err) : buf_append(out, text, len, err);
	p->h->H5free_memory(text);
	return code;
}

/* A text of fixed length, padded with zero bytes. */
static enum wm_code read_fixed(struct buf *out, const struct hdf5_place *p, hid_t attribute,
			       hid_t type, struct wm_error *err)
{
	const size_t size = p->h->H5Tget_size(type);
	size_t len = size;

	if (size == 0 || size > HDF5_CONFIG_MAX)
		return no_text(p, err);
	TRY(buf_reserve(out, size, err));
	if (p->h->H5Aread(attribute, type, out->data) < 0)
		return no_text(p, err);
	while (len > 0 && out->data[len - 1] == 0)
		len--;
	out->len = size;
	buf_truncate(out, len);
	return WM_OK;
}

static enum wm_code read_typed(struct buf *out, const struct hdf5_place *p, hid_t attribute,
			       hid_t type, struct wm_error *err)
{
	const hid_t space = p->h->H5Aget_space(attribute);
	const bool is_single = space >= 0 && p->h->H5Sget_simple_extent_npoints(space) == 1;
	const htri_t varies = p->h->H5Tis_variable_str(type);

	if (space >= 0)
		p->h->H5Sclose(space);
	if (!is_single || varies < 0 || p->h->H5Tget_class(type) != H5T_STRING)
		return no_text(p, err);
	return varies ? read_variable(out, p, attribute, type, err) :
			read_fixed(out, p, attribute, type, err);
}

static enum wm_code read_text(struct buf *out, const struct hdf5_place *p, hid_t attribute,
			      struct wm_error *err)
{
	const hid_t type = p->h->H5Aget_type(attribute);
	enum wm_code code;

	if (type < 0)
		return no_text(p, err);
	code = read_typed(out, p, attribute, type, err);
	p->h->H5Tclose(type);
	return code;
}

enum wm_code hdf5_read_text(bool *is_there, struct buf *out, const struct hdf5_place *p,
			    hid_t object, struct wm_error *err)
{
	const htri_t exists = p->h->H5Aexists(object, p->path);
	const hid_t attribute = exists > 0 ? p->h->H5Aopen(object, p->path, H5P_DEFAULT) : -1;

	if (exists < 0 || (exists > 0 && attribute < 0))
		return hdf5_failed(p, "attributes", err);
	if (exists > 0) {
		const enum wm_code code = read_text(out, p, attribute, err);

		p->h->H5Aclose(attribute);
		TRY(code);
	}
	*is_there = exists > 0;
	return WM_OK;
}
