/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on what strangers send, in a child process that cannot take more than it is given: memory,
 * processor time, size of a file, time by the clock. What it answers comes back through a pipe; it
 * is as little to be trusted as the strangers.
 */
#ifndef GIT_CHILD_H
#define GIT_CHILD_H

#include <stdint.h>

#include "util/buf.h"
#include "util/limits.h"

struct child_limits {
	uint64_t seconds;
	uint64_t memory, file; /* MiB */
};

/* Runs in the child: appends its answer, or fails. */
typedef enum wm_code child_fn(void *context, struct buf *answer, struct wm_error *err);

/*
 * Forks and runs `body`; appends what it answered, or fails as it did. Fails with `remote-failed`
 * where the child died or was killed after limits->seconds, `limit` where its answer is longer than
 * out->max. The calling process should have no other threads.
 */
MUST_USE enum wm_code child_run(struct buf *out, child_fn *body, void *context,
				const struct child_limits *limits, struct wm_error *err);

#endif
