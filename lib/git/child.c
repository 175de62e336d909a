/* SPDX-License-Identifier: Apache-2.0 */
/* A child process with limits. */
#include "git/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/cursor.h"

enum { HEAD_BYTES = 4 + LIMIT_MESSAGE, STEP = 65536, FAILED = 70 };

struct child {
	pid_t pid; /* 0 where there is none */
	int from;
};

static void child_release(struct child *c)
{
	cleanup_fd_(&c->from);
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- in the child ------------------------------------------------------------------------ */

static bool set_limits_of(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return false;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < hard)
		hard = now.rlim_max;
	return setrlimit(what, &(struct rlimit){ soft < hard ? soft : hard, hard }) == 0;
}

static bool set_limit(__rlimit_resource_t what, uint64_t most)
{
	return set_limits_of(what, most, most);
}

/* The address sanitizer's shadow takes terabytes. Each compiler says its way that it is there. */
#ifdef __has_feature
#define ADDRESS_SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#else
#define ADDRESS_SANITIZED 0
#endif

static bool set_limits(const struct child_limits *l)
{
	if (!ADDRESS_SANITIZED && !set_limit(RLIMIT_AS, l->memory << 20))
		return false;
	/* At the soft limit Linux sends SIGXCPU, by which died() knows; at the hard one SIGKILL. */
	return set_limit(RLIMIT_CORE, 0) &&
	       set_limits_of(RLIMIT_CPU, l->seconds, l->seconds + 1) &&
	       set_limit(RLIMIT_FSIZE, l->file << 20);
}

/* The child ends with its parent, and gives up what a terminal would send to both. */
static bool settle(pid_t parent)
{
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGXCPU, SIG_DFL);
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool write_all(int fd, const void *data, size_t len)
{
	struct cursor c = cursor_of(data, len);

	while (cursor_left(&c) > 0) {
		ssize_t n = write(fd, c.data + c.off, cursor_left(&c));

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			(void)cursor_take(&c, (size_t)n);
	}
	return true;
}

/* Never returns. */
static void be_child(int to, child_fn *body, void *context, size_t max,
		     const struct child_limits *limits, pid_t parent)
{
	struct buf answer = BUF_INIT(max);
	struct wm_error err = { 0 };
	uint32_t reason = REASON_NONE;
	char message[LIMIT_MESSAGE] = "";

	if (!settle(parent) || !set_limits(limits))
		_exit(FAILED);
	if (body(context, &answer, &err) != WM_OK) {
		reason = (uint32_t)error_reason(&err);
		memcpy(message, err.message, strnlen(err.message, sizeof(message) - 1));
		buf_truncate(&answer, 0);
	}
	if (!write_all(to, &reason, sizeof(reason)) ||
	    !write_all(to, message, sizeof(message)) || !write_all(to, answer.data, answer.len))
		_exit(FAILED);
	_exit(0);
}

/* --- in the parent ----------------------------------------------------------------------- */

/* Appends what the child writes, until it closes the pipe. */
static enum wm_code read_answer(struct buf *out, int from, int64_t deadline, struct wm_error *err)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	uint8_t step[STEP];

	for (;;) {
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0)
			return fail(err, REASON_REMOTE_FAILED, "it takes too long");
		if (poll(&p, 1, left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		n = read(from, step, sizeof(step));
		if (n == 0)
			return WM_OK;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail(err, REASON_REMOTE_FAILED, "a pipe cannot be read");
		if (n > 0)
			TRY(buf_append(out, step, (size_t)n, err));
	}
}

/* Whoever closed the pipe need not have ended. */
static enum wm_code await_end(int *status, struct child *c, int64_t deadline, struct wm_error *err)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		const pid_t said = waitpid(c->pid, status, WNOHANG);

		if (said > 0 || (said < 0 && errno != EINTR)) {
			c->pid = 0;
			return said > 0 ? WM_OK :
					  fail(err, REASON_INTERNAL, "a child process is gone");
		}
		if (now_ms() >= deadline)
			return fail(err, REASON_REMOTE_FAILED, "it takes too long to end");
		nanosleep(&pause, NULL);
	}
}

static enum wm_code died(int status, struct wm_error *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return fail(err, REASON_LIMIT, "more processor time than is allowed");
	if (WIFSIGNALED(status))
		return fail(err, REASON_REMOTE_FAILED, "the child process died of signal %d",
			    WTERMSIG(status));
	return fail(err, REASON_REMOTE_FAILED, "the child process ended without an answer");
}

static enum wm_code take_answer(struct buf *out, const struct buf *said, struct wm_error *err)
{
	struct cursor c = cursor_of(said->data, said->len);
	const uint8_t *head = cursor_take(&c, HEAD_BYTES);
	char message[LIMIT_MESSAGE];
	uint32_t reason;

	memcpy(&reason, head, sizeof(reason));
	memcpy(message, head + sizeof(reason), sizeof(message));
	message[sizeof(message) - 1] = '\0';
	if (reason >= N_REASONS)
		return fail(err, REASON_INTERNAL, "a child process answers in another language");
	if (reason != REASON_NONE)
		return fail(err, (enum reason)reason, "%s", message);
	return buf_append(out, c.data + c.off, cursor_left(&c), err);
}

static enum wm_code start(struct child *c, child_fn *body, void *context, size_t max,
			  const struct child_limits *limits, struct wm_error *err)
{
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(err, REASON_REMOTE_FAILED, "no pipe");
	c->pid = fork();
	if (c->pid == 0)
		be_child(ends[1], body, context, max, limits, parent);
	close(ends[1]);
	c->from = ends[0];
	return c->pid > 0 ? WM_OK : fail(err, REASON_REMOTE_FAILED, "no child process");
}

enum wm_code child_run(struct buf *out, child_fn *body, void *context,
		       const struct child_limits *limits, struct wm_error *err)
{
	__attribute__((cleanup(child_release))) struct child c = { 0, -1 };
	cleanup_buf struct buf said = BUF_INIT(HEAD_BYTES + (out->max - out->len));
	const int64_t deadline = now_ms() + (int64_t)limits->seconds * 1000;
	int status = 0;

	TRY(start(&c, body, context, out->max - out->len, limits, err));
	TRY(read_answer(&said, c.from, deadline, err));
	TRY(await_end(&status, &c, deadline, err));
	if (status != 0 || said.len < HEAD_BYTES)
		return died(status, err);
	return take_answer(out, &said, err);
}
