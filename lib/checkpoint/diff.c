/* SPDX-License-Identifier: Apache-2.0 */
/* A merge of two lists of tensors, both sorted by name. */
#include "checkpoint/diff.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/digests.h"

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

static bool same_content(const struct checkpoint *a, const struct tensor *x,
			 const struct checkpoint *b, const struct tensor *y)
{
	return x->dtype == y->dtype && x->rank == y->rank && x->len == y->len &&
	       memcmp(x->dims, y->dims, x->rank * sizeof(*x->dims)) == 0 &&
	       memcmp(tensor_digest(&a->layout, x), tensor_digest(&b->layout, y), SHA256_BYTES) ==
		       0;
}

static const struct tensor *by_name(const struct checkpoint *c, size_t i)
{
	return i < c->layout.n_tensors ? &c->layout.tensors[c->layout.by_name[i]] : NULL;
}

const struct tensor *diff_tensor(const struct diff_row *row)
{
	return row->after ? row->after : row->before;
}

enum wm_code diff_checkpoints(struct diff *out, const struct checkpoint *before,
			      const struct checkpoint *after, struct wm_error *err)
{
	size_t n = before->layout.n_tensors + after->layout.n_tensors, i = 0, j = 0;
	struct diff d = { 0 };

	if (!before->has_weights || !after->has_weights)
		return fail(err, REASON_NO_TENSORS, "%s: its tensors cannot be told apart (%s)",
			    before->has_weights ? after->path : before->path,
			    (before->has_weights ? after : before)->layout.format->grammar);
	d.rows = calloc(n + 1, sizeof(*d.rows));
	if (!d.rows)
		return fail_nomem(err);
	while (i < before->layout.n_tensors || j < after->layout.n_tensors) {
		const struct tensor *x = by_name(before, i), *y = by_name(after, j);
		int order = !x ? 1 : !y ? -1 : tensor_compare_names(x, y);
		struct diff_row row = { .before = order <= 0 ? x : NULL,
					.after = order >= 0 ? y : NULL };

		if (order < 0)
			row.difference = DIFF_REMOVED;
		else if (order > 0)
			row.difference = DIFF_ADDED;
		else
			row.difference =
				same_content(before, x, after, y) ? DIFF_EQUAL : DIFF_CHANGED;
		i += order <= 0;
		j += order >= 0;
		d.count[row.difference]++;
		d.bytes[row.difference] += diff_tensor(&row)->len;
		d.rows[d.n_rows++] = row;
	}
	*out = d;
	return WM_OK;
}
