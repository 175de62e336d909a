/* SPDX-License-Identifier: Apache-2.0 */
/* Counting work done, and showing it at most ten times a second. */
#include "util/progress.h"

#include <time.h>

enum { SHOW_EVERY_MS = 100 };

/* Stands in shown_at while a thread is in show(), so that no other enters. */
static const int64_t SHOWING = INT64_MAX;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, uint64_t total)
{
	p->total = total;
	p->started_at = now_ms();
	atomic_store(&p->done, 0);
	atomic_store(&p->shown_at, p->started_at);
}

void progress_add(struct progress *p, uint64_t n)
{
	int64_t shown, now;
	uint64_t done;

	if (!p)
		return;
	done = atomic_fetch_add(&p->done, n) + n;
	shown = atomic_load(&p->shown_at);
	if (!p->show || shown == SHOWING)
		return;
	now = now_ms();
	if (now - shown < SHOW_EVERY_MS ||
	    !atomic_compare_exchange_strong(&p->shown_at, &shown, SHOWING))
		return;
	p->show(p->context, done, p->total, now - p->started_at);
	atomic_store(&p->shown_at, now);
}
