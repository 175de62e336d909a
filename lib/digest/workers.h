/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do one job together, and the memory that each of them works in. */
#ifndef DIGEST_WORKERS_H
#define DIGEST_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest/unit.h"

/* One a processor that this process may run on. */
unsigned workers_default(void);

/*
 * Runs work(job) in this thread and in up to `n` - 1 others, and returns when all are
 * done; n <= MEASURE_WORKERS_MAX. Fewer threads than wanted only make it slower. They
 * leave all signals to the application's own threads.
 */
void workers_run(unsigned n, void *(*work)(void *job), void *job);

/* The memory of one worker, for any number of units of any files. */
struct workspace {
	uint8_t *data; /* where units are read to, at 1 modulo 64, inside `memory` */
	struct unit_scratch *scratch;
	bool cold; /* of the last batch, something was not in the page cache */
	void *memory;
};

/* Room for `len` bytes. To be released, also where this fails. */
MUST_USE enum wm_code workspace_init(struct workspace *w, size_t len, struct wm_error *err);
void workspace_release(struct workspace *w);

#endif
