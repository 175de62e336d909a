/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing statements that stand alone, as verbs do it, and telling what was issued. */
#ifndef ORDER_ISSUE_H
#define ORDER_ISSUE_H

#include "attest/issue.h"
#include "keys.h"
#include "verb.h"

/* Rows for the options table of a verb that calls issue_call(). */
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

/*
 * Issues out->composition with the key that the call names, and prints what was issued. `record` as
 * private_record() or record_options() give it; `sidecar` may be NULL. `name` of the composition
 * stays valid.
 */
MUST_USE enum wm_code issue_call(struct issued *out, const struct record_options *record,
				 const char *sidecar, struct call *call, struct wm_error *err);

#endif
