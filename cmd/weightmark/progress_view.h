/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress for people: a line on standard error, only where that is a terminal and
 * only for work of over a second.
 *
 *	struct progress progress = { 0 };
 *	progress_view_start(&progress);
 *	... work that calls progress_add(&progress, n) ...
 *	progress_view_end();
 */
#ifndef PROGRESS_VIEW_H
#define PROGRESS_VIEW_H

#include "util/progress.h"

/* Starts counting; `p` is zeroed by the caller, its total set by the work. One at a time. */
void progress_view_start(struct progress *p);

/* The same of work that counts `what` ("entries") in place of bytes; static. */
void progress_view_start_counting(struct progress *p, const char *what);

/* Removes the line. */
void progress_view_end(void);

#endif
