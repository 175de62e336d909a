/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auditing a log in a ledger: every entry, root, note and commit of it, and whether it is still the
 * history that was seen before.
 *
 * What was seen before: the heads that are remembered of the log (log/memory.h), and the heads to
 * which proofs in sidecars lead. A history that was amended, shortened, reordered, or made anew is
 * found out by any of them; where the log's own key signed both, evidence of that is kept.
 */
#ifndef ATTEST_AUDIT_H
#define ATTEST_AUDIT_H

#include "index/index.h"
#include "log/memory.h"
#include "log/site.h"
#include "statement/sidecar.h"
#include "trust/keyring.h"

/* A log as one ledger has it. */
struct audit_tree {
	struct log_key *key; /* owned */
	struct note note;    /* owned; the newest */
	struct index *index; /* that has its tiles */
};

/* Logs that were read in one call: of one key, each must be the beginning of the other. */
struct audit_trees {
	struct audit_tree *list;
	size_t n;
};

void audit_trees_release(struct audit_trees *t);
#define cleanup_audit_trees __attribute__((cleanup(audit_trees_release)))

struct audit_options {
	const struct log_keys *log_keys; /* pinned; NULL: none */
	const struct keyring *keys;	 /* signatures by these are verified; NULL: none */
	const char *log_state;		 /* folder of remembered heads, or NULL: nothing is */
	const char *const *sidecars;	 /* paths: their proofs are held against the log */
	size_t n_sidecars;
	struct audit_trees *trees; /* grows with each log; their indexes outlive it; or NULL */
	struct progress *progress;
};

struct audit {
	char origin[LIMIT_ORIGIN + 1];
	struct log_key *key;
	bool pinned;
	struct note note; /* the newest */
	uint64_t n_commits;
	uint64_t n_verified, n_unverified; /* entries whose signature was, and was not, verified */
	uint64_t n_withheld;		   /* entries of a publication without their envelopes */
	uint64_t n_proofs;		   /* of sidecars, that lead into this history */
	uint64_t n_foreign;		   /* of sidecars, by the keys of other logs */
	enum linkage linkage;
	bool remembered; /* the head is remembered now */
	char *evidence;	 /* path of the evidence that was kept, or NULL */
};

void audit_release(struct audit *a);
#define cleanup_audit __attribute__((cleanup(audit_release)))

/*
 * Audits the log `origin` of `l`, whose index is `x`. Fails as ledger_walk() and index_sync() do,
 * with `note-signature` where another key is pinned for the origin, `signature-invalid`,
 * `log-fork` also between it and options->trees, and where evidence against its key is kept below
 * options->log_state, `log-behind` where more was seen before than there is, `proof-mismatch` where
 * a proof in a sidecar is wrong by itself. `out` is zeroed memory, filled as far as it came also
 * after a failure.
 */
MUST_USE enum wm_code audit_log(struct audit *out, struct ledger *l, struct index *x,
				const char *origin, const struct audit_options *options,
				struct wm_error *err);

/*
 * The same of a published log. Fails as site_audit() does, and with `origin-unknown` where `origin`
 * is not NULL and it is another log.
 */
MUST_USE enum wm_code audit_site(struct audit *out, const struct site *site, const char *origin,
				 const struct audit_options *options, struct wm_error *err);

/*
 * Fails with `log-behind` where heads are remembered of a pinned log that `present` says is not
 * among those that were audited.
 */
MUST_USE enum wm_code audit_missing(const struct audit_options *options,
				    bool (*present)(const void *context, const char *origin),
				    const void *context, struct wm_error *err);

#endif
