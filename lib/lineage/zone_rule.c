/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX 2017, 8.3 "TZ", with the hours of RFC 8536 section 3.3.1: -167 to 167. */
#include "lineage/zone_rule.h"

#include "statement/scalar.h"
#include "util/cursor.h"

enum { HOUR = 3600, MINUTE = 60, OFFSET_HOURS = 24, TIME_HOURS = 167, DEFAULT_TIME = 2 * HOUR };

static bool take(struct cursor *c, char wanted)
{
	if (cursor_peek(c) != wanted)
		return false;
	return cursor_take(c, 1);
}

static bool read_number(int *out, struct cursor *c, int max)
{
	int value = 0, n = 0;

	for (int at = cursor_peek(c); at >= '0' && at <= '9' && n < 3; at = cursor_peek(c), n++) {
		value = value * 10 + (at - '0');
		if (!cursor_take(c, 1))
			return false;
	}
	*out = value;
	return n > 0 && value <= max;
}

/* "[+-]hh[:mm[:ss]]" */
static bool read_time(int32_t *out, struct cursor *c, int hours)
{
	bool negative = take(c, '-');
	int h, m = 0, s = 0;

	if (!negative)
		(void)take(c, '+');
	if (!read_number(&h, c, hours) || (take(c, ':') && !read_number(&m, c, 59)) ||
	    (take(c, ':') && !read_number(&s, c, 59)))
		return false;
	*out = (negative ? -1 : 1) * (h * HOUR + m * MINUTE + s);
	return true;
}

/* "CET" or "<-03>" */
static bool skip_name(struct cursor *c)
{
	bool quoted = take(c, '<');
	size_t n = 0;

	for (;; n++) {
		int at = cursor_peek(c);
		bool letter = (at >= 'a' && at <= 'z') || (at >= 'A' && at <= 'Z');

		if (!letter && !(quoted && ((at >= '0' && at <= '9') || at == '+' || at == '-')))
			break;
		if (!cursor_take(c, 1))
			return false;
	}
	return n >= 3 && (!quoted || take(c, '>'));
}

static bool read_moment(struct zone_moment *out, struct cursor *c)
{
	*out = (struct zone_moment){ .form = 'N', .time = DEFAULT_TIME };
	if (!take(c, ','))
		return false;
	if (take(c, 'M')) {
		out->form = 'M';
		if (!read_number(&out->month, c, 12) || !take(c, '.') ||
		    !read_number(&out->week, c, 5) || !take(c, '.') ||
		    !read_number(&out->day, c, 6) || out->month < 1 || out->week < 1)
			return false;
	} else {
		if (take(c, 'J'))
			out->form = 'J';
		if (!read_number(&out->day, c, 365) || (out->form == 'J' && out->day < 1))
			return false;
	}
	return !take(c, '/') || read_time(&out->time, c, TIME_HOURS);
}

bool zone_rule_parse(struct zone_rule *out, const char *text, size_t len)
{
	struct cursor c = cursor_of(text, len);
	struct zone_rule r = { .present = true };

	if (len == 0) {
		*out = (struct zone_rule){ .present = false };
		return true;
	}
	if (!skip_name(&c) || !read_time(&r.standard, &c, OFFSET_HOURS))
		return false;
	r.standard = -r.standard;
	r.summer = r.standard + HOUR;
	if (cursor_left(&c) > 0) {
		r.has_summer = true;
		if (!skip_name(&c))
			return false;
		if (cursor_peek(&c) != ',') {
			if (!read_time(&r.summer, &c, OFFSET_HOURS))
				return false;
			r.summer = -r.summer;
		}
		if (!read_moment(&r.begins, &c) || !read_moment(&r.ends, &c))
			return false;
	}
	*out = r;
	return cursor_left(&c) == 0;
}

/* --- asking ------------------------------------------------------------------------------ */

static bool is_leap(int year)
{
	return days_from_civil(year + 1, 1, 1) - days_from_civil(year, 1, 1) == 366;
}

/* Sunday is 0. */
static int day_of_week(int64_t day)
{
	return (int)(((day + 4) % 7 + 7) % 7);
}

static int64_t day_of_moment(const struct zone_moment *m, int year)
{
	int64_t first = days_from_civil(year, m->form == 'M' ? m->month : 1, 1), day, next;

	if (m->form == 'N')
		return first + m->day;
	if (m->form == 'J')
		return first + m->day - 1 + (is_leap(year) && m->day >= 60);
	next = m->month == 12 ? days_from_civil(year + 1, 1, 1) :
				days_from_civil(year, m->month + 1, 1);
	day = first + (m->day - day_of_week(first) + 7) % 7 + (m->week - 1) * 7;
	return day >= next ? day - 7 : day;
}

int32_t zone_rule_offset(const struct zone_rule *r, int64_t time)
{
	int64_t local = time + r->standard, begins, ends;
	int year, month, day;

	if (!r->has_summer)
		return r->standard;
	civil_from_days(local / SECONDS_A_DAY - (local % SECONDS_A_DAY < 0), &year, &month, &day);
	begins = day_of_moment(&r->begins, year) * SECONDS_A_DAY + r->begins.time - r->standard;
	ends = day_of_moment(&r->ends, year) * SECONDS_A_DAY + r->ends.time - r->summer;
	if (begins < ends)
		return time >= begins && time < ends ? r->summer : r->standard;
	return time >= ends && time < begins ? r->standard : r->summer;
}
