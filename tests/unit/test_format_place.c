/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/place.c: any runs, any zone, tiled so that every byte is in one segment. */
#include "harness.h"

#include "format/place.h"
#include "made.h"
#include "naive.h"

enum { MAX = 12, SIZE = 40 };

/* A layout of tensors of these lengths. */
static void given(struct layout *l, const uint64_t *lens, size_t n, uint64_t size, uint64_t from,
		  uint64_t to)
{
	l->tensors = calloc(n + 1, sizeof(*l->tensors));
	assert_non_null(l->tensors);
	for (size_t i = 0; i < n; i++)
		l->tensors[i] = (struct tensor){ .len = lens[i], .segment = 12345 };
	l->n_tensors = n;
	l->size = size;
	l->zone.from = from;
	l->zone.to = to;
}

static void check_tiling(const struct layout *l, const uint64_t *offs)
{
	uint64_t at = 0;

	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		assert_true(s->off == at && s->len > 0);
		at += s->len;
		assert_false(s->off < l->zone.from && at > l->zone.from);
		assert_false(s->off < l->zone.to && at > l->zone.to);
		/* Skeleton is cut by the zone alone. */
		if (i > 0 && !s->tensor && !l->segments[i - 1].tensor)
			assert_true(s->off == l->zone.from || s->off == l->zone.to);
	}
	assert_int_equal(at, l->size);
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];

		assert_int_equal(t->segment == SIZE_MAX, t->len == 0 || offs[i] == PLACE_NONE);
		if (t->segment == SIZE_MAX)
			continue;
		assert_true(l->segments[t->segment].tensor);
		assert_true(l->segments[t->segment].off == offs[i]);
		assert_true(l->segments[t->segment].len == t->len);
	}
}

static bool overlap(const uint64_t *offs, const uint64_t *lens, size_t a, size_t b)
{
	return lens[a] > 0 && lens[b] > 0 && offs[a] != PLACE_NONE && offs[b] != PLACE_NONE &&
	       offs[a] < offs[b] + lens[b] && offs[b] < offs[a] + lens[a];
}

/* What overlaps, but is not the same, has to go, and only that which is connected with it. */
static void tiles_whatever_there_is(void **state)
{
	(void)state;
	for (int k = 0; k < 20000; k++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		uint64_t offs[MAX], before[MAX], lens[MAX];
		const size_t n = random_number() % (MAX + 1);
		const bool front = random_number() % 2;
		const uint64_t cut = random_number() % 10;
		struct wm_error err = { 0 };

		for (size_t i = 0; i < n; i++) {
			const uint64_t low = front ? cut : 0, high = front ? SIZE : SIZE - cut;

			lens[i] = random_number() % 6;
			offs[i] = random_number() % 8 ? low + random_number() % (high - low - lens[i] + 1) :
							PLACE_NONE;
			if (i > 0 && random_number() % 4 == 0) {
				lens[i] = lens[i - 1];
				offs[i] = offs[i - 1];
			}
			before[i] = offs[i];
		}
		given(&l, lens, n, SIZE, front ? 0 : SIZE - cut, front ? cut : SIZE);
		assert_ok(place_part_overlaps(&l, offs, &err), &err);
		for (size_t i = 0; i < n; i++) {
			bool alone = true;

			assert_true(offs[i] == before[i] || offs[i] == PLACE_NONE);
			for (size_t j = 0; j < n; j++) {
				if (i == j || !overlap(before, lens, i, j))
					continue;
				alone &= before[i] == before[j] && lens[i] == lens[j];
				if (overlap(offs, lens, i, j))
					assert_true(offs[i] == offs[j] && lens[i] == lens[j]);
			}
			if (alone)
				assert_true(offs[i] == before[i]);
		}
		assert_ok(place_segments(&l, offs, &err), &err);
		check_tiling(&l, offs);
	}
}

static void keeps_offsets_of_64_bits(void **state)
{
	const uint64_t size = UINT64_MAX - 4, lens[] = { UINT64_MAX - 100, 50, 0 };
	uint64_t offs[] = { 10, UINT64_MAX - 60, 3 };
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	given(&l, lens, 3, size, size - 4, size);
	assert_ok(place_part_overlaps(&l, offs, &err), &err);
	assert_ok(place_segments(&l, offs, &err), &err);
	check_tiling(&l, offs);
	assert_int_equal(l.n_segments, 6);
}

static enum wm_code part_some(void *context, struct wm_error *err)
{
	uint64_t offs[] = { 1, 4, 5 };

	return place_part_overlaps(context, offs, err);
}

static void survives_failing_allocations(void **state)
{
	static const uint64_t lens[] = { 2, 2, 3 };
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	given(&l, lens, 3, 20, 15, 20);
	with_every_allocation_failing(part_some, &l);
	for (size_t n = 1; n < 3; n++) {
		cleanup_layout struct layout m = LAYOUT_INIT;
		uint64_t offs[] = { 1, 4, PLACE_NONE };

		given(&m, lens, 3, 20, 15, 20);
		fail_allocation(n);
		assert_int_equal(place_segments(&m, offs, &err), WM_NOMEM);
		fail_allocation(0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiles_whatever_there_is),
		cmocka_unit_test(keeps_offsets_of_64_bits),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
