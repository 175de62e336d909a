/* SPDX-License-Identifier: Apache-2.0 */
/* A child process that runs libhdf5: starting it, limits, what it answers. */
#include "format/hdf5_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "format/hdf5_library.h"
#include "format/hdf5_sandbox.h"
#include "util/cleanup.h"
#include "util/cursor.h"
#include "util/file.h"

enum {
	LENGTH_BYTES = 4,
	END_BYTES = 4 + LIMIT_MESSAGE,
	/* The ends of a child that says nothing more. */
	NOT_SHUT_IN = 70,
	NOT_HEARD = 71,
};

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

static bool write_all(const void *data, size_t len)
{
	struct cursor c = cursor_of(data, len);

	while (cursor_left(&c) > 0) {
		ssize_t n = write(SANDBOX_PIPE, c.data + c.off, cursor_left(&c));

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			(void)cursor_take(&c, (size_t)n);
	}
	return true;
}

static enum wm_code take_frame(void *context, const void *data, size_t len, struct wm_error *err)
{
	struct cursor c = cursor_of(data, len);

	(void)context, (void)err;
	while (cursor_left(&c) > 0) {
		const uint32_t n = cursor_left(&c) < HDF5_FRAME ? (uint32_t)cursor_left(&c) :
								  HDF5_FRAME;

		if (!write_all(&n, sizeof(n)) || !write_all(cursor_take(&c, n), n))
			_exit(NOT_HEARD);
	}
	return WM_OK;
}

/* Never returns. The descriptors are moved to where the sandbox lets them be used. */
static void be_child(int to, const struct window *view, hdf5_child_fn *body, const void *context,
		     uint64_t seconds, pid_t parent)
{
	const struct window mine = { .fd = SANDBOX_FILE, .off = view->off, .size = view->size,
				     .name = view->name };
	const struct sink out = { take_frame, NULL };
	struct wm_error err = { 0 };
	uint32_t end[2] = { 0, REASON_NONE };
	char message[LIMIT_MESSAGE] = "";

	if (!sandbox_take_descriptors(view->fd, to) || !sandbox_settle(parent, seconds) ||
	    !hdf5_library_start(&mine) || !sandbox_close())
		_exit(NOT_SHUT_IN);
	if (body(context, &out, &err) != WM_OK) {
		end[1] = (uint32_t)error_reason(&err);
		memcpy(message, err.message, strnlen(err.message, sizeof(message) - 1));
	}
	_exit(write_all(end, sizeof(end)) && write_all(message, sizeof(message)) ? 0 : NOT_HEARD);
}

/* --- in the parent ----------------------------------------------------------------------- */

/* What is still to come of an answer. */
struct answer {
	int from;
	int64_t deadline;
	const char *name; /* of the file, for messages */
	bool ended;	  /* nothing more comes */
};

/* Reads up to `len` bytes; fewer where the pipe ends, and `a->ended` is set then. */
static enum wm_code read_some(struct answer *a, uint8_t *out, size_t len, size_t *got,
			      struct wm_error *err)
{
	struct pollfd p = { .fd = a->from, .events = POLLIN };

	*got = 0;
	while (*got < len && !a->ended) {
		int64_t left = a->deadline - now_ms();
		ssize_t n;

		if (left <= 0)
			return fail(err, REASON_HDF5_UNREADABLE, "%s: reading it takes too long",
				    a->name);
		if (poll(&p, 1, left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		n = read(a->from, out + *got, len - *got);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail(err, REASON_HDF5_SANDBOX, "%s: a pipe cannot be read", a->name);
		a->ended = n == 0;
		if (n > 0)
			*got += (size_t)n;
	}
	return WM_OK;
}

/* What the child may fail with; anything else it does not mean. */
static bool is_childs(uint32_t reason)
{
	return reason < N_REASONS &&
	       (strncmp(reason_info(reason)->id, "hdf5-", 5) == 0 || reason == REASON_LIMIT ||
		reason == REASON_NO_MEMORY || reason == REASON_READ_FAILED ||
		reason == REASON_FILE_CHANGED || reason == REASON_NONE);
}

static enum wm_code babbled(const struct answer *a, struct wm_error *err)
{
	return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader answers in another language",
		    a->name);
}

/* Reads what stands behind the frames. */
static enum wm_code read_end(struct answer *a, struct wm_error *err)
{
	uint8_t end[END_BYTES + 1];
	struct cursor c = cursor_of(end, END_BYTES);
	char message[LIMIT_MESSAGE];
	uint32_t reason = 0;
	size_t got;

	TRY(read_some(a, end, sizeof(end), &got, err));
	if (got != END_BYTES || !cursor_u32le(&c, &reason) || !is_childs(reason))
		return babbled(a, err);
	memcpy(message, cursor_take(&c, sizeof(message)), sizeof(message));
	message[sizeof(message) - 1] = '\0';
	return reason == REASON_NONE ? WM_OK : fail(err, (enum reason)reason, "%s", message);
}

/* Hands all frames on. `*whole` is whether the answer came to its end. */
static enum wm_code read_answer(bool *whole, struct answer *a, const struct sink *out,
				uint8_t *frame, struct wm_error *err)
{
	for (;;) {
		uint8_t bytes[LENGTH_BYTES];
		struct cursor c = cursor_of(bytes, sizeof(bytes));
		uint32_t len = 0;
		size_t got;

		TRY(read_some(a, bytes, sizeof(bytes), &got, err));
		if (got < sizeof(bytes))
			return WM_OK;
		if (!cursor_u32le(&c, &len) || len > HDF5_FRAME)
			return babbled(a, err);
		if (len == 0) {
			*whole = true;
			return read_end(a, err);
		}
		TRY(read_some(a, frame, len, &got, err));
		if (got < len)
			return WM_OK;
		TRY(out->take(out->context, frame, len, err));
	}
}

static enum wm_code died(int status, const char *name, struct wm_error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SHUT_IN)
		return fail(err, REASON_HDF5_SANDBOX, "%s: its reader could not be shut in", name);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return fail(err, REASON_HDF5_UNREADABLE, "%s: reading it takes too long", name);
	if (WIFSIGNALED(status))
		return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader died of signal %d", name,
			    WTERMSIG(status));
	return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader ended without an answer", name);
}

static enum wm_code start(struct child *c, const struct window *view, hdf5_child_fn *body,
			  const void *context, struct hdf5_time most, struct wm_error *err)
{
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(err, REASON_HDF5_SANDBOX, "%s: no pipe", view->name);
	c->pid = fork();
	if (c->pid == 0)
		be_child(ends[1], view, body, context, most.processor, parent);
	close(ends[1]);
	c->from = ends[0];
	return c->pid > 0 ? WM_OK :
			    fail(err, REASON_HDF5_SANDBOX, "%s: no child process", view->name);
}

enum wm_code hdf5_child_run(const struct sink *out, const struct window *view,
			    hdf5_child_fn *body, const void *context, struct hdf5_time most,
			    struct wm_error *err)
{
	__attribute__((cleanup(child_release))) struct child c = { 0, -1 };
	cleanup_free uint8_t *frame = malloc(HDF5_FRAME);
	const struct hdf5_library *library;
	struct answer a = { .deadline = now_ms() + (int64_t)most.clock * 1000, .name = view->name };
	bool whole = false;
	int status = 0;

	if (!frame)
		return fail_nomem(err);
	TRY(hdf5_library_load(&library, err));
	TRY(start(&c, view, body, context, most, err));
	a.from = c.from;
	TRY(read_answer(&whole, &a, out, frame, err));
	while (waitpid(c.pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(err, REASON_INTERNAL, "a child process is gone");
	c.pid = 0;
	return whole && status == 0 ? WM_OK : died(status, view->name, err);
}
