/* SPDX-License-Identifier: Apache-2.0 */
/* What all layouts share: releasing them, pieces, the order of names, counting elements. */
#include "format/format.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

void layout_release(struct layout *l)
{
	arena_release(&l->arena);
	buf_release(&l->head);
	free(l->pieces);
	buf_release(&l->carried);
	free(l->segments);
	free(l->tensors);
	free(l->by_name);
	free(l->externals);
	free(l->imports);
	tree_release(&l->metadata);
	for (size_t i = 0; i < l->n_members; i++)
		layout_release(&l->members[i]); /* as deep as archives are read in archives */
	free(l->members);
	*l = (struct layout)LAYOUT_INIT;
}

enum wm_code layout_add_piece(struct layout *l, uint64_t off, const void *data, size_t len,
			      struct wm_error *err)
{
	struct piece *grown;

	if (len == 0)
		return WM_OK;
	grown = array_grow(l->pieces, l->n_pieces, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	l->pieces = grown;
	l->pieces[l->n_pieces++] = (struct piece){ off, len, data };
	return WM_OK;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

void layout_sort_pieces(struct layout *l)
{
	if (l->n_pieces > 1)
		qsort(l->pieces, l->n_pieces, sizeof(*l->pieces), compare_pieces);
	for (size_t i = 1; i < l->n_pieces; i++)
		assert(l->pieces[i - 1].off + l->pieces[i - 1].len <= l->pieces[i].off);
}

enum wm_code layout_close_head(struct layout *l, struct wm_error *err)
{
	l->zone.to = l->head.len;
	return layout_add_piece(l, 0, l->head.data, l->head.len, err);
}

/* Where a name is among the imports, or would be. */
static size_t find_import(bool *found, const struct layout *l, const char *name, size_t len)
{
	size_t from = 0, to = l->n_imports;

	*found = false;
	while (from < to && !*found) {
		const size_t at = from + (to - from) / 2;
		const char *other = l->imports[at].name;
		const size_t n = strlen(other);
		int order = memcmp(name, other, len < n ? len : n);

		order = order ? order : (len > n) - (len < n);
		*found = order == 0;
		if (order > 0)
			from = at + 1;
		else
			to = at;
	}
	return to;
}

enum wm_code layout_add_import(struct layout *l, const char *name, size_t len, bool allowed,
			       struct wm_error *err)
{
	bool found;
	const size_t at = find_import(&found, l, name, len);
	struct import *grown;
	char *copy = NULL;

	if (found) {
		l->imports[at].allowed &= allowed;
		return WM_OK;
	}
	if (l->n_imports == LIMIT_IMPORTS)
		return fail(err, REASON_LIMIT, "more than %d names of code", LIMIT_IMPORTS);
	grown = array_grow(l->imports, l->n_imports, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	l->imports = grown;
	TRY(arena_copy(&copy, &l->arena, name, len, err));
	memmove(&grown[at + 1], &grown[at], (l->n_imports++ - at) * sizeof(*grown));
	grown[at] = (struct import){ copy, allowed };
	return WM_OK;
}

enum wm_code layout_add_tensor(struct layout *l, const struct tensor *t, const char *name,
			       struct wm_error *err)
{
	struct tensor *grown;

	if (l->n_tensors == LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: has more than %d tensors", name, LIMIT_TENSORS);
	grown = array_grow(l->tensors, l->n_tensors, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	l->tensors = grown;
	l->tensors[l->n_tensors++] = *t;
	return WM_OK;
}

enum wm_code layout_add_external(struct layout *l, const struct external *e, struct wm_error *err)
{
	struct external *grown = array_grow(l->externals, l->n_externals, sizeof(*grown));

	if (!grown)
		return fail_nomem(err);
	l->externals = grown;
	l->externals[l->n_externals++] = *e;
	return WM_OK;
}

enum wm_code layout_bound_gathered(const struct layout *l, enum reason reason, const char *name,
				   struct wm_error *err)
{
	uint64_t sum = 0, most;

	if (__builtin_mul_overflow(l->size, (uint64_t)LIMIT_RATIO, &most))
		most = UINT64_MAX;
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];

		if (t->source && (__builtin_add_overflow(sum, t->len, &sum) || sum > most))
			return fail(err, reason, "%s: up to '%.80s' its tensors that are no runs "
						 "of it have over %d times its size", name,
				    t->name, LIMIT_RATIO);
	}
	return WM_OK;
}

uint64_t layout_file_off(const struct layout *l, uint64_t off)
{
	return off < l->zone.to ? off : off + l->slot_len;
}

enum wm_code layout_append_zone(struct buf *out, const struct layout *l, struct wm_error *err)
{
	uint64_t at = l->zone.from;

	for (size_t i = 0; i < l->n_pieces && at < l->zone.to; i++) {
		const struct piece *p = &l->pieces[i];
		uint64_t end = p->off + p->len < l->zone.to ? p->off + p->len : l->zone.to;

		if (end <= at)
			continue;
		assert(p->off <= at);
		TRY(buf_append(out, p->data + (at - p->off), (size_t)(end - at), err));
		at = end;
	}
	return WM_OK;
}

uint64_t layout_zone_len(const struct layout *l)
{
	return l->zone.to - l->zone.from + l->slot_len;
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
