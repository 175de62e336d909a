/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint files that tests make: descriptions, bytes, unnamed files, parsed layouts. */
#ifndef MADE_H
#define MADE_H

#include "format/format.h"
#include "harness.h"

/* A safetensors file: length, header, then `buffer` bytes that count up from 0. */
struct made {
	const char *header;
	size_t header_len;
	uint64_t buffer;
	uint64_t length; /* what the file claims header_len to be; 0: the truth */
};

/* A string literal as the header and its length. */
#define HEADER(text) (text), sizeof(text) - 1

/* Appends the bytes of `m`. */
void made_append(struct buf *out, const struct made *m);

/* An unnamed file that holds `len` bytes; the caller closes it. */
int made_file(const void *data, size_t len);

/* Parses the bytes as a file of that name. */
enum wm_code made_parse(struct layout *out, const void *data, size_t len, const char *name,
			struct wm_error *err);

/*
 * Appends a file of `n` tensors "model.layers.I.weight" of one byte each, the Ith at
 * I * 7919 mod n, so that neither names nor offsets are sorted.
 */
void made_many(struct buf *out, size_t n);

#endif
