/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/withdrawals.c: which runs used withdrawn data, before and after, and what is due. */
#include "lineages.h"

#include <stdio.h>

#include "lineage/withdrawals.h"
#include "statement/scalar.h"

#define DAY "2026-02-15"

/* A ledger in which "d" is withdrawn, and what it comes to. */
struct desk {
	struct shelf shelf;
	struct index *index;
	struct graph *graph;
	struct orders *orders;
	struct withdrawal withdrawal;
};

static void desk_close(struct desk *d)
{
	withdrawal_release(&d->withdrawal);
	orders_free(d->orders);
	graph_free(d->graph);
	index_close(d->index);
	shelf_close(&d->shelf);
}
#define cleanup_desk __attribute__((cleanup(desk_close)))

static void desk_open(struct desk *d)
{
	shelf_open(&d->shelf);
	lineage_dataset(&d->shelf, "d", "");
	lineage_dataset(&d->shelf, "other", "");
}

#define USED(dataset) ",\"uses\":[{\"dataset\":@" dataset "@,\"from_step\":100}]"
#define BEGAN(day)    ",\"start\":\"" day "T00:00:00Z\""

static int32_t day_of_february(int day)
{
	return (int32_t)days_from_civil(2026, 2, day);
}

static enum wm_code assess(void *context, struct wm_error *err)
{
	struct desk *d = context;
	const struct said *said = d->orders->revocations.list[0];

	withdrawal_release(&d->withdrawal);
	d->withdrawal = (struct withdrawal){ .said = NULL };
	return withdrawal_assess(&d->withdrawal, d->orders, said, day_of_february(20), err);
}

/* The statement of the withdrawal has these members more. */
static void desk_read(struct desk *d, const char *more)
{
	struct wm_error err = { 0 };
	char members[512];

	snprintf(members, sizeof(members),
		 ",\"id\":\"w\",\"kind\":\"consent_withdrawal\",\"dataset\":@d@%s", more);
	lineage_say(&d->shelf, "revocation", "acme", "w", 1, members);
	shelf_append(&d->shelf, SHELF_ORIGIN, 100);
	d->index = shelf_index(&d->shelf);
	shelf_sync(d->index);
	assert_ok(graph_load(&d->graph, &d->index, 1, NULL, &err), &err);
	assert_ok(orders_load(&d->orders, d->graph, &d->index, 1, NULL, &err), &err);
	assert_int_equal(d->orders->revocations.n, 1);
	assert_ok(assess(d, &err), &err);
}

static const struct withdrawal_use *use_by(const struct desk *d, const char *run)
{
	const struct withdrawal_use *uses = d->withdrawal.uses.list;

	for (size_t i = 0; i < d->withdrawal.uses.n; i++)
		if (uses[i].run == lineage_node(d->graph, run))
			return &uses[i];
	return NULL;
}

static void test_when(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d);
	lineage_run(&d.shelf, "before", USED("d") BEGAN("2026-02-14"));
	lineage_run(&d.shelf, "after", USED("d") BEGAN(DAY));
	lineage_run(&d.shelf, "ever", USED("d"));
	lineage_run(&d.shelf, "never", USED("other") BEGAN(DAY));
	lineage_checkpoint(&d.shelf, "m", ",\"run\":[@before@]");
	desk_read(&d, ",\"effective_at\":\"" DAY "T00:00:00Z\"");
	assert_int_equal(d.withdrawal.uses.n, 3);
	assert_int_equal(use_by(&d, "before")->when, USE_BEFORE);
	assert_int_equal(use_by(&d, "after")->when, USE_AFTER);
	assert_int_equal(use_by(&d, "ever")->when, USE_UNKNOWN);
	assert_null(use_by(&d, "never"));
	assert_int_equal(use_by(&d, "ever")->share, SHARE_WHOLE);
	assert_int_equal(d.withdrawal.n_affected, 1);
}

/* It goes on from tainted weights, before it uses the data itself: it used it all the same. */
static void test_used_and_started_from(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d);
	lineage_run(&d.shelf, "first", USED("d") BEGAN("2026-02-01"));
	lineage_checkpoint(&d.shelf, "m", ",\"run\":[@first@]");
	lineage_run(&d.shelf, "second", USED("d") BEGAN("2026-02-16") ",\"parent_model\":[@m@]");
	lineage_run(&d.shelf, "third", BEGAN("2026-02-16") ",\"parent_model\":[@m@]");
	desk_read(&d, ",\"effective_at\":\"" DAY "T00:00:00Z\"");
	assert_int_equal(d.withdrawal.uses.n, 2);
	assert_non_null(use_by(&d, "second"));
	assert_int_equal(use_by(&d, "second")->when, USE_AFTER);
	assert_null(use_by(&d, "third"));
}

static void test_due(void **state)
{
	static const struct {
		const char *more;
		int32_t due; /* day of February */
		bool answered;
	} rows[] = {
		/* A month after it came, else after it has effect; or the day that it says. */
		{ ",\"effective_at\":\"" DAY "T00:00:00Z\"", 15 + 28, false },
		{ ",\"effective_at\":\"" DAY "T00:00:00Z\","
		  "\"received_at\":\"2026-01-31T23:00:00Z\"", 28, false },
		{ ",\"effective_at\":\"" DAY "T00:00:00Z\",\"respond_by\":\"2026-02-19\"", 19,
		  false },
		{ ",\"effective_at\":\"" DAY "T00:00:00Z\",\"closed_at\":\"2026-02-19T00:00:00Z\"",
		  15 + 28, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_desk struct desk d = { .index = NULL };

		desk_open(&d);
		desk_read(&d, rows[i].more);
		assert_int_equal(d.withdrawal.due, day_of_february(1) + rows[i].due - 1);
		assert_int_equal(d.withdrawal.left, rows[i].due - 20);
		assert_int_equal(d.withdrawal.answered, rows[i].answered);
	}
}

static void test_memory(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d);
	lineage_run(&d.shelf, "r", USED("d"));
	desk_read(&d, ",\"effective_at\":\"" DAY "T00:00:00Z\"");
	with_every_allocation_failing(assess, &d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_used_and_started_from),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_memory),
	};

	return run_tests(tests);
}
