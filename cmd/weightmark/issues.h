/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing statements that stand alone, as verbs do it, and telling what was issued. */
#ifndef ISSUES_H
#define ISSUES_H

#include "attest/issue.h"
#include "keys.h"
#include "text/node.h"
#include "verb.h"

/* Rows for the options table of a verb that calls issue_options(). */
#define ISSUE_OPTIONS                                                                     \
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",                      \
	  .help = "who says so, a domain or URI; default: key: and the keyid" },          \
	{ .name = "amend", .help = "correct what says something else of the same object" }, \
	{ .name = "reason", .argument = "TEXT", .help = "why it is corrected" },          \
	{ .name = "dry-run", .letter = 'n',                                               \
	  .help = "show what would be signed; sign and write nothing" }

/*
 * Reads the YAML file `path`: one document of a kind in `wanted`, not yet filled in:
 * `order-unfinished`.
 */
MUST_USE enum wm_code read_statement(struct issued *out, const char *path,
				     const char *const *wanted, struct wm_error *err);

/* What --amend, --reason, --dry-run say; `sidecar` and `record` may be NULL. Borrows all. */
struct issue_options issue_options(const char *sidecar, const struct record_options *record,
				   const struct call *call);

/*
 * Issues out->composition with the key and as the issuer that the call names, unless `how` has
 * them, showing progress, and warns where the log had another history before. `name` of the
 * composition stays valid.
 */
MUST_USE enum wm_code issue_by(struct issued *out, const struct issue_options *how,
			       struct call *call, struct wm_error *err);

/*
 * The same as the options say: into `sidecar` (NULL: none), and the ledger of record_options(), by
 * `signer` (NULL: that of the call).
 */
MUST_USE enum wm_code issue_called(struct issued *out, const char *sidecar, struct signer *signer,
				   struct call *call, struct wm_error *err);

/* Prints all that was issued: text, or one JSON object. `how` as for issue_by(). */
MUST_USE enum wm_code print_all_issued(const struct issued *out, const struct issue_options *how,
				       struct wm_error *err);

/* The same object, not printed. */
MUST_USE enum wm_code all_issued_tree(struct tree *t, const struct issued *out,
				      const struct issue_options *how, struct wm_error *err);

/*
 * Sets the list "statements" of `map`; `payloads`: with what would be signed. An id is told of what
 * is signed, now or before.
 */
MUST_USE enum wm_code issued_list(struct node *map, struct tree *t, const struct issued *i,
				  bool payloads, struct wm_error *err);

/* Tells the first statement that was issued: members of `map`, or lines of text. */
MUST_USE enum wm_code issued_tree(struct node *map, struct tree *t, const struct issued *i,
				  struct wm_error *err);
void print_issued(const struct issued *i);

#endif
