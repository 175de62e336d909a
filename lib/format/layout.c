/* SPDX-License-Identifier: Apache-2.0 */
/* What all layouts share: releasing them, the order of names, counting elements. */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

void layout_release(struct layout *l)
{
	arena_release(&l->arena);
	buf_release(&l->head);
	buf_release(&l->carried);
	free(l->segments);
	free(l->tensors);
	free(l->by_name);
	tree_release(&l->metadata);
	*l = (struct layout)LAYOUT_INIT;
}

int tensor_compare_names(const struct tensor *a, const struct tensor *b)
{
	size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, len);

	return order ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

static int compare_indices(const void *a, const void *b, void *tensors)
{
	const struct tensor *all = tensors;

	return tensor_compare_names(&all[*(const uint32_t *)a], &all[*(const uint32_t *)b]);
}

enum wm_code layout_sort_names(struct layout *l, enum reason duplicate, const char *name,
			       struct wm_error *err)
{
	if (l->n_tensors == 0)
		return WM_OK;
	l->by_name = malloc(l->n_tensors * sizeof(*l->by_name));
	if (!l->by_name)
		return fail_nomem(err);
	for (size_t i = 0; i < l->n_tensors; i++)
		l->by_name[i] = (uint32_t)i;
	qsort_r(l->by_name, l->n_tensors, sizeof(*l->by_name), compare_indices, l->tensors);
	for (size_t i = 1; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[l->by_name[i]];

		if (tensor_compare_names(&l->tensors[l->by_name[i - 1]], t) == 0)
			return fail(err, duplicate, "%s: two tensors have the name '%s'", name,
				    t->name);
	}
	return WM_OK;
}

bool tensor_elements(const struct tensor *t, uint64_t *out)
{
	uint64_t product = 1;
	bool empty = false;

	for (unsigned i = 0; i < t->rank; i++) {
		if (t->dims[i] == 0)
			empty = true;
		else if (__builtin_mul_overflow(product, t->dims[i], &product))
			return false;
	}
	*out = empty ? 0 : product;
	return true;
}

enum wm_code layout_count_elements(uint64_t *out, const struct layout *l, const char *name,
				   struct wm_error *err)
{
	uint64_t sum = 0, n;

	for (size_t i = 0; i < l->n_tensors; i++)
		if (!tensor_elements(&l->tensors[i], &n) || __builtin_add_overflow(sum, n, &sum))
			return fail(err, REASON_LIMIT, "%s: more parameters than 64 bits count",
				    name);
	*out = sum;
	return WM_OK;
}

bool tensor_name_has_controls(const char *name, size_t len)
{
	const uint8_t *p = (const uint8_t *)name;

	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f ||
		    (p[i] == 0xc2 && i + 1 < len && p[i + 1] < 0xa0))
			return true;
	return false;
}
