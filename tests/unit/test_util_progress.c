/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/progress.c: what is counted, and how often it is shown. */
#include "harness.h"

#include "util/progress.h"

struct shown {
	struct progress *progress; /* to be added to while it is shown; or NULL */
	int n;
	uint64_t done, total;
	int64_t elapsed_ms;
};

static void show(void *context, uint64_t done, uint64_t total, int64_t elapsed_ms)
{
	struct shown *s = context;

	s->n++;
	s->done = done;
	s->total = total;
	s->elapsed_ms = elapsed_ms;
	progress_add(s->progress, 1);
}

/* Lets `ms` pass for `p`. */
static void pass(struct progress *p, int64_t ms)
{
	p->started_at -= ms;
	p->shown_at -= ms;
}

static void counts_in_silence(void **state)
{
	struct progress p = { .show = NULL };

	(void)state;
	progress_add(NULL, 5);
	progress_start(&p, 100);
	progress_add(&p, 5);
	pass(&p, 1000);
	progress_add(&p, 6);
	assert_int_equal(p.done, 11);
	progress_start(&p, 100);
	assert_int_equal(p.done, 0);
}

static void shows_ten_times_a_second(void **state)
{
	struct shown s = { NULL, 0, 0, 0, 0 };
	struct progress p = { .show = show, .context = &s };

	(void)state;
	progress_start(&p, 100);
	progress_add(&p, 5);
	assert_int_equal(s.n, 0);
	pass(&p, 100);
	progress_add(&p, 6);
	progress_add(&p, 7);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.done, 11);
	assert_int_equal(s.total, 100);
	assert_true(s.elapsed_ms >= 100);
	pass(&p, 100);
	progress_add(&p, 1);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.done, 19);
}

static void shows_once_at_a_time(void **state)
{
	struct shown s = { NULL, 0, 0, 0, 0 };
	struct progress p = { .show = show, .context = &s };

	(void)state;
	s.progress = &p;
	progress_start(&p, 100);
	pass(&p, 1000);
	progress_add(&p, 5);
	assert_int_equal(s.n, 1);
	assert_int_equal(p.done, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_in_silence),
		cmocka_unit_test(shows_ten_times_a_second),
		cmocka_unit_test(shows_once_at_a_time),
	};

	return run_tests(tests);
}
