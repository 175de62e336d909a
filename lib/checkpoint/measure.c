/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring the files of a checkpoint, then its parts. */
#include <errno.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/digests.h"
#include "checkpoint/gather.h"
#include "util/file.h"
#include "util/lease.h"

enum wm_code checkpoint_check_unchanged(struct checkpoint_file *f, struct wm_error *err)
{
	struct stat now;

	if (fstat(f->fd, &now) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", f->place, strerror(errno));
	if (now.st_size != f->opened.st_size)
		return fail(err, REASON_FILE_CHANGED, "%s: had %lld bytes, has %lld", f->place,
			    (long long)f->opened.st_size, (long long)now.st_size);
	if (!file_unchanged(&f->opened, &now))
		return fail(err, REASON_FILE_CHANGED, "%s: was modified after it was opened",
			    f->place);
	if (f->writers_excluded && !lease_held(f->fd)) {
		f->writers_excluded = false;
		return fail(err, REASON_FILE_CHANGED, "%s: another process opened it for writing",
			    f->place);
	}
	return WM_OK;
}

/* The files that are to be read, as the digest engine takes them. */
struct batch {
	struct measure_file *list;
	struct checkpoint_file **files; /* of the list */
	size_t n;
	uint64_t size;
};

static void batch_release(struct batch *b)
{
	free(b->list);
	free(b->files);
}

static enum wm_code batch_fill(struct batch *b, struct checkpoint *c,
			       const struct checkpoint_measure_options *o, struct wm_error *err)
{
	b->list = calloc(c->n_files + 1, sizeof(*b->list));
	b->files = calloc(c->n_files + 1, sizeof(*b->files));
	if (!b->list || !b->files)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_files; i++) {
		struct checkpoint_file *f = &c->files[i];

		if (f->measured || (o->wanted && !o->wanted(f, o->context)))
			continue;
		TRY(checkpoint_check_unchanged(f, err));
		b->size += f->layout.size;
		b->files[b->n] = f;
		b->list[b->n++] = (struct measure_file){
			.view = { f->fd, f->place, f->layout.pieces, f->layout.n_pieces,
				  f->layout.zone.to, f->layout.slot_len, f->layout.size },
			.segments = f->layout.segments,
			.n_segments = f->layout.n_segments,
			.sha256 = o->sha256 ? f->sha256 : NULL,
		};
	}
	return WM_OK;
}

bool file_has_slot(const struct checkpoint_file *f, const void *unused)
{
	(void)unused;
	return f->layout.slot_len > 0;
}

static enum wm_code count(struct checkpoint_part *p, const struct checkpoint *c,
			  struct wm_error *err)
{
	uint64_t n, sum = 0, bytes = 0, tensors = 0;

	for (size_t i = 0; i < p->n_files; i++) {
		const struct checkpoint_file *f = &c->files[p->files[i]];

		TRY(layout_count_elements(&n, &f->layout, f->place, err));
		if (__builtin_add_overflow(sum, n, &sum))
			return fail(err, REASON_LIMIT, "%s: more parameters than 64 bits count",
				    p->name);
		tensors += f->layout.n_tensors;
		for (size_t j = 0; j < f->layout.n_tensors; j++)
			bytes += f->layout.tensors[j].len; /* they tile files: no overflow */
	}
	p->n_tensors = tensors;
	p->n_parameters = sum;
	p->n_tensor_bytes = bytes;
	return WM_OK;
}

static enum wm_code list_in_arena(struct checkpoint_part *p, struct arena *a,
				  const struct layout *const *layouts, struct wm_error *err)
{
	cleanup_free struct listed_tensor *list = NULL;
	char *copy = NULL;
	size_t n = 0;

	TRY(list_tensors(&list, &n, layouts, p->n_files, err));
	TRY(arena_copy(&copy, a, list, n * sizeof(*list), err));
	p->listed = (const void *)copy;
	p->n_listed = n;
	return WM_OK;
}

static enum wm_code measure_part(struct checkpoint_part *p, struct checkpoint *c,
				 struct wm_error *err)
{
	cleanup_free const struct layout **layouts = calloc(p->n_files + 1, sizeof(*layouts));
	bool tensors = true, ungathered = false;

	if (!layouts)
		return fail_nomem(err);
	for (size_t i = 0; i < p->n_files; i++) {
		const struct checkpoint_file *f = &c->files[p->files[i]];

		if (!f->measured)
			return WM_OK;
		tensors &= f->layout.has_tensors;
		ungathered |= gather_wanted(&f->layout);
		layouts[i] = &f->layout;
	}
	p->measured = true;
	p->ungathered = tensors && ungathered;
	if (!tensors || ungathered)
		return WM_OK;
	TRY(count(p, c, err));
	TRY(digest_weights(p->weights_digest, layouts, p->n_files, p->name, err));
	TRY(digest_tensor_set(p->tensor_set_digest, layouts, p->n_files, err));
	TRY(list_in_arena(p, &c->arena, layouts, err));
	p->has_weights = true;
	return WM_OK;
}

static enum wm_code measure_files(struct checkpoint *c, struct batch *b,
				  const struct checkpoint_measure_options *o, struct wm_error *err)
{
	uint64_t gathered = 0;
	struct measure m;

	TRY(batch_fill(b, c, o, err));
	for (size_t i = 0; o->gather && i < c->n_files; i++)
		gathered += gather_size(&c->files[i].layout);
	if (o->progress)
		o->progress->total = b->size + gathered;
	m = (struct measure){ b->list, b->n, o->workers, o->progress };
	TRY(measure(&m, err));
	for (size_t i = 0; i < b->n; i++) {
		struct checkpoint_file *f = b->files[i];

		TRY(digest_file(f->file_digest, &f->layout, err));
		f->has_sha256 = o->sha256;
		f->measured = true;
	}
	for (size_t i = 0; i < c->n_files; i++) {
		struct checkpoint_file *f = &c->files[i];

		if (!f->measured)
			continue;
		if (o->gather)
			TRY(gather_tensors(&f->layout, f->fd, f->place, o->progress, err));
		TRY(checkpoint_check_unchanged(f, err));
	}
	return WM_OK;
}

enum wm_code checkpoint_measure(struct checkpoint *c,
				const struct checkpoint_measure_options *options,
				struct wm_error *err)
{
	struct batch b = { 0 };
	enum wm_code code = measure_files(c, &b, options, err);

	batch_release(&b);
	TRY(code);
	for (size_t i = 0; i < c->n_parts; i++)
		if (part_is_whole(c, &c->parts[i]))
			TRY(measure_part(&c->parts[i], c, err));
	return WM_OK;
}
