/* SPDX-License-Identifier: Apache-2.0 */
/* lib/git/child.c: children that answer, fail, hang and take too much. */
#include "harness.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "git/child.h"

static const struct child_limits limits = { 2, 4096, 64 };

static enum wm_code answer(void *context, struct buf *out, struct wm_error *err)
{
	return buf_append_str(out, context, err);
}

static enum wm_code refuse(void *context, struct buf *out, struct wm_error *err)
{
	TRY(buf_append_str(out, "half", err));
	return fail(err, REASON_REMOTE_REFUSED, "%s", (const char *)context);
}

/* Closes the pipe, and all else, and stays. */
static enum wm_code hang(void *context, struct buf *out, struct wm_error *err)
{
	(void)context;
	(void)out;
	(void)err;
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	while (getppid() > 0)
		pause();
	return WM_OK;
}

static enum wm_code die(void *context, struct buf *out, struct wm_error *err)
{
	(void)out;
	(void)err;
	(void)raise(*(const int *)context);
	_exit(0);
}

static enum wm_code tell_processor(void *context, struct buf *out, struct wm_error *err)
{
	struct rlimit now;

	(void)context;
	if (getrlimit(RLIMIT_CPU, &now) < 0)
		return fail(err, REASON_INTERNAL, "no limit");
	return buf_printf(out, err, "%llu %llu", (unsigned long long)now.rlim_cur,
			  (unsigned long long)now.rlim_max);
}

static void test_answers(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(64);
	struct wm_error err = { 0 };
	char text[] = "yes", why[] = "no";

	(void)state;
	assert_ok(child_run(&out, answer, text, &limits, &err), &err);
	assert_string_equal(buf_str(&out), "yes");
	assert_reason(child_run(&out, refuse, why, &limits, &err), &err, REMOTE_REFUSED);
	assert_string_equal(err.message, "no");
	assert_string_equal(buf_str(&out), "yes");
}

static void test_hangs(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(64);
	const struct child_limits short_ = { 1, 4096, 64 };
	struct wm_error err = { 0 };
	const time_t start = time(NULL);

	(void)state;
	assert_reason(child_run(&out, hang, NULL, &short_, &err), &err, REMOTE_FAILED);
	assert_true(time(NULL) - start < 10);
	/* And is gone. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_signals(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(64);
	struct wm_error err = { 0 };
	int number = SIGXCPU;

	(void)state;
	assert_reason(child_run(&out, die, &number, &limits, &err), &err, LIMIT);
	number = SIGKILL;
	assert_reason(child_run(&out, die, &number, &limits, &err), &err, REMOTE_FAILED);
}

/* A limit that is both soft and hard kills without saying why. */
static void test_processor_time(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(64);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(child_run(&out, tell_processor, NULL, &limits, &err), &err);
	assert_string_equal(buf_str(&out), "2 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_processor_time),
	};

	return run_tests(tests);
}
