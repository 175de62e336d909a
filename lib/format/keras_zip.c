/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keras models since version 3, keras/src/saving/saving_lib.py.
 *
 *	file		  = zip archive (format/zip.c)
 *	config.json	  = what the model is built of (format/keras_config.c): stored
 *	model.weights.h5  = HDF5 (format/hdf5.c), or
 *	model.weights.npz = an archive of arrays (format/npz.c); stored, its tensors are those of
 *			    the file, deflated it is skeleton
 *	others		  = skeleton: metadata.json, assets/
 *
 * One of the two model.weights is there. The slot is the member weightmark.wmk.
 */
#include <string.h>

#include "format/inflate.h"
#include "format/keras_config.h"
#include "format/keras_h5.h"
#include "format/npz.h"

static const char slot_name[] = "weightmark.wmk";

static enum wm_code malformed(const struct window *w, const char *what, struct wm_error *err)
{
	return fail(err, REASON_KERAS_MALFORMED, "%s: %s", w->name, what);
}

static enum wm_code read_config(struct layout *l, const struct zip *z, const struct window *w,
				struct wm_error *err)
{
	const struct zip_member *m = zip_find(z, "config.json");
	const uint8_t *bytes = NULL;

	if (!m)
		return malformed(w, "has no config.json", err);
	TRY(zip_load(&bytes, l, m, LIMIT_KERAS_CONFIG, w, err));
	if (inflate_crc32(0, bytes, (size_t)m->len) != m->crc32)
		return fail(err, REASON_ZIP_CHECKSUM, "%s: config.json", w->name);
	return keras_add_imports(l, bytes, (size_t)m->len, w->name, err);
}

/* Takes the pieces of a layout over, whose bytes go with it. */
static enum wm_code copy_piece(struct layout *l, uint64_t off, const void *data, size_t len,
			       struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, &l->arena, data, len, err));
	return layout_add_piece(l, off, copy, len, err);
}

static enum wm_code read_arrays(struct arrays *a, const struct zip_member *m, struct wm_error *err)
{
	cleanup_layout struct layout inner = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	const struct window w = zip_window(m, a->file, a->file->name);

	TRY(zip_read(&z, &inner, &w, err));
	TRY(npz_check_keys(&z, err));
	TRY(npz_add(a, &z, m->off, err));
	TRY(zip_keep_sums(a->layout, &z, m->off, err));
	for (size_t i = 0; i < inner.n_pieces; i++)
		TRY(copy_piece(a->layout, m->off + inner.pieces[i].off, inner.pieces[i].data,
			       inner.pieces[i].len, err));
	return copy_piece(a->layout, m->off + z.directory_off, z.tail, z.tail_len, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_arrays struct arrays a = { .layout = l, .file = w };
	cleanup_zip struct zip z = { 0 };
	static const char unread[] = "keras:weights-unread";
	const struct zip_member *npz, *h5;
	bool told;

	TRY(zip_read(&z, l, w, err));
	TRY(zip_take_slot(&z, l, w, slot_name, err));
	npz = zip_find(&z, "model.weights.npz");
	h5 = zip_find(&z, "model.weights.h5");
	if (!npz == !h5)
		return malformed(w, "has no weights, or two kinds of them", err);
	TRY(npz_note_pickle(l, &z, err));
	TRY(read_config(l, &z, w, err));
	TRY(zip_keep_sums(l, &z, 0, err));
	told = !(npz ? npz : h5)->deflated && (npz || !w->stream);
	if (told)
		TRY(npz ? read_arrays(&a, npz, err) : keras_h5_add(&a, h5, err));
	else /* pickled arrays and links to other files may be in them */
		TRY(layout_add_import(l, unread, sizeof(unread) - 1, false, err));
	TRY(zip_close(&z, l, err));
	TRY(arrays_finish(&a, err));
	l->has_tensors = told;
	return WM_OK;
}

static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried,
			  size_t len, const char *name, struct wm_error *err)
{
	return zip_embed(zone, l, slot_name, carried, len, name, err);
}

static enum wm_code gather(const struct layout *l, const struct tensor *t, const struct window *w,
			   const struct sink *sink, struct wm_error *err)
{
	return l->n_members > 0 ? keras_h5_gather(l, t, w, sink, err) :
				  arrays_gather(l, t, w, sink, err);
}

static const char *const suffixes[] = { ".keras", NULL };

const struct format format_keras_zip = {
	.grammar = "keras-zip/1", .suffixes = suffixes, .parse = parse, .embed = embed,
	.gather = gather, .check = zip_check_sums,
};
