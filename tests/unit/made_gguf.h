/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF files that tests make, from short descriptions or at random. */
#ifndef MADE_GGUF_H
#define MADE_GGUF_H

#include "made.h"

/*
 * Appends what `text` describes: words with one space between, each a letter, ':' and
 *
 *	m  bytes as they stand                  s  a string: its length as u64, its bytes
 *	b h w q  u8, u16, u32, u64, in C's notation (q also below 0)
 *	n  a string of so many 'n'              x  bytes in hexadecimal
 *	p  zero bytes up to a multiple of that  z  so many zero bytes
 *	r  so many bytes counting up from 1
 */
void made_gguf(struct buf *out, const char *text);

/* Version and counts, which are texts: words as made_gguf() takes them, with a space behind. */
#define GGUF_HEAD_OF(version, tensors, kvs) \
	"m:GGUF w:" version " q:" tensors " q:" kvs " "
#define GGUF_HEAD(tensors, kvs) GGUF_HEAD_OF("3", tensors, kvs)

/*
 * Appends a whole file of random metadata, types, shapes, alignment, and with or without
 * the last pad, that must be accepted; the same for the same `seed`.
 */
void made_gguf_random(struct buf *out, uint64_t seed);

/* Appends a file of `n` tensors "model.layers.I.weight" of one I8 each, aligned to 32. */
void made_gguf_many(struct buf *out, size_t n);

#endif
