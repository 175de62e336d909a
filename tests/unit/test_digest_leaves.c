/* SPDX-License-Identifier: Apache-2.0 */
/* lib/digest/leaves.c: bytes that come in any pieces have the root of the definition. */
#include "harness.h"

#include "digest/leaves.h"
#include "digest/measure.h"
#include "naive.h"

enum { MAX = 5 * LEAF_BYTES + 100 };

static uint8_t bytes[MAX];

static void check(size_t len, size_t step)
{
	cleanup_leaves struct leaves *l = NULL;
	uint8_t expected[SHA256_BYTES], found[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(leaves_new(&l, &err), &err);
	for (size_t at = 0; at < len;) {
		size_t n = step ? step : random_number() % (2 * LEAF_BYTES);

		if (n > len - at)
			n = len - at;
		assert_ok(leaves_add(l, bytes + at, n, &err), &err);
		at += n;
	}
	assert_int_equal(leaves_len(l), len);
	assert_ok(leaves_root(found, l, &err), &err);
	if (len > 0)
		naive_root(expected, bytes, len);
	else
		assert_ok(sha256_of(expected, bytes, 0, &err), &err);
	assert_memory_equal(found, expected, SHA256_BYTES);
}

static void has_the_root_of_the_definition(void **state)
{
	static const size_t lens[] = { 0, 1, 17, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1,
				       2 * LEAF_BYTES, 3 * LEAF_BYTES - 1, 3 * LEAF_BYTES + 5, MAX };
	static const size_t steps[] = { 1000, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, MAX, 0, 0 };

	(void)state;
	for (size_t i = 0; i < MAX; i++)
		bytes[i] = (uint8_t)random_number();
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			check(lens[i], steps[k]);
	check(300, 1);
}

static enum wm_code make_one(void *context, struct wm_error *err)
{
	cleanup_leaves struct leaves *l = NULL;
	uint8_t digest[SHA256_BYTES];

	(void)context;
	TRY(leaves_new(&l, err));
	TRY(leaves_add(l, bytes, MAX, err));
	return leaves_root(digest, l, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(make_one, NULL);
	leaves_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_root_of_the_definition),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
