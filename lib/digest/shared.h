/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large files, which one worker or several measure unit by unit: whoever claims a unit
 * reads and digests it, results are folded in file order, and the worker that holds a
 * buffer feeds the plain SHA-256 when its turn comes.
 *
 * Each worker on a file is counted in n_workers, by shared_begin() or by the caller that
 * sends it there; it does shared_work(), then shared_leave(), and who leaves last finishes
 * the file.
 */
#ifndef DIGEST_SHARED_H
#define DIGEST_SHARED_H

#include <pthread.h>
#include <stdbool.h>

#include "digest/reader.h"
#include "digest/tree.h"
#include "digest/unit.h"
#include "digest/workers.h"

/* What all workers share, whichever file they are on. */
struct crew {
	pthread_mutex_t lock;
	bool failed; /* all stop; under `lock` */
};

/* The result of a unit that waits for those before it. */
struct slot {
	bool filled;
	struct unit_result result;
};

/* One file at a time; any number after each other. All from `moved` on is under crew->lock. */
struct shared {
	struct crew *crew;
	struct slot *slots; /* borrowed; unit seq in slot seq % n_slots */
	size_t n_slots;
	const struct measure_file *file; /* NULL: none; set under crew->lock */
	struct reader reader;
	struct sha256 *plain;	/* of the worker whose turn it is; NULL until one was wanted */
	pthread_cond_t moved;	/* a counter below moved, or a worker failed */
	unsigned n_workers;	/* on this file */
	struct unit_cursor cursor;
	uint64_t n_folded; /* units whose results are in `frontier` */
	uint64_t n_plain;  /* units that `plain` has taken */
	struct tree_frontier frontier; /* of the segment where the folded units end */
};

void shared_init(struct shared *s, struct crew *crew, struct slot *slots, size_t n_slots);
void shared_release(struct shared *s);

/* Takes on `file`, for one worker. The caller holds the lock. */
MUST_USE enum wm_code shared_begin(struct shared *s, const struct measure_file *file,
				   struct wm_error *err);

/* Bytes that nobody has claimed. The caller holds the lock. */
uint64_t shared_left(const struct shared *s);

/* Measures units until none is left to claim, or somebody failed. */
MUST_USE enum wm_code shared_work(struct shared *s, struct workspace *w,
				  struct progress *progress, struct wm_error *err);

/* The caller holds the lock. */
MUST_USE enum wm_code shared_leave(struct shared *s, struct wm_error *err);

#endif
