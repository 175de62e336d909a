/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a file another beginning or end: how slots are put in and taken out.
 *
 * The new file is the old one with other `bytes` in place of [from, to), where from is 0 or
 * to is the size. The old one is replaced whole or not at all (rewrite_file), or changed
 * where it lies without moving its bytes (rewrite_in_place). In place, the journal PATH.wmj
 * holds what is needed to finish; while it exists the file counts as unfinished, and
 * rewrite_recover() finishes it.
 *
 *	journal = "weightmark-journal/2\n", old size u64be, new size u64be, from u64be,
 *	          to u64be, 8 bytes that say nothing, inode u64be,
 *	          SHA-256 of the old bytes [from, to),
 *	          SHA-256 of the bytes that stay next to them, up to 65536: behind a
 *	          beginning, before an end,
 *	          length of bytes u64be, bytes, SHA-256 of all before
 *
 * Of devices nothing is said: their numbers, and on XFS the id of the file system, are others
 * after a reboot. The digests tell whether the file is the one.
 *
 * The system calls that change anything in place, in this order, and what is found where
 * the last one carried out is:
 *
 *	linkat     the journal                  the old file: UNDONE
 *	fsync      of its directory             likewise
 *	fallocate  bytes moved (once)           the new size, an old or mixed head: FINISHED
 *	fallocate  room for the head            likewise
 *	fsync      before anything is written   likewise; without it a power cut could keep
 *	                                        the head and lose the move
 *	pwrite64   the head (once or more)      likewise
 *	fsync                                   the new file: FINISHED
 *	unlinkat   the journal                  the new file: NONE
 *	fsync      of its directory             likewise
 *
 * Where bytes are taken out, room is made before they are moved; where the length stays,
 * nothing is moved. A file system may move a file of many extents in several transactions:
 * a power cut in between leaves a file that is neither, and the two digests tell.
 *
 * An end is written over the old one: linkat, fsync, fallocate (room, no size), pwrite64,
 * ftruncate, fsync, unlinkat, fsync. From the first pwrite64 on only the new file can come of
 * it: FINISHED, whatever of it was written.
 */
#ifndef CHECKPOINT_REWRITE_H
#define CHECKPOINT_REWRITE_H

#include "util/buf.h"
#include "util/progress.h"

#define JOURNAL_SUFFIX ".wmj"

struct rewrite {
	const char *path; /* of the file */
	int fd;		  /* it, open for reading; see rewrite_in_place() */
	uint64_t size;	  /* its bytes */
	uint64_t from, to; /* what is replaced: a beginning (from 0) or an end (to its size) */
	const void *bytes; /* what replaces it. For a beginning in place, and for bytes behind */
	size_t len;	   /* it to be shared, as long as before but for a multiple of 4096 */
	struct progress *progress; /* or NULL; bytes copied are added */
};

/* How the bytes that stay got there. */
enum rewrite_way { REWRITE_REFLINK, REWRITE_COPY_RANGE, REWRITE_COPY, REWRITE_IN_PLACE };
const char *rewrite_way_name(enum rewrite_way way);

/*
 * Writes the new file as `to`, which may be the path itself: an unnamed file in the same
 * directory, fsync, name, fsync of the directory; permissions are those of the old one. Bytes
 * are shared where the file system can (FICLONERANGE), else copied once, by the kernel where
 * it can. A `to` that is a symbolic link is replaced, not followed. Owner, group, access
 * control list and extended attributes are kept as far as this process may and the file
 * system can (checkpoint/attributes.h). Fails with `exists`
 * (another `to` that is there), `unfinished`, `file-changed`, `read-failed`, `write-failed`;
 * nothing changed then.
 */
MUST_USE enum wm_code rewrite_file(enum rewrite_way *way, const struct rewrite *r, const char *to,
				   struct wm_error *err);

/*
 * Changes the file itself, in the order above. Fails before anything changed with
 * `in-place-unsupported` (file system, symbolic link, no byte beside that could stay),
 * `hard-linked`, `not-a-file`, `file-busy` (open elsewhere), `unfinished` (a journal is there),
 * `file-changed`, `read-failed`, `write-failed`; with `left-unfinished` where
 * rewrite_recover() has to end it.
 *
 * The descriptor r->fd must be the only one of the file in this process. It stays open, as
 * a descriptor for reading and writing of the same file; a lease on it is given up.
 */
MUST_USE enum wm_code rewrite_in_place(const struct rewrite *r, struct wm_error *err);

/* REMOVED: a half written file; attest/recover.h does that. */
enum recovery { RECOVERY_NONE, RECOVERY_UNDONE, RECOVERY_FINISHED, RECOVERY_REMOVED };

/*
 * Brings the file `path`, or what it is a symbolic link to, to its old or its new state and
 * removes the journal. NONE: there was no journal; UNDONE: nothing had changed. Fails with
 * `journal-malformed` (also where it is no regular file, or a link), `journal-foreign` (it is
 * neither this user's nor root's, has further names, or others may write to it),
 * `journal-mismatch` (another file, beside a link, or neither old nor new), `hard-linked`,
 * `not-a-file`, `file-busy`, `not-found`, `read-failed`, `write-failed` with file and journal
 * as they were; with `left-unfinished` where it can be tried again.
 */
MUST_USE enum wm_code rewrite_recover(enum recovery *out, const char *path, struct wm_error *err);

/* Whether an interrupted change of the file `path`, or of what it links to, left its journal. */
bool rewrite_unfinished(const char *path);

#endif
