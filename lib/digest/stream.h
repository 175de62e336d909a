/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message on its way through a lane: the padded message of FIPS 180-4 section 5.1.1
 * as runs of whole blocks, so that kernels know nothing of prefixes, lengths and
 * padding, and nothing but the ends is copied.
 *
 *	stream_start(&s, &message);
 *	do
 *		compress s.n_blocks blocks at s.at into s.state;
 *	while (stream_next(&s));
 *	stream_finish(&s);
 */
#ifndef DIGEST_STREAM_H
#define DIGEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest/kernel.h"

enum { BLOCK_BYTES = 64, STATE_WORDS = 8 };

struct stream {
	uint32_t state[STATE_WORDS];
	const uint8_t *at; /* the present run; kernels may advance at and n_blocks */
	size_t n_blocks;
	const uint8_t *middle; /* the runs to come */
	size_t n_middle, n_last;
	uint8_t *out;
	uint8_t first[BLOCK_BYTES]; /* prefix and data */
	uint8_t last[2 * BLOCK_BYTES];	/* data, padding and length */
};

/* FIPS 180-4 sections 5.3.3 and 4.2.2. */
extern const uint32_t stream_initial[STATE_WORDS];
extern const uint32_t stream_constants[64];

/* Begins a message; there is a first run, of at least one block. */
void stream_start(struct stream *s, const struct message *m);

/* Moves to the next run; false where the message is at its end. */
bool stream_next(struct stream *s);

/* The blocks that are still to be compressed. */
static inline size_t stream_left(const struct stream *s)
{
	return s->n_blocks + s->n_middle + s->n_last;
}

/* Writes the digest. */
void stream_finish(struct stream *s);

/* Brings `n` streams, begun before, to their end, and writes their digests. */
void stream_complete_shani(struct stream **streams, size_t n);

#endif
