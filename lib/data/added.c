/* SPDX-License-Identifier: Apache-2.0 */
/* New records, the first ones of them by name. */
#include "data/added.h"

#include <stdlib.h>
#include <string.h>

#include "util/cursor.h"
#include "util/limits.h"

enum { ROOM = 2 * LIMIT_CHANGES_LISTED };

static uint64_t first_bytes(const uint8_t leaf[SHA256_BYTES])
{
	struct cursor in = cursor_of(leaf, sizeof(uint64_t));
	uint64_t first = 0;

	(void)cursor_u64be(&in, &first);
	return first;
}

enum wm_code added_new(struct added **out, const struct commitments *c, const struct record_key *k,
		       struct wm_error *err)
{
	cleanup_added struct added *a = calloc(1, sizeof(*a));

	if (!a)
		return fail_nomem(err);
	a->key = k;
	a->known = calloc(c->header.n_rows, sizeof(*a->known));
	a->list = calloc(ROOM, sizeof(*a->list));
	if (!a->known || !a->list)
		return fail_nomem(err);
	a->n_known = c->header.n_rows;
	TRY(commitments_first_bytes(a->known, c, err));
	*out = take_ptr(&a);
	return WM_OK;
}

void added_free(struct added *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->list && i < a->n; i++)
		free(a->list[i].name);
	free(a->list);
	free(a->known);
	free(a);
}

bool added_is_new(const struct added *a, const uint8_t leaf[SHA256_BYTES])
{
	const uint64_t first = first_bytes(leaf);
	size_t from = 0, to = a->n_known;

	while (from < to) {
		const size_t middle = from + (to - from) / 2;

		if (a->known[middle] < first)
			from = middle + 1;
		else
			to = middle;
	}
	return from == a->n_known || a->known[from] != first;
}

static int compare(const void *p, const void *q)
{
	const struct added_record *a = p, *b = q;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->name && b->name ? strcmp(a->name, b->name) : 0;
}

void added_close(struct added *a)
{
	qsort(a->list, a->n, sizeof(*a->list), compare);
	while (a->n > LIMIT_CHANGES_LISTED)
		free(a->list[--a->n].name);
}

enum wm_code added_note(struct added *a, const char *name, uint64_t number, struct wm_error *err)
{
	struct added_record r = { .name = name ? strdup(name) : NULL, .number = number };

	if (name && !r.name)
		return fail_nomem(err);
	a->list[a->n++] = r;
	if (a->n == ROOM)
		added_close(a);
	return WM_OK;
}
