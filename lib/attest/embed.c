/* SPDX-License-Identifier: Apache-2.0 */
/* Slots in and out: everything is made ready in memory before the first file changes. */
#include "attest/embed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/merge.h"
#include "util/file.h"
#include "util/lease.h"
#include "util/limits.h"

enum {
	ZONE_MAX = LIMIT_HEADER + 4 * LIMIT_SLOT, /* a slot takes less: base64 and padding */
};

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void embedding_release(struct embedding *e)
{
	for (size_t i = 0; i < e->n_files; i++)
		free(e->files[i].path);
	free(e->files);
	free_list(e->without, e->n_without);
	free_list(e->dropped, e->n_dropped);
	*e = (struct embedding){ 0 };
}

static enum wm_code add_text(char **list, size_t *n, const char *text, struct wm_error *err)
{
	list[*n] = strdup(text);
	if (!list[*n])
		return fail_nomem(err);
	(*n)++;
	return WM_OK;
}

/* --- changing files ------------------------------------------------------------------ */

/* One file that is to get another zone. */
struct target {
	struct checkpoint_file *file;
	bool unchanged;
};

/* What is to be done with the files of one opened checkpoint. */
struct work {
	const struct embed_options *options;
	struct checkpoint *checkpoint;
	struct target *targets;
	size_t n;
	const struct buf *carried; /* what goes into the slots; NULL: they are taken out */
};

static void work_release(struct work *w)
{
	free(w->targets);
	checkpoint_free(w->checkpoint);
}

#define cleanup_work __attribute__((cleanup(work_release)))

static enum wm_code open_work(struct work *w, const char *path, struct wm_error *err)
{
	TRY(carrier_refuse_sidecar(path, err));
	TRY(checkpoint_open(&w->checkpoint, path, w->options->opening, err));
	if (w->options->out && w->checkpoint->is_directory)
		return fail(err, REASON_USAGE, "%s: is a directory; --out is for a lone file",
			    path);
	if (w->options->out && file_exists(w->options->out))
		return fail(err, REASON_EXISTS, "%s: exists already", w->options->out);
	w->targets = calloc(w->checkpoint->n_files, sizeof(*w->targets));
	return w->targets ? WM_OK : fail_nomem(err);
}

/* Appends what stands in the new file in place of the zone. */
static enum wm_code make_zone(struct buf *zone, const struct work *w,
			      const struct checkpoint_file *f, struct wm_error *err)
{
	const struct layout *l = &f->layout;

	if (!w->carried && l->displaced && l->format->take_displaced)
		return l->format->take_displaced(zone, l, f->place, err);
	if (!w->carried && l->displaced)
		return fail(err, REASON_SLOT_DISPLACED,
			    "%s: what it carries cannot be taken out of this format", f->place);
	if (!w->carried)
		return layout_append_zone(zone, l, err);
	return l->format->embed(zone, l, w->carried->data, w->carried->len, f->place, err);
}

static enum wm_code check_replaceable(const struct checkpoint_file *f,
				      const struct embed_options *o, struct wm_error *err)
{
	struct stat st;

	if (o->out)
		return WM_OK;
	if (lstat(f->place, &st) == 0 && S_ISLNK(st.st_mode))
		return fail(err, REASON_LINKED_FILE, "%s: is a symbolic link", f->place);
	if (o->in_place && f->opened.st_nlink > 1)
		return fail(err, REASON_HARD_LINKED, "%s: has %llu names", f->place,
			    (unsigned long long)f->opened.st_nlink);
	return WM_OK;
}

/* Everything that can be refused before a file is touched. */
static enum wm_code prepare(struct work *w, struct wm_error *err)
{
	cleanup_buf struct buf zone = BUF_INIT(ZONE_MAX);
	uint64_t n_bytes = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct checkpoint_file *f = w->targets[i].file;

		if (w->targets[i].unchanged)
			continue;
		TRY(check_replaceable(f, w->options, err));
		buf_truncate(&zone, 0);
		TRY(make_zone(&zone, w, f, err));
		n_bytes += w->options->in_place
				   ? 0
				   : f->layout.size - (f->layout.zone.to - f->layout.zone.from);
	}
	if (w->options->progress && n_bytes > 0)
		progress_start(w->options->progress, n_bytes);
	return WM_OK;
}

static enum wm_code rewrite(enum rewrite_way *way, const struct rewrite *r,
			    const struct embed_options *o, struct wm_error *err)
{
	/* Our own lease would keep us from opening it for writing. */
	lease_release(r->fd);
	if (o->out)
		return rewrite_file(way, r, o->out, err);
	if (!o->in_place)
		return rewrite_file(way, r, r->path, err);
	*way = REWRITE_IN_PLACE;
	return rewrite_in_place(r, err);
}

static enum wm_code change_file(struct embedded_file *out, const struct work *w,
				const struct target *t, struct wm_error *err)
{
	cleanup_buf struct buf zone = BUF_INIT(ZONE_MAX);
	struct checkpoint_file *f = t->file;
	struct rewrite r = {
		.path = f->place,
		.fd = f->fd,
		.size = f->layout.size + f->layout.slot_len,
		.from = f->layout.zone.from,
		.to = f->layout.zone.from + layout_zone_len(&f->layout),
		.progress = w->options->progress,
	};

	TRY(make_zone(&zone, w, f, err));
	out->unchanged = t->unchanged;
	out->slot_len = w->carried ? zone.len - (f->layout.zone.to - f->layout.zone.from) : 0;
	/* The zone is 8 bytes of length longer than what Hub tools count. */
	out->header_warning = w->carried && f->layout.format == &format_safetensors &&
			      zone.len - 8 > SAFETENSORS_HEADER_HUB;
	if (t->unchanged)
		return WM_OK;
	/* The zone was made of what was parsed. */
	TRY(checkpoint_check_unchanged(f, err));
	r.bytes = zone.data;
	r.len = zone.len;
	TRY(rewrite(&out->way, &r, w->options, err));
	/* A replaced file takes its space until it is closed: one shard more, not all. */
	close(take_fd(&f->fd));
	return WM_OK;
}

static enum wm_code change_all(struct embedding *out, struct work *w, struct wm_error *err)
{
	TRY(prepare(w, err));
	out->files = calloc(w->n, sizeof(*out->files));
	if (!out->files)
		return fail_nomem(err);
	out->n_wanted = w->n;
	for (size_t i = 0; i < w->n; i++) {
		struct embedded_file *e = &out->files[i];
		cleanup_free char *path = strdup(w->targets[i].file->path);

		if (!path)
			return fail_nomem(err);
		TRY(change_file(e, w, &w->targets[i], err));
		e->path = take_ptr(&path);
		out->n_files++;
	}
	return WM_OK;
}

/* --- in ------------------------------------------------------------------------------ */

/* Whether the file has exactly the slot that it would get. */
static bool has_slot(const struct layout *l, const struct buf *carried)
{
	return l->slot_len > 0 && !l->displaced && l->carried.len == carried->len &&
	       memcmp(l->carried.data, carried->data, carried->len) == 0;
}

/* The files of the signed parts, to `without` those that cannot have a slot. */
static enum wm_code choose_targets(struct embedding *out, struct work *w,
				   const Weightmark__V1__Manifest *manifest, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *said = manifest->checkpoint;
	const struct checkpoint *c = w->checkpoint;
	cleanup_free bool *wanted = calloc(c->n_files, sizeof(*wanted));
	size_t n_pointers = 0;

	out->without = calloc(c->n_files, sizeof(*out->without));
	if (!wanted || !out->without)
		return fail_nomem(err);
	for (size_t i = 0; i < said->n_part; i++) {
		for (size_t k = 0; k < said->part[i]->n_path; k++) {
			const struct checkpoint_file *f =
				manifest_file_at(manifest, c, said->part[i]->path[k]);

			if (f)
				wanted[f - c->files] = true;
		}
	}
	for (size_t i = 0; i < c->n_files; i++) {
		struct checkpoint_file *f = &c->files[i];
		const struct layout *l = &f->layout;

		if (!wanted[i])
			continue;
		n_pointers += f->is_pointer;
		if (f->is_pointer || !l->format->embed)
			TRY(add_text(out->without, &out->n_without, f->path, err));
		else
			w->targets[w->n++] = (struct target){
				f, !w->options->out && has_slot(l, w->carried)
			};
	}
	if (w->n == 0 && n_pointers > 0)
		return fail(err, REASON_POINTER_ONLY, "%s: its weights are git-lfs pointers",
			    c->path);
	if (w->n == 0)
		return fail(err, REASON_NO_SLOT, "%s: %zu file%s, none with a place for a slot",
			    c->path, out->n_without, out->n_without == 1 ? "" : "s");
	return WM_OK;
}

/* Counts what is embedded and names what is not any more. */
static enum wm_code report_merge(struct embedding *out, const struct merge *m,
				 struct wm_error *err)
{
	const uint8_t *last = NULL;
	char id[STATEMENT_ID_TEXT + 1];

	out->dropped = calloc(m->n + 1, sizeof(*out->dropped));
	if (!out->dropped)
		return fail_nomem(err);
	for (size_t i = 0; i < m->n; i++) {
		const struct merged *x = &m->list[i];

		out->n_statements += x->kept;
		if (x->kept || x->from_sidecar ||
		    (last && memcmp(last, x->envelope->statement, SHA256_BYTES) == 0))
			continue;
		last = x->envelope->statement;
		statement_id_text(id, last);
		TRY(add_text(out->dropped, &out->n_dropped, id, err));
	}
	return WM_OK;
}

enum wm_code checkpoint_embed(struct embedding *out, const char *path,
			      const struct embed_options *options, struct wm_error *err)
{
	cleanup_work struct work w = { .options = options };
	cleanup_buf struct buf carried = BUF_INIT(LIMIT_SIDECAR);
	cleanup_free char *beside = NULL;
	cleanup_merge struct merge m = { 0 };
	const Weightmark__V1__Manifest *manifest = NULL;

	TRY(open_work(&w, path, err));
	if (!options->sidecar)
		TRY(carrier_sidecar_path(&beside, path, err));
	TRY(merge_gather(&m, w.checkpoint, options->sidecar ? options->sidecar : beside, err));
	TRY(merge_find_manifest(&manifest, &m, w.checkpoint, err));
	TRY(merge_encode(&carried, &m, err));
	w.carried = &carried;
	TRY(choose_targets(out, &w, manifest, err));
	TRY(report_merge(out, &m, err));
	return change_all(out, &w, err);
}

/* --- out ----------------------------------------------------------------------------- */

static bool is_slot(const struct layout *l)
{
	return l->slot_len > 0 && !l->displaced;
}

static bool has_displaced(const struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].layout.displaced)
			return true;
	return false;
}

static enum wm_code fail_missing(const struct checkpoint *c, struct wm_error *err)
{
	return fail(err, REASON_SLOT_MISSING,
		    has_displaced(c) ? "%s: has a slot's value, but not where slots are" :
				       "%s: has no slot", c->path);
}

enum wm_code checkpoint_strip(struct embedding *out, const char *path,
			      const struct embed_options *options, bool displaced,
			      struct wm_error *err)
{
	cleanup_work struct work w = { .options = options };
	size_t n = 0;

	if (displaced && !options->out)
		return fail(err, REASON_USAGE, "%s: --displaced changes what is measured, and "
					       "writes a new file only: --out", path);
	TRY(open_work(&w, path, err));
	for (size_t i = 0; i < w.checkpoint->n_files; i++) {
		const struct layout *l = &w.checkpoint->files[i].layout;

		if (w.checkpoint->files[i].role == ROLE_LOAD &&
		    (is_slot(l) || (displaced && l->displaced)))
			w.targets[n++].file = &w.checkpoint->files[i];
	}
	if (n == 0 && (options->out || has_displaced(w.checkpoint)))
		return fail_missing(w.checkpoint, err);
	w.n = n;
	return n == 0 ? WM_OK : change_all(out, &w, err);
}

enum wm_code checkpoint_extract(struct buf *sidecar, const char *path,
				const struct checkpoint_open_options *opening, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_merge struct merge m = { 0 };

	TRY(carrier_refuse_sidecar(path, err));
	TRY(checkpoint_open(&c, path, opening, err));
	TRY(merge_gather(&m, c, NULL, err));
	if (m.n == 0)
		return fail_missing(c, err);
	return merge_encode(sidecar, &m, err);
}
