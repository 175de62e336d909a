/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/arena.c: zeroed, aligned, bounded, freed at once. */
#include "harness.h"

#include <stdalign.h>

#include "util/arena.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 24);
	struct wm_error err = { 0 };

	(void)state;
	for (size_t size = 0; size < 10000; size += 97) {
		uint8_t *bytes = NULL;
		void *p = NULL;

		assert_ok(arena_alloc(&p, &a, size, &err), &err);
		bytes = p;
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size);
	}
}

static void values_do_not_overlap(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 24);
	struct wm_error err = { 0 };
	char *copies[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		const uint32_t number = (uint32_t)i;

		assert_ok(arena_copy(&copies[i], &a, &number, sizeof(number), &err), &err);
		assert_int_equal(copies[i][sizeof(number)], 0);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_memory_equal(copies[i], &(uint32_t){ (uint32_t)i }, sizeof(uint32_t));
}

static void copies_of_nothing(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(64);
	struct wm_error err = { 0 };
	char *copy = NULL;

	(void)state;
	assert_ok(arena_copy(&copy, &a, NULL, 0, &err), &err);
	assert_string_equal(copy, "");
}

static void used_never_exceeds_the_maximum(void **state)
{
	static const size_t sizes[] = { 4097, (size_t)1 << 40, SIZE_MAX - 1, SIZE_MAX };
	cleanup_arena struct arena a = ARENA_INIT(4096);
	struct wm_error err = { 0 };
	void *p = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_reason(arena_alloc(&p, &a, sizes[i], &err), &err, LIMIT);
	assert_null(p);
	for (size_t i = 0; i < 4096 / 16; i++) {
		assert_ok(arena_alloc(&p, &a, 1, &err), &err);
		assert_true(a.used <= a.max);
	}
	assert_int_equal(a.used, 4096);
	assert_reason(arena_alloc(&p, &a, 1, &err), &err, LIMIT);
	arena_release(&a);
	assert_int_equal(a.used, 0);
	assert_ok(arena_alloc(&p, &a, 1, &err), &err);
}

static void values_larger_than_a_chunk(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 26);
	struct wm_error err = { 0 };
	void *p = NULL;

	(void)state;
	assert_ok(arena_alloc(&p, &a, 5 << 20, &err), &err);
	memset(p, 1, 5 << 20);
	assert_ok(arena_alloc(&p, &a, 5 << 20, &err), &err);
	memset(p, 2, 5 << 20);
}

static enum wm_code many(void *context, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	void *p = NULL;

	(void)context;
	for (int i = 0; i < 1000; i++)
		TRY(arena_alloc(&p, &a, 100, err));
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(many, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(values_do_not_overlap),
		cmocka_unit_test(copies_of_nothing),
		cmocka_unit_test(used_never_exceeds_the_maximum),
		cmocka_unit_test(values_larger_than_a_chunk),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
