/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that measure one file together. */
#include "digest/measure.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "digest/reader.h"
#include "digest/unit.h"
#include "util/cleanup.h"

enum {
	ALIGNMENT = 64,
	STACK_BYTES = 1 << 20,
	BYTES_A_WORKER = 2 << 20, /* a thread for less than this is not worth starting */
	SLOTS_A_WORKER = 4,
};

/* A unit's result, waiting for those before it. */
struct slot {
	bool filled;
	struct unit_result result;
};

/* What the workers of one measure() share. All below `lock` is under it. */
struct job {
	const struct measure_file *m;
	struct progress *progress;
	struct reader reader;
	uint64_t size;
	struct slot *slots; /* unit seq in slot seq % n_slots */
	size_t n_slots;
	struct sha256 *plain; /* used by the worker whose turn it is; may be NULL */
	pthread_mutex_t lock;
	pthread_cond_t moved; /* a counter below moved, or a worker failed */
	struct unit_cursor cursor;
	uint64_t n_folded; /* units whose results are in `frontier` */
	uint64_t n_plain;  /* units that `plain` has taken */
	struct tree_frontier frontier; /* of the segment where the folded units end */
	bool failed;
	struct wm_error err; /* of the first that failed */
};

struct worker {
	uint8_t *data; /* UNIT_BYTES, inside `memory` */
	struct unit_scratch *scratch;
	void *memory;
};

static void worker_release(struct worker *w)
{
	free(w->memory);
	free(w->scratch);
}

/*
 * The data begin one byte after an aligned address, so that all blocks but the first,
 * which holds the prefix of a leaf, are aligned.
 */
static enum wm_code worker_init(struct worker *w, uint64_t size, struct wm_error *err)
{
	size_t len = size < UNIT_BYTES ? (size_t)size : UNIT_BYTES;

	w->memory = malloc(len + ALIGNMENT + 1);
	w->scratch = malloc(sizeof(*w->scratch));
	if (!w->memory || !w->scratch)
		return fail_nomem(err);
	w->data = w->memory;
	w->data += ALIGNMENT - (uintptr_t)w->data % ALIGNMENT + 1;
	return WM_OK;
}

/* Takes the next unit, unless there is none, somebody failed or results pile up. */
static bool claim(struct job *j, struct unit *u)
{
	bool claimed;

	pthread_mutex_lock(&j->lock);
	while (!j->failed && j->cursor.seq - j->n_folded >= j->n_slots)
		pthread_cond_wait(&j->moved, &j->lock);
	claimed = !j->failed && unit_next(u, &j->cursor);
	pthread_mutex_unlock(&j->lock);
	return claimed;
}

static void fold(struct job *j, const struct unit_result *r)
{
	for (const struct unit_part *p = r->parts; p < r->parts + r->n_parts; p++) {
		for (unsigned i = 0; i < p->n_subtrees; i++)
			tree_append(&j->frontier, p->levels[i], p->roots[i]);
		if (!p->ends)
			continue;
		tree_root(j->m->segments[p->segment].digest, &j->frontier);
		j->frontier.n_leaves = 0;
	}
}

/* Folds the result of a unit, and those that waited for it, in file order. */
static void hand_in(struct job *j, uint64_t seq, const struct unit_result *result)
{
	struct slot *slot = &j->slots[seq % j->n_slots];

	pthread_mutex_lock(&j->lock);
	slot->result = *result;
	slot->filled = true;
	for (slot = &j->slots[j->n_folded % j->n_slots]; slot->filled;
	     slot = &j->slots[++j->n_folded % j->n_slots]) {
		fold(j, &slot->result);
		slot->filled = false;
	}
	pthread_cond_broadcast(&j->moved);
	pthread_mutex_unlock(&j->lock);
}

/* Feeds the plain SHA-256 when all units before `u` are in it. */
static enum wm_code feed_plain(struct job *j, const struct unit *u, const uint8_t *data,
			       struct wm_error *err)
{
	bool failed;

	pthread_mutex_lock(&j->lock);
	while (!j->failed && j->n_plain != u->seq)
		pthread_cond_wait(&j->moved, &j->lock);
	failed = j->failed;
	pthread_mutex_unlock(&j->lock);
	if (failed)
		return WM_OK;
	TRY(sha256_update(j->plain, data, u->len, err));
	pthread_mutex_lock(&j->lock);
	j->n_plain++;
	pthread_cond_broadcast(&j->moved);
	pthread_mutex_unlock(&j->lock);
	return WM_OK;
}

static enum wm_code work_units(struct job *j, struct worker *w, struct wm_error *err)
{
	struct unit_result result;
	struct unit u;

	TRY(worker_init(w, j->size, err));
	while (claim(j, &u)) {
		TRY(reader_read(&j->reader, w->data, u.len, u.off, err));
		TRY(unit_digest(&result, &u, w->data, j->m->segments, w->scratch, err));
		hand_in(j, u.seq, &result);
		if (j->plain)
			TRY(feed_plain(j, &u, w->data, err));
		progress_add(j->progress, u.len);
	}
	return WM_OK;
}

static void *work(void *job)
{
	struct worker w = { NULL, NULL, NULL };
	struct job *j = job;
	struct wm_error err = { 0 };

	if (work_units(j, &w, &err) != WM_OK) {
		pthread_mutex_lock(&j->lock);
		if (!j->failed)
			j->err = err;
		j->failed = true;
		pthread_cond_broadcast(&j->moved);
		pthread_mutex_unlock(&j->lock);
	}
	worker_release(&w);
	return NULL;
}

static unsigned n_processors(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (unsigned)n;
}

static unsigned n_workers(unsigned wanted, uint64_t size)
{
	uint64_t n = wanted ? wanted : n_processors();

	if (n > MEASURE_WORKERS_MAX)
		n = MEASURE_WORKERS_MAX;
	if (n > size / BYTES_A_WORKER)
		n = size / BYTES_A_WORKER;
	return n < 1 ? 1 : (unsigned)n;
}

/*
 * Starts up to `n` threads and says how many; fewer only make it slower. They leave all
 * signals to the application's own threads.
 */
static unsigned start(pthread_t *threads, unsigned n, struct job *j)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	unsigned started = 0;

	if (n == 0 || pthread_attr_init(&attributes) != 0)
		return 0;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < n && pthread_create(&threads[started], &attributes, work, j) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

static enum wm_code run(struct job *j, unsigned workers, struct wm_error *err)
{
	pthread_t threads[MEASURE_WORKERS_MAX];
	unsigned started = start(threads, workers - 1, j);

	work(j);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return j->failed ? fail_again(err, &j->err) : WM_OK;
}

static enum wm_code check_tiling(uint64_t *size, const struct measure_file *m, struct wm_error *err)
{
	*size = 0;
	for (size_t i = 0; i < m->n_segments; i++) {
		const struct segment *s = &m->segments[i];

		if (s->off != *size || s->len == 0 || s->len > INT64_MAX - *size)
			return fail(err, REASON_INTERNAL, "%s: segments do not tile the file",
				    m->view.name);
		*size += s->len;
	}
	return WM_OK;
}

static enum wm_code measure_file(const struct measure_file *m, const struct measure *all,
				 struct wm_error *err)
{
	cleanup_sha256 struct sha256 *plain = NULL;
	cleanup_free struct slot *slots = NULL;
	struct job j = { .m = m, .progress = all->progress,
			 .cursor = { .segments = m->segments, .n_segments = m->n_segments } };
	enum wm_code code;
	unsigned workers;

	TRY(check_tiling(&j.size, m, err));
	workers = n_workers(all->workers, j.size);
	j.n_slots = (size_t)workers * SLOTS_A_WORKER;
	j.slots = slots = calloc(j.n_slots, sizeof(*slots));
	if (!slots)
		return fail_nomem(err);
	if (m->sha256) {
		TRY(sha256_new(&plain, err));
		TRY(sha256_start(plain, err));
		j.plain = plain;
	}
	reader_init(&j.reader, &m->view);
	pthread_mutex_init(&j.lock, NULL);
	pthread_cond_init(&j.moved, NULL);
	code = run(&j, workers, err);
	pthread_cond_destroy(&j.moved);
	pthread_mutex_destroy(&j.lock);
	TRY(code);
	return plain ? sha256_finish(plain, m->sha256, err) : WM_OK;
}

enum wm_code measure(const struct measure *m, struct wm_error *err)
{
	for (size_t i = 0; i < m->n_files; i++)
		TRY(measure_file(&m->files[i], m, err));
	return WM_OK;
}
