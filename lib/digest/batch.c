/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read and digested many at once. */
#include "digest/batch.h"

#include "digest/reader.h"
#include "digest/unit.h"

struct task task_of(const struct measure_file *file)
{
	uint64_t n = unit_count_leaves(file->segments, file->n_segments);

	return (struct task){ file, n + (file->sha256 ? 1 : 0) };
}

bool task_is_small(const struct task *t)
{
	return t->file->view.size <= UNIT_BYTES && t->n_messages <= UNIT_LEAVES;
}

size_t batch_take(const struct task *tasks, size_t n)
{
	uint64_t len = 0, n_messages = 0;
	size_t i = 0;

	for (; i < n && i < UNIT_LEAVES; i++) {
		len += tasks[i].file->view.size;
		n_messages += tasks[i].n_messages;
		if (len > UNIT_BYTES || n_messages > UNIT_LEAVES)
			break;
	}
	return i;
}

static void prefetch(const struct task *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reader_prefetch(&tasks[i].file->view);
}

/* Reads all files, one behind the other. Once one is cold, those behind it are requested. */
static enum wm_code read_all(const struct task *tasks, size_t n, struct workspace *w,
			     struct wm_error *err)
{
	bool requested = w->cold;
	uint8_t *at = w->data;

	if (requested)
		prefetch(tasks, n);
	w->cold = false;
	for (size_t i = 0; i < n; i++) {
		const struct view *v = &tasks[i].file->view;
		struct reader r;

		reader_init(&r, v);
		TRY(reader_read(&r, at, (size_t)v->size, 0, err));
		at += v->size;
		if (!reader_missed(&r))
			continue;
		w->cold = true;
		if (!requested)
			prefetch(tasks + i + 1, n - i - 1);
		requested = true;
	}
	return WM_OK;
}

static struct unit whole(const struct measure_file *f)
{
	return (struct unit){ .len = (size_t)f->view.size };
}

enum wm_code batch_measure(const struct task *tasks, size_t n, struct workspace *w,
			   struct progress *progress, struct wm_error *err)
{
	const uint8_t *at = w->data;
	struct unit_result result;

	TRY(read_all(tasks, n, w, err));
	unit_start(w->scratch);
	for (size_t i = 0; i < n; i++) {
		const struct measure_file *f = tasks[i].file;
		struct unit u = whole(f);

		unit_queue(w->scratch, &u, at, f->segments);
		if (f->sha256)
			unit_queue_plain(w->scratch, at, u.len, f->sha256);
		at += u.len;
	}
	TRY(unit_run(w->scratch, err));
	for (size_t i = 0; i < n; i++) {
		const struct measure_file *f = tasks[i].file;
		struct unit u = whole(f);

		TRY(unit_collect(&result, &u, f->segments, w->scratch, err));
	}
	progress_add(progress, (uint64_t)(at - w->data));
	return WM_OK;
}
