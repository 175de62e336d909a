/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of logs as log and find print them. */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "ledgers.h"
#include "text/node.h"

/* Where entries go: a list of JSON, or lines of text. */
struct entry_output {
	struct index *index; /* that they come from */
	struct tree *t;	     /* JSON */
	struct node *list;
	size_t n, max; /* shown; at most */
	struct indexed *seen; /* those shown, room for `max`: no log's entry twice */
};

/* Visitor of index queries: reads the entry from git and shows it. `context`: struct entry_output.
 */
enum wm_code show_entry(void *context, const struct indexed *e, struct wm_error *err);

#endif
