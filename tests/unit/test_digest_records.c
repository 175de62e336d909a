/* SPDX-License-Identifier: Apache-2.0 */
/* lib/digest/records.c: the same root as one leaf after the other. */
#include "harness.h"

#include "digest/records.h"
#include "digest/tree.h"
#include "util/limits.h"

/* Leaf `i` of the tests: as many bytes as i has below 100. */
static enum wm_code append_leaf(struct buf *b, size_t i, struct wm_error *err)
{
	for (size_t j = 0; j < i % 100; j++)
		TRY(buf_append_byte(b, (uint8_t)(i + j), err));
	return WM_OK;
}

static enum wm_code root_of(uint8_t out[SHA256_BYTES], size_t n, struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "domain", (const uint64_t[]){ n, 1 }, 2, err));
	for (size_t i = 0; i < n; i++) {
		TRY(append_leaf(records_leaf(r), i, err));
		TRY(records_end_leaf(r, err));
	}
	return records_root(out, r, err);
}

/* Appends SHA-256(0x00 || bytes), RFC 6962's leaf. */
static void append_to(struct tree_frontier *t, const struct buf *bytes)
{
	cleanup_buf struct buf leaf = BUF_INIT(256);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(buf_append_byte(&leaf, 0, &err), &err);
	assert_ok(buf_append(&leaf, bytes->data, bytes->len, &err), &err);
	assert_ok(sha256_of(digest, leaf.data, leaf.len, &err), &err);
	tree_append(t, 0, digest);
}

static void equals_a_tree(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 1022, 1023, 1024, 2046, 2047, 2048, 5000 };

	(void)state;
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		struct tree_frontier tree = TREE_FRONTIER_INIT;
		uint8_t expected[SHA256_BYTES], got[SHA256_BYTES];
		cleanup_buf struct buf b = BUF_INIT(128);
		struct wm_error err = { 0 };

		assert_ok(buf_append(&b, "domain", 7, &err), &err);
		assert_ok(buf_append_u64be(&b, counts[k], &err), &err);
		assert_ok(buf_append_u64be(&b, 1, &err), &err);
		append_to(&tree, &b);
		for (size_t i = 0; i < counts[k]; i++) {
			b.len = 0;
			assert_ok(append_leaf(&b, i, &err), &err);
			append_to(&tree, &b);
		}
		tree_root(expected, &tree);
		assert_ok(root_of(got, counts[k], &err), &err);
		assert_memory_equal(got, expected, SHA256_BYTES);
	}
}

static void limits_a_batch(void **state)
{
	cleanup_records struct records *r = NULL;
	static uint8_t zeros[LIMIT_HEADER];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(records_new(&r, "domain", NULL, 0, &err), &err);
	assert_ok(buf_append(records_leaf(r), zeros, sizeof(zeros), &err), &err);
	assert_reason(buf_append(records_leaf(r), zeros, 1024 * 1024, &err), &err, LIMIT);
}

static enum wm_code root_once(void *context, struct wm_error *err)
{
	uint8_t root[SHA256_BYTES];

	(void)context;
	return root_of(root, 1100, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(root_once, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_a_tree),
		cmocka_unit_test(limits_a_batch),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
