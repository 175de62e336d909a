/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/added.c: what is new is told from what was there; the list is cut the same each time. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"
#include "data/added.h"
#include "util/limits.h"

static enum wm_code open_added(struct added **out, const char *path, const struct record_key *k,
			       struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;

	TRY(commitments_open(&c, path, err));
	return added_new(out, c, k, err);
}

static void tells_what_is_new(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 1000, 9000 };
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	struct record_key k;
	char path[300];

	(void)state;
	committed_key(&k);
	snprintf(path, sizeof(path), "%s/a.wmc", dir);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		cleanup_added struct added *a = NULL;
		uint8_t leaf[SHA256_BYTES];

		committed_write(path, sizes[s]);
		assert_ok(open_added(&a, path, &k, &err), &err);
		for (unsigned i = 0; i < sizes[s] + 500; i++) {
			committed_leaf(leaf, i);
			assert_int_equal(added_is_new(a, leaf), i >= sizes[s]);
		}
	}
	scratch_remove(take_ptr(&dir));
}

/* Whatever comes first: the list has the lowest, in order, and no more than the limit. */
static void keeps_the_first(void **state)
{
	static const unsigned counts[] = { 0, 1, LIMIT_CHANGES_LISTED - 1, LIMIT_CHANGES_LISTED,
					   LIMIT_CHANGES_LISTED + 1, 5 * LIMIT_CHANGES_LISTED };
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	struct record_key k;
	char path[300], name[16];

	(void)state;
	committed_key(&k);
	snprintf(path, sizeof(path), "%s/a.wmc", dir);
	committed_write(path, 1);
	for (size_t c = 0; c < 2 * sizeof(counts) / sizeof(counts[0]); c++) {
		const unsigned n = counts[c / 2];
		const bool named = c % 2;
		cleanup_added struct added *a = NULL;

		assert_ok(open_added(&a, path, &k, &err), &err);
		for (unsigned i = n; i > 0; i--) {
			snprintf(name, sizeof(name), "%06u", i);
			assert_ok(added_note(a, named ? name : NULL, named ? 0 : i, &err), &err);
		}
		added_close(a);
		assert_int_equal(a->n, n < LIMIT_CHANGES_LISTED ? n : LIMIT_CHANGES_LISTED);
		for (unsigned i = 0; i < a->n; i++) {
			snprintf(name, sizeof(name), "%06u", i + 1);
			if (named)
				assert_string_equal(a->list[i].name, name);
			else
				assert_int_equal(a->list[i].number, i + 1);
		}
	}
	scratch_remove(take_ptr(&dir));
}

static enum wm_code note_one(void *context, struct wm_error *err)
{
	cleanup_added struct added *a = NULL;
	struct record_key k;

	committed_key(&k);
	TRY(open_added(&a, context, &k, err));
	return added_note(a, "a", 0, err);
}

static void survives_want_of_memory(void **state)
{
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.wmc", dir);
	committed_write(path, 3);
	with_every_allocation_failing(note_one, path);
	scratch_remove(take_ptr(&dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_new),
		cmocka_unit_test(keeps_the_first),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
