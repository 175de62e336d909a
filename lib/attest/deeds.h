/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about an order: what was destroyed and kept, from lists, and single ones. Their local ids
 * are made of what they say, so that saying it again is the same event, and issuing it changes
 * nothing.
 *
 * A list has a line each, columns separated by tabs; lines that are empty or begin with '#' are
 * passed over, and so is a first line whose first column is "object" or "digest". Destroyed:
 * object id or SHA-256, places separated by ';', method (NIST SP 800-88: clear, purge, destroy,
 * cryptographic_erase), who, when (a date or a time; a date stays one). Kept: object id or
 * SHA-256, reason, authority, first and last day, which may be empty.
 */
#ifndef ATTEST_DEEDS_H
#define ATTEST_DEEDS_H

#include "attest/compose.h"
#include "lineage/orders.h"

/* What an event says, besides what lists say. Texts are borrowed. */
struct deed_draft {
	const struct order *order;
	Weightmark__V1__LifecycleEvent__Kind kind;
	const char *word;	/* in the id: "told" */
	const char *obligation; /* id, or NULL */
	const char *recipient;	/* name, or NULL */
	const char *subject;	/* object id or SHA-256, or NULL */
	const char *authority;	/* of a hold on `subject` or, NULL, on what the order names */
	int32_t until;		/* of the hold, or DAY_NONE */
	const struct zone *zone; /* of the order's days; NULL: UTC */
	struct when at;
	bool at_given;		/* else that of an equal event that is there is kept */
};

/* A composition of no statements; `name` is that of a list, for messages. */
void deeds_begin(struct composition *c, const char *name);

/*
 * Adds what a list says was destroyed, or kept: one event for each LIMIT_EVENT_ITEMS lines. Fails
 * with `order-list`, naming the line. deeds_end() must follow.
 */
MUST_USE enum wm_code deeds_add_list(struct gathered_list *events, struct composition *c,
				     const struct deed_draft *d, const void *tsv, size_t len,
				     bool destroyed, struct wm_error *err);

/* Adds one event. */
MUST_USE enum wm_code deeds_add(struct gathered_list *events, struct composition *c,
				const struct deed_draft *d, struct wm_error *err);

/* Makes the events, struct composed, the statements of the composition. */
MUST_USE enum wm_code deeds_end(struct composition *c, const struct gathered_list *events,
				struct wm_error *err);

#endif
