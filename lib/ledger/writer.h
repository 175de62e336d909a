/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write a log share. */
#ifndef LEDGER_WRITER_H
#define LEDGER_WRITER_H

#include "digest/tree.h"
#include "ledger/append.h"
#include "ledger/state.h"
#include "util/limits.h"

struct ledger_writer {
	struct repository *repository; /* borrowed from the ledger */
	char origin[LIMIT_ORIGIN + 1];
	char *directory; /* of key, state and lock */
	int lock;
	struct private_key *key;
	struct log_key *log_key;
	struct ledger_head head;
	struct tree_frontier edge; /* of the head */
	int64_t parent_time;	   /* of the head's commit */
	bool unsettled;		   /* bound to a tree that may not be published */
};

/* The path of one of the writer's files. */
MUST_USE enum wm_code writer_path(char out[LIMIT_PATH], const struct ledger_writer *w,
				  const char *name, struct wm_error *err);

/* Makes `commit` the head of `w`, which is untouched on failure. */
MUST_USE enum wm_code writer_read_head(struct ledger_writer *w, const struct object_id *commit,
				       struct wm_error *err);

/* Signs and commits the tree that `s`, stored before, is bound to; `edge` is its edge. */
MUST_USE enum wm_code writer_publish(struct ledger_writer *w, const struct writer_state *s,
				     const struct tree_frontier *edge, struct wm_error *err);

MUST_USE enum wm_code writer_add_leaf(struct tree_frontier *edge, const struct envelope *e,
				      struct wm_error *err);

#endif
