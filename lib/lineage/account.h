/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether all that an order reaches is accounted for: each checkpoint and dataset, and each copy of
 * it that was seen, is destroyed, or kept on an authority that is in force. What is not, is listed.
 * A place that an event names is that of all below it: names of folders end there, or with a slash.
 */
#ifndef LINEAGE_ACCOUNT_H
#define LINEAGE_ACCOUNT_H

#include "lineage/orders.h"

/* A copy that a scan saw, of something that the order reaches. */
struct seen_copy {
	uint32_t node;
	const char *place; /* borrowed */
	int64_t at;	   /* seconds: when it was seen */
};

enum open_kind {
	OPEN_CHECKPOINT, /* node */
	OPEN_DATASET,	 /* node */
	OPEN_DIGEST,	 /* node: of it, one of several digests is accounted for */
	OPEN_COPY,	 /* node, place: nobody says that this copy was destroyed or is kept */
	OPEN_SEEN_AFTER, /* node, place: it was seen after it was said to be destroyed */
	OPEN_USE,	 /* node: a run that uses a subset, undecided whether that counts */
	OPEN_OBLIGATION, /* place: the id of one that nobody says was met */
	OPEN_SCOPE,	 /* place: what the scope names and no ledger has */
	OPEN_UNREAD,	 /* places that scans could not read */
	OPEN_UNVERIFIED, /* place: a statement that counts, whose signature nobody could verify */
	OPEN_UNREADABLE, /* statements about orders that cannot be read */
	OPEN_UNKNOWN,	 /* checkpoints elsewhere that have an unknown ancestor */
};

struct open_point {
	enum open_kind kind;
	uint32_t node; /* or GRAPH_NONE */
	const char *place; /* or NULL; borrowed */
	size_t n;	   /* of OPEN_UNREAD, OPEN_UNREADABLE, OPEN_UNKNOWN: how many */
};

/* What was done with one thing that the order reaches. */
struct account_deed {
	uint32_t node;
	bool by_digest;		 /* not by its name: whose digest it is, others say */
	const struct said *said; /* the event */
	const Weightmark__V1__Destroyed *destroyed; /* one of the two */
	const Weightmark__V1__Retained *kept;	    /* in force */
};

struct account {
	struct open_point *open; /* by kind; owned */
	size_t n_open;
	struct account_deed *deeds; /* by node; owned */
	size_t n_deeds;
};

void account_release(struct account *a);
#define cleanup_account __attribute__((cleanup(account_release)))

/*
 * What the order obliges to delete, bits of enum account_demand: none where its obligations are
 * others, such as to report.
 */
enum account_demand { DEMANDS_DATA = 1, DEMANDS_MODELS = 2 };
unsigned order_demands(const struct order_state *s);

/* Whether a certificate itself meets the obligation: nothing else has to. */
static inline bool is_statement_obligation(Weightmark__V1__Obligation__Kind kind)
{
	return kind == WEIGHTMARK__V1__OBLIGATION__KIND__sworn_statement ||
	       kind == WEIGHTMARK__V1__OBLIGATION__KIND__supplemental_statement;
}

/*
 * Accounts for the order with the copies that were seen: for the things that it obliges to delete,
 * and where it obliges to delete nothing, for each of its other obligations. `allow_unknown`:
 * checkpoints with unknown ancestors elsewhere in the ledgers do not keep it open. `out` is zeroed
 * memory, to be released also after a failure. n log n.
 */
MUST_USE enum wm_code account_make(struct account *out, const struct order_state *s,
				   const struct seen_copy *seen, size_t n_seen, bool allow_unknown,
				   struct wm_error *err);

/* Adds points behind all others, that the caller found open besides. */
MUST_USE enum wm_code account_add_open(struct account *a, const struct open_point *points,
				       size_t n, struct wm_error *err);

/* "checkpoint", "copy", "seen-after" ... Static. */
const char *open_kind_name(enum open_kind kind);

/*
 * Whether a certificate was made over what the order reaches now. For whoever shows where an order
 * stands: one that is not has to be made anew.
 */
MUST_USE enum wm_code certificate_is_current(bool *out, const struct order_state *s,
					     const Weightmark__V1__DeletionCertificate *c,
					     struct wm_error *err);

#endif
