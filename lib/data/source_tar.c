/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are the files in a tar archive. */
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "format/tar_read.h"
#include "util/file.h"

struct archive {
	struct record_source base;
	char *path;
	int fd;
	struct tar tar;
	struct layout layout; /* what headers are read to, of one batch */
	bool ended;
	struct stat opened;
};

static void archive_free(struct record_source *s)
{
	struct archive *a = (struct archive *)s;

	layout_release(&a->layout);
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
}

/* From the first block of zeros on there must be blocks of zeros, two or more. */
static enum wm_code check_end(const struct archive *a, struct wm_error *err)
{
	const uint64_t left = a->tar.w.size - a->tar.at;
	cleanup_free uint8_t *rest = NULL;

	if (left < TAR_END_MIN || left > TAR_END_MAX || left % TAR_BLOCK != 0)
		return fail(err, REASON_TAR_END,
			    "%s: ends with %llu bytes, not with blocks of %d, %d to %d in all",
			    a->path, (unsigned long long)left, TAR_BLOCK, TAR_END_MIN,
			    TAR_END_MAX);
	rest = malloc((size_t)left);
	if (!rest)
		return fail_nomem(err);
	TRY(file_read_at(a->fd, rest, (size_t)left, a->tar.at, a->path, err));
	for (size_t i = 0; i < left; i++)
		if (rest[i])
			return fail(err, REASON_TAR_END, "%s: byte %llu, behind its end, is not 0",
				    a->path, (unsigned long long)(a->tar.at + i));
	return WM_OK;
}

/* Headers are looked at once; their memory is that of one batch. */
static void forget_headers(struct archive *a)
{
	layout_release(&a->layout);
	a->layout = (struct layout)LAYOUT_INIT;
	a->tar.kept = 0;
}

/* Reads what comes next at once: headers are taken from there, and so are small members. */
static enum wm_code read_ahead(struct archive *a, struct record_batch *b, struct wm_error *err)
{
	struct tar *t = &a->tar;
	const uint64_t left = t->w.size - t->at;
	const size_t len = left < BATCH_BYTES ? (size_t)left : BATCH_BYTES;

	t->ahead = NULL;
	buf_truncate(&b->bytes, 0);
	TRY(buf_reserve(&b->bytes, len, err));
	TRY(file_read_at(a->fd, b->bytes.data, len, t->at, a->path, err));
	t->ahead = b->bytes.data;
	t->ahead_off = t->at;
	t->ahead_len = len;
	return WM_OK;
}

/* Adds a member; `*full` where it must wait for the next batch. */
static enum wm_code take_member(bool *full, const struct archive *a, struct record_batch *b,
				const struct tar_member *m, struct wm_error *err)
{
	const uint64_t at = m->off - a->tar.ahead_off; /* all members lie behind it */
	const bool whole = at <= a->tar.ahead_len && m->size <= a->tar.ahead_len - at;

	*full = b->n > 0 && !whole;
	if (*full)
		return WM_OK;
	b->place = whole ? PLACE_BATCH : PLACE_FILE;
	return batch_add_named(b, m->name, whole ? at : m->off, m->size, err);
}

static enum wm_code fill(struct archive *a, struct record_batch *b, struct wm_error *err)
{
	struct tar_member m;
	bool full = false;

	while (!full && !a->ended && b->n < BATCH_ITEMS && b->names.len < BATCH_NAMES &&
	       (b->n == 0 || b->place == PLACE_BATCH)) {
		const uint64_t before = a->tar.at;

		if (a->tar.kept > LIMIT_HEADER / 2)
			forget_headers(a);
		TRY(tar_next(&a->tar, &m, &a->ended, err));
		if (a->ended)
			return check_end(a, err);
		if (!m.folder)
			TRY(take_member(&full, a, b, &m, err));
		if (full)
			a->tar.at = before;
	}
	return WM_OK;
}

static enum wm_code archive_next(struct record_source *s, struct record_batch *b,
				 struct wm_error *err)
{
	struct archive *a = (struct archive *)s;

	b->fd = a->fd;
	b->path = a->path;
	forget_headers(a);
	if (a->ended)
		return WM_OK;
	TRY(read_ahead(a, b, err));
	TRY(fill(a, b, err));
	a->tar.ahead = NULL; /* the batch's */
	return WM_OK;
}

static enum wm_code archive_finish(struct record_source *s, struct wm_error *err)
{
	const struct archive *a = (struct archive *)s;

	return source_unchanged(a->fd, &a->opened, a->path, err);
}

enum wm_code source_open_tar(struct record_source **out, const char *path, struct wm_error *err)
{
	static const struct source_ops ops = { archive_next, archive_finish, archive_free };
	struct archive *a = calloc(1, sizeof(*a));
	cleanup_source struct record_source *s = NULL;

	if (!a)
		return fail_nomem(err);
	s = &a->base;
	s->ops = &ops;
	a->fd = -1;
	a->layout = (struct layout)LAYOUT_INIT;
	a->path = strdup(path);
	if (!a->path)
		return fail_nomem(err);
	TRY(file_open(&a->fd, &s->size, path, err));
	if (fstat(a->fd, &a->opened) < 0)
		return fail(err, REASON_READ_FAILED, "%s: cannot be looked at", path);
	a->tar = (struct tar){
		.w = { .fd = a->fd, .size = s->size, .name = a->path },
		.l = &a->layout,
	};
	*out = take_ptr(&s);
	return WM_OK;
}
