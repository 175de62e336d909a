/* SPDX-License-Identifier: Apache-2.0 */
/* What transfers, orders, events, certificates and revocations must say to be of use. */
#include "statement/validate.h"

#include <string.h>

#include "statement/message.h"
#include "util/limits.h"
#include "weightmark/v1/order.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"
#include "weightmark/v1/run.pb-c.h"
#include "weightmark/v1/transfer.pb-c.h"

#define D(name) &weightmark__v1__##name##__descriptor

enum { REQUIRED_MAX = 6 };

/* Fields that a message has to have; of an enum another value than no_assertion, of a list one. */
static const struct {
	const ProtobufCMessageDescriptor *of;
	const char *fields[REQUIRED_MAX];
} required[] = {
	{ D(transfer), { "id", "subject", "from", "to", "related_party" } },
	{ D(related_party_disclosure), { "exists" } },
	{ D(order), { "id", "kind", "trigger_date", "obligation" } },
	{ D(obligation), { "id", "kind" } },
	{ D(lifecycle_event), { "id", "kind" } },
	{ D(destroyed), { "subject", "method" } },
	{ D(retained), { "subject", "reason", "authority" } },
	{ D(deletion_certificate), { "id", "graph_digest", "log" } },
	{ D(log_head), { "origin", "size", "root" } },
	{ D(revocation), { "id", "kind" } },
};

/* Of a moment and a day, one is said. */
static const struct dated {
	const ProtobufCMessageDescriptor *of;
	const char *moment, *day;
} dated[] = {
	{ D(lifecycle_event), "at", "day" },
	{ D(destroyed), "at", "day" },
	{ D(revocation), "effective_at", "effective_day" },
};

static bool is_said(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	if (field_count(m, f) == 0)
		return false;
	return f->type != PROTOBUF_C_TYPE_ENUM || f->label == PROTOBUF_C_LABEL_REPEATED ||
	       *(const int *)field_value(m, f, 0) != 0;
}

static bool is_sealed(const Weightmark__V1__Header *h, const char *field)
{
	for (size_t i = 0; h && i < h->n_sealed; i++)
		if (strcmp(h->sealed[i]->pointer + 1, field) == 0)
			return true;
	return false;
}

static bool has_field(const ProtobufCMessage *m, const char *name)
{
	return field_count(m, protobuf_c_message_descriptor_get_field_by_name(m->descriptor,
									      name)) > 0;
}

/* How many of the moment and the day it says; `*row`: their names. 1 of what has no such fields. */
static size_t count_dates(const struct dated **row, const ProtobufCMessage *m)
{
	for (size_t i = 0; i < sizeof(dated) / sizeof(dated[0]); i++) {
		*row = &dated[i];
		if (m->descriptor == dated[i].of)
			return (size_t)has_field(m, dated[i].moment) + has_field(m, dated[i].day);
	}
	return 1;
}

const char *validate_required(const ProtobufCMessage *m)
{
	const struct dated *row;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (m->descriptor != required[i].of)
			continue;
		for (size_t j = 0; j < REQUIRED_MAX && required[i].fields[j]; j++) {
			const char *name = required[i].fields[j];
			const ProtobufCFieldDescriptor *f =
				protobuf_c_message_descriptor_get_field_by_name(m->descriptor,
										name);

			if (!is_said(m, f) &&
			    !(header_field(m->descriptor) && is_sealed(statement_header(m), name)))
				return name;
		}
	}
	return count_dates(&row, m) == 0 ? row->moment : NULL;
}

static enum wm_code invalid(struct wm_error *err, const char *what)
{
	return fail(err, REASON_STATEMENT_INVALID, "%s", what);
}

static enum wm_code check_required(const ProtobufCMessage *m, const void *context,
				   struct wm_error *err)
{
	const char *missing = validate_required(m);
	const struct dated *row;

	(void)context;
	if (missing)
		return fail(err, REASON_STATEMENT_INVALID, "%s: %s is missing",
			    m->descriptor->short_name, missing);
	if (count_dates(&row, m) > 1)
		return fail(err, REASON_STATEMENT_INVALID, "%s: says both %s and %s",
			    m->descriptor->short_name, row->moment, row->day);
	return WM_OK;
}

static enum wm_code check_order(const Weightmark__V1__Order *o, struct wm_error *err)
{
	if (o->n_scope_dataset + o->n_scope_subset_root + o->n_scope_checkpoint +
		    o->n_scope_record + o->n_scope_party ==
	    0)
		return invalid(err, "an order has no scope: no dataset, subset, checkpoint, "
				    "record or party");
	if (o->n_obligation > LIMIT_OBLIGATIONS)
		return fail(err, REASON_LIMIT, "an order has more than %d obligations",
			    LIMIT_OBLIGATIONS);
	for (size_t i = 0; i < o->n_obligation; i++) {
		const Weightmark__V1__Obligation *b = o->obligation[i];

		if (!b->has_days && !b->has_months && !b->due)
			return fail(err, REASON_STATEMENT_INVALID,
				    "the obligation %.128s has neither days, months nor due",
				    b->id->text);
		if ((b->has_days && b->days > LIMIT_ORDER_DAYS) ||
		    (b->has_months && b->months > LIMIT_ORDER_DAYS / 31))
			return fail(err, REASON_LIMIT,
				    "the obligation %.128s is due in more than %d days",
				    b->id->text, LIMIT_ORDER_DAYS);
		for (size_t j = 0; j < i; j++)
			if (strcmp(o->obligation[j]->id->text, b->id->text) == 0)
				return fail(err, REASON_STATEMENT_INVALID,
					    "two obligations have the id '%s'", b->id->text);
	}
	return WM_OK;
}

bool validate_is_open(const ProtobufCMessageDescriptor *d)
{
	return d == D(order) || d == D(lifecycle_event) || d == D(deletion_certificate) ||
	       d == D(revocation);
}

static enum wm_code check_event(const Weightmark__V1__LifecycleEvent *e, struct wm_error *err)
{
	if (!e->subject && !e->order && e->n_destroyed + e->n_kept == 0)
		return invalid(err, "an event is about nothing: no subject, order, destroyed or "
				    "kept");
	return WM_OK;
}

static enum wm_code check_certificate(const Weightmark__V1__DeletionCertificate *c,
				      struct wm_error *err)
{
	if (!c->order == (c->n_clean == 0))
		return invalid(err, "a certificate is about one of order and clean");
	return WM_OK;
}

static enum wm_code check_revocation(const Weightmark__V1__Revocation *r, struct wm_error *err)
{
	if (!r->dataset && r->n_affected_model == 0)
		return invalid(err, "a revocation names no dataset and no model");
	if ((r->record_commitment || r->n_record > 0) && !r->dataset)
		return invalid(err, "a record is revoked without its dataset");
	return WM_OK;
}

enum wm_code validate_orders(const ProtobufCMessage *m, struct wm_error *err)
{
	if (validate_is_open(m->descriptor) && statement_header(m)->n_sealed > 0)
		return fail(err, REASON_STATEMENT_INVALID, "nothing of a statement of kind %s can "
							   "be sealed",
			    kind_of_message(m->descriptor)->name);
	TRY(message_walk(m, check_required, NULL, err));
	if (m->descriptor == D(order))
		return check_order((const Weightmark__V1__Order *)m, err);
	if (m->descriptor == D(lifecycle_event))
		return check_event((const Weightmark__V1__LifecycleEvent *)m, err);
	if (m->descriptor == D(deletion_certificate))
		return check_certificate((const Weightmark__V1__DeletionCertificate *)m, err);
	if (m->descriptor == D(revocation))
		return check_revocation((const Weightmark__V1__Revocation *)m, err);
	return WM_OK;
}

/* --- what is signed anew ----------------------------------------------------------------- */

static enum wm_code check_due(const Weightmark__V1__Order *o, struct wm_error *err)
{
	for (size_t i = 0; o->trigger_date && i < o->n_obligation; i++) {
		const Weightmark__V1__Obligation *b = o->obligation[i];

		if (b->due && b->due->days < o->trigger_date->days)
			return fail(err, REASON_STATEMENT_INVALID,
				    "the obligation %.128s is due before the order's trigger_date",
				    b->id ? b->id->text : "");
	}
	return WM_OK;
}

enum wm_code statement_check_dates(const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Run *r = (const Weightmark__V1__Run *)m;

	if (m->descriptor == D(order))
		return check_due((const Weightmark__V1__Order *)m, err);
	if (m->descriptor == D(run) && r->start && r->end && r->end->seconds < r->start->seconds)
		return fail(err, REASON_STATEMENT_INVALID, "the run %.128s ends before it starts",
			    r->id ? r->id->text : "");
	return WM_OK;
}
