/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `retire` share: rows that were read, of which events are made. */
#ifndef ATTEST_RETIRE_INTERNAL_H
#define ATTEST_RETIRE_INTERNAL_H

#include "attest/retire.h"
#include "attest/retire_before.h"

enum column { OBJECT, WHEN, HOW, EVIDENCE_URI, EVIDENCE_SHA256, LOCATION, N_COLUMNS };

enum { WITHDRAWN = 0 }; /* in place of a method */

struct row {
	uint64_t line;
	const char *texts[N_COLUMNS]; /* as they stand, for the event's id */
	Weightmark__V1__Reference *subject;
	const uint8_t *digest; /* where the object is one; NULL */
	struct retired_row says; /* its method is WITHDRAWN of what is not destroyed */
	enum retired_match match;
	const struct before_row *before; /* unless it is new */
};

struct rows {
	struct composition *c;
	const struct retire_options *options;
	struct retired *counts;
	struct retired_before before;
	int at[N_COLUMNS]; /* in the table, or -1 */
	struct row *list;  /* owned */
	size_t n;
};

/* Makes the events of all rows that are new, and corrects those of rows that are not. */
MUST_USE enum wm_code retire_make_events(const struct rows *r, struct wm_error *err);

#endif
