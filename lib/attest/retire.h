/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording in bulk what was gone before an order: a table becomes events.
 *
 * The table is a TSV whose first row names its columns (docs/format.md, "Lists that retire reads").
 * What was destroyed goes into events of kind `deleted`, at most LIMIT_EVENT_ITEMS items each, in
 * the order of the table; what was only withdrawn from use into an event of its own, as that is no
 * deletion. An event's id is a digest of its rows, so that the same table makes the same events.
 */
#ifndef ATTEST_RETIRE_H
#define ATTEST_RETIRE_H

#include "attest/compose.h"
#include "lineage/graph.h"

struct retire_options {
	const struct graph *graph; /* what is known */
	bool unknown;	     /* take what no statement is about, too */
	int64_t now;	     /* seconds; nothing may have happened later */
	const char *reason;  /* of all events, or NULL */
};

/* Numbers of rows. */
struct retired {
	size_t n_destroyed, n_withdrawn, n_unknown;
};

/*
 * Composes the events of the table `path`, which must outlive `out`. Fails with `table-malformed`,
 * `table-columns`, `thing-unknown`, `limit`, each with line and column; then there is no event.
 */
MUST_USE enum wm_code retire_compose(struct composition *out, struct retired *counts,
				     const char *path, const struct retire_options *options,
				     struct wm_error *err);

#endif
