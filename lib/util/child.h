/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process that works on what strangers sent, and answers its parent through a pipe.
 *
 *	cleanup_child struct child c = CHILD_NONE;
 *	if (!child_start(&c, body, &context, 10))
 *		...
 *	switch (child_read(&c, bytes, sizeof(bytes), &n)) ...
 *
 * Nothing waits for a child beyond its deadline; one that is released is killed, and never left
 * behind. What a child answers is as little to be trusted as the strangers. The calling process
 * should have no other threads.
 */
#ifndef UTIL_CHILD_H
#define UTIL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/limits.h"

struct child {
	pid_t pid;	  /* 0 where there is none */
	int from;	  /* the end of the pipe that the parent reads; -1 where there is none */
	int64_t deadline; /* in milliseconds of a clock that nobody sets */
};

#define CHILD_NONE { 0, -1, 0 }

/* How reading from a child, or waiting for its end, came out. */
enum child_outcome {
	CHILD_DONE,
	CHILD_LATE, /* its deadline is over */
	CHILD_LOST, /* the system does not let us */
};

/* --- in the parent ----------------------------------------------------------------------- */

/* Runs in the child, writes to `to`, and ends with _exit(). `parent` is for child_settle(). */
typedef void child_main(int to, pid_t parent, void *context);

/* Forks and runs `body`, for that many seconds by the clock. False where the system cannot. */
MUST_USE bool child_start(struct child *c, child_main *body, void *context, uint64_t seconds);

/* Gives it that many seconds from now on. */
void child_give_time(struct child *c, uint64_t seconds);

/* Reads `len` bytes, of which there are fewer, `*n`, only where the child closed the pipe. */
MUST_USE enum child_outcome child_read(struct child *c, void *out, size_t len, size_t *n);

/* Waits until it ended, and stores the status of waitpid(). */
MUST_USE enum child_outcome child_await(int *status, struct child *c);

/* Kills it if it is still there. */
void child_release(struct child *c);
#define cleanup_child __attribute__((cleanup(child_release)))

/* --- in the child ------------------------------------------------------------------------ */

/*
 * The process ends with its parent, gains no privileges, dumps no core, does not die of pipes, and
 * takes so many seconds of processor time, of which it then dies with SIGXCPU.
 */
MUST_USE bool child_settle(pid_t parent, uint64_t seconds);

/* Lowers a limit of the process, never raises it. */
MUST_USE bool child_limit(__rlimit_resource_t what, uint64_t most);

/* The same for its address space; under sanitizers, whose shadow takes terabytes, it is nothing. */
MUST_USE bool child_limit_memory(uint64_t most);

MUST_USE bool child_write(int to, const void *data, size_t len);

/* --- how it came out --------------------------------------------------------------------- */

/* The bytes of a reason, a u32 of this machine, and of a message. */
enum { CHILD_END_BYTES = 4 + LIMIT_MESSAGE };

/* In the child: writes whether it failed, and why. */
MUST_USE bool child_write_end(int to, enum wm_code code, const struct wm_error *err);

/*
 * In the parent: what the CHILD_END_BYTES at `bytes` say. False where `*reason` is none of ours;
 * `message` ends with a zero byte.
 */
MUST_USE bool child_read_end(enum reason *reason, char message[LIMIT_MESSAGE],
			     const uint8_t *bytes);

#endif
