/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as text, row by row, in memory that does not grow with them: CSV (RFC 4180), TSV (IANA
 * text/tab-separated-values) and plain lines.
 *
 *	cleanup_table struct table t = { 0 };
 *	TRY(table_open(&t, path, TABLE_CSV, err));
 *	for (bool more;;) {
 *		TRY(table_next(&t, &more, err));
 *		if (!more)
 *			break;
 *		... t.cells[i], i < t.n_cells, of line t.line ...
 *	}
 *
 * Lines end with LF or CRLF. A byte order mark of UTF-8 in front is passed over, and so are empty
 * lines. Cells may hold any bytes but NUL; those of TSV and lines no CR either, save before LF.
 */
#ifndef TEXT_TABLE_H
#define TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/limits.h"

enum table_form {
	TABLE_CSV,   /* cells may stand between quotes, and then hold all but NUL */
	TABLE_TSV,
	TABLE_LINES, /* one cell a line */
};

/* Sees bytes of a file as they are read. */
typedef enum wm_code table_watch_fn(void *context, const uint8_t *data, size_t len,
				    struct wm_error *err);

struct table {
	const char *name; /* for messages; borrowed */
	enum table_form form;
	int fd;
	uint8_t *in; /* owned: what was read of the file */
	size_t in_len, in_at;
	char *row; /* owned: the cells of the row, each with a zero byte */
	size_t row_len;
	const char *cells[LIMIT_TABLE_COLUMNS]; /* of the row */
	size_t n_cells;
	uint64_t line;	    /* where the row begins, from 1 */
	uint64_t lines;	    /* that ended before what is read next */
	uint64_t n_bytes;   /* that were read */
	table_watch_fn *watch; /* or NULL */
	void *watcher;	       /* its context; borrowed */
};

void table_release(struct table *t);
#define cleanup_table __attribute__((cleanup(table_release)))

/* Opens the file `path`, which must outlive `out`. Fails as file_open() does. */
MUST_USE enum wm_code table_open(struct table *out, const char *path, enum table_form form,
				 struct wm_error *err);

/*
 * Hands every byte of the file, once, to `watch`; to be called right after table_open(). It has
 * seen all when table_next() has come to the end.
 */
MUST_USE enum wm_code table_watch(struct table *t, table_watch_fn *watch, void *watcher,
				  struct wm_error *err);

/*
 * Reads the first row, of the names of columns, which may stand in any order: `at[i]` becomes the
 * place of `names[i]`, or -1. Fails with `table-malformed` where a name is unknown or comes twice,
 * with `table-columns` where one of the first `n_needed` is not there, or there is no row.
 */
MUST_USE enum wm_code table_columns(int *at, struct table *t, const char *const *names, size_t n,
				    size_t n_needed, struct wm_error *err);

/*
 * Reads the next row; `*more` is false at the end. Fails with `table-malformed`, naming line and
 * column, and with `read-failed`.
 */
MUST_USE enum wm_code table_next(struct table *t, bool *more, struct wm_error *err);

/* Fails with `table-malformed`: "NAME, line L, column C: WHAT"; the column is a cell's, from 0. */
enum wm_code table_fail(const struct table *t, size_t column, const char *what,
			struct wm_error *err);

#endif
