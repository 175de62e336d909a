/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and verifying proofs of inclusion. */
#include "digest/inclusion.h"

#include <assert.h>
#include <string.h>

#include "digest/kernel.h"
#include "digest/tree.h"

enum { AT_ONCE = 64 };

bool climb_from_left(const struct climb *c)
{
	return (c->at & 1) || c->at == c->last;
}

void climb_ascend(struct climb *c)
{
	if (climb_from_left(c)) {
		while (!(c->at & 1) && c->at != 0) {
			c->at >>= 1;
			c->last >>= 1;
		}
	}
	c->at >>= 1;
	c->last >>= 1;
}

bool inclusion_root(uint8_t root[SHA256_BYTES], const struct inclusion *p,
		    const uint8_t leaf[SHA256_BYTES], uint64_t size)
{
	struct climb c = { p->index, size - 1 };
	uint8_t r[SHA256_BYTES];

	if (p->index >= size || p->n > PROOF_HASHES)
		return false;
	memcpy(r, leaf, sizeof(r));
	for (size_t i = 0; i < p->n; i++) {
		if (c.last == 0)
			return false;
		if (climb_from_left(&c))
			tree_node(r, p->hashes[i], r);
		else
			tree_node(r, r, p->hashes[i]);
		climb_ascend(&c);
	}
	if (c.last != 0)
		return false;
	memcpy(root, r, sizeof(r));
	return true;
}

/* Puts the parents of `n` pairs in their place, many at once. */
static void join_pairs(uint8_t (*nodes)[SHA256_BYTES], size_t n)
{
	struct message messages[AT_ONCE];
	uint8_t parents[AT_ONCE][SHA256_BYTES];

	for (size_t from = 0, m; from < n; from += m) {
		m = n - from < AT_ONCE ? n - from : AT_ONCE;
		for (size_t i = 0; i < m; i++)
			messages[i] = (struct message){ nodes[2 * (from + i)],
							(size_t)2 * SHA256_BYTES, MESSAGE_NODE,
							parents[i] };
		if (kernel_chosen()->run(messages, m, NULL) != WM_OK)
			for (size_t i = 0; i < m; i++)
				kernel_one(&messages[i]);
		memcpy(nodes[from], parents, m * SHA256_BYTES);
	}
}

void inclusion_climb(struct inclusion *p, uint8_t (*nodes)[SHA256_BYTES], size_t n, size_t at)
{
	assert(at < n);
	for (; n > 1; n = n / 2 + n % 2, at /= 2) {
		if ((at ^ 1) < n) {
			assert(p->n < PROOF_HASHES);
			memcpy(p->hashes[p->n++], nodes[at ^ 1], SHA256_BYTES);
		}
		join_pairs(nodes, n / 2);
		if (n % 2)
			memcpy(nodes[n / 2], nodes[n - 1], SHA256_BYTES);
	}
}
