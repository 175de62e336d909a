/* SPDX-License-Identifier: Apache-2.0 */
/* What was retired before, by the same key, to be compared with the rows of a table. */
#ifndef ATTEST_RETIRE_BEFORE_H
#define ATTEST_RETIRE_BEFORE_H

#include "lineage/orders.h"

/* What one row says. Texts and evidence are borrowed. */
struct retired_row {
	bool withdrawn;	      /* from use; else destroyed */
	const char *subject;  /* as reference_text() has it */
	const char *location; /* "" where none is said */
	struct when at;
	int method; /* of what was destroyed */
	Weightmark__V1__DocumentRef *evidence;
};

/* By what it is about, where, and what became of it: what is equal so goes once. */
int retired_compare(const struct retired_row *a, const struct retired_row *b);

/* A row that is recorded, of an event about no order. */
struct before_row {
	struct retired_row says;
	const struct said *event;
	size_t item; /* of its list `destroyed` */
};

struct retired_before {
	struct arena arena;
	struct gathered_list rows; /* struct before_row by subject, place and what became of it */
};

void retired_before_release(struct retired_before *b);
#define cleanup_retired_before __attribute__((cleanup(retired_before_release)))

/*
 * Lists what events of `orders` by the key `keyid` say; what lay in several places is not what a
 * table says. `out` is zeroed memory, to be released also after a failure; borrows `orders`.
 * n log n.
 */
MUST_USE enum wm_code retired_before_load(struct retired_before *out, const struct orders *orders,
					  const uint8_t keyid[SHA256_BYTES], struct wm_error *err);

enum retired_match { RETIRED_NEW, RETIRED_EQUAL, RETIRED_OTHERWISE };

/* How it was recorded before, and but for RETIRED_NEW in `*row` where. */
enum retired_match retired_before_find(const struct before_row **row,
				       const struct retired_before *b,
				       const struct retired_row *says);

#endif
