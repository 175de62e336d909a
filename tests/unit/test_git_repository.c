/* SPDX-License-Identifier: Apache-2.0 */
/* lib/git/repository.c: objects that are there, that are not, and that nobody can tell of. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "git/repository.h"
#include "util/limits.h"

/* Leaves no file descriptor; what was allowed before is stored. */
static void use_up_files(struct rlimit *before)
{
	const int next = dup(STDERR_FILENO);
	struct rlimit none;

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	none = *before;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void test_objects(void **state)
{
	cleanup_repository struct repository *r = NULL;
	cleanup_buf struct buf out = BUF_INIT(64);
	char *scratch = scratch_new(), path[LIMIT_PATH];
	struct object_id id, other;
	struct wm_error err = { 0 };
	struct rlimit before;
	enum wm_code code;

	(void)state;
	assert_true(snprintf(path, sizeof(path), "%s/git", scratch) < LIMIT_PATH);
	assert_ok(repository_create(&r, path, &err), &err);
	assert_ok(object_write(&id, r, OBJECT_BLOB, "text", 4, &err), &err);
	assert_ok(object_name(&other, OBJECT_BLOB, "other", 5, &err), &err);
	assert_reason(object_read(&out, r, &other, OBJECT_BLOB, &err), &err, OBJECT_MISSING);
	assert_reason(object_read(&out, r, &id, OBJECT_TREE, &err), &err, LEDGER_MALFORMED);
	use_up_files(&before);
	code = object_read(&out, r, &id, OBJECT_BLOB, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_reason(code, &err, READ_FAILED);
	assert_ok(object_read(&out, r, &id, OBJECT_BLOB, &err), &err);
	assert_string_equal(buf_str(&out), "text");
	scratch_remove(scratch);
}

static void test_long_path(void **state)
{
	cleanup_repository struct repository *r = NULL;
	char path[LIMIT_PATH - 200];
	struct wm_error err = { 0 };

	(void)state;
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_reason(repository_open(&r, path, &err), &err, LIMIT);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_long_path),
	};

	return run_tests(tests);
}
