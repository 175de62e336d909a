/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: small files that one worker reads and digests whole, many at once, so that a
 * file costs little and the lanes of the kernel are busy although each file is short.
 */
#ifndef DIGEST_BATCH_H
#define DIGEST_BATCH_H

#include "digest/measure.h"
#include "digest/workers.h"

/* A file of the job, and how many messages it takes to digest it whole. */
struct task {
	const struct measure_file *file;
	uint64_t n_messages;
};

/* Counts the messages of `file`. */
struct task task_of(const struct measure_file *file);

/* Whether the file may be in a batch. */
bool task_is_small(const struct task *t);

/* How many of the `n` tasks, from the first on and all small, make the next batch; > 0. */
size_t batch_take(const struct task *tasks, size_t n);

/* Measures them; `w` has room for their bytes. Counts these in `progress`, which may be NULL. */
MUST_USE enum wm_code batch_measure(const struct task *tasks, size_t n, struct workspace *w,
				    struct progress *progress, struct wm_error *err);

#endif
