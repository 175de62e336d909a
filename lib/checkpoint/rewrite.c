/* SPDX-License-Identifier: Apache-2.0 */
/* A new file from a new head and the rest of an old file, each byte moved at most once. */
#include "checkpoint/rewrite.h"

#include <assert.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/fs.h>

#include "checkpoint/attributes.h"
#include "checkpoint/journal.h"
#include "util/cleanup.h"
#include "util/file.h"

enum { COPY_STEP = 1 << 20, RANGE_STEP = 1 << 26 };

const char *rewrite_way_name(enum rewrite_way way)
{
	static const char *const names[] = { "reflink", "copy-range", "copy", "shift" };

	return names[way];
}

/* Where byte `off` of the old file stands in the new one. */
static uint64_t moved(const struct rewrite *r, uint64_t off)
{
	return off - r->tail + r->head_len;
}

/* The first byte behind the old head that a file system could share. */
static uint64_t shareable_from(const struct rewrite *r)
{
	uint64_t over = r->tail % JOURNAL_UNIT;
	uint64_t from = over ? r->tail + (JOURNAL_UNIT - over) : r->tail;

	return from < r->size ? from : r->size;
}

static bool share(const struct rewrite *r, int to, uint64_t off)
{
	struct file_clone_range range = {
		.src_fd = r->fd,
		.src_offset = off,
		.src_length = r->size - off,
		.dest_offset = moved(r, off),
	};

	if (off == r->size || ioctl(to, FICLONERANGE, &range) < 0)
		return false;
	progress_add(r->progress, r->size - off);
	return true;
}

/* Copies from `off` on for as long as the kernel does it; returns where it stopped. */
static uint64_t copy_by_kernel(const struct rewrite *r, int to, uint64_t off)
{
	while (off < r->size) {
		off_t in = (off_t)off, out = (off_t)moved(r, off);
		uint64_t left = r->size - off;
		ssize_t n = copy_file_range(r->fd, &in, to, &out,
					    left < RANGE_STEP ? (size_t)left : RANGE_STEP, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		off += (uint64_t)n;
		progress_add(r->progress, (uint64_t)n);
	}
	return off;
}

static enum wm_code copy_by_hand(const struct rewrite *r, const struct new_file *to, uint64_t off,
				 uint64_t end, struct wm_error *err)
{
	cleanup_free uint8_t *step = malloc(COPY_STEP);

	if (!step)
		return fail_nomem(err);
	while (off < end) {
		size_t len = end - off < COPY_STEP ? (size_t)(end - off) : COPY_STEP;

		TRY(file_read_at(r->fd, step, len, off, r->path, err));
		TRY(file_write_at(to->fd, step, len, moved(r, off), to->path, err));
		off += len;
		progress_add(r->progress, len);
	}
	return WM_OK;
}

/* Fills the new file. What cannot be shared is written in the order of the file. */
static enum wm_code fill(enum rewrite_way *way, const struct rewrite *r,
			 const struct new_file *to, struct wm_error *err)
{
	uint64_t from = shareable_from(r), done;
	bool shared = share(r, to->fd, from);

	TRY(file_write_at(to->fd, r->head, r->head_len, 0, to->path, err));
	TRY(copy_by_hand(r, to, r->tail, from, err));
	*way = REWRITE_REFLINK;
	if (shared)
		return WM_OK;
	done = copy_by_kernel(r, to->fd, from);
	*way = from < r->size && done == r->size ? REWRITE_COPY_RANGE : REWRITE_COPY;
	return copy_by_hand(r, to, done, r->size, err);
}

static enum wm_code check_unchanged(const struct rewrite *r, const struct stat *old, bool replaced,
				    struct wm_error *err)
{
	struct stat now, named;

	if (fstat(r->fd, &now) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", r->path, strerror(errno));
	if ((uint64_t)now.st_size != r->size || !file_unchanged(old, &now))
		return fail(err, REASON_FILE_CHANGED, "%s: was written to", r->path);
	if (replaced && (stat(r->path, &named) < 0 || !file_is_same(&named, &now)))
		return fail(err, REASON_FILE_CHANGED, "%s: is another file by now", r->path);
	return WM_OK;
}

enum wm_code rewrite_file(enum rewrite_way *way, const struct rewrite *r, const char *to,
			  struct wm_error *err)
{
	cleanup_new_file struct new_file f = NEW_FILE_INIT;
	bool replaced = strcmp(r->path, to) == 0;
	enum rewrite_way how;
	struct stat old;

	assert(r->tail <= r->size);
	if (rewrite_unfinished(r->path) || rewrite_unfinished(to))
		return fail(err, REASON_UNFINISHED, "%s: there is a journal beside it",
			    rewrite_unfinished(to) ? to : r->path);
	if (!replaced && file_exists(to))
		return fail(err, REASON_EXISTS, "%s: exists already", to);
	if (fstat(r->fd, &old) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", r->path, strerror(errno));
	TRY(check_unchanged(r, &old, replaced, err));
	TRY(new_file_open(&f, to, 0600, err));
	TRY(fill(&how, r, &f, err));
	TRY(check_unchanged(r, &old, replaced, err));
	if (attributes_keep(f.fd, r->fd, &old) < 0)
		return errno == ENOMEM ?
			       fail_nomem(err) :
			       fail(err, REASON_WRITE_FAILED, "%s: %s", to, strerror(errno));
	TRY(new_file_finish(&f, replaced ? FILE_REPLACE : FILE_EXCLUSIVE, err));
	*way = how;
	return WM_OK;
}
