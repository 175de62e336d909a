/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: rows and cells of good, boundary and malformed text. */
#include <stdio.h>

#include "harness.h"

#include "text/table.h"
#include "util/file.h"

struct expected {
	enum table_form form;
	const char *text;
	size_t len;	   /* 0: strlen() */
	const char *cells; /* each ends with '|', a row with '/'; NULL: malformed */
};

static void write_text(const char *path, const char *text, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(path, text, len, 0600, FILE_REPLACE, &err), &err);
}

static enum wm_code read_all(struct buf *out, const char *path, enum table_form form,
			     struct wm_error *err)
{
	cleanup_table struct table t = { 0 };
	bool more;

	TRY(table_open(&t, path, form, err));
	for (;;) {
		TRY(table_next(&t, &more, err));
		if (!more)
			return WM_OK;
		for (size_t i = 0; i < t.n_cells; i++)
			TRY(buf_printf(out, err, "%s|", t.cells[i]));
		TRY(buf_append_byte(out, '/', err));
	}
}

static const struct expected cases[] = {
	{ TABLE_CSV, "", 0, "" },
	{ TABLE_CSV, "\n\r\n\n", 0, "" },
	{ TABLE_CSV, "a,b\nc,d", 0, "a|b|/c|d|/" },
	{ TABLE_CSV, "a,b\r\nc,\r\n", 0, "a|b|/c||/" },
	{ TABLE_CSV, "\xef\xbb\xbf" "a\n", 0, "a|/" },
	{ TABLE_CSV, "\"a,\"\"\n\",b\n", 0, "a,\"\n|b|/" },
	{ TABLE_CSV, "\"\"\n,\n", 0, "||/" },
	{ TABLE_CSV, "\"a\r\nb\"\r\n", 0, "a\r\nb|/" },
	{ TABLE_CSV, "\"a", 0, NULL },
	{ TABLE_CSV, "\"a\"b\n", 0, NULL },
	{ TABLE_CSV, "a\"b\n", 0, NULL },
	{ TABLE_CSV, "a\rb\n", 0, NULL },
	{ TABLE_CSV, "a\r", 0, NULL },
	{ TABLE_CSV, "a\0b\n", 4, NULL },
	{ TABLE_TSV, "a\t\"b\n,\t\n", 0, "a|\"b|/,||/" },
	{ TABLE_LINES, "a\tb,\"c\"\r\n\nd", 0, "a\tb,\"c\"|/d|/" },
};

static void test_rows(void **state)
{
	char *dir = scratch_new(), path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/t", dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *c = &cases[i];
		cleanup_buf struct buf out = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };

		write_text(path, c->text, c->len ? c->len : strlen(c->text));
		if (!c->cells) {
			assert_reason(read_all(&out, path, c->form, &err), &err, TABLE_MALFORMED);
			continue;
		}
		assert_ok(read_all(&out, path, c->form, &err), &err);
		/* The row of one empty quoted cell is an empty line, too. */
		assert_string_equal(buf_str(&out), c->cells);
	}
	scratch_remove(dir);
}

/* n - 1, n, n + 1 of columns and of bytes. */
static void test_limits(void **state)
{
	char *dir = scratch_new(), path[4096];
	char *text = malloc(LIMIT_TABLE_ROW + 16);

	(void)state;
	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/t", dir);
	for (int more = -1; more <= 1; more++) {
		cleanup_buf struct buf out = BUF_INIT(4 << 20);
		struct wm_error err = { 0 };
		const size_t columns = (size_t)(LIMIT_TABLE_COLUMNS + more);
		const size_t bytes = (size_t)(LIMIT_TABLE_ROW + more) - 1;

		memset(text, ',', columns - 1);
		write_text(path, text, columns - 1);
		if (more <= 0)
			assert_ok(read_all(&out, path, TABLE_CSV, &err), &err);
		else
			assert_reason(read_all(&out, path, TABLE_CSV, &err), &err,
				      TABLE_MALFORMED);
		memset(text, 'x', bytes);
		write_text(path, text, bytes);
		if (more <= 0)
			assert_ok(read_all(&out, path, TABLE_CSV, &err), &err);
		else
			assert_reason(read_all(&out, path, TABLE_CSV, &err), &err,
				      TABLE_MALFORMED);
	}
	free(text);
	scratch_remove(dir);
}

static void test_messages(void **state)
{
	char *dir = scratch_new(), path[4096];
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "%s/t", dir);
	write_text(path, "a,b\n\n\"x\ny\",z\nc,d\"\n", 19);
	assert_reason(read_all(&out, path, TABLE_CSV, &err), &err, TABLE_MALFORMED);
	assert_non_null(strstr(err.message, "line 5, column 2: "));
	scratch_remove(dir);
}

static enum wm_code read_some(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);

	return read_all(&out, context, TABLE_CSV, err);
}

static void test_allocations(void **state)
{
	char *dir = scratch_new(), path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/t", dir);
	write_text(path, "a,b\nc,d\n", 8);
	with_every_allocation_failing(read_some, path);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
