/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the certificate, with a pen for each form. */
#include "report/certificate.h"

#include <string.h>

#include "lineage/calendar.h"
#include "lineage/unknown.h"
#include "statement/scalar.h"
#include "util/escape.h"
#include "util/hex.h"
#include "util/limits.h"

/* How headings, rows and paragraphs look. */
struct pen {
	struct buf *out;
	bool html;
};

/* --- the pen ----------------------------------------------------------------------------- */

/* Text of unknown origin: escaped for a terminal, then for HTML. */
static enum wm_code put(struct pen *p, const char *text, struct wm_error *err)
{
	cleanup_buf struct buf safe = BUF_INIT(8 * (size_t)LIMIT_STATEMENT);

	TRY(escape_append(&safe, text, strlen(text), err));
	if (!p->html)
		return buf_append(p->out, safe.data, safe.len, err);
	for (size_t i = 0; i < safe.len; i++) {
		const char *as = safe.data[i] == '&' ? "&amp;" :
				 safe.data[i] == '<' ? "&lt;" :
				 safe.data[i] == '>' ? "&gt;" :
				 safe.data[i] == '"' ? "&quot;" :
						       NULL;

		if (as)
			TRY(buf_append_str(p->out, as, err));
		else
			TRY(buf_append_byte(p->out, safe.data[i], err));
	}
	return WM_OK;
}

static enum wm_code heading(struct pen *p, const char *text, struct wm_error *err)
{
	TRY(buf_append_str(p->out, p->html ? "<h2>" : "\n", err));
	TRY(put(p, text, err));
	return buf_append_str(p->out, p->html ? "</h2>\n" : "\n\n", err);
}

static enum wm_code paragraph(struct pen *p, const char *text, struct wm_error *err)
{
	TRY(buf_append_str(p->out, p->html ? "<p>" : "", err));
	TRY(put(p, text, err));
	return buf_append_str(p->out, p->html ? "</p>\n" : "\n", err);
}

/* "word  text": nothing where the text is NULL. */
static enum wm_code field(struct pen *p, const char *word, const char *text, struct wm_error *err)
{
	if (!text)
		return WM_OK;
	if (!p->html) {
		TRY(buf_printf(p->out, err, "  %-12s", word));
		TRY(put(p, text, err));
		return buf_append_byte(p->out, '\n', err);
	}
	TRY(buf_printf(p->out, err, "<tr><th>%s</th><td>", word));
	TRY(put(p, text, err));
	return buf_append_str(p->out, "</td></tr>\n", err);
}

static enum wm_code begin(struct pen *p, struct wm_error *err)
{
	return buf_append_str(p->out, p->html ? "<table>\n" : "", err);
}

static enum wm_code end(struct pen *p, struct wm_error *err)
{
	return buf_append_str(p->out, p->html ? "</table>\n" : "\n", err);
}

static enum wm_code digest_field(struct pen *p, const char *word, const Weightmark__V1__Digest *d,
				 struct wm_error *err)
{
	char hex[2 * SHA256_BYTES + 1];

	if (!d)
		return WM_OK;
	hex_encode(hex, d->sha256.data, SHA256_BYTES);
	return field(p, word, hex, err);
}

static enum wm_code date_field(struct pen *p, const char *word, const Weightmark__V1__Date *d,
			       struct wm_error *err)
{
	char day[DAY_TEXT + 1];

	return d ? field(p, word, day_text(day, d->days), err) : WM_OK;
}

static enum wm_code reference_field(struct pen *p, const char *word,
				    const Weightmark__V1__Reference *r, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	if (!r)
		return WM_OK;
	if (r->object)
		TRY(field(p, word, r->object->text, err));
	TRY(digest_field(p, "weights", r->weights_digest, err));
	TRY(digest_field(p, "SHA-256", r->sha256, err));
	if (!r->statement)
		return WM_OK;
	statement_id_text(id, r->statement->sha256.data);
	return field(p, r->object ? "statement" : word, id, err);
}

static enum wm_code document_fields(struct pen *p, const Weightmark__V1__DocumentRef *d,
				    struct wm_error *err)
{
	if (!d)
		return WM_OK;
	TRY(field(p, "evidence", d->uri, err));
	return digest_field(p, "its SHA-256", d->sha256, err);
}

static const char *enum_name(const ProtobufCEnumDescriptor *d, int value)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);

	return v ? v->name : "?";
}

/* --- schedules --------------------------------------------------------------------------- */

static enum wm_code said_fields(struct pen *p, const struct said *said, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1], keyid[2 * SHA256_BYTES + 1];

	statement_id_text(id, said->statement->id);
	hex_encode(keyid, said->keyid, SHA256_BYTES);
	TRY(field(p, "stated by", said->statement->header->issuer, err));
	TRY(field(p, "signed by", keyid, err));
	return field(p, "in", id, err);
}

static enum wm_code print_destroyed(struct pen *p, const struct graph_node *node,
				    const struct account_deed *deed, struct wm_error *err)
{
	const Weightmark__V1__Destroyed *d = deed->destroyed;
	const struct when when = when_destroyed(d);
	char at[TIME_TEXT + 1];

	TRY(begin(p, err));
	TRY(field(p, graph_kind_name(node->kind), node->id, err));
	TRY(digest_field(p, "digest", d->digest, err));
	for (size_t i = 0; i < d->n_location; i++)
		TRY(field(p, "place", d->location[i], err));
	TRY(field(p, "method", enum_name(&weightmark__v1__destroyed__method__descriptor,
					 (int)d->method), err));
	TRY(field(p, "when", when_text(at, &when), err));
	if (d->operator_)
		TRY(field(p, "by", party_name(deed->said->statement, d->operator_), err));
	TRY(document_fields(p, d->log, err));
	TRY(said_fields(p, deed->said, err));
	return end(p, err);
}

static enum wm_code print_retained(struct pen *p, const struct order_state *s,
				   const struct account_deed *deed, struct wm_error *err)
{
	const struct graph_node *node = &s->orders->graph->nodes[deed->node];
	const Weightmark__V1__Retained *k = deed->kept;
	char day[DAY_TEXT + 1];

	TRY(begin(p, err));
	TRY(field(p, graph_kind_name(node->kind), node->id, err));
	TRY(digest_field(p, "digest", k->digest, err));
	for (size_t i = 0; i < k->n_location; i++)
		TRY(field(p, "place", k->location[i], err));
	TRY(field(p, "reason", enum_name(&weightmark__v1__retained__reason__descriptor,
					 (int)k->reason), err));
	TRY(field(p, "authority", k->authority, err));
	TRY(date_field(p, "hold from", k->hold_start, err));
	TRY(date_field(p, "hold until", k->hold_end, err));
	if (k->supplemental_due)
		TRY(date_field(p, "supplement", k->supplemental_due, err));
	else if (k->hold_end)
		TRY(field(p, "supplement",
			  day_text(day, k->hold_end->days + hold_supplement_days(s)), err));
	TRY(said_fields(p, deed->said, err));
	return end(p, err);
}

static enum wm_code print_recipient(struct pen *p, const struct order_state *s,
				    const struct order_recipient *r, struct wm_error *err)
{
	char at[TIME_TEXT + 1];
	const struct said *events[] = { r->told, r->confirmed };
	static const char *const words[] = { "told", "replied" };

	TRY(begin(p, err));
	TRY(field(p, "recipient", r->name, err));
	if (r->node != GRAPH_NONE)
		TRY(field(p, "of", s->orders->graph->nodes[r->node].id, err));
	for (size_t i = 0; i < 2; i++) {
		const Weightmark__V1__LifecycleEvent *e =
			events[i] ? (const Weightmark__V1__LifecycleEvent *)
						    events[i]->statement->message :
				    NULL;

		const struct when when = e ? when_of_event(e) : when_day(DAY_NONE);

		TRY(field(p, words[i],
			  e ? when_text(at, &when) :
			  i ? "no reply is recorded" :
			      "not recorded", err));
		if (e)
			TRY(document_fields(p, e->evidence, err));
	}
	return end(p, err);
}

static enum wm_code print_schedules(struct pen *p, const struct certificate_report *r,
				    struct wm_error *err)
{
	const struct order_state *s = r->state;
	size_t n[2] = { 0 };

	TRY(heading(p, "Schedule A: destroyed", err));
	for (size_t i = 0; i < r->account->n_deeds; i++)
		if (r->account->deeds[i].destroyed) {
			const struct account_deed *d = &r->account->deeds[i];

			TRY(print_destroyed(p, &s->orders->graph->nodes[d->node], d, err));
			n[0]++;
		}
	if (n[0] == 0)
		TRY(paragraph(p, "Nothing.", err));
	TRY(heading(p, "Schedule B: kept", err));
	for (size_t i = 0; i < r->account->n_deeds; i++)
		if (r->account->deeds[i].kept) {
			TRY(print_retained(p, s, &r->account->deeds[i], err));
			n[1]++;
		}
	if (n[1] == 0)
		TRY(paragraph(p, "Nothing.", err));
	TRY(heading(p, "Schedule C: recipients", err));
	for (size_t i = 0; i < s->n_recipients; i++)
		TRY(print_recipient(p, s, &s->recipients[i], err));
	return s->n_recipients == 0 ? paragraph(p, "None is recorded.", err) : WM_OK;
}

/* --- the whole --------------------------------------------------------------------------- */

/* Which copies were looked for, and which were not. */
static enum wm_code print_scans(struct pen *p, const Weightmark__V1__DeletionCertificate *c,
				struct wm_error *err)
{
	char at[TIME_TEXT + 1];

	TRY(heading(p, "Scans for copies", err));
	if (c->n_scan == 0)
		return paragraph(p, "No scan was counted: nobody looked here for copies that no "
				    "statement names.", err);
	for (size_t i = 0; i < c->n_scan; i++) {
		const Weightmark__V1__CountedScan *scan = c->scan[i];

		TRY(begin(p, err));
		time_text(at, scan->scanned_at->seconds);
		TRY(field(p, "scanned at", at, err));
		for (size_t k = 0; k < scan->n_place; k++)
			TRY(field(p, "below", scan->place[k], err));
		TRY(digest_field(p, "its report", scan->report, err));
		TRY(end(p, err));
	}
	return WM_OK;
}

/* What may descend from the data: the certificate was drawn up all the same. */
static enum wm_code print_unknown(struct pen *p, const struct order_state *s, struct wm_error *err)
{
	const struct orders *o = s->orders;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	if (s->n_unknown == 0)
		return WM_OK;
	TRY(buf_printf(&text, err, "%zu further checkpoint%s in these logs %s an ancestor of "
				   "unknown origin: whether %s from the data, nobody declared.",
		       s->n_unknown, s->n_unknown == 1 ? "" : "s",
		       s->n_unknown == 1 ? "has" : "have",
		       s->n_unknown == 1 ? "it descends" : "they descend"));
	TRY(paragraph(p, buf_str(&text), err));
	TRY(begin(p, err));
	for (uint32_t i = 0; i < o->graph->n_nodes; i++) {
		if (!order_may_reach(s, i))
			continue;
		buf_truncate(&text, 0);
		TRY(unknown_text(&text, o->graph, i, o->unknown[i], err));
		TRY(field(p, "unknown", buf_str(&text), err));
	}
	return end(p, err);
}

static enum wm_code print_logs(struct pen *p, const struct certificate_report *r,
			       struct wm_error *err)
{
	const Weightmark__V1__DeletionCertificate *c = r->certificate;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	TRY(heading(p, "What this was drawn up over", err));
	TRY(begin(p, err));
	TRY(digest_field(p, "lineage", c->graph_digest, err));
	for (size_t i = 0; i < c->n_log; i++) {
		buf_truncate(&text, 0);
		TRY(buf_printf(&text, err, "%s, %llu %s, root ", c->log[i]->origin,
			       (unsigned long long)c->log[i]->size,
			       c->log[i]->size == 1 ? "entry" : "entries"));
		TRY(buf_append_hex(&text, c->log[i]->root->sha256.data, SHA256_BYTES, err));
		TRY(field(p, "log", buf_str(&text), err));
	}
	TRY(end(p, err));
	return r->state ? print_unknown(p, r->state, err) : WM_OK;
}

/* The legal name of who is to sign, or NULL. */
static const char *declarant_of(const Weightmark__V1__DeletionCertificate *c)
{
	for (size_t i = 0; c->declarant && i < c->n_party; i++)
		if (strcmp(c->party[i]->id->text, c->declarant->id) == 0)
			return c->party[i]->legal_name;
	return NULL;
}

static enum wm_code print_sworn(struct pen *p, const struct certificate_report *r,
				struct wm_error *err)
{
	const char *const rows[][2] = {
		{ "Executed on", NULL },
		{ "At", NULL },
		{ "Full name", declarant_of(r->certificate) },
		{ "Title", r->certificate->declarant_title },
		{ "Signature", NULL },
	};

	TRY(heading(p, "Statement, to be read, corrected and signed by a person", err));
	TRY(paragraph(p, r->certificate->sworn_text, err));
	TRY(buf_append_str(p->out, p->html ? "<table class=\"sign\">\n" : "\n", err));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		TRY(field(p, rows[i][0],
			  rows[i][1] ? rows[i][1] : "______________________________", err));
	TRY(end(p, err));
	return paragraph(p, "Drafted by weightmark from what the statements named above assert. "
			    "It verified their signatures, and does not know whether they are "
			    "true.", err);
}

static enum wm_code print_head(struct pen *p, const struct certificate_report *r,
			       struct wm_error *err)
{
	const Weightmark__V1__Order *o = r->state ? r->state->order->said : NULL;
	char at[TIME_TEXT + 1];

	time_text(at, r->issued_at);
	TRY(begin(p, err));
	TRY(field(p, "certificate", r->statement, err));
	TRY(field(p, "issued by", r->issuer, err));
	TRY(field(p, "key", r->keyid, err));
	TRY(field(p, "issued at", at, err));
	if (o) {
		TRY(field(p, "under the", order_kind_text(o->kind), err));
		TRY(field(p, "its id", r->state->order->object, err));
		TRY(field(p, "title", o->title, err));
		TRY(field(p, "docket", o->docket, err));
	} else {
		TRY(field(p, "declarant", declarant_of(r->certificate), err));
		TRY(field(p, "as", r->certificate->declarant_title, err));
		TRY(field(p, "relying on", r->certificate->basis_of_knowledge, err));
	}
	return end(p, err);
}

static enum wm_code print_clean(struct pen *p, const struct certificate_report *r,
				struct wm_error *err)
{
	const Weightmark__V1__DeletionCertificate *c = r->certificate;

	TRY(heading(p, "No declared path", err));
	TRY(paragraph(p, "In the logs named below, no declared path leads to", err));
	TRY(begin(p, err));
	for (size_t i = 0; i < c->n_clean; i++)
		TRY(reference_field(p, "checkpoint", c->clean[i], err));
	TRY(end(p, err));
	TRY(paragraph(p, "from", err));
	TRY(begin(p, err));
	for (size_t i = 0; i < c->n_tainted_by; i++)
		TRY(reference_field(p, "data", c->tainted_by[i], err));
	return end(p, err);
}

static enum wm_code print_body(struct pen *p, const struct certificate_report *r,
			       struct wm_error *err)
{
	TRY(print_head(p, r, err));
	if (!r->state) {
		TRY(print_clean(p, r, err));
		return print_logs(p, r, err);
	}
	TRY(print_schedules(p, r, err));
	if (order_demands(r->state) != 0 || r->certificate->n_scan > 0)
		TRY(print_scans(p, r->certificate, err));
	TRY(print_logs(p, r, err));
	return print_sworn(p, r, err);
}

static const char *title_of(const struct certificate_report *r)
{
	if (!r->state)
		return "Certificate: no declared path";
	return order_demands(r->state) ? "Certificate of deletion (draft for signature)" :
					 "Certificate of what was done (draft for signature)";
}

enum wm_code certificate_text(struct buf *out, const struct certificate_report *r,
			      struct wm_error *err)
{
	struct pen p = { out, false };

	TRY(buf_printf(out, err, "%s\n\n", title_of(r)));
	return print_body(&p, r, err);
}

static const char page[] =
	CERTIFICATE_HTML_BEGINS
	"content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n<style>\n"
	"body { font: 11pt/1.4 serif; max-width: 48em; margin: 2em auto; padding: 0 1em; }\n"
	"table { border-collapse: collapse; width: 100%; margin: 0.8em 0; "
	"border-top: 1px solid; break-inside: avoid; }\n"
	"th { text-align: left; font-weight: normal; width: 9em; vertical-align: top; }\n"
	"td { overflow-wrap: anywhere; }\n"
	".sign td, .sign th { padding-top: 1.6em; }\n"
	"</style>\n";

enum wm_code certificate_html(struct buf *out, const struct certificate_report *r,
			      struct wm_error *err)
{
	struct pen p = { out, true };

	TRY(buf_append_str(out, page, err));
	TRY(buf_printf(out, err, "<title>%s</title>\n</head>\n<body>\n<h1>%s</h1>\n", title_of(r),
		       title_of(r)));
	TRY(print_body(&p, r, err));
	return buf_append_str(out, "</body>\n</html>\n", err);
}
