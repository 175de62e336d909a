/* SPDX-License-Identifier: Apache-2.0 */
/* Orders as JSON. */
#include <string.h>

#include "lineage/clean.h"
#include "lineage/plan.h"
#include "order_verbs.h"
#include "output.h"
#include "util/limits.h"

static const char *node_id(const struct order_state *s, uint32_t node)
{
	return s->orders->graph->nodes[node].id;
}

static enum wm_code set_node(struct node *map, struct tree *t, const char *key,
			     const struct order_state *s, uint32_t node, struct wm_error *err)
{
	return node == GRAPH_NONE ? WM_OK : node_set_shown(map, t, key, node_id(s, node), err);
}

static enum wm_code set_day(struct node *map, struct tree *t, const char *key, int32_t day,
			    struct wm_error *err)
{
	char text[DAY_TEXT + 1];

	return day == DAY_NONE ? WM_OK : node_set_text(map, t, key, day_text(text, day), err);
}

/* Who says so, and in which statement. */
static enum wm_code set_said(struct node *map, struct tree *t, const char *key,
			     const struct said *s, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];
	struct node *said = NULL;

	if (!s)
		return WM_OK;
	statement_id_text(id, s->statement->id);
	TRY(node_set_new(&said, map, t, key, NODE_MAP, err));
	TRY(node_set_text(said, t, "issuer", s->statement->header->issuer, err));
	TRY(node_set_text(said, t, "kind", s->statement->kind->name, err));
	TRY(node_set_text(said, t, "statement", id, err));
	TRY(node_set_hex(said, t, "keyid", s->keyid, SHA256_BYTES, err));
	return node_set_text(said, t, "signature", signature_text(s), err);
}

enum wm_code invalid_tree(struct node *map, struct tree *t, const struct orders *o,
			  struct wm_error *err)
{
	const struct said *list = o->said.list;
	struct node *rows = NULL, *row = NULL;

	TRY(node_set_new(&rows, map, t, "signature_invalid", NODE_LIST, err));
	for (size_t i = 0; i < o->said.n; i++) {
		if (list[i].signature != SIGNATURE_BAD)
			continue;
		TRY(node_append_new(&row, rows, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "object", list[i].statement->header->object->text, err));
		TRY(set_said(row, t, "said", &list[i], err));
	}
	return WM_OK;
}

static enum wm_code set_days(struct node *map, struct tree *t, int32_t left, struct wm_error *err)
{
	return node_set_integer(map, t, left < 0 ? "overdue_days" : "days_left",
				(uint64_t)(left < 0 ? -(int64_t)left : left), err);
}

/* --- the order --------------------------------------------------------------------------- */

static enum wm_code add_head(struct node *map, struct tree *t, const struct order_state *s,
			     struct wm_error *err)
{
	const Weightmark__V1__Order *o = s->order->said;
	const struct said *newest = s->order->newest;

	TRY(node_set_text(map, t, "object", s->order->object, err));
	TRY(set_said(map, t, "said", newest, err));
	TRY(node_set_integer(map, t, "versions", s->order->n_versions, err));
	TRY(node_set_text(map, t, "kind", order_kind_name(o->kind), err));
	TRY(node_set_text(map, t, "verb", order_verb(o->kind), err));
	if (o->authority)
		TRY(node_set_shown(map, t, "authority",
				   party_name(newest->statement, o->authority), err));
	if (o->title)
		TRY(node_set_shown(map, t, "title", o->title, err));
	if (o->docket)
		TRY(node_set_shown(map, t, "docket", o->docket, err));
	TRY(set_day(map, t, "trigger_date", o->trigger_date->days, err));
	TRY(set_day(map, t, "today", s->today, err));
	TRY(node_set_text(map, t, "time_zone", s->zone ? o->time_zone : "UTC", err));
	TRY(node_set_bool(map, t, "time_zone_unknown", s->zone_unknown, err));
	TRY(node_set_text(map, t, "status", order_status_text(s), err));
	return node_set_bool(map, t, "undecided", order_is_undecided(s), err);
}

static enum wm_code add_obligations(struct node *map, struct tree *t, const struct order_state *s,
				    struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "obligations", NODE_LIST, err));
	for (size_t i = 0; i < s->n_obligations; i++) {
		const struct order_obligation *b = &s->obligations[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "id", b->said->id->text, err));
		TRY(node_set_text(row, t, "kind", obligation_kind_name(b->said->kind), err));
		TRY(set_day(row, t, "due", b->due, err));
		TRY(node_set_bool(row, t, "done", b->done, err));
		if (!b->done && !b->undecided)
			TRY(set_days(row, t, b->left, err));
		TRY(set_day(row, t, "done_on", b->done_on, err));
		TRY(set_said(row, t, "by", b->by, err));
		TRY(node_set_integer(row, t, "open", b->n_open, err));
		TRY(node_set_integer(row, t, "unknown", b->n_unknown, err));
		TRY(node_set_bool(row, t, "undecided", b->undecided, err));
		TRY(node_set_integer(row, t, "kept", b->n_kept, err));
		if (b->said->text)
			TRY(node_set_shown(row, t, "text", b->said->text, err));
	}
	return WM_OK;
}

static enum wm_code add_holds(struct node *map, struct tree *t, const struct order_state *s,
			      struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "holds", NODE_LIST, err));
	for (size_t i = 0; i < s->n_holds; i++) {
		const struct order_hold *h = &s->holds[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "object", s, h->node, err));
		TRY(node_set_shown(row, t, "authority", h->kept->authority, err));
		TRY(set_day(row, t, "start", h->start, err));
		TRY(set_day(row, t, "end", h->end, err));
		TRY(set_day(row, t, "supplement_due", h->due, err));
		TRY(set_said(row, t, "supplement", h->supplement, err));
		TRY(set_said(row, t, "said", h->event, err));
	}
	return WM_OK;
}

/* --- what it reaches --------------------------------------------------------------------- */

static enum wm_code add_counts(struct node *map, struct tree *t, const struct order_state *s,
			       struct wm_error *err)
{
	const struct {
		const char *key;
		size_t n;
	} rows[] = {
		{ "n_data", s->n_data }, { "n_data_open", s->n_open_data },
		{ "n_tainted", s->n_tainted },	 { "n_tainted_open", s->n_open_models },
		{ "n_unknown", s->n_unknown },
		{ "n_uses_without", s->trace.n_without },
		{ "n_undecided", s->trace.n_undecided }, { "n_recipients", s->n_recipients },
		{ "n_untold", s->n_untold },	 { "n_unconfirmed", s->n_unconfirmed },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		TRY(node_set_integer(map, t, rows[i].key, rows[i].n, err));
	return WM_OK;
}

static enum wm_code add_items(struct node *map, struct tree *t, const struct order_state *s,
			      const char *key, enum graph_kind kind, struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, key, NODE_LIST, err));
	for (size_t i = 0; i < s->n_items; i++) {
		const struct order_item *item = &s->items[i];

		if (!graph_may_be(&s->orders->graph->nodes[item->node], kind))
			continue;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "object", s, item->node, err));
		TRY(node_set_text(row, t, "state", item_state_name(item->state), err));
		TRY(node_set_integer(row, t, "depth", s->trace.list[item->place].depth, err));
		if (item->in_part)
			TRY(node_set_bool(row, t, "in_part", true, err));
		TRY(set_said(row, t, "by", item->by, err));
	}
	return WM_OK;
}

/* --- what may descend from it ------------------------------------------------------------- */

enum wm_code unknown_tree(struct node *map, struct tree *t, const char *key,
			  const struct order_state *s, struct wm_error *err)
{
	const struct orders *o = s->orders;
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, key, NODE_LIST, err));
	for (uint32_t i = 0; i < o->graph->n_nodes; i++) {
		if (!order_may_reach(s, i))
			continue;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "object", s, i, err));
		TRY(set_node(row, t, "ancestor", s, o->unknown[i], err));
		TRY(node_set_bool(row, t, "stated", o->graph->nodes[o->unknown[i]].stated, err));
	}
	return WM_OK;
}

static enum wm_code add_missing(struct node *map, struct tree *t, const struct order_state *s,
				struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "missing", NODE_LIST, err));
	for (size_t i = 0; i < s->n_missing; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "scope", order_scope_name(s->missing[i].scope), err));
		TRY(node_set_shown(row, t, "named", s->missing[i].text, err));
	}
	TRY(node_set_new(&list, map, t, "undecided_uses", NODE_LIST, err));
	for (uint32_t i = 0; i < s->trace.n_undecided; i++) {
		const struct graph_edge *e = &s->orders->graph->edges[s->trace.undecided[i]];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "dataset", s, e->from, err));
		TRY(set_node(row, t, "run", s, e->to, err));
	}
	return WM_OK;
}

static enum wm_code add_nodes(struct node *map, struct tree *t, const char *key,
			      const struct order_state *s, const uint32_t *nodes, uint32_t n,
			      struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, key, NODE_LIST, err));
	for (uint32_t i = 0; i < n; i++) {
		TRY(node_shown(&row, t, node_id(s, nodes[i]), err));
		node_append(list, row);
	}
	return WM_OK;
}

/* What it does not reach: counted always, of one order named. */
static enum wm_code add_clean(struct node *map, struct tree *t, const struct order_state *s,
			      const struct order_states *all, struct wm_error *err)
{
	cleanup_clean struct clean c = { 0 };

	TRY(clean_make(&c, s, err));
	TRY(node_set_integer(map, t, "n_clean", c.n, err));
	TRY(node_set_integer(map, t, "n_candidates", c.n_candidates, err));
	TRY(node_set_integer(map, t, "n_undecided_checkpoints", c.n_undecided, err));
	if (all->whole)
		TRY(add_nodes(map, t, "candidates", s, c.candidates, c.n_candidates, err));
	return all->clean ? add_nodes(map, t, "clean", s, c.list, c.n, err) : WM_OK;
}

static enum wm_code add_roles(struct node *map, struct tree *t, const struct order_state *s,
			      struct wm_error *err)
{
	const ProtobufCEnumDescriptor *roles = &weightmark__v1__dataset_use__role__descriptor;
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "roles", NODE_LIST, err));
	for (unsigned i = 0; i < roles->n_values; i++) {
		const char *name = roles->values[i].name;

		if (!(s->roles >> roles->values[i].value & 1))
			continue;
		TRY(node_text(&row, t, name, strlen(name), err));
		node_append(list, row);
	}
	return WM_OK;
}

static enum wm_code add_recipients(struct node *map, struct tree *t, const struct order_state *s,
				   struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "recipients", NODE_LIST, err));
	for (size_t i = 0; i < s->n_recipients; i++) {
		const struct order_recipient *r = &s->recipients[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "name", r->name, err));
		TRY(set_node(row, t, "object", s, r->node, err));
		TRY(set_said(row, t, "transfer", r->transfer, err));
		TRY(set_said(row, t, "told", r->told, err));
		TRY(set_said(row, t, "confirmed", r->confirmed, err));
	}
	TRY(node_set_new(&list, map, t, "conflicts", NODE_LIST, err));
	for (size_t i = 0; i < s->n_conflicts; i++) {
		const struct order_conflict *c = &s->conflicts[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "object", s, c->node, err));
		TRY(node_set_text(row, t, "field", c->field, err));
		TRY(set_said(row, t, "one", c->one, err));
		TRY(set_said(row, t, "other", c->other, err));
	}
	return WM_OK;
}

/* --- the plan ---------------------------------------------------------------------------- */

static enum wm_code add_cost(struct node *map, struct tree *t, const struct plan_cost *c,
			     struct wm_error *err)
{
	char text[DECIMAL_TEXT + 1];

	decimal_text(text, &c->flops);
	if (c->flops.n > 0)
		TRY(node_set_text(map, t, "flops", text, err));
	decimal_text(text, &c->energy_kwh);
	if (c->energy_kwh.n > 0)
		TRY(node_set_text(map, t, "energy_kwh", text, err));
	return WM_OK;
}

static enum wm_code add_steps(struct node *list, struct tree *t, const struct order_state *s,
			      const struct plan *p, struct wm_error *err)
{
	struct node *row = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct plan_step *step = &p->steps[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_node(row, t, "object", s, step->node, err));
		TRY(set_node(row, t, "start", s, step->start, err));
		TRY(set_node(row, t, "after", s, step->after, err));
		TRY(set_node(row, t, "run", s, step->run, err));
		if (step->in_cycle)
			TRY(node_set_bool(row, t, "in_cycle", true, err));
		TRY(add_cost(row, t, &step->cost, err));
		if (step->compute)
			TRY(node_set_shown(row, t, "compute", step->compute, err));
	}
	return WM_OK;
}

static enum wm_code add_plan(struct node *map, struct tree *t, const struct order_state *s,
			     struct wm_error *err)
{
	cleanup_plan struct plan p = { 0 };
	struct node *plan = NULL, *list = NULL, *cost = NULL;

	TRY(plan_make(&p, s, err));
	TRY(node_set_new(&plan, map, t, "plan", NODE_MAP, err));
	TRY(node_set_new(&list, plan, t, "steps", NODE_LIST, err));
	TRY(add_steps(list, t, s, &p, err));
	TRY(node_set_new(&cost, plan, t, "cost", NODE_MAP, err));
	TRY(node_set_integer(cost, t, "runs", p.total.n_runs, err));
	TRY(node_set_integer(cost, t, "runs_without", p.total.n_without, err));
	return add_cost(cost, t, &p.total, err);
}

enum wm_code orders_tree(struct tree *t, const struct order_states *s, struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_new(&list, t->root, t, "orders", NODE_LIST, err));
	for (size_t i = 0; i < s->n; i++) {
		const struct order_state *at = &s->list[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(add_head(row, t, at, err));
		TRY(add_obligations(row, t, at, err));
		TRY(add_counts(row, t, at, err));
		TRY(add_roles(row, t, at, err));
		TRY(add_clean(row, t, at, s, err));
		if (!s->whole)
			continue;
		TRY(add_holds(row, t, at, err));
		TRY(add_items(row, t, at, "data", GRAPH_DATASET, err));
		TRY(add_items(row, t, at, "tainted", GRAPH_CHECKPOINT, err));
		TRY(add_missing(row, t, at, err));
		TRY(unknown_tree(row, t, "unknown", at, err));
		TRY(add_recipients(row, t, at, err));
		if (s->plan)
			TRY(add_plan(row, t, at, err));
	}
	return WM_OK;
}
