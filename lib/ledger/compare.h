/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two copies of a log are one history, and what one has that the other has not. */
#ifndef LEDGER_COMPARE_H
#define LEDGER_COMPARE_H

#include "ledger/ledger.h"

/* Objects in an order in which they can be copied. */
struct object_list {
	struct listed_object {
		struct object_id id;
		enum object_type type;
	} *list; /* owned */
	size_t n, room;
};

void object_list_release(struct object_list *o);
#define cleanup_object_list __attribute__((cleanup(object_list_release)))

/*
 * Verifies what the log of `head` in `l` adds after the commit `from` (NULL: all of it), under
 * head->key, and appends its objects to `out`. Fails as ledger_walk() does.
 */
MUST_USE enum wm_code compare_added(struct object_list *out, const struct ledger *l,
				    const char *origin, const struct ledger_head *head,
				    const struct object_id *from, struct progress *progress,
				    struct wm_error *err);

/*
 * Says why `larger`, of the log in `l`, does not descend from `smaller`, by the same key: always
 * fails. `log-fork` where their notes contradict each other, and then `evidence`
 * (lib/log/evidence.h) gets what proves it; `ledger-rewritten` where they do not.
 */
enum wm_code compare_forked(struct buf *evidence, const struct ledger *l, const char *origin,
			    const struct ledger_head *larger, const struct ledger_head *smaller,
			    struct progress *progress, struct wm_error *err);

/* Copies the objects from `from`, in packs. */
MUST_USE enum wm_code copy_objects(struct repository *to, const struct repository *from,
				   const struct object_list *objects, struct wm_error *err);

#endif
