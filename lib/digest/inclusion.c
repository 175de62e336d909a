/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and verifying proofs of inclusion. */
#include "digest/inclusion.h"

#include <assert.h>
#include <string.h>

#include "digest/tree.h"

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

void inclusion_climb(struct inclusion *p, uint8_t (*nodes)[SHA256_BYTES], size_t n, size_t at)
{
	assert(at < n);
	for (; n > 1; n = n / 2 + n % 2, at /= 2) {
		if ((at ^ 1) < n) {
			assert(p->n < PROOF_HASHES);
			memcpy(p->hashes[p->n++], nodes[at ^ 1], SHA256_BYTES);
		}
		for (size_t i = 0; i < n / 2; i++)
			tree_node(nodes[i], nodes[2 * i], nodes[2 * i + 1]);
		if (n % 2)
			memcpy(nodes[n / 2], nodes[n - 1], SHA256_BYTES);
	}
}
