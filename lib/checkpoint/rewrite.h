/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a file another beginning: how slots are put in and taken out.
 *
 * The new file is `head`, then the bytes of the old one from `tail` on. The old one is
 * replaced whole or not at all (rewrite_file), or changed where it lies without moving
 * its bytes (rewrite_in_place). In place, the journal PATH.wmj holds what is needed to
 * finish; while it exists the file counts as unfinished, and rewrite_recover() finishes it.
 *
 *	journal = "weightmark-journal/1\n", old size u64be, new size u64be, tail u64be,
 *	          device u64be, inode u64be, head length u64be, head, SHA-256 of all before
 */
#ifndef CHECKPOINT_REWRITE_H
#define CHECKPOINT_REWRITE_H

#include "util/buf.h"
#include "util/progress.h"

#define JOURNAL_SUFFIX ".wmj"

struct rewrite {
	const char *path; /* of the file */
	int fd;		  /* it, open for reading */
	uint64_t size;	  /* its bytes */
	uint64_t tail;	  /* what follows the new head begins here; head_len - tail is a
			     multiple of 4096, positive or negative */
	const void *head;
	size_t head_len;
	struct progress *progress; /* or NULL; bytes copied are added */
};

/* How the bytes behind the head got there. */
enum rewrite_way { REWRITE_REFLINK, REWRITE_COPY_RANGE, REWRITE_COPY, REWRITE_SHIFT };
const char *rewrite_way_name(enum rewrite_way way);

/*
 * Writes the new file as `to`, which may be the path itself: an unnamed file in the same
 * directory, fsync, name, fsync of the directory; permissions are those of the old one. Bytes
 * are shared where the file system can (FICLONERANGE), else copied once, by the kernel where
 * it can. Fails with `exists` (another `to` that is there), `write-failed`; nothing changed then.
 */
MUST_USE enum wm_code rewrite_file(enum rewrite_way *way, const struct rewrite *r, const char *to,
				   struct wm_error *err);

/*
 * Changes the file itself: journal, FALLOC_FL_INSERT_RANGE or FALLOC_FL_COLLAPSE_RANGE at its
 * beginning, head, fsync, journal removed. Fails before anything changed with
 * `in-place-unsupported` (file system), `hard-linked`, `file-busy` (another process has it
 * open), `unfinished` (a journal is there), `write-failed`.
 */
MUST_USE enum wm_code rewrite_in_place(const struct rewrite *r, struct wm_error *err);

enum recovery { RECOVERY_NONE, RECOVERY_UNDONE, RECOVERY_FINISHED };

/*
 * Brings the file `path` to its old or its new state and removes the journal. NONE: there was
 * no journal; UNDONE: nothing had changed. Fails with `journal-malformed`, `journal-mismatch`
 * (the file is neither), `write-failed`.
 */
MUST_USE enum wm_code rewrite_recover(enum recovery *out, const char *path, struct wm_error *err);

/* Whether an interrupted change of the file `path` left its journal. */
bool rewrite_unfinished(const char *path);

#endif
