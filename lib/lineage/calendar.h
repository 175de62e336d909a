/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days, and when something is due.
 *
 * A day is a number of days since 1970-01-01 in the proleptic Gregorian calendar, as in the
 * schema's Date. Months are added before days and clamp to the last day: 2024-01-31 and a month
 * is 2024-02-29. Saturday, Sunday and what the order lists are no working days; the law of the
 * place has more, which nobody but the order's author can list.
 */
#ifndef LINEAGE_CALENDAR_H
#define LINEAGE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lineage/zone.h"
#include "util/error.h"
#include "weightmark/v1/order.pb-c.h"

/* A day that is not said. */
#define DAY_NONE INT32_MIN

/* "2024-02-29" of a day of the years 0001 to 9999. */
enum { DAY_TEXT = 10 };
const char *day_text(char out[DAY_TEXT + 1], int32_t day);

/* The day `months` after `day`. */
int32_t day_add_months(int32_t day, uint32_t months);

/* The day of a Date, or DAY_NONE. */
static inline int32_t day_of(const Weightmark__V1__Date *d)
{
	return d ? d->days : DAY_NONE;
}

/* Whether an order may name this day: no more than LIMIT_ORDER_DATE days from 1970-01-01. */
bool day_is_sane(int32_t day);

/* Days that are no working days, besides Saturday and Sunday. */
struct holidays {
	int32_t *days; /* ascending; owned */
	size_t n;
};

void holidays_release(struct holidays *h);
#define cleanup_holidays __attribute__((cleanup(holidays_release)))

/* Those of an order. `out` is zeroed memory. */
MUST_USE enum wm_code holidays_of(struct holidays *out, const Weightmark__V1__Order *o,
				  struct wm_error *err);

bool day_is_working(int32_t day, const struct holidays *h);

/*
 * When the obligation is due: on the day that it states; else so many months and days after the
 * trigger, moved to the next working day where it says so. The trigger itself does not count.
 */
int32_t due_day(const Weightmark__V1__Obligation *b, int32_t trigger, const struct holidays *h);

/* Where in an order something is: a field, and of a list the `i`th of it. */
struct order_place {
	const char *field;
	size_t i;
};

/*
 * Whether all days of an order can be counted; `*at` is where they cannot. Fails with `order-date`
 * where one is too far off, with `zone-unknown` as zone_open() does.
 */
MUST_USE enum wm_code check_days(const Weightmark__V1__Order *o, struct order_place *at,
				 struct wm_error *err);

/* The day of the moment `time`, seconds since the epoch, in a zone; NULL: UTC. */
int32_t day_in_zone(const struct zone *z, int64_t time);

/* The last second of a day there. Where clocks go back over midnight, the later one. */
int64_t end_of_day(const struct zone *z, int32_t day);

#endif
