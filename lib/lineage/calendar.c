/* SPDX-License-Identifier: Apache-2.0 */
/* Counting days. */
#include "lineage/calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "statement/scalar.h"
#include "util/limits.h"

enum { DAYS_A_WEEK = 7, MONTHS_A_YEAR = 12, MONDAY_1970 = 3 /* 1970-01-01 was a Thursday */ };

const char *day_text(char out[DAY_TEXT + 1], int32_t day)
{
	char text[3 * sizeof("-2147483648")];
	int year, month, d;

	civil_from_days(day, &year, &month, &d);
	snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, d);
	snprintf(out, DAY_TEXT + 1, "%.*s", DAY_TEXT, text);
	return out;
}

static int days_of_month(int64_t year, int64_t month)
{
	const int64_t next = month == MONTHS_A_YEAR ? 1 : month + 1;

	return (int)(days_from_civil(next == 1 ? year + 1 : year, next, 1) -
		     days_from_civil(year, month, 1));
}

int32_t day_add_months(int32_t day, uint32_t months)
{
	int year, month, d, last;
	int64_t at;

	civil_from_days(day, &year, &month, &d);
	at = (int64_t)year * MONTHS_A_YEAR + (month - 1) + months;
	last = days_of_month(at / MONTHS_A_YEAR, at % MONTHS_A_YEAR + 1);
	return (int32_t)days_from_civil(at / MONTHS_A_YEAR, at % MONTHS_A_YEAR + 1,
					d < last ? d : last);
}

bool day_is_sane(int32_t day)
{
	return day >= -LIMIT_ORDER_DATE && day <= LIMIT_ORDER_DATE;
}

/* --- working days ------------------------------------------------------------------------ */

void holidays_release(struct holidays *h)
{
	free(h->days);
	*h = (struct holidays){ 0 };
}

static int compare_days(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

enum wm_code holidays_of(struct holidays *out, const Weightmark__V1__Order *o, struct wm_error *err)
{
	out->days = calloc(o->n_holiday + 1, sizeof(*out->days));
	if (!out->days)
		return fail_nomem(err);
	for (; out->n < o->n_holiday; out->n++)
		out->days[out->n] = o->holiday[out->n]->days;
	qsort(out->days, out->n, sizeof(*out->days), compare_days);
	return WM_OK;
}

bool day_is_working(int32_t day, const struct holidays *h)
{
	const int of_week = ((day + MONDAY_1970) % DAYS_A_WEEK + DAYS_A_WEEK) % DAYS_A_WEEK;

	if (of_week >= 5)
		return false;
	return h->n == 0 || !bsearch(&day, h->days, h->n, sizeof(*h->days), compare_days);
}

int32_t due_day(const Weightmark__V1__Obligation *b, int32_t trigger, const struct holidays *h)
{
	int32_t day = b->has_months ? day_add_months(trigger, b->months) : trigger;

	if (b->due)
		return b->due->days;
	if (b->has_count && b->count == WEIGHTMARK__V1__OBLIGATION__COUNT__VALUE__business) {
		for (uint32_t left = b->has_days ? b->days : 0; left > 0;)
			left -= day_is_working(++day, h);
	} else if (b->has_days) {
		day += (int32_t)b->days;
	}
	if (b->has_next_working_day && b->next_working_day == WEIGHTMARK__V1__TRI__VALUE__yes)
		while (!day_is_working(day, h))
			day++;
	return day;
}

/* --- a whole order ----------------------------------------------------------------------- */

static enum wm_code check_day(const Weightmark__V1__Date *d, struct wm_error *err)
{
	char text[DAY_TEXT + 1];

	if (!d || day_is_sane(d->days))
		return WM_OK;
	return fail(err, REASON_ORDER_DATE, "%s is no date that an order has",
		    day_text(text, d->days));
}

static enum wm_code check_dates(const Weightmark__V1__Order *o, struct order_place *at,
				struct wm_error *err)
{
	*at = (struct order_place){ .field = "trigger_date" };
	TRY(check_day(o->trigger_date, err));
	for (at->field = "holiday", at->i = 0; at->i < o->n_holiday; at->i++)
		TRY(check_day(o->holiday[at->i], err));
	for (at->field = "obligation", at->i = 0; at->i < o->n_obligation; at->i++)
		TRY(check_day(o->obligation[at->i]->due, err));
	return WM_OK;
}

enum wm_code check_days(const Weightmark__V1__Order *o, struct order_place *at,
			struct wm_error *err)
{
	cleanup_zone struct zone *z = NULL;

	*at = (struct order_place){ .field = "holiday" };
	if (o->n_holiday > LIMIT_HOLIDAYS)
		return fail(err, REASON_LIMIT, "an order has more than %d holidays",
			    LIMIT_HOLIDAYS);
	TRY(check_dates(o, at, err));
	*at = (struct order_place){ .field = "time_zone" };
	return o->time_zone ? zone_open(&z, o->time_zone, err) : WM_OK;
}

int32_t day_in_zone(const struct zone *z, int64_t time)
{
	time += z ? zone_offset(z, time) : 0;
	return (int32_t)(time / SECONDS_A_DAY - (time % SECONDS_A_DAY < 0));
}

int64_t end_of_day(const struct zone *z, int32_t day)
{
	const int64_t end = ((int64_t)day + 1) * SECONDS_A_DAY - 1;
	const int64_t before = z ? end - zone_offset(z, end - SECONDS_A_DAY) : end;
	const int64_t after = z ? end - zone_offset(z, end + SECONDS_A_DAY) : end;
	const int64_t first = before < after ? before : after;
	const int64_t last = before < after ? after : before;

	return day_in_zone(z, last) == day ? last : first;
}
