/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, permissions, lists and attributes, from one file to another. */
#include "checkpoint/attributes.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/cleanup.h"

#ifndef XATTR_LIST_MAX
#define XATTR_LIST_MAX 65536
#define XATTR_SIZE_MAX 65536
#endif

static const char acl[] = "system.posix_acl_access";

/* Lists of access are of this kind, on NFS as well. */
static bool is_list(const char *name)
{
	return strncmp(name, "system.", strlen("system.")) == 0;
}

static bool is_of_the_bytes(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0 ||
	       strcmp(name, "security.capability") == 0;
}

/* Whether an attribute may be missing for it, since another file could do no better. */
static bool may_be_left_out(int error)
{
	return error != ENOSPC && error != EDQUOT && error != EIO && error != ENOMEM;
}

/* Copies the attribute `name`; 0 or errno. `value` has room for the longest. */
static int copy_one(int to, int from, const char *name, void *value)
{
	ssize_t len = fgetxattr(from, name, value, XATTR_SIZE_MAX);

	if (len < 0)
		return errno == ENODATA ? 0 : errno;
	return fsetxattr(to, name, value, (size_t)len, 0) < 0 ? errno : 0;
}

/* Copies all that are listed. `*lists_kept` turns false where a list of access could not be. */
static int copy_all(int to, int from, bool same_group, bool *lists_kept)
{
	cleanup_free char *names = malloc(XATTR_LIST_MAX);
	cleanup_free void *value = malloc(XATTR_SIZE_MAX);
	ssize_t len;

	if (!names || !value) {
		errno = ENOMEM;
		return -1;
	}
	len = flistxattr(from, names, XATTR_LIST_MAX);
	if (len < 0)
		return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		/* A list of another group would be one for that. */
		bool left_out = is_of_the_bytes(name) || (is_list(name) && !same_group);
		int error = left_out ? EPERM : copy_one(to, from, name, value);

		if (error == 0)
			continue;
		if (is_list(name))
			*lists_kept = false;
		if (!may_be_left_out(error)) {
			errno = error;
			return -1;
		}
	}
	return 0;
}

/* Takes the list away that the directory of `to` gave it. */
static bool drop_inherited(int to)
{
	return fremovexattr(to, acl) == 0 || errno == ENODATA || errno == EOPNOTSUPP ||
	       errno == ENOSYS;
}

int attributes_keep(int to, int from, const struct stat *old)
{
	mode_t mode = old->st_mode & 07777;
	bool same_group, lists_kept;
	struct stat now;

	if (fstat(to, &now) < 0)
		return -1;
	same_group = (now.st_uid == old->st_uid && now.st_gid == old->st_gid) ||
		     fchown(to, old->st_uid, old->st_gid) == 0 ||
		     fchown(to, (uid_t)-1, old->st_gid) == 0;
	if (!same_group) /* What others may, and no more. */
		mode = (mode & 0707) | (mode & 07) << 3;
	lists_kept = drop_inherited(to);
	if (copy_all(to, from, same_group, &lists_kept) < 0)
		return -1;
	return fchmod(to, lists_kept ? mode : mode & 0700);
}
