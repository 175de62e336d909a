/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Withdrawals of consent, erasure requests and the like: which runs used the data before and after,
 * which checkpoints saw it, and by when the answer is due (GDPR Art. 12(3): one month, where the
 * statement says no day of its own).
 */
#ifndef LINEAGE_WITHDRAWALS_H
#define LINEAGE_WITHDRAWALS_H

#include "lineage/orders.h"

enum withdrawal_when {
	USE_BEFORE,  /* the run began before the data was withdrawn */
	USE_AFTER,   /* it began afterwards: it should not have used it */
	USE_ENDED,   /* it does not say when it began, but that it had ended before */
	USE_UNKNOWN, /* the run does not say when it began */
};

/* What the run used. */
enum withdrawal_share {
	SHARE_WHOLE,   /* the dataset, no subset being said */
	SHARE_HAS,     /* a subset that has some of what was withdrawn, as commitments show */
	SHARE_UNKNOWN, /* a subset of which that is not known: it counts as the whole */
};

struct withdrawal_use {
	uint32_t run;
	enum withdrawal_when when;
	uint32_t through; /* what it used of those, or was made of them; GRAPH_NONE: a dataset */
	enum withdrawal_share share; /* of several uses, what is known best */
};

struct withdrawal {
	const struct said *said;
	const Weightmark__V1__Revocation *revocation;
	size_t n_records;	     /* 0: all of the dataset */
	struct gathered_list datasets; /* uint32_t: nodes, ascending, each once */
	struct gathered_list uses;   /* struct withdrawal_use by run, each once */
	struct gathered_list spared; /* uint32_t: runs that used only subsets without it, by run */
	struct subset_answers subsets;
	struct trace trace;	     /* from the datasets */
	size_t n_affected;	     /* checkpoints of it */
	int32_t due;
	int32_t left;	/* days until it is due; below 0: overdue by */
	bool answered;	/* closed_at is said */
};

void withdrawal_release(struct withdrawal *w);
#define cleanup_withdrawal __attribute__((cleanup(withdrawal_release)))

/* Whether a revocation is of data, as against one of a statement or a key. */
bool is_withdrawal(const Weightmark__V1__Revocation *r);

/* Whether it is one, and is called so: by its object id, local id or statement id. */
bool withdrawal_is_called(const struct said *said, const char *id);

/*
 * What a revocation of data comes to on the day `today`. All uses of the dataset count but those
 * of a subset that, by the commitments at hand (orders->subsets), has none of the records. `out` is
 * zeroed memory, to be released also after a failure, and before those commitments.
 */
MUST_USE enum wm_code withdrawal_assess(struct withdrawal *out, const struct orders *orders,
					const struct said *said, int32_t today,
					struct wm_error *err);

/* "whole", "subset", "unknown". Static. */
const char *withdrawal_share_name(enum withdrawal_share share);

/* When the data was withdrawn: "after-it-began", "before-it-began" ... Static. */
const char *withdrawal_when_name(enum withdrawal_when when);

#endif
