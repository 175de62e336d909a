/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following symbolic links out of a checkpoint directory, as far as they may lead.
 *
 * A link is followed first and judged by where the file that was opened stands, as the
 * kernel tells it for the descriptor (/proc/self/fd). So it does not matter how many links
 * led there, nor what becomes of them meanwhile: what was opened is what was judged.
 */
#ifndef CHECKPOINT_LINK_H
#define CHECKPOINT_LINK_H

#include <limits.h>
#include <sys/stat.h>

#include "util/error.h"

/* Where links may end; real places, "" where there is none. */
struct link_bounds {
	int proc;	       /* the directory /proc/self/fd; -1 where there is none */
	char root[PATH_MAX];   /* beneath it, or, if it is CACHE/snapshots/X, in CACHE/blobs */
	char within[PATH_MAX]; /* beneath it */
};

/*
 * Bounds for the directory `root`, open and named for messages, and for the directory
 * `links_within` unless that is NULL. Fails with `not-found`, `read-failed`.
 */
MUST_USE enum wm_code link_bounds_init(struct link_bounds *out, int root,
				       const char *links_within, struct wm_error *err);

void link_bounds_release(struct link_bounds *b);

/*
 * Opens the file that the link `name` in the directory `dir` leads to. `path` names it in
 * messages. Fails with `link-outside`; `not-a-file` (a directory, a FIFO, nothing, a loop),
 * without opening what is none; `read-failed`.
 */
MUST_USE enum wm_code link_open(int *fd, struct stat *st, const struct link_bounds *b, int dir,
				const char *name, const char *path, struct wm_error *err);

/* What is there in place of a regular file: "a FIFO". Static. */
const char *file_kind(mode_t mode);

/* Fails with `read-failed` for `path` by errno; says how where descriptors ran out. */
enum wm_code fail_open(struct wm_error *err, const char *path) __attribute__((cold));

#endif
