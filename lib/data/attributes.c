/* SPDX-License-Identifier: Apache-2.0 */
/* Reading attributes of records, and making tags of them. */
#include "data/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "digest/kernel.h"
#include "util/array.h"
#include "util/cursor.h"
#include "util/limits.h"

static const char *const columns[] = { "record", "subject", "source", "licence", "consent" };

enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]), RECORD = 0, NAME_BYTES = 16 };

/* One value of one record. */
struct given {
	uint8_t name[NAME_BYTES]; /* the beginning of the SHA-256 of its name or number */
	uint8_t tag[RECORD_TAG_BYTES];
	uint32_t row; /* of the file, from 1 */
	bool used;
};

/* The same once the record was read. */
struct noted {
	uint8_t tag[RECORD_TAG_BYTES];
	uint8_t digest[SHA256_BYTES]; /* then leaf */
};

struct attributes {
	char *path;
	struct given *given; /* sorted by name */
	size_t n;
	struct noted *noted;
	size_t n_noted;
};

void attributes_free(struct attributes *a)
{
	if (!a)
		return;
	free(a->path);
	free(a->given);
	free(a->noted);
	free(a);
}

/* --- reading ----------------------------------------------------------------------------- */

/* What is known while the file is read. */
struct table {
	struct attributes *a;
	const struct record_key *key;
	int column[N_COLUMNS]; /* which each of the file's stands for */
	size_t n_columns;
	uint32_t row; /* rows so far */
	struct buf fields[N_COLUMNS];
};

static enum wm_code wrong(const struct table *t, const char *what, struct wm_error *err)
{
	return fail(err, REASON_ATTRIBUTES_MALFORMED, "%s: row %u: %s", t->a->path,
		    (unsigned)t->row, what);
}

/* Takes the next field of a row, without its quotes; `*more`: a comma and another one follow. */
static enum wm_code take_field(struct buf *out, bool *more, struct cursor *row,
			       struct wm_error *err)
{
	bool open = cursor_peek(row) == '"';

	buf_truncate(out, 0);
	*more = false;
	if (open)
		(void)cursor_take(row, 1);
	while (cursor_left(row) > 0) {
		const uint8_t byte = *cursor_take(row, 1);

		if (open && byte == '"') {
			open = cursor_peek(row) == '"';
			if (!open)
				continue;
			(void)cursor_take(row, 1);
		} else if (!open && byte == ',') {
			*more = true;
			return WM_OK;
		}
		TRY(buf_append_byte(out, byte, err));
	}
	return WM_OK;
}

static enum wm_code take_fields(struct table *t, size_t *n, const uint8_t *data, size_t len,
				struct wm_error *err)
{
	struct cursor row = cursor_of(data, len);
	bool more = true;

	for (*n = 0; more; ++*n) {
		if (*n == N_COLUMNS)
			return wrong(t, "has more columns than there are", err);
		TRY(take_field(&t->fields[*n], &more, &row, err));
	}
	return WM_OK;
}

static enum wm_code take_header(struct table *t, size_t n, struct wm_error *err)
{
	bool seen[N_COLUMNS] = { false };

	for (size_t i = 0; i < n; i++) {
		const char *name = buf_str(&t->fields[i]);
		size_t c = 0;

		while (c < N_COLUMNS && strcmp(columns[c], name) != 0)
			c++;
		if (c == N_COLUMNS || seen[c])
			return fail(err, REASON_ATTRIBUTES_MALFORMED,
				    "%s: the column '%.64s' is %s", t->a->path, name,
				    c == N_COLUMNS ? "none of record, subject, source, licence, "
						     "consent" :
						     "there twice");
		seen[c] = true;
		t->column[i] = (int)c;
	}
	t->n_columns = n;
	return seen[RECORD] ? WM_OK : wrong(t, "no column is called record", err);
}

static void digest_name(uint8_t out[NAME_BYTES], const void *name, size_t len)
{
	uint8_t digest[SHA256_BYTES];

	kernel_one(&(struct message){ name, len, MESSAGE_PLAIN, digest });
	memcpy(out, digest, NAME_BYTES);
}

/* Makes room for one more of `n` elements. */
static enum wm_code grow(void **array, size_t n, size_t size, struct wm_error *err)
{
	void *grown;

	if (n >= LIMIT_ATTRIBUTES)
		return fail(err, REASON_LIMIT, "more than %d attributes", LIMIT_ATTRIBUTES);
	grown = array_grow(*array, n, size);
	if (!grown)
		return fail_nomem(err);
	*array = grown;
	return WM_OK;
}

static enum wm_code add_given(struct table *t, const uint8_t name[NAME_BYTES], int column,
			      const struct buf *value, struct wm_error *err)
{
	struct attributes *a = t->a;
	void *array = a->given;
	struct given *g;

	TRY(grow(&array, a->n, sizeof(*g), err));
	a->given = array;
	g = &a->given[a->n];
	*g = (struct given){ .row = t->row };
	memcpy(g->name, name, NAME_BYTES);
	TRY(record_tag(g->tag, t->key, columns[column], buf_str(value), value->len, err));
	a->n++;
	return WM_OK;
}

static enum wm_code take_row(struct table *t, const uint8_t *data, size_t len,
			     struct wm_error *err)
{
	uint8_t name[NAME_BYTES] = { 0 };
	size_t n = 0;

	t->row++;
	if (len == 0)
		return wrong(t, "is empty", err);
	TRY(take_fields(t, &n, data, len, err));
	if (t->row == 1)
		return take_header(t, n, err);
	if (n != t->n_columns)
		return wrong(t, "has another number of columns than the first", err);
	for (size_t i = 0; i < n; i++)
		if (t->column[i] == RECORD) {
			if (t->fields[i].len == 0)
				return wrong(t, "names no record", err);
			digest_name(name, t->fields[i].data, t->fields[i].len);
		}
	for (size_t i = 0; i < n; i++)
		if (t->column[i] != RECORD && t->fields[i].len > 0)
			TRY(add_given(t, name, t->column[i], &t->fields[i], err));
	return WM_OK;
}

static enum wm_code read_rows(struct table *t, struct record_source *s, struct record_batch *b,
			      struct wm_error *err)
{
	do {
		b->n = 0;
		TRY(s->ops->next(s, b, err));
		for (size_t i = 0; i < b->n; i++)
			TRY(take_row(t, b->bytes.data + b->items[i].off, (size_t)b->items[i].len,
				     err));
	} while (b->n > 0);
	if (t->row == 0)
		return wrong(t, "there is none", err);
	return s->ops->finish(s, err);
}

static enum wm_code read_table(struct attributes *a, const struct record_key *k,
			       struct wm_error *err)
{
	cleanup_source struct record_source *s = NULL;
	cleanup_free struct record_batch *b = calloc(1, sizeof(*b));
	struct table t = { .a = a, .key = k };
	uint64_t number = 0;
	enum wm_code code;

	if (!b)
		return fail_nomem(err);
	b->bytes = (struct buf)BUF_INIT(LIMIT_RECORD_LINE);
	b->names = (struct buf)BUF_INIT(0);
	for (size_t i = 0; i < N_COLUMNS; i++)
		t.fields[i] = (struct buf)BUF_INIT(LIMIT_PATH);
	TRY(source_open_lines(&s, a->path, LINES_ROWS, &number, err));
	code = read_rows(&t, s, b, err);
	for (size_t i = 0; i < N_COLUMNS; i++)
		buf_release(&t.fields[i]);
	buf_release(&b->bytes);
	return code;
}

enum wm_code attributes_read(struct attributes **out, const char *path,
			     const struct record_key *k, struct wm_error *err)
{
	cleanup_attributes struct attributes *a = calloc(1, sizeof(*a));

	if (!a)
		return fail_nomem(err);
	a->path = strdup(path);
	if (!a->path)
		return fail_nomem(err);
	TRY(read_table(a, k, err));
	sort_bytes(a->given, a->n, sizeof(*a->given), NAME_BYTES);
	*out = take_ptr(&a);
	return WM_OK;
}

/* --- noting ------------------------------------------------------------------------------ */

/* The first value that is not of a record before. */
static size_t find_name(const struct attributes *a, const uint8_t name[NAME_BYTES])
{
	size_t from = 0, to = a->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memcmp(a->given[middle].name, name, NAME_BYTES) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

enum wm_code attributes_note(struct attributes *a, const char *name, uint64_t number,
			     const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	uint8_t key[NAME_BYTES];
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	name = name ? name : text;
	digest_name(key, name, strlen(name));
	for (size_t i = find_name(a, key);
	     i < a->n && memcmp(a->given[i].name, key, NAME_BYTES) == 0; i++) {
		void *array = a->noted;

		TRY(grow(&array, a->n_noted, sizeof(*a->noted), err));
		a->noted = array;
		memcpy(a->noted[a->n_noted].tag, a->given[i].tag, RECORD_TAG_BYTES);
		memcpy(a->noted[a->n_noted++].digest, digest, SHA256_BYTES);
		a->given[i].used = true;
	}
	return WM_OK;
}

/* --- tags -------------------------------------------------------------------------------- */

static enum wm_code check_used(const struct attributes *a, struct wm_error *err)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->given[i].used)
			return fail(err, REASON_ATTRIBUTES_MALFORMED,
				    "%s: row %u: is of no record that was read", a->path,
				    (unsigned)a->given[i].row);
	return WM_OK;
}

static void set_row(struct tag_row *t, const struct record_set *set, const struct record_row *row)
{
	put_u32be(t->row, (uint32_t)(row - set->rows));
}

static enum wm_code make_tag(struct tag_row *out, const struct noted *from,
			     const struct record_set *set, struct wm_error *err)
{
	const struct record_row *row = record_set_find(set, from->digest);

	if (!row)
		return fail(err, REASON_INTERNAL, "a record that was read has no row");
	memcpy(out->tag, from->tag, RECORD_TAG_BYTES);
	set_row(out, set, row);
	return WM_OK;
}

enum wm_code attributes_tags(struct tag_row **out, uint64_t *n, struct attributes *a,
			     const struct record_set *set, const struct record_key *k,
			     struct wm_error *err)
{
	cleanup_free struct tag_row *tags = malloc((a->n_noted + 1) * sizeof(*tags));
	cleanup_committer struct committer *c = NULL;
	size_t to = 0;

	if (!tags)
		return fail_nomem(err);
	TRY(check_used(a, err));
	TRY(committer_new(&c, k, err));
	if (a->n_noted > 0)
		TRY(committer_run(c, a->noted[0].digest, sizeof(*a->noted), a->n_noted, err));
	for (size_t i = 0; i < a->n_noted; i++)
		TRY(make_tag(&tags[i], &a->noted[i], set, err));
	sort_bytes(tags, a->n_noted, TAG_BYTES, TAG_BYTES);
	for (size_t i = 0; i < a->n_noted; i++)
		if (to == 0 || memcmp(&tags[to - 1], &tags[i], TAG_BYTES) != 0)
			tags[to++] = tags[i];
	*n = to;
	*out = take_ptr(&tags);
	return WM_OK;
}

static int compare_tags(const void *a, const void *b)
{
	return memcmp(a, b, TAG_BYTES);
}

enum wm_code attributes_lost(uint64_t *lost, const struct commitments *c,
			     const struct record_set *set, const struct tag_row *tags, uint64_t n,
			     struct wm_error *err)
{
	uint8_t leaf[SHA256_BYTES];
	struct tag_row t;

	*lost = 0;
	for (uint64_t at = 0; at < c->header.n_tags; at++) {
		const struct record_row *row;

		TRY(commitments_tag(&t, leaf, c, at, err));
		row = record_set_find(set, leaf);
		if (!row)
			continue;
		set_row(&t, set, row);
		if (n == 0 || !bsearch(&t, tags, (size_t)n, sizeof(t), compare_tags))
			++*lost;
	}
	return WM_OK;
}
