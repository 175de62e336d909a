/* SPDX-License-Identifier: Apache-2.0 */
/* lib/ledger/append.c: what becomes of a writer, and of its log, after an append that failed. */
#include "shelf.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/append.h"

/* Nobody can move the log's branch: its lock is there, and is no file that could be removed. */
static void lock_branch(char path[LIMIT_PATH], const struct shelf *s)
{
	const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char ref[LEDGER_REF];

	ledger_ref(ref, SHELF_ORIGIN);
	assert_true(snprintf(path, LIMIT_PATH, "%s/%s.lock", s->repository, ref) < LIMIT_PATH);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
}

static void test_a_writer_that_failed(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_ledger_writer struct ledger_writer *w = NULL, *again = NULL;
	char lock[LIMIT_PATH];
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	shelf_append(&s, SHELF_ORIGIN, 1);
	shelf_add(&s, SHELF_DATASET, 1);
	shelf_add(&s, SHELF_DATASET, 2);
	assert_ok(ledger_writer_open(&w, s.ledger, SHELF_ORIGIN, &err), &err);
	lock_branch(lock, &s);
	assert_true(ledger_append(w, &s.pending[0], 1, &err) != WM_OK);
	assert_int_equal(rmdir(lock), 0);
	/* Another tree of the same size must not be signed. */
	assert_int_equal(ledger_writer_head(w)->note.head.size, 0);
	assert_reason(ledger_append(w, &s.pending[1], 1, &err), &err, WRITE_FAILED);
	assert_int_equal(ledger_writer_head(w)->note.head.size, 0);
	ledger_writer_close(take_ptr(&w));
	assert_ok(ledger_writer_open(&again, s.ledger, SHELF_ORIGIN, &err), &err);
	assert_int_equal(ledger_writer_head(again)->note.head.size, 1);
	assert_ok(ledger_append(again, &s.pending[1], 1, &err), &err);
	assert_int_equal(ledger_writer_head(again)->note.head.size, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_writer_that_failed),
	};

	return run_tests(tests);
}
