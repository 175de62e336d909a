/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: append-only logs of envelopes, each a branch `weightmark/ORIGIN` of a git repository.
 *
 * Git carries, the tree of lib/log proves. Each commit adds entries, and its tree holds these files
 * and no others, all of mode 100644 (docs/format.md, "Ledgers"):
 *
 *	0000000042 ...	the entries that it adds, named by position
 *	checkpoint	the note over all entries up to and with them
 *	edge		the roots of the complete subtrees at the right edge, largest first
 *	key		the log's verifier key, the same in every commit
 *
 * The first commit adds nothing. Each further one has one parent: history is a line. Whoever reads
 * a ledger recomputes every root; a commit whose files do not give the root that its note signs is
 * refused (`ledger-malformed`), whatever git says of it.
 *
 * Reading takes any repository; nothing in it is executed, and no configuration read. Writing
 * (ledger/append.h) takes the log's private key and the writer's state, which stand in the git
 * directory below `weightmark/`, outside git's objects, and are never cloned.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "git/repository.h"
#include "log/entry.h"
#include "log/note.h"
#include "util/progress.h"

struct ledger;
void ledger_close(struct ledger *l);
DEFINE_CLEANUP(ledger, struct ledger, ledger_close)
#define cleanup_ledger __attribute__((cleanup(ledger_cleanup_)))

/* Opens the repository `path`. Fails with `ledger-missing`, `ledger-malformed`, `read-failed`. */
MUST_USE enum wm_code ledger_open(struct ledger **out, const char *path, struct wm_error *err);

/* The same of an opened repository, which moves in, also on failure. */
MUST_USE enum wm_code ledger_take(struct ledger **out, const char *path, struct repository *r,
				  struct wm_error *err);

/* The path as it was given; the repository's own directory, absolute. Borrowed. */
const char *ledger_path(const struct ledger *l);
const char *ledger_directory(const struct ledger *l);
struct repository *ledger_repository(const struct ledger *l);

/*
 * The origins that have a branch, in ascending order: an array of strings that ends with NULL, for
 * the caller to free with ledger_origins_free(). Fails with `limit` beyond LIMIT_ORIGINS, and with
 * `ledger-malformed` where a branch below `weightmark/` is no origin.
 */
MUST_USE enum wm_code ledger_origins(char ***out, const struct ledger *l, struct wm_error *err);
void ledger_origins_free(char **origins);
DEFINE_CLEANUP(origins, char *, ledger_origins_free)
#define cleanup_origins __attribute__((cleanup(origins_cleanup_)))

/*
 * Fails with `origin-conflict` where the ledger has a log beside whose branch git cannot keep one
 * of `origin`.
 */
MUST_USE enum wm_code ledger_check_name(const struct ledger *l, const char *origin,
					struct wm_error *err);

/* Where a log stands: its newest commit and what that holds. */
struct ledger_head {
	struct object_id commit;
	struct log_key *key; /* owned; as the repository says, pinned by nobody */
	struct note note;    /* verified under `key` */
};

void ledger_head_release(struct ledger_head *h);
#define cleanup_ledger_head __attribute__((cleanup(ledger_head_release)))

/* Fails with `origin-unknown`, `ledger-malformed`, `note-signature`. */
MUST_USE enum wm_code ledger_head(struct ledger_head *out, const struct ledger *l,
				  const char *origin, struct wm_error *err);

/* The same of the commit `commit`, wherever a ref points. */
MUST_USE enum wm_code ledger_head_at(struct ledger_head *out, const struct repository *r,
				     const char *origin, const struct object_id *commit,
				     struct wm_error *err);

/* The ref of an origin: "refs/heads/weightmark/ORIGIN". */
enum { LEDGER_REF = sizeof("refs/heads/weightmark/") + LIMIT_ORIGIN };
void ledger_ref(char out[LEDGER_REF], const char *origin);

/* --- walking ----------------------------------------------------------------------------- */

/* One entry, as a walk finds it. Valid during the call. */
struct ledger_entry {
	uint64_t position; /* from 0 */
	const void *data;  /* entry bytes: lib/log/entry.h reads them */
	size_t len;
	struct object_id blob;
	struct object_id commit;
	struct envelope envelope; /* decoded; borrows from the walk */
	uint8_t leaf[SHA256_BYTES];
};

/* One commit, after its entries. Valid during the call. */
struct ledger_commit {
	struct object_id id;
	const struct note *note;
	int64_t time; /* seconds, the committer's word */
};

struct ledger_visitor {
	enum wm_code (*entry)(void *context, const struct ledger_entry *e, struct wm_error *err);
	enum wm_code (*commit)(void *context, const struct ledger_commit *c, struct wm_error *err);
	void *context; /* both may be NULL */
	/*
	 * The key under which every note and every commit's SSH signature is verified; NULL: the
	 * newest note alone, under the log's own key. Roots are recomputed in any case.
	 */
	const struct log_key *key;
	struct progress *progress; /* counts entries; or NULL */
};

/*
 * Visits what was added after the commit `from` (NULL: everything), in order, up to the newest
 * commit `head`. Fails with `ledger-rewritten` where `from` is no ancestor of it, before any call,
 * and with `ledger-malformed`, `entry-malformed`, `note-signature`, `commit-signature`,
 * `object-missing`; hands on what a visitor fails with.
 */
MUST_USE enum wm_code ledger_walk(const struct ledger *l, const char *origin,
				  const struct ledger_head *head, const struct object_id *from,
				  const struct ledger_visitor *visitor, struct wm_error *err);

/* Appends the entry bytes of the object `blob`. Fails with `object-missing`, `limit`. */
MUST_USE enum wm_code ledger_read_entry(struct buf *out, const struct ledger *l,
					const struct object_id *blob, struct wm_error *err);

#endif
