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

/* An info of one dimension, and one of a tensor of four bytes at 0. */
#define INFO1(name, ne, type, off) name " w:1 q:" ne " w:" type " q:" off " "
#define FOUR_I8(name) INFO1("s:" name, "4", "24", "0")
/* A file of one info and `data`. */
#define ONE_INFO(info, data) GGUF_HEAD("1", "0") info "p:32 " data
#define GOOD_GGUF ONE_INFO(FOUR_I8("a"), "r:4")

/*
 * Appends a whole file of random metadata, types, shapes, alignment, and with or without
 * the last pad, that must be accepted; the same for the same `seed`.
 */
void made_gguf_random(struct buf *out, uint64_t seed);

/* Appends a file of `n` tensors "model.layers.I.weight" of one I8 each, aligned to 32. */
void made_gguf_many(struct buf *out, size_t n);

/* Appends a file that is a header of `len` > 49 bytes, nearly all of them one array. */
void made_gguf_header(struct buf *out, uint64_t len);

/* Appends a file of `n` pairs whose keys begin alike; `twice`: the last has the first's. */
void made_gguf_pairs(struct buf *out, size_t n, bool twice);

#endif
