/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/calendar.c: when something is due. */
#include "harness.h"

#include "lineage/calendar.h"
#include "statement/scalar.h"
#include "util/limits.h"

static int32_t day(int year, int month, int of_month)
{
	return (int32_t)days_from_civil(year, month, of_month);
}

static void assert_day(int32_t got, int32_t expected)
{
	char a[DAY_TEXT + 1], b[DAY_TEXT + 1];

	assert_string_equal(day_text(a, got), day_text(b, expected));
}

static void test_months_clamp(void **state)
{
	(void)state;
	assert_day(day_add_months(day(2024, 1, 31), 1), day(2024, 2, 29));
	assert_day(day_add_months(day(2023, 1, 31), 1), day(2023, 2, 28));
	assert_day(day_add_months(day(2024, 2, 29), 12), day(2025, 2, 28));
	assert_day(day_add_months(day(2024, 2, 29), 48), day(2028, 2, 29));
	assert_day(day_add_months(day(2024, 10, 31), 1), day(2024, 11, 30));
	assert_day(day_add_months(day(2024, 12, 31), 1), day(2025, 1, 31));
	assert_day(day_add_months(day(2024, 12, 31), 0), day(2024, 12, 31));
	assert_day(day_add_months(day(1969, 12, 31), 2), day(1970, 2, 28));
	assert_day(day_add_months(day(1900, 1, 31), 1), day(1900, 2, 28));
}

/* The clocks of published orders: case, days after the trigger, due. */
static void test_published_deadlines(void **state)
{
	static const struct {
		int trigger[3], due[3];
		uint32_t days;
	} rows[] = {
		{ { 2024, 3, 8 }, { 2024, 4, 22 }, 45 },   /* Rite Aid: data, models */
		{ { 2024, 3, 8 }, { 2024, 5, 7 }, 60 },	   /* Rite Aid: recipients */
		{ { 2024, 6, 27 }, { 2024, 7, 17 }, 20 },  /* Avast */
		{ { 2021, 5, 6 }, { 2021, 6, 5 }, 30 },	   /* Everalbum: photos */
		{ { 2021, 5, 6 }, { 2021, 8, 4 }, 90 },	   /* Everalbum: models */
		{ { 2019, 12, 6 }, { 2019, 12, 16 }, 10 }, /* Cambridge Analytica */
		{ { 2019, 12, 6 }, { 2020, 1, 5 }, 30 },
		{ { 2023, 6, 27 }, { 2023, 8, 26 }, 60 }, /* Edmodo: data */
		{ { 2022, 3, 3 }, { 2022, 6, 1 }, 90 },	  /* WW: models */
	};
	const struct holidays none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Weightmark__V1__Obligation b = WEIGHTMARK__V1__OBLIGATION__INIT;

		b.has_days = 1;
		b.days = rows[i].days;
		assert_day(due_day(&b, day(rows[i].trigger[0], rows[i].trigger[1],
					   rows[i].trigger[2]), &none),
			   day(rows[i].due[0], rows[i].due[1], rows[i].due[2]));
	}
}

/* July 4, 2024, a Thursday, is no working day; nor is Monday the 8th, to be odd. */
static Weightmark__V1__Order *with_holidays(void)
{
	static Weightmark__V1__Date dates[2];
	static Weightmark__V1__Date *list[] = { &dates[0], &dates[1] };
	static Weightmark__V1__Order o;

	o = (Weightmark__V1__Order)WEIGHTMARK__V1__ORDER__INIT;
	dates[0] = dates[1] = (Weightmark__V1__Date)WEIGHTMARK__V1__DATE__INIT;
	dates[0].days = day(2024, 7, 8);
	dates[1].days = day(2024, 7, 4);
	o.holiday = list;
	o.n_holiday = 2;
	return &o;
}

static void test_business_days(void **state)
{
	__attribute__((cleanup(holidays_release))) struct holidays h = { 0 };
	static const struct {
		uint32_t days;
		int due; /* of July 2024 */
	} rows[] = { { 0, 2 }, { 1, 3 }, { 2, 5 }, { 3, 9 }, { 7, 15 } };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(holidays_of(&h, with_holidays(), &err), &err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Weightmark__V1__Obligation b = WEIGHTMARK__V1__OBLIGATION__INIT;

		b.has_days = b.has_count = 1;
		b.count = WEIGHTMARK__V1__OBLIGATION__COUNT__VALUE__business;
		b.days = rows[i].days;
		assert_day(due_day(&b, day(2024, 7, 2), &h), day(2024, 7, rows[i].due));
	}
	assert_false(day_is_working(day(1969, 12, 28), &h)); /* a Sunday */
	assert_true(day_is_working(day(1969, 12, 29), &h));
}

static void test_next_working_day(void **state)
{
	__attribute__((cleanup(holidays_release))) struct holidays h = { 0 };
	Weightmark__V1__Obligation b = WEIGHTMARK__V1__OBLIGATION__INIT;
	Weightmark__V1__Date stated = WEIGHTMARK__V1__DATE__INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(holidays_of(&h, with_holidays(), &err), &err);
	b.has_days = 1;
	b.days = 4; /* Saturday, July 6 */
	assert_day(due_day(&b, day(2024, 7, 2), &h), day(2024, 7, 6));
	b.has_next_working_day = 1;
	b.next_working_day = WEIGHTMARK__V1__TRI__VALUE__yes;
	assert_day(due_day(&b, day(2024, 7, 2), &h), day(2024, 7, 9));
	b.has_months = 1;
	b.months = 1;
	assert_day(due_day(&b, day(2024, 7, 2), &h), day(2024, 8, 6));
	/* A stated day wins, whatever day it is. */
	stated.days = day(2024, 7, 7);
	b.due = &stated;
	assert_day(due_day(&b, day(2024, 7, 2), &h), day(2024, 7, 7));
}

static void test_dates_far_off(void **state)
{
	Weightmark__V1__Order *o = with_holidays();
	Weightmark__V1__Date trigger = WEIGHTMARK__V1__DATE__INIT;
	struct order_place at;
	struct wm_error err = { 0 };

	(void)state;
	o->trigger_date = &trigger;
	trigger.days = LIMIT_ORDER_DATE;
	assert_ok(check_days(o, &at, &err), &err);
	trigger.days = -LIMIT_ORDER_DATE;
	assert_ok(check_days(o, &at, &err), &err);
	trigger.days = LIMIT_ORDER_DATE + 1;
	assert_reason(check_days(o, &at, &err), &err, ORDER_DATE);
	trigger.days = -LIMIT_ORDER_DATE - 1;
	assert_reason(check_days(o, &at, &err), &err, ORDER_DATE);
	trigger.days = 0;
	o->holiday[0]->days = LIMIT_ORDER_DATE + 1;
	assert_reason(check_days(o, &at, &err), &err, ORDER_DATE);
	assert_string_equal(at.field, "holiday");
	o->n_holiday = LIMIT_HOLIDAYS + 1;
	assert_reason(check_days(o, &at, &err), &err, LIMIT);
}

static enum wm_code read_holidays(void *context, struct wm_error *err)
{
	__attribute__((cleanup(holidays_release))) struct holidays h = { 0 };

	return holidays_of(&h, context, err);
}

static void test_memory(void **state)
{
	(void)state;
	with_every_allocation_failing(read_holidays, with_holidays());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_months_clamp),
		cmocka_unit_test(test_published_deadlines),
		cmocka_unit_test(test_business_days),
		cmocka_unit_test(test_next_working_day),
		cmocka_unit_test(test_dates_far_off),
		cmocka_unit_test(test_memory),
	};

	return run_tests(tests);
}
