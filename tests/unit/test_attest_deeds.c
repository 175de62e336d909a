/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/deeds.c and deeds_list.c: events from lists and options. */
#include "harness.h"

#include <stdio.h>

#include "attest/deeds.h"
#include "statement/statement.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

static Weightmark__V1__Order said;
static const struct order order = { .object = "acme.example/o-1", .said = &said };

static struct deed_draft draft(Weightmark__V1__LifecycleEvent__Kind kind, const char *word)
{
	return (struct deed_draft){ .order = &order, .kind = kind, .word = word,
				    .until = DAY_NONE, .at = when_moment(1000) };
}

/* Composes what a list says; the events are of `c`. */
static enum wm_code compose_list(struct composition *c, const char *tsv, bool destroyed,
				 struct wm_error *err)
{
	cleanup_gathered struct gathered_list events = { 0 };
	const struct deed_draft d =
		destroyed ? draft(WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__deleted, "destroyed") :
			    draft(WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__retained, "kept");

	deeds_begin(c, "list.tsv");
	TRY(deeds_add_list(&events, c, &d, tsv, strlen(tsv), destroyed, err));
	return deeds_end(c, &events, err);
}

static const Weightmark__V1__LifecycleEvent *event(const struct composition *c, size_t i)
{
	assert_true(i < c->n_statements);
	return (const Weightmark__V1__LifecycleEvent *)c->statements[i].message;
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_destroyed(void **state)
{
	cleanup_composition struct composition c = { .n_statements = 0 };
	const Weightmark__V1__LifecycleEvent *e;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(compose_list(&c,
			       "object\tplaces\tmethod\twho\twhen\n"
			       "\n# a remark\n"
			       "acme.example/m@1\ts3://a;;/b\tpurge\tStaff\t2024-03-20T10:00:00Z\r\n"
			       HEX "\t\tcryptographic_erase\t\t2024-03-21\n"
			       "acme.example/n@1\t/c\tclear\tStaff\t2024-03-19",
			       true, &err),
		  &err);
	assert_int_equal(c.n_statements, 1);
	e = event(&c, 0);
	assert_int_equal(e->n_destroyed, 3);
	assert_string_equal(e->destroyed[0]->subject->object->text, "acme.example/m@1");
	assert_int_equal(e->destroyed[0]->n_location, 2);
	assert_string_equal(e->destroyed[0]->location[1], "/b");
	assert_non_null(e->destroyed[1]->subject->sha256);
	assert_null(e->destroyed[1]->operator_);
	assert_int_equal(e->n_party, 1);
	assert_string_equal(e->party[0]->legal_name, "Staff");
	assert_string_equal(e->order->object->text, "acme.example/o-1");
	/* The event is as late as the last of what it lists, and a day stays a day. */
	assert_null(e->at);
	assert_int_equal(e->day->days, days_from_civil(2024, 3, 21));
	assert_non_null(e->destroyed[0]->at);
	assert_null(e->destroyed[0]->day);
	assert_null(e->destroyed[1]->at);
	assert_int_equal(e->destroyed[1]->day->days, days_from_civil(2024, 3, 21));
	assert_int_equal(strncmp(e->id->text, "o-1-destroyed-", 14), 0);
}

static void test_kept(void **state)
{
	cleanup_composition struct composition c = { .n_statements = 0 };
	const Weightmark__V1__LifecycleEvent *e;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(compose_list(&c,
			       "acme.example/d\tlegal_hold\tCourt\t2024-03-01\t2024-06-30\n"
			       "acme.example/e\tstatute\tAct\n",
			       false, &err),
		  &err);
	e = event(&c, 0);
	assert_int_equal(e->n_kept, 2);
	assert_string_equal(e->kept[0]->authority, "Court");
	assert_non_null(e->kept[0]->hold_end);
	assert_null(e->kept[1]->hold_start);
	assert_int_equal(e->at->seconds, 1000);
}

static void test_malformed(void **state)
{
	static const struct {
		bool destroyed;
		const char *tsv, *line; /* that the message names */
	} rows[] = {
		{ true, "", "lists nothing" },
		{ true, "#\na/b\t/c\xff\tclear\tme\t2024-03-20\n", "list.tsv:2:" },
		{ true, "object\tx\n#\n\n", "lists nothing" },
		{ true, "a/b\t/c\tclear\tme\n", "list.tsv:1:" },
		{ true, "a/b\t/c\tclear\tme\t2024-03-20\tmore\n", "list.tsv:1:" },
		{ true, "#\na/b\t/c\tburn\tme\t2024-03-20\n", "list.tsv:2:" },
		{ true, "a/b\t/c\tno_assertion\tme\t2024-03-20\n", "list.tsv:1:" },
		{ true, "a/b\t/c\tclear\tme\t2024-02-30\n", "list.tsv:1:" },
		{ true, "a/b\t/c\tclear\tme\t9999-02-01\n", "list.tsv:1:" },
		{ true, "a/b\t/c\tclear\tme\t\n", "list.tsv:1:" },
		{ true, "ab\t/c\tclear\tme\t2024-03-20\n", "list.tsv:1:" },
		{ true, "\t/c\tclear\tme\t2024-03-20\n", "list.tsv:1:" },
		{ false, "a/b\tlegal_hold\n", "list.tsv:1:" },
		{ false, "a/b\tbecause\tme\n", "list.tsv:1:" },
		{ false, "a/b\tlegal_hold\t\t\t\n", "list.tsv:1:" },
		{ false, "a/b\tlegal_hold\tme\tsoon\n", "list.tsv:1:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_composition struct composition c = { .n_statements = 0 };
		struct wm_error err = { 0 };

		assert_reason(compose_list(&c, rows[i].tsv, rows[i].destroyed, &err), &err,
			      ORDER_LIST);
		if (!strstr(err.message, rows[i].line))
			test_failed(__FILE__, __LINE__, "row %zu: %s", i, err.message);
	}
}

/* n - 1, n and n + 1 lines of what one event takes. */
static void test_events_are_bounded(void **state)
{
	(void)state;
	for (size_t n = LIMIT_EVENT_ITEMS - 1; n <= LIMIT_EVENT_ITEMS + 1; n++) {
		cleanup_buf struct buf tsv = BUF_INIT(LIMIT_ORDER_LIST);
		cleanup_composition struct composition c = { .n_statements = 0 };
		struct wm_error err = { 0 };

		for (size_t i = 0; i < n; i++)
			assert_ok(buf_printf(&tsv, &err, "a/m%zu\t/c\tclear\tme\t2024-03-20\n", i),
				  &err);
		assert_ok(compose_list(&c, buf_str(&tsv), true, &err), &err);
		assert_int_equal(c.n_statements, n > LIMIT_EVENT_ITEMS ? 2 : 1);
		assert_int_equal(event(&c, c.n_statements - 1)->n_destroyed,
				 n > LIMIT_EVENT_ITEMS ? 1 : n);
	}
}

/* Whom an event names is bounded too. */
static void test_parties_are_bounded(void **state)
{
	cleanup_buf struct buf tsv = BUF_INIT(LIMIT_ORDER_LIST);
	cleanup_composition struct composition c = { .n_statements = 0 };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < LIMIT_PARTIES + 1; i++)
		assert_ok(buf_printf(&tsv, &err, "a/m%zu\t/c\tclear\twho-%zu\t2024-03-20\n", i, i),
			  &err);
	assert_reason(compose_list(&c, buf_str(&tsv), true, &err), &err, ORDER_LIST);
	composition_release(&c);
	buf_truncate(&tsv, tsv.len - strlen("a/m1024\t/c\tclear\twho-1024\t2024-03-20\n"));
	assert_ok(compose_list(&c, buf_str(&tsv), true, &err), &err);
	assert_int_equal(event(&c, 0)->n_party, LIMIT_PARTIES);
}

static const char *id_of(struct composition *c, struct deed_draft d)
{
	cleanup_gathered struct gathered_list events = { 0 };
	struct wm_error err = { 0 };

	deeds_begin(c, "test");
	assert_ok(deeds_add(&events, c, &d, &err), &err);
	assert_ok(deeds_end(c, &events, &err), &err);
	return event(c, 0)->id->text;
}

/* The same deed has the same id whenever it is said; another has another. */
static void test_ids(void **state)
{
	cleanup_composition struct composition a = { .n_statements = 0 }, b = { .n_statements = 0 };
	cleanup_composition struct composition c = { .n_statements = 0 }, e = { .n_statements = 0 };
	struct deed_draft d = draft(WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__notified_recipient,
				    "told");
	const char *first, *again, *other, *dated;

	(void)state;
	d.recipient = "Someone";
	first = id_of(&a, d);
	d.at = when_moment(2000);
	again = id_of(&b, d);
	d.at_given = true;
	dated = id_of(&e, d);
	d.at_given = false;
	d.recipient = "Another";
	other = id_of(&c, d);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	assert_string_not_equal(first, dated);
}

/* The same list is another event of another order, though its local id be the same. */
static void test_ids_of_lists(void **state)
{
	static const struct order other = { .object = "other.example/o-1", .said = &said };
	static const char tsv[] = "a/b\t/c\tclear\tme\t2024-03-20\n";
	cleanup_composition struct composition a = { .n_statements = 0 }, b = { .n_statements = 0 };
	cleanup_gathered struct gathered_list events = { 0 };
	struct deed_draft d = draft(WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__deleted, "destroyed");
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(compose_list(&a, tsv, true, &err), &err);
	d.order = &other;
	deeds_begin(&b, "list.tsv");
	assert_ok(deeds_add_list(&events, &b, &d, tsv, strlen(tsv), true, &err), &err);
	assert_ok(deeds_end(&b, &events, &err), &err);
	assert_string_not_equal(event(&a, 0)->id->text, event(&b, 0)->id->text);
}

static void test_hold_needs_a_subject(void **state)
{
	cleanup_gathered struct gathered_list events = { 0 };
	cleanup_composition struct composition c = { .n_statements = 0 };
	struct deed_draft d = draft(WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__legal_hold, "hold");
	struct wm_error err = { 0 };

	(void)state;
	d.authority = "Court";
	deeds_begin(&c, "test");
	assert_reason(deeds_add(&events, &c, &d, &err), &err, USAGE);
	d.subject = "acme.example/d";
	assert_ok(deeds_add(&events, &c, &d, &err), &err);
}

static enum wm_code compose_some(void *context, struct wm_error *err)
{
	cleanup_composition struct composition c = { .n_statements = 0 };

	return compose_list(&c, context, true, err);
}

static void test_memory(void **state)
{
	char tsv[] = "a/b\t/c;/d\tclear\tme\t2024-03-20\n" HEX "\t\tpurge\tyou\t2024-03-20\n";

	(void)state;
	with_every_allocation_failing(compose_some, tsv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destroyed),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_events_are_bounded),
		cmocka_unit_test(test_parties_are_bounded),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_of_lists),
		cmocka_unit_test(test_hold_needs_a_subject),
		cmocka_unit_test(test_memory),
	};

	said = (Weightmark__V1__Order)WEIGHTMARK__V1__ORDER__INIT;
	return run_tests(tests);
}
