/* SPDX-License-Identifier: Apache-2.0 */
/* Writing iCalendar. */
#include "report/ics.h"

#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"
#include "weightmark.h"

/* Octets of a line without its end: RFC 5545 section 3.1. */
enum { LINE_OCTETS = 75, SOON_DAYS = 2 };

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Folds between characters, never within one. */
static enum wm_code append_folded(struct buf *out, const uint8_t *line, size_t len,
				  struct wm_error *err)
{
	size_t room = LINE_OCTETS;

	while (len > room) {
		size_t n = room;

		while (n > 1 && is_continuation(line[n]))
			n--;
		TRY(buf_append(out, line, n, err));
		TRY(buf_append_str(out, "\r\n ", err));
		line += n;
		len -= n;
		room = LINE_OCTETS - 1;
	}
	TRY(buf_append(out, line, len, err));
	return buf_append_str(out, "\r\n", err);
}

static enum wm_code append_escaped(struct buf *line, const char *value, struct wm_error *err)
{
	const uint8_t *data = (const uint8_t *)value;
	const size_t len = strlen(value);
	uint32_t scalar;
	size_t n;

	for (size_t off = 0; off < len; off += n ? n : 1) {
		n = utf8_decode(&scalar, data + off, len - off);
		if (n == 1 && scalar == '\n') {
			TRY(buf_append_str(line, "\\n", err));
			continue;
		}
		/* Other controls have no place in a TEXT, nor has what turns text around. */
		if (n == 0 || utf8_unsafe(scalar))
			continue;
		if (n == 1 && strchr("\\;,", (int)scalar))
			TRY(buf_append_byte(line, '\\', err));
		TRY(buf_append(line, data + off, n, err));
	}
	return WM_OK;
}

enum wm_code ics_append_text(struct buf *out, const char *name, const char *value,
			     struct wm_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(2 * (size_t)LIMIT_STATEMENT);

	TRY(buf_printf(&line, err, "%s:", name));
	TRY(append_escaped(&line, value, err));
	return append_folded(out, line.data, line.len, err);
}

enum wm_code ics_begin(struct buf *out, struct wm_error *err)
{
	return buf_append_str(out,
			      ICS_BEGINS WM_VERSION "//EN\r\n"
			      "CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\n", err);
}

enum wm_code ics_end(struct buf *out, struct wm_error *err)
{
	return buf_append_str(out, "END:VCALENDAR\r\n", err);
}

/* --- events ------------------------------------------------------------------------------ */

/* "20240422" or "20240422T120000Z" of an ISO text: the separators go. */
static enum wm_code append_basic(struct buf *out, const char *name, const char *iso,
				 struct wm_error *err)
{
	TRY(buf_append_str(out, name, err));
	for (; *iso; iso++)
		if (*iso != '-' && *iso != ':')
			TRY(buf_append_byte(out, (uint8_t)*iso, err));
	return buf_append_str(out, "\r\n", err);
}

/* One a due thing: by order, key and what it is, of whatever day. */
static enum wm_code append_uid(struct buf *out, const struct said *newest, const char *what,
			       struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf uid = BUF_INIT(4 * SHA256_BYTES);
	uint8_t digest[SHA256_BYTES];

	TRY(buf_printf(&text, err, "%s\n%s\n", newest->statement->header->object->text, what));
	TRY(buf_append(&text, newest->keyid, SHA256_BYTES, err));
	TRY(sha256_of(digest, text.data, text.len, err));
	TRY(buf_append_hex(&uid, digest, SHA256_BYTES / 2, err));
	TRY(buf_append_str(&uid, "@weightmark", err));
	return ics_append_text(out, "UID", buf_str(&uid), err);
}

static enum wm_code append_event(struct buf *out, const struct said *s, const char *what,
				 const char *summary, const char *description, int32_t due,
				 int64_t now, struct wm_error *err)
{
	char day[DAY_TEXT + 1], stamp[TIME_TEXT + 1];

	TRY(buf_append_str(out, "BEGIN:VEVENT\r\n", err));
	TRY(append_uid(out, s, what, err));
	time_text(stamp, now);
	TRY(append_basic(out, "DTSTAMP:", stamp, err));
	TRY(append_basic(out, "DTSTART;VALUE=DATE:", day_text(day, due), err));
	TRY(append_basic(out, "DTEND;VALUE=DATE:", day_text(day, due + 1), err));
	TRY(ics_append_text(out, "SUMMARY", summary, err));
	TRY(ics_append_text(out, "DESCRIPTION", description, err));
	TRY(buf_printf(out, err,
		       "TRANSP:TRANSPARENT\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-P%dD\r\n",
		       SOON_DAYS));
	TRY(ics_append_text(out, "DESCRIPTION", summary, err));
	return buf_append_str(out, "END:VALARM\r\nEND:VEVENT\r\n", err);
}

static const struct said *newest_of(const struct order_state *s)
{
	return &s->order->versions[s->order->n_versions - 1];
}

static enum wm_code append_obligation(struct buf *out, const struct order_state *s,
				      const struct order_obligation *b, int64_t now,
				      struct wm_error *err)
{
	const Weightmark__V1__Order *o = s->order->said;
	cleanup_buf struct buf summary = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf what = BUF_INIT(LIMIT_STATEMENT);

	TRY(buf_printf(&what, err, "obligation %s", b->said->id->text));
	TRY(buf_printf(&summary, err, "%s: %s (%s)", o->title ? o->title : s->order->object,
		       obligation_kind_name(b->said->kind), b->said->id->text));
	TRY(buf_printf(&text, err, "%s, %s", s->order->object, order_kind_text(o->kind)));
	if (o->docket)
		TRY(buf_printf(&text, err, ", %s", o->docket));
	if (b->said->text)
		TRY(buf_printf(&text, err, "\n%s", b->said->text));
	return append_event(out, newest_of(s), buf_str(&what), buf_str(&summary), buf_str(&text),
			    b->due, now, err);
}

static enum wm_code append_supplement(struct buf *out, const struct order_state *s,
				      const struct order_hold *h, int64_t now, struct wm_error *err)
{
	const Weightmark__V1__Order *o = s->order->said;
	cleanup_buf struct buf summary = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf what = BUF_INIT(LIMIT_STATEMENT);
	char day[DAY_TEXT + 1];

	TRY(buf_append_str(&what, "supplement ", err));
	TRY(reference_text(&what, h->kept->subject, err));
	TRY(buf_printf(&what, err, " %s %s", h->kept->authority,
		       h->kept->hold_start ? day_text(day, h->kept->hold_start->days) : ""));
	TRY(buf_printf(&summary, err, "%s: supplement after a hold",
		       o->title ? o->title : s->order->object));
	TRY(buf_printf(&text, err, "%s\nheld by %s until %s", s->order->object, h->kept->authority,
		       day_text(day, h->end)));
	return append_event(out, newest_of(s), buf_str(&what), buf_str(&summary), buf_str(&text),
			    h->due, now, err);
}

enum wm_code ics_append_order(struct buf *out, const struct order_state *s, int64_t now,
			      struct wm_error *err)
{
	for (size_t i = 0; i < s->n_obligations; i++)
		if (!s->obligations[i].done)
			TRY(append_obligation(out, s, &s->obligations[i], now, err));
	for (size_t i = 0; i < s->n_holds; i++)
		if (s->holds[i].due != DAY_NONE && !s->holds[i].supplement)
			TRY(append_supplement(out, s, &s->holds[i], now, err));
	return WM_OK;
}

enum wm_code ics_append_withdrawal(struct buf *out, const struct withdrawal *w, const char *kind,
				   int64_t now, struct wm_error *err)
{
	const Weightmark__V1__Header *h = w->said->statement->header;
	cleanup_buf struct buf summary = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	TRY(buf_printf(&summary, err, "%s: answer (%s)", h->object->text, kind));
	TRY(buf_printf(&text, err, "%s, %s\n%s says so", h->object->text, kind, h->issuer));
	return append_event(out, w->said, "answer", buf_str(&summary), buf_str(&text), w->due, now,
			    err);
}
