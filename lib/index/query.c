/* SPDX-License-Identifier: Apache-2.0 */
/* Finding entries, and reading them back from git. */
#include "index/hits.h"
#include "index/index_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"
#include "util/utf8.h"

enum { ID_DIGITS_MIN = 8, DIGEST_DIGITS = 2 * SHA256_BYTES };

/* --- one entry ------------------------------------------------------------------------ */

static enum wm_code read_row(struct indexed *out, struct sql *q, struct wm_error *err)
{
	const void *origin = sqlite3_column_text(q->stmt, 6);
	size_t len = (size_t)sqlite3_column_bytes(q->stmt, 6);
	struct indexed e = { .position = (uint64_t)(sqlite3_column_int64(q->stmt, 0) -
						    entry_first(sqlite3_column_int64(q->stmt, 0) >>
								POSITION_BITS)) };

	if (!origin || len > LIMIT_ORIGIN)
		return fail_malformed(err, q->x, "a log has no name");
	memcpy(e.origin, origin, len);
	TRY(sql_bytes(&e.blob, sizeof(e.blob), q, 1, err));
	TRY(sql_bytes(&e.commit, sizeof(e.commit), q, 2, err));
	TRY(sql_bytes(e.statement, sizeof(e.statement), q, 3, err));
	TRY(sql_bytes(e.keyid, sizeof(e.keyid), q, 4, err));
	TRY(sql_bytes(e.leaf, sizeof(e.leaf), q, 5, err));
	*out = e;
	return WM_OK;
}

enum wm_code index_entry_of(struct indexed *out, bool *found, struct index *x, int64_t id,
			    struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, SQL_ENTRY, err));
	sql_int(&q, id);
	TRY(sql_step(&row, &q, err));
	if (row)
		TRY(read_row(out, &q, err));
	*found = row;
	return WM_OK;
}

static enum wm_code find_id(int64_t *id, struct index *x, int64_t log,
			    const uint8_t statement[SHA256_BYTES],
			    const uint8_t keyid[SHA256_BYTES], struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, SQL_FIND_ENTRY, err));
	sql_int(&q, entry_first(log));
	sql_int(&q, entry_last(log));
	sql_data(&q, statement, SHA256_BYTES);
	sql_data(&q, keyid, SHA256_BYTES);
	TRY(sql_step(&row, &q, err));
	*id = row ? sqlite3_column_int64(q.stmt, 0) : -1;
	return WM_OK;
}

enum wm_code index_find_entry(struct indexed *out, bool *found, struct index *x,
			      const char *origin, const uint8_t statement[SHA256_BYTES],
			      const uint8_t keyid[SHA256_BYTES], struct wm_error *err)
{
	struct log_state log = { 0 };
	int64_t id = -1;

	TRY(log_state_get(&log, x, origin, err));
	if (log.id)
		TRY(find_id(&id, x, log.id, statement, keyid, err));
	return index_entry_of(out, found, x, id, err);
}

enum wm_code index_entry_at(struct indexed *out, bool *found, struct index *x, const char *origin,
			    uint64_t position, struct wm_error *err)
{
	struct log_state log = { 0 };

	TRY(log_state_get(&log, x, origin, err));
	if (!log.id || position >= log.size) {
		*found = false;
		return WM_OK;
	}
	return index_entry_of(out, found, x, entry_first(log.id) + (int64_t)position, err);
}

enum wm_code index_successor(struct indexed *out, bool *found, struct index *x, const char *object,
			     const uint8_t statement[SHA256_BYTES], struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	int64_t id;
	bool row;

	TRY(sql_start(&q, x, SQL_SUCCESSOR, err));
	sql_text(&q, object);
	sql_data(&q, statement, SHA256_BYTES);
	TRY(sql_step(&row, &q, err));
	id = row ? sqlite3_column_int64(q.stmt, 0) : -1;
	sql_end(&q);
	return index_entry_of(out, found, x, id, err);
}

/* --- many ----------------------------------------------------------------------------- */

/* What is looked for, as it is bound. */
struct wanted {
	enum sql_name by;
	int64_t number; /* role or class */
	uint8_t first[SHA256_BYTES], last[SHA256_BYTES]; /* of a range of digests */
	bool has_digest;				 /* in `first` */
	const char *exact;
	struct buf text;	    /* folded */
	const char *const *origins; /* ends with NULL; or NULL: all */
};

static void wanted_release(struct wanted *w)
{
	buf_release(&w->text);
}

#define cleanup_wanted __attribute__((cleanup(wanted_release)))

static void bind_wanted(struct sql *q, const struct wanted *w)
{
	switch (w->by) {
	case SQL_BY_STATEMENT:
		sql_data(q, w->first, sizeof(w->first));
		sql_data(q, w->last, sizeof(w->last));
		return;
	case SQL_BY_DIGEST:
		sql_data(q, w->first, sizeof(w->first));
		sql_int(q, w->number);
		return;
	case SQL_BY_OBJECT:
	case SQL_BY_KIND:
		sql_text(q, w->exact);
		return;
	case SQL_BY_NAME:
		sql_text_of(q, w->text.data, w->text.len);
		sql_int(q, w->number);
		return;
	case SQL_BY_PARTY:
		sql_text_of(q, w->text.data, w->text.len);
		sql_int(q, w->number);
		sql_data(q, w->first, sizeof(w->first));
		sql_data(q, w->last, sizeof(w->last));
		return;
	case SQL_BY_TEXT:
		sql_text_of(q, w->text.data, w->text.len);
		return;
	case SQL_BY_DATASET:
		sql_text(q, w->exact);
		sql_text_of(q, w->text.data, w->text.len);
		if (w->has_digest)
			sql_data(q, w->first, sizeof(w->first));
		else
			sql_null(q);
		return;
	default:
		return;
	}
}

static bool is_of_logs(const struct hits *logs, int64_t id)
{
	for (size_t i = 0; i < logs->n; i++)
		if (logs->list[i] == id >> POSITION_BITS)
			return true;
	return false;
}

/* Adds those from `first` to `last`, newest first; where `only` is not NULL, of these logs. */
static enum wm_code gather(struct hits *h, struct index *x, const struct wanted *w, int64_t first,
			   int64_t last, const struct hits *only, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	/* Rows of other logs than `only` are passed over, and must not use the limit up. */
	size_t left = only ? SIZE_MAX : h->max - h->n;
	bool row = true;

	TRY(sql_start(&q, x, w->by, err));
	sql_int(&q, first);
	sql_int(&q, last);
	sql_int(&q, left < INT64_MAX ? (int64_t)left : INT64_MAX);
	bind_wanted(&q, w);
	while (h->n < h->max) {
		int64_t id;

		TRY(sql_step(&row, &q, err));
		if (!row)
			return WM_OK;
		id = sqlite3_column_int64(q.stmt, 0);
		if (!only || is_of_logs(only, id))
			TRY(hits_add(h, id, err));
	}
	return WM_OK;
}

static enum wm_code gather_all(struct hits *h, struct index *x, const struct wanted *w,
			       struct wm_error *err)
{
	cleanup_hits struct hits logs = { .n = 0 };

	TRY(list_logs(&logs, x, w->origins, err));
	/* It finds all in any case; asked log by log, it would do so for each. */
	if (w->by == SQL_BY_DATASET)
		return gather(h, x, w, 0, INT64_MAX, w->origins ? &logs : NULL, err);
	for (size_t i = 0; i < logs.n && h->n < h->max; i++)
		TRY(gather(h, x, w, entry_first(logs.list[i]), entry_last(logs.list[i]), NULL,
			   err));
	return WM_OK;
}

typedef enum wm_code entry_visitor(void *context, const struct indexed *e, struct wm_error *err);

/* Nothing of the database is in use while `visit` runs. An entry that is gone is passed over. */
static enum wm_code hand_out(const struct hits *h, struct index *x, entry_visitor *visit,
			     void *context, struct wm_error *err)
{
	for (size_t i = 0; i < h->n; i++) {
		struct indexed e;
		bool found;

		TRY(index_entry_of(&e, &found, x, h->list[i], err));
		if (found)
			TRY(visit(context, &e, err));
	}
	return WM_OK;
}

/* --- what is looked for --------------------------------------------------------------- */

/* The digests that begin with these digits; false where they are none. */
static bool read_range(struct wanted *w, const char *hex)
{
	const size_t len = strlen(hex);
	char first[DIGEST_DIGITS + 1], last[DIGEST_DIGITS + 1];

	if (len < ID_DIGITS_MIN || len > DIGEST_DIGITS)
		return false;
	memset(first, '0', DIGEST_DIGITS);
	memset(last, 'f', DIGEST_DIGITS);
	memcpy(first, hex, len);
	memcpy(last, hex, len);
	return hex_decode(w->first, first, DIGEST_DIGITS) &&
	       hex_decode(w->last, last, DIGEST_DIGITS);
}

static enum wm_code want_statement(struct wanted *w, const char *value, struct wm_error *err)
{
	const size_t prefix = strlen(STATEMENT_PREFIX);
	const char *hex = strncmp(value, STATEMENT_PREFIX, prefix) == 0 ? value + prefix : value;

	if (strlen(hex) < ID_DIGITS_MIN || strlen(hex) > DIGEST_DIGITS)
		return fail(err, REASON_USAGE,
			    "'%s' is not a statement id, or %d digits or more of one", value,
			    ID_DIGITS_MIN);
	if (!read_range(w, hex))
		return fail(err, REASON_USAGE,
			    "'%s' is not a statement id: it has small hexadecimal digits", value);
	w->by = SQL_BY_STATEMENT;
	return WM_OK;
}

static bool read_digest(struct wanted *w, const char *value)
{
	w->has_digest = strlen(value) == DIGEST_DIGITS &&
			hex_decode(w->first, value, DIGEST_DIGITS);
	return w->has_digest;
}

static enum wm_code want_digest(struct wanted *w, enum digest_role role, const char *value,
				struct wm_error *err)
{
	w->by = SQL_BY_DIGEST;
	w->number = role;
	return read_digest(w, value)
		       ? WM_OK
		       : fail(err, REASON_USAGE,
			      "'%s' is not a digest: it has %d small hexadecimal digits", value,
			      DIGEST_DIGITS);
}

static enum wm_code want_name(struct wanted *w, enum name_class class, const char *value,
			      struct wm_error *err)
{
	w->by = SQL_BY_NAME;
	w->number = class;
	return fold_name(&w->text, value, err);
}

/* A name, or the beginning of a keyid as it is printed everywhere. */
static enum wm_code want_party(struct wanted *w, const char *value, struct wm_error *err)
{
	const char *hex = strncmp(value, "key:", 4) == 0 ? value + 4 : value;

	TRY(want_name(w, NAME_PARTY, value, err));
	if (read_range(w, hex))
		w->by = SQL_BY_PARTY;
	return WM_OK;
}

static enum wm_code want_dataset(struct wanted *w, const char *value, struct wm_error *err)
{
	w->by = SQL_BY_DATASET;
	w->exact = value;
	(void)read_digest(w, value);
	return fold_name(&w->text, value, err);
}

/* As the tokenizer has it: ASCII letters and digits, and all that is not ASCII. */
static bool is_of_word(uint8_t c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* "a" AND "b": quoted, a word is nothing but a word. */
static enum wm_code want_words(struct wanted *w, const char *value, struct wm_error *err)
{
	cleanup_buf struct buf folded = BUF_INIT(LIMIT_STATEMENT);
	size_t i = 0, from;

	w->by = SQL_BY_TEXT;
	if (!utf8_valid((const uint8_t *)value, strlen(value)))
		return fail(err, REASON_USAGE, "'%s' is not UTF-8", value);
	TRY(fold_words(&folded, value, err));
	while (i < folded.len) {
		for (; i < folded.len && !is_of_word(folded.data[i]); i++)
			;
		for (from = i; i < folded.len && is_of_word(folded.data[i]); i++)
			;
		if (i > from)
			TRY(buf_printf(&w->text, err, "%s\"%.*s\"", w->text.len ? " AND " : "",
				       (int)(i - from), buf_str(&folded) + from));
	}
	return w->text.len ? WM_OK : fail(err, REASON_USAGE, "'%s' has no word", value);
}

static enum wm_code want(struct wanted *w, enum query_kind kind, const char *value,
			 struct wm_error *err)
{
	switch (kind) {
	case QUERY_STATEMENT:
		return want_statement(w, value, err);
	case QUERY_SHA256:
		return want_digest(w, DIGEST_SHA256, value, err);
	case QUERY_FILE:
		return want_digest(w, DIGEST_FILE, value, err);
	case QUERY_WEIGHTS:
		return want_digest(w, DIGEST_WEIGHTS, value, err);
	case QUERY_TENSOR_SET:
		return want_digest(w, DIGEST_TENSOR_SET, value, err);
	case QUERY_TENSOR:
		return want_digest(w, DIGEST_TENSOR, value, err);
	case QUERY_OBJECT:
		w->by = SQL_BY_OBJECT;
		w->exact = value;
		return WM_OK;
	case QUERY_DATASET:
		return want_dataset(w, value, err);
	case QUERY_PARTY:
		return want_party(w, value, err);
	case QUERY_NAME:
		return want_name(w, NAME_THING, value, err);
	case QUERY_KIND:
		w->by = SQL_BY_KIND;
		w->exact = value;
		return WM_OK;
	case QUERY_TEXT:
		return want_words(w, value, err);
	}
	assert(false);
	return fail(err, REASON_INTERNAL, "there is no query of kind %d", (int)kind);
}

enum wm_code index_query(struct index *x, enum query_kind kind, const char *value,
			 const char *const *origins, size_t max, entry_visitor *visit,
			 void *context, struct wm_error *err)
{
	cleanup_wanted struct wanted w = { .text = BUF_INIT(LIMIT_STATEMENT), .origins = origins };
	cleanup_hits struct hits h = { .max = max };

	TRY(want(&w, kind, value, err));
	TRY(gather_all(&h, x, &w, err));
	return hand_out(&h, x, visit, context, err);
}

enum wm_code index_recent(struct index *x, const char *origin, uint64_t before, size_t max,
			  entry_visitor *visit, void *context, struct wm_error *err)
{
	cleanup_wanted struct wanted w = { .by = SQL_RECENT, .text = BUF_INIT(0) };
	cleanup_hits struct hits h = { .max = max };
	struct log_state log = { 0 };
	uint64_t end;

	TRY(log_state_get(&log, x, origin, err));
	end = before < log.size ? before : log.size;
	if (!log.id || end == 0)
		return WM_OK;
	TRY(gather(&h, x, &w, entry_first(log.id), entry_first(log.id) + (int64_t)end - 1, NULL,
		   err));
	return hand_out(&h, x, visit, context, err);
}

/* --- from git ------------------------------------------------------------------------- */

static enum wm_code decode(struct envelope *out, struct arena *a, const struct buf *entry,
			   const struct indexed *e, struct wm_error *err)
{
	uint8_t leaf[SHA256_BYTES], keyid[SHA256_BYTES];
	struct envelope found;

	TRY(entry_decode(&found, a, entry->data, entry->len, e->origin, err));
	TRY(entry_leaf(leaf, &found, err));
	if (memcmp(leaf, e->leaf, sizeof(leaf)) != 0 ||
	    memcmp(found.statement, e->statement, SHA256_BYTES) != 0 ||
	    !hex_decode(keyid, found.keyid, KEYID_HEX) ||
	    memcmp(keyid, e->keyid, sizeof(keyid)) != 0)
		return fail(err, REASON_INDEX_STALE, "%s: entry %" PRIu64 " is another one in git",
			    e->origin, e->position);
	*out = found;
	return WM_OK;
}

enum wm_code index_read_entry(struct envelope *out, struct arena *a, struct index *x,
			      const struct indexed *e, struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error said = { 0 };
	enum wm_code code;

	if (!x->ledger) {
		*out = x->carried[e->position];
		return WM_OK;
	}
	TRY(ledger_read_entry(&entry, x->ledger, &e->blob, err));
	code = decode(out, a, &entry, e, &said);
	/* The object is there and whole: it is not the one that the index should name. */
	if (code != WM_OK && !error_is_untold(code) && error_reason(&said) != REASON_INDEX_STALE)
		return fail(err, REASON_INDEX_STALE, "%s: entry %" PRIu64 " is no entry in git: %s",
			    e->origin, e->position, said.message);
	return code == WM_OK ? WM_OK : fail_again(err, &said);
}
