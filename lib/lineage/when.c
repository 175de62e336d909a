/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and days. */
#include "lineage/when.h"

#include "statement/moment.h"

struct when when_said(const Weightmark__V1__Time *at, const Weightmark__V1__Date *day)
{
	return at ? when_moment(at->seconds) : when_day(day_of(day));
}

bool when_read(struct when *out, const char *text)
{
	bool is_day = false;
	int64_t at = 0;

	if (!moment_read(&at, &is_day, text) || !day_is_sane(day_in_zone(NULL, at)))
		return false;
	*out = is_day ? when_day(day_in_zone(NULL, at)) : when_moment(at);
	return true;
}

int32_t when_day_in(const struct when *w, const struct zone *z)
{
	return w->day != DAY_NONE ? w->day : day_in_zone(z, w->at);
}

int64_t when_first(const struct when *w, const struct zone *z)
{
	return w->day != DAY_NONE ? end_of_day(z, w->day - 1) + 1 : w->at;
}

int64_t when_last(const struct when *w, const struct zone *z)
{
	return w->day != DAY_NONE ? end_of_day(z, w->day) : w->at;
}

const char *when_text(char out[TIME_TEXT + 1], const struct when *w)
{
	if (w->day != DAY_NONE)
		return day_text(out, w->day);
	time_text(out, w->at);
	return out;
}
