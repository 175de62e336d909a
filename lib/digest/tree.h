/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6962 section 2.1 Merkle trees over SHA-256: leaf = SHA-256(0x00 || bytes),
 * node = SHA-256(0x01 || left || right), the empty tree SHA-256(""). The left
 * subtree of n leaves holds the largest power of two below n. Nothing here fails: where
 * libcrypto does the work and has no memory, portable code gives the same bits.
 */
#ifndef DIGEST_TREE_H
#define DIGEST_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"

enum { TREE_DEPTH_MAX = 64 };

/*
 * A tree that grows at its right edge: the roots of its complete subtrees, largest
 * first, one a set bit of n_leaves. Constant size, so that a tree over any number
 * of leaves needs no list of them.
 */
struct tree_frontier {
	uint64_t n_leaves;
	uint8_t roots[TREE_DEPTH_MAX][SHA256_BYTES];
};

#define TREE_FRONTIER_INIT { 0, { { 0 } } }

/*
 * Appends a complete subtree of 2^level leaves with root `digest`; n_leaves must be a
 * multiple of 2^level (asserted).
 */
void tree_append(struct tree_frontier *t, unsigned level, const uint8_t digest[SHA256_BYTES]);

/* The root over all leaves so far. */
void tree_root(uint8_t out[SHA256_BYTES], const struct tree_frontier *t);

/* The digest of one node, by the fastest kernel for a single message. */
void tree_node(uint8_t out[SHA256_BYTES], const uint8_t left[SHA256_BYTES],
	       const uint8_t right[SHA256_BYTES]);

#endif
