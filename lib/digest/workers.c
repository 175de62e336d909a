/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads for one job. */
#include "digest/workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALIGNMENT = 64, STACK_BYTES = 1 << 20 };

unsigned workers_default(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (unsigned)n;
}

static unsigned start(pthread_t *threads, unsigned n, void *(*work)(void *job), void *job)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	unsigned started = 0;

	if (n == 0 || pthread_attr_init(&attributes) != 0)
		return 0;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < n && pthread_create(&threads[started], &attributes, work, job) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

void workers_run(unsigned n, void *(*work)(void *job), void *job)
{
	pthread_t threads[MEASURE_WORKERS_MAX];
	unsigned started = start(threads, n - 1, work, job);

	work(job);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

/*
 * The data begin one byte after an aligned address, so that all blocks but the first,
 * which holds the prefix of a leaf, are aligned.
 */
enum wm_code workspace_init(struct workspace *w, size_t len, struct wm_error *err)
{
	*w = (struct workspace){ .memory = malloc(len + ALIGNMENT + 1),
				 .scratch = malloc(sizeof(*w->scratch)) };
	if (!w->memory || !w->scratch)
		return fail_nomem(err);
	w->data = w->memory;
	w->data += ALIGNMENT - (uintptr_t)w->data % ALIGNMENT + 1;
	return WM_OK;
}

void workspace_release(struct workspace *w)
{
	free(w->memory);
	free(w->scratch);
}
