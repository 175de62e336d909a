/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that change slots have in common: their options, and telling what was done. */
#ifndef SLOTS_H
#define SLOTS_H

#include "attest/embed.h"
#include "measured.h"
#include "text/node.h"
#include "verb.h"

/* Rows of option tables. */
#define SLOT_OPTIONS                                                                      \
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,           \
	  .help = "write this new file and leave PATH, a lone file, as it is" },          \
	{ .name = "in-place",                                                             \
	  .help = "change the files where they lie, without copying (ext4, XFS)" },       \
	LINKS_OPTION

/* Reads SLOT_OPTIONS; `opening` must outlive `out`. Fails with `usage`. */
MUST_USE enum wm_code slot_options(struct embed_options *out,
				   struct checkpoint_open_options *opening,
				   const struct call *call, struct wm_error *err);

/* Sets what was done in the MAP `map`. */
MUST_USE enum wm_code slots_tree(struct node *map, struct tree *t, const struct embedding *e,
				 struct wm_error *err);

/* Warns of long headers, and says which files have no slot and what is in none any more. */
void slots_warn(const struct embedding *e);

/*
 * Prints what was done to `path`, and after a failure (`code`) how far it came; hands on
 * `code`. `verb` is "embedded into" or "stripped".
 */
MUST_USE enum wm_code slots_report(const struct embedding *e, const char *path, const char *verb,
				   const struct embed_options *options, enum wm_code code,
				   struct wm_error *err);

#endif
