/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are lines of JSON lines or rows of CSV. */
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "util/file.h"
#include "util/limits.h"

enum { FIRST_BYTES = 1 << 14 };

struct lines {
	struct record_source base;
	char *path;
	int fd;
	enum lines_form form;
	bool passed; /* the row that names columns, where there is one */
	uint64_t off;	  /* where the next record begins */
	uint64_t *number; /* of records so far */
	size_t want;	  /* bytes that a batch is expected to take */
	struct stat opened;
};

static void lines_free(struct record_source *s)
{
	struct lines *l = (struct lines *)s;

	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l);
}

/* --- rows -------------------------------------------------------------------------------- */

/* Where a row is read to. */
struct row {
	const uint8_t *data;
	size_t len, at;
};

static bool ends_field(int c)
{
	return c == ',' || c == '\n' || c == '\r';
}

/* Skips a field in quotes; false where it does not end here. */
static bool skip_quoted(struct row *r)
{
	for (r->at++; r->at < r->len; r->at++) {
		const uint8_t *quote = memchr(r->data + r->at, '"', r->len - r->at);

		if (!quote)
			break;
		r->at = (size_t)(quote - r->data) + 1;
		if (r->at == r->len || r->data[r->at] != '"')
			return true;
	}
	r->at = r->len;
	return false;
}

static void skip_plain(struct row *r)
{
	while (r->at < r->len && !ends_field(r->data[r->at]) && r->data[r->at] != '"')
		r->at++;
}

static enum wm_code malformed(const char *name, const char *what, struct wm_error *err)
{
	return fail(err, REASON_CSV_MALFORMED, "%s: %s", name, what);
}

enum wm_code csv_row(size_t *taken, size_t *row_len, const uint8_t *data, size_t len, bool last,
		     const char *name, struct wm_error *err)
{
	struct row r = { data, len, 0 };

	*taken = 0;
	for (; r.at < len; r.at++) {
		if (data[r.at] != '"')
			skip_plain(&r);
		else if (!skip_quoted(&r))
			return last ? malformed(name, "a quote does not end", err) : WM_OK;
		if (r.at < len && !ends_field(data[r.at]))
			return malformed(name, "a quote stands within a field, or text behind one",
					 err);
		if (r.at == len || data[r.at] != ',')
			break;
	}
	*row_len = r.at;
	if (r.at >= len) {
		*row_len = *taken = last ? len : 0;
		return WM_OK;
	}
	if (data[r.at] == '\r' && r.at + 1 == len && !last)
		return WM_OK;
	if (data[r.at] == '\r' && (r.at + 1 == len || data[r.at + 1] != '\n'))
		return malformed(name, "a carriage return without a newline", err);
	*taken = r.at + (data[r.at] == '\r' ? 2 : 1);
	return WM_OK;
}

/* --- batches ----------------------------------------------------------------------------- */

static void take_line(size_t *taken, size_t *line_len, const uint8_t *data, size_t len, bool last)
{
	const uint8_t *end = memchr(data, '\n', len);

	*line_len = end ? (size_t)(end - data) : len;
	*taken = end ? *line_len + 1 : last ? len : 0;
}

/* Makes items of all whole records among the first `len` bytes, and counts those bytes. */
static enum wm_code cut(size_t *used, struct lines *l, struct record_batch *b, size_t len,
			bool last, struct wm_error *err)
{
	size_t at = 0, taken = 0, n = 0;

	while (at < len && b->n < BATCH_ITEMS) {
		const uint8_t *data = b->bytes.data + at;

		if (l->form != LINES_JSONL)
			TRY(csv_row(&taken, &n, data, len - at, last, l->path, err));
		else
			take_line(&taken, &n, data, len - at, last);
		if (taken == 0)
			break;
		at += taken;
		if (l->form == LINES_DATA && !l->passed && n > 0) {
			l->passed = true;
			continue;
		}
		++*l->number;
		if (n == 0)
			return fail(err, REASON_RECORD_EMPTY, "%s: record %llu is an empty line",
				    l->path, (unsigned long long)*l->number);
		b->items[b->n++] = (struct record_item){ at - taken, n, *l->number, 0 };
	}
	*used = at;
	return WM_OK;
}

static enum wm_code lines_next(struct record_source *s, struct record_batch *b,
			       struct wm_error *err)
{
	struct lines *l = (struct lines *)s;
	const uint64_t left = s->size - l->off;
	size_t used = 0;

	b->place = PLACE_BATCH;
	b->path = l->path;
	for (size_t want = l->want; used == 0 && left > 0; want *= 2) {
		const size_t most = want < LIMIT_RECORD_LINE ? want : LIMIT_RECORD_LINE;
		const bool last = left <= most;
		const size_t len = last ? (size_t)left : most;

		buf_truncate(&b->bytes, 0);
		TRY(buf_reserve(&b->bytes, len, err));
		TRY(file_read_at(l->fd, b->bytes.data, len, l->off, l->path, err));
		TRY(cut(&used, l, b, len, last, err));
		if (used == 0 && want >= LIMIT_RECORD_LINE)
			return fail(err, REASON_LIMIT,
				    "%s: the record from byte %llu on has %d bytes or more",
				    l->path, (unsigned long long)l->off, LIMIT_RECORD_LINE);
	}
	l->off += used;
	/* Short records fill a batch before its bytes do: what is read in vain is read again. */
	l->want = used < BATCH_BYTES / 2 ? 2 * used + FIRST_BYTES : BATCH_BYTES;
	/* An empty batch is the end, and the row of names alone is not. */
	return b->n == 0 && used > 0 ? lines_next(s, b, err) : WM_OK;
}

static enum wm_code lines_finish(struct record_source *s, struct wm_error *err)
{
	const struct lines *l = (struct lines *)s;

	return source_unchanged(l->fd, &l->opened, l->path, err);
}

enum wm_code source_open_lines(struct record_source **out, const char *path,
			       enum lines_form form, uint64_t *number, struct wm_error *err)
{
	static const struct source_ops ops = { lines_next, lines_finish, lines_free };
	struct lines *l = calloc(1, sizeof(*l));
	cleanup_source struct record_source *s = NULL;

	if (!l)
		return fail_nomem(err);
	s = &l->base;
	s->ops = &ops;
	l->fd = -1;
	l->form = form;
	l->number = number;
	l->want = FIRST_BYTES;
	l->path = strdup(path);
	if (!l->path)
		return fail_nomem(err);
	TRY(file_open(&l->fd, &s->size, path, err));
	if (fstat(l->fd, &l->opened) < 0)
		return fail(err, REASON_READ_FAILED, "%s: cannot be looked at", path);
	*out = take_ptr(&s);
	return WM_OK;
}
