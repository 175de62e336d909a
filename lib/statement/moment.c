/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339, sections 5.6 and 5.7. */
#include "statement/moment.h"

#include <string.h>

#include "statement/scalar.h"

/* Reads `n` digits and moves on; false where they are no number from `low` to `high`. */
static bool number(int *out, const char **text, size_t n, int low, int high)
{
	*out = 0;
	for (; n > 0; n--, ++*text) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return *out >= low && *out <= high;
}

static bool mark(const char **text, const char *marks)
{
	if (!**text || !strchr(marks, **text))
		return false;
	++*text;
	return true;
}

static bool read_day(int64_t *days, const char **text)
{
	int year, month, day, back[3];

	if (!number(&year, text, 4, 1, 9999) || !mark(text, "-") ||
	    !number(&month, text, 2, 1, 12) || !mark(text, "-") || !number(&day, text, 2, 1, 31))
		return false;
	*days = days_from_civil(year, month, day);
	civil_from_days(*days, &back[0], &back[1], &back[2]);
	return back[1] == month;
}

/* What is to be taken off to get UTC, in seconds. */
static bool read_offset(int *out, const char **text)
{
	const int sign = **text == '-' ? -1 : 1;
	int hours, minutes;

	*out = 0;
	if (mark(text, "Zz"))
		return true;
	if (!mark(text, "+-") || !number(&hours, text, 2, 0, 23) || !mark(text, ":") ||
	    !number(&minutes, text, 2, 0, 59))
		return false;
	*out = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool moment_read(int64_t *out, bool *is_day, const char *text)
{
	const int64_t least = days_from_civil(1, 1, 1) * SECONDS_A_DAY;
	const int64_t end = days_from_civil(10000, 1, 1) * SECONDS_A_DAY;
	int hour, minute, second, offset;
	int64_t days;

	if (!read_day(&days, &text))
		return false;
	*out = days * SECONDS_A_DAY;
	*is_day = !*text;
	if (*is_day)
		return true;
	if (!mark(&text, "Tt") || !number(&hour, &text, 2, 0, 23) || !mark(&text, ":") ||
	    !number(&minute, &text, 2, 0, 59) || !mark(&text, ":") ||
	    !number(&second, &text, 2, 0, 60))
		return false;
	if (mark(&text, ".")) {
		if (!mark(&text, "0123456789"))
			return false;
		text += strspn(text, "0123456789");
	}
	if (!read_offset(&offset, &text) || *text)
		return false;
	*out += hour * 3600 + minute * 60 + second - offset;
	return *out >= least && *out < end;
}
