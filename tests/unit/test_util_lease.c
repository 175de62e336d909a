/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/lease.c: who is kept out, what is noticed, and that nobody is disturbed. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/file.h"
#include "util/lease.h"

static char *scratch;
static char path[4096];
static int reading = -1; /* a descriptor that reads `path` */
static bool usable;	 /* leases hold where the tests run */

static int set_up(void **state)
{
	struct wm_error err = { 0 };
	uint64_t size;

	(void)state;
	scratch = scratch_new();
	snprintf(path, sizeof(path), "%s/file", scratch);
	assert_ok(file_write(path, "content", 7, 0644, FILE_REPLACE, &err), &err);
	assert_ok(file_open(&reading, &size, path, &err), &err);
	usable = lease_take(reading);
	lease_release(reading);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(reading);
	scratch_remove(scratch);
	return 0;
}

/* Opens `path` in another process; returns 0 or its errno. */
static int open_elsewhere(int flags)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		close(reading);
		_exit(open(path, flags | O_NONBLOCK) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void notices_a_writer(void **state)
{
	(void)state;
	if (!usable)
		skip();
	assert_true(lease_take(reading));
	assert_true(lease_held(reading));
	assert_int_equal(open_elsewhere(O_WRONLY), EWOULDBLOCK);
	assert_false(lease_held(reading));
	lease_release(reading);
	assert_int_equal(open_elsewhere(O_WRONLY), 0);
	assert_false(lease_held(reading));
}

/* truncate(2) waits for the lease, so it is given back when its breaking is seen. */
static void notices_truncation(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (!usable)
		skip();
	assert_true(lease_take(reading));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(reading);
		_exit(truncate(path, 3) < 0);
	}
	for (int ms = 0; lease_held(reading) && ms < 10000; ms++)
		usleep(1000);
	assert_false(lease_held(reading));
	lease_release(reading);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void leaves_readers_alone(void **state)
{
	(void)state;
	if (!usable)
		skip();
	assert_true(lease_take(reading));
	assert_int_equal(open_elsewhere(O_RDONLY), 0);
	assert_true(lease_held(reading));
	lease_release(reading);
	assert_false(lease_held(reading));
}

/* A mapping can be stored to after its descriptor is closed. */
static void is_refused_while_somebody_can_write(void **state)
{
	void *mapped;
	int fd;

	(void)state;
	if (!usable)
		skip();
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_false(lease_take(reading));
	mapped = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	close(fd);
	assert_false(lease_take(reading));
	munmap(mapped, 1);
	assert_true(lease_take(reading));
	lease_release(reading);
}

/* Alone: with no second descriptor and no mapping, even for reading. */
static void tells_who_else_has_it(void **state)
{
	void *mapped;
	int fd;

	(void)state;
	assert_int_equal(lease_take_alone(-1), OTHERS_UNKNOWN);
	if (!usable)
		skip();
	assert_int_equal(lease_take_alone(reading), OTHERS_NONE);
	assert_int_equal(open_elsewhere(O_RDONLY), EWOULDBLOCK);
	lease_release(reading);
	fd = open(path, O_RDONLY);
	assert_int_equal(lease_take_alone(reading), OTHERS_SOME);
	mapped = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	close(fd);
	assert_int_equal(lease_take_alone(reading), OTHERS_SOME);
	munmap(mapped, 1);
	assert_int_equal(lease_take_alone(reading), OTHERS_NONE);
	lease_release(reading);
	assert_int_equal(open_elsewhere(O_RDWR), 0);
}

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
	(void)number;
	n_signals = n_signals + 1;
}

/* Neither by a signal nor by a changed disposition. */
static void leaves_the_application_alone(void **state)
{
	struct sigaction counting = { .sa_handler = count_signal }, before[NSIG], after;

	(void)state;
	if (!usable)
		skip();
	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &before[i]) == 0 && i != SIGCHLD)
			sigaction(i, &counting, NULL);
	assert_true(lease_take(reading));
	assert_int_equal(open_elsewhere(O_WRONLY), EWOULDBLOCK);
	assert_false(lease_held(reading));
	lease_release(reading);
	assert_int_equal(n_signals, 0);
	for (int i = 1; i < NSIG; i++) {
		if (sigaction(i, NULL, &after) < 0 || i == SIGCHLD || i == SIGKILL || i == SIGSTOP)
			continue;
		assert_ptr_equal(after.sa_handler, count_signal);
		sigaction(i, &before[i], NULL);
	}
}

static void is_not_had_everywhere(void **state)
{
	cleanup_fd int proc = open("/proc/self/status", O_RDONLY);
	int pipes[2];

	(void)state;
	errno = 0;
	assert_false(lease_take(-1));
	assert_false(lease_held(-1));
	lease_release(-1);
	assert_false(lease_take(proc));
	assert_int_equal(pipe(pipes), 0);
	assert_false(lease_take(pipes[0]));
	assert_int_equal(errno, 0);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_a_writer),
		cmocka_unit_test(notices_truncation),
		cmocka_unit_test(leaves_readers_alone),
		cmocka_unit_test(is_refused_while_somebody_can_write),
		cmocka_unit_test(tells_who_else_has_it),
		cmocka_unit_test(leaves_the_application_alone),
		cmocka_unit_test(is_not_had_everywhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
