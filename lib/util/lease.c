/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, where they mean something. */
#include "util/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* Local file systems of one layer; overlayfs grants leases that do not hold. */
static const unsigned long holding[] = {
	EXT4_SUPER_MAGIC,
	XFS_SUPER_MAGIC,
	BTRFS_SUPER_MAGIC,
	TMPFS_MAGIC,
};

static bool leases_hold(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(holding) / sizeof(*holding); i++)
		if ((unsigned long)fs.f_type == holding[i])
			return true;
	return false;
}

bool lease_take(int fd)
{
	int saved = errno;
	bool taken = false;

	/*
	 * Taking a lease makes this process the owner that is signalled when it breaks, by
	 * SIGIO, which kills. We poll, so the owner is cleared at once; a break in between
	 * sends SIGURG, which does nothing by default.
	 */
	if (leases_hold(fd) && fcntl(fd, F_SETSIG, SIGURG) == 0 &&
	    fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		taken = fcntl(fd, F_SETOWN, 0) == 0 && lease_held(fd);
		if (!taken)
			lease_release(fd);
	}
	errno = saved;
	return taken;
}

enum others lease_take_alone(int fd)
{
	int saved = errno;
	enum others others = OTHERS_UNKNOWN;

	if (leases_hold(fd) && fcntl(fd, F_SETSIG, SIGURG) == 0) {
		if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
			others = OTHERS_NONE;
		else if (errno == EAGAIN)
			others = OTHERS_SOME;
		fcntl(fd, F_SETOWN, 0);
	}
	errno = saved;
	return others;
}

bool lease_held(int fd)
{
	int saved = errno;
	bool held = fcntl(fd, F_GETLEASE) == F_RDLCK;

	errno = saved;
	return held;
}

void lease_release(int fd)
{
	int saved = errno;

	fcntl(fd, F_SETLEASE, F_UNLCK);
	errno = saved;
}
