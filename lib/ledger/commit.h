/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commits of a ledger and the files in them, in the one form that writers make (docs/format.md,
 * "Ledgers"). A commit is signed by the log's key in git's SSH format.
 */
#ifndef LEDGER_COMMIT_H
#define LEDGER_COMMIT_H

#include "digest/tree.h"
#include "git/repository.h"
#include "log/key.h"

struct commit {
	struct object_id tree, parent;
	bool has_parent;
	int64_t time; /* seconds */
	uint64_t first, size; /* its message: the entries from `first` to before `size`; or none */
};

enum { POSITION_DIGITS = 10 };

/* The name of the entry at `position`, below 10^10. */
void position_name(char out[POSITION_DIGITS + 1], uint64_t position);

/*
 * Appends the commit of the entries from `first` to before `size` of the log `origin`, signed by
 * `key`; of none where both are 0.
 */
MUST_USE enum wm_code commit_encode(struct buf *out, const struct commit *c, const char *origin,
				    uint64_t first, uint64_t size, const struct private_key *key,
				    struct wm_error *err);

/*
 * Reads the commit object `data` of the log `origin`; where `key` is not NULL, its signature is
 * verified too (`commit-signature`). Fails with `ledger-malformed`.
 */
MUST_USE enum wm_code commit_parse(struct commit *out, const void *data, size_t len,
				   const char *origin, const struct log_key *key,
				   struct wm_error *err);

/* --- its files --------------------------------------------------------------------------- */

struct commit_files {
	struct object_id checkpoint, edge, key;
	struct object_id *entries; /* owned; by position */
	size_t n_entries;
	uint64_t first; /* position of the first of them */
};

void commit_files_release(struct commit_files *f);
#define cleanup_commit_files __attribute__((cleanup(commit_files_release)))

/* Reads the tree `id`. Fails with `ledger-malformed`, `object-missing`, `limit`. */
MUST_USE enum wm_code commit_files_read(struct commit_files *out, const struct repository *r,
					const struct object_id *id, struct wm_error *err);

/* Appends the bytes of the tree of `f`. */
MUST_USE enum wm_code commit_files_encode(struct buf *out, const struct commit_files *f,
					  struct wm_error *err);

/* The file `edge` of a tree: the roots of its complete subtrees, largest first. */
MUST_USE enum wm_code edge_encode(struct buf *out, const struct tree_frontier *edge,
				  struct wm_error *err);
MUST_USE enum wm_code edge_parse(struct tree_frontier *out, uint64_t size, const void *data,
				 size_t len, struct wm_error *err);

#endif
