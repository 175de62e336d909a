/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledgers as options and settings name them: the one that is written to, and those that are read
 * as one.
 */
#ifndef LEDGERS_H
#define LEDGERS_H

#include "attest/record.h"
#include "index/index.h"
#include "lineage/graph.h"
#include "verb.h"

/* Rows for the options table of a verb that writes to a log: record_options(), need_ledger(). */
#define RECORD_OPTIONS                                                                    \
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .setting = "ledger",  \
	  .help = "the git repository that holds the log" },                              \
	{ .name = "origin", .argument = "NAME", .setting = "origin",                      \
	  .help = "the log; default: the only one that can be written to there" }

/* Rows for a verb that reads: open_ledgers(). */
#define LEDGERS_OPTIONS                                                                   \
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .setting = "ledger",  \
	  .repeatable = true, .help = "read this git repository; several are read as one" }, \
	{ .name = "origin", .argument = "NAME", .repeatable = true,                       \
	  .help = "this log alone; default: all" }

/*
 * Where sign and admit record, by option or setting: `*out` is NULL where neither names a ledger.
 * `room` holds what it points to.
 */
MUST_USE enum wm_code record_options(const struct record_options **out, struct record_options *room,
				     struct buf *index, struct call *call, struct wm_error *err);

/* Warns where the log had another history when it was last read here. */
void warn_recording(const struct recording *r);

/*
 * Says where something was recorded, or could be, as text or as a member "recorded", or
 * "would_record", of the MAP `map`.
 */
void print_recording(const struct recording *r);
MUST_USE enum wm_code recording_tree(struct node *map, struct tree *t, const struct recording *r,
				     struct wm_error *err);

/* The one ledger that --ledger or the setting names, the first of several; else `usage`. */
MUST_USE enum wm_code need_ledger(const char **out, struct call *call, struct wm_error *err);

/* Appends the folder of indexes, $XDG_CACHE_HOME/weightmark/index; nothing where there is no home.
 */
MUST_USE enum wm_code index_directory(struct buf *out, struct wm_error *err);

/* --- read as one ------------------------------------------------------------------------- */

enum { LEDGERS_MAX = 64 };

struct ledgers {
	struct ledger *list[LEDGERS_MAX];
	struct index *indexes[LEDGERS_MAX]; /* caught up */
	size_t n;
};

void ledgers_release(struct ledgers *l);
#define cleanup_ledgers __attribute__((cleanup(ledgers_release)))

/* Opens all that were named and catches their indexes up, showing progress. */
MUST_USE enum wm_code open_ledgers(struct ledgers *out, struct call *call, struct wm_error *err);

/* The same of the `n` repositories `paths`, at most LEDGERS_MAX. */
MUST_USE enum wm_code open_ledgers_at(struct ledgers *out, const char *const *paths, size_t n,
				      struct wm_error *err);

/* Whether --origin leaves the log `origin` in. */
bool origin_wanted(const struct call *call, const char *origin);

bool is_in_ledgers(const struct ledgers *l, const char *origin);

/* Fails with `origin-unknown` where --origin names a log that no ledger has. */
MUST_USE enum wm_code check_origins(const struct ledgers *l, const struct call *call,
				    struct wm_error *err);

/*
 * Says which logs were read how far, of `origins` (ends with NULL; NULL: all): as messages, unless
 * the answer is JSON; as a list "ledgers" of the MAP `map`.
 */
MUST_USE enum wm_code tell_ledgers(const struct ledgers *l, const char *const *origins,
				   struct wm_error *err);
MUST_USE enum wm_code ledgers_tree(struct node *map, struct tree *t, const struct ledgers *l,
				   const char *const *origins, struct wm_error *err);

/*
 * The values of --origin, ending with NULL; NULL where there are none. free() the list, not what
 * it holds.
 */
MUST_USE enum wm_code wanted_origins(const char ***out, const struct call *call,
				     struct wm_error *err);

/*
 * Makes the lineage graph of all of them, of the logs `origins` (ends with NULL; NULL: all),
 * showing progress. They must outlive it.
 */
MUST_USE enum wm_code join_ledgers(struct graph **out, const struct ledgers *l,
				   const char *const *origins, struct wm_error *err);

#endif
