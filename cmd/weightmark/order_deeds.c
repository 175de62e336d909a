/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what is said to have been done fits the order and what the ledgers know. */
#include "order_verbs.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "util/limits.h"

/* What does not fit: how many, and the first. */
struct misfit {
	size_t n;
	struct buf first;
};

struct misfits {
	const struct order_state *s;
	int64_t now;
	struct misfit early, unknown, beyond;
	size_t n_early;	      /* single events */
	const char *stranger; /* a recipient that was warned of */
};

static void misfits_release(struct misfits *m)
{
	buf_release(&m->early.first);
	buf_release(&m->unknown.first);
	buf_release(&m->beyond.first);
}

static enum wm_code add_misfit(struct misfit *m, const Weightmark__V1__Reference *subject,
			       struct wm_error *err)
{
	return m->n++ > 0 ? WM_OK : reference_text(&m->first, subject, err);
}

static enum wm_code check_subject(struct misfits *m, const Weightmark__V1__Reference *subject,
				  struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list nodes = { 0 };
	const uint32_t *list;

	TRY(resolve_reference(&nodes, m->s->orders, subject, err));
	list = nodes.list;
	if (nodes.n == 0)
		return add_misfit(&m->unknown, subject, err);
	for (size_t i = 0; i < nodes.n; i++)
		if (order_item(m->s, list[i]))
			return WM_OK;
	return add_misfit(&m->beyond, subject, err);
}

static bool is_early(const struct misfits *m, const struct when *at)
{
	const Weightmark__V1__Date *trigger = m->s->order->said->trigger_date;

	return trigger && when_day_in(at, m->s->zone) < trigger->days;
}

static enum wm_code check_when(struct misfits *m, const struct when *at, const char *what,
			       struct wm_error *err)
{
	char text[TIME_TEXT + 1];

	if (when_first(at, m->s->zone) <= m->now)
		return WM_OK;
	return fail(err, REASON_DEED_FUTURE, "%.160s is said to have been done on %s, which is to "
					     "come", what, when_text(text, at));
}

static enum wm_code check_destroyed(struct misfits *m, const Weightmark__V1__Destroyed *d,
				    struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	const struct when at = when_destroyed(d);

	TRY(reference_text(&text, d->subject, err));
	TRY(check_when(m, &at, buf_str(&text), err));
	if (is_early(m, &at))
		TRY(add_misfit(&m->early, d->subject, err));
	return check_subject(m, d->subject, err);
}

/* Recipients are sorted so. */
static int compare_names(const void *name, const void *recipient)
{
	return strcasecmp(name, ((const struct order_recipient *)recipient)->name);
}

static void check_recipient(struct misfits *m, const Weightmark__V1__LifecycleEvent *e)
{
	const struct order_state *s = m->s;
	const char *name = NULL;

	for (size_t i = 0; e->recipient && i < e->n_party; i++)
		if (strcmp(e->party[i]->id->text, e->recipient->id) == 0)
			name = e->party[i]->legal_name;
	if (!name || (m->stranger && strcmp(m->stranger, name) == 0))
		return;
	if (s->n_recipients > 0 && bsearch(name, s->recipients, s->n_recipients,
					   sizeof(*s->recipients), compare_names))
		return;
	m->stranger = name;
	warning("no ledger at hand says that '%s' got anything that %s reaches", name,
		s->order->object);
}

static enum wm_code check_event(struct misfits *m, const Weightmark__V1__LifecycleEvent *e,
				struct wm_error *err)
{
	const struct when at = when_of_event(e);

	for (size_t i = 0; i < e->n_destroyed; i++)
		TRY(check_destroyed(m, e->destroyed[i], err));
	for (size_t i = 0; i < e->n_kept; i++)
		TRY(check_subject(m, e->kept[i]->subject, err));
	if (e->subject)
		TRY(check_subject(m, e->subject, err));
	check_recipient(m, e);
	if (e->n_destroyed > 0)
		return WM_OK;
	m->n_early += is_early(m, &at);
	return check_when(m, &at, "this", err);
}

static void warn_of(const struct misfit *m, const char *what, const struct order_state *s)
{
	char more[48] = "";

	if (m->n == 0)
		return;
	if (m->n > 1)
		snprintf(more, sizeof(more), " and %zu more", m->n - 1);
	warning("%s%s: %s %s", buf_str(&m->first), more, what, s->order->object);
}

enum wm_code order_check_deeds(const struct order_state *s, const struct composed *events,
			       size_t n, struct wm_error *err)
{
	__attribute__((cleanup(misfits_release))) struct misfits m = {
		.s = s,
		.now = time(NULL),
		.early = { .first = BUF_INIT(LIMIT_STATEMENT) },
		.unknown = { .first = BUF_INIT(LIMIT_STATEMENT) },
		.beyond = { .first = BUF_INIT(LIMIT_STATEMENT) },
	};

	for (size_t i = 0; i < n; i++)
		TRY(check_event(&m, (const Weightmark__V1__LifecycleEvent *)events[i].message,
				err));
	warn_of(&m.unknown, "no ledger at hand knows this; it is recorded as done about", s);
	warn_of(&m.beyond, "is not among what is reached by", s);
	warn_of(&m.early, "is said to be destroyed before the day of", s);
	if (m.n_early > 0)
		warning("the day that is said is before that of %s", s->order->object);
	return WM_OK;
}
