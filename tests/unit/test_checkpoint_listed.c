/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/digests.c: which tensors a manifest lists. */
#include "harness.h"

#include "checkpoint/digests.h"
#include "util/limits.h"

enum { LARGE = LIMIT_TENSOR_LISTED, MANY = LIMIT_PART_TENSORS };

/* A file of tensors that nobody wrote: the digest of the Ith is that of the number `what[I]`. */
static void invent(struct layout *l, const uint64_t *what, const uint64_t *len, size_t n)
{
	struct wm_error err = { 0 };

	*l = (struct layout)LAYOUT_INIT;
	l->tensors = calloc(n + 1, sizeof(*l->tensors));
	l->segments = calloc(n + 1, sizeof(*l->segments));
	l->by_name = calloc(n + 1, sizeof(*l->by_name));
	assert_true(l->tensors && l->segments && l->by_name);
	l->n_tensors = l->n_segments = n;
	for (size_t i = 0; i < n; i++) {
		l->tensors[i] = (struct tensor){ .len = len[i], .segment = i };
		l->by_name[i] = (uint32_t)i;
		assert_ok(sha256_of(l->segments[i].digest, &what[i], sizeof(*what), &err), &err);
	}
}

static void forget(struct layout *l)
{
	free(l->tensors);
	free(l->segments);
	free(l->by_name);
}

static void assert_ascending(const struct listed_tensor *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		assert_true(memcmp(list[i - 1].digest, list[i].digest, SHA256_BYTES) < 0);
}

/* Whether the tensor of the number `what` is listed, with this length. */
static bool lists(const struct listed_tensor *list, size_t n, uint64_t what, uint64_t len)
{
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(sha256_of(digest, &what, sizeof(what), &err), &err);
	for (size_t i = 0; i < n; i++)
		if (memcmp(list[i].digest, digest, SHA256_BYTES) == 0)
			return list[i].len == len;
	return false;
}

static void large_and_distinct_ones_are_listed(void **state)
{
	static const uint64_t what[] = { 7, 1, 2, 1, 3, 4 },
			      len[] = { LARGE - 1, LARGE, LARGE + 1, LARGE, 0, 1 << 30 };
	static const uint64_t more_what[] = { 2, 5 }, more_len[] = { LARGE + 1, LARGE };
	cleanup_free struct listed_tensor *list = NULL, *none = NULL;
	struct wm_error err = { 0 };
	struct layout a, b;
	size_t n = 9;

	(void)state;
	invent(&a, what, len, 6);
	invent(&b, more_what, more_len, 2);
	assert_ok(list_tensors(&list, &n, (const struct layout *[]){ &a, &b }, 2, &err), &err);
	assert_int_equal(n, 4);
	assert_ascending(list, n);
	assert_true(lists(list, n, 1, LARGE));
	assert_true(lists(list, n, 2, LARGE + 1));
	assert_true(lists(list, n, 4, 1 << 30));
	assert_true(lists(list, n, 5, LARGE));
	a.n_tensors = 1;
	assert_ok(list_tensors(&none, &n, (const struct layout *[]){ &a }, 1, &err), &err);
	assert_int_equal(n, 0);
	forget(&a);
	forget(&b);
}

/* Beyond the limit small ones are left out, and of the smallest those of the larger digests. */
static void the_largest_are_listed(void **state)
{
	enum { N = MANY + 50 };
	cleanup_free uint64_t *what = calloc(N, sizeof(*what)), *len = calloc(N, sizeof(*len));
	struct wm_error err = { 0 };

	(void)state;
	assert_true(what && len);
	for (size_t i = 0; i < N; i++) {
		what[i] = i;
		len[i] = LARGE + (i % 100 ? 1 : i);
	}
	for (size_t total = MANY - 1; total <= N; total += total == MANY + 1 ? 49 : 1) {
		cleanup_free struct listed_tensor *list = NULL;
		uint8_t last[SHA256_BYTES] = { 0 };
		struct layout l;
		size_t n = 0, n_dropped = 0;

		invent(&l, what, len, total);
		assert_ok(list_tensors(&list, &n, (const struct layout *[]){ &l }, 1, &err), &err);
		assert_int_equal(n, total < MANY ? total : MANY);
		assert_ascending(list, n);
		for (size_t i = 0; i < n; i++)
			if (list[i].len == LARGE + 1)
				memcpy(last, list[i].digest, sizeof(last));
		for (size_t i = 0; i < total; i++) {
			if (lists(list, n, i, len[i]))
				continue;
			n_dropped++;
			/* The first one, of LARGE bytes, is the smallest of all. */
			assert_true(i == 0 || len[i] == LARGE + 1);
			assert_true(i == 0 || memcmp(l.segments[i].digest, last, sizeof(last)) > 0);
		}
		assert_int_equal(n_dropped, total - n);
		assert_int_equal(lists(list, n, 0, LARGE), total <= MANY);
		forget(&l);
	}
}

static enum wm_code listing(void *context, struct wm_error *err)
{
	const struct layout *l = context;
	cleanup_free struct listed_tensor *list = NULL;
	size_t n;

	return list_tensors(&list, &n, &l, 1, err);
}

static void survives_failing_allocations(void **state)
{
	static const uint64_t what[] = { 1 }, len[] = { LARGE };
	struct layout l;

	(void)state;
	invent(&l, what, len, 1);
	with_every_allocation_failing(listing, &l);
	forget(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_and_distinct_ones_are_listed),
		cmocka_unit_test(the_largest_are_listed),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
