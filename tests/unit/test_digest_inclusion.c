/* SPDX-License-Identifier: Apache-2.0 */
/* lib/digest/inclusion.c: proofs that are found lead to the root; test_log_proof.c has the others. */
#include "harness.h"

#include "digest/inclusion.h"
#include "digest/tree.h"

enum { MAX = 300 };

static void leaf(uint8_t out[SHA256_BYTES], size_t i)
{
	for (size_t j = 0; j < SHA256_BYTES; j++)
		out[j] = (uint8_t)(i * 31 + j * 7 + i / 256);
}

static void root_of(uint8_t out[SHA256_BYTES], size_t from, size_t n)
{
	struct tree_frontier t = TREE_FRONTIER_INIT;
	uint8_t l[SHA256_BYTES];

	for (size_t i = from; i < from + n; i++) {
		leaf(l, i);
		tree_append(&t, 0, l);
	}
	tree_root(out, &t);
}

static void fill(uint8_t (*nodes)[SHA256_BYTES], size_t n)
{
	for (size_t i = 0; i < n; i++)
		leaf(nodes[i], i);
}

static void leads_to_the_root(void **state)
{
	static uint8_t nodes[MAX][SHA256_BYTES];

	(void)state;
	for (size_t n = 1; n <= MAX; n = n < 70 ? n + 1 : n + 47) {
		uint8_t expected[SHA256_BYTES], got[SHA256_BYTES], l[SHA256_BYTES];

		root_of(expected, 0, n);
		for (size_t at = 0; at < n; at++) {
			struct inclusion p = { .index = at };

			fill(nodes, n);
			inclusion_climb(&p, nodes, n, at);
			assert_memory_equal(nodes[0], expected, SHA256_BYTES);
			leaf(l, at);
			assert_true(inclusion_root(got, &p, l, n));
			assert_memory_equal(got, expected, SHA256_BYTES);
		}
	}
}

/* First within a subtree of eight, then over the roots of all. */
static void climbs_in_two_steps(void **state)
{
	enum { SIDE = 8 };
	static uint8_t nodes[MAX][SHA256_BYTES], tops[MAX][SHA256_BYTES];

	(void)state;
	for (size_t n = 1; n <= 40; n++)
		for (size_t at = 0; at < n; at++) {
			const size_t from = at / SIDE * SIDE;
			const size_t here = n - from < SIDE ? n - from : SIDE;
			uint8_t expected[SHA256_BYTES], got[SHA256_BYTES], l[SHA256_BYTES];
			struct inclusion p = { .index = at };
			size_t n_sides = 0;

			for (size_t i = 0; i < n; i += SIDE)
				root_of(tops[n_sides++], i, n - i < SIDE ? n - i : SIDE);
			for (size_t i = 0; i < here; i++)
				leaf(nodes[i], from + i);
			inclusion_climb(&p, nodes, here, at - from);
			assert_memory_equal(nodes[0], tops[at / SIDE], SHA256_BYTES);
			inclusion_climb(&p, tops, n_sides, at / SIDE);
			root_of(expected, 0, n);
			leaf(l, at);
			assert_true(inclusion_root(got, &p, l, n));
			assert_memory_equal(got, expected, SHA256_BYTES);
		}
}

/* Where the kernel has no memory, portable code gives the same bits. */
static void needs_no_memory(void **state)
{
	static uint8_t nodes[MAX][SHA256_BYTES];
	struct inclusion p = { .index = 3 };
	uint8_t expected[SHA256_BYTES];

	(void)state;
	root_of(expected, 0, MAX);
	fill(nodes, MAX);
	fail_allocation(1);
	inclusion_climb(&p, nodes, MAX, 3);
	fail_allocation(0);
	assert_memory_equal(nodes[0], expected, SHA256_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_to_the_root),
		cmocka_unit_test(climbs_in_two_steps),
		cmocka_unit_test(needs_no_memory),
	};

	return run_tests(tests);
}
