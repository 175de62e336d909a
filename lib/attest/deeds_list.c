/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of what was destroyed or kept. */
#include <string.h>

#include "attest/deeds_internal.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "util/utf8.h"

enum { COLUMNS = 5, EVENT_BYTES = 1 << 22 /* of lines, in one event */ };

/* A list being read: the text of one line at a time, cut into columns. */
struct listing {
	struct gathered_list *events;
	struct composition *c;
	const struct deed_draft *d;
	bool destroyed;
	size_t line; /* number, from 1 */
	char *columns[COLUMNS];
	/* The lines of one event, behind the object of the order. */
	struct buf says;
	char **lines; /* copies, in the arena of the composition */
	size_t *numbers;
	size_t n;
};

static enum wm_code malformed(const struct listing *l, const char *what, const char *text,
			      struct wm_error *err)
{
	return fail(err, REASON_ORDER_LIST, "%s:%zu: '%.96s' is not %s", l->c->name, l->line, text,
		    what);
}

/* Cuts the line in place; columns that are not there are empty. */
static enum wm_code cut(struct listing *l, char *line, struct wm_error *err)
{
	size_t n = 0;

	for (char *at = line; at; n++) {
		char *tab = strchr(at, '\t');

		if (n == COLUMNS)
			return malformed(l, "a line of five columns, separated by tabs", line, err);
		if (tab)
			*tab++ = '\0';
		l->columns[n] = at;
		at = tab;
	}
	if (n < (l->destroyed ? COLUMNS : 3))
		return malformed(l, "a line of five columns, separated by tabs", line, err);
	for (; n < COLUMNS; n++)
		l->columns[n] = line + strlen(line);
	return WM_OK;
}

static enum wm_code read_enum(int *out, const struct listing *l,
			      const ProtobufCEnumDescriptor *d, const char *what, const char *text,
			      struct wm_error *err)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(d, text);

	if (!v || v->value == 0)
		return malformed(l, what, text, err);
	*out = v->value;
	return WM_OK;
}

static enum wm_code read_day(int32_t *out, const struct listing *l, const char *text,
			     struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar_find(&weightmark__v1__date__descriptor), text, strlen(text),
			&l->c->arena, err));
	if (!m || !day_is_sane(((const Weightmark__V1__Date *)m)->days))
		return malformed(l, "a day like 2024-03-08", text, err);
	*out = ((const Weightmark__V1__Date *)m)->days;
	return WM_OK;
}

static enum wm_code read_when(struct when *out, const struct listing *l, const char *text,
			      struct wm_error *err)
{
	return when_read(out, text) ?
		       WM_OK :
		       malformed(l, "a day like 2024-03-08 or a time of RFC 3339", text, err);
}

static enum wm_code read_subject(Weightmark__V1__Reference **out, const struct listing *l,
				 struct wm_error *err)
{
	struct wm_error why = { 0 };
	enum wm_code code = event_reference(out, l->c, l->columns[0], &why);

	if (code != WM_OK && error_reason(&why) == REASON_ORDER_LIST)
		return malformed(l, "an object id or a SHA-256", l->columns[0], err);
	return code == WM_OK ? WM_OK : fail_again(err, &why);
}

/* --- a line ------------------------------------------------------------------------------ */

static enum wm_code read_places(Weightmark__V1__Destroyed *item, const struct listing *l,
				struct wm_error *err)
{
	char *rest = l->columns[1], *at;
	size_t n = 1;
	void *room = NULL;

	for (const char *p = rest; *p; p++)
		n += *p == ';';
	TRY(arena_alloc(&room, &l->c->arena, n * sizeof(*item->location), err));
	item->location = room;
	while ((at = strsep(&rest, ";")))
		if (*at)
			TRY(compose_text(&item->location[item->n_location++], l->c, at, err));
	return WM_OK;
}

/* What the event says was so when the last of it was. */
static enum wm_code date_event(Weightmark__V1__LifecycleEvent *e, const struct listing *l,
			       const struct when *at, struct wm_error *err)
{
	const struct when before = when_of_event(e);

	if (e->n_destroyed > 1 &&
	    when_last(at, l->d->zone) <= when_last(&before, l->d->zone))
		return WM_OK;
	return compose_when(&e->at, &e->day, l->c, at, err);
}

static enum wm_code add_destroyed(Weightmark__V1__LifecycleEvent *e, const struct listing *l,
				  struct wm_error *err)
{
	Weightmark__V1__Destroyed *item;
	ProtobufCMessage *m = NULL;
	struct when at = { 0 };
	int method = 0;

	TRY(message_new(&m, &weightmark__v1__destroyed__descriptor, &l->c->arena, err));
	item = (Weightmark__V1__Destroyed *)m;
	TRY(read_subject(&item->subject, l, err));
	TRY(read_places(item, l, err));
	TRY(read_enum(&method, l, &weightmark__v1__destroyed__method__descriptor,
		      "clear, purge, destroy or cryptographic_erase", l->columns[2], err));
	item->has_method = 1;
	item->method = (Weightmark__V1__Destroyed__Method)method;
	if (*l->columns[3])
		TRY(event_party(&item->operator_, l->c, e, l->columns[3], err));
	TRY(read_when(&at, l, l->columns[4], err));
	TRY(compose_when(&item->at, &item->day, l->c, &at, err));
	e->destroyed[e->n_destroyed++] = item;
	return date_event(e, l, &at, err);
}

static enum wm_code add_kept(Weightmark__V1__LifecycleEvent *e, const struct listing *l,
			     struct wm_error *err)
{
	Weightmark__V1__Retained *item;
	ProtobufCMessage *m = NULL;
	int reason = 0;
	int32_t day = 0;

	TRY(message_new(&m, &weightmark__v1__retained__descriptor, &l->c->arena, err));
	item = (Weightmark__V1__Retained *)m;
	TRY(read_subject(&item->subject, l, err));
	TRY(read_enum(&reason, l, &weightmark__v1__retained__reason__descriptor,
		      "legal_hold, agency_request, statute, court_order or technically_infeasible",
		      l->columns[1], err));
	item->has_reason = 1;
	item->reason = (Weightmark__V1__Retained__Reason)reason;
	if (!*l->columns[2])
		return malformed(l, "an authority", "", err);
	TRY(compose_text(&item->authority, l->c, l->columns[2], err));
	if (*l->columns[3]) {
		TRY(read_day(&day, l, l->columns[3], err));
		TRY(compose_day(&item->hold_start, l->c, day, err));
	}
	if (*l->columns[4]) {
		TRY(read_day(&day, l, l->columns[4], err));
		TRY(compose_day(&item->hold_end, l->c, day, err));
	}
	e->kept[e->n_kept++] = item;
	return WM_OK;
}

/* --- an event ---------------------------------------------------------------------------- */

static enum wm_code end_event(struct listing *l, struct wm_error *err)
{
	Weightmark__V1__LifecycleEvent *e = NULL;
	void *room = NULL;

	if (l->n == 0)
		return WM_OK;
	TRY(event_new(&e, l->events, l->c, l->d, &l->says, err));
	TRY(arena_alloc(&room, &l->c->arena, l->n * sizeof(void *), err));
	if (l->destroyed)
		e->destroyed = room;
	else
		e->kept = room;
	for (size_t i = 0; i < l->n; i++) {
		l->line = l->numbers[i];
		TRY(cut(l, l->lines[i], err));
		TRY(l->destroyed ? add_destroyed(e, l, err) : add_kept(e, l, err));
	}
	l->n = 0;
	buf_truncate(&l->says, 0);
	return WM_OK;
}

static enum wm_code add_line(struct listing *l, const char *line, size_t len, struct wm_error *err)
{
	if (l->n == LIMIT_EVENT_ITEMS || l->says.len + len > EVENT_BYTES) {
		const size_t at = l->line;

		TRY(end_event(l, err));
		l->line = at;
	}
	if (l->n == 0)
		TRY(buf_printf(&l->says, err, "%s\n", l->d->order->object));
	TRY(buf_append(&l->says, line, len, err));
	TRY(buf_append_byte(&l->says, '\n', err));
	TRY(arena_copy(&l->lines[l->n], &l->c->arena, line, len, err));
	l->numbers[l->n++] = l->line;
	return WM_OK;
}

static bool is_title(const char *line, size_t len)
{
	return (len > 7 && memcmp(line, "object\t", 7) == 0) ||
	       (len > 7 && memcmp(line, "digest\t", 7) == 0);
}

static enum wm_code read_lines(struct listing *l, const char *text, size_t len,
			       struct wm_error *err)
{
	for (size_t end; len > 0; text += end, len -= end) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline - text) : len;

		end = newline ? n + 1 : n;
		l->line++;
		if (n > 0 && text[n - 1] == '\r')
			n--;
		if (n == 0 || *text == '#' || (l->line == 1 && is_title(text, n)))
			continue;
		if (memchr(text, '\0', n) || !utf8_valid((const uint8_t *)text, n))
			return fail(err, REASON_ORDER_LIST, "%s:%zu: a NUL, or not UTF-8",
				    l->c->name, l->line);
		TRY(add_line(l, text, n, err));
	}
	return end_event(l, err);
}

enum wm_code deeds_add_list(struct gathered_list *events, struct composition *c,
			    const struct deed_draft *d, const void *tsv, size_t len,
			    bool destroyed, struct wm_error *err)
{
	struct listing l = { .events = events, .c = c, .d = d, .destroyed = destroyed,
			     .says = BUF_INIT(2 * EVENT_BYTES) };
	void *lines = NULL, *numbers = NULL;
	const size_t before = events->n;
	enum wm_code code;

	TRY(arena_alloc(&lines, &c->arena, LIMIT_EVENT_ITEMS * sizeof(*l.lines), err));
	TRY(arena_alloc(&numbers, &c->arena, LIMIT_EVENT_ITEMS * sizeof(*l.numbers), err));
	l.lines = lines;
	l.numbers = numbers;
	code = read_lines(&l, tsv, len, err);
	buf_release(&l.says);
	TRY(code);
	return events->n > before ? WM_OK :
				    fail(err, REASON_ORDER_LIST, "%s: lists nothing", c->name);
}
