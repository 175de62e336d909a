/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering the facts of a verification. */
#include "attest/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/pool.h"
#include "util/file.h"
#include "util/limits.h"

void verification_release(struct verification *v)
{
	for (size_t i = 0; i < v->n_carried; i++)
		statement_free(v->carried[i].statement);
	free(v->carried);
	carriers_release(&v->carriers);
	free(v->listed);
	checkpoint_free(v->checkpoint);
	free(v->sidecar_path);
	free(v->path);
	*v = (struct verification){ 0 };
}

/* --- where carriers are --------------------------------------------------------------- */

/* A lone file without a sidecar of its own may be one of a directory that has one. */
static enum wm_code choose_sidecar(struct verification *v, const char *named, struct wm_error *err)
{
	cleanup_free char *beside = NULL;
	int len = (int)(file_name(v->path) - v->path);

	if (named) {
		v->sidecar_path = strdup(named);
		return v->sidecar_path ? WM_OK : fail_nomem(err);
	}
	TRY(carrier_sidecar_path(&v->sidecar_path, v->path, err));
	if (!v->checkpoint || v->checkpoint->is_directory || file_exists(v->sidecar_path))
		return WM_OK;
	if (asprintf(&beside, "%.*s", len ? len : 1, len ? v->path : ".") < 0) {
		beside = NULL;
		return fail_nomem(err);
	}
	free(take_ptr(&v->sidecar_path));
	TRY(carrier_sidecar_path(&v->sidecar_path, beside, err));
	if (file_exists(v->sidecar_path))
		return WM_OK;
	free(take_ptr(&v->sidecar_path));
	return carrier_sidecar_path(&v->sidecar_path, v->path, err);
}

static enum wm_code gather_carriers(struct verification *v, const struct verify_options *o,
				    struct wm_error *err)
{
	enum wm_code code = WM_OK;

	TRY(choose_sidecar(v, o->sidecar, err));
	if (v->checkpoint)
		code = carriers_gather(&v->carriers, v->checkpoint, v->sidecar_path,
				       &v->carriers_err);
	if (code != WM_OK)
		return error_is_untold(code) ? fail_again(err, &v->carriers_err) : WM_OK;
	TRY(pool_fill(v, o->keys, err));
	pool_find_head(v);
	return WM_OK;
}

/* --- what the record lists ------------------------------------------------------------ */

static bool ends_with_component(const char *path, const char *name)
{
	return strcmp(file_name(path), name) == 0;
}

/* The record of a lone file: the only one, or the one of its name in a set. */
static const Weightmark__V1__File *listed_alone(const struct verification *v)
{
	const char *name = v->checkpoint->files[0].path;

	if (v->record->n_file == 1)
		return v->record->file[0];
	for (size_t i = 0; i < v->record->n_file; i++)
		if (ends_with_component(v->record->file[i]->path, name) &&
		    v->record->file[i]->size == v->checkpoint->files[0].layout.size)
			return v->record->file[i];
	return NULL;
}

static enum wm_code match_files(struct verification *v, struct wm_error *err)
{
	const struct checkpoint *c = v->checkpoint;

	v->listed = calloc(c->n_files + 1, sizeof(*v->listed));
	if (!v->listed)
		return fail_nomem(err);
	if (!c->is_directory) {
		v->listed[0] = listed_alone(v);
		return WM_OK;
	}
	for (size_t i = 0, j = 0; i < c->n_files; i++) {
		while (j < v->record->n_file &&
		       strcmp(v->record->file[j]->path, c->files[i].path) < 0)
			j++;
		if (j < v->record->n_file &&
		    strcmp(v->record->file[j]->path, c->files[i].path) == 0)
			v->listed[i] = v->record->file[j];
	}
	return WM_OK;
}

/* The parts are those that were signed; what is in them is measured here. */
static enum wm_code add_parts(struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *r = v->record;
	struct checkpoint *c = v->checkpoint;

	if (!c->is_directory && r->n_file > 1)
		return WM_OK;
	for (size_t i = 0; i < r->n_part; i++) {
		const Weightmark__V1__Part *p = r->part[i];

		TRY(checkpoint_add_part(c, p->name, c->is_directory ? p->path : &c->files[0].path,
					c->is_directory ? p->n_path : 1, err));
	}
	return c->is_directory ? checkpoint_check_indexes(c, err) : WM_OK;
}

/* Bytes are read only where something signed speaks of a file of this size. */
static bool is_wanted(const struct checkpoint_file *f, const void *context)
{
	const struct verification *v = context;
	const Weightmark__V1__File *listed = v->listed[f - v->checkpoint->files];

	return listed && listed->size == f->layout.size && !f->is_pointer;
}

static enum wm_code measure_checkpoint(struct verification *v, const struct verify_options *o,
				       struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = o->full,
		.workers = o->workers,
		.progress = o->progress,
		.wanted = is_wanted,
		.context = v,
	};

	TRY(match_files(v, err));
	TRY(add_parts(v, err));
	return checkpoint_measure(v->checkpoint, &measuring, err);
}

/* --- one file of a set ---------------------------------------------------------------- */

/* The part that lists the file `path`; NULL where none does. */
static const Weightmark__V1__Part *part_listing(const Weightmark__V1__Checkpoint *r,
						const char *path)
{
	for (size_t i = 0; i < r->n_part; i++)
		for (size_t j = 0; j < r->part[i]->n_path; j++)
			if (strcmp(r->part[i]->path[j], path) == 0)
				return r->part[i];
	return NULL;
}

/* Whether all files to load that the record lists stand below `root`. */
static enum wm_code set_stands(bool *out, const Weightmark__V1__Checkpoint *r, const char *root,
			       struct wm_error *err)
{
	*out = true;
	for (size_t i = 0; i < r->n_file && *out; i++) {
		cleanup_free char *path = NULL;

		if (r->file[i]->role != WEIGHTMARK__V1__FILE__ROLE__load)
			continue;
		if (asprintf(&path, "%s/%s", root, r->file[i]->path) < 0) {
			path = NULL;
			return fail_nomem(err);
		}
		*out = file_exists(path);
	}
	return WM_OK;
}

/* Takes as many components off the end of `path` as `within` has; "." where none is left. */
static enum wm_code root_above(char **out, const char *path, const char *within,
			       struct wm_error *err)
{
	cleanup_free char *root = strdup(path);

	if (!root)
		return fail_nomem(err);
	for (const char *at = within; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		char *slash = strrchr(root, '/');

		if (slash && slash > root)
			*slash = '\0';
		else
			strcpy(root, slash ? "/" : ".");
	}
	*out = take_ptr(&root);
	return WM_OK;
}

/* Stores the root of the set that the lone file at hand is one of, if it stands; free() it. */
static enum wm_code find_set(char **root, const Weightmark__V1__Part **part,
			     const struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__File *listed;
	cleanup_free char *above = NULL;
	bool stands = false;

	*root = NULL;
	if (!v->checkpoint || v->checkpoint->is_directory || v->part_only || !v->record ||
	    v->record->n_file < 2)
		return WM_OK;
	listed = listed_alone(v);
	*part = listed ? part_listing(v->record, listed->path) : NULL;
	if (!*part)
		return WM_OK;
	TRY(root_above(&above, v->path, listed->path, err));
	TRY(set_stands(&stands, v->record, above, err));
	if (stands)
		*root = take_ptr(&above);
	return WM_OK;
}

/* --- gathering ----------------------------------------------------------------------- */

static enum wm_code open_at(struct verification *v, const char *path,
			    const struct verify_options *o, struct wm_error *err)
{
	const struct checkpoint_open_options opening = { o->links_within };
	enum wm_code code;

	v->full = o->full;
	v->part_only = o->part_only;
	v->part = o->part;
	v->part_named = o->part != NULL;
	v->now = o->now ? o->now : time(NULL);
	v->path = strdup(path);
	if (!v->path)
		return fail_nomem(err);
	code = checkpoint_open(&v->checkpoint, path, &opening, &v->checkpoint_err);
	return error_is_untold(code) ? fail_again(err, &v->checkpoint_err) : WM_OK;
}

/* Gathers anew at the root of the set, with the sidecar that spoke of it. */
static enum wm_code gather_set(struct verification *v, const char *root,
			       const Weightmark__V1__Part *part, const struct verify_options *o,
			       struct wm_error *err)
{
	cleanup_free char *name = strdup(part->name), *sidecar = NULL;
	struct verify_options options = *o;

	if (v->head->carrier->kind == CARRIER_SIDECAR) {
		sidecar = strdup(v->head->carrier->place);
		if (!sidecar)
			return fail_nomem(err);
		options.sidecar = sidecar;
	}
	if (!name)
		return fail_nomem(err);
	verification_release(v);
	TRY(open_at(v, root, o, err));
	TRY(gather_carriers(v, &options, err));
	for (size_t i = 0; !v->part && v->record && i < v->record->n_part; i++)
		if (strcmp(v->record->part[i]->name, name) == 0)
			v->part = v->record->part[i]->name;
	return WM_OK;
}

/* Opens the checkpoint first, so that leases cover all that follows; measures it last. */
enum wm_code verification_gather(struct verification *out, const char *path,
				 const struct verify_options *options, struct wm_error *err)
{
	const Weightmark__V1__Part *part = NULL;
	cleanup_free char *root = NULL;
	struct verification *v = out;
	enum wm_code code;

	TRY(open_at(v, path, options, err));
	TRY(gather_carriers(v, options, err));
	TRY(find_set(&root, &part, v, err));
	if (root)
		TRY(gather_set(v, root, part, options, err));
	if (!v->checkpoint || !v->record)
		return WM_OK;
	code = measure_checkpoint(v, options, &v->checkpoint_err);
	return error_is_untold(code) ? fail_again(err, &v->checkpoint_err) : WM_OK;
}
