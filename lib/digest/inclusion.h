/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a leaf is in a tree (RFC 6962 section 2.1.1; verified as RFC 9162 section 2.1.3.2 has
 * it), found and verified.
 */
#ifndef DIGEST_INCLUSION_H
#define DIGEST_INCLUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"

enum { PROOF_HASHES = 64 };

/* That a leaf is in a tree: siblings from the leaf up. */
struct inclusion {
	uint64_t index; /* of the leaf, from 0 */
	size_t n;
	uint8_t hashes[PROOF_HASHES][SHA256_BYTES];
};

/*
 * Stores the root of a tree of `size` leaves in which `leaf` stands at p->index, as `p` tells;
 * false where the index is not below size or the number of hashes is another one.
 */
bool inclusion_root(uint8_t root[SHA256_BYTES], const struct inclusion *p,
		    const uint8_t leaf[SHA256_BYTES], uint64_t size);

/*
 * Appends to `p` the siblings on the way from node `at` of the `n` > `at` ones to their root, and
 * leaves that root in nodes[0]; the others are lost. Of a large tree: first of the complete subtree
 * of 2^k leaves, or the last one, that the leaf is in, then of the roots of all these. Of 2^31
 * leaves at most.
 */
void inclusion_climb(struct inclusion *p, uint8_t (*nodes)[SHA256_BYTES], size_t n, size_t at);

/* --- for proofs of consistency --------------------------------------------------------- */

/* A node on the way up, and the last one of its level. */
struct climb {
	uint64_t at, last;
};

/* Whether the next sibling is the left one; else it is the right one. */
bool climb_from_left(const struct climb *c);

/* One level up, and further where the last node of a level has no sibling. */
void climb_ascend(struct climb *c);

#endif
