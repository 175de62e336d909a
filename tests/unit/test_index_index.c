/* SPDX-License-Identifier: Apache-2.0 */
/* lib/index/index.c: a database of ours, whatever stood at its place or becomes of it. */
#include "shelf.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/file.h"

enum { BYTES_MAX = 1 << 26 };

#define ORIGIN SHELF_ORIGIN

static void assert_made_anew(struct shelf *s)
{
	cleanup_index struct index *x = shelf_index(s);

	assert_non_null(x->path);
	assert_int_equal(shelf_size(x, ORIGIN), 0);
	shelf_sync(x);
	assert_as_new(s, x);
}

static void test_permissions(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(s.cache, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(path, 0644), 0);
	free(path);
	path = shelf_path(&s);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_settings(void **state)
{
	static const char *const rows[][2] = {
		{ "PRAGMA journal_mode", "wal" }, { "PRAGMA synchronous", "1" },
		{ "PRAGMA trusted_schema", "0" }, { "PRAGMA busy_timeout", "5000" },
		{ "PRAGMA integrity_check", "ok" },
	};
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sqlite3_stmt *q = NULL;

		assert_int_equal(sqlite3_prepare_v2(x->db, rows[i][0], -1, &q, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(q), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(q, 0), rows[i][1]);
		sqlite3_finalize(q);
	}
}

/* --- files that are not ours ---------------------------------------------------------- */

static void execute(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	char *said = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &said) != SQLITE_OK)
		test_failed(__FILE__, __LINE__, "%s: %s", text, said);
	sqlite3_close(db);
}

static void test_other_schemas(void **state)
{
	static const char *const rows[] = {
		"PRAGMA user_version=0",
		"PRAGMA user_version=2147483647",
		"PRAGMA application_id=0",
		"PRAGMA application_id=1",
		"UPDATE meta SET value=value||'x'",
		"DELETE FROM meta",
		"DROP TABLE meta",
		"DROP TABLE meta; CREATE TABLE meta(key TEXT, value BLOB)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_shelf struct shelf s;
		cleanup_free char *path = shelf_filled(&s);

		execute(path, rows[i]);
		assert_made_anew(&s);
	}
}

/* What only use shows. */
static void test_tables_that_are_wrong(void **state)
{
	static const char *const rows[] = {
		"DROP TABLE digest",
		"DROP TABLE full",
		"DROP INDEX entry_statement; DROP TABLE entry",
		"DELETE FROM tile",
		"UPDATE tile SET hashes=zeroblob(length(hashes))",
		"UPDATE tile SET hashes=x'00'",
		"UPDATE log SET size=size+1",
		"UPDATE log SET size=-1",
		"UPDATE log SET size=0",
		"UPDATE log SET id=-5",
		"UPDATE log SET tip=x'00'",
		"UPDATE log SET tip=zeroblob(20)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_shelf struct shelf s;
		cleanup_free char *path = shelf_filled(&s);
		cleanup_index struct index *x = NULL;

		execute(path, rows[i]);
		shelf_fill(&s, ORIGIN, 6, 6);
		x = shelf_index(&s);
		shelf_sync(x);
		assert_as_new(&s, x);
	}
}

static void test_other_repository(void **state)
{
	cleanup_shelf struct shelf a, b;
	cleanup_free char *of_a = shelf_filled(&a), *of_b = shelf_filled(&b);
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);
	struct wm_error err = { 0 };

	(void)state;
	assert_string_not_equal(file_name(of_a), file_name(of_b));
	read_file(&bytes, of_a);
	assert_ok(file_write(of_b, bytes.data, bytes.len, 0600, FILE_REPLACE, &err), &err);
	assert_made_anew(&b);
}

static void test_not_a_database(void **state)
{
	static const char text[] = "this is no database, and long enough to be taken for one: "
				   "more than a hundred bytes, which is what SQLite reads first";
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_free char *wal = NULL;
	struct wm_error err = { 0 };

	(void)state;
	assert_true(asprintf(&wal, "%s-wal", path) > 0);
	assert_ok(file_write(path, text, sizeof(text), 0600, FILE_REPLACE, &err), &err);
	assert_made_anew(&s);
	assert_ok(file_write(wal, text, sizeof(text), 0600, FILE_REPLACE, &err), &err);
	assert_ok(file_write(path, "", 0, 0600, FILE_REPLACE, &err), &err);
	assert_made_anew(&s);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_made_anew(&s);
}

static enum wm_code count_one(void *context, const struct indexed *e, struct wm_error *err)
{
	(void)e, (void)err;
	++*(size_t *)context;
	return WM_OK;
}

/*
 * Asks everything of a database that may be damaged anywhere: it answers or says that it cannot;
 * and where SQLite found the damage, the next one to open it has a whole one.
 */
static void use_damaged(struct shelf *s)
{
	static const struct {
		enum query_kind kind;
		const char *value;
	} rows[] = { { QUERY_TEXT, "gesichter" }, { QUERY_PARTY, SHELF_ISSUER },
		     { QUERY_NAME, "llm-1" }, { QUERY_DATASET, "faces-1" },
		     { QUERY_STATEMENT, "00000000" } };
	cleanup_index struct index *x = shelf_index(s);
	struct wm_error err = { 0 };
	bool malformed = false;
	size_t n = 0;

	if (index_sync(x, NULL, NULL, NULL, &err) != WM_OK)
		assert_reason(err.code, &err, INDEX_FAILED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (index_query(x, rows[i].kind, rows[i].value, NULL, 1000, count_one, &n,
		    &err) != WM_OK)
			assert_reason(err.code, &err, INDEX_FAILED);
	malformed = x->malformed;
	index_close(take_ptr(&x));
	if (malformed)
		assert_made_anew(s);
}

static void test_damage_anywhere(void **state)
{
	enum { PAGE = 4096 };
	static const uint8_t junk[PAGE] = { 0xff, 0x0d, 0x7f };
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_buf struct buf whole = BUF_INIT(BYTES_MAX);
	struct wm_error err = { 0 };

	(void)state;
	read_file(&whole, path);
	shelf_fill(&s, ORIGIN, 6, 7);
	for (size_t at = 0; at < whole.len; at += PAGE) {
		cleanup_fd int fd = -1;

		assert_ok(file_write(path, whole.data, whole.len, 0600, FILE_REPLACE, &err), &err);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_ok(file_write_at(fd, junk, PAGE, at, path, &err), &err);
		use_damaged(&s);
		assert_ok(file_write(path, whole.data, at + 17, 0600, FILE_REPLACE, &err), &err);
		use_damaged(&s);
	}
}

/* --- folders that cannot be used ------------------------------------------------------- */

static void assert_in_memory(struct shelf *s, const char *directory)
{
	cleanup_index struct index *x = NULL;
	struct wm_error err = { 0 };

	assert_ok(index_open(&x, s->ledger, directory, &err), &err);
	assert_null(x->path);
	shelf_sync(x);
	assert_int_equal(shelf_size(x, ORIGIN), SHELF_KINDS);
	assert_as_new(s, x);
}

static void test_in_memory(void **state)
{
	cleanup_free char *file = NULL, *open_to_all = NULL;
	cleanup_shelf struct shelf s;
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, 1);
	assert_true(asprintf(&file, "%s/file", s.scratch) > 0);
	assert_true(asprintf(&open_to_all, "%s/open", s.scratch) > 0);
	assert_ok(file_write(file, "", 0, 0600, FILE_REPLACE, &err), &err);
	assert_in_memory(&s, NULL);
	assert_in_memory(&s, file);
	assert_in_memory(&s, "/proc/self/weightmark");
	assert_int_equal(mkdir(open_to_all, 0700), 0);
	assert_int_equal(chmod(open_to_all, 0777), 0);
	assert_in_memory(&s, open_to_all);
}

enum { NOBODY = 65534 };

/* Lets others pass through what tests make, which is closed to them. */
static void open_to_nobody(struct shelf *s)
{
	char *folder = strdup(s->cache), *slash;

	assert_non_null(folder);
	while ((slash = strrchr(folder, '/')) && slash - folder > (ptrdiff_t)strlen(s->scratch)) {
		*slash = '\0';
		assert_int_equal(chmod(folder, 0755), 0);
	}
	assert_int_equal(chmod(s->scratch, 0755), 0);
	free(folder);
}

/* As somebody to whom permissions apply: a child, since tests may run as root. */
static int without_permission(struct shelf *s, const char *directory)
{
	struct index *x = NULL;
	bool ok;

	if (geteuid() == 0 && seteuid(NOBODY) != 0)
		return 2;
	ok = index_open(&x, s->ledger, directory, NULL) == WM_OK && !x->path &&
	     index_sync(x, NULL, NULL, NULL, NULL) == WM_OK;
	return ok ? 0 : 1;
}

static void test_read_only_folder(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	int status = -1;
	pid_t pid;

	(void)state;
	assert_true(chown(s.cache, geteuid() == 0 ? NOBODY : geteuid(), (gid_t)-1) == 0);
	assert_true(chown(path, geteuid() == 0 ? NOBODY : geteuid(), (gid_t)-1) == 0);
	assert_int_equal(chmod(s.cache, 0500), 0);
	open_to_nobody(&s);
	pid = fork();
	if (pid == 0)
		_exit(without_permission(&s, s.cache));
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(chmod(s.cache, 0700), 0);
	assert_int_equal(status, 0);
}

/* One connection is in use while the file is made anew by another: each goes on with its own. */
static void test_made_anew_under_a_reader(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	struct index *reader = shelf_index(&s);

	(void)state;
	assert_int_equal(shelf_count(reader, QUERY_NAME, "llm-1"), 1);
	execute(path, "PRAGMA user_version=77");
	assert_made_anew(&s);
	shelf_fill(&s, ORIGIN, 6, 6);
	shelf_sync(reader);
	assert_int_equal(shelf_count(reader, QUERY_NAME, "llm-6"), 1);
	index_close(reader);
	reader = shelf_index(&s);
	assert_int_equal(shelf_count(reader, QUERY_NAME, "llm-1"), 1);
	index_close(reader);
}

/* --- memory --------------------------------------------------------------------------- */

static enum wm_code open_sync_query(void *context, struct wm_error *err)
{
	struct shelf *s = context;
	cleanup_index struct index *x = NULL;
	cleanup_tiles struct tiles *t = NULL;
	size_t n = 0;

	TRY(index_open(&x, s->ledger, s->cache, err));
	TRY(index_sync(x, NULL, NULL, NULL, err));
	TRY(index_query(x, QUERY_DATASET, "faces-1", NULL, 9, count_one, &n, err));
	TRY(index_query(x, QUERY_TEXT, "gesichter \xc3\xa4", NULL, 9, count_one, &n, err));
	return index_tiles(&t, x, ORIGIN, err);
}

static void test_every_allocation(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_index struct index *x = NULL;

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, 1);
	with_every_allocation_failing(open_sync_query, &s);
	x = shelf_index(&s);
	assert_int_equal(shelf_size(x, ORIGIN), SHELF_KINDS);
	assert_as_new(&s, x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_other_schemas),
		cmocka_unit_test(test_tables_that_are_wrong),
		cmocka_unit_test(test_other_repository),
		cmocka_unit_test(test_not_a_database),
		cmocka_unit_test(test_damage_anywhere),
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_read_only_folder),
		cmocka_unit_test(test_made_anew_under_a_reader),
		cmocka_unit_test(test_every_allocation),
	};

	return run_tests(tests);
}
