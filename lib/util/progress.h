/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling how far long work has come. The library counts, whoever called it shows:
 * progress_add() is called by any thread after each piece of work and calls `show`
 * at most ten times a second from one thread at a time.
 */
#ifndef UTIL_PROGRESS_H
#define UTIL_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct progress {
	uint64_t total;			 /* bytes to do; 0 where unknown */
	_Atomic uint64_t done;
	_Atomic int64_t shown_at;	 /* monotonic milliseconds of the last show */
	int64_t started_at;		 /* monotonic milliseconds */
	void (*show)(void *context, uint64_t done, uint64_t total, int64_t elapsed_ms);
	void *context;
};

/* Starts counting towards `total`. */
void progress_start(struct progress *p, uint64_t total);

/* Counts `n` more bytes; `p` may be NULL. */
void progress_add(struct progress *p, uint64_t n);

#endif
