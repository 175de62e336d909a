/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/child.c: answers of any length, deadlines, limits, and that no child is left behind. */
#include "harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/child.h"

static void say(int to, pid_t parent, void *context)
{
	(void)parent;
	_exit(child_write(to, context, strlen(context)) ? 7 : 1);
}

static void hears_what_it_says(void **state)
{
	cleanup_child struct child c = CHILD_NONE;
	char text[] = "hello", heard[16];
	int status = 0;
	size_t n = 0;

	(void)state;
	assert_true(child_start(&c, say, text, 5));
	assert_int_equal(child_read(&c, heard, 2, &n), CHILD_DONE);
	assert_int_equal(n, 2);
	assert_int_equal(child_read(&c, heard + 2, sizeof(heard) - 2, &n), CHILD_DONE);
	assert_int_equal(n, 3);
	assert_memory_equal(heard, "hello", 5);
	assert_int_equal(child_await(&status, &c), CHILD_DONE);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(child_await(&status, &c), CHILD_LOST);
}

/* Says nothing, and after closing the pipe does not end. */
static void hang(int to, pid_t parent, void *context)
{
	if (context)
		close(to);
	while (getppid() == parent)
		pause();
}

static void waits_for_nobody(void **state)
{
	const time_t start = time(NULL);
	int status = 0, closes = 1;
	char heard[4];
	size_t n = 9;

	(void)state;
	{
		cleanup_child struct child c = CHILD_NONE;

		assert_true(child_start(&c, hang, NULL, 1));
		assert_int_equal(child_read(&c, heard, sizeof(heard), &n), CHILD_LATE);
		assert_int_equal(n, 0);
	}
	{
		cleanup_child struct child c = CHILD_NONE;

		assert_true(child_start(&c, hang, &closes, 1));
		assert_int_equal(child_read(&c, heard, sizeof(heard), &n), CHILD_DONE);
		assert_int_equal(child_await(&status, &c), CHILD_LATE);
		child_give_time(&c, 0);
		assert_int_equal(child_await(&status, &c), CHILD_LATE);
	}
	assert_true(time(NULL) - start < 10);
	/* Both were killed, and are gone. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void settle(int to, pid_t parent, void *context)
{
	const pid_t *other = context;
	struct rlimit now[3];
	const bool settled = child_settle(other ? *other : parent, 3) &&
			     child_limit(RLIMIT_FSIZE, 5) && child_limit(RLIMIT_FSIZE, 9);

	if (!settled || getrlimit(RLIMIT_CPU, &now[0]) < 0 || getrlimit(RLIMIT_CORE, &now[1]) < 0 ||
	    getrlimit(RLIMIT_FSIZE, &now[2]) < 0 || !child_write(to, now, sizeof(now)))
		_exit(1);
	_exit(0);
}

static void keeps_to_limits(void **state)
{
	cleanup_child struct child c = CHILD_NONE, orphan = CHILD_NONE;
	struct rlimit now[3] = { 0 };
	pid_t other = getpid() + 1;
	int status = 0;
	size_t n = 0;

	(void)state;
	assert_true(child_start(&c, settle, NULL, 5));
	assert_int_equal(child_read(&c, now, sizeof(now), &n), CHILD_DONE);
	assert_int_equal(n, sizeof(now));
	assert_int_equal(now[0].rlim_cur, 3);
	assert_int_equal(now[0].rlim_max, 4);
	assert_int_equal(now[1].rlim_max, 0);
	assert_int_equal(now[2].rlim_cur, 5);
	/* One whose parent is another by now does not begin. */
	assert_true(child_start(&orphan, settle, &other, 5));
	assert_int_equal(child_await(&status, &orphan), CHILD_DONE);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void end(int to, pid_t parent, void *context)
{
	struct wm_error err = { 0 };
	enum wm_code code = context ? fail(&err, REASON_LIMIT, "%0*d", LIMIT_MESSAGE, 7) : WM_OK;

	(void)parent;
	_exit(child_write_end(to, code, &err) ? 0 : 1);
}

static void tells_why_it_failed(void **state)
{
	char message[LIMIT_MESSAGE] = "x";
	enum reason reason = REASON_INTERNAL;
	uint8_t bytes[CHILD_END_BYTES];
	size_t n = 0;
	int fails = 1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		cleanup_child struct child c = CHILD_NONE;

		assert_true(child_start(&c, end, i ? &fails : NULL, 5));
		assert_int_equal(child_read(&c, bytes, sizeof(bytes), &n), CHILD_DONE);
		assert_int_equal(n, sizeof(bytes));
		assert_true(child_read_end(&reason, message, bytes));
		assert_int_equal(reason, i ? REASON_LIMIT : REASON_NONE);
		assert_int_equal(strlen(message), i ? LIMIT_MESSAGE - 1 : 0);
	}
	memset(bytes, 0xff, sizeof(bytes));
	assert_false(child_read_end(&reason, message, bytes));
	assert_int_equal(reason, REASON_NONE);
	assert_int_equal(strlen(message), LIMIT_MESSAGE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_what_it_says),
		cmocka_unit_test(waits_for_nobody),
		cmocka_unit_test(keeps_to_limits),
		cmocka_unit_test(tells_why_it_failed),
	};

	return run_tests(tests);
}
