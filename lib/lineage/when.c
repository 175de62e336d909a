/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and days. */
#include "lineage/when.h"

#include <string.h>

enum { TEXT_MEMORY = 4096 };

struct when when_said(const Weightmark__V1__Time *at, const Weightmark__V1__Date *day)
{
	return at ? when_moment(at->seconds) : when_day(day_of(day));
}

enum wm_code when_read(struct when *out, bool *found, const char *text, struct wm_error *err)
{
	const struct scalar *time = scalar_find(&weightmark__v1__time__descriptor);
	const struct scalar *date = scalar_find(&weightmark__v1__date__descriptor);
	cleanup_arena struct arena a = ARENA_INIT(TEXT_MEMORY);
	ProtobufCMessage *m = NULL, *day = NULL;

	TRY(scalar_read(&m, time, text, strlen(text), &a, err));
	if (!m)
		TRY(scalar_read(&day, date, text, strlen(text), &a, err));
	if (m)
		*out = when_moment(((const Weightmark__V1__Time *)m)->seconds);
	else if (day)
		*out = when_day(((const Weightmark__V1__Date *)day)->days);
	*found = m || (day && day_is_sane(out->day));
	return WM_OK;
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
