/* SPDX-License-Identifier: Apache-2.0 */
/* A child process with limits, whose answer is taken as a whole. */
#include "git/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/child.h"

enum { STEP = 65536, FAILED = 70 };

/* --- in the child ------------------------------------------------------------------------ */

struct task {
	child_fn *body;
	void *context;
	size_t max; /* bytes of an answer */
	const struct child_limits *limits;
};

static bool settle(const struct child_limits *l, pid_t parent)
{
	return child_settle(parent, l->seconds) && child_limit_memory(l->memory << 20) &&
	       child_limit(RLIMIT_FSIZE, l->file << 20);
}

static void be_child(int to, pid_t parent, void *context)
{
	const struct task *task = context;
	struct buf answer = BUF_INIT(task->max);
	struct wm_error err = { 0 };
	enum wm_code code;

	if (!settle(task->limits, parent))
		_exit(FAILED);
	code = task->body(task->context, &answer, &err);
	if (code != WM_OK)
		buf_truncate(&answer, 0);
	if (!child_write_end(to, code, &err) || !child_write(to, answer.data, answer.len))
		_exit(FAILED);
	_exit(0);
}

/* --- in the parent ----------------------------------------------------------------------- */

static enum wm_code check(enum child_outcome outcome, struct wm_error *err)
{
	if (outcome == CHILD_LATE)
		return fail(err, REASON_REMOTE_FAILED, "it takes too long");
	if (outcome == CHILD_LOST)
		return fail(err, REASON_REMOTE_FAILED, "a child process is gone");
	return WM_OK;
}

/* Appends what the child writes, until it closes the pipe. */
static enum wm_code read_answer(struct buf *out, struct child *c, struct wm_error *err)
{
	uint8_t step[STEP];
	size_t n;

	do {
		TRY(check(child_read(c, step, sizeof(step), &n), err));
		TRY(buf_append(out, step, n, err));
	} while (n == sizeof(step));
	return WM_OK;
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
	char message[LIMIT_MESSAGE];
	enum reason reason;

	if (!child_read_end(&reason, message, said->data))
		return fail(err, REASON_INTERNAL, "a child process answers in another language");
	if (reason != REASON_NONE)
		return fail(err, reason, "%s", message);
	return buf_append(out, said->data + CHILD_END_BYTES, said->len - CHILD_END_BYTES, err);
}

enum wm_code child_run(struct buf *out, child_fn *body, void *context,
		       const struct child_limits *limits, struct wm_error *err)
{
	cleanup_child struct child c = CHILD_NONE;
	struct task task = { body, context, out->max - out->len, limits };
	cleanup_buf struct buf said = BUF_INIT(CHILD_END_BYTES + task.max);
	int status = 0;

	if (!child_start(&c, be_child, &task, limits->seconds))
		return fail(err, REASON_REMOTE_FAILED, "no child process");
	TRY(read_answer(&said, &c, err));
	TRY(check(child_await(&status, &c), err));
	if (status != 0 || said.len < CHILD_END_BYTES)
		return died(status, err);
	return take_answer(out, &said, err);
}
