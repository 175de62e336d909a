/* SPDX-License-Identifier: Apache-2.0 */
/* Tiling a file with the runs of its tensors. */
#include "format/place.h"

#include <assert.h>
#include <stdlib.h>

#include "util/array.h"
#include "util/cleanup.h"

enum wm_code place_add(struct layout *l, uint64_t **offs, const struct tensor *t, uint64_t off,
		       const char *name, struct wm_error *err)
{
	uint64_t *grown = array_grow(*offs, l->n_tensors, sizeof(*grown));

	if (!grown)
		return fail_nomem(err);
	*offs = grown;
	grown[l->n_tensors] = off;
	return layout_add_tensor(l, t, name, err);
}

struct run {
	uint64_t off, len;
	size_t tensor;
};

static int compare_runs(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

/* The runs that have bytes, sorted; free() them. */
static enum wm_code sort_runs(struct run **out, size_t *n, const struct layout *l,
			      const uint64_t *offs, struct wm_error *err)
{
	struct run *runs = calloc(l->n_tensors + 1, sizeof(*runs));

	if (!runs)
		return fail_nomem(err);
	*n = 0;
	for (size_t i = 0; i < l->n_tensors; i++)
		if (offs[i] != PLACE_NONE && l->tensors[i].len > 0)
			runs[(*n)++] = (struct run){ offs[i], l->tensors[i].len, i };
	if (*n > 1)
		qsort(runs, *n, sizeof(*runs), compare_runs);
	*out = runs;
	return WM_OK;
}

static bool is_same(const struct run *a, const struct run *b)
{
	return a->off == b->off && a->len == b->len;
}

enum wm_code place_part_overlaps(const struct layout *l, uint64_t *offs, struct wm_error *err)
{
	cleanup_free struct run *runs = NULL;
	size_t n = 0, next;

	TRY(sort_runs(&runs, &n, l, offs, err));
	/* Runs that are connected by overlapping stay only where all of them are one. */
	for (size_t i = 0; i < n; i = next) {
		uint64_t end = runs[i].off + runs[i].len;
		bool same = true;

		for (next = i + 1; next < n && runs[next].off < end; next++) {
			same &= is_same(&runs[i], &runs[next]);
			if (runs[next].off + runs[next].len > end)
				end = runs[next].off + runs[next].len;
		}
		for (size_t k = i; !same && k < next; k++)
			offs[runs[k].tensor] = PLACE_NONE;
	}
	return WM_OK;
}

struct tiling {
	struct layout *layout;
	uint64_t at; /* all before is tiled */
};

static void add(struct tiling *t, uint64_t end, bool tensor)
{
	struct layout *l = t->layout;

	if (end == t->at)
		return;
	l->segments[l->n_segments++] =
		(struct segment){ .off = t->at, .len = end - t->at, .tensor = tensor };
	t->at = end;
}

/* Skeleton up to `end`, cut where the zone begins and ends. */
static void add_skeleton(struct tiling *t, uint64_t end)
{
	const uint64_t cuts[] = { t->layout->zone.from, t->layout->zone.to, end };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		if (cuts[i] > t->at && cuts[i] <= end)
			add(t, cuts[i], false);
}

enum wm_code place_segments(struct layout *l, const uint64_t *offs, struct wm_error *err)
{
	cleanup_free struct run *runs = NULL;
	struct tiling t = { l, 0 };
	size_t n = 0;

	TRY(sort_runs(&runs, &n, l, offs, err));
	l->segments = calloc(2 * n + 3, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	for (size_t i = 0; i < l->n_tensors; i++)
		l->tensors[i].segment = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !is_same(&runs[i - 1], &runs[i])) {
			assert(runs[i].off >= t.at && runs[i].len <= l->size - runs[i].off);
			add_skeleton(&t, runs[i].off);
			add(&t, runs[i].off + runs[i].len, true);
		}
		l->tensors[runs[i].tensor].segment = l->n_segments - 1;
	}
	add_skeleton(&t, l->size);
	return WM_OK;
}
