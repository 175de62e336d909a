/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over what a carried manifest says. */
#include "attest/amend.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "util/cleanup.h"

enum wm_code compose_carried(struct composition *out, const struct statement *carried,
			     const char *name, const char *issuer, int64_t now,
			     struct wm_error *err)
{
	cleanup_composition struct composition c = {
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.issuer = issuer,
		.now = now,
		.name = name,
		.reason = REASON_STATEMENT_INVALID,
	};
	ProtobufCMessage *m = NULL, *header = NULL;
	Weightmark__V1__Header *h;

	if (carried->newer_schema)
		return fail(err, REASON_NEWER_SCHEMA,
			    "%s: the manifest was signed by a newer weightmark", name);
	TRY(compose_one(&m, &c, carried->kind->descriptor, err));
	TRY(message_new(&header, carried->header->base.descriptor, &c.arena, err));
	c.manifest = (Weightmark__V1__Manifest *)m;
	*c.manifest = *(const Weightmark__V1__Manifest *)carried->message;
	c.manifest->checkpoint = NULL;
	h = (Weightmark__V1__Header *)header;
	*h = *carried->header;
	h->previous = NULL;
	h->reason = NULL;
	if (h->as_of->seconds == h->issued_at->seconds)
		h->as_of = NULL;
	c.manifest->header = h;
	TRY(compose_header(&c, &c.statements[0], composed_local_id(h->object->text), err));
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}

/* Whether `c` has a part of these very weights. */
static bool has_weights(const Weightmark__V1__Checkpoint *c, const Weightmark__V1__Digest *weights)
{
	for (size_t i = 0; i < c->n_part; i++)
		if (c->part[i]->weights_digest &&
		    memcmp(c->part[i]->weights_digest->sha256.data, weights->sha256.data,
			   SHA256_BYTES) == 0)
			return true;
	return false;
}

/* The first part of `a` whose weights `b` has not, or NULL; counts those with weights. */
static const Weightmark__V1__Part *first_other(size_t *n, const Weightmark__V1__Checkpoint *a,
					       const Weightmark__V1__Checkpoint *b)
{
	const Weightmark__V1__Part *first = NULL;

	*n = 0;
	for (size_t i = 0; i < a->n_part; i++) {
		if (!a->part[i]->weights_digest)
			continue;
		++*n;
		if (!first && !has_weights(b, a->part[i]->weights_digest))
			first = a->part[i];
	}
	return first;
}

/* Where tensors cannot be told apart: whether a file to load is what it was. */
static bool share_a_file(const Weightmark__V1__Checkpoint *a, const Weightmark__V1__Checkpoint *b)
{
	for (size_t i = 0; i < a->n_file; i++)
		for (size_t j = 0; j < b->n_file; j++)
			if (a->file[i]->role == WEIGHTMARK__V1__FILE__ROLE__load &&
			    memcmp(a->file[i]->file_digest->sha256.data,
				   b->file[j]->file_digest->sha256.data, SHA256_BYTES) == 0)
				return true;
	return false;
}

enum wm_code check_same_weights(const struct prior *carried,
				const Weightmark__V1__Checkpoint *now, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *then =
		((const Weightmark__V1__Manifest *)carried->statement->message)->checkpoint;
	size_t n_then, n_now;
	const Weightmark__V1__Part *gone = first_other(&n_then, then, now);
	const Weightmark__V1__Part *new = first_other(&n_now, now, then);

	if (new)
		return fail(err, REASON_WEIGHTS_CHANGED,
			    "%s: its manifest is about other weights than those of part '%.128s'; "
			    "say what these are with --manifest FILE", carried->carrier->place,
			    new->name);
	if (gone || n_then != n_now)
		return fail(err, REASON_WEIGHTS_CHANGED,
			    "%s: its manifest is about %zu parts with weights, %zu are here; "
			    "say what these are with --manifest FILE", carried->carrier->place,
			    n_then, n_now);
	if (n_now == 0 && !share_a_file(now, then))
		return fail(err, REASON_WEIGHTS_CHANGED,
			    "%s: its manifest is about other files; say what these are with "
			    "--manifest FILE", carried->carrier->place);
	return WM_OK;
}

static int compare_record(const void *path, const void *element)
{
	Weightmark__V1__File *const *file = element;

	return strcmp(path, (*file)->path);
}

static Weightmark__V1__File *find_record(const Weightmark__V1__Checkpoint *c, const char *path)
{
	Weightmark__V1__File **found =
		bsearch(path, c->file, c->n_file, sizeof(*c->file), compare_record);

	return found ? *found : NULL;
}

static bool is_digest(const Weightmark__V1__Digest *d, const uint8_t sha256[SHA256_BYTES])
{
	return memcmp(d->sha256.data, sha256, SHA256_BYTES) == 0;
}

static bool same_record(const Weightmark__V1__File *a, const Weightmark__V1__File *b)
{
	return a->size == b->size && strcmp(a->grammar, b->grammar) == 0 &&
	       is_digest(a->file_digest, b->file_digest->sha256.data) &&
	       is_digest(a->sha256, b->sha256->sha256.data);
}

static int compare_released(const void *path, const void *element)
{
	Weightmark__V1__ReleasedFile *const *file = element;

	return strcmp(path, (*file)->path);
}

/* Whether the release `r` distributes the file of `record` as the one that `f` points to. */
static bool releases(const Weightmark__V1__Release *r, const struct priors *p,
		     const Weightmark__V1__File *record, const struct checkpoint_file *f)
{
	const struct prior *of =
		r->checkpoint->statement ?
			priors_find(p, r->checkpoint->statement->sha256.data) : NULL;
	Weightmark__V1__ReleasedFile *const *found;
	const Weightmark__V1__File *then;

	if (!of || of->statement->kind->descriptor != &weightmark__v1__manifest__descriptor)
		return false;
	then = find_record(((const Weightmark__V1__Manifest *)of->statement->message)->checkpoint,
			   f->path);
	if (!then || !same_record(then, record))
		return false;
	found = bsearch(f->path, r->file, r->n_file, sizeof(*r->file), compare_released);
	return found && (*found)->size == f->pointer.size &&
	       is_digest((*found)->sha256, f->pointer.sha256);
}

static bool points_to(const struct checkpoint_file *f, const Weightmark__V1__File *record,
		      const struct priors *p)
{
	if (record->size == f->pointer.size && is_digest(record->sha256, f->pointer.sha256))
		return true;
	for (size_t i = 0; i < p->n_own; i++) {
		const struct statement *s = p->list[i].statement;

		if (s->kind->descriptor == &weightmark__v1__release__descriptor &&
		    releases((const Weightmark__V1__Release *)s->message, p, record, f))
			return true;
	}
	return false;
}

static enum wm_code take_file(struct taken *out, size_t i, struct checkpoint *c,
			      const Weightmark__V1__Checkpoint *record, const struct priors *p,
			      struct wm_error *err)
{
	struct checkpoint_file *f = &c->files[i];
	Weightmark__V1__File *r = find_record(record, f->path);

	if (!r)
		return fail(err, REASON_POINTER_MISMATCH,
			    "%s: is a git-lfs pointer to a file that the manifest does not list",
			    f->place);
	if (!points_to(f, r, p))
		return fail(err, REASON_POINTER_MISMATCH,
			    "%s: points to a file of %llu bytes that is not the one signed",
			    f->place, (unsigned long long)f->pointer.size);
	out->files[i] = r;
	/* What the record says of it is all that there is to measure. */
	f->measured = f->has_sha256 = true;
	memcpy(f->file_digest, r->file_digest->sha256.data, SHA256_BYTES);
	memcpy(f->sha256, r->sha256->sha256.data, SHA256_BYTES);
	return WM_OK;
}

/* Parts of the manifest of which anything is here must be here as a whole. */
static enum wm_code add_part(struct checkpoint *c, const Weightmark__V1__Part *p,
			     struct wm_error *err)
{
	const struct checkpoint_part *added;
	size_t n = 0;

	for (size_t i = 0; i < p->n_path; i++)
		n += checkpoint_find_file(c, p->path[i]) != NULL;
	if (n == 0)
		return WM_OK;
	TRY(checkpoint_add_part(c, p->name, p->path, p->n_path, err));
	added = &c->parts[c->n_parts - 1];
	if (added->n_files < added->n_paths)
		return fail(err, REASON_NOT_WHOLE, "%s: part '%.128s' has %zu of its %zu files",
			    c->path, added->name, added->n_files, added->n_paths);
	return WM_OK;
}

/* A weights file that no part knows could only be told to be one with all files at hand. */
static enum wm_code check_no_stranger(const struct checkpoint *c, struct wm_error *err)
{
	cleanup_free bool *known = calloc(c->n_files + 1, sizeof(*known));

	if (!known)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_parts; i++)
		for (size_t j = 0; j < c->parts[i].n_files; j++)
			known[c->parts[i].files[j]] = true;
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].layout.has_tensors && c->files[i].role == ROLE_LOAD && !known[i])
			return fail(err, REASON_POINTER_ONLY,
				    "%s: is new, and other files are git-lfs pointers",
				    c->files[i].place);
	return WM_OK;
}

static const Weightmark__V1__Checkpoint *carried_record(const struct priors *p)
{
	const struct prior *m = priors_manifest(p);

	return m ? ((const Weightmark__V1__Manifest *)m->statement->message)->checkpoint : NULL;
}

enum wm_code take_pointers(struct taken *out, struct checkpoint *c, const struct priors *p,
			   struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *record = carried_record(p);
	void *list = NULL;

	if (!record)
		return fail(err, REASON_POINTER_ONLY,
			    "%s: git-lfs pointers, and no manifest that says what they stand for",
			    c->path);
	TRY(arena_alloc(&list, &c->arena, c->n_files * sizeof(*out->files), err));
	out->files = list;
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].is_pointer)
			TRY(take_file(out, i, c, record, p, err));
	for (size_t i = 0; i < record->n_part; i++)
		TRY(add_part(c, record->part[i], err));
	return check_no_stranger(c, err);
}

static enum wm_code take_part(struct taken *out, size_t i, struct checkpoint *c,
			      const Weightmark__V1__Checkpoint *record, struct wm_error *err)
{
	const struct checkpoint_part *part = &c->parts[i];

	for (size_t j = 0; j < part->n_files; j++) {
		const struct checkpoint_file *f = &c->files[part->files[j]];
		const Weightmark__V1__File *r = find_record(record, f->path);

		if (!r || !is_digest(r->file_digest, f->file_digest))
			return fail(err, REASON_POINTER_ONLY,
				    "%s: changed, and other files of its part are git-lfs pointers",
				    f->place);
	}
	for (size_t j = 0; j < record->n_part; j++)
		if (strcmp(record->part[j]->name, part->name) == 0)
			out->parts[i] = record->part[j];
	return WM_OK;
}

enum wm_code take_parts(struct taken *out, struct checkpoint *c, const struct priors *p,
			struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *record = carried_record(p);
	void *list = NULL;

	TRY(arena_alloc(&list, &c->arena, c->n_parts * sizeof(*out->parts), err));
	out->parts = list;
	for (size_t i = 0; i < c->n_parts; i++)
		if (!part_is_whole(c, &c->parts[i]))
			TRY(take_part(out, i, c, record, err));
	return WM_OK;
}
