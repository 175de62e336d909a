/* SPDX-License-Identifier: Apache-2.0 */
/* lib/digest/tree.c: the published test tree, and all shapes against the definition. */
#include "harness.h"

#include "digest/tree.h"
#include "util/hex.h"

/* RFC 6962 section 2.1, word for word. */
static void naive_root(uint8_t out[SHA256_BYTES], uint8_t (*leaves)[SHA256_BYTES], size_t n)
{
	uint8_t node[1 + 2 * SHA256_BYTES] = { 0x01 };
	struct wm_error err = { 0 };
	size_t k = 1;

	if (n == 1) {
		memcpy(out, leaves[0], SHA256_BYTES);
		return;
	}
	if (n == 0) {
		assert_ok(sha256_of(out, "", 0, &err), &err);
		return;
	}
	while (2 * k < n)
		k *= 2;
	naive_root(node + 1, leaves, k);
	naive_root(node + 1 + SHA256_BYTES, leaves + k, n - k);
	assert_ok(sha256_of(out, node, sizeof(node), &err), &err);
}

static void naive_leaf(uint8_t out[SHA256_BYTES], const void *data, size_t len)
{
	cleanup_free uint8_t *message = malloc(len + 1);
	struct wm_error err = { 0 };

	assert_non_null(message);
	message[0] = 0x00;
	if (len)
		memcpy(message + 1, data, len);
	assert_ok(sha256_of(out, message, len + 1, &err), &err);
}

/* The tree of eight entries that implementations of RFC 6962 are commonly tested with. */
static const struct {
	const char *entry; /* hex */
	const char *root;  /* of the tree that ends with it */
} published[] = {
	{ "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ "606162636465666768696a6b6c6d6e6f",
	  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static void assert_hex(const uint8_t digest[SHA256_BYTES], const char *hex)
{
	char text[2 * SHA256_BYTES + 1];

	hex_encode(text, digest, SHA256_BYTES);
	assert_string_equal(text, hex);
}

static void agrees_with_the_published_tree(void **state)
{
	struct tree_frontier t = TREE_FRONTIER_INIT;
	uint8_t digest[SHA256_BYTES];

	(void)state;
	tree_root(digest, &t);
	assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
		uint8_t entry[16];
		size_t digits = strlen(published[i].entry);

		assert_true(hex_decode(entry, published[i].entry, digits));
		naive_leaf(digest, entry, digits / 2);
		tree_append(&t, 0, digest);
		tree_root(digest, &t);
		assert_hex(digest, published[i].root);
	}
}

enum { MANY = 512 };

static void agrees_with_the_definition(void **state)
{
	static uint8_t leaves[MANY][SHA256_BYTES];
	struct tree_frontier t = TREE_FRONTIER_INIT;
	uint8_t expected[SHA256_BYTES], got[SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		naive_leaf(leaves[i], &i, sizeof(i) * (i % 5) / 4);
		tree_append(&t, 0, leaves[i]);
		assert_int_equal(t.n_leaves, i + 1);
		tree_root(got, &t);
		naive_root(expected, leaves, i + 1);
		assert_memory_equal(got, expected, SHA256_BYTES);
	}
}

/* Appending the largest subtree that is aligned and fits gives the same root. */
static void appends_subtrees(void **state)
{
	static uint8_t leaves[MANY][SHA256_BYTES];
	uint8_t expected[SHA256_BYTES], got[SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		naive_leaf(leaves[i], &i, sizeof(i));
	for (size_t n = 1; n <= MANY; n += n < 70 ? 1 : 37) {
		for (unsigned highest = 0; highest < 10; highest++) {
			struct tree_frontier t = TREE_FRONTIER_INIT;

			for (size_t at = 0; at < n;) {
				unsigned level = highest;

				while (at % ((size_t)1 << level) || at + ((size_t)1 << level) > n)
					level--;
				naive_root(got, leaves + at, (size_t)1 << level);
				tree_append(&t, level, got);
				at += (size_t)1 << level;
			}
			tree_root(got, &t);
			naive_root(expected, leaves, n);
			assert_memory_equal(got, expected, SHA256_BYTES);
		}
	}
}

static void joins_in_place(void **state)
{
	uint8_t pair[2][SHA256_BYTES], expected[SHA256_BYTES], swapped[SHA256_BYTES];

	(void)state;
	naive_leaf(pair[0], "left", 4);
	naive_leaf(pair[1], "right", 5);
	naive_root(expected, pair, 2);
	tree_node(swapped, pair[1], pair[0]);
	assert_memory_not_equal(swapped, expected, SHA256_BYTES);
	tree_node(pair[1], pair[0], pair[1]);
	assert_memory_equal(pair[1], expected, SHA256_BYTES);
}

/* Digests of small messages do not fail, whatever the kernel and the memory. */
static void needs_no_memory(void **state)
{
	uint8_t pair[2][SHA256_BYTES], expected[SHA256_BYTES], got[SHA256_BYTES];

	(void)state;
	naive_leaf(pair[0], "left", 4);
	naive_leaf(pair[1], "right", 5);
	naive_root(expected, pair, 2);
	fail_allocation(1);
	tree_node(got, pair[0], pair[1]);
	fail_allocation(0);
	assert_memory_equal(got, expected, SHA256_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_published_tree),
		cmocka_unit_test(agrees_with_the_definition),
		cmocka_unit_test(appends_subtrees),
		cmocka_unit_test(joins_in_place),
		cmocka_unit_test(needs_no_memory),
	};

	return run_tests(tests);
}
