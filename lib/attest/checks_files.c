/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the files at hand with those that were signed. */
#include "attest/checks_files.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"

enum wm_code nothing_to_judge(struct wm_error *err)
{
	return fail(err, REASON_INTERNAL, "a check ran without the facts that it needs");
}

bool digest_is(const Weightmark__V1__Digest *d, const uint8_t digest[SHA256_BYTES])
{
	return d && memcmp(d->sha256.data, digest, SHA256_BYTES) == 0;
}

bool is_load(const Weightmark__V1__File *f)
{
	return f->role == WEIGHTMARK__V1__FILE__ROLE__load;
}

static bool can_judge(const struct verification *v)
{
	return v->record && v->checkpoint && v->listed;
}

bool is_loaded(const struct verification *v, size_t i)
{
	return v->checkpoint->files[i].role == ROLE_LOAD ||
	       (v->listed && v->listed[i] && is_load(v->listed[i]));
}

/* --- what they would run ---------------------------------------------------------------- */

enum wm_code code_allowed(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!c)
		return nothing_to_judge(err);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct layout *l = &c->files[i].layout;

		if (!is_loaded(v, i))
			continue;
		for (size_t k = 0; k < l->n_imports; k++)
			if (!l->imports[k].allowed)
				return fail(err, REASON_CODE_NOT_ALLOWED,
					    "%s: loading it would use '%.128s'",
					    c->files[i].place, l->imports[k].name);
	}
	return WM_OK;
}

/* --- which files --------------------------------------------------------------------- */

enum wm_code files_listed(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	if (!c->is_directory && !v->part_only && v->record->n_file != 1 && c->n_parts == 0)
		return fail(err, REASON_NOT_WHOLE, "%s: the manifest lists %zu files in %zu parts",
			    c->path, v->record->n_file, v->record->n_part);
	for (size_t i = 0; i < c->n_files; i++) {
		if (c->files[i].role != ROLE_LOAD)
			continue;
		if (!v->listed[i])
			return fail(err, REASON_FILE_UNLISTED, "%s: was not signed",
				    c->files[i].place);
		if (!is_load(v->listed[i]))
			return fail(err, REASON_FILE_ROLE,
				    "%s: was signed as a document, and a loader may read it",
				    c->files[i].place);
	}
	return WM_OK;
}

static size_t record_index(const struct verification *v, const char *path)
{
	size_t low = 0, high = v->record->n_file;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(v->record->file[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks the files of the record that a part lists; validation saw that they are there. */
static void mark_parts(bool *in_a_part, const struct verification *v)
{
	for (size_t i = 0; i < v->record->n_part; i++)
		for (size_t j = 0; j < v->record->part[i]->n_path; j++)
			in_a_part[record_index(v, v->record->part[i]->path[j])] = true;
}

/* Whether anything at hand stands in the folder of `path`; always so at the top. */
static bool folder_is_there(const struct checkpoint *c, const char *path)
{
	const size_t len = (size_t)(file_name(path) - path);
	size_t low = 0, high = c->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(c->files[middle].path, path, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n_files && strncmp(c->files[low].path, path, len) == 0;
}

enum wm_code files_present(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;
	cleanup_free bool *in_a_part = NULL;

	if (!can_judge(v))
		return nothing_to_judge(err);
	if (!c->is_directory || v->part_named)
		return WM_OK;
	in_a_part = calloc(v->record->n_file + 1, sizeof(*in_a_part));
	if (!in_a_part)
		return fail_nomem(err);
	mark_parts(in_a_part, v);
	for (size_t i = 0; i < v->record->n_file; i++) {
		const Weightmark__V1__File *f = v->record->file[i];

		if (is_load(f) && !in_a_part[i] && !checkpoint_find_file(c, f->path) &&
		    folder_is_there(c, f->path))
			return fail(err, REASON_FILE_MISSING, "%s/%s: was signed, and is not there",
				    c->path, f->path);
	}
	return WM_OK;
}

/* Whether a part's files are all there, as bytes or as pointers. */
static bool is_complete(const struct checkpoint_part *p)
{
	return p->n_files == p->n_paths;
}

static const char *first_missing(const struct checkpoint *c, const struct checkpoint_part *p)
{
	for (size_t i = 0; i < p->n_paths; i++)
		if (!checkpoint_find_file(c, p->paths[i]))
			return p->paths[i];
	return "";
}

static enum wm_code incomplete(const struct checkpoint *c, const struct checkpoint_part *p,
			       struct wm_error *err)
{
	return fail(err, REASON_PART_INCOMPLETE,
		    "%s: of part '%.80s' %zu of %zu files are there; not '%.80s'", c->path, p->name,
		    p->n_files, p->n_paths, first_missing(c, p));
}

/* One part is whole, or the one that was asked for. */
static enum wm_code any_whole(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;
	const struct checkpoint_part *broken = NULL;

	for (size_t i = 0; i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];

		if (v->part && strcmp(p->name, v->part) != 0)
			continue;
		if (is_complete(p))
			return WM_OK;
		if (!broken || p->n_files > broken->n_files)
			broken = p;
	}
	return broken ? incomplete(c, broken, err) :
			fail(err, REASON_PART_UNKNOWN, "%s: has no part '%.128s'", c->path,
			     v->part ? v->part : "");
}

/* No part is there by halves: a loader that takes what it finds would load half a model. */
static enum wm_code none_by_halves(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;
	cleanup_free bool *whole = calloc(c->n_files + 1, sizeof(*whole));

	if (!whole)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_parts; i++)
		for (size_t j = 0; is_complete(&c->parts[i]) && j < c->parts[i].n_files; j++)
			whole[c->parts[i].files[j]] = true;
	for (size_t i = 0; i < c->n_parts; i++)
		for (size_t j = 0; !is_complete(&c->parts[i]) && j < c->parts[i].n_files; j++)
			if (!whole[c->parts[i].files[j]])
				return incomplete(c, &c->parts[i], err);
	return WM_OK;
}

enum wm_code parts_whole(const struct verification *v, struct wm_error *err)
{
	if (!can_judge(v))
		return nothing_to_judge(err);
	if (v->part_only)
		return WM_OK;
	TRY(any_whole(v, err));
	return v->part_named ? WM_OK : none_by_halves(v, err);
}

/* --- what is in them ----------------------------------------------------------------- */

/* The files to load that were to be read. */
static bool is_judged(const struct verification *v, size_t i)
{
	return v->listed[i] && is_loaded(v, i) && !v->checkpoint->files[i].is_pointer;
}

/* Whether the sidecar tells of a lone file of another name, size and grammar than this one. */
static bool is_of_another(const struct verification *v)
{
	const struct checkpoint_file *f = &v->checkpoint->files[0];
	const Weightmark__V1__File *said = v->record->file[0];

	return !v->checkpoint->is_directory && v->record->n_file == 1 && v->head &&
	       v->head->carrier->kind == CARRIER_SIDECAR && strcmp(said->path, f->path) != 0 &&
	       said->size != f->layout.size &&
	       strcmp(said->grammar, f->layout.format->grammar) != 0;
}

enum wm_code grammars_equal(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	if (is_of_another(v))
		return fail(err, REASON_SIDECAR_FOREIGN, "%s: %s is about another file, '%.128s'",
			    c->path, v->head->carrier->place, v->record->file[0]->path);
	for (size_t i = 0; i < c->n_files; i++) {
		const char *grammar = c->files[i].layout.format->grammar;

		if (is_judged(v, i) && strcmp(v->listed[i]->grammar, grammar) != 0)
			return fail(err, REASON_GRAMMAR_MISMATCH,
				    "%s: signed as %s, found to be %s", c->files[i].place,
				    v->listed[i]->grammar, grammar);
	}
	return WM_OK;
}

/* Whether a verified release of the head says that a file of this digest is distributed. */
static bool is_released(const struct verification *v, const char *path, const struct pointer *p)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;
		const Weightmark__V1__Release *r;

		if (!s || s->kind->descriptor != &weightmark__v1__release__descriptor)
			continue;
		r = (const Weightmark__V1__Release *)s->message;
		if (!r->checkpoint->statement || !v->head ||
		    memcmp(r->checkpoint->statement->sha256.data, v->head->statement->id,
			   SHA256_BYTES) != 0)
			continue;
		for (size_t j = 0; j < r->n_file; j++)
			if (strcmp(r->file[j]->path, path) == 0)
				return r->file[j]->size == p->size &&
				       digest_is(r->file[j]->sha256, p->sha256);
	}
	return false;
}

bool pointer_agrees(const struct verification *v, size_t i)
{
	const struct pointer *p = &v->checkpoint->files[i].pointer;
	const Weightmark__V1__File *listed = v->listed[i];

	if (!listed || p->extended)
		return false;
	return (listed->size == p->size && digest_is(listed->sha256, p->sha256)) ||
	       is_released(v, listed->path, p);
}

enum wm_code pointers_agree(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].is_pointer && is_loaded(v, i) && !pointer_agrees(v, i))
			return fail(err, REASON_POINTER_MISMATCH,
				    "%s: its git-lfs pointer names other bytes than were signed",
				    c->files[i].place);
	return WM_OK;
}

enum wm_code file_digests_equal(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];

		if (!is_judged(v, i))
			continue;
		if (v->listed[i]->size != f->layout.size)
			return fail(err, REASON_FILE_MISMATCH,
				    "%s: has %llu bytes, %llu were signed", f->place,
				    (unsigned long long)f->layout.size,
				    (unsigned long long)v->listed[i]->size);
		if (!f->measured)
			return nothing_to_judge(err);
		if (!digest_is(v->listed[i]->file_digest, f->file_digest))
			return fail(err, REASON_FILE_MISMATCH,
				    "%s: its file digest is not the signed one", f->place);
	}
	return WM_OK;
}

bool file_is_signed(const struct verification *v, size_t i)
{
	const struct checkpoint_file *f = &v->checkpoint->files[i];

	return can_judge(v) && v->listed[i] && f->measured &&
	       v->listed[i]->size == f->layout.size &&
	       digest_is(v->listed[i]->file_digest, f->file_digest);
}

/* Manifests of before there were lists have none. */
static bool tensors_equal(const Weightmark__V1__Part *p, const struct checkpoint_part *at_hand)
{
	if (p->n_tensor == 0)
		return true;
	if (p->n_tensor != at_hand->n_listed)
		return false;
	for (size_t i = 0; i < p->n_tensor; i++)
		if (!digest_is(p->tensor[i]->digest, at_hand->listed[i].digest) ||
		    p->tensor[i]->bytes != at_hand->listed[i].len)
			return false;
	return true;
}

static enum wm_code part_equal(const Weightmark__V1__Part *p, const struct checkpoint_part *at_hand,
			       struct wm_error *err)
{
	/* The file digests that were compared cover what was not gathered. */
	if (at_hand->ungathered)
		return WM_OK;
	if (!at_hand->has_weights) {
		if (p->weights_digest || p->tensor_set_digest || p->has_tensor_count ||
		    p->has_parameter_count || p->has_tensor_bytes || p->n_tensor > 0)
			return fail(err, REASON_WEIGHTS_MISMATCH,
				    "part '%.128s': was signed with tensors, and has none that "
				    "can be told",
				    p->name);
		return WM_OK;
	}
	if (!digest_is(p->weights_digest, at_hand->weights_digest) ||
	    !digest_is(p->tensor_set_digest, at_hand->tensor_set_digest) ||
	    !p->has_tensor_count || !p->has_parameter_count || !p->has_tensor_bytes ||
	    p->tensor_count != at_hand->n_tensors || p->parameter_count != at_hand->n_parameters ||
	    p->tensor_bytes != at_hand->n_tensor_bytes)
		return fail(err, REASON_WEIGHTS_MISMATCH,
			    "part '%.128s': the digests of its tensors are not the signed ones",
			    p->name);
	if (!tensors_equal(p, at_hand))
		return fail(err, REASON_WEIGHTS_MISMATCH,
			    "part '%.128s': the tensors that were listed are not its tensors",
			    p->name);
	return WM_OK;
}

enum wm_code weights_equal(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	if (v->part_only && v->record->n_file > 1)
		return WM_OK;
	for (size_t i = 0, j = 0; i < c->n_parts; i++) {
		while (j < v->record->n_part &&
		       strcmp(v->record->part[j]->name, c->parts[i].name) != 0)
			j++;
		if (!part_is_whole(c, &c->parts[i]))
			continue;
		if (!c->parts[i].measured || j == v->record->n_part)
			return nothing_to_judge(err);
		TRY(part_equal(v->record->part[j], &c->parts[i], err));
	}
	return WM_OK;
}

enum wm_code sha256_equal(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	for (size_t i = 0; i < c->n_files; i++) {
		if (!is_judged(v, i))
			continue;
		if (!c->files[i].has_sha256)
			return nothing_to_judge(err);
		if (!digest_is(v->listed[i]->sha256, c->files[i].sha256))
			return fail(err, REASON_SHA256_MISMATCH,
				    "%s: its SHA-256 is not the signed one", c->files[i].place);
	}
	return WM_OK;
}

/* --- what a person should look at ----------------------------------------------------- */

enum wm_code bytes_fetched(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	if (!can_judge(v))
		return nothing_to_judge(err);
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].is_pointer && is_loaded(v, i))
			return fail(err, REASON_POINTER_ONLY,
				    "%s: is a git-lfs pointer to the signed bytes, which are "
				    "not here",
				    c->files[i].place);
	return WM_OK;
}

enum wm_code set_judged(const struct verification *v, struct wm_error *err)
{
	if (!can_judge(v))
		return nothing_to_judge(err);
	if (v->part_only && v->record->n_file > 1)
		return fail(err, REASON_PART_ONLY, "%s: is one of %zu files that were signed",
			    v->checkpoint->path, v->record->n_file);
	return WM_OK;
}
