/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees that grow at their right edge. */
#include "digest/tree.h"

#include <assert.h>
#include <string.h>

#include "digest/kernel.h"

/* Replaces two neighbouring digests, the left one at `pair`, by their node. */
static void join(uint8_t (*pair)[SHA256_BYTES])
{
	kernel_one(&(struct message){ pair[0], (size_t)2 * SHA256_BYTES, MESSAGE_NODE, pair[0] });
}

static unsigned n_roots(const struct tree_frontier *t)
{
	return (unsigned)__builtin_popcountll(t->n_leaves);
}

void tree_append(struct tree_frontier *t, unsigned level, const uint8_t digest[SHA256_BYTES])
{
	unsigned top = n_roots(t);
	uint64_t n = t->n_leaves >> level;

	assert(level < TREE_DEPTH_MAX && n << level == t->n_leaves);
	memcpy(t->roots[top], digest, SHA256_BYTES);
	for (; n & 1; n >>= 1)
		join(&t->roots[--top]);
	t->n_leaves += UINT64_C(1) << level;
}

void tree_root(uint8_t out[SHA256_BYTES], const struct tree_frontier *t)
{
	unsigned n = n_roots(t);
	uint8_t root[SHA256_BYTES];

	if (n == 0) {
		kernel_one(&(struct message){ root, 0, MESSAGE_PLAIN, out });
		return;
	}
	memcpy(root, t->roots[--n], SHA256_BYTES);
	while (n > 0)
		tree_node(root, t->roots[--n], root);
	memcpy(out, root, SHA256_BYTES);
}

void tree_node(uint8_t out[SHA256_BYTES], const uint8_t left[SHA256_BYTES],
	       const uint8_t right[SHA256_BYTES])
{
	uint8_t pair[2][SHA256_BYTES];

	memcpy(pair[0], left, SHA256_BYTES);
	memcpy(pair[1], right, SHA256_BYTES);
	join(pair);
	memcpy(out, pair[0], SHA256_BYTES);
}
