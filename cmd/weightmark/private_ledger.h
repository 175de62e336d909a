/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private ledger: where orders and what is done about them are recorded, apart from what others
 * get to see. The setting private-ledger names it; default $XDG_DATA_HOME/weightmark/private.git.
 */
#ifndef PRIVATE_LEDGER_H
#define PRIVATE_LEDGER_H

#include "ledgers.h"

/* Rows for the options table of a verb that records orders: private_record(). */
#define PRIVATE_OPTIONS                                                                     \
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .repeatable = true,     \
	  .help = "the git repository to read and to record in; several are read as one; "  \
		  "default: those of the setting ledger and the private one to read, the "  \
		  "private one to record in" },                                             \
	{ .name = "origin", .argument = "NAME",                                             \
	  .help = "the log; default: all to read, the only one that can be written to" }

/*
 * Where to record: the first --ledger, else the private ledger, which is made, for nobody else to
 * read, where it is missing and `make`. `room`, `path` and `index` hold what `out` points to. Fails
 * with `usage` where there is no home.
 */
MUST_USE enum wm_code private_record(const struct record_options **out,
				     struct record_options *room, struct buf *path,
				     struct buf *index, bool make, struct call *call,
				     struct wm_error *err);

/*
 * Opens what is read: all --ledger, else those of the setting ledger and the private one where it
 * is there. None at all is no failure.
 */
MUST_USE enum wm_code open_order_ledgers(struct ledgers *out, struct call *call,
					 struct wm_error *err);

#endif
