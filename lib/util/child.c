/* SPDX-License-Identifier: Apache-2.0 */
/* A child process: starting it, its limits, hearing it, its end. */
#include "util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/cursor.h"

enum {
	PAUSE_FIRST = 50 * 1000, /* nanoseconds between two looks at a child that ends */
	PAUSE_LAST = 10 * 1000 * 1000,
};

/* The address sanitizer's shadow takes terabytes. Each compiler says its way that it is there. */
#ifdef __has_feature
#define ADDRESS_SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#else
#define ADDRESS_SANITIZED 0
#endif

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- in the parent ----------------------------------------------------------------------- */

bool child_start(struct child *c, child_main *body, void *context, uint64_t seconds)
{
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	c->pid = fork();
	if (c->pid == 0) {
		body(ends[1], parent, context);
		_exit(0);
	}
	close(ends[1]);
	c->from = ends[0];
	child_give_time(c, seconds);
	return c->pid > 0;
}

void child_give_time(struct child *c, uint64_t seconds)
{
	c->deadline = now_ms() + (int64_t)seconds * 1000;
}

enum child_outcome child_read(struct child *c, void *out, size_t len, size_t *n)
{
	struct pollfd p = { .fd = c->from, .events = POLLIN };
	uint8_t *to = out;

	*n = 0;
	while (*n < len) {
		const int64_t left = c->deadline - now_ms();
		ssize_t more;

		if (left <= 0)
			return CHILD_LATE;
		if (poll(&p, 1, left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		more = read(c->from, to + *n, len - *n);
		if (more == 0)
			return CHILD_DONE;
		if (more < 0 && errno != EINTR && errno != EAGAIN)
			return CHILD_LOST;
		if (more > 0)
			*n += (size_t)more;
	}
	return CHILD_DONE;
}

/* Whoever closed the pipe need not have ended. */
enum child_outcome child_await(int *status, struct child *c)
{
	struct timespec pause = { .tv_nsec = PAUSE_FIRST };

	for (;;) {
		const pid_t said = waitpid(c->pid, status, WNOHANG);

		if (said > 0 || (said < 0 && errno != EINTR)) {
			c->pid = 0;
			return said > 0 ? CHILD_DONE : CHILD_LOST;
		}
		if (now_ms() >= c->deadline)
			return CHILD_LATE;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_LAST)
			pause.tv_nsec *= 2;
	}
}

void child_release(struct child *c)
{
	cleanup_fd_(&c->from);
	c->from = -1;
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	c->pid = 0;
}

/* --- in the child ------------------------------------------------------------------------ */

static bool set_limits(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return false;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < hard)
		hard = now.rlim_max;
	return setrlimit(what, &(struct rlimit){ soft < hard ? soft : hard, hard }) == 0;
}

bool child_limit(__rlimit_resource_t what, uint64_t most)
{
	return set_limits(what, most, most);
}

bool child_limit_memory(uint64_t most)
{
	return ADDRESS_SANITIZED || child_limit(RLIMIT_AS, most);
}

bool child_settle(pid_t parent, uint64_t seconds)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGXCPU, SIG_DFL);
	/* At the soft limit Linux sends SIGXCPU, which tells why; at the hard one SIGKILL. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && child_limit(RLIMIT_CORE, 0) &&
	       set_limits(RLIMIT_CPU, seconds, seconds + 1);
}

bool child_write(int to, const void *data, size_t len)
{
	struct cursor c = cursor_of(data, len);

	while (cursor_left(&c) > 0) {
		const ssize_t n = write(to, c.data + c.off, cursor_left(&c));

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			(void)cursor_take(&c, (size_t)n);
	}
	return true;
}

/* --- how it came out --------------------------------------------------------------------- */

bool child_write_end(int to, enum wm_code code, const struct wm_error *err)
{
	uint8_t end[CHILD_END_BYTES] = { 0 };
	uint32_t reason;

	if (code != WM_OK) {
		reason = (uint32_t)error_reason(err);
		memcpy(end, &reason, sizeof(reason));
		memcpy(end + sizeof(reason), err->message,
		       strnlen(err->message, LIMIT_MESSAGE - 1));
	}
	return child_write(to, end, sizeof(end));
}

bool child_read_end(enum reason *reason, char message[LIMIT_MESSAGE], const uint8_t *bytes)
{
	uint32_t said;

	memcpy(&said, bytes, sizeof(said));
	memcpy(message, bytes + sizeof(said), LIMIT_MESSAGE);
	message[LIMIT_MESSAGE - 1] = '\0';
	*reason = said < N_REASONS ? (enum reason)said : REASON_NONE;
	return said < N_REASONS;
}
