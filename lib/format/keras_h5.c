/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5 in Keras models: read where it lies, its offsets moved to those of the archive. */
#include "format/keras_h5.h"

#include <stdlib.h>
#include <string.h>

#include "format/place.h"

/* Of a tensor that the member's own layout gathers. */
struct source {
	const struct tensor *inner;
	uint64_t off, size; /* of the member */
};

static enum wm_code add_tensor(struct arrays *a, const struct layout *inner, size_t i,
			       const struct zip_member *m, struct wm_error *err)
{
	struct layout *l = a->layout;
	const struct tensor *from = &inner->tensors[i];
	struct tensor *t = &l->tensors[i];
	void *memory = NULL;

	*t = *from;
	t->source = NULL;
	a->offs[i] = PLACE_NONE;
	if (from->segment != SIZE_MAX) {
		a->offs[i] = m->off + layout_file_off(inner, inner->segments[from->segment].off);
	} else if (from->source) {
		TRY(arena_alloc(&memory, &l->arena, sizeof(struct source), err));
		*(struct source *)memory = (struct source){ from, m->off, m->stored_len };
		t->source = memory;
	}
	return WM_OK;
}

static enum wm_code add_imports(struct layout *l, const struct layout *inner, struct wm_error *err)
{
	for (size_t i = 0; i < inner->n_imports; i++)
		TRY(layout_add_import(l, inner->imports[i].name, strlen(inner->imports[i].name),
				      inner->imports[i].allowed, err));
	return WM_OK;
}

enum wm_code keras_h5_add(struct arrays *a, const struct zip_member *m, struct wm_error *err)
{
	const struct window w = zip_window(m, a->file, a->file->name);
	struct layout *l = a->layout, *inner;

	l->members = calloc(1, sizeof(*l->members));
	if (!l->members)
		return fail_nomem(err);
	inner = &l->members[l->n_members++];
	*inner = (struct layout)LAYOUT_INIT;
	inner->format = &format_hdf5;
	TRY(format_hdf5.parse(inner, &w, err));
	TRY(add_imports(l, inner, err));
	l->tensors = calloc(inner->n_tensors + 1, sizeof(*l->tensors));
	a->offs = calloc(inner->n_tensors + 1, sizeof(*a->offs));
	if (!l->tensors || !a->offs)
		return fail_nomem(err);
	for (; l->n_tensors < inner->n_tensors; l->n_tensors++)
		TRY(add_tensor(a, inner, l->n_tensors, m, err));
	return WM_OK;
}

enum wm_code keras_h5_gather(const struct layout *l, const struct tensor *t, const struct window *w,
			     const struct sink *sink, struct wm_error *err)
{
	const struct source *s = t->source;
	const struct window member = { .fd = w->fd, .off = w->off + s->off, .size = s->size,
				       .name = w->name, .stream = w->stream, .kept = w->kept };

	return format_hdf5.gather(&l->members[0], s->inner, &member, sink, err);
}
