/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place for what strangers send until it was looked at: a bare repository of its own in the
 * directory weightmark/ of the git directory that it is for. It sees the objects of that one, and
 * its refs as "refs/ours/...", so that what is there already need not be sent. Nothing in it
 * is durable.
 */
#ifndef GIT_QUARANTINE_H
#define GIT_QUARANTINE_H

#include "git/repository.h"

/* In place of the prefix of refs. */
#define QUARANTINE_REFS "refs/ours/"

/* Closes and removes it with all that it holds. */
struct quarantine;
void quarantine_free(struct quarantine *q);
DEFINE_CLEANUP(quarantine, struct quarantine, quarantine_free)
#define cleanup_quarantine __attribute__((cleanup(quarantine_cleanup_)))

/*
 * Makes one for `r`, with those at most `max` refs that begin with `prefix`. There is one at a
 * time: another process is waited for (`busy`), and what killed ones left is removed. Fails with
 * `write-failed`.
 */
MUST_USE enum wm_code quarantine_new(struct quarantine **out, const struct repository *r,
				     const char *prefix, size_t max, struct wm_error *err);

/*
 * Takes the lock that a quarantine for `r` holds, so that nobody exchanges anything with it
 * meanwhile; give it back with lock_release(). Fails with `busy`, `write-failed`.
 */
MUST_USE enum wm_code exchange_lock(int *fd, const struct repository *r, struct wm_error *err);

/* Its directory. Borrowed from `q`. */
const char *quarantine_path(const struct quarantine *q);

/* Opens it for reading. */
MUST_USE enum wm_code quarantine_open(struct repository **out, const struct quarantine *q,
				      struct wm_error *err);

#endif
