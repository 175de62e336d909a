/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the files of a checkpoint, and looking at what was opened. */
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/external.h"
#include "checkpoint/rewrite.h"
#include "statement/sidecar.h"
#include "util/file.h"
#include "util/lease.h"

static void file_release(struct checkpoint_file *f)
{
	layout_release(&f->layout);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->place);
}

void checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_files; i++)
		file_release(&c->files[i]);
	free(c->files);
	for (size_t i = 0; i < c->n_parts; i++)
		free(c->parts[i].files);
	free(c->parts);
	free(c->passed_over);
	arena_release(&c->arena);
	free(c->path);
	free(c);
}

void checkpoint_close_files(struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		if (c->files[i].fd >= 0)
			close(c->files[i].fd);
		c->files[i].fd = -1;
	}
}

/* A pointer's text would not keep the grammar that its name claims. */
static enum wm_code read_pointer(struct checkpoint_file *f, uint64_t size, struct wm_error *err)
{
	uint8_t bytes[POINTER_BYTES];

	if (size == 0 || size > sizeof(bytes))
		return WM_OK;
	TRY(file_read_at(f->fd, bytes, (size_t)size, 0, f->place, err));
	f->is_pointer = pointer_read(&f->pointer, bytes, (size_t)size);
	return WM_OK;
}

/* Takes a lease on the open file and parses it. */
static enum wm_code parse_file(struct checkpoint_file *f, bool may_be_empty, struct wm_error *err)
{
	uint64_t size = (uint64_t)f->opened.st_size;

	f->writers_excluded = lease_take(f->fd);
	TRY(read_pointer(f, size, err));
	if (f->is_pointer || (size == 0 && may_be_empty &&
			      format_pick(f->path, 0, (const uint8_t *)"", 0) == &format_raw)) {
		const struct window w = { .fd = f->fd, .size = size, .name = f->place };

		f->layout.format = &format_raw;
		return format_raw.parse(&f->layout, &w, err);
	}
	return format_parse(&f->layout, f->fd, size, f->place, err);
}

static enum wm_code open_lone(struct checkpoint *c, struct wm_error *err)
{
	struct checkpoint_file *f = calloc(1, sizeof(*f));
	uint64_t size;

	if (!f)
		return fail_nomem(err);
	f->fd = -1;
	f->layout = (struct layout)LAYOUT_INIT;
	c->files = f;
	c->n_files = 1;
	f->path = strdup(file_name(c->path));
	f->place = strdup(c->path);
	if (!f->path || !f->place)
		return fail_nomem(err);
	f->role = ROLE_LOAD;
	TRY(file_open(&f->fd, &size, c->path, err));
	if (rewrite_unfinished(c->path))
		return fail(err, REASON_UNFINISHED, "%s: a change of it was interrupted", c->path);
	if (fstat(f->fd, &f->opened) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", c->path, strerror(errno));
	return parse_file(f, false, err);
}

/* --- directories --------------------------------------------------------------------- */

/*
 * Only what decodes as a sidecar is passed over as one: anything else is a file to load.
 * `left` is how many bytes may yet be read to find that out, for holes cost nobody anything.
 */
static enum wm_code is_sidecar(bool *out, const struct walk_entry *e, const char *place,
			       uint64_t *left, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	cleanup_sidecar struct sidecar sidecar = { 0 };
	uint8_t start[SIDECAR_START];
	struct wm_error wrong = { 0 };
	uint64_t size = (uint64_t)e->st.st_size;
	enum wm_code code;

	*out = false;
	if (!file_has_suffix(e->path, SIDECAR_SUFFIX) || size > LIMIT_SIDECAR ||
	    size < sizeof(start))
		return WM_OK;
	TRY(file_read_at(e->fd, start, sizeof(start), 0, place, err));
	if (!sidecar_begins(start))
		return WM_OK;
	if (size > *left)
		return fail(err, REASON_LIMIT, "%s: with it the sidecars have more than %d bytes",
			    place, LIMIT_SIDECAR);
	*left -= size;
	TRY(buf_reserve(&bytes, (size_t)size, err));
	TRY(file_read_at(e->fd, bytes.data, (size_t)size, 0, place, err));
	code = sidecar_decode(&sidecar, bytes.data, (size_t)size, place, &wrong);
	if (error_is_untold(code))
		return fail_again(err, &wrong);
	*out = code == WM_OK;
	return WM_OK;
}

static enum wm_code pass_over(struct checkpoint *c, const char *path, struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, &c->arena, path, strlen(path), err));
	c->passed_over[c->n_passed_over++] = copy;
	return WM_OK;
}

/* A file that is linked to has its journal beside it, where the walk does not come. */
static enum wm_code check_target(const struct checkpoint *c, const char *path,
				 struct wm_error *err)
{
	cleanup_free char *place = NULL;

	if (asprintf(&place, "%s/%s", c->path, path) < 0) {
		place = NULL;
		return fail_nomem(err);
	}
	if (rewrite_unfinished(place))
		return fail(err, REASON_UNFINISHED, "%s: a change of it was interrupted", place);
	return WM_OK;
}

/* Before anything is parsed: a file with a journal need not keep its grammar. */
static enum wm_code check_finished(const struct checkpoint *c, const struct walk *w,
				   struct wm_error *err)
{
	for (size_t i = 0; i < w->n_entries; i++) {
		const char *path = w->entries[i].path;

		if (file_has_suffix(file_name(path), JOURNAL_SUFFIX))
			return fail(err, REASON_UNFINISHED,
				    "%s/%.*s: a change of it was interrupted", c->path,
				    (int)(strlen(path) - strlen(JOURNAL_SUFFIX)), path);
		if (file_is_temporary(file_name(path)))
			return fail(err, REASON_UNFINISHED,
				    "%s/%s: a file that was being written", c->path, path);
		if (w->entries[i].linked)
			TRY(check_target(c, path, err));
	}
	return WM_OK;
}

static enum wm_code take_entry(struct checkpoint *c, struct walk_entry *e, uint64_t *left,
			       struct wm_error *err)
{
	struct checkpoint_file *f = &c->files[c->n_files];
	cleanup_free char *place = NULL;
	bool sidecar;

	if (asprintf(&place, "%s/%s", c->path, e->path) < 0) {
		place = NULL;
		return fail_nomem(err);
	}
	TRY(is_sidecar(&sidecar, e, place, left, err));
	if (sidecar)
		return pass_over(c, e->path, err);
	f->path = strdup(e->path);
	if (!f->path)
		return fail_nomem(err);
	f->place = take_ptr(&place);
	f->role = e->role;
	f->fd = take_fd(&e->fd);
	f->opened = e->st;
	f->layout = (struct layout)LAYOUT_INIT;
	c->n_files++;
	return parse_file(f, true, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum wm_code open_directory(struct checkpoint *c, const char *links_within,
				   struct wm_error *err)
{
	cleanup_walk struct walk w = { 0 };
	uint64_t left = LIMIT_SIDECAR;
	bool loads = false;

	c->is_directory = true;
	TRY(walk_directory(&w, c->path, links_within, err));
	TRY(check_finished(c, &w, err));
	c->files = calloc(w.n_entries + 1, sizeof(*c->files));
	c->passed_over = calloc(w.n_entries + w.n_passed_over + 1, sizeof(*c->passed_over));
	if (!c->files || !c->passed_over)
		return fail_nomem(err);
	for (size_t i = 0; i < w.n_passed_over; i++)
		TRY(pass_over(c, w.passed_over[i], err));
	for (size_t i = 0; i < w.n_entries; i++)
		TRY(take_entry(c, &w.entries[i], &left, err));
	qsort(c->passed_over, c->n_passed_over, sizeof(*c->passed_over), compare_names);
	for (size_t i = 0; i < c->n_files; i++)
		loads |= c->files[i].role == ROLE_LOAD;
	if (!loads)
		return fail(err, REASON_EMPTY_CHECKPOINT, "%s: has no file to load", c->path);
	return WM_OK;
}

enum wm_code checkpoint_open(struct checkpoint **out, const char *path,
			     const struct checkpoint_open_options *options, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = calloc(1, sizeof(*c));
	struct stat st;

	if (!c)
		return fail_nomem(err);
	c->arena = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	c->path = strdup(path);
	if (!c->path)
		return fail_nomem(err);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (size_t len = strlen(path); len > 1 && c->path[len - 1] == '/'; len--)
			c->path[len - 1] = '\0';
		TRY(open_directory(c, options->links_within, err));
	} else {
		TRY(open_lone(c, err));
	}
	TRY(external_resolve(c, err));
	*out = take_ptr(&c);
	return WM_OK;
}

/* --- looking at it ------------------------------------------------------------------- */

struct checkpoint_file *checkpoint_find_file(const struct checkpoint *c, const char *path)
{
	size_t low = 0, high = c->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(c->files[middle].path, path);

		if (order == 0)
			return &c->files[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t checkpoint_n_tensors(const struct checkpoint *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_files; i++)
		n += c->files[i].layout.n_tensors;
	return n;
}

const char *checkpoint_without_tensors(const struct checkpoint *c)
{
	bool known = false, told = false;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];

		/* What a pointer stands for, and what is not there, may well hold some. */
		if (f->is_pointer || f->layout.n_tensors + f->layout.n_externals > 0)
			return NULL;
		known |= f->layout.format != &format_raw;
		told |= f->layout.has_tensors;
	}
	return told  ? "it holds no tensors" :
	       known ? "tensors of this format cannot be told apart" :
		       "no known format: tensors cannot be told apart";
}

uint64_t checkpoint_size(const struct checkpoint *c)
{
	uint64_t size = 0;

	for (size_t i = 0; i < c->n_files; i++)
		size += c->files[i].layout.size;
	return size;
}

bool checkpoint_excluded_writers(const struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++)
		if (!c->files[i].writers_excluded)
			return false;
	return true;
}

bool part_is_whole(const struct checkpoint *c, const struct checkpoint_part *p)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (c->files[p->files[i]].is_pointer)
			return false;
	return p->n_files == p->n_paths;
}

enum wm_code checkpoint_add_part(struct checkpoint *c, const char *name, char *const *paths,
				 size_t n_paths, struct wm_error *err)
{
	struct checkpoint_part p = { .n_paths = n_paths }, *grown;
	cleanup_free size_t *files = calloc(n_paths + 1, sizeof(*files));
	void *list = NULL;
	char *copy = NULL;

	if (!files)
		return fail_nomem(err);
	if (c->n_parts == LIMIT_PARTS)
		return fail(err, REASON_LIMIT, "%s: has more than %d parts", c->path, LIMIT_PARTS);
	TRY(arena_copy(&copy, &c->arena, name, strlen(name), err));
	p.name = copy;
	TRY(arena_alloc(&list, &c->arena, (n_paths + 1) * sizeof(*p.paths), err));
	p.paths = list;
	for (size_t i = 0; i < n_paths; i++) {
		const struct checkpoint_file *f = checkpoint_find_file(c, paths[i]);

		TRY(arena_copy(&copy, &c->arena, paths[i], strlen(paths[i]), err));
		p.paths[i] = copy;
		if (f)
			files[p.n_files++] = (size_t)(f - c->files);
	}
	grown = reallocarray(c->parts, c->n_parts + 1, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	c->parts = grown;
	p.files = take_ptr(&files);
	c->parts[c->n_parts++] = p;
	return WM_OK;
}
