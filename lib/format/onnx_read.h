/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the wire form of protocol buffers out of a file that is larger than memory.
 *
 *	struct onnx_bytes b;
 *	onnx_bytes_init(&b, w, from, NULL);
 *	TRY(onnx_varint(&n, &b, end, err));
 *
 * `end` is where the innermost message ends: nothing is read beyond it. Only format/onnx.c
 * and its parts use this.
 */
#ifndef FORMAT_ONNX_READ_H
#define FORMAT_ONNX_READ_H

#include "format/format.h"
#include "util/cursor.h"

enum {
	ONNX_CACHE = 16384,
	/* Wire types. */
	ONNX_WIRE_VARINT = 0,
	ONNX_WIRE_64 = 1,
	ONNX_WIRE_BYTES = 2,
	ONNX_WIRE_GROUP = 3,
	ONNX_WIRE_GROUP_END = 4,
	ONNX_WIRE_32 = 5,
};

struct onnx_bytes {
	struct window file;
	uint64_t at;		/* what comes next */
	struct layout *keep;	/* or NULL: whose head and pieces take what is read */
	uint64_t cached;	/* offset of the cache */
	size_t n_cached;
	uint8_t cache[ONNX_CACHE];
};

void onnx_bytes_init(struct onnx_bytes *b, const struct window *file, uint64_t at,
		     struct layout *keep);

/*
 * Copies the next `n` bytes out. Fails with `onnx-truncated` where they end beyond `end`,
 * and with `header-too-large` where more than LIMIT_HEADER would be kept.
 */
MUST_USE enum wm_code onnx_bytes_read(void *out, struct onnx_bytes *b, size_t n, uint64_t end,
				      struct wm_error *err);

/* Keeps the next `n` bytes, and gives them until more are kept. */
MUST_USE enum wm_code onnx_bytes_take(struct cursor *out, struct onnx_bytes *b, uint64_t n,
				      uint64_t end, struct wm_error *err);

/* Leaves the next `n` bytes out. */
MUST_USE enum wm_code onnx_bytes_skip(struct onnx_bytes *b, uint64_t n, uint64_t end,
				      struct wm_error *err);

/*
 * Reads a varint of at most 64 bits in as few bytes as it needs. Fails with
 * `onnx-malformed` for others.
 */
MUST_USE enum wm_code onnx_varint(uint64_t *out, struct onnx_bytes *b, uint64_t end,
				  struct wm_error *err);

/*
 * Reads a tag. Fails with `onnx-malformed` for number 0, numbers over 29 bits and wire types
 * that there are none of, and with `onnx-field` for groups.
 */
MUST_USE enum wm_code onnx_tag(uint64_t *number, unsigned *wire, struct onnx_bytes *b,
			       uint64_t end, struct wm_error *err);

/* Reads a length, and checks that as much follows before `end`. */
MUST_USE enum wm_code onnx_length(uint64_t *out, struct onnx_bytes *b, uint64_t end,
				  struct wm_error *err);

/* Gives the pieces their data: the head changes no more, but may be cut at its end. */
void onnx_close_pieces(struct layout *l);

/* Takes the last `n` bytes, which were kept as one run, out of head and pieces. */
void onnx_cut_end(struct layout *l, size_t n);

#endif
