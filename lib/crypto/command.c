/* SPDX-License-Identifier: Apache-2.0 */
/* A child process between two pipes. */
#include "crypto/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/cursor.h"

enum { FIRST_FREE_FD = 3, READ_STEP = 512, MAX_NAP_MS = 20 };

extern char **environ;

/* A running command; released, it is dead and waited for. */
struct child {
	pid_t pid; /* 0 where there is none */
	int in;	   /* we write, it reads */
	int out;   /* it writes, we read */
};

static void child_release(struct child *c)
{
	cleanup_fd_(&c->in);
	cleanup_fd_(&c->out);
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
#define cleanup_child __attribute__((cleanup(child_release)))

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left_ms(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

/* A pipe whose ends stay clear of 0, 1 and 2, which the child's own would overwrite. */
static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int low = ends[i];

		if (low >= FIRST_FREE_FD)
			continue;
		ends[i] = fcntl(low, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
		close(low);
	}
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	cleanup_fd_(&ends[0]);
	cleanup_fd_(&ends[1]);
	return -1;
}

static int set_actions(posix_spawn_file_actions_t *actions, int in, int out)
{
	int error = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FREE_FD);
	return error;
}

/* The child has SIGPIPE and SIGXFSZ as usual, and no signal blocked. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, defaults;
	int error;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (error == 0)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
						 POSIX_SPAWN_SETSIGDEF);
	return error;
}

/* Starts the command on its ends of the pipes; returns an errno, 0 for success. */
static int spawn(pid_t *pid, const char *command, int in, int out)
{
	char shell[] = "sh", flag[] = "-c";
	cleanup_free char *text = strdup(command);
	char *argv[] = { shell, flag, text, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	if (!text)
		return ENOMEM;
	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error == 0) {
		error = set_actions(&actions, in, out);
		if (error == 0)
			error = set_attributes(&attributes);
		if (error == 0)
			error = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static enum wm_code start(struct child *c, const char *command, struct wm_error *err)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	int error = 0;

	if (open_pipe(in) < 0)
		return fail(err, REASON_SIGNER_FAILED, "no pipe: %s", strerror(errno));
	c->in = in[1];
	if (open_pipe(out) < 0)
		error = errno;
	c->out = out[0];
	if (error == 0)
		error = spawn(&c->pid, command, in[0], out[1]);
	cleanup_fd_(&in[0]);
	cleanup_fd_(&out[1]);
	if (error == ENOMEM)
		return fail_nomem(err);
	if (error || fcntl(c->in, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(c->out, F_SETFL, O_NONBLOCK) < 0) {
		errno = error ? error : errno;
		return fail(err, REASON_SIGNER_FAILED, "'%s' cannot be started: %s", command,
			    strerror(errno));
	}
	return WM_OK;
}

/* write() that answers EPIPE without the signal, whatever its disposition. */
static ssize_t write_quietly(int fd, const void *data, size_t len)
{
	sigset_t pipe_only, before, pending;
	const struct timespec at_once = { 0, 0 };
	ssize_t n;
	int saved;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	n = write(fd, data, len);
	saved = errno;
	/* Take back only the signal that this write raised. */
	if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
			continue;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return n;
}

static bool try_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Writes what fits, and closes the end when all is written or nobody reads. */
static void feed(struct child *c, struct cursor *in)
{
	ssize_t n = write_quietly(c->in, in->data + in->off, cursor_left(in));

	if (n > 0)
		in->off += (size_t)n;
	if ((n < 0 && !try_later()) || cursor_left(in) == 0)
		close(take_fd(&c->in));
}

static enum wm_code drain(struct child *c, struct buf *out, const char *command,
			  struct wm_error *err)
{
	uint8_t step[READ_STEP];
	ssize_t n = read(c->out, step, sizeof(step));

	if (n < 0 && try_later())
		return WM_OK;
	if (n < 0)
		return fail(err, REASON_SIGNER_FAILED, "'%s': %s", command, strerror(errno));
	if (n == 0) {
		close(take_fd(&c->out));
		return WM_OK;
	}
	errno = 0;
	if ((size_t)n > out->max - out->len)
		return fail(err, REASON_SIGNER_FAILED, "'%s' printed more than %zu bytes", command,
			    out->max);
	return buf_append(out, step, (size_t)n, err);
}

static enum wm_code fail_late(const char *command, struct wm_error *err)
{
	errno = ETIMEDOUT;
	return fail(err, REASON_SIGNER_FAILED, "'%s' took too long and was stopped", command);
}

static enum wm_code exchange(struct child *c, struct buf *out, struct cursor *in,
			     const char *command, int64_t deadline, struct wm_error *err)
{
	if (cursor_left(in) == 0)
		close(take_fd(&c->in));
	while (c->out >= 0) {
		/* poll() passes over negative descriptors. */
		struct pollfd ends[] = { { c->in, POLLOUT, 0 }, { c->out, POLLIN, 0 } };
		int n = poll(ends, 2, left_ms(deadline));

		if (n < 0 && errno != EINTR)
			return fail(err, REASON_SIGNER_FAILED, "'%s': %s", command,
				    strerror(errno));
		if (n == 0)
			return fail_late(command, err);
		if (n > 0 && ends[0].revents)
			feed(c, in);
		if (n > 0 && ends[1].revents)
			TRY(drain(c, out, command, err));
	}
	return WM_OK;
}

/* Waits for the end of the command, which has closed its output. */
static enum wm_code finish(struct child *c, const char *command, int64_t deadline,
			   struct wm_error *err)
{
	int status = 0, nap = 1;
	pid_t ended;

	while ((ended = waitpid(c->pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (left_ms(deadline) == 0)
			return fail_late(command, err);
		poll(NULL, 0, nap);
		nap = nap < MAX_NAP_MS ? 2 * nap : MAX_NAP_MS;
	}
	c->pid = 0;
	if (ended < 0)
		return fail(err, REASON_SIGNER_FAILED, "'%s': its end was missed: %s", command,
			    strerror(errno));
	errno = 0;
	if (WIFSIGNALED(status))
		return fail(err, REASON_SIGNER_FAILED, "'%s' was ended by signal %d", command,
			    WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fail(err, REASON_SIGNER_FAILED, "'%s' ended with status %d", command,
			    WEXITSTATUS(status));
	return WM_OK;
}

enum wm_code command_run(struct buf *out, const char *command, const void *in, size_t len,
			 int timeout_ms, struct wm_error *err)
{
	cleanup_child struct child c = { 0, -1, -1 };
	struct cursor input = cursor_of(in, len);
	int64_t deadline = now_ms() + timeout_ms;

	TRY(start(&c, command, err));
	TRY(exchange(&c, out, &input, command, deadline, err));
	return finish(&c, command, deadline, err);
}
