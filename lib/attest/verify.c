/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering the facts of a verification. */
#include "attest/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "attest/ancestry.h"
#include "attest/checks_files.h"
#include "attest/pool.h"
#include "util/file.h"
#include "util/limits.h"

void verification_release(struct verification *v)
{
	for (size_t i = 0; i < v->n_carried; i++)
		statement_free(v->carried[i].statement);
	free(v->carried);
	logs_release(&v->logs);
	carriers_release(&v->carriers);
	free(v->listed);
	free(v->ancestry);
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

/* The bytes of the file at hand, or of the one that its git-lfs pointer stands for. */
static uint64_t size_at_hand(const struct checkpoint_file *f)
{
	return f->is_pointer ? f->pointer.size : f->layout.size;
}

/* Whether the lone file at hand could be the one of this record, by its name and size. */
static bool could_be(const struct verification *v, const Weightmark__V1__File *f)
{
	return strcmp(file_name(f->path), v->checkpoint->files[0].path) == 0 &&
	       f->size == size_at_hand(&v->checkpoint->files[0]);
}

/* How many components both paths end with. */
static size_t common_ending(const char *a, const char *b)
{
	size_t n = 0;

	for (size_t i = strlen(a), j = strlen(b); i > 0 && j > 0 && a[i - 1] == b[j - 1];) {
		i--;
		j--;
		n += (i == 0 || a[i - 1] == '/') && (j == 0 || b[j - 1] == '/');
	}
	return n;
}

/* Whether the bytes of the lone file at hand are, or its pointer names, those of `f`. */
static bool has_bytes_of(const struct checkpoint_file *at_hand, const Weightmark__V1__File *f)
{
	if (at_hand->is_pointer)
		return digest_is(f->sha256, at_hand->pointer.sha256);
	return at_hand->measured && digest_is(f->file_digest, at_hand->file_digest);
}

/*
 * The record of a lone file: the only one, or in a set the one that its path fits best. Where
 * it fits several as well (model.safetensors of unet/ and ema/), its digest decides.
 */
static const Weightmark__V1__File *listed_alone(const struct verification *v)
{
	const Weightmark__V1__File *best = NULL;
	size_t most = 0;

	if (v->record->n_file == 1)
		return v->record->file[0];
	for (size_t i = 0; i < v->record->n_file; i++) {
		const Weightmark__V1__File *f = v->record->file[i];
		size_t n = could_be(v, f) ? common_ending(v->path, f->path) : 0;

		if (n > most || (n > 0 && n == most && has_bytes_of(&v->checkpoint->files[0], f))) {
			most = n;
			best = f;
		}
	}
	return best;
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

/*
 * The parts are those that were signed; what is in them is measured here. Of a lone file of
 * several that is the part which it is all of, if any.
 */
static enum wm_code add_parts(struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *r = v->record;
	struct checkpoint *c = v->checkpoint;

	if (!c->is_directory && r->n_file > 1) {
		const Weightmark__V1__Part *own =
			v->listed[0] ? part_listing(r, v->listed[0]->path) : NULL;

		if (v->part_only || !own || own->n_path != 1)
			return WM_OK;
		return checkpoint_add_part(c, own->name, &c->files[0].path, 1, err);
	}
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

/*
 * Where two chains seem to speak of the bytes at hand, one may have come along in a slot from
 * a model of the same size: the digests of the files with slots tell.
 */
static enum wm_code tell_inherited(struct verification *v, const struct verify_options *o,
				   struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = o->full,
		.workers = o->workers,
		.progress = o->progress,
		.wanted = file_has_slot,
	};

	if (v->n_objects < 2)
		return WM_OK;
	TRY(checkpoint_measure(v->checkpoint, &measuring, err));
	pool_find_head(v);
	return WM_OK;
}

static enum wm_code measure_checkpoint(struct verification *v, const struct verify_options *o,
				       struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = o->full,
		.gather = o->full,
		.workers = o->workers,
		.progress = o->progress,
		.wanted = is_wanted,
		.context = v,
	};

	TRY(match_files(v, err));
	TRY(add_parts(v, err));
	TRY(checkpoint_measure(v->checkpoint, &measuring, err));
	if (!v->checkpoint->is_directory)
		v->listed[0] = listed_alone(v);
	return WM_OK;
}

/* --- one file of a set ---------------------------------------------------------------- */

/* The set that a lone file is one of: nothing of it is borrowed. */
struct set {
	char *root;	/* NULL: it is of none that stands */
	char *path;	/* of the file, within the set */
	char *part;	/* that lists it */
	struct stat st; /* of the file */
};

static void set_release(struct set *s)
{
	free(s->root);
	free(s->path);
	free(s->part);
}

#define cleanup_set __attribute__((cleanup(set_release)))

/* Stores what stat() says of `within` below `root`; false: it is not there. */
static enum wm_code stat_within(bool *there, struct stat *st, const char *root,
				const char *within, struct wm_error *err)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/%s", root, within) < 0) {
		path = NULL;
		return fail_nomem(err);
	}
	*there = stat(path, st) == 0;
	return WM_OK;
}

/* Whether all files to load that the record lists stand below `root`. */
static enum wm_code set_stands(bool *out, const Weightmark__V1__Checkpoint *r, const char *root,
			       struct wm_error *err)
{
	struct stat st;

	*out = true;
	for (size_t i = 0; i < r->n_file && *out; i++)
		if (is_load(r->file[i]))
			TRY(stat_within(out, &st, root, r->file[i]->path, err));
	return WM_OK;
}

/* Takes as many components off the end of `path` as `within` has. */
static enum wm_code root_above(char **out, const char *path, const char *within,
			       struct wm_error *err)
{
	cleanup_buf struct buf root = BUF_INIT(2 * LIMIT_PATH);

	TRY(buf_append_str(&root, path, err));
	for (const char *at = within; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		const char *name = file_name(buf_str(&root));
		size_t len = (size_t)(name - buf_str(&root));

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
			TRY(buf_append_str(&root, "/..", err));
		} else if (len > 0) {
			buf_truncate(&root, len > 1 ? len - 1 : 1);
		} else {
			buf_truncate(&root, 0);
			TRY(buf_append_str(&root, ".", err));
		}
	}
	*out = strdup(buf_str(&root));
	return *out ? WM_OK : fail_nomem(err);
}

/*
 * Whether the lone file at hand is this one of the record's, below a root where the set
 * stands: the very file, for a name and a size prove nothing.
 */
static enum wm_code try_set(struct set *out, const struct verification *v,
			    const Weightmark__V1__File *f, struct wm_error *err)
{
	const Weightmark__V1__Part *part = part_listing(v->record, f->path);
	cleanup_free char *root = NULL;
	bool there = false;

	if (!part)
		return WM_OK;
	TRY(root_above(&root, v->path, f->path, err));
	TRY(stat_within(&there, &out->st, root, f->path, err));
	if (!there || !file_is_same(&out->st, &v->checkpoint->files[0].opened))
		return WM_OK;
	TRY(set_stands(&there, v->record, root, err));
	if (!there)
		return WM_OK;
	out->path = strdup(f->path);
	out->part = strdup(part->name);
	if (!out->path || !out->part)
		return fail_nomem(err);
	out->root = take_ptr(&root);
	return WM_OK;
}

static enum wm_code find_set(struct set *out, const struct verification *v, struct wm_error *err)
{
	if (!v->checkpoint || v->checkpoint->is_directory || v->part_only || !v->record ||
	    v->record->n_file < 2)
		return WM_OK;
	for (size_t i = 0; i < v->record->n_file && !out->root; i++)
		if (could_be(v, v->record->file[i]))
			TRY(try_set(out, v, v->record->file[i], err));
	return WM_OK;
}

/* --- code ---------------------------------------------------------------------------- */

static bool matches(const char *name, const char *pattern)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(name, pattern, len - 1) == 0;
	return strcmp(name, pattern) == 0;
}

static bool is_permitted(const char *name, const struct verify_options *o)
{
	for (size_t i = 0; i < o->n_code; i++)
		if (matches(name, o->code[i]))
			return true;
	return false;
}

/* Allows what the verifier allows besides the names that are known to be harmless. */
static void permit_code(struct verification *v, const struct verify_options *o)
{
	v->n_permitted = 0;
	for (size_t i = 0; v->checkpoint && i < v->checkpoint->n_files; i++) {
		struct layout *l = &v->checkpoint->files[i].layout;

		for (size_t k = 0; k < l->n_imports; k++)
			if (!l->imports[k].allowed && is_permitted(l->imports[k].name, o)) {
				l->imports[k].allowed = true;
				v->n_permitted++;
			}
	}
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
	permit_code(v, o);
	if (v->checkpoint && v->checkpoint->is_directory)
		v->part_only = false;
	return error_is_untold(code) ? fail_again(err, &v->checkpoint_err) : WM_OK;
}

/* Gathers anew at the root of the set, with the sidecar that spoke of it. */
static enum wm_code gather_set(struct verification *v, const struct set *set,
			       const struct verify_options *o, struct wm_error *err)
{
	cleanup_free char *sidecar = NULL;
	struct verify_options options = *o;
	const struct checkpoint_file *f;

	if (v->head->carrier->kind == CARRIER_SIDECAR) {
		sidecar = strdup(v->head->carrier->place);
		if (!sidecar)
			return fail_nomem(err);
		options.sidecar = sidecar;
	}
	verification_release(v);
	TRY(open_at(v, set->root, o, err));
	f = v->checkpoint ? checkpoint_find_file(v->checkpoint, set->path) : NULL;
	if (v->checkpoint && (!f || !file_is_same(&f->opened, &set->st)))
		(void)fail(&v->checkpoint_err, REASON_FILE_CHANGED,
			   "%s/%s: is another file than a moment before", set->root, set->path);
	TRY(gather_carriers(v, &options, err));
	for (size_t i = 0; !v->part && v->record && i < v->record->n_part; i++)
		if (strcmp(v->record->part[i]->name, set->part) == 0)
			v->part = v->record->part[i]->name;
	return WM_OK;
}

static enum wm_code gather_ancestry(struct verification *v, const struct verify_options *o,
				    struct wm_error *err)
{
	if (!o->lineage || !v->head)
		return WM_OK;
	v->ancestry = calloc(1, sizeof(*v->ancestry));
	if (!v->ancestry)
		return fail_nomem(err);
	return ancestry_gather(v->ancestry, v, o->keys, o->lineage, err);
}

/* Opens the checkpoint first, so that leases cover all that follows; measures it last. */
enum wm_code verification_gather(struct verification *out, const char *path,
				 const struct verify_options *options, struct wm_error *err)
{
	cleanup_set struct set set = { 0 };
	struct verification *v = out;
	enum wm_code code;

	TRY(open_at(v, path, options, err));
	TRY(gather_carriers(v, options, err));
	TRY(find_set(&set, v, err));
	if (set.root)
		TRY(gather_set(v, &set, options, err));
	/* Once the carriers are those of the set: what is remembered changes by being asked. */
	if (v->carriers_err.code == WM_OK)
		TRY(logs_gather(v, options->log_keys, options->log_state, err));
	if (!v->checkpoint || !v->record || v->checkpoint_err.code != WM_OK)
		return WM_OK;
	code = tell_inherited(v, options, &v->checkpoint_err);
	if (code == WM_OK)
		code = measure_checkpoint(v, options, &v->checkpoint_err);
	if (error_is_untold(code))
		return fail_again(err, &v->checkpoint_err);
	return gather_ancestry(v, options, err);
}
