/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's archives of arrays: numpy.savez and savez_compressed, numpy/lib/npyio.py.
 *
 *	file	  = zip archive (format/zip.c)
 *	NAME.npy  = the array NAME, as format/npy.c reads it; stored, or deflated
 *	others	  = skeleton, which do not begin as an array does
 *
 * NumPy takes a key for the member of just this name first, then for KEY.npy, and whatever
 * begins with its magic is an array for it: so no member is named as an array is, and no
 * other has an array in it. Arrays that are stored row-major are segments; others are
 * gathered, the deflated ones with their lengths and check sums compared. The slot is the
 * member weightmark.wmk, which numpy.load shows as a key of its own, of bytes.
 */
#include "format/npz.h"

#include <stdio.h>
#include <string.h>

#include "util/file.h"

static const char slot_name[] = "weightmark.wmk", suffix[] = ".npy";
static const char *const suffixes[] = { ".npz", NULL };

static bool is_array(const struct zip_member *m)
{
	const size_t len = sizeof(suffix) - 1;

	return m->name_len >= len && strcmp(m->name + m->name_len - len, suffix) == 0;
}

static struct arrays_place place_of(const struct zip_member *m, uint64_t base)
{
	return (struct arrays_place){ base + m->off, m->stored_len, m->deflated, m->len, m->crc32 };
}

enum wm_code npz_check_keys(const struct zip *z, struct wm_error *err)
{
	char key[LIMIT_PATH + 1];

	for (size_t i = 0; i < z->n_members; i++) {
		const struct zip_member *m = &z->members[i];

		if (!is_array(m))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)(m->name_len - strlen(suffix)), m->name);
		if (zip_find(z, key))
			return fail(err, REASON_ZIP_DUPLICATE,
				    "%s: members '%.80s' and '%.80s.npy'", z->name, key, key);
	}
	return WM_OK;
}

enum wm_code npz_note_pickle(struct layout *l, const struct zip *z, struct wm_error *err)
{
	static const char import[] = "torch:data.pkl";

	for (size_t i = 0; i < z->n_members; i++)
		if (file_ends_with(z->members[i].name, z->members[i].name_len, "/data.pkl"))
			return layout_add_import(l, import, sizeof(import) - 1, false, err);
	return WM_OK;
}

/* What NumPy finds no array in must be none for others either. */
static enum wm_code add_other(struct arrays *a, const struct zip_member *m, uint64_t base,
			      struct wm_error *err)
{
	const struct arrays_place p = place_of(m, base);
	uint8_t start[NPY_MAGIC];
	size_t n = 0;

	TRY(arrays_peek(a, start, sizeof(start), &n, &p, true, err));
	if (npy_claims(start, n))
		return fail(err, REASON_NPZ_MEMBER, "%s: member '%.80s' is an array", a->file->name,
			    m->name);
	return WM_OK;
}

static enum wm_code add_array(struct arrays *a, const struct zip_member *m, uint64_t base,
			      struct wm_error *err)
{
	const size_t len = m->name_len - strlen(suffix);
	const struct arrays_place p = place_of(m, base);
	char *name = NULL;

	if (len == 0)
		return fail(err, REASON_NPZ_MEMBER, "%s: an array has no name", a->file->name);
	TRY(arena_copy(&name, &a->layout->arena, m->name, len, err));
	return arrays_add(a, name, &p, err);
}

enum wm_code npz_add(struct arrays *a, const struct zip *z, uint64_t base, struct wm_error *err)
{
	for (size_t i = 0; i < z->n_members; i++) {
		if (is_array(&z->members[i]))
			TRY(add_array(a, &z->members[i], base, err));
		else
			TRY(add_other(a, &z->members[i], base, err));
	}
	return WM_OK;
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_arrays struct arrays a = { .layout = l, .file = w };
	cleanup_zip struct zip z = { 0 };

	TRY(zip_read(&z, l, w, err));
	TRY(npz_check_keys(&z, err));
	TRY(zip_take_slot(&z, l, w, slot_name, err));
	TRY(npz_note_pickle(l, &z, err));
	TRY(npz_add(&a, &z, 0, err));
	TRY(zip_keep_sums(l, &z, 0, err));
	TRY(zip_close(&z, l, err));
	TRY(arrays_finish(&a, err));
	l->has_tensors = l->n_tensors > 0 || file_ends_with_any(w->name, suffixes);
	return WM_OK;
}

static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried,
			  size_t len, const char *name, struct wm_error *err)
{
	for (size_t i = 0; i < l->n_tensors; i++)
		if (strcmp(l->tensors[i].name, slot_name) == 0)
			return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has an array '%s'", name,
				    slot_name);
	return zip_embed(zone, l, slot_name, carried, len, name, err);
}

/* Any archive: NumPy reads all of them, and what it begins with does not tell whose loader does. */
static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)name, (void)size;
	return zip_claims(start, len);
}

const struct format format_npz = {
	.grammar = "npz/1", .suffixes = suffixes, .claims = claims, .parse = parse, .embed = embed,
	.gather = arrays_gather, .check = zip_check_sums,
};
