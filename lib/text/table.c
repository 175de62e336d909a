/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the bytes; a row is copied into memory of its own. */
#include "text/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"

enum { CHUNK = 1 << 16, END = -1 };

void table_release(struct table *t)
{
	if (t->in)
		close(t->fd);
	free(t->in);
	free(t->row);
	*t = (struct table){ 0 };
}

static enum wm_code fill(struct table *t, struct wm_error *err)
{
	ssize_t n;

	do
		n = read(t->fd, t->in, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", t->name, strerror(errno));
	t->in_at = 0;
	t->in_len = (size_t)n;
	t->n_bytes += (size_t)n;
	return t->watch && n > 0 ? t->watch(t->watcher, t->in, (size_t)n, err) : WM_OK;
}

enum wm_code table_open(struct table *out, const char *path, enum table_form form,
			struct wm_error *err)
{
	cleanup_free uint8_t *in = malloc(CHUNK);
	cleanup_free char *row = malloc(LIMIT_TABLE_ROW + 1);
	uint64_t size;
	int fd;

	if (!in || !row)
		return fail_nomem(err);
	TRY(file_open(&fd, &size, path, err));
	*out = (struct table){ .name = path, .form = form, .fd = fd };
	out->in = take_ptr(&in);
	out->row = take_ptr(&row);
	TRY(fill(out, err));
	if (out->in_len >= 3 && memcmp(out->in, "\xef\xbb\xbf", 3) == 0)
		out->in_at = 3;
	return WM_OK;
}

enum wm_code table_watch(struct table *t, table_watch_fn *watch, void *watcher,
			 struct wm_error *err)
{
	t->watch = watch;
	t->watcher = watcher;
	return watch(watcher, t->in, t->in_len, err);
}

enum wm_code table_fail(const struct table *t, size_t column, const char *what,
			struct wm_error *err)
{
	return fail(err, REASON_TABLE_MALFORMED, "%s, line %llu, column %zu: %s", t->name,
		    (unsigned long long)t->line, column + 1, what);
}

/* --- bytes ------------------------------------------------------------------------------- */

static enum wm_code peek(struct table *t, int *byte, struct wm_error *err)
{
	if (t->in_at == t->in_len)
		TRY(fill(t, err));
	*byte = t->in_at < t->in_len ? t->in[t->in_at] : END;
	return WM_OK;
}

static enum wm_code take(struct table *t, int *byte, struct wm_error *err)
{
	TRY(peek(t, byte, err));
	if (*byte != END)
		t->in_at++;
	if (*byte == '\n')
		t->lines++;
	if (*byte == '\0')
		return table_fail(t, t->n_cells, "a NUL byte", err);
	return WM_OK;
}

static enum wm_code put(struct table *t, int byte, struct wm_error *err)
{
	if (t->row_len == LIMIT_TABLE_ROW)
		return table_fail(t, t->n_cells, "the row is too long", err);
	t->row[t->row_len++] = (char)byte;
	return WM_OK;
}

/* --- cells ------------------------------------------------------------------------------- */

/* CR LF is one end of line; `*byte` becomes LF then. */
static enum wm_code join_crlf(struct table *t, int *byte, struct wm_error *err)
{
	int next;

	if (*byte != '\r')
		return WM_OK;
	TRY(peek(t, &next, err));
	if (next != '\n')
		return table_fail(t, t->n_cells, "a carriage return within a cell", err);
	return take(t, byte, err);
}

static bool separates(const struct table *t, int byte)
{
	return byte == '\n' || byte == END || (t->form == TABLE_CSV && byte == ',') ||
	       (t->form == TABLE_TSV && byte == '\t');
}

/* After an opening quote, up to what follows the closing one. */
static enum wm_code read_quoted(struct table *t, int *after, struct wm_error *err)
{
	for (int byte;;) {
		TRY(take(t, &byte, err));
		if (byte == END)
			return table_fail(t, t->n_cells, "a quote is never closed", err);
		if (byte == '"') {
			TRY(take(t, &byte, err));
			if (byte != '"') {
				TRY(join_crlf(t, &byte, err));
				*after = byte;
				break;
			}
		}
		TRY(put(t, byte, err));
	}
	if (!separates(t, *after))
		return table_fail(t, t->n_cells, "something follows a closing quote", err);
	return WM_OK;
}

/* Reads one cell and the byte that ends it. */
static enum wm_code read_cell(struct table *t, int *after, struct wm_error *err)
{
	const size_t from = t->row_len;
	int byte;

	if (t->n_cells == LIMIT_TABLE_COLUMNS)
		return table_fail(t, t->n_cells, "there are too many columns", err);
	TRY(take(t, &byte, err));
	if (t->form == TABLE_CSV && byte == '"') {
		TRY(read_quoted(t, &byte, err));
	} else {
		for (;;) {
			TRY(join_crlf(t, &byte, err));
			if (separates(t, byte))
				break;
			if (t->form == TABLE_CSV && byte == '"')
				return table_fail(t, t->n_cells, "a quote within a cell without",
						  err);
			TRY(put(t, byte, err));
			TRY(take(t, &byte, err));
		}
	}
	TRY(put(t, '\0', err));
	t->cells[t->n_cells++] = t->row + from;
	*after = byte;
	return WM_OK;
}

enum wm_code table_next(struct table *t, bool *more, struct wm_error *err)
{
	int byte = '\n';

	do {
		t->line = t->lines + 1;
		t->row_len = t->n_cells = 0;
		TRY(peek(t, &byte, err));
		*more = byte != END;
		if (!*more)
			return WM_OK;
		do
			TRY(read_cell(t, &byte, err));
		while (byte != '\n' && byte != END);
	} while (t->n_cells == 1 && !*t->cells[0]);
	return WM_OK;
}

enum wm_code table_columns(int *at, struct table *t, const char *const *names, size_t n,
			   size_t n_needed, struct wm_error *err)
{
	bool more;

	TRY(table_next(t, &more, err));
	if (!more)
		return fail(err, REASON_TABLE_COLUMNS, "%s: has no row", t->name);
	for (size_t c = 0; c < n; c++)
		at[c] = -1;
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t c = 0;

		while (c < n && strcmp(t->cells[i], names[c]) != 0)
			c++;
		if (c == n)
			return table_fail(t, i, "no column of this name is known", err);
		if (at[c] >= 0)
			return table_fail(t, i, "a second column of this name", err);
		at[c] = (int)i;
	}
	for (size_t c = 0; c < n_needed; c++)
		if (at[c] < 0)
			return fail(err, REASON_TABLE_COLUMNS, "%s: has no column %s", t->name,
				    names[c]);
	return WM_OK;
}
