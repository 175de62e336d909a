/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a directory tree, each directory listed and checked before it is opened up. */
#include "checkpoint/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/link.h"
#include "text/fold.h"
#include "util/cleanup.h"
#include "util/limits.h"
#include "util/relpath.h"

enum { FIRST_CAP = 64 };

/* One name of a directory that was listed. */
struct item {
	const char *path; /* within the root; in the walk's arena, as `key` */
	const char *name; /* its last component; in `path` */
	const char *key;  /* its folded form */
	mode_t type;	  /* as the listing had it, permissions aside */
};

/* A directory on the way from the root to where the walk is. */
struct level {
	DIR *dir;
	size_t first, next, end; /* its items: all, those yet to be visited */
};

struct walker {
	struct walk found;
	struct link_bounds bounds;
	struct buf fold; /* for one key */
	struct item *items;
	size_t n_items, cap_items;
	size_t n_files, n_directories; /* that were listed */
	struct level levels[LIMIT_DEPTH + 1];
	size_t n_levels;
};

void walk_release(struct walk *w)
{
	for (size_t i = 0; i < w->n_entries; i++)
		if (w->entries[i].fd >= 0)
			close(w->entries[i].fd);
	free(w->entries);
	free(w->passed_over);
	arena_release(&w->arena);
	*w = (struct walk){ .entries = NULL };
}

static void walker_release(struct walker *w)
{
	while (w->n_levels > 0)
		closedir(w->levels[--w->n_levels].dir);
	free(w->items);
	buf_release(&w->fold);
	link_bounds_release(&w->bounds);
	walk_release(&w->found);
}

/* Room for one more of `n` elements of `size` bytes in `array`. */
static enum wm_code grow(void **array, size_t *cap, size_t n, size_t size, struct wm_error *err)
{
	size_t more = *cap ? *cap * 2 : FIRST_CAP;
	void *grown;

	if (n < *cap)
		return WM_OK;
	grown = reallocarray(*array, more, size);
	if (!grown)
		return fail_nomem(err);
	*array = grown;
	*cap = more;
	return WM_OK;
}

#define GROW(array, cap, n, err)                                                  \
	__extension__({                                                           \
		void *grown_ = (array);                                           \
		enum wm_code code_ = grow(&grown_, (cap), (n), sizeof(*(array)), (err)); \
		(array) = grown_;                                                 \
		code_;                                                            \
	})

/* --- listing ------------------------------------------------------------------ */

static enum wm_code count(struct walker *w, const struct item *item, struct wm_error *err)
{
	size_t n = S_ISDIR(item->type) ? ++w->n_directories : ++w->n_files;

	if (n > LIMIT_FILES)
		return fail(err, REASON_LIMIT, "more than %d %s", LIMIT_FILES,
			    S_ISDIR(item->type) ? "directories" : "files");
	return WM_OK;
}

static enum wm_code make_path(struct walker *w, struct item *item, const char *parent,
			      const char *name, struct wm_error *err)
{
	size_t parent_len = strlen(parent), name_len = strlen(name);
	size_t start = parent_len ? parent_len + 1 : 0;
	void *path = NULL;

	if (start + name_len > LIMIT_PATH)
		return fail(err, REASON_LIMIT, "a path has more than %d bytes: %s/%s", LIMIT_PATH,
			    parent, name);
	TRY(arena_alloc(&path, &w->found.arena, start + name_len + 1, err));
	memcpy(path, parent, parent_len);
	if (start)
		((char *)path)[parent_len] = '/';
	memcpy((char *)path + start, name, name_len);
	item->path = path;
	item->name = item->path + start;
	if (!relpath_valid(item->path))
		return fail(err, REASON_FILE_NAME, "%s: has a name that cannot be signed",
			    item->path);
	return WM_OK;
}

static enum wm_code make_key(struct walker *w, struct item *item, struct wm_error *err)
{
	size_t len = strlen(item->name);
	char *key = NULL;

	item->key = item->name;
	if (fold_is_plain(item->name, len))
		return WM_OK;
	buf_truncate(&w->fold, 0);
	TRY(fold_append(&w->fold, item->name, len, err));
	TRY(arena_copy(&key, &w->found.arena, w->fold.data, w->fold.len, err));
	item->key = key;
	return WM_OK;
}

static enum wm_code add_item(struct walker *w, int dir, const char *parent,
			     const struct dirent *d, struct wm_error *err)
{
	struct item item = { .type = (mode_t)DTTOIF(d->d_type) };
	struct stat st;

	if (d->d_type == DT_UNKNOWN) {
		if (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail_open(err, d->d_name);
		item.type = st.st_mode & S_IFMT;
	}
	TRY(count(w, &item, err));
	TRY(make_path(w, &item, parent, d->d_name, err));
	TRY(make_key(w, &item, err));
	TRY(GROW(w->items, &w->cap_items, w->n_items, err));
	w->items[w->n_items++] = item;
	return WM_OK;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : strcmp(x->name, y->name);
}

/*
 * Sorts the items from `first` on, and finds twins. Paths that fold to one have a first
 * component where they differ in bytes: twins in one directory.
 */
static enum wm_code check_twins(struct walker *w, size_t first, struct wm_error *err)
{
	const struct item *items = w->items;

	if (first < w->n_items)
		qsort(w->items + first, w->n_items - first, sizeof(*items), compare_items);
	for (size_t i = first + 1; i < w->n_items; i++)
		if (strcmp(items[i - 1].key, items[i].key) == 0)
			return fail(err, REASON_NAME_COLLISION, "%s: is the same name as %s",
				    items[i - 1].path, items[i].name);
	return WM_OK;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum wm_code list(struct walker *w, DIR *dir, const char *path, struct wm_error *err)
{
	size_t first = w->n_items;
	const struct dirent *d;

	while ((errno = 0, d = readdir(dir)))
		if (!is_dots(d->d_name))
			TRY(add_item(w, dirfd(dir), path, d, err));
	if (errno)
		return fail_open(err, *path ? path : ".");
	return check_twins(w, first, err);
}

/* Makes the open directory `*fd`, which it takes, the one that the walk is in. */
static enum wm_code enter(struct walker *w, int *fd, const char *path, struct wm_error *err)
{
	struct level *level = &w->levels[w->n_levels];

	if (w->n_levels > LIMIT_DEPTH)
		return fail(err, REASON_LIMIT, "%s: lies more than %d directories deep", path,
			    LIMIT_DEPTH);
	level->dir = fdopendir(*fd);
	if (!level->dir)
		return errno == ENOMEM ? fail_nomem(err) : fail_open(err, path);
	take_fd(fd);
	w->n_levels++;
	level->first = level->next = w->n_items;
	TRY(list(w, level->dir, path, err));
	level->end = w->n_items;
	return WM_OK;
}

static void leave(struct walker *w)
{
	const struct level *level = &w->levels[--w->n_levels];

	closedir(level->dir);
	w->n_items = level->first;
}

/* --- visiting ----------------------------------------------------------------- */

/* A closed list: by any other name, .gitx.safetensors say, it is a file that a loader may read. */
static bool is_passed_over(const struct item *item)
{
	static const char *const names[] = {
		".git", ".gitattributes", ".gitignore", ".gitmodules", ".gitkeep",
		".gitlab-ci.yml", ".github", ".DS_Store",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(item->name, names[i]) == 0)
			return true;
	return S_ISDIR(item->type) && strcmp(item->path, ".cache/huggingface") == 0;
}

static enum wm_code pass_over(struct walker *w, const struct item *item, struct wm_error *err)
{
	struct walk *found = &w->found;
	const char *path = item->path;
	void *copy = NULL;

	if (S_ISDIR(item->type)) {
		size_t len = strlen(path);

		TRY(arena_alloc(&copy, &found->arena, len + 2, err));
		memcpy(copy, path, len);
		((char *)copy)[len] = '/';
		path = copy;
	}
	TRY(GROW(found->passed_over, &found->cap_passed_over, found->n_passed_over, err));
	found->passed_over[found->n_passed_over++] = path;
	return WM_OK;
}

static enum wm_code add_entry(struct walker *w, const struct item *item, int *fd, bool linked,
			      const struct stat *st, struct wm_error *err)
{
	struct walk *found = &w->found;

	TRY(GROW(found->entries, &found->cap_entries, found->n_entries, err));
	found->entries[found->n_entries++] = (struct walk_entry){
		.path = item->path,
		.role = file_role_of(item->path),
		.fd = take_fd(fd),
		.linked = linked,
		.st = *st,
	};
	return WM_OK;
}

static enum wm_code fail_kind(const struct item *item, mode_t mode, struct wm_error *err)
{
	return fail(err, REASON_NOT_A_FILE, "%s: is %s", item->path, file_kind(mode));
}

static enum wm_code follow(struct walker *w, int dir, const struct item *item,
			   struct wm_error *err)
{
	cleanup_fd int fd = -1;
	struct stat st;

	TRY(link_open(&fd, &st, &w->bounds, dir, item->name, item->path, err));
	return add_entry(w, item, &fd, true, &st, err);
}

static enum wm_code fail_to_visit(const struct item *item, struct wm_error *err)
{
	if (errno == ENOENT)
		return fail(err, REASON_FILE_CHANGED, "%s: vanished while its directory was read",
			    item->path);
	return fail_open(err, item->path);
}

/* What the listing said is a hint that may refuse; what was opened decides. */
static enum wm_code visit(struct walker *w, int dir, const struct item *item,
			  struct wm_error *err)
{
	cleanup_fd int fd = -1;
	struct stat st;

	if (is_passed_over(item))
		return pass_over(w, item, err);
	if (S_ISLNK(item->type))
		return follow(w, dir, item, err);
	if (!S_ISDIR(item->type) && !S_ISREG(item->type))
		return fail_kind(item, item->type, err);
	fd = openat(dir, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return follow(w, dir, item, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_to_visit(item, err);
	if (S_ISDIR(st.st_mode))
		return enter(w, &fd, item->path, err);
	if (!S_ISREG(st.st_mode))
		return fail_kind(item, st.st_mode, err);
	return add_entry(w, item, &fd, false, &st, err);
}

static enum wm_code walk_from(struct walker *w, int *root, struct wm_error *err)
{
	TRY(enter(w, root, "", err));
	while (w->n_levels > 0) {
		struct level *level = &w->levels[w->n_levels - 1];
		struct item item; /* a copy: entering a directory moves the array */

		if (level->next == level->end) {
			leave(w);
			continue;
		}
		item = w->items[level->next++];
		TRY(visit(w, dirfd(level->dir), &item, err));
	}
	return WM_OK;
}

static int compare_entries(const void *a, const void *b)
{
	const struct walk_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int compare_paths(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static enum wm_code open_root(int *fd, const char *root, struct wm_error *err)
{
	*fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(err, REASON_NOT_FOUND, "%s: %s", root, strerror(errno));
	return *fd < 0 ? fail_open(err, root) : WM_OK;
}

enum wm_code walk_directory(struct walk *out, const char *root, const char *links_within,
			    struct wm_error *err)
{
	__attribute__((cleanup(walker_release))) struct walker w = {
		.found = { .arena = ARENA_INIT(LIMIT_NAMES) },
		.bounds = { .proc = -1 },
		.fold = BUF_INIT(LIMIT_PATH),
	};
	cleanup_fd int fd = -1;
	enum wm_code code;

	TRY(open_root(&fd, root, err));
	TRY(link_bounds_init(&w.bounds, fd, links_within, err));
	code = walk_from(&w, &fd, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", root);
	if (w.found.n_entries)
		qsort(w.found.entries, w.found.n_entries, sizeof(*w.found.entries),
		      compare_entries);
	if (w.found.n_passed_over)
		qsort(w.found.passed_over, w.found.n_passed_over, sizeof(*w.found.passed_over),
		      compare_paths);
	*out = w.found;
	w.found = (struct walk){ .entries = NULL };
	return WM_OK;
}
