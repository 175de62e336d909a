/* SPDX-License-Identifier: Apache-2.0 */
/* All rows are read and checked; then events are made of them. */
#include "attest/retire_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/inventory.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "text/table.h"
#include "util/array.h"
#include "util/hex.h"
#include "util/limits.h"
#include "util/utf8.h"
#include "weightmark/v1/order.pb-c.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

static const char *const column_names[N_COLUMNS] = {
	"object", "when", "how", "evidence_uri", "evidence_sha256", "location",
};

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

/* --- the table --------------------------------------------------------------------------- */

static enum wm_code read_when(struct row *out, const struct rows *r, const struct table *t,
			      struct wm_error *err)
{
	if (!when_read(&out->says.at, out->texts[WHEN]))
		return table_fail(t, (size_t)r->at[WHEN],
				  "neither a date like 2024-03-08 nor a time of RFC 3339", err);
	if (when_first(&out->says.at, NULL) > r->options->now)
		return table_fail(t, (size_t)r->at[WHEN], "in the future", err);
	return WM_OK;
}

static enum wm_code read_how(struct row *out, const struct rows *r, const struct table *t,
			     struct wm_error *err)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, out->texts[HOW]) != 0)
			continue;
		out->says.method = ways[i].method;
		return WM_OK;
	}
	return table_fail(t, (size_t)r->at[HOW],
			  "not one of clear, purge, destroy, cryptographic_erase, withdrawn", err);
}

static enum wm_code read_evidence(struct row *out, struct rows *r, const struct table *t,
				  struct wm_error *err)
{
	Weightmark__V1__DocumentRef *evidence;
	uint8_t digest[SHA256_BYTES];
	ProtobufCMessage *m = NULL;

	if (!*out->texts[EVIDENCE_URI] && !*out->texts[EVIDENCE_SHA256]) {
		r->counts->n_without_evidence++;
		return WM_OK;
	}
	if (!*out->texts[EVIDENCE_URI])
		return table_fail(t, (size_t)r->at[EVIDENCE_SHA256],
				  "the digest of evidence of which evidence_uri says nothing", err);
	if (r->at[EVIDENCE_SHA256] < 0 || !*out->texts[EVIDENCE_SHA256])
		return table_fail(t, (size_t)r->at[EVIDENCE_URI],
				  "evidence without its SHA-256 in evidence_sha256", err);
	if (!inventory_digest(digest, out->texts[EVIDENCE_SHA256]))
		return table_fail(t, (size_t)r->at[EVIDENCE_SHA256], "not a SHA-256", err);
	TRY(message_new(&m, D(document_ref), &r->c->arena, err));
	evidence = (Weightmark__V1__DocumentRef *)m;
	out->says.evidence = evidence;
	TRY(arena_copy(&evidence->uri, &r->c->arena, out->texts[EVIDENCE_URI],
		       strlen(out->texts[EVIDENCE_URI]), err));
	return compose_digest(&evidence->sha256, r->c, digest, err);
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
		known = node != GRAPH_NONE;
		TRY(message_new(&m, D(reference), &r->c->arena, err));
		out->subject = (Weightmark__V1__Reference *)m;
		TRY(compose_scalar(&out->subject->object, r->c, D(object_id), text, err));
	}
	if (!known && !r->options->unknown)
		return fail(err, REASON_THING_UNKNOWN,
			    "%s, line %llu, column %d: no statement is about or names "
			    "'%.128s'; --unknown "
			    "takes it all the same", t->name, (unsigned long long)t->line,
			    r->at[OBJECT] + 1, text);
	r->counts->n_unknown += !known;
	return WM_OK;
}

/* What was recorded of it before. */
static enum wm_code compare_before(struct row *out, struct rows *r, const struct table *t,
				   struct wm_error *err)
{
	char when[TIME_TEXT + 1];

	out->match = retired_before_find(&out->before, &r->before, &out->says);
	r->counts->n_before += out->match == RETIRED_EQUAL;
	r->counts->n_corrected += out->match == RETIRED_OTHERWISE;
	if (out->match != RETIRED_OTHERWISE || r->options->amend)
		return WM_OK;
	return fail(err, REASON_RETIRED_OTHERWISE,
		    "%s, line %llu: '%.128s' is recorded as gone on %s, or in another way or with "
		    "other evidence, by '%.64s'", t->name, (unsigned long long)t->line,
		    out->says.subject, when_text(when, &out->before->says.at),
		    out->before->event->statement->header->object->text);
}

/* What is withdrawn from use is so wherever it lies. */
static enum wm_code read_place(struct row *out, struct rows *r, struct wm_error *err)
{
	cleanup_buf struct buf subject = BUF_INIT(LIMIT_STATEMENT);
	char *copy = NULL;

	TRY(reference_text(&subject, out->subject, err));
	TRY(arena_copy(&copy, &r->c->arena, buf_str(&subject), subject.len, err));
	out->says.subject = copy;
	out->says.withdrawn = out->says.method == WITHDRAWN;
	out->says.location = out->says.withdrawn ? "" : out->texts[LOCATION];
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

		if (!utf8_valid((const uint8_t *)cell, strlen(cell)))
			return table_fail(t, (size_t)r->at[c], "not UTF-8", err);
		TRY(arena_copy(&copy, &r->c->arena, cell, strlen(cell), err));
		out->texts[c] = copy;
	}
	TRY(read_object(out, r, t, err));
	TRY(read_when(out, r, t, err));
	TRY(read_how(out, r, t, err));
	TRY(read_evidence(out, r, t, err));
	TRY(read_place(out, r, err));
	return compare_before(out, r, t, err);
}

static enum wm_code add_row(struct rows *r, const struct table *t, struct wm_error *err)
{
	struct row *list;

	if (r->n == LIMIT_RETIRED)
		return fail(err, REASON_LIMIT, "%s, line %llu: more than %d rows", t->name,
			    (unsigned long long)t->line, LIMIT_RETIRED);
	list = array_grow(r->list, r->n, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	r->list = list;
	TRY(read_row(&r->list[r->n], r, t, err));
	r->n++;
	return WM_OK;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	return retired_compare(&x->says, &y->says);
}

/* One thing at one place goes once, however its digest is written. */
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
	size_t n_columns;
	bool more;

	TRY(table_open(&t, r->c->name, TABLE_TSV, err));
	TRY(table_columns(r->at, &t, column_names, N_COLUMNS, EVIDENCE_URI, err));
	n_columns = t.n_cells;
	for (;;) {
		TRY(table_next(&t, &more, err));
		if (!more)
			return check_once(r, err);
		if (t.n_cells > n_columns)
			return table_fail(&t, n_columns, "a cell without a column", err);
		TRY(add_row(r, &t, err));
	}
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
	code = retired_before_load(&r.before, options->orders, options->keyid, err);
	if (code == WM_OK)
		code = read_rows(&r, err);
	if (code == WM_OK && r.n == 0)
		code = fail(err, REASON_TABLE_MALFORMED, "%s: has no row but the names", path);
	if (code == WM_OK)
		code = retire_make_events(&r, err);
	free(r.list);
	retired_before_release(&r.before);
	TRY(code);
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}
