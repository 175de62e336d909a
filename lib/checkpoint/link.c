/* SPDX-License-Identifier: Apache-2.0 */
/* Links: opened as a mere place first, judged, then opened for reading. */
#include "checkpoint/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

enum { DIGITS_SIZE = 16 };

void link_bounds_release(struct link_bounds *b)
{
	cleanup_fd_(&b->proc);
	b->proc = -1;
}

static const char *digits_of(char out[DIGITS_SIZE], int fd)
{
	snprintf(out, DIGITS_SIZE, "%d", fd);
	return out;
}

/* Where the open file `fd` stands; false where that cannot be told. */
static bool place_of(char out[PATH_MAX], const struct link_bounds *b, int fd)
{
	char digits[DIGITS_SIZE];
	ssize_t n = readlinkat(b->proc, digits_of(digits, fd), out, PATH_MAX);

	if (n <= 0 || n >= PATH_MAX || out[0] != '/') {
		out[0] = '\0';
		return false;
	}
	out[n] = '\0';
	return true;
}

enum wm_code fail_open(struct wm_error *err, const char *path)
{
	if (errno == EMFILE)
		return fail(err, REASON_READ_FAILED,
			    "%s: %s; every file of a checkpoint is held open: raise the limit with "
			    "'ulimit -n'", path, strerror(errno));
	if (errno == ENFILE)
		return fail(err, REASON_READ_FAILED,
			    "%s: %s: close others, or raise fs.file-max beside 'ulimit -n'",
			    path, strerror(errno));
	return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
}

const char *file_kind(mode_t mode)
{
	return S_ISDIR(mode)  ? "a directory" :
	       S_ISFIFO(mode) ? "a FIFO" :
	       S_ISSOCK(mode) ? "a socket" :
	       S_ISBLK(mode)  ? "a block device" :
	       S_ISCHR(mode)  ? "a character device" :
				"not a regular file";
}

enum wm_code link_bounds_init(struct link_bounds *out, int root, const char *links_within,
			      struct wm_error *err)
{
	cleanup_fd int fd = -1;

	out->within[0] = '\0';
	out->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	place_of(out->root, out, root); /* who needs it and has none is told in link_open() */
	if (!links_within)
		return WM_OK;
	fd = open(links_within, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(err, REASON_NOT_FOUND, "%s: %s", links_within, strerror(errno));
	if (fd < 0)
		return fail_open(err, links_within);
	if (!place_of(out->within, out, fd))
		return fail(err, REASON_READ_FAILED, "%s: where it is cannot be told without /proc",
			    links_within);
	return WM_OK;
}

static bool is_beneath(const char *place, const char *directory)
{
	size_t len = strlen(directory);

	if (len == 1) /* the root of all */
		return true;
	return len > 0 && strncmp(place, directory, len) == 0 && place[len] == '/';
}

/* Whether `root` is CACHE/snapshots/REVISION and `place` CACHE/blobs/NAME. */
static bool is_cached(const char *place, const char *root)
{
	static const char snapshots[] = "/snapshots", contents[] = "/blobs/";
	const char *revision = strrchr(root, '/');
	size_t len = revision ? (size_t)(revision - root) : 0;

	if (len < strlen(snapshots))
		return false;
	len -= strlen(snapshots);
	return strncmp(root + len, snapshots, strlen(snapshots)) == 0 &&
	       strncmp(place, root, len) == 0 &&
	       strncmp(place + len, contents, strlen(contents)) == 0 &&
	       !strchr(place + len + strlen(contents), '/');
}

/* Opens the link's end as a place: nothing is opened that reading could disturb. */
static enum wm_code open_place(int *fd, int dir, const char *name, const char *path,
			       struct wm_error *err)
{
	*fd = openat(dir, name, O_PATH | O_CLOEXEC);
	if (*fd < 0 && errno == ELOOP)
		return fail(err, REASON_NOT_A_FILE, "%s: is a link in a loop of links", path);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(err, REASON_NOT_A_FILE, "%s: is a link to nothing", path);
	return *fd < 0 ? fail_open(err, path) : WM_OK;
}

static enum wm_code check_place(const struct link_bounds *b, int fd, const char *path,
				struct wm_error *err)
{
	char place[PATH_MAX];

	if (!*b->root || !place_of(place, b, fd))
		return fail(err, REASON_READ_FAILED,
			    "%s: where this link leads cannot be told without /proc", path);
	if (is_beneath(place, b->root) || is_cached(place, b->root) ||
	    is_beneath(place, b->within))
		return WM_OK;
	return fail(err, REASON_LINK_OUTSIDE, "%s: leads to %s", path, place);
}

enum wm_code link_open(int *fd, struct stat *st, const struct link_bounds *b, int dir,
		       const char *name, const char *path, struct wm_error *err)
{
	cleanup_fd int end = -1;
	char digits[DIGITS_SIZE];
	int opened;

	TRY(open_place(&end, dir, name, path, err));
	if (fstat(end, st) < 0)
		return fail_open(err, path);
	if (!S_ISREG(st->st_mode))
		return fail(err, REASON_NOT_A_FILE, "%s: is a link to what is %s", path,
			    file_kind(st->st_mode));
	TRY(check_place(b, end, path, err));
	opened = openat(b->proc, digits_of(digits, end),
			O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (opened < 0)
		return fail_open(err, path);
	*fd = opened;
	return WM_OK;
}
