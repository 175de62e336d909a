/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process at a time: an advisory lock (flock(2)) on a file or directory that is there
 * anyway. Nothing is left behind, and the lock of a process that was killed is gone.
 */
#ifndef UTIL_LOCK_H
#define UTIL_LOCK_H

#include "util/cleanup.h"
#include "util/error.h"

enum { LOCK_SECONDS = 10 };

/*
 * Locks what has the name `path`, in `fd`, which holds the lock until it is closed. Waits for
 * another holder, also one in this process, at most LOCK_SECONDS; fails with `busy` then.
 * What cannot be opened, or lies on a file system without locks, is not locked: -1, and no
 * failure. So whoever writes compares besides what he read with what stands there.
 */
MUST_USE enum wm_code lock_take(int *fd, const char *path, struct wm_error *err);

/*
 * Locks the file `path`, made with mode 0600 where it is missing and no symbolic link, as
 * lock_take() does; but fails with `write-failed` where it cannot be made or locked.
 */
MUST_USE enum wm_code lock_take_file(int *fd, const char *path, struct wm_error *err);

/* Gives the lock back, if there is one; `*fd` is -1 then. */
void lock_release(int *fd);

#endif
