/* SPDX-License-Identifier: Apache-2.0 */
/* lib/index/sync.c and tree.c: one state however it was reached, by however many at once. */
#include "shelf.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL_BATCH = 4, MODELS = 120 };

#define ORIGIN SHELF_ORIGIN
#define OTHER  "example.com/other"

static void test_caught_up_as_built(void **state)
{
	cleanup_shelf struct shelf s;
	struct index *x;

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, 1);
	x = shelf_index(&s);
	shelf_sync(x);
	assert_int_equal(shelf_size(x, ORIGIN), SHELF_KINDS);
	for (unsigned model = 2; model < 80; model += 9) {
		for (unsigned i = 0; i < 20; i++)
			shelf_add(&s, SHELF_UNREADABLE, 100 * model + i);
		shelf_fill(&s, ORIGIN, model, model + model % 10);
		if (model > 20)
			shelf_fill(&s, OTHER, model, model);
		if (model % 2) {
			index_close(x);
			x = shelf_index(&s);
		}
		shelf_sync(x);
	}
	assert_true(shelf_size(x, ORIGIN) > TILE_WIDTH);
	assert_as_new(&s, x);
	index_close(x);
}

static void test_nothing_new(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);
	int before;

	(void)state;
	assert_non_null(path);
	before = sqlite3_total_changes(x->db);
	shelf_sync(x);
	assert_int_equal(sqlite3_total_changes(x->db), before);
	assert_int_equal(shelf_size(x, ORIGIN), 5 * SHELF_KINDS);
}

static void test_one_origin(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_index struct index *x = NULL;
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, 2);
	shelf_fill(&s, OTHER, 3, 3);
	x = shelf_index(&s);
	assert_ok(index_sync(x, OTHER, NULL, NULL, &err), &err);
	assert_int_equal(shelf_size(x, ORIGIN), 0);
	assert_int_equal(shelf_size(x, OTHER), SHELF_KINDS);
	assert_reason(index_sync(x, "example.com/none", NULL, NULL, &err), &err, ORIGIN_UNKNOWN);
	assert_int_equal(shelf_size(x, "example.com/none"), 0);
	shelf_sync(x);
	assert_as_new(&s, x);
}

/* --- histories ------------------------------------------------------------------------ */

static void test_rewritten(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);

	(void)state;
	assert_non_null(path);
	assert_false(shelf_was_rewritten(x));
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-3"), 1);
	shelf_forget_ledger(&s);
	shelf_fill(&s, ORIGIN, 1, 2);
	x->ledger = s.ledger;
	shelf_fill(&s, ORIGIN, 7, 9);
	assert_true(shelf_was_rewritten(x));
	assert_false(shelf_was_rewritten(x));
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-3"), 0);
	assert_int_equal(shelf_count(x, QUERY_TEXT, "nummer3"), 0);
	assert_int_equal(shelf_count(x, QUERY_TEXT, "nummer8"), 1);
	assert_as_new(&s, x);
}

/* The entries that were taken back are gone, and those before them stay. */
static void test_shortened(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);

	(void)state;
	assert_non_null(path);
	shelf_take_back(&s, ORIGIN, 2);
	assert_true(shelf_was_rewritten(x));
	assert_int_equal(shelf_size(x, ORIGIN), 3 * SHELF_KINDS);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-5"), 0);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-3"), 1);
	assert_as_new(&s, x);
}

static void test_a_log_that_goes(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);

	(void)state;
	assert_non_null(path);
	shelf_fill(&s, OTHER, 8, 9);
	shelf_fill(&s, "a.example", 8, 9);
	assert_false(shelf_was_rewritten(x));
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-8"), 2);
	shelf_drop(&s, ORIGIN);
	assert_true(shelf_was_rewritten(x));
	assert_false(shelf_was_rewritten(x));
	assert_int_equal(shelf_size(x, ORIGIN), 0);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-1"), 0);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-8"), 2);
	assert_as_new(&s, x);
}

/* --- the tree ------------------------------------------------------------------------- */

static void test_tiles(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_index struct index *x = NULL;
	cleanup_tiles struct tiles *t = NULL, *again = NULL;
	struct tile_edge *edge = calloc(1, sizeof(*edge));
	struct tile_source ignored = { .next = NULL };
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(edge);
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, 70);
	x = shelf_index(&s);
	assert_reason(index_tiles(&t, x, ORIGIN, &err), &err, ORIGIN_UNKNOWN);
	shelf_sync(x);
	assert_ok(index_tiles(&t, x, ORIGIN, &err), &err);
	assert_ok(index_tiles(&again, x, ORIGIN, &err), &err);
	ignored.x = shelf_index(&s);
	for (uint64_t i = 0; i < 70 * SHELF_KINDS; i++) {
		uint8_t root[SHA256_BYTES], expected[SHA256_BYTES];
		struct inclusion p;
		struct indexed e;
		bool found;

		assert_ok(index_entry_at(&e, &found, x, ORIGIN, i, &err), &err);
		assert_true(found);
		assert_ok(tile_edge_append(edge, e.leaf, tile_put, &ignored, &err), &err);
		tile_edge_root(expected, edge);
		assert_ok(tiles_root(root, t, i + 1, &err), &err);
		assert_memory_equal(root, expected, sizeof(root));
		assert_ok(tiles_inclusion(&p, again, i / 2, i + 1, &err), &err);
		assert_ok(index_entry_at(&e, &found, x, ORIGIN, i / 2, &err), &err);
		assert_true(inclusion_root(root, &p, e.leaf, i + 1));
		assert_memory_equal(root, expected, sizeof(root));
	}
	index_close(ignored.x);
	free(edge);
}

/* Tiles of a history that is gone are gone with it. */
static void test_tiles_of_what_was(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);
	cleanup_tiles struct tiles *t = NULL;
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(path);
	assert_ok(index_tiles(&t, x, ORIGIN, &err), &err);
	shelf_take_back(&s, ORIGIN, 1);
	assert_true(shelf_was_rewritten(x));
	assert_reason(tiles_root(root, t, 5, &err), &err, INDEX_STALE);
}

/* The new index numbers logs from one again, here another log than before. */
static void test_tiles_of_another_index(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = shelf_index(&s);
	cleanup_tiles struct tiles *t = NULL, *again = NULL;
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(path);
	assert_ok(index_tiles(&t, x, ORIGIN, &err), &err);
	assert_ok(index_make_anew(x, &err), &err);
	shelf_sync(x);
	assert_reason(tiles_root(root, t, 5, &err), &err, INDEX_STALE);
	assert_ok(index_tiles(&again, x, ORIGIN, &err), &err);
	assert_ok(tiles_root(root, again, 5, &err), &err);
}

/* --- many at once --------------------------------------------------------------------- */

/* Syncs in a child, a transaction every few entries. */
static pid_t sync_in_child(struct shelf *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct index *x = NULL;
		int status = 1;

		if (index_open(&x, s->ledger, s->cache, NULL) == WM_OK) {
			x->batch = SMALL_BATCH;
			status = index_sync(x, NULL, NULL, NULL, NULL) == WM_OK ? 0 : 1;
		}
		_exit(status);
	}
	assert_true(pid > 0);
	return pid;
}

/* Whatever a reader sees is a whole number of commits, with its entries and its tree. */
static uint64_t look(struct shelf *s)
{
	cleanup_index struct index *x = shelf_index(s);
	cleanup_tiles struct tiles *t = NULL;
	uint64_t size = shelf_size(x, ORIGIN);
	uint8_t root[SHA256_BYTES];
	struct indexed e;
	struct wm_error err = { 0 };
	bool found;

	assert_non_null(x->path);
	assert_int_equal(size % SHELF_KINDS, 0);
	if (size == 0)
		return 0;
	assert_ok(index_entry_at(&e, &found, x, ORIGIN, size - 1, &err), &err);
	assert_true(found);
	assert_ok(index_tiles(&t, x, ORIGIN, &err), &err);
	assert_ok(tiles_root(root, t, size, &err), &err);
	assert_true(shelf_count(x, QUERY_TEXT, "gesichter") >= size / SHELF_KINDS);
	return size;
}

static void test_killed(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_index struct index *x = NULL;
	uint64_t seen = 0;
	int n_killed = 0, n_between = 0;

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, MODELS);
	for (int i = 0; i < 60 && seen < MODELS * SHELF_KINDS; i++) {
		pid_t pid = sync_in_child(&s);
		uint64_t now;
		int status;

		usleep((useconds_t)(i % 12) * 1500);
		kill(pid, SIGKILL);
		assert_true(waitpid(pid, &status, 0) == pid);
		n_killed += WIFSIGNALED(status);
		now = look(&s);
		assert_true(now >= seen);
		n_between += now > seen && now < MODELS * SHELF_KINDS;
		seen = now;
	}
	assert_true(n_killed > 0 && n_between > 0);
	x = shelf_index(&s);
	shelf_sync(x);
	assert_as_new(&s, x);
}

static void test_readers_and_writers(void **state)
{
	enum { WRITERS = 3 };
	cleanup_shelf struct shelf s;
	cleanup_index struct index *x = NULL;
	uint64_t seen = 0;
	pid_t pids[WRITERS];
	int looks = 0;

	(void)state;
	shelf_open(&s);
	shelf_fill(&s, ORIGIN, 1, MODELS);
	for (int i = 0; i < WRITERS; i++)
		pids[i] = sync_in_child(&s);
	for (int i = 0; i < WRITERS; i++) {
		int status;

		while (waitpid(pids[i], &status, WNOHANG) == 0) {
			uint64_t now = look(&s);

			assert_true(now >= seen);
			looks += now > seen;
			seen = now;
		}
		assert_int_equal(status, 0);
	}
	assert_true(looks > 1);
	x = shelf_index(&s);
	assert_int_equal(shelf_size(x, ORIGIN), MODELS * SHELF_KINDS);
	assert_as_new(&s, x);
}

/*
 * Holds the database for writing, again and again. The parent has it open only afterwards: SQLite
 * does not take to fork().
 */
static pid_t write_in_child(const char *path, int n, useconds_t held)
{
	static const char text[] = "BEGIN IMMEDIATE; INSERT OR REPLACE INTO meta "
				   "VALUES('written', hex(randomblob(8)))";
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sqlite3 *db = NULL;
		bool ok = sqlite3_open(path, &db) == SQLITE_OK;

		for (int i = 0; ok && i < n; i++) {
			ok = sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
			if (i == 0 && write(ready[1], "", 1) != 1)
				_exit(2);
			usleep(held);
			ok = ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
		}
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_a_writer_that_gets_on(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = NULL;
	int status = -1;
	pid_t pid;

	(void)state;
	shelf_fill(&s, ORIGIN, 6, 6);
	pid = write_in_child(path, 60, 20000);
	x = shelf_index(&s);
	assert_int_equal(sqlite3_busy_timeout(x->db, 500), SQLITE_OK);
	shelf_sync(x);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	assert_as_new(&s, x);
}

static void test_a_writer_that_stands_still(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_free char *path = shelf_filled(&s);
	cleanup_index struct index *x = NULL;
	struct wm_error err = { 0 };
	int status = -1;
	pid_t pid;

	(void)state;
	shelf_fill(&s, ORIGIN, 6, 6);
	pid = write_in_child(path, 1, 1000000);
	x = shelf_index(&s);
	assert_int_equal(sqlite3_busy_timeout(x->db, 20), SQLITE_OK);
	assert_reason(index_sync(x, NULL, NULL, NULL, &err), &err, BUSY);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-1"), 1);
	assert_int_equal(shelf_count(x, QUERY_NAME, "llm-6"), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(waitpid(pid, &status, 0) == pid);
	shelf_sync(x);
	assert_as_new(&s, x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caught_up_as_built),
		cmocka_unit_test(test_nothing_new),
		cmocka_unit_test(test_one_origin),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_shortened),
		cmocka_unit_test(test_a_log_that_goes),
		cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_tiles_of_what_was),
		cmocka_unit_test(test_tiles_of_another_index),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_readers_and_writers),
		cmocka_unit_test(test_a_writer_that_gets_on),
		cmocka_unit_test(test_a_writer_that_stands_still),
	};

	return run_tests(tests);
}
