/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the lineage about one checkpoint. */
#include "attest/ancestry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lineage/account.h"
#include "lineage/orders.h"
#include "util/array.h"
#include "util/limits.h"

enum { ID_SHOWN = 64 }; /* bytes of an id or a name in a message */

/* All that is open while asking. */
struct asking {
	const struct verification *v;
	struct sidecar *given;
	size_t n_given;
	struct envelope *envelopes; /* borrowed: verified, by pinned keys */
	size_t n_envelopes;
	struct index *carried;
	struct index **indexes; /* `carried`, then the ledgers' */
	size_t n_indexes;
	struct graph *graph;
	struct orders *orders;
	uint32_t node; /* the checkpoint */
	struct trace up;
};

static void asking_release(struct asking *a)
{
	trace_release(&a->up);
	orders_free(a->orders);
	graph_free(a->graph);
	index_close(a->carried);
	free(a->indexes);
	free(a->envelopes);
	for (size_t i = 0; i < a->n_given; i++)
		sidecar_release(&a->given[i]);
	free(a->given);
}

/* --- statements ----------------------------------------------------------------------------- */

static enum wm_code add_envelope(struct asking *a, const struct envelope *e, struct wm_error *err)
{
	struct envelope *list = array_grow(a->envelopes, a->n_envelopes, sizeof(*list));

	if (!list)
		return fail_nomem(err);
	a->envelopes = list;
	list[a->n_envelopes++] = *e;
	return WM_OK;
}

static enum wm_code add_given(struct asking *a, const char *path, const struct keyring *keys,
			      struct wm_error *err)
{
	struct sidecar *s = &a->given[a->n_given];

	TRY(carrier_load(s, path, err));
	a->n_given++;
	for (size_t i = 0; i < s->n_envelopes; i++) {
		const struct envelope *e = &s->envelopes[i];
		const struct public_key *key = keyring_find(keys, e->keyid);

		if (!key)
			return fail(err, REASON_KEY_UNTRUSTED, "%s: signed by key %s", path,
				    e->keyid);
		TRY(envelope_verify(e, key, err));
		TRY(add_envelope(a, e, err));
	}
	return WM_OK;
}

static enum wm_code gather_statements(struct asking *a, const struct keyring *keys,
				      const struct lineage_options *o, struct wm_error *err)
{
	a->given = calloc(o->n_statements + 1, sizeof(*a->given));
	if (!a->given)
		return fail_nomem(err);
	for (size_t i = 0; i < a->v->n_carried; i++)
		if (a->v->carried[i].statement)
			TRY(add_envelope(a, a->v->carried[i].envelope, err));
	for (size_t i = 0; i < o->n_statements; i++)
		TRY(add_given(a, o->statements[i], keys, err));
	return WM_OK;
}

static enum wm_code load(struct asking *a, const struct keyring *keys,
			 const struct lineage_options *o, struct wm_error *err)
{
	const struct orders_trust trust = { .keys = keys };
	const struct trace_options ancestors = { .ancestors = true };
	struct trace_seed self = { .n_subsets = 0 };

	TRY(index_carried(&a->carried, a->envelopes, a->n_envelopes, err));
	a->indexes = calloc(o->n_indexes + 1, sizeof(struct index *));
	if (!a->indexes)
		return fail_nomem(err);
	a->indexes[a->n_indexes++] = a->carried;
	for (size_t i = 0; i < o->n_indexes; i++)
		a->indexes[a->n_indexes++] = o->indexes[i];
	TRY(graph_load(&a->graph, a->indexes, a->n_indexes, NULL, err));
	TRY(orders_load_trusting(&a->orders, a->graph, a->indexes, a->n_indexes, NULL, &trust,
				 err));
	a->node = graph_find(a->graph, a->v->head->statement->header->object->text);
	if (a->node == GRAPH_NONE)
		return fail(err, REASON_INTERNAL, "the lineage lacks what was carried");
	self.node = a->node;
	return trace_from(&a->up, a->graph, &self, 1, &ancestors, err);
}

/* --- what speaks against it ----------------------------------------------------------------- */

static const char *id_of(const struct asking *a, uint32_t node)
{
	return a->graph->nodes[node].id;
}

/* Whether it descends from a use of the data of which nobody decided whether it counts. */
static void ask_undecided(struct ancestry *out, const struct asking *a,
			  const struct order_state *s)
{
	for (uint32_t i = 0; i < s->trace.n_undecided; i++) {
		const struct graph_edge *e = &a->graph->edges[s->trace.undecided[i]];

		if (!trace_has(&a->up, e->to) || out->unknown.code != WM_OK)
			continue;
		(void)fail(&out->unknown, REASON_USE_UNDECIDED,
			   "'%.64s' used another subset of '%.64s' than the %s '%.64s' names",
			   id_of(a, e->to), id_of(a, e->from),
			   order_kind_text(s->order->said->kind),
			   s->order->object);
	}
}

static enum wm_code ask_order(struct ancestry *out, const struct asking *a,
			      const struct order *order, struct wm_error *err)
{
	__attribute__((cleanup(order_state_release))) struct order_state s = { 0 };
	uint32_t at;

	TRY(order_assess(&s, a->orders, order, DAY_NONE, a->v->now, err));
	for (uint32_t i = 0; i < s.trace.n_undecided; i++)
		out->decided &= !trace_has(&a->up, a->graph->edges[s.trace.undecided[i]].to);
	if (!trace_has(&s.trace, a->node)) {
		ask_undecided(out, a, &s);
		return WM_OK;
	}
	if (order->n_bad > 0)
		(void)fail(&out->conflict, REASON_SIGNATURE_INVALID,
			   "a version of the order '%.64s' names a key at hand that did not sign "
			   "it", order->object);
	for (at = s.trace.place[a->node]; s.trace.list[at].before != GRAPH_NONE;
	     at = s.trace.list[at].before)
		;
	(void)fail(&out->tainted, REASON_ANCESTOR_TAINTED,
		   "it is, or descends from, '%.64s', %s the %s '%.64s' %s%s",
		   id_of(a, s.trace.list[at].node),
		   order_demands(&s) != 0 ? "whose deletion" : "to which applies what",
		   order_kind_text(order->said->kind), order->object, order_verb(order->said->kind),
		   s.closed  ? " (closed)" :
		   s.overdue ? " (overdue)" :
			       "");
	if (order->n_bad > 0)
		(void)fail_context(out->tainted.code, &out->tainted,
				   "signature-invalid: a version is not by its key");
	return WM_OK;
}

static bool withdraws(const Weightmark__V1__Revocation *r)
{
	return r->kind == WEIGHTMARK__V1__REVOCATION__KIND__consent_withdrawal ||
	       r->kind == WEIGHTMARK__V1__REVOCATION__KIND__erasure_request ||
	       r->kind == WEIGHTMARK__V1__REVOCATION__KIND__rights_reservation ||
	       r->kind == WEIGHTMARK__V1__REVOCATION__KIND__licence_termination;
}

static bool ended_before(const struct graph *g, const struct graph_edge *e,
			 const struct when *since)
{
	const int64_t ends = g->nodes[e->to].ends;

	return ends != INT64_MIN && ends < when_first(since, NULL);
}

/* Whether a use of the dataset is among the ancestors: then when its run began decides. */
static void ask_uses(struct ancestry *out, const struct asking *a, uint32_t dataset,
		     const Weightmark__V1__Revocation *r, const char *object)
{
	const struct graph *g = a->graph;
	const struct when since = when_withdrawn(r);

	for (uint32_t i = g->out[dataset]; i < g->out[dataset + 1]; i++) {
		const struct graph_edge *e = &g->edges[g->out_edges[i]];
		const int64_t begins = g->nodes[e->to].begins_last;

		if (e->relation != GRAPH_USED || !trace_has(&a->up, e->to))
			continue;
		if (begins != INT64_MIN && when_first(&since, NULL) <= begins) {
			if (out->withdrawn.code == WM_OK)
				(void)fail(&out->withdrawn, REASON_RECORD_WITHDRAWN,
					   "'%.64s' says that data of '%.64s' was withdrawn before "
					   "'%.64s' began",
					   object, id_of(a, dataset), id_of(a, e->to));
		} else if (out->withdrawn_later.code == WM_OK) {
			(void)fail(&out->withdrawn_later, REASON_RECORD_WITHDRAWN_LATER,
				   "'%.64s' says that data of '%.64s' was withdrawn; '%.64s' %s",
				   object, id_of(a, dataset), id_of(a, e->to),
				   begins != INT64_MIN	   ? "had begun before" :
				   ended_before(g, e, &since) ? "had ended before" :
							     "does not say when it began");
		}
	}
}

static enum wm_code ask_revocation(struct ancestry *out, const struct asking *a,
				   const struct said *said, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list nodes = { 0 };
	const Weightmark__V1__Revocation *r =
		(const Weightmark__V1__Revocation *)said->statement->message;
	const uint32_t *list;

	if (!withdraws(r) || !r->dataset)
		return WM_OK;
	TRY(resolve_all(&nodes, a->orders, r->dataset, err));
	list = nodes.list;
	for (size_t i = 0; i < nodes.n; i++)
		if (trace_has(&a->up, list[i]))
			ask_uses(out, a, list[i], r, said->statement->header->object->text);
	return WM_OK;
}

static void ask_ancestors(struct ancestry *out, const struct asking *a)
{
	for (uint32_t i = 0; i < a->up.n; i++) {
		const uint32_t node = a->up.list[i].node;

		out->n_ancestors += i > 0;
		if (!graph_is_open_end(a->graph, node))
			continue;
		if (out->n_unknown++ == 0)
			(void)fail(&out->unknown, REASON_ANCESTOR_UNKNOWN,
				   "nothing at hand says where '%.128s' comes from",
				   id_of(a, node));
	}
}

/* The first of what contradicts itself about an ancestor. */
static enum wm_code ask_findings(struct ancestry *out, const struct asking *a,
				 struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	for (uint32_t i = 0; i < a->graph->n_findings; i++) {
		const struct graph_finding *f = &a->graph->findings[i];

		if (f->kind == FINDING_UNKNOWN ||
		    !(trace_has(&a->up, f->node) ||
		      (f->other != GRAPH_NONE && trace_has(&a->up, f->other))))
			continue;
		TRY(graph_finding_text(&text, a->graph, f, ID_SHOWN, err));
		(void)fail(&out->conflict, REASON_DECLARATIONS_CONFLICT, "%s", buf_str(&text));
		return WM_OK;
	}
	return WM_OK;
}

/* What giver and recipient of an ancestor say of its transfer. */
static enum wm_code ask_transfers(struct ancestry *out, const struct asking *a,
				  struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list found = { 0 };
	const struct order_conflict *c;

	TRY(orders_conflicts(&found, a->orders, &a->up, err));
	c = found.list;
	if (found.n > 0 && out->conflict.code == WM_OK)
		(void)fail(&out->conflict, REASON_DECLARATIONS_CONFLICT,
			   "'%.64s' by %.64s and '%.64s' by %.64s differ in %s of the transfer of "
			   "'%.64s'",
			   c->one->statement->header->object->text,
			   c->one->statement->header->issuer,
			   c->other->statement->header->object->text,
			   c->other->statement->header->issuer, c->field, id_of(a, c->node));
	return WM_OK;
}

enum wm_code ancestry_gather(struct ancestry *out, const struct verification *v,
			     const struct keyring *keys, const struct lineage_options *o,
			     struct wm_error *err)
{
	__attribute__((cleanup(asking_release))) struct asking a = { .v = v };

	TRY(gather_statements(&a, keys, o, err));
	TRY(load(&a, keys, o, err));
	out->decided = o->n_indexes > 0 && a.orders->n_unreadable == 0;
	ask_ancestors(out, &a);
	TRY(ask_findings(out, &a, err));
	TRY(ask_transfers(out, &a, err));
	for (size_t i = 0; i < a.orders->n && out->tainted.code == WM_OK; i++)
		TRY(ask_order(out, &a, &a.orders->list[i], err));
	for (size_t i = 0; i < a.orders->revocations.n; i++)
		TRY(ask_revocation(out, &a, a.orders->revocations.list[i], err));
	return WM_OK;
}
