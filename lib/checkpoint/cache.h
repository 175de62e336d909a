/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring cache: what a file measured the last time, so that signing again reads
 * only what changed (docs/design.md, "Measuring").
 *
 * One small file a measured file of CACHE_FROM_BYTES or more, below
 * $XDG_CACHE_HOME/weightmark/measured, or $HOME/.cache where that is not set, named by device
 * and inode. An entry counts only where nobody can have changed the file since: a read lease
 * was held while it was measured and is held now; the machine was not started anew and the
 * file system not mounted anew; device, inode, size, mtime and ctime are the same; and ctime
 * was at least two seconds before the entry was made. Anything odd about an entry, or a
 * folder or entry that others may write to, makes it a miss; losing the cache costs time
 * alone, and it may be removed at any time. Only signing uses it: a verifier reads the bytes.
 *
 * What remains believed: a file whose bytes were changed below its mounted file system, on
 * the block device or by another machine that shares it; before Linux 6.8, where ids of
 * mounts are used again, also one that was changed while it was not mounted, where the file
 * system gives the same device, inode and times afterwards.
 *
 *	entry    = "weightmark-measured/2\n", boot id, mount id (STATX_MNT_ID_UNIQUE, else
 *	           STATX_MNT_ID), id of the file system (f_fsid), device, inode,
 *	           size of the file, mtime, ctime, size of the view, length of grammar,
 *	           grammar, n of segments, time when the entry was made, n segment digests,
 *	           file digest, plain SHA-256 of the view, SHA-256 of all before
 *	numbers  = u64 big-endian; times = seconds, nanoseconds; the boot id is text
 *
 * The file digest is computed anew from the segments as they are parsed now and the digests
 * in the entry, and must be the one in the entry.
 */
#ifndef CHECKPOINT_CACHE_H
#define CHECKPOINT_CACHE_H

#include <time.h>

#include "checkpoint/checkpoint.h"

/* Smaller files are read faster than their entries. */
enum { CACHE_FROM_BYTES = 1 << 20 };

/*
 * Fills digests of the opened, parsed file `f` and sets `measured`, `has_sha256` and
 * `from_cache`, where there is an entry. A file that cannot be read in the cache is a miss:
 * fails only where memory or libcrypto does.
 */
MUST_USE enum wm_code cache_load(struct checkpoint_file *f, struct wm_error *err);

/*
 * Keeps what was measured of `f`, with its SHA-256; passes over a file without a lease, one
 * that came from the cache, and one that changed within the last two seconds. An entry
 * that cannot be written is none: fails as cache_load() does.
 */
MUST_USE enum wm_code cache_store(const struct checkpoint_file *f, struct wm_error *err);

/* --- for other caches of this kind -------------------------------------------------------- */

enum { BOOT_ID_BYTES = 36 };

/* Which mount of which file system a file is on, since which start of the machine. */
struct cache_below {
	char boot_id[BOOT_ID_BYTES];
	uint64_t mount, file_system;
};

/* False where that cannot be told. */
bool cache_look_below(struct cache_below *out, int file);

/* Whether `made` is so long after `changed` that a change in between would show. */
bool cache_settled(const struct timespec *changed, const struct timespec *made);

/* Stores the folder `name` of caches, or NULL where the environment names none; free() it. */
MUST_USE enum wm_code cache_folder(char **out, const char *name, struct wm_error *err);

/*
 * Whether it is of this type, the user's own, and nobody else may write to it: whoever could, could
 * sign with our key what he likes.
 */
bool cache_is_ours(int fd, mode_t type, off_t *size);

/* Opens the folder, or -1 where it is not ours. */
int cache_open_folder(const char *folder);

#endif
