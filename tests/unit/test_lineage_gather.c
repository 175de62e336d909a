/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/gather.c: sorting what may be in order. */
#include "harness.h"

#include "lineage/gather.h"

static size_t n_compared;

static int compare_numbers(const void *a, const void *b)
{
	const int *x = a, *y = b;

	n_compared++;
	return (*x > *y) - (*x < *y);
}

static void test_sorts(void **state)
{
	static const struct {
		int from[6], to[6];
		size_t n, most; /* comparisons; 0: as many as it takes */
	} rows[] = {
		{ { 0 }, { 0 }, 0, 0 },
		{ { 7 }, { 7 }, 1, 0 },
		{ { 1, 2 }, { 1, 2 }, 2, 1 },
		{ { 2, 1 }, { 1, 2 }, 2, 0 },
		{ { 1, 1, 2, 2, 3, 9 }, { 1, 1, 2, 2, 3, 9 }, 6, 5 },
		{ { 1, 2, 3, 4, 6, 5 }, { 1, 2, 3, 4, 5, 6 }, 6, 0 },
		{ { 2, 1, 3, 4, 5, 6 }, { 1, 2, 3, 4, 5, 6 }, 6, 0 },
		{ { 6, 5, 4, 3, 2, 1 }, { 1, 2, 3, 4, 5, 6 }, 6, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int list[6];

		memcpy(list, rows[i].from, sizeof(list));
		n_compared = 0;
		gathered_sort(list, rows[i].n, sizeof(*list), compare_numbers);
		assert_memory_equal(list, rows[i].to, sizeof(list));
		assert_true(rows[i].most == 0 || n_compared <= rows[i].most);
	}
	gathered_sort(NULL, 0, sizeof(int), compare_numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorts),
	};

	return run_tests(tests);
}
