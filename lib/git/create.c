/* SPDX-License-Identifier: Apache-2.0 */
/* Making repositories, whole or not at all. */
#include "git/libgit2.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/limits.h"

void directory_remove(char *path)
{
	char *paths[] = { path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;

	while (tree && (e = fts_read(tree)))
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			unlink(e->fts_accpath);
	if (tree)
		fts_close(tree);
}

static enum wm_code make_bare(const char *path, struct wm_error *err)
{
	git_repository_init_options options = { .version = GIT_REPOSITORY_INIT_OPTIONS_VERSION };
	cleanup_git_repo git_repository *git = NULL;

	TRY(libgit2_start(err));
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH |
			GIT_REPOSITORY_INIT_NO_REINIT;
	options.initial_head = "main";
	if (git_repository_init_ext(&git, path, &options) < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "%s: cannot be made a repository",
				    path);
	return WM_OK;
}

enum wm_code repository_create_scratch(struct repository **out, const char *path,
				       struct wm_error *err)
{
	TRY(make_bare(path, err));
	return repository_open(out, path, err);
}

static enum wm_code cannot_be_made(const char *path, struct wm_error *err)
{
	if (errno == ENOTEMPTY || errno == EEXIST)
		return fail(err, REASON_EXISTS,
			    "%s: holds other files and is no git repository; name with --ledger "
			    "one, or a path where nothing is", path);
	return fail(err, REASON_WRITE_FAILED, "%s: cannot be made a repository: %s", path,
		    strerror(errno));
}

/* Makes and syncs the repository `made`, and moves it to `path` in the directory `parent`. */
static enum wm_code make_and_move(const char *made, const char *path, const char *parent,
				  struct wm_error *err)
{
	cleanup_fd int dir = -1;

	TRY(make_bare(made, err));
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || syncfs(dir) < 0 || rename(made, path) < 0 || fsync(dir) < 0)
		return cannot_be_made(path, err);
	return WM_OK;
}

/* What `path` leads to where it is there; else itself, without slashes at its end. */
static enum wm_code real_path(char out[LIMIT_PATH], const char *path, struct wm_error *err)
{
	cleanup_free char *real = realpath(path, NULL);
	int len = snprintf(out, LIMIT_PATH, "%s", real ? real : path);

	if (len >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", path);
	while (len > 1 && out[len - 1] == '/')
		out[--len] = '\0';
	return WM_OK;
}

enum wm_code repository_create(struct repository **out, const char *path, struct wm_error *err)
{
	char real[LIMIT_PATH], parent[LIMIT_PATH] = ".", aside[LIMIT_PATH];
	char made[LIMIT_PATH + sizeof("/git")];
	enum wm_code code;
	size_t len;

	TRY(real_path(real, path, err));
	len = (size_t)(file_name(real) - real);
	if (len > 0)
		snprintf(parent, sizeof(parent), "%.*s", (int)len, real);
	TRY(file_mkdirs(parent, 0777, err));
	if (snprintf(aside, sizeof(aside), "%s/.weightmark-XXXXXX", parent) >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", path);
	if (!mkdtemp(aside))
		return cannot_be_made(path, err);
	snprintf(made, sizeof(made), "%s/git", aside);
	code = make_and_move(made, real, parent, err);
	directory_remove(aside);
	if (code != WM_OK)
		return code;
	return repository_open(out, path, err);
}
