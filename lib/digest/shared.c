/* SPDX-License-Identifier: Apache-2.0 */
/* Large files, measured by several workers together. */
#include "digest/shared.h"

#include <string.h>

void shared_init(struct shared *s, struct crew *crew, struct slot *slots, size_t n_slots)
{
	memset(s, 0, sizeof(*s));
	s->crew = crew;
	s->slots = slots;
	s->n_slots = n_slots;
	pthread_cond_init(&s->moved, NULL);
}

void shared_release(struct shared *s)
{
	sha256_free(s->plain);
	pthread_cond_destroy(&s->moved);
}

enum wm_code shared_begin(struct shared *s, const struct measure_file *file, struct wm_error *err)
{
	if (file->sha256) {
		if (!s->plain)
			TRY(sha256_new(&s->plain, err));
		TRY(sha256_start(s->plain, err));
	}
	reader_init(&s->reader, &file->view);
	s->cursor = (struct unit_cursor){ .segments = file->segments,
					  .n_segments = file->n_segments };
	s->n_folded = s->n_plain = s->frontier.n_leaves = 0;
	s->n_workers = 1;
	s->file = file;
	return WM_OK;
}

uint64_t shared_left(const struct shared *s)
{
	const struct unit_cursor *c = &s->cursor;

	if (!s->file || c->segment == c->n_segments)
		return 0;
	return s->file->view.size - c->segments[c->segment].off - c->skip;
}

/* Takes the next unit, unless there is none, somebody failed or results pile up. */
static bool claim(struct shared *s, struct unit *u)
{
	bool claimed;

	pthread_mutex_lock(&s->crew->lock);
	while (!s->crew->failed && s->cursor.seq - s->n_folded >= s->n_slots)
		pthread_cond_wait(&s->moved, &s->crew->lock);
	claimed = !s->crew->failed && unit_next(u, &s->cursor);
	pthread_mutex_unlock(&s->crew->lock);
	return claimed;
}

static void fold(struct shared *s, const struct unit_result *r)
{
	for (const struct unit_part *p = r->parts; p < r->parts + r->n_parts; p++) {
		for (unsigned i = 0; i < p->n_subtrees; i++)
			tree_append(&s->frontier, p->levels[i], p->roots[i]);
		if (!p->ends)
			continue;
		tree_root(s->file->segments[p->segment].digest, &s->frontier);
		s->frontier.n_leaves = 0;
	}
}

/* Folds the result of a unit, and those that waited for it, in file order. */
static void hand_in(struct shared *s, uint64_t seq, const struct unit_result *result)
{
	struct slot *slot = &s->slots[seq % s->n_slots];

	pthread_mutex_lock(&s->crew->lock);
	slot->result = *result;
	slot->filled = true;
	for (slot = &s->slots[s->n_folded % s->n_slots]; slot->filled;
	     slot = &s->slots[++s->n_folded % s->n_slots]) {
		fold(s, &slot->result);
		slot->filled = false;
	}
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->crew->lock);
}

/* Feeds the plain SHA-256 when all units before `u` are in it. */
static enum wm_code feed_plain(struct shared *s, const struct unit *u, const uint8_t *data,
			       struct wm_error *err)
{
	bool failed;

	pthread_mutex_lock(&s->crew->lock);
	while (!s->crew->failed && s->n_plain != u->seq)
		pthread_cond_wait(&s->moved, &s->crew->lock);
	failed = s->crew->failed;
	pthread_mutex_unlock(&s->crew->lock);
	if (failed)
		return WM_OK;
	TRY(sha256_update(s->plain, data, u->len, err));
	pthread_mutex_lock(&s->crew->lock);
	s->n_plain++;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->crew->lock);
	return WM_OK;
}

enum wm_code shared_work(struct shared *s, struct workspace *w, struct progress *progress,
			 struct wm_error *err)
{
	struct unit_result result;
	struct unit u;

	while (claim(s, &u)) {
		TRY(reader_read(&s->reader, w->data, u.len, u.off, err));
		TRY(unit_digest(&result, &u, w->data, s->file->segments, w->scratch, err));
		hand_in(s, u.seq, &result);
		if (s->file->sha256)
			TRY(feed_plain(s, &u, w->data, err));
		progress_add(progress, u.len);
	}
	return WM_OK;
}

enum wm_code shared_leave(struct shared *s, struct wm_error *err)
{
	const struct measure_file *file = s->file;

	if (--s->n_workers > 0 || s->crew->failed)
		return WM_OK;
	s->file = NULL;
	return file->sha256 ? sha256_finish(s->plain, file->sha256, err) : WM_OK;
}
