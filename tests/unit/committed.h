/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of commitments for the tests of lib/data: records are the numbers 0, 1, 2 ... */
#ifndef COMMITTED_H
#define COMMITTED_H

#include "data/commitments.h"

/* The key 00 01 ... 1f. */
void committed_key(struct record_key *k);

/* SHA-256 of the number in decimal. */
void committed_digest(uint8_t out[SHA256_BYTES], unsigned number);

/* The leaf of the number under that key. */
void committed_leaf(uint8_t out[SHA256_BYTES], unsigned number);

/* Leaves of the numbers [0, n), each `number % 3 + 1` times. */
void committed_set(struct record_set *out, unsigned n);

/* Writes them to `path`, with a tag "subject" of the number % 4 for each. */
void committed_write(const char *path, unsigned n);

#endif
