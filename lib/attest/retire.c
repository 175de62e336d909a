/* SPDX-License-Identifier: Apache-2.0 */
/* All rows are read and checked; then events are made of them. */
#include "attest/retire.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/inventory.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "text/table.h"
#include "util/hex.h"
#include "weightmark/v1/order.pb-c.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

enum column { OBJECT, WHEN, HOW, EVIDENCE_URI, EVIDENCE_SHA256, LOCATION, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {
	"object", "when", "how", "evidence_uri", "evidence_sha256", "location",
};

enum { WITHDRAWN = 0 }; /* in place of a method */

static const struct {
	const char *name;
	int method;
} ways[] = {
	{ "clear", WEIGHTMARK__V1__DESTROYED__METHOD__clear },
	{ "purge", WEIGHTMARK__V1__DESTROYED__METHOD__purge },
	{ "destroy", WEIGHTMARK__V1__DESTROYED__METHOD__destroy },
	{ "cryptographic_erase", WEIGHTMARK__V1__DESTROYED__METHOD__cryptographic_erase },
	{ "withdrawn", WITHDRAWN },
};

struct row {
	uint64_t line;
	const char *texts[N_COLUMNS]; /* as they stand, for the event's id */
	Weightmark__V1__Reference *subject;
	const uint8_t *digest; /* where the object is one; NULL */
	struct when at;
	int method;
	Weightmark__V1__DocumentRef *evidence;
};

struct rows {
	struct composition *c;
	const struct retire_options *options;
	struct retired *counts;
	int at[N_COLUMNS]; /* in the table, or -1 */
	struct row *list;  /* owned */
	size_t n, room;
};

/* --- the table --------------------------------------------------------------------------- */

static enum wm_code read_when(struct row *out, const struct rows *r, const struct table *t,
			      struct wm_error *err)
{
	bool found = false;

	TRY(when_read(&out->at, &found, out->texts[WHEN], err));
	if (!found)
		return table_fail(t, (size_t)r->at[WHEN],
				  "neither a date like 2024-03-08 nor a time in UTC", err);
	if (when_first(&out->at, NULL) > r->options->now)
		return table_fail(t, (size_t)r->at[WHEN], "in the future", err);
	return WM_OK;
}

static enum wm_code read_how(struct row *out, const struct rows *r, const struct table *t,
			     struct wm_error *err)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, out->texts[HOW]) != 0)
			continue;
		out->method = ways[i].method;
		return WM_OK;
	}
	return table_fail(t, (size_t)r->at[HOW],
			  "not one of clear, purge, destroy, cryptographic_erase, withdrawn", err);
}

static enum wm_code read_evidence(struct row *out, struct rows *r, const struct table *t,
				  struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];
	ProtobufCMessage *m = NULL;

	if (!*out->texts[EVIDENCE_URI])
		return table_fail(t, (size_t)r->at[EVIDENCE_URI], "no evidence", err);
	if (!inventory_digest(digest, out->texts[EVIDENCE_SHA256]))
		return table_fail(t, (size_t)r->at[EVIDENCE_SHA256], "not a SHA-256", err);
	TRY(message_new(&m, D(document_ref), &r->c->arena, err));
	out->evidence = (Weightmark__V1__DocumentRef *)m;
	TRY(arena_copy(&out->evidence->uri, &r->c->arena, out->texts[EVIDENCE_URI],
		       strlen(out->texts[EVIDENCE_URI]), err));
	return compose_digest(&out->evidence->sha256, r->c, digest, err);
}

/* A digest that a statement gives something, or one that is taken as it stands. */
static enum wm_code refer_digest(struct row *out, bool *known, struct rows *r,
				 const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	const struct graph_digest *d;
	const struct graph *g = r->options->graph;
	ProtobufCMessage *m = NULL;
	uint32_t n;

	TRY(message_new(&m, D(reference), &r->c->arena, err));
	out->subject = (Weightmark__V1__Reference *)m;
	d = graph_find_digest(&n, g, digest);
	*known = n > 0;
	if (n > 0 && d->role == DIGEST_WEIGHTS)
		TRY(compose_digest(&out->subject->weights_digest, r->c, digest, err));
	else if (n == 0 || d->role == DIGEST_SHA256)
		TRY(compose_digest(&out->subject->sha256, r->c, digest, err));
	else
		TRY(compose_scalar(&out->subject->object, r->c, D(object_id),
				   g->nodes[d->node].id, err));
	return WM_OK;
}

static enum wm_code read_object(struct row *out, struct rows *r, const struct table *t,
				struct wm_error *err)
{
	const char *text = out->texts[OBJECT];
	const struct scalar *scalar = scalar_find(D(object_id));
	uint8_t digest[SHA256_BYTES];
	ProtobufCMessage *m = NULL;
	bool known = false;
	char *copy = NULL;

	if (inventory_digest(digest, text)) {
		TRY(refer_digest(out, &known, r, digest, err));
		TRY(arena_copy(&copy, &r->c->arena, digest, SHA256_BYTES, err));
		out->digest = (const uint8_t *)copy;
	} else {
		const uint32_t node = graph_find(r->options->graph, text);

		TRY(scalar_read(&m, scalar, text, strlen(text), &r->c->arena, err));
		if (!m)
			return table_fail(t, (size_t)r->at[OBJECT],
					  "neither an object id nor a SHA-256", err);
		known = node != GRAPH_NONE && r->options->graph->nodes[node].stated;
		TRY(message_new(&m, D(reference), &r->c->arena, err));
		out->subject = (Weightmark__V1__Reference *)m;
		TRY(compose_scalar(&out->subject->object, r->c, D(object_id), text, err));
	}
	if (!known && !r->options->unknown)
		return fail(err, REASON_THING_UNKNOWN,
			    "%s, line %llu, column %d: no statement is about '%.128s'; --unknown "
			    "takes it all the same", t->name, (unsigned long long)t->line,
			    r->at[OBJECT] + 1, text);
	r->counts->n_unknown += !known;
	return WM_OK;
}

static enum wm_code read_row(struct row *out, struct rows *r, const struct table *t,
			     struct wm_error *err)
{
	*out = (struct row){ .line = t->line };
	for (size_t c = 0; c < N_COLUMNS; c++) {
		const char *cell =
			r->at[c] >= 0 && (size_t)r->at[c] < t->n_cells ? t->cells[r->at[c]] : "";
		char *copy = NULL;

		TRY(arena_copy(&copy, &r->c->arena, cell, strlen(cell), err));
		out->texts[c] = copy;
	}
	TRY(read_object(out, r, t, err));
	TRY(read_when(out, r, t, err));
	TRY(read_how(out, r, t, err));
	return read_evidence(out, r, t, err);
}

static enum wm_code add_row(struct rows *r, const struct table *t, struct wm_error *err)
{
	if (r->n == LIMIT_RETIRED)
		return fail(err, REASON_LIMIT, "%s, line %llu: more than %d rows", t->name,
			    (unsigned long long)t->line, LIMIT_RETIRED);
	if (r->n == r->room) {
		const size_t room = r->room ? 2 * r->room : 64;
		struct row *list = reallocarray(r->list, room, sizeof(*list));

		if (!list)
			return fail_nomem(err);
		r->list = list;
		r->room = room;
	}
	TRY(read_row(&r->list[r->n], r, t, err));
	r->n++;
	return WM_OK;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	const int order = strcmp(x->texts[OBJECT], y->texts[OBJECT]);

	return order ? order : strcmp(x->texts[LOCATION], y->texts[LOCATION]);
}

/* One thing at one place goes once. */
static enum wm_code check_once(const struct rows *r, struct wm_error *err)
{
	cleanup_free const struct row **sorted = calloc(r->n + 1, sizeof(*sorted));

	if (!sorted)
		return fail_nomem(err);
	for (size_t i = 0; i < r->n; i++)
		sorted[i] = &r->list[i];
	qsort(sorted, r->n, sizeof(*sorted), compare_rows);
	for (size_t i = 1; i < r->n; i++) {
		const uint64_t one = sorted[i - 1]->line, other = sorted[i]->line;

		if (compare_rows(&sorted[i - 1], &sorted[i]) == 0)
			return fail(err, REASON_TABLE_MALFORMED,
				    "%s, line %llu, column %d: the same as in line %llu",
				    r->c->name, (unsigned long long)(one > other ? one : other),
				    r->at[OBJECT] + 1,
				    (unsigned long long)(one > other ? other : one));
	}
	return WM_OK;
}

static enum wm_code read_rows(struct rows *r, struct wm_error *err)
{
	cleanup_table struct table t = { 0 };
	bool more;

	TRY(table_open(&t, r->c->name, TABLE_TSV, err));
	TRY(table_columns(r->at, &t, column_names, N_COLUMNS, LOCATION, err));
	for (;;) {
		TRY(table_next(&t, &more, err));
		if (!more)
			return check_once(r, err);
		if (t.n_cells > N_COLUMNS)
			return table_fail(&t, N_COLUMNS, "a cell without a column", err);
		TRY(add_row(r, &t, err));
	}
}

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
		if (when_last(&rows[i]->at, NULL) > when_last(&rows[last]->at, NULL))
			last = i;
	TRY(compose_when(&e->at, &e->day, c, &rows[last]->at, err));
	if (r->options->reason)
		TRY(arena_copy(&e->reason, &c->arena, r->options->reason,
			       strlen(r->options->reason), err));
	*out = e;
	return WM_OK;
}

static enum wm_code fill_destroyed(Weightmark__V1__Destroyed *out, struct composition *c,
				   const struct row *row, struct wm_error *err)
{
	void *list = NULL;

	out->subject = row->subject;
	out->log = row->evidence;
	out->has_method = 1;
	out->method = (Weightmark__V1__Destroyed__Method)row->method;
	TRY(compose_when(&out->at, &out->day, c, &row->at, err));
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
	e->evidence = row->evidence;
	r->counts->n_withdrawn++;
	return WM_OK;
}

static enum wm_code make_events(const struct rows *r, struct wm_error *err)
{
	cleanup_free const struct row **chunk = calloc(LIMIT_EVENT_ITEMS, sizeof(*chunk));
	void *list = NULL;
	size_t n = 0;

	if (!chunk)
		return fail_nomem(err);
	TRY(arena_alloc(&list, &r->c->arena, (r->n + 1) * sizeof(*r->c->statements), err));
	r->c->statements = list;
	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].method == WITHDRAWN) {
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

enum wm_code retire_compose(struct composition *out, struct retired *counts, const char *path,
			    const struct retire_options *options, struct wm_error *err)
{
	cleanup_composition struct composition c = {
		.arena = ARENA_INIT(4 * (size_t)LIMIT_DECODE_MEMORY),
		.name = path,
		.reason = REASON_TABLE_MALFORMED,
	};
	struct rows r = { .c = &c, .options = options, .counts = counts };
	enum wm_code code;

	*counts = (struct retired){ .n_unknown = 0 };
	code = read_rows(&r, err);
	if (code == WM_OK && r.n == 0)
		code = fail(err, REASON_TABLE_MALFORMED, "%s: has no row but the names", path);
	if (code == WM_OK)
		code = make_events(&r, err);
	free(r.list);
	TRY(code);
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}
