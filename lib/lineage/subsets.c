/* SPDX-License-Identifier: Apache-2.0 */
/* Asking commitments for records. */
#include "lineage/subsets.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

void subsets_release(struct subsets *s)
{
	struct commitments **files = s->files.list;

	for (size_t i = 0; i < s->files.n; i++)
		commitments_close(files[i]);
	gathered_list_release(&s->files);
}

void subset_answers_release(struct subset_answers *a)
{
	gathered_list_release(&a->list);
	free(a->without);
	a->without = NULL;
}

static int compare_keys(const void *x, const void *y)
{
	const struct commitments *const *a = x, *const *b = y;

	return memcmp((*a)->header.key_id, (*b)->header.key_id, SHA256_BYTES);
}

enum wm_code subsets_add(struct subsets *s, const char *path, struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;
	struct commitments_change none;
	struct commitments **place;

	TRY(commitments_open(&c, path, err));
	TRY(commitments_check(&none, c, NULL, err));
	TRY(gathered_add(&place, &s->files, sizeof(*place), err));
	*place = take_ptr(&c);
	qsort(s->files.list, s->files.n, sizeof(*place), compare_keys);
	return WM_OK;
}

static int compare_answers(const void *x, const void *y)
{
	const struct subset_answer *a = x, *b = y;
	const int order = memcmp(a->root, b->root, SHA256_BYTES);

	return order ? order : (int)a->has - (int)b->has;
}

/*
 * Of the `n_files` under one key: each has some of the leaves or, where every leaf is in some of
 * them, has none.
 */
static enum wm_code ask_key(struct subset_answers *out, struct commitments *const *files,
			    size_t n_files, const uint8_t *const *leaves, size_t n,
			    struct wm_error *err)
{
	cleanup_free enum subset_has *has = calloc(n_files + 1, sizeof(*has));
	struct subset_answer *a;
	bool all = n > 0;

	if (!has)
		return fail_nomem(err);
	for (size_t k = 0; k < n; k++) {
		bool known = false, found = false;
		uint64_t row;

		for (size_t i = 0; i < n_files; i++) {
			TRY(commitments_find(&row, &found, files[i], leaves[k], err));
			known |= found;
			has[i] = found ? SUBSET_HAS : has[i];
		}
		all &= known;
	}
	for (size_t i = 0; i < n_files; i++) {
		const uint8_t *roots[] = { files[i]->header.root, files[i]->header.content_root };

		for (size_t k = 0; k < sizeof(roots) / sizeof(roots[0]); k++) {
			TRY(gathered_add(&a, &out->list, sizeof(*a), err));
			*a = (struct subset_answer){ roots[k], has[i] };
			if (all && has[i] == SUBSET_UNKNOWN)
				a->has = SUBSET_HAS_NONE;
		}
	}
	return WM_OK;
}

/* One root may be under several keys: what one of them knows counts. */
static enum wm_code unite(struct subset_answers *out, struct wm_error *err)
{
	struct subset_answer *list = out->list.list;
	size_t n = 0;

	out->without = calloc(out->list.n + 1, sizeof(*out->without));
	if (!out->without)
		return fail_nomem(err);
	if (out->list.n > 0)
		qsort(list, out->list.n, sizeof(*list), compare_answers);
	for (size_t i = 0; i < out->list.n; i++) {
		if (n == 0 || memcmp(list[n - 1].root, list[i].root, SHA256_BYTES) != 0)
			list[n++] = list[i];
		else if (list[n - 1].has == SUBSET_UNKNOWN)
			list[n - 1].has = list[i].has;
	}
	out->list.n = n;
	for (size_t i = 0; i < n; i++)
		if (list[i].has == SUBSET_HAS_NONE)
			out->without[out->n_without++] = list[i].root;
	return WM_OK;
}

enum wm_code subsets_ask(struct subset_answers *out, const struct subsets *s,
			 const uint8_t *const *leaves, size_t n, struct wm_error *err)
{
	struct commitments *const *files = s ? s->files.list : NULL;
	const size_t n_files = s ? s->files.n : 0;

	for (size_t i = 0, next; i < n_files; i = next) {
		for (next = i + 1; next < n_files && compare_keys(&files[i], &files[next]) == 0;)
			next++;
		TRY(ask_key(out, files + i, next - i, leaves, n, err));
	}
	return unite(out, err);
}

enum subset_has subset_answer(const struct subset_answers *a, const uint8_t root[SHA256_BYTES])
{
	const struct subset_answer *list = a->list.list;
	size_t low = 0, high = a->list.n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (memcmp(list[middle].root, root, SHA256_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == a->list.n || memcmp(list[low].root, root, SHA256_BYTES) != 0)
		return SUBSET_UNKNOWN;
	return list[low].has;
}
