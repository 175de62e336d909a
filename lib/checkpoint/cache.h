/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring cache: what a file measured the last time, so that signing again reads
 * only what changed (design.md section 4).
 *
 * One small file a measured file, below $XDG_CACHE_HOME/weightmark/measured, named by device
 * and inode. An entry counts only where nobody can have changed the file since: a read lease
 * was held while it was measured and is held now; device, inode, size, mtime and ctime are
 * the same; and ctime was at least two seconds before the entry was made. It holds the
 * grammar and size of the view, all segment digests, the file digest and the plain SHA-256.
 * Anything odd about an entry makes it a miss; losing the cache costs time alone. Only
 * signing uses it: a verifier reads the bytes.
 */
#ifndef CHECKPOINT_CACHE_H
#define CHECKPOINT_CACHE_H

#include "checkpoint/checkpoint.h"

/* Fills digests of the opened, parsed file `f` and sets `measured`, where there is an entry. */
MUST_USE enum wm_code cache_load(struct checkpoint_file *f, struct wm_error *err);

/* Keeps what was measured of `f`, with its SHA-256; a file without a lease is passed over. */
MUST_USE enum wm_code cache_store(const struct checkpoint_file *f, struct wm_error *err);

#endif
