/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark order status`: where all orders stand, or one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataset.h"
#include "keys.h"
#include "order_verbs.h"
#include "output.h"
#include "report/ics.h"
#include "util/file.h"
#include "util/limits.h"

enum { OVERDUE = 1, UNDECIDED = 4 };

void order_states_release(struct order_states *s)
{
	for (size_t i = 0; i < s->n; i++)
		order_state_release(&s->list[i]);
	free(s->list);
}

/* What was asked for. */
struct question {
	const struct order *orders;
	size_t n;
	int32_t as_of;
	int64_t now;
	bool within_given;
	uint64_t within; /* days */
	const char *withdrawal; /* what was asked for is one of this name, and no order */
};

static enum wm_code read_within(struct question *q, const char *text, struct wm_error *err)
{
	cleanup_buf struct buf days = BUF_INIT(LIMIT_NAME);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return WM_OK;
	q->within_given = true;
	if (len > 0 && text[len - 1] == 'd')
		len--;
	TRY(buf_append(&days, text, len, err));
	return parse_number(buf_str(&days), "--due-within", 0, LIMIT_ORDER_DAYS, &q->within, err);
}

static enum wm_code ask(struct question *q, const struct orders *o, struct call *call,
			struct wm_error *err)
{
	const struct options *given = &call->options;
	const char *as_of = options_get(given, "as-of");
	struct wm_error no_order = { 0 };

	q->now = time(NULL);
	q->as_of = DAY_NONE;
	if (as_of)
		TRY(read_day(&q->as_of, "as-of", as_of, err));
	TRY(read_within(q, options_get(given, "due-within"), err));
	q->orders = o->list;
	q->n = o->n;
	if (given->n_operands > 0 && has_withdrawal(o, given->operands[0]) &&
	    orders_find(&q->orders, &q->n, o, given->operands[0], &no_order) != WM_OK) {
		q->withdrawal = given->operands[0];
		q->n = 0;
	} else if (given->n_operands > 0) {
		return orders_find(&q->orders, &q->n, o, given->operands[0], err);
	}
	if (options_has(given, "plan") || options_has(given, "clean"))
		return fail(err, REASON_USAGE, "--plan and --clean are of one order: give its ID");
	return WM_OK;
}

static int compare_states(const void *x, const void *y)
{
	const struct order_state *a = x, *b = y;
	const int32_t first = order_next_due(a), second = order_next_due(b);

	if (first != second && (first == DAY_NONE || second == DAY_NONE))
		return first == DAY_NONE ? 1 : -1;
	if (first != second)
		return first > second ? 1 : -1;
	return strcmp(a->order->object, b->order->object);
}

void order_states_sort(struct order_states *s)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof(*s->list), compare_states);
}

static bool is_wanted(const struct question *q, const struct order_state *s)
{
	const int32_t next = order_next_due(s);

	return !q->within_given ||
	       (next != DAY_NONE && (int64_t)next - s->today <= (int64_t)q->within);
}

/* Leaves only the obligations and supplements that are due by then, for all that is shown. */
static void keep_due(const struct question *q, struct order_state *s)
{
	const int64_t last = (int64_t)s->today + (int64_t)q->within;
	size_t n = 0;

	if (!q->within_given)
		return;
	for (size_t i = 0; i < s->n_obligations; i++)
		if (!s->obligations[i].done && s->obligations[i].due <= last)
			s->obligations[n++] = s->obligations[i];
	s->n_obligations = n;
	n = 0;
	for (size_t i = 0; i < s->n_holds; i++)
		if (!s->holds[i].supplement && s->holds[i].due != DAY_NONE &&
		    s->holds[i].due <= last)
			s->holds[n++] = s->holds[i];
	s->n_holds = n;
}

static enum wm_code assess(struct order_states *out, const struct question *q,
			   const struct orders *o, struct wm_error *err)
{
	out->list = calloc(q->n + 1, sizeof(*out->list));
	if (!out->list)
		return fail_nomem(err);
	for (size_t i = 0; i < q->n; i++) {
		struct order_state *s = &out->list[out->n++];

		TRY(order_assess(s, o, &q->orders[i], q->as_of, q->now, err));
		if (!is_wanted(q, s))
			order_state_release(&out->list[--out->n]);
		else
			keep_due(q, s);
	}
	order_states_sort(out);
	return WM_OK;
}

static int status_of(const struct order_states *s, const struct orders *o)
{
	bool overdue = false, undecided = o->n_unreadable > 0;

	for (size_t i = 0; i < s->n; i++) {
		overdue |= s->list[i].overdue;
		undecided |= order_is_undecided(&s->list[i]);
	}
	return overdue || o->n_bad > 0 ? OVERDUE : undecided ? UNDECIDED : 0;
}

static enum wm_code write_calendar(const char *path, const struct order_states *s,
				   const struct orders *o, const struct withdrawal_view *view,
				   struct wm_error *err)
{
	cleanup_buf struct buf ics = BUF_INIT(LIMIT_CALENDAR);

	TRY(ics_begin(&ics, err));
	for (size_t i = 0; i < s->n; i++)
		TRY(ics_append_order(&ics, &s->list[i], view->now, err));
	if (!s->whole)
		TRY(withdrawals_calendar(&ics, o, view, err));
	TRY(ics_end(&ics, err));
	return file_write_kind(path, ics.data, ics.len, 0644, ICS_BEGINS, err);
}

/* Withdrawals have no time zone: their days are those of UTC. */
static int32_t today_of(const struct question *q)
{
	return q->as_of != DAY_NONE ? q->as_of : day_in_zone(NULL, q->now);
}

/* With those of earlier recordings, where the statement lies beside. */
static enum wm_code add_commitments(struct subsets *out, const char *path, struct wm_error *err)
{
	__attribute__((cleanup(earlier_release))) struct gathered_list earlier = { 0 };
	cleanup_buf struct buf sidecar = BUF_INIT(LIMIT_PATH);
	cleanup_dataset struct dataset d = { .statement = NULL };
	const struct opened_earlier *e;

	TRY(subsets_add(out, path, err));
	if (!file_has_suffix(path, COMMITMENTS_SUFFIX))
		return WM_OK;
	TRY(buf_append(&sidecar, path, strlen(path) - strlen(COMMITMENTS_SUFFIX), err));
	TRY(buf_append_str(&sidecar, SIDECAR_SUFFIX, err));
	if (!file_exists(buf_str(&sidecar)))
		return WM_OK;
	TRY(dataset_load(&d, buf_str(&sidecar), NULL, NULL, err));
	TRY(open_earlier(&earlier, &d, path, NULL, err));
	e = earlier.list;
	for (size_t i = 0; i < earlier.n; i++)
		TRY(subsets_add(out, e[i].commitments->path, err));
	return WM_OK;
}

static enum wm_code read_subsets(struct subsets *out, const struct options *o,
				 struct wm_error *err)
{
	const char *path;

	for (size_t i = 0; (path = options_nth(o, "commitments", i)); i++)
		TRY(add_commitments(out, path, err));
	return WM_OK;
}

enum wm_code order_status(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_order_view struct order_view v = { 0 };
	cleanup_subsets struct subsets subsets = { 0 };
	__attribute__((cleanup(order_states_release))) struct order_states states = { 0 };
	cleanup_tree struct tree t = TREE_INIT;
	struct withdrawal_view view;
	struct question q = { 0 };
	bool overdue = false;

	TRY(order_view_open(&v, call, err));
	TRY(read_subsets(&subsets, o, err));
	v.orders->subsets = &subsets;
	TRY(ask(&q, v.orders, call, err));
	TRY(assess(&states, &q, v.orders, err));
	states.whole = o->n_operands > 0 && !q.withdrawal;
	view = (struct withdrawal_view){ .id = q.withdrawal, .today = today_of(&q), .now = q.now,
					 .within_given = q.within_given, .within = q.within,
					 .gap = states.n > 0 };
	states.plan = options_has(o, "plan");
	states.clean = options_has(o, "clean");
	if (options_has(o, "ics"))
		TRY(write_calendar(options_get(o, "ics"), &states, v.orders, &view,
				   err));
	call->status = status_of(&states, v.orders);
	if (v.orders->n_unreadable > 0)
		warning("%zu statement%s about orders cannot be read here", v.orders->n_unreadable,
			v.orders->n_unreadable == 1 ? "" : "s");
	if (v.orders->n_stray > 0)
		warning("%zu event%s an order that no ledger at hand has, or one of several",
			v.orders->n_stray,
			v.orders->n_stray == 1 ? " or certificate names" :
						 "s or certificates name");
	if (output_is_json())
		TRY(orders_tree(&t, &states, err));
	else
		TRY(print_orders(&states, err));
	if (!states.whole)
		TRY(show_withdrawals(&overdue, t.root, &t, v.orders, &view, err));
	if (overdue)
		call->status = OVERDUE;
	if (!output_is_json())
		print_invalid(v.orders);
	if (output_is_json()) {
		TRY(invalid_tree(t.root, &t, v.orders, err));
		TRY(ledgers_tree(t.root, &t, &v.ledgers, v.origins, err));
		print_json(t.root);
	} else if (states.n == 0 && !q.withdrawal) {
		message("no order%s", v.ledgers.n == 0 ? ": there is no ledger to read" :
				      q.within_given   ? " of which something is due then" :
							 "");
	}
	return WM_OK;
}
