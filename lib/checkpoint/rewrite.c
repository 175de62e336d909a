/* SPDX-License-Identifier: Apache-2.0 */
/* A new file from new bytes and the rest of an old file, each byte moved at most once. */
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
	static const char *const names[] = { "reflink", "copy-range", "copy", "in-place" };

	return names[way];
}

/* What stays of the old file: [from, end) of it is [to, ...) of the new one. */
struct range {
	uint64_t from, end, to;
};

static uint64_t round_up(uint64_t off)
{
	return off + (JOURNAL_UNIT - off % JOURNAL_UNIT) % JOURNAL_UNIT;
}

/* The part of a range that a file system could share: whole blocks, or up to the end. */
static struct range shareable(const struct rewrite *r, const struct range *all)
{
	uint64_t from = round_up(all->from);
	uint64_t end = all->end == r->size ? all->end : all->end - all->end % JOURNAL_UNIT;

	if (from >= end)
		from = end = all->end;
	return (struct range){ from, end, from - all->from + all->to };
}

static bool share(const struct rewrite *r, int to, const struct range *part)
{
	struct file_clone_range range = {
		.src_fd = r->fd,
		.src_offset = part->from,
		.src_length = part->end - part->from,
		.dest_offset = part->to,
	};

	if (part->from == part->end || ioctl(to, FICLONERANGE, &range) < 0)
		return false;
	progress_add(r->progress, part->end - part->from);
	return true;
}

/* Copies for as long as the kernel does it; what is left to copy stays in `left`. */
static void copy_by_kernel(const struct rewrite *r, int to, struct range *left)
{
	while (left->from < left->end) {
		off_t in = (off_t)left->from, out = (off_t)left->to;
		uint64_t len = left->end - left->from;
		ssize_t n = copy_file_range(r->fd, &in, to, &out,
					    len < RANGE_STEP ? (size_t)len : RANGE_STEP, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		left->from += (uint64_t)n;
		left->to += (uint64_t)n;
		progress_add(r->progress, (uint64_t)n);
	}
}

static enum wm_code copy_by_hand(const struct rewrite *r, const struct new_file *to,
				 struct range left, struct wm_error *err)
{
	cleanup_free uint8_t *step = malloc(COPY_STEP);

	if (!step)
		return fail_nomem(err);
	while (left.from < left.end) {
		uint64_t n = left.end - left.from;
		size_t len = n < COPY_STEP ? (size_t)n : COPY_STEP;

		TRY(file_read_at(r->fd, step, len, left.from, r->path, err));
		TRY(file_write_at(to->fd, step, len, left.to, to->path, err));
		left.from += len;
		left.to += len;
		progress_add(r->progress, len);
	}
	return WM_OK;
}

/* Brings a range over, by the best way that works. */
static enum wm_code keep(enum rewrite_way *way, const struct rewrite *r,
			 const struct new_file *to, const struct range *all, struct wm_error *err)
{
	struct range part = shareable(r, all);
	bool shared = share(r, to->fd, &part);

	*way = REWRITE_REFLINK;
	TRY(copy_by_hand(r, to, (struct range){ all->from, part.from, all->to }, err));
	if (!shared) {
		*way = part.from < part.end ? REWRITE_COPY_RANGE : REWRITE_COPY;
		copy_by_kernel(r, to->fd, &part);
		if (part.from < part.end)
			*way = REWRITE_COPY;
		TRY(copy_by_hand(r, to, part, err));
	}
	return copy_by_hand(r, to, (struct range){ part.end, all->end,
						   all->to + (part.end - all->from) }, err);
}

/* Fills the new file, in its order. */
static enum wm_code fill(enum rewrite_way *way, const struct rewrite *r,
			 const struct new_file *to, struct wm_error *err)
{
	const struct range before = { 0, r->from, 0 };
	const struct range behind = { r->to, r->size, r->from + r->len };

	if (r->from > 0)
		TRY(keep(way, r, to, &before, err));
	TRY(file_write_at(to->fd, r->bytes, r->len, r->from, to->path, err));
	return r->from > 0 ? WM_OK : keep(way, r, to, &behind, err);
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

	assert(r->from <= r->to && r->to <= r->size && (r->from == 0 || r->to == r->size));
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
