/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/subsets.c: which commitments at hand have which records. */
#include "committed.h"
#include "harness.h"

#include "lineage/subsets.h"

#include <stdio.h>

enum { WHOLE = 10, PART = 5, LEAVES_MAX = 3, PATH_MAX_HERE = 300 };

/* Files of a scratch directory. */
struct place {
	char whole[PATH_MAX_HERE], part[PATH_MAX_HERE];
	uint8_t leaf[SHA256_BYTES];
};

static void write_files(struct place *p, const char *dir)
{
	snprintf(p->whole, sizeof(p->whole), "%s/whole.wmc", dir);
	snprintf(p->part, sizeof(p->part), "%s/part.wmc", dir);
	committed_write(p->whole, WHOLE);
	committed_write(p->part, PART);
}

static void test_answers(void **state)
{
	static const struct {
		bool whole;
		unsigned n, numbers[LEAVES_MAX];
		enum subset_has part;
	} rows[] = {
		{ true, 1, { 4 }, SUBSET_HAS },
		{ true, 1, { 5 }, SUBSET_HAS_NONE },
		{ true, 3, { 5, 7, 9 }, SUBSET_HAS_NONE },
		{ true, 3, { 5, 2, 9 }, SUBSET_HAS },
		/* In no file: it may be of another key. */
		{ true, 1, { 10 }, SUBSET_UNKNOWN },
		{ true, 2, { 5, 10 }, SUBSET_UNKNOWN },
		{ true, 2, { 4, 10 }, SUBSET_HAS },
		{ false, 1, { 4 }, SUBSET_HAS },
		{ false, 1, { 5 }, SUBSET_UNKNOWN },
		{ true, 0, { 0 }, SUBSET_UNKNOWN },
	};

	char *dir = scratch_new();
	struct place p;

	(void)state;
	write_files(&p, dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_subsets struct subsets s = { .files = { 0 } };
		cleanup_subset_answers struct subset_answers a = { .n_without = 0 };
		cleanup_commitments struct commitments *part = NULL;
		uint8_t leaves[LEAVES_MAX][SHA256_BYTES], other[SHA256_BYTES] = { 1 };
		const uint8_t *list[LEAVES_MAX];
		struct wm_error err = { 0 };

		assert_ok(subsets_add(&s, p.part, &err), &err);
		if (rows[i].whole)
			assert_ok(subsets_add(&s, p.whole, &err), &err);
		assert_ok(commitments_open(&part, p.part, &err), &err);
		for (unsigned k = 0; k < rows[i].n; k++) {
			committed_leaf(leaves[k], rows[i].numbers[k]);
			list[k] = leaves[k];
		}
		assert_ok(subsets_ask(&a, &s, list, rows[i].n, &err), &err);
		assert_int_equal(subset_answer(&a, part->header.root), rows[i].part);
		assert_int_equal(subset_answer(&a, other), SUBSET_UNKNOWN);
		assert_int_equal(a.n_without > 0, rows[i].part == SUBSET_HAS_NONE);
	}
	scratch_remove(dir);
}

static void test_nothing_at_hand(void **state)
{
	cleanup_subset_answers struct subset_answers a = { .n_without = 0 };
	const uint8_t leaf[SHA256_BYTES] = { 0 }, *list[] = { leaf };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(subsets_ask(&a, NULL, list, 1, &err), &err);
	assert_int_equal(subset_answer(&a, leaf), SUBSET_UNKNOWN);
}

static enum wm_code ask(void *context, struct wm_error *err)
{
	cleanup_subsets struct subsets s = { .files = { 0 } };
	cleanup_subset_answers struct subset_answers a = { .n_without = 0 };
	const struct place *p = context;
	const uint8_t *list[] = { p->leaf };

	TRY(subsets_add(&s, p->whole, err));
	TRY(subsets_add(&s, p->part, err));
	return subsets_ask(&a, &s, list, 1, err);
}

static void test_memory(void **state)
{
	char *dir = scratch_new();
	struct place p;

	(void)state;
	write_files(&p, dir);
	committed_leaf(p.leaf, 5);
	with_every_allocation_failing(ask, &p);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_nothing_at_hand),
		cmocka_unit_test(test_memory),
	};

	return run_tests(tests);
}
