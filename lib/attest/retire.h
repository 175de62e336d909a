/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording in bulk what was gone before an order: a table becomes events.
 *
 * The table is a TSV whose first row names its columns (docs/format.md, "Lists that retire reads").
 * What was destroyed goes into events of kind `deleted`, at most LIMIT_EVENT_ITEMS items each, in
 * the order of the table; what was only withdrawn from use into an event of its own, as that is no
 * deletion. An event's id is a digest of its rows. A row that the same key recorded before is not
 * recorded again; one that it recorded otherwise is refused, or its event is corrected.
 */
#ifndef ATTEST_RETIRE_H
#define ATTEST_RETIRE_H

#include "attest/compose.h"
#include "lineage/orders.h"

struct retire_options {
	const struct graph *graph; /* what is known */
	const struct orders *orders; /* what was recorded; outlives the composition */
	const uint8_t *keyid;	     /* SHA256_BYTES: of the key that will sign */
	bool amend;	     /* correct what was recorded otherwise */
	bool unknown;	     /* take what no statement is about or names, too */
	int64_t now;	     /* seconds; nothing may have happened later */
	const char *reason;  /* of all events, or NULL */
};

/* Numbers of rows. */
struct retired {
	size_t n_destroyed, n_withdrawn; /* of those that are recorded now and were not before */
	size_t n_unknown;   /* of all */
	size_t n_without_evidence; /* of all */
	size_t n_before;    /* recorded before, and the same */
	size_t n_corrected; /* recorded before otherwise */
};

/*
 * Composes the events of the table `path`, which must outlive `out`. Fails with `table-malformed`,
 * `table-columns`, `thing-unknown`, `retired-otherwise`, `limit`, each with its line; then there
 * is no event. There may be none to record.
 */
MUST_USE enum wm_code retire_compose(struct composition *out, struct retired *counts,
				     const char *path, const struct retire_options *options,
				     struct wm_error *err);

#endif
