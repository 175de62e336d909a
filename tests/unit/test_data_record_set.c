/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/record_set.c: sorting, counting, and roots against their definition. */
#include "harness.h"

#include "committed.h"
#include "data/record_set.h"
#include "digest/tree.h"
#include "util/hex.h"
#include "util/limits.h"

static uint64_t state_ = 88172645463325252u;

/* xorshift64 (Marsaglia 2003): the same numbers each time. */
static uint64_t next_random(void)
{
	state_ ^= state_ << 13;
	state_ ^= state_ >> 7;
	state_ ^= state_ << 17;
	return state_;
}

static int compare_all(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

/* Of few values a byte, so that many begin alike. */
static void sorts_as_the_library_does(void **state)
{
	enum { MAX = 3000 };
	static const unsigned values[] = { 256, 2, 1 };
	static uint8_t ours[MAX][SHA256_BYTES], theirs[MAX][SHA256_BYTES];

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
		for (size_t n = 0; n <= MAX; n = n < 100 ? n + 1 : n * 3) {
			for (size_t i = 0; i < n * SHA256_BYTES; i++)
				ours[i / SHA256_BYTES][i % SHA256_BYTES] =
					(uint8_t)(next_random() % values[v]);
			memcpy(theirs, ours, sizeof(ours));
			qsort(theirs, n, SHA256_BYTES, compare_all);
			sort_bytes(ours, n, SHA256_BYTES, SHA256_BYTES);
			assert_memory_equal(ours, theirs, n * SHA256_BYTES);
		}
}

/* What lies behind the key moves along. */
static void moves_whole_elements(void **state)
{
	enum { N = 500 };
	static uint8_t rows[N][4];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		rows[i][0] = (uint8_t)(next_random() % 7);
		rows[i][1] = (uint8_t)(next_random() % 7);
		rows[i][2] = (uint8_t)(rows[i][0] * 3);
		rows[i][3] = (uint8_t)(rows[i][1] * 5);
	}
	sort_bytes(rows, N, 4, 2);
	for (size_t i = 0; i < N; i++) {
		assert_true(i == 0 || memcmp(rows[i - 1], rows[i], 2) <= 0);
		assert_int_equal(rows[i][2], rows[i][0] * 3);
		assert_int_equal(rows[i][3], rows[i][1] * 5);
	}
}

static void add_text(struct record_set *s, const char *text)
{
	uint8_t d[1][SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(sha256_of(d[0], text, strlen(text), &err), &err);
	assert_ok(record_set_add(s, (const uint8_t (*)[SHA256_BYTES])d, 1, &err), &err);
}

/* Records "a", "b", "a" under the key 00 01 ... 1f, in every order. */
static void agrees_with_the_published_roots(void **state)
{
	static const char *const orders[][3] = { { "a", "b", "a" }, { "a", "a", "b" },
						 { "b", "a", "a" } };
	char text[2 * SHA256_BYTES + 1];
	uint8_t root[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		cleanup_record_set struct record_set s = { .n = 0 };
		cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
		cleanup_record_key struct record_key k = { .id = { 0 } };

		for (size_t j = 0; j < 3; j++)
			add_text(&s, orders[i][j]);
		record_set_close(&s);
		assert_int_equal(s.n, 2);
		assert_int_equal(s.n_records, 3);
		assert_ok(record_set_content_root(root, &s, &err), &err);
		hex_encode(text, root, SHA256_BYTES);
		assert_string_equal(text, "1abb548e0e0686974eb32f8541ea37f6"
					  "9be40ff30d7117dfe28491afa25e09b2");
		committed_key(&k);
		assert_ok(record_set_commit(&s, &k, 2, &err), &err);
		assert_ok(record_set_root(root, &tops, &s, &err), &err);
		hex_encode(text, root, SHA256_BYTES);
		assert_string_equal(text, "9c288fcf18f5afd9aa02838e8020f0cf"
					  "1ac70c9da1dafbc7934687854c0e7817");
	}
}

static void fill(struct record_set *s, size_t n)
{
	uint8_t d[1][SHA256_BYTES];
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < SHA256_BYTES; j++)
			d[0][j] = (uint8_t)next_random();
		assert_ok(record_set_add(s, (const uint8_t (*)[SHA256_BYTES])d, 1, &err), &err);
	}
	record_set_close(s);
}

static void roots_are_those_of_the_tree(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 1023, 1024, 1025, 2047, 2048, 2049, 5000 };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cleanup_record_set struct record_set s = { .n = 0 };
		cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
		struct tree_frontier t = TREE_FRONTIER_INIT, last = TREE_FRONTIER_INIT;
		uint8_t root[SHA256_BYTES], expected[SHA256_BYTES];

		fill(&s, sizes[i]);
		assert_int_equal(s.n, sizes[i]);
		for (size_t j = 0; j < s.n; j++) {
			tree_append(&t, 0, s.rows[j].digest);
			if (j >= (n_tops(s.n) - 1) * TOP_ROWS)
				tree_append(&last, 0, s.rows[j].digest);
		}
		tree_root(expected, &t);
		assert_ok(record_set_root(root, &tops, &s, &err), &err);
		assert_memory_equal(root, expected, SHA256_BYTES);
		tree_root(expected, &last);
		assert_memory_equal(tops[n_tops(s.n) - 1], expected, SHA256_BYTES);
	}
}

static void finds_and_counts(void **state)
{
	cleanup_record_set struct record_set s = { .n = 0 };
	uint8_t d[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(sha256_of(d, "x", 1, &err), &err);
	assert_null(record_set_find(&s, d));
	record_set_close(&s);
	assert_int_equal(s.n, 0);
	for (size_t i = 0; i < 300; i++)
		add_text(&s, "x");
	add_text(&s, "y");
	record_set_close(&s);
	assert_int_equal(s.n, 2);
	assert_int_equal(record_row_count(record_set_find(&s, d)), 300);
	d[31] ^= 1;
	assert_null(record_set_find(&s, d));
}

static void holds_no_more_than_the_limit(void **state)
{
	struct record_set s = { .n = LIMIT_RECORDS - 1, .cap = LIMIT_RECORDS };
	static const uint8_t d[2][SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(record_set_add(&s, d, 2, &err), &err, LIMIT);
	assert_int_equal(s.n, LIMIT_RECORDS - 1);
}

static enum wm_code run_all(void *context, struct wm_error *err)
{
	cleanup_record_set struct record_set s = { .n = 0 };
	cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
	uint8_t root[SHA256_BYTES], d[1][SHA256_BYTES] = { { 1 } };

	TRY(record_set_add(&s, (const uint8_t (*)[SHA256_BYTES])d, 1, err));
	record_set_close(&s);
	TRY(record_set_content_root(root, &s, err));
	TRY(record_set_commit(&s, context, 1, err));
	return record_set_root(root, &tops, &s, err);
}

static void survives_want_of_memory(void **state)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };

	(void)state;
	committed_key(&k);
	with_every_allocation_failing(run_all, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_as_the_library_does),
		cmocka_unit_test(moves_whole_elements),
		cmocka_unit_test(agrees_with_the_published_roots),
		cmocka_unit_test(roots_are_those_of_the_tree),
		cmocka_unit_test(finds_and_counts),
		cmocka_unit_test(holds_no_more_than_the_limit),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
