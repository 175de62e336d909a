/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What orders ask for, as a calendar file (iCalendar, RFC 5545): one all-day event for each
 * obligation and supplement that is not done, and each answer to a withdrawal, with a reminder two
 * days before. The same one has the same UID each time, so that importing again moves it and
 * doubles nothing.
 */
#ifndef REPORT_ICS_H
#define REPORT_ICS_H

#include "lineage/withdrawals.h"

/* How each file begins. */
#define ICS_BEGINS "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//weightmark//weightmark "

/* ics_begin(), ics_append_order() for each, ics_end(). `now`: when the file is made, in seconds. */
MUST_USE enum wm_code ics_begin(struct buf *out, struct wm_error *err);
MUST_USE enum wm_code ics_append_order(struct buf *out, const struct order_state *s, int64_t now,
				       struct wm_error *err);
/* The answer to a withdrawal of this kind, at the day when it is due. */
MUST_USE enum wm_code ics_append_withdrawal(struct buf *out, const struct withdrawal *w,
					    const char *kind, int64_t now, struct wm_error *err);
MUST_USE enum wm_code ics_end(struct buf *out, struct wm_error *err);

/* A content line "NAME:value", the value a TEXT: escaped and folded (sections 3.1, 3.3.11). */
MUST_USE enum wm_code ics_append_text(struct buf *out, const char *name, const char *value,
				      struct wm_error *err);

#endif
