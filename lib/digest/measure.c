/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker measures what: large files, batches of small ones, or help for others. */
#include "digest/measure.h"

#include <stdlib.h>

#include "digest/batch.h"
#include "digest/shared.h"
#include "digest/workers.h"
#include "util/cleanup.h"

enum {
	BYTES_A_WORKER = 2 << 20, /* a thread for less than this is not worth starting */
	BYTES_A_FILE = 8 << 10,	  /* take as long as what a file costs whatever its length */
	SLOTS_A_WORKER = 4,
	PLAIN_WORKERS = 4, /* keep one plain SHA-256 busy, by any kernel */
};

/* What the workers share. All below `crew` is under its lock. */
struct job {
	struct progress *progress;
	struct task *tasks; /* large ones first */
	size_t n_tasks, n_large;
	size_t buffer_len; /* of each worker */
	struct shared *shared;
	size_t n_shared;
	struct crew crew;
	size_t n_taken; /* of the tasks */
	bool cold;	/* the last large file was */
	struct wm_error err; /* of the first that failed */
};

/* What a worker does next: one of both, or nothing. */
struct work {
	struct shared *shared;
	const struct task *batch;
	size_t n_batch;
	const struct view *ahead; /* to be requested before; or NULL */
};

static struct shared *find_free(const struct job *j)
{
	struct shared *s = j->shared;

	while (s->file)
		s++; /* each one in use has a worker of its own, and this one has none */
	return s;
}

/* The file where most is left for each of its workers. */
static struct shared *find_neediest(const struct job *j)
{
	struct shared *neediest = NULL;
	uint64_t most = 0;

	for (struct shared *s = j->shared; s < j->shared + j->n_shared; s++) {
		uint64_t left = shared_left(s);

		if (left == 0 || (s->file->sha256 && s->n_workers >= PLAIN_WORKERS) ||
		    left / s->n_workers <= most)
			continue;
		most = left / s->n_workers;
		neediest = s;
	}
	return neediest;
}

/* A file of its own while there is one; only then does a worker help others. */
static enum wm_code choose(struct job *j, struct work *work, struct wm_error *err)
{
	size_t i = j->n_taken;

	*work = (struct work){ 0 };
	if (j->crew.failed)
		return WM_OK;
	if (i < j->n_large) {
		work->shared = find_free(j);
		if (j->cold && i + 1 < j->n_large)
			work->ahead = &j->tasks[i + 1].file->view;
		j->n_taken++;
		return shared_begin(work->shared, j->tasks[i].file, err);
	}
	if (i < j->n_tasks) {
		work->batch = &j->tasks[i];
		work->n_batch = batch_take(work->batch, j->n_tasks - i);
		j->n_taken += work->n_batch;
		return WM_OK;
	}
	work->shared = find_neediest(j);
	if (work->shared)
		work->shared->n_workers++;
	return WM_OK;
}

/* Ends the work done and chooses the next. */
static enum wm_code proceed(struct job *j, struct work *work, struct wm_error *err)
{
	enum wm_code code = WM_OK;

	pthread_mutex_lock(&j->crew.lock);
	if (work->shared) {
		j->cold = reader_missed(&work->shared->reader);
		code = shared_leave(work->shared, err);
	}
	if (code == WM_OK)
		code = choose(j, work, err);
	pthread_mutex_unlock(&j->crew.lock);
	return code;
}

static enum wm_code work_on(struct job *j, struct workspace *w, struct wm_error *err)
{
	struct work work = { 0 };

	TRY(workspace_init(w, j->buffer_len, err));
	for (;;) {
		TRY(proceed(j, &work, err));
		if (work.ahead)
			reader_prefetch(work.ahead);
		if (work.shared)
			TRY(shared_work(work.shared, w, j->progress, err));
		else if (work.batch)
			TRY(batch_measure(work.batch, work.n_batch, w, j->progress, err));
		else
			return WM_OK;
	}
}

static void *work_all(void *job)
{
	struct workspace w = { 0 };
	struct wm_error err = { 0 };
	struct job *j = job;

	if (work_on(j, &w, &err) != WM_OK) {
		pthread_mutex_lock(&j->crew.lock);
		if (!j->crew.failed)
			j->err = err;
		j->crew.failed = true;
		for (size_t i = 0; i < j->n_shared; i++)
			pthread_cond_broadcast(&j->shared[i].moved);
		pthread_mutex_unlock(&j->crew.lock);
	}
	workspace_release(&w);
	return NULL;
}

static enum wm_code check_tiling(const struct measure_file *f, struct wm_error *err)
{
	uint64_t size = 0;

	for (size_t i = 0; i < f->n_segments; i++) {
		const struct segment *s = &f->segments[i];

		if (s->off != size || s->len == 0 || s->len > INT64_MAX - size)
			return fail(err, REASON_INTERNAL, "%s: segments do not tile the file",
				    f->view.name);
		size += s->len;
	}
	if (size != f->view.size)
		return fail(err, REASON_INTERNAL, "%s: segments of %llu bytes, view of %llu",
			    f->view.name, (unsigned long long)size,
			    (unsigned long long)f->view.size);
	return WM_OK;
}

/*
 * Large files first, since several workers can be on them; those with a plain SHA-256
 * first of all, since it is one chain; the longest first. Small ones in their own order.
 */
static int compare_tasks(const void *a, const void *b)
{
	const struct task *x = a, *y = b;
	bool x_small = task_is_small(x), y_small = task_is_small(y);

	if (x_small != y_small)
		return x_small ? 1 : -1;
	if (!x_small && !x->file->sha256 != !y->file->sha256)
		return x->file->sha256 ? -1 : 1;
	if (!x_small && x->file->view.size != y->file->view.size)
		return x->file->view.size > y->file->view.size ? -1 : 1;
	return (x->file > y->file) - (x->file < y->file);
}

/* Fills in the tasks, in order; `work_len` is what they amount to, in bytes. */
static enum wm_code plan(struct job *j, uint64_t *work_len, const struct measure *m,
			 struct wm_error *err)
{
	uint64_t len = 0;

	for (size_t i = 0; i < m->n_files; i++) {
		const struct measure_file *f = &m->files[i];

		TRY(check_tiling(f, err));
		j->tasks[i] = task_of(f);
		j->n_large += !task_is_small(&j->tasks[i]);
		len = f->view.size < INT64_MAX - len ? len + f->view.size : INT64_MAX;
	}
	j->n_tasks = m->n_files;
	qsort(j->tasks, j->n_tasks, sizeof(*j->tasks), compare_tasks);
	j->buffer_len = len < UNIT_BYTES ? (size_t)len : UNIT_BYTES;
	*work_len = len + (uint64_t)m->n_files * BYTES_A_FILE;
	return WM_OK;
}

static unsigned n_workers(unsigned wanted, uint64_t work_len)
{
	uint64_t n = wanted ? wanted : workers_default();

	if (n > MEASURE_WORKERS_MAX)
		n = MEASURE_WORKERS_MAX;
	if (n > work_len / BYTES_A_WORKER)
		n = work_len / BYTES_A_WORKER;
	return n < 1 ? 1 : (unsigned)n;
}

enum wm_code measure(const struct measure *m, struct wm_error *err)
{
	cleanup_free struct task *tasks = calloc(m->n_files + 1, sizeof(*tasks));
	cleanup_free struct shared *shared = NULL;
	cleanup_free struct slot *slots = NULL;
	struct job j = { .progress = m->progress, .tasks = tasks };
	uint64_t work_len;
	size_t n_slots;
	unsigned n;

	if (!tasks)
		return fail_nomem(err);
	TRY(plan(&j, &work_len, m, err));
	n = n_workers(m->workers, work_len);
	n_slots = (size_t)n * SLOTS_A_WORKER;
	j.n_shared = n < j.n_large ? n : j.n_large;
	j.shared = shared = calloc(j.n_shared + 1, sizeof(*shared));
	slots = calloc(j.n_shared * n_slots + 1, sizeof(*slots));
	if (!shared || !slots)
		return fail_nomem(err);
	pthread_mutex_init(&j.crew.lock, NULL);
	for (size_t i = 0; i < j.n_shared; i++)
		shared_init(&shared[i], &j.crew, &slots[i * n_slots], n_slots);
	workers_run(n, work_all, &j);
	for (size_t i = 0; i < j.n_shared; i++)
		shared_release(&shared[i]);
	pthread_mutex_destroy(&j.crew.lock);
	return j.crew.failed ? fail_again(err, &j.err) : WM_OK;
}
