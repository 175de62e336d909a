/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a zip archive: finding and reading them. */
#include <stdlib.h>
#include <string.h>

#include "format/zip_internal.h"

/* --- names ---------------------------------------------------------------------------- */

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (uint8_t)c;
}

/* The order of names but for the case of ASCII letters, which some readers do not tell. */
static int compare_folded(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) - fold(*b);
}

bool zip_same_name(const char *a, const char *b)
{
	return compare_folded(a, b) == 0;
}

static int compare_names(const void *a, const void *b, void *members)
{
	const struct zip_member *all = members;

	return compare_folded(all[*(const uint32_t *)a].name, all[*(const uint32_t *)b].name);
}

enum wm_code zip_sort_names(struct zip *z, struct wm_error *err)
{
	z->by_name = calloc(z->n_members + 1, sizeof(*z->by_name));
	if (!z->by_name)
		return fail_nomem(err);
	for (size_t i = 0; i < z->n_members; i++)
		z->by_name[i] = (uint32_t)i;
	if (z->n_members > 1)
		qsort_r(z->by_name, z->n_members, sizeof(*z->by_name), compare_names, z->members);
	for (size_t i = 1; i < z->n_members; i++)
		if (compare_names(&z->by_name[i - 1], &z->by_name[i], z->members) == 0)
			return fail(err, REASON_ZIP_DUPLICATE,
				    "%s: two members '%.80s', but for upper and lower case",
				z->name,
				    z->members[z->by_name[i]].name);
	return WM_OK;
}

const struct zip_member *zip_find(const struct zip *z, const char *name)
{
	size_t low = 0, high = z->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct zip_member *m = &z->members[z->by_name[middle]];
		int order = compare_folded(m->name, name);

		if (order == 0)
			return strcmp(m->name, name) == 0 ? m : NULL;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* --- members -------------------------------------------------------------------------- */

struct window zip_window(const struct zip_member *m, const struct window *w, const char *name)
{
	return (struct window){ .fd = w->fd, .off = w->off + m->off, .size = m->stored_len,
				.name = name, .stream = w->stream };
}

enum wm_code zip_load(const uint8_t **out, struct layout *l, const struct zip_member *m,
		      size_t max, const struct window *w, struct wm_error *err)
{
	void *copy = NULL;

	if (m->deflated)
		return fail(err, REASON_ZIP_METHOD, "%s: member '%.80s' is compressed", w->name,
			    m->name);
	if (m->len > max)
		return fail(err, REASON_LIMIT, "%s: member '%.80s' has %llu bytes, over %zu",
			    w->name, m->name, (unsigned long long)m->len, max);
	TRY(arena_alloc(&copy, &l->arena, (size_t)m->len + 1, err));
	TRY(window_read(w, copy, (size_t)m->len, m->off, err));
	TRY(layout_add_piece(l, m->off, copy, (size_t)m->len, err));
	*out = copy;
	return WM_OK;
}

enum wm_code zip_close(struct zip *z, struct layout *l, struct wm_error *err)
{
	l->size = z->directory_off + z->tail_len;
	l->zone.from = z->directory_off;
	l->zone.to = l->size;
	TRY(layout_add_piece(l, z->directory_off, z->tail, z->tail_len, err));
	layout_sort_pieces(l);
	return WM_OK;
}
