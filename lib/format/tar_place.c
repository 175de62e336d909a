/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of the members of tar files, as those of the archive. */
#include <stdlib.h>
#include <string.h>

#include "format/place.h"
#include "format/tar_layout.h"
#include "util/cleanup.h"

enum { COPY_BYTES = 65536 };

/* Where a tensor comes from that is no run of the file. */
struct source {
	const struct layout *inner; /* of its member, */
	const struct tensor *t;	    /* which knows it by this, and */
	uint64_t off, size;	    /* lies here */
	const char *name;
};

/* The tensors as they become the archive's. */
struct taking {
	struct layout *l;
	uint64_t *offs; /* where each stands: format/place.h */
	bool runs;	/* else none of them is a run of the file */
	bool prefixed;	/* names are "MEMBER/NAME", since several members have tensors */
	size_t names_len;
	const char *name; /* of the archive, for messages */
};

/* Counts the tensors, and the members that have some. */
static enum wm_code count(const struct tar_archive *a, size_t *n_tensors, size_t *n_with,
			  struct wm_error *err)
{
	const struct layout *l = a->t.l;

	for (size_t i = 0; i < l->n_members; i++) {
		const struct layout *inner = &l->members[i];

		if (inner->n_tensors > LIMIT_TENSORS - *n_tensors)
			return fail(err, REASON_LIMIT, "%s: more than %d tensors", a->t.w.name,
				    LIMIT_TENSORS);
		*n_tensors += inner->n_tensors;
		*n_with += inner->n_tensors > 0;
	}
	return WM_OK;
}

/* --- tensors ------------------------------------------------------------------------- */

static enum wm_code take_name(struct taking *k, struct tensor *t, const struct tar_entry *e,
			      struct wm_error *err)
{
	const size_t prefix = strlen(e->m.name), len = prefix + 1 + t->name_len;
	void *memory = NULL;
	char *text;

	if (len > LIMIT_NAME || len > LIMIT_HEADER - k->names_len)
		return fail(err, REASON_LIMIT,
			    "%s: names of tensors in '%s' that are too long, or too many", k->name,
			    e->m.name);
	TRY(arena_alloc(&memory, &k->l->arena, len + 1, err));
	text = memory;
	memcpy(text, e->m.name, prefix);
	text[prefix] = '/';
	memcpy(text + prefix + 1, t->name, t->name_len);
	k->names_len += len;
	t->name = text;
	t->name_len = len;
	return WM_OK;
}

static enum wm_code take_source(struct tensor *t, struct layout *l, const struct tar_entry *e,
				const struct tensor *own, struct wm_error *err)
{
	void *memory = NULL;

	TRY(arena_alloc(&memory, &l->arena, sizeof(struct source), err));
	*(struct source *)memory = (struct source){ &l->members[e->layout], own, e->m.off,
						    e->m.size, e->m.name };
	t->source = memory;
	return WM_OK;
}

/* Where a tensor of a member is a run of the archive, or PLACE_NONE. */
static uint64_t place_of(const struct tensor *t, const struct layout *inner,
			 const struct tar_entry *e)
{
	if (t->segment == SIZE_MAX)
		return PLACE_NONE;
	return e->m.off + layout_file_off(inner, inner->segments[t->segment].off);
}

static enum wm_code take_tensor(struct taking *k, const struct tensor *own,
				const struct tar_entry *e, struct wm_error *err)
{
	struct tensor *t = &k->l->tensors[k->l->n_tensors];
	uint64_t *off = &k->offs[k->l->n_tensors];

	*t = *own;
	t->source = NULL;
	t->segment = SIZE_MAX;
	*off = k->runs ? place_of(own, &k->l->members[e->layout], e) : PLACE_NONE;
	if (k->prefixed)
		TRY(take_name(k, t, e, err));
	if (*off == PLACE_NONE && t->len > 0)
		TRY(take_source(t, k->l, e, own, err));
	k->l->n_tensors++;
	return WM_OK;
}

/* Frees what the archive's own layout has now, unless tensors are still gathered by it. */
static void drop(struct layout *inner)
{
	for (size_t i = 0; i < inner->n_tensors; i++)
		if (inner->tensors[i].source)
			return;
	free(inner->segments);
	free(inner->tensors);
	free(inner->by_name);
	inner->segments = NULL;
	inner->tensors = NULL;
	inner->by_name = NULL;
	inner->n_segments = inner->n_tensors = 0;
}

static enum wm_code take_tensors(struct taking *k, const struct tar_archive *a,
				 struct wm_error *err)
{
	for (size_t i = 0; i < a->own->n_entries; i++) {
		const struct tar_entry *e = &a->entries[i];
		struct layout *inner;

		if (e->layout == SIZE_MAX)
			continue;
		inner = &k->l->members[e->layout];
		k->l->has_tensors |= inner->has_tensors;
		for (size_t j = 0; j < inner->n_tensors; j++)
			TRY(take_tensor(k, &inner->tensors[j], e, err));
		if (k->runs)
			drop(inner);
	}
	return WM_OK;
}

static enum wm_code list_checked(struct tar_archive *a, struct wm_error *err)
{
	struct tar_own *own = a->own;
	void *memory = NULL;

	TRY(arena_alloc(&memory, &a->t.l->arena, (a->t.l->n_members + 1) * sizeof(*own->checked),
			err));
	own->checked = memory;
	for (size_t i = 0; i < own->n_entries; i++) {
		const struct tar_entry *e = &a->entries[i];
		const struct layout *inner;

		if (e->layout == SIZE_MAX)
			continue;
		inner = &a->t.l->members[e->layout];
		if (inner->format->check)
			own->checked[own->n_checked++] = (struct tar_checked){
				inner, e->m.off, e->m.size, e->m.name
			};
	}
	return WM_OK;
}

enum wm_code tar_check(const struct layout *l, const struct window *w, struct wm_error *err)
{
	const struct tar_own *own = l->own;

	for (size_t i = 0; i < own->n_checked; i++) {
		const struct tar_checked *c = &own->checked[i];
		const struct window member = { .fd = w->fd, .off = w->off + c->off,
					       .size = c->size, .name = c->name };
		enum wm_code code = c->inner->format->check(c->inner, &member, err);

		if (code != WM_OK)
			return fail_context(code, err, "%s", w->name);
	}
	return WM_OK;
}

enum wm_code tar_place(struct tar_archive *a, bool segments, struct wm_error *err)
{
	cleanup_free uint64_t *offs = NULL;
	struct layout *l = a->t.l;
	struct taking k;
	size_t n_tensors = 0, n_with = 0;

	TRY(count(a, &n_tensors, &n_with, err));
	l->tensors = calloc(n_tensors + 1, sizeof(*l->tensors));
	offs = calloc(n_tensors + 1, sizeof(*offs));
	if (!l->tensors || !offs)
		return fail_nomem(err);
	for (size_t i = 0; n_with == 1 && i < l->n_members; i++)
		if (l->members[i].n_tensors > 0)
			l->metadata.root = l->members[i].metadata.root;
	k = (struct taking){ l, offs, segments, n_with > 1, 0, a->t.w.name };
	TRY(take_tensors(&k, a, err));
	TRY(place_segments(l, offs, err));
	TRY(list_checked(a, err));
	return layout_sort_names(l, REASON_TAR_DUPLICATE, a->t.w.name, err);
}

/* --- gathering ----------------------------------------------------------------------- */

/* The stream of a compressed archive, which begins anew for the first tensor. */
static enum wm_code reopen(struct tar_own *own, const struct window *w, struct wm_error *err)
{
	if (!own->stream || own->stream_fd == w->fd)
		return WM_OK;
	TRY(inflate_restart(own->stream, w, err));
	own->stream_fd = w->fd;
	return WM_OK;
}

static enum wm_code gather(const struct source *s, const struct window *member,
			   const struct sink *sink, struct wm_error *err)
{
	uint8_t bytes[COPY_BYTES];
	uint64_t off;

	if (s->t->segment == SIZE_MAX)
		return s->inner->format->gather(s->inner, s->t, member, sink, err);
	off = layout_file_off(s->inner, s->inner->segments[s->t->segment].off);
	for (uint64_t left = s->t->len; left > 0;) {
		const size_t n = left < COPY_BYTES ? (size_t)left : COPY_BYTES;

		TRY(window_read(member, bytes, n, off, err));
		TRY(sink->take(sink->context, bytes, n, err));
		off += n;
		left -= n;
	}
	return WM_OK;
}

enum wm_code tar_gather(const struct layout *l, const struct tensor *t, const struct window *w,
			const struct sink *sink, struct wm_error *err)
{
	const struct source *s = t->source;
	struct tar_own *own = l->own;
	const struct window member = { w->fd, (own->stream ? 0 : w->off) + s->off, s->size,
				       s->name, own->stream, w->kept };
	enum wm_code code;

	TRY(reopen(own, w, err));
	code = gather(s, &member, sink, err);
	if (code != WM_OK)
		own->stream_fd = -1; /* a stream that failed begins anew */
	return code;
}
