/* SPDX-License-Identifier: Apache-2.0 */
/* Files are parsed one after another, and read many at once. */
#include "lineage/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/digests.h"
#include "checkpoint/gather.h"
#include "checkpoint/pointer.h"
#include "lineage/inventory.h"
#include "lineage/scan_data.h"
#include "statement/sidecar.h"
#include "util/cleanup.h"
#include "util/file.h"

enum { BATCH = 128, BATCH_MEMORY = 1 << 26 };

/* A file to be read. */
struct item {
	char *path;
	int fd;
	struct stat opened;
	struct layout layout;
	uint8_t sha256[SHA256_BYTES];
};

struct batch {
	const struct scan *scan;
	struct item items[BATCH];
	size_t n;
	size_t memory; /* of the layouts, about */
};

static void item_release(struct item *i)
{
	layout_release(&i->layout);
	if (i->fd >= 0)
		close(i->fd);
	free(i->path);
}

static void batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		item_release(&b->items[i]);
	b->n = b->memory = 0;
}

/* What ends a scan, and not only the look at one file. */
static bool is_fatal(const struct wm_error *e)
{
	return e->code == WM_NOMEM || e->code == WM_INTERNAL;
}

static enum wm_code tell_failed(const struct scan *s, const char *path, const struct wm_error *why,
				struct wm_error *err)
{
	const struct scanned told = { .kind = SCANNED_FAILED, .place = path,
				      .message = why->message };

	return is_fatal(why) ? fail_again(err, why) : s->visit(s->context, &told, err);
}

static enum wm_code tell_passed(const struct scan *s, const char *path, const char *why,
				struct wm_error *err)
{
	const struct scanned told = { .kind = SCANNED_PASSED, .place = path, .message = why };

	return s->visit(s->context, &told, err);
}

/* --- measuring --------------------------------------------------------------------------- */

static struct measure_file as_measured(struct item *i)
{
	return (struct measure_file){
		.view = { i->fd, i->path, i->layout.pieces, i->layout.n_pieces, i->layout.zone.to,
			  i->layout.slot_len, i->layout.size },
		.segments = i->layout.segments,
		.n_segments = i->layout.n_segments,
		.sha256 = i->sha256,
	};
}

static enum wm_code parse_raw(struct layout *out, int fd, uint64_t size, const char *name,
			      struct wm_error *err)
{
	const struct window w = { .fd = fd, .size = size, .name = name };
	struct layout l = LAYOUT_INIT;
	const enum wm_code code = format_raw.parse(&l, &w, err);

	if (code != WM_OK)
		layout_release(&l);
	else
		*out = l;
	return code;
}

/* The SHA-256 of all bytes, slot included. */
static enum wm_code measure_whole(uint8_t out[SHA256_BYTES], const struct item *i,
				  const struct scan *s, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct measure_file f;

	TRY(parse_raw(&l, i->fd, (uint64_t)i->opened.st_size, i->path, err));
	f = (struct measure_file){ .view = { .fd = i->fd, .name = i->path, .size = l.size },
				   .segments = l.segments,
				   .n_segments = l.n_segments,
				   .sha256 = out };
	return measure(&(struct measure){ &f, 1, s->workers, s->progress }, err);
}

static void take_better(struct taint_answer *best, const struct scan *s,
			const uint8_t digest[SHA256_BYTES])
{
	const struct taint_answer a = taint_find(s->taints, digest);

	if (taint_counts_before(&a, best))
		*best = a;
}

static enum wm_code find_weights(struct taint_answer *best, const struct item *i,
				 const struct scan *s, struct wm_error *err)
{
	const struct layout *l = &i->layout;
	uint8_t digest[SHA256_BYTES];

	if (!l->has_tensors || l->n_externals > 0 || gather_wanted(l))
		return WM_OK;
	TRY(digest_weights(digest, &l, 1, i->path, err));
	take_better(best, s, digest);
	TRY(digest_tensor_set(digest, &l, 1, err));
	take_better(best, s, digest);
	return WM_OK;
}

static enum wm_code answer(struct scanned *out, const struct item *i, const struct scan *s,
			   struct wm_error *err)
{
	uint8_t whole[SHA256_BYTES];
	struct stat now;

	*out = (struct scanned){ .place = i->path, .has_size = true, .has_sha256 = true,
				 .size = (uint64_t)i->opened.st_size };
	memcpy(out->sha256, i->sha256, SHA256_BYTES);
	out->answer = taint_find(s->taints, i->sha256);
	TRY(find_weights(&out->answer, i, s, err));
	TRY(scan_data(out, s, i->sha256, err));
	if (out->answer.state == TAINT_UNKNOWN && i->layout.slot_len > 0) {
		TRY(measure_whole(whole, i, s, err));
		take_better(&out->answer, s, whole);
		TRY(scan_data(out, s, whole, err));
	}
	if (out->answer.state == TAINT_UNKNOWN)
		TRY(scan_record_file(out, s, i->path, err));
	if (fstat(i->fd, &now) < 0 || !file_unchanged(&i->opened, &now))
		return fail(err, REASON_FILE_CHANGED, "%s: changed while it was read", i->path);
	return WM_OK;
}

static enum wm_code tell(const struct item *i, const struct scan *s, struct wm_error *err)
{
	struct wm_error why = { 0 };
	struct scanned told;

	if (answer(&told, i, s, &why) != WM_OK)
		return tell_failed(s, i->path, &why, err);
	return s->visit(s->context, &told, err);
}

/* Reads one file after another, to find out which of them cannot be read. */
static enum wm_code flush_singly(struct batch *b, struct wm_error *err)
{
	const struct scan *s = b->scan;

	for (size_t i = 0; i < b->n; i++) {
		struct measure_file f = as_measured(&b->items[i]);
		struct wm_error why = { 0 };

		if (measure(&(struct measure){ &f, 1, s->workers, s->progress }, &why) != WM_OK)
			TRY(tell_failed(s, b->items[i].path, &why, err));
		else
			TRY(tell(&b->items[i], s, err));
	}
	return WM_OK;
}

static enum wm_code flush(struct batch *b, struct wm_error *err)
{
	const struct scan *s = b->scan;
	struct measure_file files[BATCH];
	struct wm_error why = { 0 };

	for (size_t i = 0; i < b->n; i++)
		files[i] = as_measured(&b->items[i]);
	if (measure(&(struct measure){ files, b->n, s->workers, s->progress }, &why) != WM_OK) {
		if (is_fatal(&why))
			return fail_again(err, &why);
		TRY(flush_singly(b, err));
	} else {
		for (size_t i = 0; i < b->n; i++)
			TRY(tell(&b->items[i], s, err));
	}
	batch_clear(b);
	return WM_OK;
}

/* --- one file ---------------------------------------------------------------------------- */

/* What is known without measuring: nothing of an empty file, a pointer's word, a sidecar. */
static enum wm_code look_small(bool *done, const struct item *i, const struct scan *s,
			       struct wm_error *err)
{
	struct scanned told = { .place = i->path, .has_size = true, .has_sha256 = true };
	const uint64_t size = (uint64_t)i->opened.st_size;
	uint8_t start[POINTER_BYTES];
	struct pointer pointer;

	*done = true;
	if (size == 0) {
		TRY(sha256_of(told.sha256, "", 0, err));
		told.answer = taint_find(s->taints, told.sha256);
		TRY(scan_data(&told, s, told.sha256, err));
		return s->visit(s->context, &told, err);
	}
	TRY(file_read_at(i->fd, start, size < sizeof(start) ? size : sizeof(start), 0, i->path,
			 err));
	if (size >= SIDECAR_START && file_has_suffix(i->path, SIDECAR_SUFFIX) &&
	    sidecar_begins(start))
		return tell_passed(s, i->path, "a sidecar", err);
	if (size < sizeof(start) && pointer_read(&pointer, start, size)) {
		told.is_pointer = true;
		told.size = pointer.size;
		memcpy(told.sha256, pointer.sha256, SHA256_BYTES);
		told.answer = taint_find(s->taints, told.sha256);
		TRY(scan_data(&told, s, told.sha256, err));
		return s->visit(s->context, &told, err);
	}
	*done = false;
	return WM_OK;
}

static enum wm_code open_item(struct item *i, const char *path, bool follow, struct wm_error *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW);

	i->path = strdup(path);
	if (!i->path)
		return fail_nomem(err);
	i->fd = open(path, flags);
	if (i->fd < 0 || fstat(i->fd, &i->opened) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(i->opened.st_mode))
		return fail(err, REASON_NOT_A_FILE, "%s: is no regular file any more", path);
	return WM_OK;
}

/* A file that claims a format and breaks its grammar is bytes all the same. */
static enum wm_code parse_item(struct item *i, struct wm_error *err)
{
	const uint64_t size = (uint64_t)i->opened.st_size;
	struct wm_error why = { 0 };

	if (format_parse(&i->layout, i->fd, size, i->path, &why) == WM_OK)
		return WM_OK;
	if (is_fatal(&why) || error_reason(&why) == REASON_READ_FAILED)
		return fail_again(err, &why);
	return parse_raw(&i->layout, i->fd, size, i->path, err);
}

static enum wm_code prepare(bool *done, struct item *i, const char *path, bool follow,
			    const struct scan *s, struct wm_error *err)
{
	TRY(open_item(i, path, follow, err));
	TRY(look_small(done, i, s, err));
	return *done ? WM_OK : parse_item(i, err);
}

static enum wm_code add_file(struct batch *b, const char *path, bool follow, struct wm_error *err)
{
	struct item i = { .fd = -1, .layout = LAYOUT_INIT };
	struct wm_error why = { 0 };
	bool done = false;
	const enum wm_code code = prepare(&done, &i, path, follow, b->scan, &why);

	if (code == WM_OK && !done) {
		b->memory += i.layout.arena.used + i.layout.head.len;
		b->items[b->n++] = i;
		return b->n == BATCH || b->memory > BATCH_MEMORY ? flush(b, err) : WM_OK;
	}
	item_release(&i);
	if (code == WM_OK)
		return WM_OK;
	/* Where it was told, the visitor has failed, and that ends the scan. */
	return done ? fail_again(err, &why) : tell_failed(b->scan, path, &why, err);
}

/* --- folders ----------------------------------------------------------------------------- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void close_walk(FTS **walk)
{
	if (*walk)
		fts_close(*walk);
}

static enum wm_code tell_errno(const struct scan *s, const FTSENT *e, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (fail(&why, REASON_READ_FAILED, "%s", strerror(e->fts_errno)) == WM_OK)
		return WM_OK;
	return tell_failed(s, e->fts_path, &why, err);
}

static enum wm_code visit(struct batch *b, FTS *walk, FTSENT *e, struct wm_error *err)
{
	const struct scan *s = b->scan;
	struct wm_error why = { 0 };

	switch (e->fts_info) {
	case FTS_F:
		return add_file(b, e->fts_path, e->fts_level == FTS_ROOTLEVEL, err);
	case FTS_SL:
	case FTS_SLNONE:
		return tell_passed(s, e->fts_path, "a symbolic link", err);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return tell_errno(s, e, err);
	case FTS_DC:
		return tell_passed(s, e->fts_path, "a directory within itself", err);
	case FTS_DEFAULT:
		return tell_passed(s, e->fts_path, "no regular file", err);
	case FTS_D:
		if (e->fts_level <= LIMIT_SCAN_DEPTH)
			return WM_OK;
		fts_set(walk, e, FTS_SKIP);
		if (fail(&why, REASON_LIMIT, "directories are nested deeper than %d",
			 LIMIT_SCAN_DEPTH) == WM_OK)
			return WM_OK;
		return tell_failed(s, e->fts_path, &why, err);
	default:
		return WM_OK;
	}
}

static enum wm_code walk_all(struct batch *b, const char *path, struct wm_error *err)
{
	cleanup_free char *copy = strdup(path);
	__attribute__((cleanup(close_walk))) FTS *walk = NULL;
	char *roots[] = { copy, NULL };

	if (!copy)
		return fail_nomem(err);
	walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!walk)
		return fail_nomem(err);
	for (;;) {
		FTSENT *e;

		errno = 0;
		e = fts_read(walk);
		if (!e && errno)
			return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
		if (!e)
			return flush(b, err);
		TRY(visit(b, walk, e, err));
	}
}

enum wm_code scan_path(const struct scan *s, const char *path, struct wm_error *err)
{
	cleanup_free struct batch *b = calloc(1, sizeof(*b));
	enum wm_code code;

	if (!b)
		return fail_nomem(err);
	if (!file_exists(path))
		return fail(err, REASON_NOT_FOUND, "%s: there is nothing of that name", path);
	b->scan = s;
	code = walk_all(b, path, err);
	batch_clear(b);
	return code;
}

/* --- lists ------------------------------------------------------------------------------- */

struct listing {
	const struct scan *scan;
	struct buf place;
};

static enum wm_code look_up(void *context, const struct listed_copy *row, struct wm_error *err)
{
	struct listing *l = context;
	struct scanned told = { .place = row->key, .has_size = row->has_size, .size = row->size,
				.has_sha256 = row->has_sha256, .message = row->why };

	if (row->bucket) {
		buf_truncate(&l->place, 0);
		TRY(buf_printf(&l->place, err, "%s/%s", row->bucket, row->key));
		told.place = buf_str(&l->place);
	}
	told.answer = (struct taint_answer){ TAINT_UNKNOWN, GRAPH_NONE, 0, 0 };
	if (row->has_sha256) {
		memcpy(told.sha256, row->sha256, SHA256_BYTES);
		told.answer = taint_find(l->scan->taints, row->sha256);
		TRY(scan_data(&told, l->scan, row->sha256, err));
	}
	progress_add(l->scan->progress, strlen(row->key) + 1);
	return l->scan->visit(l->scan->context, &told, err);
}

enum wm_code scan_list(const struct scan *s, const char *path, enum scan_list form,
		       struct wm_error *err)
{
	struct listing l = { s, BUF_INIT(LIMIT_TABLE_ROW + 1) };
	const enum wm_code code = form == SCAN_INVENTORY ? inventory_read(path, look_up, &l, err) :
							   sums_read(path, look_up, &l, err);

	buf_release(&l.place);
	return code;
}
