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

/* The name of files below that have none of their own. */
#define MADE_NAME "m.safetensors"

/* A tensor of the four bytes that the buffer begins with. */
#define MADE_TENSOR "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"

/* Four headers: slots in them have the forms a, b, c, d. */
#define MADE_EACH_FORM                                                    \
	"{" MADE_TENSOR "}", "{}",                                        \
	"{" MADE_TENSOR ",\"__metadata__\":{\"k\":\"v\"}}",               \
	" {\"__m\\u0065tadata__\" : { }," MADE_TENSOR "}"

/* Appends a file of that header, with the four bytes where it has MADE_TENSOR. */
void made_append_header(struct buf *out, const char *header);

/*
 * Appends what the file `file` of layout `l` becomes where these `len` bytes are embedded,
 * in place of its slot if it has one.
 */
enum wm_code made_embed(struct buf *out, const struct layout *l, const struct buf *file,
			const void *carried, size_t len, struct wm_error *err);

/* An unnamed file that holds `len` bytes; the caller closes it. */
int made_file(const void *data, size_t len);

/* Parses the bytes as a file of that name. */
enum wm_code made_parse(struct layout *out, const void *data, size_t len, const char *name,
			struct wm_error *err);

/* Parses the bytes as a file of that name with every allocation failing. */
void parse_without_memory(const struct buf *bytes, const char *name);

/* Parses the file `path`. */
enum wm_code made_parse_path(struct layout *out, const char *path, struct wm_error *err);

/* The tensor of this name, which there must be. */
const struct tensor *find_tensor(const struct layout *l, const char *name);

/* A sink that appends to a buffer. */
struct sink made_sink(struct buf *out);

/* Appends the logical bytes of a tensor of the file `file`. */
enum wm_code made_bytes(struct buf *out, const struct layout *l, const struct tensor *t,
			const struct buf *file, struct wm_error *err);

/* Fails the test unless `what` was refused for this reason, or accepted where it is NULL. */
void assert_verdict(enum wm_code code, const struct wm_error *err, const char *what,
		    const char *reason);

/*
 * Calls `check` with each path of the table testdata/bad/`table` and its reason, and with that of
 * its twin and NULL. Returns the number of rows.
 */
size_t each_bad(const char *table, void (*check)(const char *path, const char *reason));

/*
 * Appends a file of `n` tensors "model.layers.I.weight" of one byte each, the Ith at
 * I * 7919 mod n, so that neither names nor offsets are sorted.
 */
void made_many(struct buf *out, size_t n);

#endif
