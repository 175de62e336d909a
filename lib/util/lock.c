/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a lock. */
#include "util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { TRIES_A_SECOND = 50 };

void lock_release(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Whether the file behind `fd` still has the name; a file that was replaced guards nothing. */
static bool has_name(int fd, const char *path)
{
	struct stat locked, named;

	return fstat(fd, &locked) == 0 && stat(path, &named) == 0 &&
	       locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* Stores -1 where there is nothing to lock or no way to; false: it is to be tried again. */
static bool try_lock(int *fd, const char *path)
{
	int wrong = 0;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return true;
	if (flock(*fd, LOCK_EX | LOCK_NB) < 0)
		wrong = errno;
	else if (!has_name(*fd, path))
		wrong = EWOULDBLOCK;
	if (wrong)
		lock_release(fd);
	return wrong != EWOULDBLOCK && wrong != EINTR;
}

enum wm_code lock_take(int *fd, const char *path, struct wm_error *err)
{
	const struct timespec pause = { .tv_nsec = 1000000000 / TRIES_A_SECOND };

	for (int i = 0; i < LOCK_SECONDS * TRIES_A_SECOND; i++) {
		if (try_lock(fd, path))
			return WM_OK;
		nanosleep(&pause, NULL);
	}
	return fail(err, REASON_BUSY, "%s: another process is at work on it; waited %d seconds",
		    path, LOCK_SECONDS);
}

enum wm_code lock_take_file(int *fd, const char *path, struct wm_error *err)
{
	cleanup_fd int made = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (made < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be made", path);
	TRY(lock_take(fd, path, err));
	if (*fd < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be locked", path);
	return WM_OK;
}
