/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of events, sorted. */
#include "attest/retire_before.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

void retired_before_release(struct retired_before *b)
{
	gathered_list_release(&b->rows);
	arena_release(&b->arena);
}

int retired_compare(const struct retired_row *a, const struct retired_row *b)
{
	int order = strcmp(a->subject, b->subject);

	if (order == 0)
		order = strcmp(a->location, b->location);
	return order ? order : (int)a->withdrawn - (int)b->withdrawn;
}

static int compare_rows(const void *x, const void *y)
{
	const struct before_row *a = x, *b = y;
	const int order = retired_compare(&a->says, &b->says);

	if (order)
		return order;
	return (a->event > b->event) - (a->event < b->event);
}

static enum wm_code add(struct retired_before *out, const struct before_row *row,
			const Weightmark__V1__Reference *subject, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	struct before_row *place;
	char *copy = NULL;

	TRY(reference_text(&text, subject, err));
	TRY(arena_copy(&copy, &out->arena, buf_str(&text), text.len, err));
	TRY(gathered_add(&place, &out->rows, sizeof(*place), err));
	*place = *row;
	place->says.subject = copy;
	return WM_OK;
}

static enum wm_code add_event(struct retired_before *out, const struct said *said,
			      struct wm_error *err)
{
	const Weightmark__V1__LifecycleEvent *e =
		(const Weightmark__V1__LifecycleEvent *)said->statement->message;
	struct before_row row = { .event = said };

	if (e->kind == WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__withdrawn_from_use && e->subject) {
		row.says = (struct retired_row){ .withdrawn = true, .location = "",
						 .at = when_of_event(e), .evidence = e->evidence };
		return add(out, &row, e->subject, err);
	}
	for (size_t i = 0; i < e->n_destroyed; i++) {
		const Weightmark__V1__Destroyed *d = e->destroyed[i];

		if (d->n_location > 1)
			continue;
		row.item = i;
		row.says = (struct retired_row){ .location = d->n_location ? d->location[0] : "",
						 .at = when_destroyed(d),
						 .method = (int)d->method,
						 .evidence = d->log };
		TRY(add(out, &row, d->subject, err));
	}
	return WM_OK;
}

enum wm_code retired_before_load(struct retired_before *out, const struct orders *orders,
				 const uint8_t keyid[SHA256_BYTES], struct wm_error *err)
{
	out->arena = (struct arena)ARENA_INIT(LIMIT_GRAPH_MEMORY);
	for (size_t i = 0; i < orders->loose.n; i++)
		if (memcmp(orders->loose.list[i]->keyid, keyid, SHA256_BYTES) == 0)
			TRY(add_event(out, orders->loose.list[i], err));
	if (out->rows.n > 0)
		qsort(out->rows.list, out->rows.n, sizeof(struct before_row), compare_rows);
	return WM_OK;
}

static bool is_same_document(const Weightmark__V1__DocumentRef *a,
			     const Weightmark__V1__DocumentRef *b)
{
	if (!a || !b || !a->sha256 || !b->sha256)
		return a == b;
	return strcmp(a->uri ? a->uri : "", b->uri ? b->uri : "") == 0 &&
	       memcmp(a->sha256->sha256.data, b->sha256->sha256.data, SHA256_BYTES) == 0;
}

static bool says_the_same(const struct retired_row *a, const struct retired_row *b)
{
	return a->at.day == b->at.day && a->at.at == b->at.at && a->method == b->method &&
	       is_same_document(a->evidence, b->evidence);
}

enum retired_match retired_before_find(const struct before_row **row,
				       const struct retired_before *b,
				       const struct retired_row *says)
{
	const struct before_row *list = b->rows.list;
	size_t low = 0, high = b->rows.n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (retired_compare(&list[middle].says, says) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == b->rows.n || retired_compare(&list[low].says, says) != 0)
		return RETIRED_NEW;
	*row = &list[low];
	for (; low < b->rows.n && retired_compare(&list[low].says, says) == 0; low++)
		if (says_the_same(&list[low].says, says)) {
			*row = &list[low];
			return RETIRED_EQUAL;
		}
	return RETIRED_OTHERWISE;
}
