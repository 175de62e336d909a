/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When something was so: a moment, or a day of which no time was said. A day stays a day: it is
 * shown as one, counts as the day that it names, and in a time zone lasts until its end there.
 */
#ifndef LINEAGE_WHEN_H
#define LINEAGE_WHEN_H

#include "lineage/calendar.h"
#include "statement/scalar.h"
#include "weightmark/v1/scalar.pb-c.h"

struct when {
	int32_t day; /* DAY_NONE: the moment `at` */
	int64_t at;  /* seconds since the epoch */
};

static inline struct when when_moment(int64_t seconds)
{
	return (struct when){ .day = DAY_NONE, .at = seconds };
}

static inline struct when when_day(int32_t day)
{
	return (struct when){ .day = day };
}

/* What a statement says with one of two fields, the other being NULL. */
struct when when_said(const Weightmark__V1__Time *at, const Weightmark__V1__Date *day);

/*
 * Reads a day, "2024-03-08", or a time of RFC 3339, "2024-03-08T10:00:00Z", "...T11:00:00+01:00".
 * False for any other text, and for days beyond those that an order may name (day_is_sane()).
 */
bool when_read(struct when *out, const char *text);

/* The day that it is on in a zone; NULL: UTC. */
int32_t when_day_in(const struct when *w, const struct zone *z);

/* The moment, or the first or last second of the day in a zone; NULL: UTC. */
int64_t when_first(const struct when *w, const struct zone *z);
int64_t when_last(const struct when *w, const struct zone *z);

/* "2024-03-08", or "2024-03-08T10:00:00Z". */
const char *when_text(char out[TIME_TEXT + 1], const struct when *w);

#endif
