/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/records_read.c, source_files.c, source_lines.c, source_tar.c: what is a record. */
#include "harness.h"

#include <stdio.h>
#include <sys/stat.h>

#include "data/records_read.h"
#include "data/source.h"
#include "format/tar_read.h"
#include "util/limits.h"

static void write_text(const char *path, const void *text, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(path, text, len, 0600, FILE_REPLACE, &err), &err);
}

static enum wm_code read_paths(struct records_found *out, const char *const *paths, size_t n,
			       enum record_grammar g, unsigned workers, struct wm_error *err)
{
	return records_read(out, paths, n,
			    &(struct records_options){ .grammar = g, .workers = workers }, err);
}

/* The set must be exactly that of the `n` records, in any order. */
static void assert_records(const struct record_set *s, const char *const *records, size_t n)
{
	cleanup_record_set struct record_set expected = { .n = 0 };
	struct wm_error err = { 0 };
	uint8_t d[1][SHA256_BYTES];

	for (size_t i = 0; i < n; i++) {
		assert_ok(sha256_of(d[0], records[i], strlen(records[i]), &err), &err);
		assert_ok(record_set_add(&expected, (const uint8_t (*)[SHA256_BYTES])d, 1, &err),
			  &err);
	}
	record_set_close(&expected);
	assert_int_equal(s->n, expected.n);
	assert_int_equal(s->n_records, n);
	assert_memory_equal(s->rows, expected.rows, s->n * ROW_BYTES);
}

/* --- lines and rows ---------------------------------------------------------------------- */

enum { FEW = 4 };

static const struct {
	enum record_grammar grammar;
	const char *text;
	enum reason reason; /* NONE: it is these records */
	const char *records[FEW];
} lines[] = {
	{ RECORD_JSONL, "{}\n[1]\n", REASON_NONE, { "{}", "[1]" } },
	{ RECORD_JSONL, "{}\n[1]", REASON_NONE, { "{}", "[1]" } },
	{ RECORD_JSONL, "a\r\nb\n", REASON_NONE, { "a\r", "b" } },
	{ RECORD_JSONL, "same\nsame\n", REASON_NONE, { "same", "same" } },
	{ RECORD_JSONL, "a\n\nb\n", REASON_RECORD_EMPTY, { NULL } },
	{ RECORD_JSONL, "\n", REASON_RECORD_EMPTY, { NULL } },
	{ RECORD_JSONL, "a\n\n", REASON_RECORD_EMPTY, { NULL } },
	{ RECORD_JSONL, "", REASON_RECORDS_MISSING, { NULL } },
	{ RECORD_CSV_ROWS, "a,b\n1,2\n", REASON_NONE, { "a,b", "1,2" } },
	{ RECORD_CSV_ROWS, "a,b\r\n1,2\r\n", REASON_NONE, { "a,b", "1,2" } },
	{ RECORD_CSV_ROWS, "a,b\r\n1,2", REASON_NONE, { "a,b", "1,2" } },
	{ RECORD_CSV_ROWS, "\"a\nb\",c\nd\n", REASON_NONE, { "\"a\nb\",c", "d" } },
	{ RECORD_CSV_ROWS, "\"a\r\n\"\"b\",\nd,", REASON_NONE, { "\"a\r\n\"\"b\",", "d," } },
	{ RECORD_CSV_ROWS, "\"\"\n", REASON_NONE, { "\"\"" } },
	{ RECORD_CSV_ROWS, ",\n", REASON_NONE, { "," } },
	{ RECORD_CSV_ROWS, "\"a\"", REASON_NONE, { "\"a\"" } },
	{ RECORD_CSV_ROWS, "a\"b\n", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "\"a\"b\n", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "\"a\n", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "\"a\"\"\n", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "a\rb\n", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "a\r", REASON_CSV_MALFORMED, { NULL } },
	{ RECORD_CSV_ROWS, "a\n\nb\n", REASON_RECORD_EMPTY, { NULL } },
	{ RECORD_CSV_ROWS, "a\r\n\r\n", REASON_RECORD_EMPTY, { NULL } },
	{ RECORD_CSV_ROWS, "", REASON_RECORDS_MISSING, { NULL } },
	{ RECORD_CSV, "a,b\n1,2\n", REASON_NONE, { "1,2" } },
	{ RECORD_CSV, "\"a\nb\",c\r\na\r\na", REASON_NONE, { "a", "a" } },
	{ RECORD_CSV, "a,b\n", REASON_RECORDS_MISSING, { NULL } },
	{ RECORD_CSV, "\na\n", REASON_RECORD_EMPTY, { NULL } },
};

static void cuts_lines_and_rows(void **state)
{
	cleanup_free char *dir = scratch_new();
	char path[300];
	const char *const paths[] = { path };

	(void)state;
	snprintf(path, sizeof(path), "%s/a", dir);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct records_found found = { .n_bytes = 0 };
		struct wm_error err = { 0 };
		size_t n = 0;

		write_text(path, lines[i].text, strlen(lines[i].text));
		if (read_paths(&found, paths, 1, lines[i].grammar, 1, &err) != WM_OK) {
			assert_string_equal(err.reason, reason_info(lines[i].reason)->id);
		} else {
			assert_int_equal(lines[i].reason, REASON_NONE);
			while (n < FEW && lines[i].records[n])
				n++;
			assert_records(&found.set, lines[i].records, n);
		}
		record_set_release(&found.set);
	}
	scratch_remove(take_ptr(&dir));
}

/* Lines of 0 to `most` letters, some longer than what is read at once. */
static void make_lines(struct buf *out, size_t n, size_t most)
{
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t len = 1 + (i * i * 7919) % most;

		assert_ok(buf_printf(out, &err, "%zu", i), &err);
		for (size_t j = 0; j < len; j++)
			assert_ok(buf_append_byte(out, (uint8_t)('a' + (i + j) % 26), &err), &err);
		assert_ok(buf_append_byte(out, '\n', &err), &err);
	}
}

/* A row of names that is longer than what is read at once is not the end. */
static void passes_long_names(void **state)
{
	static const char *const records[] = { "1", "2" };
	cleanup_free char *dir = scratch_new();
	char path[300];
	const char *const paths[] = { path };

	(void)state;
	snprintf(path, sizeof(path), "%s/a.csv", dir);
	for (size_t len = 1; len < 200000; len += len < 16300 || len > 16450 ? len : 1) {
		cleanup_buf struct buf text = BUF_INIT(1 << 20);
		struct records_found found = { .n_bytes = 0 };
		struct wm_error err = { 0 };

		for (size_t i = 0; i < len; i++)
			assert_ok(buf_append_byte(&text, 'n', &err), &err);
		assert_ok(buf_append_str(&text, "\n1\n2\n", &err), &err);
		write_text(path, text.data, text.len);
		assert_ok(read_paths(&found, paths, 1, RECORD_CSV, 2, &err), &err);
		assert_records(&found.set, records, 2);
		record_set_release(&found.set);
	}
	scratch_remove(take_ptr(&dir));
}

/* What several workers find in batches is what one pass over the bytes finds. */
static void batches_lose_nothing(void **state)
{
	static const struct {
		size_t n, most;
	} rows[] = { { 20000, 3 }, { 3000, 2000 }, { 5, 3 << 20 } };
	cleanup_free char *dir = scratch_new();
	char path[300];
	const char *const paths[] = { path };

	(void)state;
	snprintf(path, sizeof(path), "%s/a", dir);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		cleanup_buf struct buf text = BUF_INIT(1 << 25);
		cleanup_record_set struct record_set expected = { .n = 0 };
		struct wm_error err = { 0 };

		make_lines(&text, rows[r].n, rows[r].most);
		write_text(path, text.data, text.len);
		for (uint8_t *at = text.data, *end; at < text.data + text.len; at = end + 1) {
			uint8_t d[1][SHA256_BYTES];

			end = memchr(at, '\n', (size_t)(text.data + text.len - at));
			assert_ok(sha256_of(d[0], at, (size_t)(end - at), &err), &err);
			assert_ok(record_set_add(&expected, (const uint8_t (*)[SHA256_BYTES])d, 1,
						 &err), &err);
		}
		record_set_close(&expected);
		for (unsigned workers = 1; workers <= 3; workers++)
			for (int csv = 0; csv < 2; csv++) {
				struct records_found found = { .n_bytes = 0 };

				assert_ok(read_paths(&found, paths, 1,
						     csv ? RECORD_CSV_ROWS : RECORD_JSONL, workers,
						     &err), &err);
				assert_int_equal(found.set.n, expected.n);
				assert_memory_equal(found.set.rows, expected.rows,
						    expected.n * ROW_BYTES);
				assert_int_equal(found.n_bytes, text.len - rows[r].n);
				record_set_release(&found.set);
			}
	}
	scratch_remove(take_ptr(&dir));
}

/* --- folders ----------------------------------------------------------------------------- */

static void make(char out[300], const char *dir, const char *name, const char *text)
{
	snprintf(out, 300, "%s/%s", dir, name);
	write_text(out, text, strlen(text));
}

static void takes_all_files_of_a_folder(void **state)
{
	/* Names say nothing: those that differ in case or Unicode form alone are files too. */
	static const char *const records[] = { "1", "2", "3", "4", "1", "" };
	cleanup_free char *dir = scratch_new();
	const char *const paths[] = { dir };
	struct records_found found = { .n_bytes = 0 };
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	make(path, dir, "A", "1");
	make(path, dir, "a", "2");
	make(path, dir, "\xc3\xa9", "3");
	make(path, dir, "e\xcc\x81", "4");
	make(path, dir, "sub/copy", "1");
	make(path, dir, "sub/empty", "");
	assert_ok(read_paths(&found, paths, 1, RECORD_FILES, 2, &err), &err);
	assert_records(&found.set, records, 6);
	assert_int_equal(found.n_bytes, 5);
	record_set_release(&found.set);
	scratch_remove(take_ptr(&dir));
}

static void refuses_what_is_no_file(void **state)
{
	cleanup_free char *dir = scratch_new();
	const char *const paths[] = { dir };
	struct records_found found = { .n_bytes = 0 };
	struct wm_error err = { 0 };
	char file[300], other[300];

	(void)state;
	assert_reason(read_paths(&found, paths, 1, RECORD_FILES, 1, &err), &err, RECORDS_MISSING);
	make(file, dir, "a", "1");
	snprintf(other, sizeof(other), "%s/b", dir);
	assert_int_equal(symlink(file, other), 0);
	assert_reason(read_paths(&found, paths, 1, RECORD_FILES, 1, &err), &err, RECORD_KIND);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink("/", other), 0);
	assert_reason(read_paths(&found, paths, 1, RECORD_FILES, 1, &err), &err, RECORD_KIND);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_reason(read_paths(&found, paths, 1, RECORD_FILES, 1, &err), &err, RECORD_KIND);
	record_set_release(&found.set);
	scratch_remove(take_ptr(&dir));
}

static void notices_what_comes_and_goes(void **state)
{
	cleanup_free struct record_batch *b = calloc(1, sizeof(*b));
	cleanup_source struct record_source *s = NULL;
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	assert_non_null(b);
	b->names = (struct buf)BUF_INIT(1 << 16);
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	make(path, dir, "sub/a", "1");
	assert_ok(source_open_folder(&s, dir, NULL, &err), &err);
	assert_ok(s->ops->next(s, b, &err), &err);
	assert_int_equal(b->n, 1);
	assert_ok(s->ops->finish(s, &err), &err);
	make(path, dir, "sub/b", "2");
	assert_reason(s->ops->finish(s, &err), &err, FILE_CHANGED);
	buf_release(&b->names);
	scratch_remove(take_ptr(&dir));
}

static void streams_what_is_large(void **state)
{
	enum { LARGE = (5 << 20) + 3 };
	cleanup_free uint8_t *bytes = malloc(LARGE);
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	uint8_t d[SHA256_BYTES];
	char path[300];
	const char *const paths[] = { path };

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 257);
	snprintf(path, sizeof(path), "%s/a", dir);
	write_text(path, bytes, LARGE);
	for (int g = 0; g < 2; g++) {
		const char *const folder[] = { dir };
		struct records_found found = { .n_bytes = 0 };

		assert_ok(read_paths(&found, g ? folder : paths, 1,
				     g ? RECORD_FILES : RECORD_OPAQUE, 2, &err), &err);
		assert_ok(sha256_of(d, bytes, LARGE, &err), &err);
		assert_int_equal(found.set.n, 1);
		assert_int_equal(found.n_bytes, LARGE);
		assert_memory_equal(found.set.rows[0].digest, d, SHA256_BYTES);
		record_set_release(&found.set);
	}
	assert_ok(record_digest(d, path, &err), &err);
	scratch_remove(take_ptr(&dir));
}

/* --- tar --------------------------------------------------------------------------------- */

static void append_member(struct buf *out, const char *name, const char *text)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t header[TAR_BLOCK];
	struct wm_error err = { 0 };
	size_t len = strlen(text);

	tar_write_header(header, name, len);
	assert_ok(buf_append(out, header, sizeof(header), &err), &err);
	assert_ok(buf_append(out, text, len, &err), &err);
	assert_ok(buf_append(out, zeros, -len % TAR_BLOCK, &err), &err);
}

static void takes_all_members(void **state)
{
	static const uint8_t zeros[TAR_END_MIN];
	cleanup_buf struct buf tar = BUF_INIT(1 << 24);
	cleanup_free char *dir = scratch_new();
	struct records_found found = { .n_bytes = 0 };
	struct wm_error err = { 0 };
	const char *records[3000];
	char path[300], name[32];
	const char *const paths[] = { path };

	(void)state;
	snprintf(path, sizeof(path), "%s/a.tar", dir);
	for (size_t i = 0; i < 3000; i++) {
		records[i] = i % 3 == 0 ? "three" : i % 7 == 0 ? "" : "other";
		snprintf(name, sizeof(name), "f%zu", i);
		append_member(&tar, name, records[i]);
	}
	write_text(path, tar.data, tar.len);
	assert_reason(read_paths(&found, paths, 1, RECORD_TAR, 1, &err), &err, TAR_END);
	record_set_release(&found.set);
	assert_ok(buf_append(&tar, zeros, sizeof(zeros), &err), &err);
	write_text(path, tar.data, tar.len);
	found = (struct records_found){ .n_bytes = 0 };
	assert_ok(read_paths(&found, paths, 1, RECORD_TAR, 2, &err), &err);
	assert_records(&found.set, records, 3000);
	record_set_release(&found.set);
	found = (struct records_found){ .n_bytes = 0 };
	assert_ok(buf_append_byte(&tar, 1, &err), &err);
	write_text(path, tar.data, tar.len);
	assert_reason(read_paths(&found, paths, 1, RECORD_TAR, 1, &err), &err, TAR_END);
	record_set_release(&found.set);
	scratch_remove(take_ptr(&dir));
}

/* Threads that wait while one finds the fault must not ask on behind it. */
static void faults_are_the_same_each_time(void **state)
{
	enum { MEMBERS = 1000, TRIES = 200, THREADS = 8 };
	cleanup_buf struct buf tar = BUF_INIT(1 << 24);
	cleanup_free char *dir = scratch_new();
	char path[300], name[32];
	const char *const paths[] = { path };

	(void)state;
	snprintf(path, sizeof(path), "%s/a.tar", dir);
	for (size_t i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		append_member(&tar, name, "x");
	}
	write_text(path, tar.data, tar.len - 1);
	for (size_t i = 0; i < TRIES; i++) {
		struct records_found found = { .n_bytes = 0 };
		struct wm_error err = { 0 };

		assert_reason(read_paths(&found, paths, 1, RECORD_TAR, THREADS, &err), &err,
			      TAR_END);
		record_set_release(&found.set);
	}
	scratch_remove(take_ptr(&dir));
}

/* --- the rest ---------------------------------------------------------------------------- */

static void guesses_grammars(void **state)
{
	static const char *const tars[] = { "a.tar", "b.tar" }, *const mixed[] = { "a.tar", "b" };
	cleanup_free char *dir = scratch_new();
	const char *const folder[] = { dir };
	enum record_grammar g = RECORD_OPAQUE;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(record_grammar_guess(&g, tars, 2, &err), &err);
	assert_int_equal(g, RECORD_TAR);
	assert_reason(record_grammar_guess(&g, mixed, 2, &err), &err, USAGE);
	assert_ok(record_grammar_guess(&g, mixed + 1, 1, &err), &err);
	assert_int_equal(g, RECORD_OPAQUE);
	assert_ok(record_grammar_guess(&g, folder, 1, &err), &err);
	assert_int_equal(g, RECORD_FILES);
	assert_true(record_grammar_find(&g, "csv"));
	assert_string_equal(record_grammar_name(g), "csv/2");
	assert_true(record_grammar_find(&g, "csv-rows"));
	assert_string_equal(record_grammar_name(g), "csv/1");
	assert_false(record_grammar_find(&g, "csv/1"));
	scratch_remove(take_ptr(&dir));
}

static enum wm_code read_folder(void *context, struct wm_error *err)
{
	const char *const paths[] = { context };
	struct records_found found = { .n_bytes = 0 };
	enum wm_code code = read_paths(&found, paths, 1, RECORD_FILES, 1, err);

	record_set_release(&found.set);
	return code;
}

static void survives_want_of_memory(void **state)
{
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	make(path, dir, "a", "1");
	make(path, dir, "b", "2");
	with_every_allocation_failing(read_folder, dir);
	scratch_remove(take_ptr(&dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_lines_and_rows),
		cmocka_unit_test(passes_long_names),
		cmocka_unit_test(batches_lose_nothing),
		cmocka_unit_test(takes_all_files_of_a_folder),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(notices_what_comes_and_goes),
		cmocka_unit_test(streams_what_is_large),
		cmocka_unit_test(takes_all_members),
		cmocka_unit_test(faults_are_the_same_each_time),
		cmocka_unit_test(guesses_grammars),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
