/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for journals and ending what they speak of. */
#include "attest/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/lease.h"
#include "util/limits.h"

void recovered_release(struct recovered *r)
{
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i].path);
	free(r->files);
	*r = (struct recovered){ 0 };
}

/* The length of `path` without the suffix of journals; 0 where it has none. */
static size_t journalled_len(const char *path)
{
	size_t len = strlen(path), suffix = strlen(JOURNAL_SUFFIX);

	if (strlen(file_name(path)) <= suffix || strcmp(path + len - suffix, JOURNAL_SUFFIX) != 0)
		return 0;
	return len - suffix;
}

/* Removes the half written file `path`, unless somebody is writing it. */
static enum wm_code remove_temporary(const char *path, struct wm_error *err)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lease_take_alone(fd) == OTHERS_SOME)
		return fail(err, REASON_FILE_BUSY, "%s: another program writes it", path);
	return file_remove(path, err);
}

/* Room for one more file, before anything is done that has to be reported. */
static enum wm_code make_room(struct recovered *out, struct wm_error *err)
{
	struct recovered_file *grown;

	grown = reallocarray(out->files, out->n_files + 1, sizeof(*grown));
	if (!grown)
		return fail_nomem(err);
	out->files = grown;
	return WM_OK;
}

/* Ends what is to be ended with the file that the first `len` bytes of `path` name. */
static enum wm_code recover_file(struct recovered *out, const char *path, size_t len,
				 struct wm_error *err)
{
	enum recovery recovery = RECOVERY_NONE;
	cleanup_free char *copy = strndup(path, len);

	if (!copy)
		return fail_nomem(err);
	TRY(make_room(out, err));
	TRY(rewrite_recover(&recovery, copy, err));
	if (recovery != RECOVERY_NONE)
		out->files[out->n_files++] = (struct recovered_file){ take_ptr(&copy), recovery };
	return WM_OK;
}

static enum wm_code recover_temporary(struct recovered *out, const char *path,
				      struct wm_error *err)
{
	cleanup_free char *copy = strdup(path);

	if (!copy)
		return fail_nomem(err);
	TRY(make_room(out, err));
	TRY(remove_temporary(copy, err));
	out->files[out->n_files++] = (struct recovered_file){ take_ptr(&copy), RECOVERY_REMOVED };
	return WM_OK;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void close_tree(FTS **tree)
{
	if (*tree)
		fts_close(*tree);
}

/* Whether `path` is a regular file, or a link to one. */
static bool leads_to_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Whether the first `len` bytes of `path` name something. */
static bool names_something(const char *path, size_t len)
{
	char name[LIMIT_PATH];

	if (len >= sizeof(name))
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	return file_exists(name);
}

/* One entry of the directory. */
static enum wm_code recover_entry(struct recovered *out, const FTSENT *e, struct wm_error *err)
{
	bool is_link = e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE;
	size_t len = journalled_len(e->fts_path);

	if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
		errno = e->fts_errno;
		return fail(err, REASON_READ_FAILED, "%s: %s", e->fts_path, strerror(errno));
	}
	if (e->fts_info == FTS_DP)
		return WM_OK;
	if ((e->fts_info == FTS_F || is_link) && file_is_temporary(e->fts_name))
		return recover_temporary(out, e->fts_path, err);
	/* A directory in the place of a journal keeps its file from being changed. */
	if (len > 0 && (e->fts_info != FTS_D || names_something(e->fts_path, len)))
		return recover_file(out, e->fts_path, len, err);
	if (is_link && leads_to_file(e->fts_path))
		return recover_file(out, e->fts_path, e->fts_pathlen, err);
	return WM_OK;
}

static enum wm_code recover_directory(struct recovered *out, const char *path,
				      struct wm_error *err)
{
	__attribute__((cleanup(close_tree))) FTS *tree = NULL;
	cleanup_free char *copy = strdup(path);
	char *const roots[] = { copy, NULL };
	struct wm_error first = { 0 }, why = { 0 };
	const FTSENT *e;

	if (!copy)
		return fail_nomem(err);
	tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!tree)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	while (errno = 0, (e = fts_read(tree)))
		if (recover_entry(out, e, &why) != WM_OK && first.code == WM_OK)
			first = why;
	if (errno != 0 && first.code == WM_OK)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	return first.code == WM_OK ? WM_OK : fail_again(err, &first);
}

enum wm_code checkpoint_recover(struct recovered *out, const char *path, struct wm_error *err)
{
	size_t len = journalled_len(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return recover_directory(out, path, err);
	if (file_is_temporary(file_name(path)) && file_exists(path))
		return recover_temporary(out, path, err);
	if (!file_exists(path) && !rewrite_unfinished(path) && !names_something(path, len))
		return fail(err, REASON_NOT_FOUND, "%s: %s", path, strerror(ENOENT));
	return recover_file(out, path, len > 0 ? len : strlen(path), err);
}
