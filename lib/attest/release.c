/* SPDX-License-Identifier: Apache-2.0 */
/* Composing a release from the bytes as they lie there. */
#include "attest/release.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "util/cleanup.h"
#include "util/file.h"

static const char suffix[] = "+release";

/*
 * A file with a slot: its segments as they lie in it, of which one stands for the zone and the
 * slot, and its SHA-256.
 */
struct physical {
	struct segment *segments;
	size_t n_segments;
	size_t zone;	 /* the one that stands for zone and slot */
	size_t n_zone; /* segments of the layout that the zone has */
	uint8_t sha256[SHA256_BYTES];
};

static void physical_free(struct physical *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free(list[i].segments);
	free(list);
}

static bool in_zone(const struct layout *l, const struct segment *s)
{
	return s->off >= l->zone.from && s->off < l->zone.to;
}

static enum wm_code physical_segments(struct physical *p, const struct layout *l,
				      struct wm_error *err)
{
	size_t at = 0;

	p->segments = calloc(l->n_segments + 1, sizeof(*p->segments));
	if (!p->segments)
		return fail_nomem(err);
	while (at < l->n_segments && l->segments[at].off < l->zone.from)
		p->segments[p->n_segments++] = l->segments[at++];
	p->zone = p->n_segments;
	p->segments[p->n_segments++] = (struct segment){ .off = l->zone.from,
							 .len = layout_zone_len(l) };
	for (; at < l->n_segments && in_zone(l, &l->segments[at]); at++)
		p->n_zone++;
	for (; at < l->n_segments; at++) {
		struct segment s = l->segments[at];

		s.off += l->slot_len;
		p->segments[p->n_segments++] = s;
	}
	return WM_OK;
}

/* A file without a slot is not read again: it must be the one that was measured. */
static enum wm_code check_untouched(const struct checkpoint_file *f,
				    const struct checkpoint *before, struct wm_error *err)
{
	const struct checkpoint_file *old = checkpoint_find_file(before, f->path);

	if (old && !file_unchanged(&old->opened, &f->opened))
		return fail(err, REASON_FILE_CHANGED, "%s: was modified after it was measured",
			    f->place);
	return WM_OK;
}

static enum wm_code same_zone(bool *same, const struct layout *a, const struct layout *b,
			      struct wm_error *err)
{
	cleanup_buf struct buf x = BUF_INIT(SIZE_MAX), y = BUF_INIT(SIZE_MAX);

	TRY(layout_append_zone(&x, a, err));
	TRY(layout_append_zone(&y, b, err));
	*same = a->size == b->size && a->n_segments == b->n_segments &&
		a->zone.from == b->zone.from && x.len == y.len &&
		(x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
	return WM_OK;
}

/* Fails unless the file is, but for its slot, the one that was measured. */
static enum wm_code check_same(const struct physical *p, const struct checkpoint_file *f,
			       const struct checkpoint *before, struct wm_error *err)
{
	const struct checkpoint_file *then = checkpoint_find_file(before, f->path);
	bool same = false;

	if (then)
		TRY(same_zone(&same, &then->layout, &f->layout, err));
	for (size_t i = 0; same && i < p->n_segments; i++) {
		/* Behind the zone the layout has another number of segments before. */
		size_t k = i < p->zone ? i : i + p->n_zone - 1;

		same = i == p->zone || memcmp(then->layout.segments[k].digest,
					      p->segments[i].digest, SHA256_BYTES) == 0;
	}
	return same ? WM_OK :
		      fail(err, REASON_FILE_MISMATCH,
			   "%s: is another file than the one that was measured", f->place);
}

static enum wm_code read_slotted(struct physical *list, struct checkpoint *c,
				 const struct release_options *o, struct wm_error *err)
{
	cleanup_free struct measure_file *files = calloc(c->n_files + 1, sizeof(*files));
	struct measure m = { files, 0, o->workers, o->progress };
	uint64_t size = 0;

	if (!files)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];
		uint64_t len = f->layout.size + f->layout.slot_len;

		if (f->layout.slot_len == 0)
			continue;
		TRY(physical_segments(&list[i], &f->layout, err));
		files[m.n_files++] = (struct measure_file){
			.view = { .fd = f->fd, .name = f->place, .size = len },
			.segments = list[i].segments,
			.n_segments = list[i].n_segments,
			.sha256 = list[i].sha256,
		};
		size += len;
	}
	if (o->progress)
		o->progress->total = o->progress->done + size;
	TRY(measure(&m, err));
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].layout.slot_len > 0) {
			TRY(checkpoint_check_unchanged(&c->files[i], err));
			TRY(check_same(&list[i], &c->files[i], o->before, err));
		} else {
			TRY(check_untouched(&c->files[i], o->before, err));
		}
	return WM_OK;
}

static enum wm_code make_file(Weightmark__V1__ReleasedFile **out, struct composition *c,
			      const struct checkpoint_file *f, const struct physical *p,
			      const Weightmark__V1__File *record, struct wm_error *err)
{
	const uint8_t *sha256 = record->sha256->sha256.data;
	uint64_t size = record->size;
	ProtobufCMessage *m = NULL;

	if (f->is_pointer) { /* what it points to is what is distributed */
		sha256 = f->pointer.sha256;
		size = f->pointer.size;
	} else if (f->layout.size != record->size) {
		return fail(err, REASON_FILE_MISMATCH,
			    "%s: is another file than the one that was measured", f->place);
	} else if (f->layout.slot_len > 0) {
		sha256 = p->sha256;
		size = f->layout.size + f->layout.slot_len;
	}
	TRY(message_new(&m, &weightmark__v1__released_file__descriptor, &c->arena, err));
	*out = (Weightmark__V1__ReleasedFile *)m;
	(*out)->has_size = 1;
	(*out)->size = size;
	TRY(arena_copy(&(*out)->path, &c->arena, f->path, strlen(f->path), err));
	return compose_digest(&(*out)->sha256, c, sha256, err);
}

static enum wm_code fill_files(Weightmark__V1__Release *r, struct composition *c,
			       const struct checkpoint *now, const struct physical *list,
			       const Weightmark__V1__Checkpoint *record, struct wm_error *err)
{
	void *files = NULL;

	if (now->n_files != record->n_file)
		return fail(err, REASON_FILE_CHANGED, "%s: had %zu files, has %zu", now->path,
			    record->n_file, now->n_files);
	TRY(arena_alloc(&files, &c->arena, now->n_files * sizeof(*r->file), err));
	r->file = files;
	for (size_t i = 0; i < now->n_files; i++) {
		if (strcmp(now->files[i].path, record->file[i]->path) != 0)
			return fail(err, REASON_FILE_CHANGED, "%s: was not there before",
				    now->files[i].place);
		TRY(make_file(&r->file[i], c, &now->files[i], &list[i], record->file[i], err));
		r->n_file++;
	}
	return WM_OK;
}

/* The same release on another day is the same; so it is where nobody says anew from where. */
static void keep_day_and_place(Weightmark__V1__Release *r, const Weightmark__V1__Release *old,
			       const char *uri)
{
	bool same = old && r->n_file == old->n_file && old->checkpoint->statement &&
		    memcmp(r->checkpoint->statement->sha256.data,
			   old->checkpoint->statement->sha256.data, SHA256_BYTES) == 0 &&
		    (!uri || (old->uri && strcmp(uri, old->uri) == 0));

	for (size_t i = 0; same && i < r->n_file; i++)
		same = strcmp(r->file[i]->path, old->file[i]->path) == 0 &&
		       r->file[i]->size == old->file[i]->size &&
		       memcmp(r->file[i]->sha256->sha256.data, old->file[i]->sha256->sha256.data,
			      SHA256_BYTES) == 0;
	if (!same)
		return;
	r->date = old->date;
	r->uri = old->uri;
}

static enum wm_code fill_rest(Weightmark__V1__Release *r, struct composition *c,
			      const struct release_options *o, struct wm_error *err)
{
	const char *local = composed_local_id(o->manifest->object);
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	ProtobufCMessage *date = NULL;
	const struct prior *old;

	TRY(compose_reference(&r->checkpoint, c, o->manifest->object, o->manifest->id, err));
	TRY(buf_printf(&id, err, "%.*s%s", (int)(LIMIT_ID - (sizeof(suffix) - 1)), local, suffix));
	TRY(compose_header(c, &c->statements[0], buf_str(&id), err));
	TRY(message_new(&date, &weightmark__v1__date__descriptor, &c->arena, err));
	r->date = (Weightmark__V1__Date *)date;
	r->date->days = (int32_t)(c->now / SECONDS_A_DAY);
	if (o->uri)
		TRY(arena_copy(&r->uri, &c->arena, o->uri, strlen(o->uri), err));
	old = priors_newest(o->priors, c->statements[0].kind, c->statements[0].object);
	if (old)
		keep_day_and_place(r, (const Weightmark__V1__Release *)old->statement->message,
				   o->uri);
	return WM_OK;
}

enum wm_code release_compose(struct composition *out, struct checkpoint *now,
			     const struct release_options *options, struct wm_error *err)
{
	struct physical *list = calloc(now->n_files + 1, sizeof(*list));
	ProtobufCMessage *m = NULL;
	enum wm_code code;

	if (!list)
		return fail_nomem(err);
	code = compose_one(&m, out, &weightmark__v1__release__descriptor, err);
	if (code == WM_OK)
		code = read_slotted(list, now, options, err);
	if (code == WM_OK)
		code = fill_files((Weightmark__V1__Release *)m, out, now, list, options->record,
				  err);
	physical_free(list, now->n_files);
	TRY(code);
	return fill_rest((Weightmark__V1__Release *)m, out, options, err);
}
