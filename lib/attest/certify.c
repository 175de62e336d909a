/* SPDX-License-Identifier: Apache-2.0 */
/* What events say, once more and together; the digest of the lineage; the text to be sworn. */
#include "attest/certify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lineage/fingerprint.h"
#include "statement/message.h"
#include "util/hex.h"
#include "util/limits.h"

#define D(name) (&weightmark__v1__##name##__descriptor)

/* A certificate under construction. */
struct drafting {
	struct composition *c;
	const struct certify_options *options;
	Weightmark__V1__DeletionCertificate *cert;
	const char **names; /* of the parties, in their order */
};

/* --- values ------------------------------------------------------------------------------ */

/* A list of `n` pointers in the arena. */
static enum wm_code new_list(void *out, struct drafting *d, size_t n, struct wm_error *err)
{
	void *list = NULL;

	TRY(arena_alloc(&list, &d->c->arena, (n + 1) * sizeof(void *), err));
	memcpy(out, &list, sizeof(list));
	return WM_OK;
}

/* A copy of `from` in the arena of the composition. */
static enum wm_code copy_message(ProtobufCMessage **out, struct drafting *d,
				 const ProtobufCMessage *from, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_STATEMENT);

	TRY(message_encode(&bytes, from, err));
	return message_decode(out, from->descriptor, &d->c->arena, bytes.data, bytes.len,
			      REASON_STATEMENT_INVALID, err);
}

/* The id of the party of this name, which is added where it is new. */
static enum wm_code refer_party(Weightmark__V1__PartyId **out, struct drafting *d,
				const char *name, struct wm_error *err)
{
	Weightmark__V1__DeletionCertificate *cert = d->cert;
	Weightmark__V1__Party *party;
	ProtobufCMessage *m = NULL;
	char id[16];
	size_t i = 0;

	while (i < cert->n_party && strcmp(d->names[i], name) != 0)
		i++;
	snprintf(id, sizeof(id), "p%zu", i + 1);
	if (i == LIMIT_PARTIES)
		return fail(err, REASON_LIMIT, "more than %d parties", LIMIT_PARTIES);
	if (i == cert->n_party) {
		TRY(message_new(&m, D(party), &d->c->arena, err));
		party = (Weightmark__V1__Party *)m;
		TRY(compose_scalar(&party->id, d->c, D(id), id, err));
		TRY(compose_text(&party->legal_name, d->c, name, err));
		d->names[i] = party->legal_name;
		cert->party[cert->n_party++] = party;
	}
	return compose_scalar(out, d->c, D(party_id), id, err);
}

static enum wm_code refer_node(Weightmark__V1__Reference **out, struct drafting *d,
			       const struct graph_node *n, struct wm_error *err)
{
	const char *hex = strchr(n->id, ':');
	ProtobufCMessage *m = NULL;
	uint8_t digest[SHA256_BYTES];

	TRY(message_new(&m, D(reference), &d->c->arena, err));
	*out = (Weightmark__V1__Reference *)m;
	if (strchr(n->id, '/'))
		return compose_scalar(&(*out)->object, d->c, D(object_id), n->id, err);
	if (!hex || strlen(hex + 1) != 2 * sizeof(digest) ||
	    !hex_decode(digest, hex + 1, 2 * sizeof(digest)))
		return fail(err, REASON_INTERNAL, "%s: is no object and no digest", n->id);
	if (strncmp(n->id, "weights:", 8) == 0)
		return compose_digest(&(*out)->weights_digest, d->c, digest, err);
	if (strncmp(n->id, "wm:", 3) == 0)
		return compose_statement_id(&(*out)->statement, d->c, digest, err);
	return compose_digest(&(*out)->sha256, d->c, digest, err);
}

/* --- what every certificate has ---------------------------------------------------------- */

static enum wm_code start(struct drafting *d, const char *id, const uint8_t digest[SHA256_BYTES],
			  struct wm_error *err)
{
	const struct certify_options *o = d->options;
	ProtobufCMessage *m = NULL;
	Weightmark__V1__LogHead *head;

	TRY(compose_one(&m, d->c, D(deletion_certificate), err));
	d->cert = (Weightmark__V1__DeletionCertificate *)m;
	TRY(new_list(&d->names, d, LIMIT_PARTIES, err));
	TRY(new_list(&d->cert->party, d, LIMIT_PARTIES, err));
	TRY(compose_scalar(&d->cert->id, d->c, D(id), id, err));
	TRY(compose_digest(&d->cert->graph_digest, d->c, digest, err));
	TRY(new_list(&d->cert->log, d, o->n_logs, err));
	for (size_t i = 0; i < o->n_logs; i++) {
		TRY(message_new(&m, D(log_head), &d->c->arena, err));
		head = (Weightmark__V1__LogHead *)m;
		d->cert->log[d->cert->n_log++] = head;
		TRY(compose_text(&head->origin, d->c, o->logs[i].origin, err));
		head->has_size = 1;
		head->size = o->logs[i].size;
		TRY(compose_digest(&head->root, d->c, o->logs[i].root, err));
	}
	if (o->declarant)
		TRY(refer_party(&d->cert->declarant, d, o->declarant, err));
	if (o->title)
		TRY(compose_text(&d->cert->declarant_title, d->c, o->title, err));
	if (o->basis)
		TRY(compose_text(&d->cert->basis_of_knowledge, d->c, o->basis, err));
	return WM_OK;
}

/* Which scans were counted: when, of what, and the digest of what they answered. */
static enum wm_code list_scans(struct drafting *d, struct wm_error *err)
{
	const struct certify_options *o = d->options;
	Weightmark__V1__CountedScan *scan;
	ProtobufCMessage *m = NULL;

	TRY(new_list(&d->cert->scan, d, o->n_scans, err));
	for (size_t i = 0; i < o->n_scans; i++) {
		const struct seen_scan *from = &o->scans[i];
		const char *const *roots = from->roots.list;

		TRY(message_new(&m, D(counted_scan), &d->c->arena, err));
		scan = (Weightmark__V1__CountedScan *)m;
		d->cert->scan[d->cert->n_scan++] = scan;
		TRY(message_new(&m, D(time), &d->c->arena, err));
		scan->scanned_at = (Weightmark__V1__Time *)m;
		scan->scanned_at->seconds = from->at;
		TRY(compose_digest(&scan->report, d->c, from->sha256, err));
		TRY(new_list(&scan->place, d, from->roots.n, err));
		for (; scan->n_place < from->roots.n; scan->n_place++)
			TRY(compose_text(&scan->place[scan->n_place], d->c,
					 roots[scan->n_place], err));
	}
	return WM_OK;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What may descend from the data, and was let pass: by id, as what was reached. */
static enum wm_code list_unknown(struct drafting *d, const struct order_state *s,
				 struct wm_error *err)
{
	const struct graph *g = s->orders->graph;
	Weightmark__V1__DeletionCertificate *c = d->cert;

	TRY(new_list(&c->unknown_allowed, d, s->n_unknown, err));
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (order_may_reach(s, i))
			TRY(compose_text(&c->unknown_allowed[c->n_unknown_allowed++], d->c,
					 g->nodes[i].id, err));
	if (c->n_unknown_allowed > 0)
		qsort(c->unknown_allowed, c->n_unknown_allowed, sizeof(char *), compare_texts);
	return WM_OK;
}

/* All that was reached, by id: whoever checks later can tell what is new. */
static enum wm_code list_checked(struct drafting *d, const struct graph *g, const struct trace *t,
				 struct wm_error *err)
{
	cleanup_free uint32_t *nodes = NULL;

	TRY(traced_by_id(&nodes, t, g, err));
	TRY(new_list(&d->cert->descendant_checked, d, t->n, err));
	for (uint32_t i = 0; i < t->n; i++) {
		const size_t n = d->cert->n_descendant_checked++;

		TRY(compose_text(&d->cert->descendant_checked[n], d->c, g->nodes[nodes[i]].id,
				 err));
	}
	return WM_OK;
}

/* --- under an order ---------------------------------------------------------------------- */

static enum wm_code add_destroyed(struct drafting *d, const struct graph_node *node,
				  const struct account_deed *deed, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	Weightmark__V1__Destroyed *item;

	TRY(copy_message(&m, d, &deed->destroyed->base, err));
	item = (Weightmark__V1__Destroyed *)m;
	TRY(refer_node(&item->subject, d, node, err));
	if (item->operator_)
		TRY(refer_party(&item->operator_, d,
				party_name(deed->said->statement, deed->destroyed->operator_),
				err));
	d->cert->item[d->cert->n_item++] = item;
	return WM_OK;
}

static enum wm_code add_retained(struct drafting *d, const struct order_state *s,
				 const struct account_deed *deed, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	Weightmark__V1__Retained *item;

	TRY(copy_message(&m, d, &deed->kept->base, err));
	item = (Weightmark__V1__Retained *)m;
	TRY(refer_node(&item->subject, d, &s->orders->graph->nodes[deed->node], err));
	d->cert->retained[d->cert->n_retained++] = item;
	if (!item->hold_end || item->supplemental_due)
		return WM_OK;
	TRY(message_new(&m, D(date), &d->c->arena, err));
	item->supplemental_due = (Weightmark__V1__Date *)m;
	item->supplemental_due->days = item->hold_end->days + hold_supplement_days(s);
	return WM_OK;
}

static enum wm_code add_deeds(struct drafting *d, const struct order_state *s,
			      const struct account *a, struct wm_error *err)
{
	TRY(new_list(&d->cert->item, d, a->n_deeds, err));
	TRY(new_list(&d->cert->retained, d, a->n_deeds, err));
	for (size_t i = 0; i < a->n_deeds; i++) {
		const struct account_deed *deed = &a->deeds[i];

		if (deed->destroyed)
			TRY(add_destroyed(d, &s->orders->graph->nodes[deed->node], deed, err));
		else
			TRY(add_retained(d, s, deed, err));
	}
	return WM_OK;
}

/* Recipients are by name; each once. */
static enum wm_code add_recipients(struct drafting *d, const struct order_state *s,
				   struct wm_error *err)
{
	Weightmark__V1__DeletionCertificate *cert = d->cert;
	const char *told = "", *replied = "";

	TRY(new_list(&cert->recipient_notified, d, s->n_recipients, err));
	TRY(new_list(&cert->recipient_confirmed, d, s->n_recipients, err));
	for (size_t i = 0; i < s->n_recipients; i++) {
		const struct order_recipient *r = &s->recipients[i];

		if (r->told && strcmp(told, r->name) != 0) {
			TRY(refer_party(&cert->recipient_notified[cert->n_recipient_notified], d,
					r->name, err));
			cert->n_recipient_notified++;
			told = r->name;
		}
		if (r->confirmed && strcmp(replied, r->name) != 0) {
			TRY(refer_party(&cert->recipient_confirmed[cert->n_recipient_confirmed],
					d, r->name, err));
			cert->n_recipient_confirmed++;
			replied = r->name;
		}
	}
	return WM_OK;
}

static const char blank[] = "____________________";

/* Who says so of each obligation that is no deletion and no statement. */
static enum wm_code append_met(struct buf *out, const struct order_state *s, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1], day[DAY_TEXT + 1];

	for (size_t i = 0; i < s->n_obligations; i++) {
		const struct order_obligation *o = &s->obligations[i];
		const struct statement *by = o->by ? o->by->statement : NULL;

		if (!by || is_statement_obligation(o->said->kind))
			continue;
		statement_id_text(id, by->id);
		TRY(buf_printf(out, err, "%s%s%s%s: met%s%s, as %s states in %s; ",
			       o->said->id->text, o->said->text ? " (" : "",
			       o->said->text ? o->said->text : "", o->said->text ? ")" : "",
			       o->done_on == DAY_NONE ? "" : " on ",
			       o->done_on == DAY_NONE ? "" : day_text(day, o->done_on),
			       by->header->issuer ? by->header->issuer : "its key", id));
	}
	return WM_OK;
}

/* What the declarant says was done, as far as the order obliges to it. */
static enum wm_code append_done(struct buf *out, const struct order_state *s,
				const uint8_t graph_digest[SHA256_BYTES], struct wm_error *err)
{
	static const char *const reached[] = {
		[DEMANDS_DATA] = "dataset",
		[DEMANDS_MODELS] = "checkpoint",
		[DEMANDS_DATA | DEMANDS_MODELS] = "descendant",
	};
	const unsigned demands = order_demands(s);

	if (demands == 0) {
		TRY(buf_append_str(out, "nothing is to be deleted, and its obligations were met: ",
				   err));
		TRY(append_met(out, s, err));
		TRY(buf_append_str(out, "what it is about is lineage graph ", err));
		TRY(buf_append_hex(out, graph_digest, SHA256_BYTES, err));
		return buf_append_str(out, ". Schedule A lists what was destroyed all the same. ",
				      err);
	}
	TRY(buf_printf(out, err, "the items in Schedule A (digests, locations, method, time) were "
				 "destroyed. They include, but for what Schedule B lists, every %s "
				 "in lineage graph ", reached[demands]));
	TRY(buf_append_hex(out, graph_digest, SHA256_BYTES, err));
	return buf_append_str(out, ". ", err);
}

/*
 * 28 U.S.C. 1746 is for what a court or an agency of the United States ordered. Where that is not
 * said, the same is declared under no law by name: whoever signs knows which one it is.
 */
static const char *declaration(const Weightmark__V1__Order *o)
{
	const char *country = NULL;

	for (size_t i = 0; o->authority && i < o->n_party; i++)
		if (strcmp(o->party[i]->id->text, o->authority->id) == 0 && o->party[i]->country)
			country = o->party[i]->country->code;
	return (o->kind == WEIGHTMARK__V1__ORDER__KIND__VALUE__court_order ||
		o->kind == WEIGHTMARK__V1__ORDER__KIND__VALUE__agency_order) &&
			        country && strcmp(country, "US") == 0 ?
		       "I declare under penalty of perjury under the laws of the United States of "
		       "America that the foregoing is true and correct." :
		       "I declare, knowing that the law that applies may punish a false "
		       "declaration, that the foregoing is true and correct.";
}

enum wm_code certify_sworn_text(struct buf *out, const struct order_state *s,
				const uint8_t graph_digest[SHA256_BYTES],
				const struct certify_options *options, struct wm_error *err)
{
	const struct order *order = s->order;
	const struct statement *said = order->newest->statement;
	const Weightmark__V1__Order *o = order->said;
	const char *respondent = o->n_respondent > 0 ? party_name(said, o->respondent[0]) : blank;

	TRY(buf_printf(out, err, "I am %s, %s of %s. I state this from personal knowledge, or from "
				 "%s on whom I reasonably rely. ",
		       options->declarant ? options->declarant : blank,
		       options->title ? options->title : blank, respondent,
		       options->basis ? options->basis : blank));
	TRY(buf_printf(out, err, "Under the %s %s%s%s, ", order_kind_text(o->kind), order->object,
		       o->docket ? ", docket " : "", o->docket ? o->docket : ""));
	TRY(append_done(out, s, graph_digest, err));
	return buf_printf(out, err,
			  "Schedule B lists what was kept and the agency, law or order requiring "
			  "it. Schedule C lists recipients told, and their replies. %s Executed "
			  "on: %s", declaration(o), blank);
}

static enum wm_code order_reference(struct drafting *d, const struct order *order,
				    struct wm_error *err)
{
	const struct statement *said = order->newest->statement;

	return compose_reference(&d->cert->order, d->c, order->object, said->id, err);
}

enum wm_code certify_id(struct buf *out, bool clean, const char *object, const char *wanted,
			struct wm_error *err)
{
	if (wanted)
		return buf_append_str(out, wanted, err);
	TRY(buf_append_str(out, clean ? "clean-" : "certificate-", err));
	return append_local_id(out, composed_local_id(object), LIMIT_ID - out->len, err);
}

enum wm_code certify_order(struct composition *out, const struct order_state *s,
			   const struct account *a, const struct certify_options *options,
			   struct wm_error *err)
{
	struct drafting d = { .c = out, .options = options };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	uint8_t digest[SHA256_BYTES];

	if (a->n_open > 0)
		return fail(err, REASON_CERTIFY_OPEN, "%zu open", a->n_open);
	TRY(lineage_digest(digest, s->orders->graph, &s->trace, err));
	TRY(certify_id(&id, false, s->order->object, options->id, err));
	TRY(start(&d, buf_str(&id), digest, err));
	TRY(order_reference(&d, s->order, err));
	TRY(add_deeds(&d, s, a, err));
	TRY(add_recipients(&d, s, err));
	TRY(list_checked(&d, s->orders->graph, &s->trace, err));
	TRY(list_unknown(&d, s, err));
	TRY(list_scans(&d, err));
	TRY(certify_sworn_text(&text, s, digest, options, err));
	return compose_text(&d.cert->sworn_text, out, buf_str(&text), err);
}

/* --- clean ------------------------------------------------------------------------------- */

enum { PATH_SHOWN = 8 };

/* Fails, naming the declared path to the checkpoint, from its end. */
static enum wm_code fail_path(const struct graph *g, const struct trace *t, uint32_t checkpoint,
			      struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_STATEMENT);
	uint32_t place = t->place[checkpoint];

	for (int i = 0; i < PATH_SHOWN; i++) {
		TRY(buf_printf(&path, err, "%s%s", i ? " < " : "",
			       g->nodes[t->list[place].node].id));
		if (t->list[place].before == GRAPH_NONE)
			break;
		place = t->list[place].before;
	}
	return fail(err, REASON_CLEAN_UNPROVEN, "a declared path leads there: %.200s",
		    buf_str(&path));
}

/* Fails where something that the checkpoint descends from is of unknown origin. */
static enum wm_code check_ancestors(const struct graph *g, uint32_t checkpoint,
				    struct wm_error *err)
{
	__attribute__((cleanup(trace_release))) struct trace up = { 0 };
	const struct trace_seed seed = { .node = checkpoint };

	TRY(trace_from(&up, g, &seed, 1, &(struct trace_options){ .ancestors = true }, err));
	for (uint32_t i = 0; i < up.n; i++)
		if (graph_is_open_end(g, up.list[i].node))
			return fail(err, REASON_CLEAN_UNPROVEN,
				    "nobody declared where %.160s comes from",
				    g->nodes[up.list[i].node].id);
	return WM_OK;
}

enum wm_code certify_check_clean(const struct graph *g, const struct trace *t,
				 uint32_t checkpoint, struct wm_error *err)
{
	if (trace_has(t, checkpoint))
		return fail_path(g, t, checkpoint, err);
	TRY(check_ancestors(g, checkpoint, err));
	if (t->n_undecided > 0)
		return fail(err, REASON_CLEAN_UNPROVEN,
			    "%u use%s of the data undecided: by the subset named", t->n_undecided,
			    t->n_undecided == 1 ? " is" : "s are");
	return WM_OK;
}

enum wm_code certify_clean(struct composition *out, const struct graph *g, const struct trace *t,
			   uint32_t checkpoint, const uint32_t *from, size_t n,
			   const struct certify_options *options, struct wm_error *err)
{
	struct drafting d = { .c = out, .options = options };
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	uint8_t digest[SHA256_BYTES];

	TRY(certify_check_clean(g, t, checkpoint, err));
	TRY(lineage_digest(digest, g, t, err));
	TRY(certify_id(&id, true, g->nodes[checkpoint].id, options->id, err));
	TRY(start(&d, buf_str(&id), digest, err));
	TRY(new_list(&d.cert->clean, &d, 1, err));
	TRY(refer_node(&d.cert->clean[0], &d, &g->nodes[checkpoint], err));
	d.cert->n_clean = 1;
	TRY(new_list(&d.cert->tainted_by, &d, n, err));
	for (size_t i = 0; i < n; i++) {
		TRY(refer_node(&d.cert->tainted_by[i], &d, &g->nodes[from[i]], err));
		d.cert->n_tainted_by++;
	}
	return WM_OK;
}
