/* SPDX-License-Identifier: Apache-2.0 */
/* What `order status` tells of withdrawals, behind the orders. */
#include "lineage/withdrawals.h"
#include "order_verbs.h"
#include "output.h"
#include "report/ics.h"
#include "util/hex.h"

/* Words of the schema. */
static const char *kind_text(const Weightmark__V1__Revocation *r)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
		&weightmark__v1__revocation__kind__descriptor, (int)r->kind);

	return v ? v->name : "revocation";
}

static const char *id_of(const struct orders *o, uint32_t node)
{
	return o->graph->nodes[node].id;
}

static void print_uses(const struct withdrawal *w, const struct orders *o)
{
	static const char *const words[] = {
		[USE_BEFORE] = "began before",
		[USE_AFTER] = "BEGAN AFTER IT WAS WITHDRAWN",
		[USE_ENDED] = "ended before",
		[USE_UNKNOWN] = "does not say when it began",
	};
	static const char *const shares[] = {
		[SHARE_WHOLE] = "",
		[SHARE_HAS] = ", its subset has some",
		[SHARE_UNKNOWN] = ", whole dataset: not known whether its subset has any",
	};
	const struct withdrawal_use *uses = w->uses.list;
	const uint32_t *spared = w->spared.list;

	for (size_t i = 0; i < w->uses.n; i++)
		print("  %-11s %s, %s%s%s%s\n", i ? "" : "used by", id_of(o, uses[i].run),
		      words[uses[i].when], shares[uses[i].share],
		      uses[i].through == GRAPH_NONE ? "" : ", through ",
		      uses[i].through == GRAPH_NONE ? "" : id_of(o, uses[i].through));
	for (size_t i = 0; i < w->spared.n; i++)
		print("  %-11s %s: its subset has none, by the commitments at hand\n",
		      i ? "" : "not used by", id_of(o, spared[i]));
	for (uint32_t i = 0, n = 0; i < w->trace.n; i++) {
		const struct graph_node *node = &o->graph->nodes[w->trace.list[i].node];

		if (node->kind == GRAPH_CHECKPOINT)
			print("  %-11s %s\n", n++ ? "" : "affected", node->id);
	}
}

static void print_withdrawal(const struct withdrawal *w, const struct orders *o)
{
	const Weightmark__V1__Header *h = w->said->statement->header;
	const uint32_t *datasets = w->datasets.list;
	const struct when when = when_withdrawn(w->revocation);
	char due[DAY_TEXT + 1], since[TIME_TEXT + 1], answered[TIME_TEXT + 1];

	day_text(due, w->due);
	when_text(since, &when);
	print("%s %s\n  %-11s %s says so\n", kind_text(w->revocation), h->object->text, "issuer",
	      h->issuer);
	for (size_t i = 0; i < w->datasets.n; i++)
		print("  %-11s %s\n", i ? "" : "dataset", id_of(o, datasets[i]));
	if (w->n_records > 0)
		print("  %-11s %zu, withdrawn as of %s\n", "records", w->n_records, since);
	else
		print("  %-11s all, withdrawn as of %s\n", "records", since);
	print_uses(w, o);
	if (w->answered) {
		time_text(answered, w->revocation->closed_at->seconds);
		print("  %-11s answered %s, the issuer says\n", "answer", answered);
	} else if (w->left < 0) {
		print("  %-11s due %s, overdue by %d day%s\n", "answer", due, -w->left,
		      w->left == -1 ? "" : "s");
	} else {
		print("  %-11s due %s, in %d day%s\n", "answer", due, w->left,
		      w->left == 1 ? "" : "s");
	}
}

static enum wm_code add_ids(struct node *map, struct tree *t, const struct withdrawal *w,
			    const struct orders *o, struct wm_error *err)
{
	const struct withdrawal_use *uses = w->uses.list;
	const uint32_t *datasets = w->datasets.list, *spared = w->spared.list;
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "datasets", NODE_LIST, err));
	for (size_t i = 0; i < w->datasets.n; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "object", id_of(o, datasets[i]), err));
	}
	TRY(node_set_new(&list, map, t, "runs", NODE_LIST, err));
	for (size_t i = 0; i < w->uses.n; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "object", id_of(o, uses[i].run), err));
		TRY(node_set_text(row, t, "withdrawn", withdrawal_when_name(uses[i].when), err));
		TRY(node_set_text(row, t, "share", withdrawal_share_name(uses[i].share), err));
		if (uses[i].through != GRAPH_NONE)
			TRY(node_set_shown(row, t, "through", id_of(o, uses[i].through), err));
	}
	TRY(node_set_new(&list, map, t, "runs_without", NODE_LIST, err));
	for (size_t i = 0; i < w->spared.n; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "object", id_of(o, spared[i]), err));
	}
	TRY(node_set_new(&list, map, t, "affected", NODE_LIST, err));
	for (uint32_t i = 0; i < w->trace.n; i++) {
		const uint32_t node = w->trace.list[i].node;

		if (o->graph->nodes[node].kind != GRAPH_CHECKPOINT)
			continue;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "object", id_of(o, node), err));
	}
	return WM_OK;
}

static enum wm_code add_withdrawal(struct node *map, struct tree *t, const struct withdrawal *w,
				   const struct orders *o, struct wm_error *err)
{
	const Weightmark__V1__Header *h = w->said->statement->header;
	const struct when when = when_withdrawn(w->revocation);
	char due[DAY_TEXT + 1], since[TIME_TEXT + 1];

	day_text(due, w->due);
	when_text(since, &when);
	TRY(node_set_text(map, t, "object", h->object->text, err));
	TRY(node_set_text(map, t, "kind", kind_text(w->revocation), err));
	TRY(node_set_text(map, t, "issuer", h->issuer, err));
	TRY(node_set_integer(map, t, "records", w->n_records, err));
	TRY(node_set_text(map, t, "effective_at", since, err));
	TRY(node_set_text(map, t, "due", due, err));
	TRY(node_set_bool(map, t, "answered", w->answered, err));
	if (w->answered) {
		time_text(since, w->revocation->closed_at->seconds);
		TRY(node_set_text(map, t, "answered_at", since, err));
	} else {
		TRY(node_set_integer(map, t, w->left < 0 ? "overdue_days" : "days_left",
				     (uint64_t)(w->left < 0 ? -(int64_t)w->left : w->left), err));
	}
	return add_ids(map, t, w, o, err);
}

bool has_withdrawal(const struct orders *o, const char *id)
{
	for (size_t i = 0; i < o->revocations.n; i++)
		if (withdrawal_is_called(o->revocations.list[i], id))
			return true;
	return false;
}

static bool may_tell(const struct said *said, const struct withdrawal_view *view)
{
	return view->id ? withdrawal_is_called(said, view->id) :
			  is_withdrawal((const Weightmark__V1__Revocation *)
						said->statement->message);
}

static bool is_wanted(const struct withdrawal *w, const struct withdrawal_view *view)
{
	return !view->within_given || (!w->answered && w->left <= (int64_t)view->within);
}

enum wm_code withdrawals_calendar(struct buf *ics, const struct orders *o,
				  const struct withdrawal_view *view, struct wm_error *err)
{
	for (size_t i = 0; i < o->revocations.n; i++) {
		const struct said *said = o->revocations.list[i];
		cleanup_withdrawal struct withdrawal w = { .due = DAY_NONE };

		if (!may_tell(said, view))
			continue;
		TRY(withdrawal_assess(&w, o, said, view->today, err));
		if (!w.answered && is_wanted(&w, view))
			TRY(ics_append_withdrawal(ics, &w, kind_text(w.revocation), view->now,
						  err));
	}
	return WM_OK;
}

enum wm_code show_withdrawals(bool *overdue, struct node *map, struct tree *t,
			      const struct orders *o, struct withdrawal_view *view,
			      struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	*overdue = false;
	if (map)
		TRY(node_set_new(&list, map, t, "withdrawals", NODE_LIST, err));
	for (size_t i = 0; i < o->revocations.n; i++) {
		const struct said *said = o->revocations.list[i];
		cleanup_withdrawal struct withdrawal w = { .due = DAY_NONE };

		if (!may_tell(said, view))
			continue;
		TRY(withdrawal_assess(&w, o, said, view->today, err));
		*overdue |= !w.answered && w.left < 0;
		if (!is_wanted(&w, view))
			continue;
		view->n++;
		if (list) {
			TRY(node_append_new(&row, list, t, NODE_MAP, err));
			TRY(add_withdrawal(row, t, &w, o, err));
			continue;
		}
		if (view->gap)
			print("\n");
		view->gap = true;
		print_withdrawal(&w, o);
	}
	return WM_OK;
}
