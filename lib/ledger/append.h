/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a log: one origin, one key, one writer.
 *
 * The writer's files stand in the git directory below weightmark/ORIGIN (slashes as "+"), mode
 *0700, outside git's objects: `log.key`, the log's private key; `state`, the last tree (size, root)
 *that was signed and which entries led to it; `lock`, held (flock) while something is appended.
 *
 * Order of writes, each durable before the next:
 *
 *	1. the entries and the edge as git objects, unsigned
 *	2. `state`: size, root, the commit to build on, the entries
 *	3. the note, the tree and the commit as git objects
 *	4. the branch
 *
 * After 2 the log is bound to that tree: whoever opens the writer next completes 3 and 4, so that
 * one size never has two signed roots. What is killed before 2 leaves unreachable objects only.
 * ledger_append() returns after 4: what it acknowledged survives a power cut.
 */
#ifndef LEDGER_APPEND_H
#define LEDGER_APPEND_H

#include "ledger/ledger.h"

/*
 * Makes the log `origin` in the repository `path`, which is made, bare, where nothing is there; and
 * its key. Interrupted, the same call completes it. Fails with `exists` where the repository has
 * the log, `origin-invalid` (also where a log's name begins with that of another and a slash),
 * `write-failed`, `ledger-malformed`.
 */
MUST_USE enum wm_code ledger_create(struct ledger **out, const char *path, const char *origin,
				    struct wm_error *err);

struct ledger_writer;
void ledger_writer_close(struct ledger_writer *w);
DEFINE_CLEANUP(ledger_writer, struct ledger_writer, ledger_writer_close)
#define cleanup_ledger_writer __attribute__((cleanup(ledger_writer_cleanup_)))

/*
 * Locks the log for writing, and completes what a killed process began. `l` must outlive it. Fails
 * with `not-writer` where this copy has no key or state, `origin-unknown`, `busy`, `ref-moved`
 * where the branch is not where the writer left it, `state-malformed`.
 */
MUST_USE enum wm_code ledger_writer_open(struct ledger_writer **out, struct ledger *l,
					 const char *origin, struct wm_error *err);

/* Where the log stands. Borrowed from `w`, until the next append. */
const struct ledger_head *ledger_writer_head(const struct ledger_writer *w);

/*
 * Appends the `n` envelopes in their order: in one commit, or in one each LIMIT_BATCH. Doubles are
 * the caller's affair. Every PACK_EVERY entries, loose objects are packed. Fails with
 * `write-failed`, `ref-moved`, `limit`; then either all of a commit's entries are there or, as the
 * next ledger_writer_open() will tell, none. A writer that failed after it had bound the log to a
 * tree appends nothing more, `write-failed`: close it and open another one.
 */
enum { PACK_EVERY = 1000 };
MUST_USE enum wm_code ledger_append(struct ledger_writer *w, const struct envelope *list, size_t n,
				    struct wm_error *err);

/* Whether this copy has the key and the state of the log `origin`, without looking into them. */
bool ledger_is_writer(const struct ledger *l, const char *origin);

#endif
