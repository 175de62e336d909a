/* SPDX-License-Identifier: Apache-2.0 */
/* A merge of two lists of tensors, both sorted by name. */
#include "checkpoint/diff.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/digests.h"
#include "util/cleanup.h"

void diff_release(struct diff *d)
{
	free(d->rows);
	*d = (struct diff){ 0 };
}

const char *difference_name(enum difference difference)
{
	static const char *const names[N_DIFFERENCES] = {
		[DIFF_EQUAL] = "equal",
		[DIFF_CHANGED] = "changed",
		[DIFF_ADDED] = "added",
		[DIFF_REMOVED] = "removed",
	};

	return names[difference];
}

/* A tensor, and where it stands. */
struct place {
	const char *part;
	const struct layout *layout;
	const struct tensor *tensor;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->part, y->part);

	return order ? order : tensor_compare_names(x->tensor, y->tensor);
}

static int compare_part_name(const void *name, const void *part)
{
	return strcmp(name, ((const struct checkpoint_part *)part)->name);
}

/* Whether the part has tensors to compare: with those that it has in `other`, or all of them. */
static bool is_compared(const struct checkpoint_part *p, const struct checkpoint *other)
{
	const struct checkpoint_part *twin;

	if (!p->has_weights || other->n_parts == 0)
		return p->has_weights;
	twin = bsearch(p->name, other->parts, other->n_parts, sizeof(*twin), compare_part_name);
	return !twin || twin->has_weights;
}

/* Not checkpoint_n_tensors(): a file may be in several parts, and each tells its tensors. */
static size_t count_places(const struct checkpoint *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_parts; i++)
		for (size_t j = 0; j < c->parts[i].n_files; j++)
			n += c->files[c->parts[i].files[j]].layout.n_tensors;
	return n;
}

/* The tensors of all parts, in order; free() the list. */
static enum wm_code gather(struct place **out, size_t *n, const struct checkpoint *c,
			   const struct checkpoint *other, struct wm_error *err)
{
	const bool name_parts = c->n_parts > 1 || other->n_parts > 1;
	struct place *places = calloc(count_places(c) + 1, sizeof(*places));
	bool told = false;

	if (!places)
		return fail_nomem(err);
	*out = places;
	*n = 0;
	for (size_t i = 0; i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];
		bool compared = is_compared(p, other);

		told |= p->has_weights;
		for (size_t j = 0; compared && j < p->n_files; j++) {
			const struct layout *l = &c->files[p->files[j]].layout;

			for (size_t k = 0; k < l->n_tensors; k++)
				places[(*n)++] = (struct place){ name_parts ? p->name : "", l,
								 &l->tensors[k] };
		}
	}
	if (!told)
		return fail(err, REASON_NO_TENSORS, "%s: its tensors cannot be told apart (%s)",
			    c->path, c->files[0].layout.format->grammar);
	qsort(places, *n, sizeof(*places), compare_places);
	return WM_OK;
}

static bool same_content(const struct place *a, const struct place *b)
{
	const struct tensor *x = a->tensor, *y = b->tensor;

	return x->dtype == y->dtype && x->rank == y->rank && x->len == y->len &&
	       (x->rank == 0 || memcmp(x->dims, y->dims, x->rank * sizeof(*x->dims)) == 0) &&
	       memcmp(tensor_digest(a->layout, x), tensor_digest(b->layout, y), SHA256_BYTES) == 0;
}

const struct tensor *diff_tensor(const struct diff_row *row)
{
	return row->after ? row->after : row->before;
}

enum wm_code diff_checkpoints(struct diff *out, const struct checkpoint *before,
			      const struct checkpoint *after, struct wm_error *err)
{
	cleanup_free struct place *old = NULL, *new = NULL;
	size_t n_old = 0, n_new = 0, i = 0, j = 0;
	cleanup_diff struct diff d = { 0 };

	TRY(gather(&old, &n_old, before, after, err));
	TRY(gather(&new, &n_new, after, before, err));
	d.rows = calloc(n_old + n_new + 1, sizeof(*d.rows));
	if (!d.rows)
		return fail_nomem(err);
	for (;;) {
		const struct place *x = i < n_old ? &old[i] : NULL, *y = j < n_new ? &new[j] : NULL;
		int order = !x ? 1 : !y ? -1 : compare_places(x, y);
		struct diff_row row = { 0 };

		if (!x && !y)
			break;
		if (order <= 0) {
			row.part = x->part;
			row.before = x->tensor;
		}
		if (order >= 0) {
			row.part = y->part;
			row.after = y->tensor;
		}
		if (order < 0)
			row.difference = DIFF_REMOVED;
		else if (order > 0)
			row.difference = DIFF_ADDED;
		else
			row.difference = same_content(x, y) ? DIFF_EQUAL : DIFF_CHANGED;
		i += order <= 0;
		j += order >= 0;
		d.count[row.difference]++;
		d.bytes[row.difference] += diff_tensor(&row)->len;
		d.rows[d.n_rows++] = row;
	}
	*out = d;
	d.rows = NULL;
	return WM_OK;
}
