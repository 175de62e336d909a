/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that sign have in common: their options, and telling what was signed. */
#ifndef SIGNED_H
#define SIGNED_H

#include "attest/sign.h"
#include "keys.h"
#include "ledgers.h"
#include "slots.h"
#include "verb.h"

/* Rows of option tables, besides SIGNING_OPTIONS and LINKS_OPTION. */
#define SIGNED_OPTIONS                                                                    \
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",                      \
	  .help = "who answers for the statements; default: key:KEYID, or who is carried" }, \
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,           \
	  .help = "the sidecar; default: PATH.wmk, or weightmark.wmk in a directory" },   \
	{ .name = "dry-run", .letter = 'n',                                               \
	  .help = "show what would be signed; sign and write nothing" }

/* Prints what was signed, as text or JSON; with `dry_run` also all payloads. */
MUST_USE enum wm_code signed_report(const struct signing *s, bool dry_run, struct wm_error *err);

#endif
