/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are whole files: of folders, or a list of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "util/array.h"
#include "util/file.h"
#include "util/limits.h"

enum wm_code source_unchanged(int fd, const struct stat *opened, const char *path,
			      struct wm_error *err)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return fail(err, REASON_READ_FAILED, "%s: cannot be looked at", path);
	if (!file_unchanged(opened, &now))
		return fail(err, REASON_FILE_CHANGED, "%s: changed while it was read", path);
	return WM_OK;
}

enum wm_code batch_add_named(struct record_batch *b, const char *name, uint64_t off, uint64_t len,
			     struct wm_error *err)
{
	struct record_item *i = &b->items[b->n];

	*i = (struct record_item){ off, len, 0, b->names.len };
	TRY(buf_append(&b->names, name, strlen(name) + 1, err));
	b->n++;
	return WM_OK;
}

/* --- folders ----------------------------------------------------------------------------- */

/* A folder that is being listed. */
struct level {
	DIR *dir;
	size_t path_len; /* of its path within the root */
};

/* A folder that was listed. */
struct visited {
	struct stat st;
	size_t path; /* in the buffer of paths */
};

struct folder {
	struct record_source base;
	char *root;
	struct level levels[LIMIT_DEPTH + 1];
	size_t n_levels;
	int fd;		 /* of the root */
	struct buf path; /* of the folder that is listed; "" is the root */
	struct visited *visited;
	size_t n_visited;
	struct buf paths; /* of all that were visited, each with a zero */
};

static void folder_free(struct record_source *s)
{
	struct folder *f = (struct folder *)s;

	while (f->n_levels > 0)
		closedir(f->levels[--f->n_levels].dir);
	if (f->fd >= 0)
		close(f->fd);
	free(f->visited);
	buf_release(&f->paths);
	buf_release(&f->path);
	free(f->root);
	free(f);
}

static enum wm_code note_visited(struct folder *f, int fd, struct wm_error *err)
{
	struct visited *list, *v;

	if (f->n_visited == LIMIT_RECORD_FOLDERS)
		return fail(err, REASON_LIMIT, "%s: more than %d folders", f->root,
			    LIMIT_RECORD_FOLDERS);
	list = array_grow(f->visited, f->n_visited, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	f->visited = list;
	v = &list[f->n_visited];
	v->path = f->paths.len;
	if (fstat(fd, &v->st) < 0)
		return fail(err, REASON_READ_FAILED, "%s/%s: cannot be looked at", f->root,
			    buf_str(&f->path));
	TRY(buf_append(&f->paths, buf_str(&f->path), f->path.len + 1, err));
	f->n_visited++;
	return WM_OK;
}

/* Enters the folder that f->path names, which is `name` in the one above. */
static enum wm_code enter(struct folder *f, int above, const char *name, bool follow,
			  struct wm_error *err)
{
	cleanup_fd int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
						(follow ? 0 : O_NOFOLLOW));
	DIR *dir;

	if (f->n_levels > LIMIT_DEPTH)
		return fail(err, REASON_LIMIT, "%s/%s: folders more than %d deep", f->root,
			    buf_str(&f->path), LIMIT_DEPTH);
	if (fd < 0)
		return fail(err, errno == ENOENT ? REASON_NOT_FOUND : REASON_READ_FAILED,
			    "%s/%s: cannot be listed", f->root, buf_str(&f->path));
	TRY(note_visited(f, fd, err));
	dir = fdopendir(fd);
	if (!dir)
		return fail_nomem(err);
	(void)take_fd(&fd);
	f->levels[f->n_levels++] = (struct level){ dir, f->path.len };
	return WM_OK;
}

/* What kind of thing an entry is, where the listing does not say it. */
static enum wm_code kind_of(unsigned char *kind, const struct folder *f, int dir,
			    const struct dirent *d, struct wm_error *err)
{
	struct stat st;

	*kind = d->d_type;
	if (*kind != DT_UNKNOWN)
		return WM_OK;
	if (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, REASON_FILE_CHANGED, "%s/%s: vanished meanwhile", f->root,
			    buf_str(&f->path));
	*kind = IFTODT(st.st_mode);
	return WM_OK;
}

static enum wm_code visit(struct folder *f, struct record_batch *b, const struct dirent *d,
			  struct wm_error *err)
{
	const int dir = dirfd(f->levels[f->n_levels - 1].dir);
	unsigned char kind = DT_UNKNOWN;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return WM_OK;
	TRY(buf_printf(&f->path, err, "%s%s", f->path.len ? "/" : "", d->d_name));
	TRY(kind_of(&kind, f, dir, d, err));
	if (kind == DT_DIR)
		return enter(f, dir, d->d_name, false, err);
	if (kind != DT_REG)
		return fail(err, REASON_RECORD_KIND, "%s/%s: is %s", f->root, buf_str(&f->path),
			    kind == DT_LNK ? "a link" : "a FIFO, a socket or a device");
	return batch_add_named(b, buf_str(&f->path), 0, 0, err);
}

static enum wm_code folder_next(struct record_source *s, struct record_batch *b,
				struct wm_error *err)
{
	struct folder *f = (struct folder *)s;

	b->place = PLACE_PATH;
	b->beneath = true;
	b->fd = f->fd;
	b->path = f->root;
	while (f->n_levels > 0 && b->n < BATCH_ITEMS / 4 && b->names.len < BATCH_NAMES) {
		struct level *top = &f->levels[f->n_levels - 1];
		const struct dirent *d;

		buf_truncate(&f->path, top->path_len);
		errno = 0;
		d = readdir(top->dir);
		if (!d && errno)
			return fail(err, REASON_READ_FAILED, "%s/%s: cannot be listed", f->root,
				    buf_str(&f->path));
		if (d) {
			TRY(visit(f, b, d, err));
			continue;
		}
		closedir(top->dir);
		f->n_levels--;
	}
	return WM_OK;
}

/* Files that came or went changed the folder that they are in. */
static enum wm_code folder_finish(struct record_source *s, struct wm_error *err)
{
	const struct folder *f = (struct folder *)s;
	struct stat now;

	for (size_t i = 0; i < f->n_visited; i++) {
		const char *path = buf_str(&f->paths) + f->visited[i].path;

		if (fstatat(f->fd, *path ? path : ".", &now, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !file_unchanged(&f->visited[i].st, &now))
			return fail(err, REASON_FILE_CHANGED,
				    "%s/%s: files came or went while it was read", f->root, path);
	}
	return WM_OK;
}

enum wm_code source_open_folder(struct record_source **out, const char *path, struct seen *seen,
				struct wm_error *err)
{
	static const struct source_ops ops = { folder_next, folder_finish, folder_free };
	struct folder *f = calloc(1, sizeof(*f));
	cleanup_source struct record_source *s = NULL;

	if (!f)
		return fail_nomem(err);
	s = &f->base;
	s->ops = &ops;
	f->fd = -1;
	f->path = (struct buf)BUF_INIT(LIMIT_PATH);
	f->paths = (struct buf)BUF_INIT((size_t)LIMIT_RECORD_FOLDERS * 256);
	f->root = strdup(path);
	if (!f->root)
		return fail_nomem(err);
	TRY(enter(f, AT_FDCWD, path, true, err));
	f->fd = fcntl(dirfd(f->levels[0].dir), F_DUPFD_CLOEXEC, 0);
	if (f->fd < 0)
		return fail(err, REASON_READ_FAILED, "%s: cannot be listed", path);
	if (seen)
		seen_enter(seen, f->fd);
	*out = take_ptr(&s);
	return WM_OK;
}

/* --- a list ------------------------------------------------------------------------------ */

struct list {
	struct record_source base;
	const char *const *paths;
	size_t n, at;
};

static void list_free(struct record_source *s)
{
	free(s);
}

static enum wm_code list_next(struct record_source *s, struct record_batch *b,
			      struct wm_error *err)
{
	struct list *l = (struct list *)s;

	b->place = PLACE_PATH;
	b->fd = -1;
	for (; l->at < l->n && b->n < BATCH_ITEMS / 4 && b->names.len < BATCH_NAMES; l->at++)
		TRY(batch_add_named(b, l->paths[l->at], 0, 0, err));
	return WM_OK;
}

static enum wm_code list_finish(struct record_source *s, struct wm_error *err)
{
	(void)s;
	(void)err;
	return WM_OK;
}

enum wm_code source_open_list(struct record_source **out, const char *const *paths, size_t n,
			      struct wm_error *err)
{
	static const struct source_ops ops = { list_next, list_finish, list_free };
	struct list *l = calloc(1, sizeof(*l));

	if (!l)
		return fail_nomem(err);
	*l = (struct list){ { &ops, 0 }, paths, n, 0 };
	*out = &l->base;
	return WM_OK;
}
