/* SPDX-License-Identifier: Apache-2.0 */
/* Events of rows that were read and checked. */
#include "attest/retire_internal.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "statement/scalar.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/limits.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

/* --- events ------------------------------------------------------------------------------ */

/* The id of the event of `n` rows. */
static enum wm_code make_id(Weightmark__V1__Id **out, struct composition *c,
			    const struct row *const *rows, size_t n, struct wm_error *err)
{
	cleanup_sha256 struct sha256 *s = NULL;
	uint8_t digest[SHA256_BYTES];
	char id[sizeof("retired-") + 32] = "retired-";

	TRY(sha256_new(&s, err));
	TRY(sha256_start(s, err));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < N_COLUMNS; k++)
			TRY(sha256_update(s, rows[i]->texts[k], strlen(rows[i]->texts[k]) + 1,
					  err));
	TRY(sha256_finish(s, digest, err));
	hex_encode(id + strlen("retired-"), digest, 16);
	return compose_scalar(out, c, D(id), id, err);
}

static enum wm_code new_event(Weightmark__V1__LifecycleEvent **out, const struct rows *r,
			      const struct row *const *rows, size_t n, struct wm_error *err)
{
	struct composition *c = r->c;
	struct composed *s = &c->statements[c->n_statements++];
	Weightmark__V1__LifecycleEvent *e;
	size_t last = 0;

	TRY(message_new(&s->message, D(lifecycle_event), &c->arena, err));
	s->kind = kind_of_message(D(lifecycle_event));
	e = (Weightmark__V1__LifecycleEvent *)s->message;
	TRY(make_id(&e->id, c, rows, n, err));
	for (size_t i = 1; i < n; i++)
		if (when_last(&rows[i]->says.at, NULL) > when_last(&rows[last]->says.at, NULL))
			last = i;
	TRY(compose_when(&e->at, &e->day, c, &rows[last]->says.at, err));
	if (r->options->reason)
		TRY(compose_text(&e->reason, c, r->options->reason, err));
	*out = e;
	return WM_OK;
}

static enum wm_code fill_destroyed(Weightmark__V1__Destroyed *out, struct composition *c,
				   const struct row *row, struct wm_error *err)
{
	void *list = NULL;

	out->subject = row->subject;
	out->log = row->says.evidence;
	out->has_method = 1;
	out->method = (Weightmark__V1__Destroyed__Method)row->says.method;
	TRY(compose_when(&out->at, &out->day, c, &row->says.at, err));
	if (row->digest)
		TRY(compose_digest(&out->digest, c, row->digest, err));
	if (!*row->texts[LOCATION])
		return WM_OK;
	TRY(arena_alloc(&list, &c->arena, sizeof(char *), err));
	out->location = list;
	out->n_location = 1;
	return arena_copy(&out->location[0], &c->arena, row->texts[LOCATION],
			  strlen(row->texts[LOCATION]), err);
}

static enum wm_code make_deleted(const struct rows *r, const struct row *const *rows, size_t n,
				 struct wm_error *err)
{
	Weightmark__V1__LifecycleEvent *e;
	ProtobufCMessage *m = NULL;
	void *list = NULL;

	TRY(new_event(&e, r, rows, n, err));
	e->has_kind = 1;
	e->kind = WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__deleted;
	TRY(arena_alloc(&list, &r->c->arena, n * sizeof(*e->destroyed), err));
	e->destroyed = list;
	for (size_t i = 0; i < n; i++) {
		TRY(message_new(&m, D(destroyed), &r->c->arena, err));
		e->destroyed[e->n_destroyed++] = (Weightmark__V1__Destroyed *)m;
		TRY(fill_destroyed(e->destroyed[i], r->c, rows[i], err));
	}
	r->counts->n_destroyed += n;
	return WM_OK;
}

static enum wm_code make_withdrawn(const struct rows *r, const struct row *row,
				   struct wm_error *err)
{
	Weightmark__V1__LifecycleEvent *e;

	TRY(new_event(&e, r, &row, 1, err));
	e->has_kind = 1;
	e->kind = WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__withdrawn_from_use;
	e->subject = row->subject;
	e->evidence = row->says.evidence;
	r->counts->n_withdrawn++;
	return WM_OK;
}

/* --- corrections ------------------------------------------------------------------------- */

static int compare_corrected(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	if (x->before->event != y->before->event)
		return x->before->event > y->before->event ? 1 : -1;
	return (x->before->item > y->before->item) - (x->before->item < y->before->item);
}

/* When the last of what an event lists was so. */
static enum wm_code date_event(Weightmark__V1__LifecycleEvent *e, struct composition *c,
			       struct wm_error *err)
{
	struct when last = when_destroyed(e->destroyed[0]);

	for (size_t i = 1; i < e->n_destroyed; i++) {
		const struct when at = when_destroyed(e->destroyed[i]);

		last = when_last(&at, NULL) > when_last(&last, NULL) ? at : last;
	}
	return compose_when(&e->at, &e->day, c, &last, err);
}

static enum wm_code correct_destroyed(Weightmark__V1__LifecycleEvent *e, struct composition *c,
				      const struct row *const *rows, size_t n,
				      struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	void *list = NULL;

	TRY(arena_alloc(&list, &c->arena, e->n_destroyed * sizeof(*e->destroyed), err));
	memcpy(list, e->destroyed, e->n_destroyed * sizeof(*e->destroyed));
	e->destroyed = list;
	for (size_t i = 0; i < n; i++) {
		TRY(message_new(&m, D(destroyed), &c->arena, err));
		e->destroyed[rows[i]->before->item] = (Weightmark__V1__Destroyed *)m;
		TRY(fill_destroyed((Weightmark__V1__Destroyed *)m, c, rows[i], err));
	}
	return date_event(e, c, err);
}

/* The event of these rows once more, with what they say in place of what it said. */
static enum wm_code correct(const struct rows *r, const struct row *const *rows, size_t n,
			    struct wm_error *err)
{
	struct composition *c = r->c;
	struct composed *s = &c->statements[c->n_statements++];
	Weightmark__V1__LifecycleEvent *e;

	TRY(message_new(&s->message, D(lifecycle_event), &c->arena, err));
	s->kind = kind_of_message(D(lifecycle_event));
	e = (Weightmark__V1__LifecycleEvent *)s->message;
	*e = *(const Weightmark__V1__LifecycleEvent *)rows[0]->before->event->statement->message;
	e->header = NULL;
	if (rows[0]->says.method != WITHDRAWN)
		return correct_destroyed(e, c, rows, n, err);
	e->evidence = rows[0]->says.evidence;
	return compose_when(&e->at, &e->day, c, &rows[0]->says.at, err);
}

static enum wm_code make_corrections(const struct rows *r, struct wm_error *err)
{
	cleanup_free const struct row **list = calloc(r->counts->n_corrected + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].match == RETIRED_OTHERWISE)
			list[n++] = &r->list[i];
	qsort(list, n, sizeof(*list), compare_corrected);
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1;
		     next < n && list[next]->before->event == list[i]->before->event;)
			next++;
		TRY(correct(r, list + i, next - i, err));
	}
	return WM_OK;
}

/* --- all --------------------------------------------------------------------------------- */

enum wm_code retire_make_events(const struct rows *r, struct wm_error *err)
{
	cleanup_free const struct row **chunk = calloc(LIMIT_EVENT_ITEMS, sizeof(*chunk));
	void *list = NULL;
	size_t n = 0;

	if (!chunk)
		return fail_nomem(err);
	TRY(arena_alloc(&list, &r->c->arena, (r->n + 1) * sizeof(*r->c->statements), err));
	r->c->statements = list;
	TRY(make_corrections(r, err));
	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].match != RETIRED_NEW)
			continue;
		if (r->list[i].says.method == WITHDRAWN) {
			TRY(make_withdrawn(r, &r->list[i], err));
			continue;
		}
		chunk[n++] = &r->list[i];
		if (n < LIMIT_EVENT_ITEMS)
			continue;
		TRY(make_deleted(r, chunk, n, err));
		n = 0;
	}
	return n > 0 ? make_deleted(r, chunk, n, err) : WM_OK;
}
