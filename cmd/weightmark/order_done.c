/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark order done`: signs and records what was done about an order. */
#include <string.h>
#include <time.h>

#include "attest/deeds.h"
#include "issues.h"
#include "order_verbs.h"
#include "output.h"
#include "util/file.h"
#include "util/limits.h"

#define EVENT(kind) WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__##kind

/* The options that each make an event, or events. */
static const struct {
	const char *option, *word;
	Weightmark__V1__LifecycleEvent__Kind kind;
} deeds[] = {
	{ "obligation", "met", EVENT(fulfilled) },
	{ "destroyed", "destroyed", EVENT(deleted) },
	{ "kept", "kept", EVENT(retained) },
	{ "told", "told", EVENT(notified_recipient) },
	{ "confirmed", "confirmed", EVENT(recipient_confirmed) },
	{ "hold", "hold", EVENT(legal_hold) },
	{ "released", "released", EVENT(hold_released) },
};

enum { N_DEEDS = sizeof(deeds) / sizeof(deeds[0]) };

static enum wm_code check_obligation(const struct order *o, const char *id, struct wm_error *err)
{
	const char *names[LIMIT_CANDIDATES];
	size_t n = 0;

	for (size_t i = 0; i < o->said->n_obligation; i++) {
		if (strcmp(o->said->obligation[i]->id->text, id) == 0)
			return WM_OK;
		if (n < LIMIT_CANDIDATES)
			names[n++] = o->said->obligation[i]->id->text;
	}
	if (strcmp(id, "supplement") == 0)
		return WM_OK;
	return fail_unknown(REASON_USAGE, "the order has no obligation", id, names, n, err);
}

static enum wm_code add_list(struct gathered_list *events, struct composition *c,
			     const struct deed_draft *d, const char *path, bool destroyed,
			     struct wm_error *err)
{
	cleanup_buf struct buf tsv = BUF_INIT(LIMIT_ORDER_LIST);

	c->name = path;
	c->reason = REASON_ORDER_LIST;
	TRY(file_read_input(&tsv, path, REASON_ORDER_LIST, err));
	return deeds_add_list(events, c, d, tsv.data, tsv.len, destroyed, err);
}

/* One event for each --subject, or one without. */
static enum wm_code add_each(struct gathered_list *events, struct composition *c,
			     struct deed_draft *d, const struct options *o, struct wm_error *err)
{
	const char *subject = options_nth(o, "subject", 0);

	if (!subject)
		return deeds_add(events, c, d, err);
	for (size_t i = 0; (subject = options_nth(o, "subject", i)); i++) {
		d->subject = subject;
		TRY(deeds_add(events, c, d, err));
	}
	return WM_OK;
}

static enum wm_code add_deed(struct gathered_list *events, struct composition *c,
			     struct deed_draft d, size_t deed, const struct options *o,
			     struct wm_error *err)
{
	const char *value = options_get(o, deeds[deed].option);

	d.kind = deeds[deed].kind;
	d.word = deeds[deed].word;
	c->name = deeds[deed].option;
	c->reason = REASON_USAGE;
	switch (d.kind) {
	case EVENT(deleted):
	case EVENT(retained):
		return add_list(events, c, &d, value, d.kind == EVENT(deleted), err);
	case EVENT(fulfilled):
		TRY(check_obligation(d.order, value, err));
		d.obligation = value;
		return deeds_add(events, c, &d, err);
	case EVENT(notified_recipient):
	case EVENT(recipient_confirmed):
		d.recipient = value;
		return add_each(events, c, &d, o, err);
	case EVENT(legal_hold):
		d.authority = value;
		if (options_has(o, "until"))
			TRY(read_day(&d.until, "until", options_get(o, "until"), err));
		return add_each(events, c, &d, o, err);
	default:
		return add_each(events, c, &d, o, err);
	}
}

static enum wm_code read_deeds(struct gathered_list *events, struct composition *c,
			       const struct order *order, const struct options *o,
			       struct wm_error *err)
{
	struct deed_draft d = { .order = order, .until = DAY_NONE,
				.at = when_moment(time(NULL)) };
	cleanup_zone struct zone *zone = NULL;

	if (order->said->time_zone)
		TRY(zone_open(&zone, order->said->time_zone, err));
	d.zone = zone;
	if (options_has(o, "on")) {
		TRY(read_when(&d.at, "on", options_get(o, "on"), err));
		d.at_given = true;
	}
	if (options_has(o, "until") && !options_has(o, "hold"))
		return fail(err, REASON_USAGE, "--until is the end of a --hold");
	if (options_has(o, "subject") && !options_has(o, "hold") && !options_has(o, "released") &&
	    !options_has(o, "told") && !options_has(o, "confirmed"))
		return fail(err, REASON_USAGE,
			    "--subject is that of --hold, --released, --told or --confirmed");
	for (size_t i = 0; i < N_DEEDS; i++)
		if (options_has(o, deeds[i].option))
			TRY(add_deed(events, c, d, i, o, err));
	if (events->n > 0)
		return WM_OK;
	return fail(err, REASON_USAGE,
		    "say what was done: --obligation, --destroyed, --kept, --told, --confirmed, "
		    "--hold or --released; of a withdrawal, --answered");
}

static const char *local_of(const struct order *o)
{
	return strrchr(o->object, '/') ? strrchr(o->object, '/') + 1 : o->object;
}

/* Events are called by the local id of their order. */
static enum wm_code check_apart(const struct order *const *orders, size_t n, struct wm_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(local_of(orders[i]), local_of(orders[n])) == 0)
			return fail(err, REASON_USAGE,
				    "two of the orders are called '%.128s': give each once, those "
				    "of one local id in calls of their own", local_of(orders[n]));
	return WM_OK;
}

/* What was done about each of the orders that the call names. */
static enum wm_code compose_all(struct gathered_list *events, struct composition *c,
				const struct order_view *v, const struct options *o,
				struct wm_error *err)
{
	const struct order *orders[ORDERS_DONE_MAX];
	size_t n;

	for (size_t i = 0; i < o->n_operands; i++) {
		cleanup_order_state struct order_state state = { 0 };
		const size_t before = events->n;

		TRY(orders_find(&orders[i], &n, v->orders, o->operands[i], err));
		TRY(check_apart(orders, i, err));
		TRY(read_deeds(events, c, orders[i], o, err));
		TRY(order_assess(&state, v->orders, orders[i], DAY_NONE, time(NULL), err));
		TRY(order_check_deeds(&state, (struct composed *)events->list + before,
				      events->n - before, err));
	}
	return WM_OK;
}

/* --- how it stands now ------------------------------------------------------------------- */

static enum wm_code tell_order(struct node *list, struct tree *t, const struct order_state *s,
			       struct wm_error *err)
{
	uint64_t n[ITEM_KEPT + 1] = { 0 };
	struct node *row = NULL;

	for (size_t i = 0; i < s->n_items; i++)
		n[s->items[i].state]++;
	if (!list) {
		print("order      %s\n  %-10s%llu destroyed, %llu kept, %llu still open\n",
		      s->order->object, "now", (unsigned long long)n[ITEM_DESTROYED],
		      (unsigned long long)n[ITEM_KEPT], (unsigned long long)n[ITEM_OPEN]);
		return WM_OK;
	}
	TRY(node_append_new(&row, list, t, NODE_MAP, err));
	TRY(node_set_text(row, t, "object", s->order->object, err));
	TRY(node_set_integer(row, t, "destroyed", n[ITEM_DESTROYED], err));
	TRY(node_set_integer(row, t, "kept", n[ITEM_KEPT], err));
	return node_set_integer(row, t, "open", n[ITEM_OPEN], err);
}

/* What was issued, and how the orders stand with it; after a dry run, as they stood. */
static enum wm_code tell_done(struct order_view *v, const struct issued *issued,
			      const struct issue_options *how, struct call *call,
			      struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_tree struct tree t = TREE_INIT;
	const struct order *order = NULL;
	struct node *list = NULL;
	size_t n;

	if (!how->dry_run)
		TRY(order_view_reopen(v, call, err));
	if (output_is_json()) {
		TRY(all_issued_tree(&t, issued, how, err));
		TRY(node_set_new(&list, t.root, &t, "orders", NODE_LIST, err));
	} else {
		TRY(print_all_issued(issued, how, err));
	}
	for (size_t i = 0; i < o->n_operands; i++) {
		cleanup_order_state struct order_state state = { 0 };

		TRY(orders_find(&order, &n, v->orders, o->operands[i], err));
		TRY(order_assess(&state, v->orders, order, DAY_NONE, time(NULL), err));
		TRY(tell_order(list, &t, &state, err));
	}
	if (list)
		print_json(t.root);
	return WM_OK;
}

/* Ends what a killed one began, so that it counts as said when the same is said again. */
static enum wm_code end_begun(const struct record_options *record, struct wm_error *err)
{
	cleanup_recording struct recording begun = { .n_appended = 0 };

	return file_exists(record->ledger) ? record_check(&begun, record, true, err) : WM_OK;
}

enum wm_code order_done(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	__attribute__((cleanup(gathered_list_release))) struct gathered_list events = { 0 };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH), path = BUF_INIT(LIMIT_PATH);
	cleanup_order_view struct order_view v = { 0 };
	cleanup_issued struct issued issued = { 0 };
	struct record_options room = { .ledger = NULL };
	const struct record_options *record = NULL;
	cleanup_signer struct signer *signer = NULL;
	const char *key_file = NULL;
	struct issue_options how;

	if (options_has(o, "answered"))
		return order_answered(call, err);
	TRY(private_record(&record, &room, &path, &index, false, call, err));
	if (!options_has(o, "dry-run"))
		TRY(end_begun(record, err));
	TRY(order_view_open(&v, call, err));
	deeds_begin(&issued.composition, o->operands[0]);
	TRY(compose_all(&events, &issued.composition, &v, o, err));
	TRY(deeds_end(&issued.composition, &events, err));
	TRY(load_signer(&signer, &key_file, call, err)); /* before anything is made */
	TRY(private_record(&record, &room, &path, &index, !options_has(o, "dry-run"), call, err));
	if (options_has(o, "dry-run") && !file_exists(record->ledger))
		record = NULL;
	how = issue_options(options_get(o, "out"), record, call);
	how.signer = signer;
	TRY(issue_by(&issued, &how, call, err));
	return tell_done(&v, &issued, &how, call, err);
}
