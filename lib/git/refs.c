/* SPDX-License-Identifier: Apache-2.0 */
/* Refs: read, listed, moved one at a time. */
#include "git/libgit2.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "util/limits.h"

enum wm_code ref_read(struct object_id *out, bool *found, const struct repository *r,
		      const char *name, struct wm_error *err)
{
	cleanup_git_ref git_reference *ref = NULL;
	int said;

	TRY(repository_check_ref(r, name, err));
	said = git_reference_lookup(&ref, r->git, name);
	*found = said == 0;
	if (said == GIT_ENOTFOUND)
		return WM_OK;
	if (said < 0)
		return fail_libgit2(err, REASON_LEDGER_MALFORMED, "%s", name);
	if (git_reference_type(ref) != GIT_REFERENCE_DIRECT)
		return fail(err, REASON_LEDGER_MALFORMED, "%s: stands for another ref", name);
	*out = from_oid(git_reference_target(ref));
	return WM_OK;
}

enum wm_code ref_sync(const struct repository *r, const char *name, struct wm_error *err)
{
	char path[LIMIT_PATH];
	size_t base = strlen(r->directory);

	snprintf(path, sizeof(path), "%s%s", r->directory, name);
	for (char *slash = strrchr(path, '/'); slash && slash > path + base;
	     slash = strrchr(path, '/')) {
		cleanup_fd int fd = -1;

		*slash = '\0';
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* A packed ref needs no directory. */
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fsync(fd) < 0)
			return fail(err, REASON_WRITE_FAILED, "%s: cannot be synced", path);
	}
	return WM_OK;
}

/*
 * Whether the lock of a ref was left by a process that is gone: git holds one for the time of
 * one rename, so that it is old where nothing has changed it for some seconds.
 */
static bool remove_stale_lock(const struct repository *r, const char *name)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	char path[LIMIT_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s.lock", r->directory, name);
	for (int i = 0; i < 10 * (LOCK_STALE_SECONDS + 1); i++) {
		if (stat(path, &st) < 0)
			return true;
		if (time(NULL) - st.st_mtime >= LOCK_STALE_SECONDS || st.st_mtime > time(NULL) + 60)
			return unlink(path) == 0 || errno == ENOENT;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int try_move(const struct repository *r, const char *name, const git_oid *old,
		    const git_oid *new)
{
	cleanup_git_ref git_reference *ref = NULL;

	if (!old)
		return git_reference_create(&ref, r->git, name, new, 0, "weightmark");
	return git_reference_create_matching(&ref, r->git, name, new, 1, old, "weightmark");
}

enum wm_code ref_move(struct repository *r, const char *name, const struct object_id *old,
		      const struct object_id *new, struct wm_error *err)
{
	const git_oid from = old ? to_oid(old) : (git_oid){ { 0 } }, to = to_oid(new);
	char path[LIMIT_PATH];
	struct stat st;
	bool was_loose;
	int said;

	snprintf(path, sizeof(path), "%s%s", r->directory, name);
	was_loose = stat(path, &st) == 0;
	said = try_move(r, name, old ? &from : NULL, &to);
	if (said == GIT_ELOCKED && remove_stale_lock(r, name))
		said = try_move(r, name, old ? &from : NULL, &to);
	if (said == GIT_EMODIFIED || said == GIT_EEXISTS || said == GIT_ENOTFOUND)
		return fail_libgit2(err, REASON_REF_MOVED, "%s", name);
	if (said == GIT_ELOCKED)
		return fail_libgit2(err, REASON_BUSY, "%s", name);
	if (said < 0)
		return fail_libgit2(err, REASON_WRITE_FAILED, "%s", name);
	return was_loose ? WM_OK : ref_sync(r, name, err);
}

enum wm_code ref_list(const struct repository *r, const char *prefix, size_t max,
		      ref_visitor *visit, void *context, struct wm_error *err)
{
	cleanup_git_refs git_reference_iterator *refs = NULL;
	char glob[LIMIT_PATH];
	const char *name;
	size_t n = 0;
	int said;

	snprintf(glob, sizeof(glob), "%s*", prefix);
	if (git_reference_iterator_glob_new(&refs, r->git, glob) < 0)
		return fail_libgit2(err, REASON_LEDGER_MALFORMED, "%s", r->directory);
	while ((said = git_reference_next_name(&name, refs)) == 0) {
		if (n++ == max)
			return fail(err, REASON_LIMIT, "%s: more than %zu refs below %s",
				    r->directory, max, prefix);
		TRY(visit(context, name, err));
	}
	if (said != GIT_ITEROVER)
		return fail_libgit2(err, REASON_LEDGER_MALFORMED, "%s", r->directory);
	return WM_OK;
}
