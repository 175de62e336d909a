/* SPDX-License-Identifier: Apache-2.0 */
/* A child process that runs libhdf5, and what it answers. */
#include "format/hdf5_child.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "format/hdf5_library.h"
#include "format/hdf5_sandbox.h"
#include "util/child.h"
#include "util/cleanup.h"
#include "util/cursor.h"

enum {
	LENGTH_BYTES = 4,
	/* The ends of a child that says nothing more. */
	NOT_SHUT_IN = 70,
	NOT_HEARD = 71,
};

/* --- in the child ------------------------------------------------------------------------ */

struct task {
	const struct window *view;
	hdf5_child_fn *body;
	const void *context;
	uint64_t seconds;
};

static enum wm_code take_frame(void *context, const void *data, size_t len, struct wm_error *err)
{
	struct cursor c = cursor_of(data, len);

	(void)context, (void)err;
	while (cursor_left(&c) > 0) {
		const uint32_t n = cursor_left(&c) < HDF5_FRAME ? (uint32_t)cursor_left(&c) :
								  HDF5_FRAME;

		if (!child_write(SANDBOX_PIPE, &n, sizeof(n)) ||
		    !child_write(SANDBOX_PIPE, cursor_take(&c, n), n))
			sandbox_leave(NOT_HEARD);
	}
	return WM_OK;
}

/* Never returns. The descriptors are moved to where the sandbox lets them be used. */
static void be_child(int to, pid_t parent, void *context)
{
	const struct task *task = context;
	const struct window mine = { .fd = SANDBOX_FILE, .off = task->view->off,
				     .size = task->view->size, .name = task->view->name };
	const struct sink out = { take_frame, NULL };
	const uint32_t no_frame = 0;
	struct wm_error err = { 0 };
	enum wm_code code;

	if (!sandbox_take_descriptors(task->view->fd, to) ||
	    !sandbox_settle(parent, task->seconds) || !hdf5_library_start(&mine) ||
	    !sandbox_close())
		sandbox_leave(NOT_SHUT_IN);
	code = task->body(task->context, &out, &err);
	sandbox_leave(child_write(SANDBOX_PIPE, &no_frame, sizeof(no_frame)) &&
				      child_write_end(SANDBOX_PIPE, code, &err) ?
			      0 : NOT_HEARD);
}

/* --- in the parent ----------------------------------------------------------------------- */

struct hdf5_child {
	struct child child;
	const char *name; /* of the file, for messages */
	bool ended;	  /* and well */
	uint8_t frame[HDF5_FRAME];
};

void hdf5_child_free(struct hdf5_child *c)
{
	if (c)
		child_release(&c->child);
	free(c);
}

enum wm_code hdf5_child_start(struct hdf5_child **out, const struct window *view,
			      hdf5_child_fn *body, const void *context, uint64_t seconds,
			      struct wm_error *err)
{
	cleanup_hdf5_child struct hdf5_child *c = malloc(sizeof(*c));
	struct task task = { view, body, context, seconds };
	const struct hdf5_library *library;

	if (!c)
		return fail_nomem(err);
	c->child = (struct child)CHILD_NONE;
	c->name = view->name;
	c->ended = false;
	TRY(hdf5_library_load(&library, err));
	if (!child_start(&c->child, be_child, &task, seconds))
		return fail(err, REASON_HDF5_SANDBOX, "%s: no child process", view->name);
	*out = take_ptr(&c);
	return WM_OK;
}

static enum wm_code check(const struct hdf5_child *c, enum child_outcome outcome,
			  struct wm_error *err)
{
	if (outcome == CHILD_LATE)
		return fail(err, REASON_HDF5_UNREADABLE, "%s: reading it takes too long", c->name);
	if (outcome == CHILD_LOST)
		return fail(err, REASON_HDF5_SANDBOX, "%s: its reader is gone", c->name);
	return WM_OK;
}

/* It closed the pipe, and should have done so. Fails unless it ended well. */
static enum wm_code await_end(struct hdf5_child *c, bool is_whole, struct wm_error *err)
{
	int status = 0;

	TRY(check(c, child_await(&status, &c->child), err));
	if (is_whole && status == 0)
		return WM_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SHUT_IN)
		return fail(err, REASON_HDF5_SANDBOX, "%s: its reader could not be shut in",
			    c->name);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return check(c, CHILD_LATE, err);
	if (WIFSIGNALED(status))
		return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader died of signal %d",
			    c->name, WTERMSIG(status));
	return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader ended without an answer", c->name);
}

static enum wm_code read_exactly(struct hdf5_child *c, void *out, size_t len, struct wm_error *err)
{
	size_t n = 0;

	TRY(check(c, child_read(&c->child, out, len, &n), err));
	return n == len ? WM_OK : await_end(c, false, err);
}

static enum wm_code babbled(const struct hdf5_child *c, struct wm_error *err)
{
	return fail(err, REASON_HDF5_UNREADABLE, "%s: its reader answers in another language",
		    c->name);
}

/* What the child may fail with; anything else it does not mean. */
static bool is_childs(enum reason reason)
{
	return strncmp(reason_info(reason)->id, "hdf5-", 5) == 0 || reason == REASON_LIMIT ||
	       reason == REASON_NO_MEMORY || reason == REASON_READ_FAILED ||
	       reason == REASON_FILE_CHANGED;
}

/* Reads what stands behind the frames. */
static enum wm_code read_end(struct hdf5_child *c, struct wm_error *err)
{
	uint8_t end[CHILD_END_BYTES], more;
	char message[LIMIT_MESSAGE];
	enum reason reason;
	size_t n = 0;

	TRY(read_exactly(c, end, sizeof(end), err));
	TRY(check(c, child_read(&c->child, &more, 1, &n), err));
	if (n > 0 || !child_read_end(&reason, message, end) ||
	    (reason != REASON_NONE && !is_childs(reason)))
		return babbled(c, err);
	if (reason != REASON_NONE)
		return fail(err, reason, "%s", message);
	TRY(await_end(c, true, err));
	c->ended = true;
	return WM_OK;
}

/* Reads the length of a frame: 0, and `c->ended`, where no more come. */
static enum wm_code read_length(uint32_t *len, struct hdf5_child *c, struct wm_error *err)
{
	uint8_t bytes[LENGTH_BYTES] = { 0 };
	struct cursor in = cursor_of(bytes, sizeof(bytes));

	TRY(read_exactly(c, bytes, sizeof(bytes), err));
	if (!cursor_u32le(&in, len) || *len > HDF5_FRAME)
		return babbled(c, err);
	return *len == 0 ? read_end(c, err) : WM_OK;
}

enum wm_code hdf5_child_hear(uint64_t *n, struct hdf5_child *c, uint64_t len, uint64_t seconds,
			     const struct sink *out, struct wm_error *err)
{
	uint64_t left = len;
	uint32_t frame = 0;

	child_give_time(&c->child, seconds);
	while (left > 0 && !c->ended) {
		TRY(read_length(&frame, c, err));
		if (frame > left)
			return fail(err, REASON_HDF5_UNREADABLE,
				    "%s: its reader gives too many bytes", c->name);
		TRY(read_exactly(c, c->frame, frame, err));
		if (frame > 0)
			TRY(out->take(out->context, c->frame, frame, err));
		left -= frame;
	}
	*n = len - left;
	return WM_OK;
}

enum wm_code hdf5_child_finish(struct hdf5_child *c, struct wm_error *err)
{
	uint32_t frame = 0;

	if (!c->ended)
		TRY(read_length(&frame, c, err));
	return frame == 0 ? WM_OK : babbled(c, err);
}

enum wm_code hdf5_child_run(const struct sink *out, const struct window *view,
			    hdf5_child_fn *body, const void *context, struct hdf5_time most,
			    struct wm_error *err)
{
	cleanup_hdf5_child struct hdf5_child *c = NULL;
	uint64_t n;

	TRY(hdf5_child_start(&c, view, body, context, most.processor, err));
	return hdf5_child_hear(&n, c, UINT64_MAX, most.clock, out, err);
}
