/* SPDX-License-Identifier: Apache-2.0 */
/* Single events, and the parts that all events have. */
#include "attest/deeds_internal.h"

#include <string.h>

#include "statement/message.h"
#include "statement/scalar.h"
#include "util/hex.h"
#include "util/limits.h"

enum { ID_HEX = 16, ID_ORDER_MAX = 64 };

void deeds_begin(struct composition *c, const char *name)
{
	*c = (struct composition){
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.name = name,
		.reason = REASON_ORDER_LIST,
	};
}

static const char *local_of(const struct order *o)
{
	return strrchr(o->object, '/') ? strrchr(o->object, '/') + 1 : o->object;
}

/* When the event was with this local id that there is already, or `at`. */
static struct when when_before(const struct deed_draft *d, const char *local)
{
	for (size_t i = 0; i < d->order->n_events && !d->at_given; i++) {
		const struct statement *s = d->order->events[i]->statement;
		const Weightmark__V1__LifecycleEvent *e =
			(const Weightmark__V1__LifecycleEvent *)s->message;

		if (strcmp(e->id->text, local) == 0)
			return when_of_event(e);
	}
	return d->at;
}

enum wm_code event_new(Weightmark__V1__LifecycleEvent **out, struct gathered_list *events,
		       struct composition *c, const struct deed_draft *d, const struct buf *says,
		       struct wm_error *err)
{
	cleanup_buf struct buf id = BUF_INIT(LIMIT_ID);
	ProtobufCMessage *m = NULL, *order = NULL;
	Weightmark__V1__LifecycleEvent *e;
	uint8_t digest[SHA256_BYTES];
	struct composed *s;
	struct when at;

	TRY(sha256_of(digest, says->data, says->len, err));
	TRY(append_local_id(&id, local_of(d->order), ID_ORDER_MAX, err));
	TRY(buf_printf(&id, err, "-%s-", d->word));
	TRY(buf_append_hex(&id, digest, ID_HEX / 2, err));
	TRY(message_new(&m, &weightmark__v1__lifecycle_event__descriptor, &c->arena, err));
	TRY(message_new(&order, &weightmark__v1__reference__descriptor, &c->arena, err));
	e = (Weightmark__V1__LifecycleEvent *)m;
	TRY(compose_scalar(&e->id, c, &weightmark__v1__id__descriptor, buf_str(&id), err));
	at = when_before(d, buf_str(&id));
	TRY(compose_when(&e->at, &e->day, c, &at, err));
	e->order = (Weightmark__V1__Reference *)order;
	TRY(compose_scalar(&e->order->object, c, &weightmark__v1__object_id__descriptor,
			   d->order->object, err));
	e->has_kind = 1;
	e->kind = d->kind;
	TRY(gathered_add(&s, events, sizeof(*s), err));
	s->kind = kind_of_message(m->descriptor);
	s->message = m;
	*out = e;
	return WM_OK;
}

enum wm_code event_reference(Weightmark__V1__Reference **out, struct composition *c,
			     const char *text, struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, &weightmark__v1__reference__descriptor, &c->arena, err));
	*out = (Weightmark__V1__Reference *)m;
	if (strlen(text) == 2 * SHA256_BYTES && hex_decode(digest, text, strlen(text)))
		return compose_digest(&(*out)->sha256, c, digest, err);
	return compose_scalar(&(*out)->object, c, &weightmark__v1__object_id__descriptor, text,
			      err);
}

/* --- parties ----------------------------------------------------------------------------- */

/* Lists grow in place: an event has room for LIMIT_PARTIES of them from the first on. */
enum wm_code event_party(Weightmark__V1__PartyId **out, struct composition *c,
			 Weightmark__V1__LifecycleEvent *e, const char *name, struct wm_error *err)
{
	ProtobufCMessage *m = NULL, *id = NULL;
	Weightmark__V1__Party *p = NULL;
	void *room = NULL;
	char text[sizeof("party-") + 3 * sizeof(size_t)];

	for (size_t i = 0; i < e->n_party && !p; i++)
		if (strcmp(e->party[i]->legal_name, name) == 0)
			p = e->party[i];
	if (!e->party) {
		TRY(arena_alloc(&room, &c->arena, LIMIT_PARTIES * sizeof(*e->party), err));
		e->party = room;
	}
	if (!p && e->n_party == LIMIT_PARTIES)
		return fail(err, c->reason, "%s: names more than %d parties in %d lines", c->name,
			    LIMIT_PARTIES, LIMIT_EVENT_ITEMS);
	if (!p) {
		snprintf(text, sizeof(text), "party-%zu", e->n_party + 1);
		TRY(message_new(&m, &weightmark__v1__party__descriptor, &c->arena, err));
		p = (Weightmark__V1__Party *)m;
		TRY(compose_scalar(&p->id, c, &weightmark__v1__id__descriptor, text, err));
		TRY(compose_text(&p->legal_name, c, name, err));
		e->party[e->n_party++] = p;
	}
	TRY(message_new(&id, &weightmark__v1__party_id__descriptor, &c->arena, err));
	*out = (Weightmark__V1__PartyId *)id;
	return compose_text(&(*out)->id, c, p->id->text, err);
}

/* --- holds ------------------------------------------------------------------------------- */

static enum wm_code add_kept(struct composition *c, Weightmark__V1__LifecycleEvent *e,
			     const struct deed_draft *d, const Weightmark__V1__Reference *subject,
			     struct wm_error *err)
{
	ProtobufCMessage *m = NULL, *copy = NULL;
	Weightmark__V1__Retained *kept;

	TRY(message_new(&m, &weightmark__v1__retained__descriptor, &c->arena, err));
	TRY(message_new(&copy, &weightmark__v1__reference__descriptor, &c->arena, err));
	kept = (Weightmark__V1__Retained *)m;
	kept->subject = (Weightmark__V1__Reference *)copy;
	/* The statement may have been corrected since: what it is about stays. */
	*kept->subject = *subject;
	if (subject->object)
		kept->subject->statement = NULL;
	kept->has_reason = 1;
	kept->reason = WEIGHTMARK__V1__RETAINED__REASON__legal_hold;
	TRY(compose_text(&kept->authority, c, d->authority, err));
	if (d->until != DAY_NONE)
		TRY(compose_day(&kept->hold_end, c, d->until, err));
	e->kept[e->n_kept++] = kept;
	return WM_OK;
}

static enum wm_code add_hold(struct composition *c, Weightmark__V1__LifecycleEvent *e,
			     const struct deed_draft *d, struct wm_error *err)
{
	const Weightmark__V1__Order *o = d->order->said;
	Weightmark__V1__Reference *subject = NULL;
	void *room = NULL;

	TRY(arena_alloc(&room, &c->arena,
			(1 + o->n_scope_dataset + o->n_scope_checkpoint) * sizeof(*e->kept), err));
	e->kept = room;
	if (d->subject) {
		TRY(event_reference(&subject, c, d->subject, err));
		return add_kept(c, e, d, subject, err);
	}
	for (size_t i = 0; i < o->n_scope_dataset; i++)
		TRY(add_kept(c, e, d, o->scope_dataset[i], err));
	for (size_t i = 0; i < o->n_scope_checkpoint; i++)
		TRY(add_kept(c, e, d, o->scope_checkpoint[i], err));
	if (e->n_kept == 0)
		return fail(err, REASON_USAGE,
			    "the order names no dataset and no checkpoint: say what is held with "
			    "--subject");
	return WM_OK;
}

/* --- one event --------------------------------------------------------------------------- */

/* What tells it from others: all but when, unless that was said. */
static enum wm_code describe(struct buf *out, const struct deed_draft *d, struct wm_error *err)
{
	const char *texts[] = { d->order->object, d->obligation, d->recipient, d->subject,
				d->authority };
	char at[TIME_TEXT + 1];

	TRY(buf_printf(out, err, "%d\n%d\n", (int)d->kind, (int)d->until));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		TRY(buf_printf(out, err, "%s\n", texts[i] ? texts[i] : ""));
	return d->at_given ? buf_printf(out, err, "%s\n", when_text(at, &d->at)) : WM_OK;
}

enum wm_code deeds_add(struct gathered_list *events, struct composition *c,
		       const struct deed_draft *d, struct wm_error *err)
{
	cleanup_buf struct buf says = BUF_INIT(LIMIT_STATEMENT);
	Weightmark__V1__LifecycleEvent *e = NULL;

	TRY(describe(&says, d, err));
	TRY(event_new(&e, events, c, d, &says, err));
	if (d->obligation)
		TRY(compose_text(&e->obligation_id, c, d->obligation, err));
	if (d->recipient)
		TRY(event_party(&e->recipient, c, e, d->recipient, err));
	if (d->authority)
		return add_hold(c, e, d, err);
	return d->subject ? event_reference(&e->subject, c, d->subject, err) : WM_OK;
}

enum wm_code deeds_end(struct composition *c, const struct gathered_list *events,
		       struct wm_error *err)
{
	void *room = NULL;

	TRY(arena_alloc(&room, &c->arena, (events->n + 1) * sizeof(*c->statements), err));
	c->statements = room;
	c->n_statements = events->n;
	if (events->n > 0)
		memcpy(room, events->list, events->n * sizeof(*c->statements));
	return WM_OK;
}
