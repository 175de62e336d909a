/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree heads that a verifier has seen of a log, so that a log which shows him another
 * history later is found out.
 *
 * One file a log below a directory of the user's state (normally $XDG_STATE_HOME/weightmark/logs):
 * the hex SHA-256 of the verifier key, and ".json". It holds notes, each signed, so that nobody who
 * could write to it can make a log look guilty; who can remove it makes the verifier forget, and
 * he is told. Of the heads that are known to be one history the newest is linked; others were seen:
 * older ones, and those that nothing at hand connects. Written whole or not at all; of several
 * processes each adds to what is there under a lock. The file is canonical JSON:
 *
 *	{"heads": [{"linked": true, "note": NOTE}, ...], "kind": "weightmark-heads/1"}
 *
 * with the linked head first, if there is one, and then the others, the oldest first.
 */
#ifndef LOG_MEMORY_H
#define LOG_MEMORY_H

#include "log/tiles.h"

enum linkage {
	LINK_FIRST,    /* nothing was remembered of this log */
	LINK_LINKED,   /* the head is one history with what is remembered */
	LINK_UNLINKED, /* of another size than what is remembered, and nothing connects them */
	LINK_FORK,     /* contradicts a remembered head */
	LINK_BEHIND,   /* smaller than the newest linked head, and not connected with it */
};

/* "first-seen", "linked", "unlinked", "fork", "behind". Static. */
const char *linkage_name(enum linkage linkage);

struct log_memory;
void log_memory_free(struct log_memory *m);
DEFINE_CLEANUP(log_memory, struct log_memory, log_memory_free)
#define cleanup_log_memory __attribute__((cleanup(log_memory_cleanup_)))

/*
 * Loads what is remembered of the log `key` below `directory`; nothing is no failure. Notes that
 * do not verify are dropped. Fails with `state-malformed`, `read-failed`.
 */
MUST_USE enum wm_code log_memory_load(struct log_memory **out, const char *directory,
				      const struct log_key *key, struct wm_error *err);

/*
 * Compares `note`, which verified under the key, with what is remembered. `tiles`, or NULL, has the
 * tree of `tiles_size` entries, its root checked by the caller against a note that verified: it
 * connects heads up to that size. What cannot be proved with them connects and accuses nobody. Of a
 * fork `evidence` gets the evidence (log/evidence.h). Fails as the source of `tiles` does.
 */
MUST_USE enum wm_code log_memory_compare(enum linkage *out, struct log_memory *m,
					 const struct note *note, struct tiles *tiles,
					 uint64_t tiles_size, struct buf *evidence,
					 struct wm_error *err);

/*
 * Remembers `note`: `linked` where it is known to be one history with the linked heads (or the
 * first), else among those that were seen, the oldest of which is forgotten beyond LIMIT_HEADS.
 * The newest linked head stays; a smaller one in whose place it comes stays as one that was seen.
 */
MUST_USE enum wm_code log_memory_add(struct log_memory *m, const struct note *note, bool linked,
				     struct wm_error *err);

/* The newest linked head, or NULL. Borrowed from `m`. */
const struct note *log_memory_head(const struct log_memory *m);

/* Remembered notes: the head first. NULL after the last. Borrowed. */
const struct note *log_memory_at(const struct log_memory *m, size_t i);

/*
 * Writes what changed below the directory it was loaded from, merged with what others wrote: where
 * another process linked a head meanwhile, the larger one stays linked and the other one was seen.
 * Fails with `state-malformed`, `busy`, `write-failed`.
 */
MUST_USE enum wm_code log_memory_store(struct log_memory *m, struct wm_error *err);

/*
 * Keeps `evidence` as a new file "ORIGIN-SIZE-8HEX.fork.json" (slashes of the origin as "-") below
 * `directory`/evidence and stores its path; free() it. SIZE is that of the larger head. The same
 * evidence again is the same file. Fails as evidence_check() and file_write() do.
 */
MUST_USE enum wm_code evidence_store(char **path, const char *directory,
				     const struct buf *evidence, struct wm_error *err);

/*
 * Fails with `log-fork` and `what`, whatever becomes of the evidence: keeps that below `directory`
 * (NULL: nowhere) and says where, or why it could not be kept. `*path` as evidence_store() has it;
 * untouched where nothing was kept.
 */
enum wm_code fail_forked(char **path, const char *directory, const struct buf *evidence,
			 const char *what, struct wm_error *err);

#endif
