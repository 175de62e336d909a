/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent makes of the list of a child, none of which it believes. */
#include "format/hdf5_internal.h"

#include <stdlib.h>
#include <string.h>

#include "format/keras_config.h"
#include "util/cursor.h"
#include "util/utf8.h"

enum { TENSORS_FIRST = 16 };

struct taking {
	struct layout *l;
	uint64_t base;	  /* of what the library reads, in the view */
	const char *name; /* of the file */
	struct cursor in;
	size_t cap;	 /* of l->tensors */
	uint32_t *order; /* of the tensors that are runs: by offset, longest first */
	size_t n_runs;
};

static enum wm_code babbled(const struct taking *t, struct wm_error *err)
{
	return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader answers in another language",
		    t->name);
}

/* --- records ----------------------------------------------------------------------------- */

static enum wm_code new_tensor(struct taking *t, struct wm_error *err)
{
	struct layout *l = t->l;

	if (l->n_tensors == LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: more than %d data sets", t->name,
			    LIMIT_TENSORS);
	if (l->n_tensors == t->cap) {
		const size_t cap = t->cap ? 2 * t->cap : TENSORS_FIRST;
		struct tensor *grown = reallocarray(l->tensors, cap, sizeof(*grown));

		if (!grown)
			return fail_nomem(err);
		l->tensors = grown;
		t->cap = cap;
	}
	l->tensors[l->n_tensors] = (struct tensor){ .segment = SIZE_MAX };
	return WM_OK;
}

static enum wm_code take_dims(struct taking *t, struct tensor *tensor, struct wm_error *err)
{
	void *memory = NULL;
	uint64_t *dims, n = 0;

	if (tensor->rank > 0) {
		TRY(arena_alloc(&memory, &t->l->arena, tensor->rank * sizeof(*dims), err));
		dims = memory;
		for (unsigned i = 0; i < tensor->rank; i++)
			if (!cursor_u64le(&t->in, &dims[i]))
				return babbled(t, err);
		tensor->dims = dims;
	}
	if (!tensor_elements(tensor, &n) || !dtype_len(&tensor->len, tensor->dtype, n))
		return fail(err, REASON_HDF5_STORAGE,
			    "%s: a data set has more bytes than 64 bits count", t->name);
	return WM_OK;
}

static enum wm_code take_name(struct taking *t, struct tensor *tensor, uint32_t len,
			      struct wm_error *err)
{
	const uint8_t *name = cursor_take(&t->in, len);
	char *copy = NULL;

	if (!name || len > LIMIT_NAME)
		return babbled(t, err);
	if (len == 0 || !utf8_valid(name, len) ||
	    tensor_name_has_controls((const char *)name, len))
		return fail(err, REASON_HDF5_NAME,
			    "%s: the path of a data set is not UTF-8, or has a control character",
			    t->name);
	TRY(arena_copy(&copy, &t->l->arena, name, len, err));
	tensor->name = copy;
	tensor->name_len = len;
	return WM_OK;
}

/* Takes the record of a data set behind its first byte; its source is kept, whatever it is. */
static enum wm_code take_dataset(struct taking *t, struct wm_error *err)
{
	const uint8_t *head = cursor_take(&t->in, 3);
	struct hdf5_source *source;
	struct tensor *tensor;
	uint32_t name_len = 0;
	void *memory = NULL;

	if (!head || head[0] >= N_DTYPES || dtype_info(head[0])->elements != 1 ||
	    head[1] > HDF5_RANK_MAX || head[2] > 1 || !cursor_u32le(&t->in, &name_len))
		return babbled(t, err);
	TRY(new_tensor(t, err));
	TRY(arena_alloc(&memory, &t->l->arena, sizeof(*source), err));
	source = memory;
	tensor = &t->l->tensors[t->l->n_tensors];
	tensor->dtype = head[0];
	tensor->rank = head[1];
	tensor->source = source;
	source->is_run = head[2];
	source->base = t->base;
	if (!cursor_u64le(&t->in, &source->off))
		return babbled(t, err);
	TRY(take_dims(t, tensor, err));
	TRY(take_name(t, tensor, name_len, err));
	if (source->is_run &&
	    (source->off > t->l->size - t->base ||
	     tensor->len > t->l->size - t->base - source->off))
		return fail(err, REASON_HDF5_STORAGE, "%s: '%.120s' does not lie within the file",
			    t->name, tensor->name);
	t->l->n_tensors++;
	return WM_OK;
}

static enum wm_code take_config(struct taking *t, struct wm_error *err)
{
	const uint8_t *text;
	uint32_t len = 0;

	if (!cursor_u32le(&t->in, &len))
		return babbled(t, err);
	text = cursor_take(&t->in, len);
	if (!text || len > HDF5_CONFIG_MAX)
		return babbled(t, err);
	return keras_add_imports(t->l, text, len, t->name, err);
}

static enum wm_code take_records(struct taking *t, struct wm_error *err)
{
	while (cursor_left(&t->in) > 0) {
		const int kind = *cursor_take(&t->in, 1);

		if (kind == HDF5_DATASET)
			TRY(take_dataset(t, err));
		else if (kind == HDF5_CONFIG)
			TRY(take_config(t, err));
		else
			return babbled(t, err);
	}
	return WM_OK;
}

/* --- segments ---------------------------------------------------------------------------- */

static const struct hdf5_source *source_of(const struct tensor *t)
{
	return t->source;
}

static int compare_runs(const void *a, const void *b, void *tensors)
{
	const struct tensor *all = tensors;
	const struct tensor *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
	const uint64_t x_off = source_of(x)->off, y_off = source_of(y)->off;

	if (x_off != y_off)
		return x_off < y_off ? -1 : 1;
	return (x->len < y->len) - (x->len > y->len);
}

static enum wm_code sort_runs(struct taking *t, struct wm_error *err)
{
	t->order = calloc(t->l->n_tensors + 1, sizeof(*t->order));
	if (!t->order)
		return fail_nomem(err);
	for (size_t i = 0; i < t->l->n_tensors; i++) {
		struct tensor *tensor = &t->l->tensors[i];

		if (tensor->len == 0)
			tensor->source = NULL;
		else if (source_of(tensor)->is_run)
			t->order[t->n_runs++] = (uint32_t)i;
	}
	if (t->n_runs > 0)
		qsort_r(t->order, t->n_runs, sizeof(*t->order), compare_runs, t->l->tensors);
	return WM_OK;
}

static void add_segment(struct layout *l, uint64_t from, uint64_t to, bool tensor)
{
	if (to > from)
		l->segments[l->n_segments++] = (struct segment){ .off = from, .len = to - from,
								 .tensor = tensor };
}

/* Makes the segments. Of runs that overlap, the first is one, and those of the same range. */
static enum wm_code place(struct taking *t, struct wm_error *err)
{
	struct layout *l = t->l;
	uint64_t end = 0;

	l->segments = calloc(2 * t->n_runs + 1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	for (size_t i = 0; i < t->n_runs; i++) {
		struct tensor *tensor = &l->tensors[t->order[i]];
		const uint64_t off = t->base + source_of(tensor)->off;
		const struct segment *last = l->n_segments ? &l->segments[l->n_segments - 1] : NULL;

		if (off >= end) {
			add_segment(l, end, off, false);
			end = off + tensor->len;
			add_segment(l, off, end, true);
		} else if (!last || last->off != off || last->len != tensor->len) {
			continue;
		}
		tensor->segment = l->n_segments - 1;
		tensor->source = NULL;
	}
	add_segment(l, end, l->size, false);
	return WM_OK;
}

static enum wm_code take_all(struct taking *t, struct wm_error *err)
{
	TRY(take_records(t, err));
	TRY(layout_sort_names(t->l, REASON_HDF5_DUPLICATE, t->name, err));
	TRY(sort_runs(t, err));
	TRY(place(t, err));
	return layout_bound_gathered(t->l, REASON_HDF5_EXPANSION, t->name, err);
}

enum wm_code hdf5_take_list(struct layout *l, uint64_t base, const void *list, size_t len,
			    const char *name, struct wm_error *err)
{
	struct taking t = { .l = l, .base = base, .name = name, .in = cursor_of(list, len) };
	enum wm_code code;

	l->has_tensors = true;
	code = take_all(&t, err);
	free(t.order);
	return code;
}
