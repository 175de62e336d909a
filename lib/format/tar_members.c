/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the members of tar files, each by its own format. */
#include "format/tar_layout.h"

#include <stdlib.h>
#include <string.h>

#include "format/slot.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/file.h"

enum {
	/* No value of a slot is longer: base64 of LIMIT_SLOT, rounded up. */
	VALUE_MAX = LIMIT_SLOT / 3 * 4 + 2 * SLOT_UNIT,
};

void tar_archive_release(struct tar_archive *a)
{
	free(a->entries);
}

/* --- what a member holds ------------------------------------------------------------- */

/* Adds the pieces of the view in [from, to), which lie `shift` bytes further in the file. */
static enum wm_code add_pieces(struct tar_archive *a, const struct layout *inner, uint64_t from,
			       uint64_t to, uint64_t shift, struct wm_error *err)
{
	for (size_t i = 0; i < inner->n_pieces; i++) {
		const struct piece *p = &inner->pieces[i];
		const uint64_t start = p->off > from ? p->off : from;
		const uint64_t end = p->off + p->len < to ? p->off + p->len : to;

		if (start >= end)
			continue;
		TRY(layout_add_piece(a->t.l, start + shift, p->data + (start - p->off),
				     (size_t)(end - start), err));
	}
	return WM_OK;
}

/*
 * What was parsed of the member, as it stands in the file: its slot belongs to that. What
 * embedding makes of what it carries are its bytes, or parsing had not found it.
 */
static enum wm_code keep_pieces(struct tar_archive *a, const struct layout *inner,
				const struct tar_member *m, struct wm_error *err)
{
	cleanup_buf struct buf zone = BUF_INIT(2 * LIMIT_HEADER);
	char *copy = NULL;

	if (!a->t.pieces)
		return WM_OK;
	if (inner->slot_len == 0)
		return add_pieces(a, inner, 0, UINT64_MAX, m->off, err);
	TRY(inner->format->embed(&zone, inner, inner->carried.data, inner->carried.len, m->name,
				 err));
	if (zone.len != layout_zone_len(inner))
		return fail(err, REASON_INTERNAL, "%s: '%s' has another slot", a->t.w.name,
			    m->name);
	TRY(arena_copy(&copy, &a->t.l->arena, zone.data, zone.len, err));
	TRY(add_pieces(a, inner, 0, inner->zone.from, m->off, err));
	TRY(layout_add_piece(a->t.l, m->off + inner->zone.from, copy, zone.len, err));
	return add_pieces(a, inner, inner->zone.to, UINT64_MAX, m->off + inner->slot_len, err);
}

static enum wm_code count_kept(struct tar_archive *a, const struct layout *inner,
			       struct wm_error *err)
{
	for (size_t i = 0; i < inner->n_pieces; i++) {
		if (inner->pieces[i].len > LIMIT_HEADER - a->t.kept)
			return fail(err, REASON_HEADER_TOO_LARGE,
				    "%s: its members have more than %d bytes of headers",
				    a->t.w.name, LIMIT_HEADER);
		a->t.kept += inner->pieces[i].len;
	}
	return WM_OK;
}

/* Makes room for one more layout, and has it. */
static enum wm_code add_layout(struct layout *l, struct layout *inner, struct wm_error *err)
{
	struct layout *grown;

	if (l->n_members == LIMIT_MEMBER_FORMATS)
		return fail(err, REASON_LIMIT, "more than %d members of an archive have a format",
			    LIMIT_MEMBER_FORMATS);
	grown = array_grow(l->members, l->n_members, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	l->members = grown;
	l->members[l->n_members++] = *inner;
	*inner = (struct layout)LAYOUT_INIT;
	return WM_OK;
}

/* Each such member takes a process of its own, however small it is. */
static enum wm_code count_apart(struct tar_archive *a, const struct format *format,
				struct wm_error *err)
{
	if (format != &format_hdf5 && format != &format_keras_zip)
		return WM_OK;
	if (++a->n_apart > LIMIT_MEMBERS_APART)
		return fail(err, REASON_LIMIT, "%s: more than %d members are HDF5", a->t.w.name,
			    LIMIT_MEMBERS_APART);
	return WM_OK;
}

static enum wm_code parse_member(struct tar_archive *a, struct tar_entry *e,
				 const struct format *format, const struct window *w,
				 struct wm_error *err)
{
	cleanup_layout struct layout inner = LAYOUT_INIT;
	enum wm_code code;

	inner.format = format;
	code = format->parse(&inner, w, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", a->t.w.name);
	for (size_t i = 0; i < inner.n_imports; i++)
		TRY(layout_add_import(a->t.l, inner.imports[i].name, strlen(inner.imports[i].name),
				      inner.imports[i].allowed, err));
	/* Tensors that other files hold: this one alone says too little. */
	if (inner.n_externals > 0)
		return WM_OK;
	TRY(count_kept(a, &inner, err));
	TRY(keep_pieces(a, &inner, &e->m, err));
	e->layout = a->t.l->n_members;
	return add_layout(a->t.l, &inner, err);
}

/*
 * PyTorch's archives from before 2017: loading them runs the pickles in them, as far as it gets.
 * They are code by these names alone, and several pickles one behind the other.
 */
static bool is_legacy(const struct tar_member *m)
{
	return strcmp(m->name, "pickle") == 0 || strcmp(m->name, "storages") == 0 ||
	       strcmp(m->name, "tensors") == 0;
}

/* Reads a file by its own format; archives in archives, and what has no format, are opaque. */
static enum wm_code look_into(struct tar_archive *a, struct tar_entry *e, struct wm_error *err)
{
	const struct window w = { a->t.w.fd, a->t.w.off + e->m.off, e->m.size, e->m.name,
				  a->t.w.stream, NULL };
	const struct format *format = NULL;

	e->layout = SIZE_MAX;
	if (e->m.folder || w.size == 0 || is_legacy(&e->m))
		return WM_OK;
	TRY(format_pick_window(&format, &w, err));
	if (format == &format_raw || format == &format_tar || format == &format_tar_gz)
		return WM_OK;
	TRY(count_apart(a, format, err));
	return parse_member(a, e, format, &w, err);
}

/* --- members ------------------------------------------------------------------------- */

/* Code in the folder that SageMaker's servers import from. */
static enum wm_code note_code(struct tar_archive *a, const struct tar_member *m,
			      struct wm_error *err)
{
	cleanup_buf struct buf name = BUF_INIT(LIMIT_PATH + 16);

	if (m->folder || strncmp(m->name, "code/", 5) != 0)
		return WM_OK;
	TRY(buf_printf(&name, err, "sagemaker:%s", m->name));
	return layout_add_import(a->t.l, buf_str(&name), name.len, false, err);
}

/* Keeps the bytes of a member that has the name of slots. */
static enum wm_code take_value(struct tar_archive *a, const struct tar_entry *e,
			       struct wm_error *err)
{
	const size_t len = sizeof(TAR_SLOT_NAME) - 1;

	if (strncmp(e->m.name, TAR_SLOT_NAME, len) != 0 ||
	    (e->m.name[len] != 0 && e->m.name[len] != '/'))
		return WM_OK;
	a->own->taken = true;
	if (e->m.name[len] != 0 || e->m.folder || e->m.size == 0 || e->m.size > VALUE_MAX)
		return WM_OK;
	TRY(tar_keep(&a->value, &a->t, e->m.off, (size_t)e->m.size, err));
	a->value_len = (size_t)e->m.size;
	a->value_entry = a->own->n_entries;
	return WM_OK;
}

/* The order of paths in which what lies in a folder follows it at once. */
static int compare_paths(const void *x, const void *y)
{
	const char *a = (*(const struct tar_entry *const *)x)->m.name;
	const char *b = (*(const struct tar_entry *const *)y)->m.name;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (*a == '/' || *b == '/')
		return *a == '/' ? *b ? -1 : 1 : *a ? 1 : -1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static enum wm_code check_paths(const struct tar_archive *a, struct wm_error *err)
{
	const size_t n = a->own->n_entries;
	cleanup_free const struct tar_entry **sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &a->entries[i];
	qsort(sorted, n, sizeof(*sorted), compare_paths);
	for (size_t i = 1; i < n; i++) {
		const struct tar_member *x = &sorted[i - 1]->m, *y = &sorted[i]->m;
		const size_t len = strlen(x->name);

		if (strcmp(x->name, y->name) == 0)
			return fail(err, REASON_TAR_DUPLICATE, "%s: has '%s' twice", a->t.w.name,
				    x->name);
		if (!x->folder && strncmp(x->name, y->name, len) == 0 && y->name[len] == '/')
			return fail(err, REASON_TAR_DUPLICATE,
				    "%s: '%s' is a file, and a folder that holds '%s'",
				    a->t.w.name, x->name, y->name);
	}
	return WM_OK;
}

static enum wm_code note_legacy(struct tar_archive *a, struct wm_error *err)
{
	static const char import[] = "torch.legacy_tar";
	bool found = false;

	for (size_t i = 0; i < a->own->n_entries; i++)
		found |= is_legacy(&a->entries[i].m);
	return found ? layout_add_import(a->t.l, import, sizeof(import) - 1, false, err) : WM_OK;
}

enum wm_code tar_read_members(struct tar_archive *a, struct wm_error *err)
{
	a->value_entry = SIZE_MAX;
	for (bool end = false;;) {
		const size_t n_pieces = a->t.l->n_pieces;
		struct tar_entry *e;

		e = array_grow(a->entries, a->own->n_entries, sizeof(*e));
		if (!e)
			return fail_nomem(err);
		a->entries = e;
		e += a->own->n_entries;
		TRY(tar_next(&a->t, &e->m, &end, err));
		if (end)
			break;
		a->own->n_first = n_pieces;
		TRY(take_value(a, e, err));
		if (a->value_entry == a->own->n_entries)
			e->layout = SIZE_MAX;
		else
			TRY(look_into(a, e, err));
		TRY(note_code(a, &e->m, err));
		a->own->n_entries++;
	}
	TRY(check_paths(a, err));
	TRY(note_legacy(a, err));
	a->own->kept = a->t.kept;
	return WM_OK;
}
