/* SPDX-License-Identifier: Apache-2.0 */
/* Orders as text. */
#include <string.h>

#include "lineage/clean.h"
#include "lineage/plan.h"
#include "lineage/unknown.h"
#include "order_verbs.h"
#include "output.h"
#include "util/hex.h"
#include "util/limits.h"

/* Lines of one list; --json has all of one order. */
enum { LIST_MAX = 20, KEYID_SHOWN = 4 };

static const char *node_id(const struct order_state *s, uint32_t node)
{
	return node == GRAPH_NONE ? "what no ledger has" : s->orders->graph->nodes[node].id;
}

static const char *issuer_of(const struct said *s)
{
	return s->statement->header->issuer;
}

/* Who is named, by which key, and whether that key made the statement. */
static void print_by(const struct said *s)
{
	char keyid[2 * KEYID_SHOWN + 1];

	hex_encode(keyid, s->keyid, KEYID_SHOWN);
	print("%s (key %s, %s)", issuer_of(s), keyid, signature_text(s));
}

static void print_label(const char *label)
{
	print("  %-11s ", label);
}

static void print_more(size_t n)
{
	if (n > LIST_MAX)
		print("  %-11s ... and %zu more: --json lists all of one order\n", "",
		      n - LIST_MAX);
}

/* --- the order --------------------------------------------------------------------------- */

/* "court order: ... ordered", "voluntary undertaking: ... undertook": by whoever did so. */
static void print_who(const struct order_state *s)
{
	const Weightmark__V1__Order *o = s->order->said;
	const struct statement *said = s->order->newest->statement;

	print("%s\n", s->order->object);
	print("  %s: ", order_kind_text(o->kind));
	if (o->kind != WEIGHTMARK__V1__ORDER__KIND__VALUE__voluntary_undertaking)
		print("%s", party_name(said, o->authority));
	else if (o->n_respondent == 0)
		print("-");
	else
		for (size_t i = 0; i < o->n_respondent; i++)
			print("%s%s", i ? ", " : "", party_name(said, o->respondent[i]));
	print(" %s%s%s\n", order_verb(o->kind), o->docket ? ", " : "", o->docket ? o->docket : "");
}

static void print_head(const struct order_state *s)
{
	const Weightmark__V1__Order *o = s->order->said;
	const struct said *newest = s->order->newest;
	char keyid[2 * KEYID_SHOWN + 1], day[DAY_TEXT + 1];

	print_who(s);
	hex_encode(keyid, newest->keyid, KEYID_SHOWN);
	print("  said by     %s, key %s, %s, version %zu\n", issuer_of(newest), keyid,
	      signature_text(newest), s->order->n_versions);
	print("  trigger     %s", day_text(day, o->trigger_date->days));
	print("; today is %s in %s%s\n", day_text(day, s->today),
	      s->zone ? o->time_zone : "UTC",
	      s->zone_unknown ? ", the order's time zone being unknown here" :
	      s->zone	      ? "" :
				", no time zone being said");
}

static void print_days(int32_t left)
{
	if (left < 0)
		print_word(COLOUR_BAD, "overdue by ");
	else
		print("%s", left == 0 ? "due today" : "in ");
	if (left != 0)
		print("%d day%s", left < 0 ? -left : left, left == 1 || left == -1 ? "" : "s");
}

static void print_done(const struct order_obligation *b)
{
	char day[DAY_TEXT + 1];

	print_word(COLOUR_GOOD, b->n_kept > 0 ? "accounted for" : "done");
	if (b->done_on != DAY_NONE)
		print(" on %s", day_text(day, b->done_on));
	if (b->done_on != DAY_NONE && b->done_on > b->due)
		print(", %d day%s late", b->done_on - b->due, b->done_on - b->due == 1 ? "" : "s");
	print(", says ");
	print_by(b->by);
}

static void print_obligations(const struct order_state *s)
{
	char day[DAY_TEXT + 1];

	for (size_t i = 0; i < s->n_obligations; i++) {
		const struct order_obligation *b = &s->obligations[i];

		print_label(i ? "" : "due");
		print("%s  %-14s %-22s ", day_text(day, b->due), b->said->id->text,
		      obligation_kind_name(b->said->kind));
		if (b->done)
			print_done(b);
		else if (b->undecided)
			print("undecided");
		else
			print_days(b->left);
		if (b->n_kept > 0)
			print(", %zu kept", b->n_kept);
		if (b->n_open > 0)
			print(", %zu open", b->n_open);
		if (b->n_unknown > 0)
			print(", %zu unknown", b->n_unknown);
		if (!b->done && b->by) {
			print(" although ");
			print_by(b->by);
			print(" says that it is done");
		}
		print("\n");
	}
}

static void print_holds(const struct order_state *s)
{
	char day[DAY_TEXT + 1];

	for (size_t i = 0; i < s->n_holds && i < LIST_MAX; i++) {
		const struct order_hold *h = &s->holds[i];

		print_label(i ? "" : "kept");
		print("%s, authority: %s", node_id(s, h->node), h->kept->authority);
		if (h->end != DAY_NONE)
			print(", until %s", day_text(day, h->end));
		if (h->due != DAY_NONE)
			print("; supplement due %s: ", day_text(day, h->due));
		if (h->due != DAY_NONE && h->supplement) {
			print("given, says ");
			print_by(h->supplement);
		} else if (h->due != DAY_NONE) {
			print_days(h->due - s->today);
		}
		print("\n");
	}
	print_more(s->n_holds);
}

/* --- what it reaches --------------------------------------------------------------------- */

static void print_items(const struct order_state *s, const char *label, enum graph_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_items; i++) {
		const struct order_item *item = &s->items[i];

		if (!graph_may_be(&s->orders->graph->nodes[item->node], kind) || n++ >= LIST_MAX)
			continue;
		print_label(n > 1 ? "" : label);
		print("%s  %s%s", node_id(s, item->node), item_state_name(item->state),
		      item->by ? ", says " : "");
		if (item->by)
			print_by(item->by);
		print("%s\n", item->in_part ? "; part of it is in scope" : "");
	}
	print_more(n);
}

enum wm_code print_unknown(const struct order_state *s, struct wm_error *err)
{
	const struct orders *o = s->orders;
	size_t n = 0;

	for (uint32_t i = 0; i < o->graph->n_nodes && n < LIST_MAX; i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

		if (!order_may_reach(s, i))
			continue;
		TRY(unknown_text(&text, o->graph, i, o->unknown[i], err));
		print("  %-11s %s\n", "", buf_str(&text));
		n++;
	}
	print_more(s->n_unknown);
	return WM_OK;
}

/* How many may descend from it, and which where `listed`. */
static enum wm_code print_may_reach(const struct order_state *s, bool listed, struct wm_error *err)
{
	if (s->n_unknown == 0)
		return WM_OK;
	print_label("unknown");
	print("%zu further checkpoint%s may descend from it: an ancestor is of unknown origin\n",
	      s->n_unknown, s->n_unknown == 1 ? "" : "s");
	return listed ? print_unknown(s, err) : WM_OK;
}

static void print_missing(const struct order_state *s)
{
	for (size_t i = 0; i < s->n_missing && i < LIST_MAX; i++) {
		print_label(i ? "" : "unknown");
		print("%s %s: no ledger at hand has it\n", order_scope_name(s->missing[i].scope),
		      s->missing[i].text);
	}
	print_more(s->n_missing);
	for (uint32_t i = 0; i < s->trace.n_undecided && i < LIST_MAX; i++) {
		const struct graph_edge *e = &s->orders->graph->edges[s->trace.undecided[i]];

		print_label(i ? "" : "undecided");
		print("%s used another subset of %s, which may overlap\n", node_id(s, e->to),
		      node_id(s, e->from));
	}
	print_more(s->trace.n_undecided);
}

static void print_roles(const struct order_state *s)
{
	const ProtobufCEnumDescriptor *roles = &weightmark__v1__dataset_use__role__descriptor;
	const char *before = "";

	if (s->roles == 0)
		return;
	print_label("roles");
	for (unsigned i = 0; i < roles->n_values; i++) {
		if (!(s->roles >> roles->values[i].value & 1))
			continue;
		print("%s%s", before, roles->values[i].name);
		before = ", ";
	}
	print(" alone taint, as the signed scope says\n");
}

/* Records: by which uses of their dataset they count. */
static void print_records(const struct order_state *s)
{
	const Weightmark__V1__Order *o = s->order->said;

	if (o->n_scope_record == 0)
		return;
	print_label("records");
	print("%zu named: the whole of their dataset counts, and every use of it",
	      o->n_scope_record);
	if (s->trace.n_without > 0)
		print(" but %u of subsets without them, by the commitments at hand\n",
		      s->trace.n_without);
	else
		print(", for which run saw them is not known\n");
}

/* How many have no declared path from it, which where `listed`, and which to go on from. */
static enum wm_code print_clean(const struct order_state *s, bool listed, struct wm_error *err)
{
	cleanup_clean struct clean c = { 0 };

	TRY(clean_make(&c, s, err));
	print_label("clean");
	print("%u checkpoint%s without a declared path from it\n", c.n, c.n == 1 ? "" : "s");
	for (uint32_t i = 0; listed && i < c.n && i < LIST_MAX; i++)
		print("  %-11s %s\n", "", node_id(s, c.list[i]));
	if (listed)
		print_more(c.n);
	for (uint32_t i = 0; i < c.n_candidates && i < LIST_MAX; i++) {
		print_label(i ? "" : "candidates");
		print("%s  from before the data came in\n", node_id(s, c.candidates[i]));
	}
	print_more(c.n_candidates);
	if (c.n_undecided > 0) {
		print_label("undecided");
		print("%u further checkpoint%s from uses of which it is not known\n",
		      c.n_undecided, c.n_undecided == 1 ? "" : "s");
	}
	return WM_OK;
}

static void print_recipients(const struct order_state *s)
{
	for (size_t i = 0; i < s->n_recipients && i < LIST_MAX; i++) {
		const struct order_recipient *r = &s->recipients[i];

		print_label(i ? "" : "recipients");
		print("%s got %s: %s, %s\n", r->name, node_id(s, r->node),
		      r->told ? "told" : "not told", r->confirmed ? "confirmed" : "not confirmed");
	}
	print_more(s->n_recipients);
	for (size_t i = 0; i < s->n_conflicts && i < LIST_MAX; i++) {
		const struct order_conflict *c = &s->conflicts[i];

		print_label(i ? "" : "conflict");
		print("declarations conflict: %s of the transfer of %s, as %s and %s say\n",
		      c->field, node_id(s, c->node), issuer_of(c->one), issuer_of(c->other));
	}
	print_more(s->n_conflicts);
}

/* --- the plan ---------------------------------------------------------------------------- */

static void print_cost(const struct plan_cost *c, const char *compute)
{
	char text[DECIMAL_TEXT + 1];

	if (c->flops.n > 0) {
		decimal_text(text, &c->flops);
		print(", %s flops", text);
	}
	if (c->energy_kwh.n > 0) {
		decimal_text(text, &c->energy_kwh);
		print(", %s kWh", text);
	}
	if (compute)
		print(", %s", compute);
}

/* Runs that say nothing of what they cost. */
static void print_unsaid(const struct plan_cost *c)
{
	if (c->n_runs == 0)
		print("; no run is declared that made any of it\n");
	else if (c->n_without == 0)
		print(", as %s\n", c->n_runs == 1 ? "the run says" : "all runs say");
	else if (c->n_without == c->n_runs)
		print("; %s nothing of what %s cost\n", c->n_runs == 1 ? "it says" : "they say",
		      c->n_runs == 1 ? "it" : "they");
	else
		print(", as runs say; %zu of them say%s nothing\n", c->n_without,
		      c->n_without == 1 ? "s" : "");
}

static enum wm_code print_plan(const struct order_state *s, struct wm_error *err)
{
	cleanup_plan struct plan p = { 0 };

	TRY(plan_make(&p, s, err));
	for (size_t i = 0; i < p.n; i++) {
		const struct plan_step *step = &p.steps[i];

		print("  %-11s %zu. %s", i ? "" : "retrain", i + 1, node_id(s, step->node));
		if (step->after != GRAPH_NONE)
			print(", after %s is made anew", node_id(s, step->after));
		if (step->start != GRAPH_NONE)
			print(", last clean: %s", node_id(s, step->start));
		else
			print(", no clean ancestor is declared");
		if (step->in_cycle)
			print(", in a cycle of derivations");
		print_cost(&step->cost, step->compute);
		print("\n");
	}
	print("  %-11s %zu run%s", "cost", p.total.n_runs, p.total.n_runs == 1 ? "" : "s");
	print_cost(&p.total, NULL);
	print_unsaid(&p.total);
	return WM_OK;
}

const char *signature_text(const struct said *s)
{
	static const char *const texts[] = {
		[SIGNATURE_UNKNOWN] = "not verified",
		[SIGNATURE_BAD] = "not by this key",
		[SIGNATURE_VERIFIED] = "verified",
	};

	return texts[s->signature];
}

void print_invalid(const struct orders *o)
{
	const struct said *list = o->said.list;
	char id[STATEMENT_ID_TEXT + 1], keyid[2 * KEYID_SHOWN + 1];

	for (size_t i = 0; i < o->said.n; i++) {
		if (list[i].signature != SIGNATURE_BAD)
			continue;
		statement_id_text(id, list[i].statement->id);
		hex_encode(keyid, list[i].keyid, KEYID_SHOWN);
		print("signature-invalid: %s %s names key %s, which did not sign it\n",
		      list[i].statement->header->object->text, id, keyid);
	}
}

/* --- all --------------------------------------------------------------------------------- */

static void print_counts(const struct order_state *s)
{
	print("  reach       %zu dataset%s, %zu tainted checkpoint%s; open: %zu and %zu\n",
	      s->n_items - s->n_tainted, s->n_items - s->n_tainted == 1 ? "" : "s", s->n_tainted,
	      s->n_tainted == 1 ? "" : "s", s->n_open_data, s->n_open_models);
}

enum wm_code print_orders(const struct order_states *s, struct wm_error *err)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct order_state *at = &s->list[i];

		if (i > 0)
			print("\n");
		print_head(at);
		print_obligations(at);
		print_holds(at);
		print_counts(at);
		print_roles(at);
		print_records(at);
		if (s->whole) {
			print_items(at, "data", GRAPH_DATASET);
			print_items(at, "tainted", GRAPH_CHECKPOINT);
		}
		TRY(print_clean(at, s->clean, err));
		print_missing(at);
		TRY(print_may_reach(at, s->whole, err));
		print_recipients(at);
		if (s->plan)
			TRY(print_plan(at, err));
		print("  status      %s\n", order_status_text(at));
	}
	return WM_OK;
}
