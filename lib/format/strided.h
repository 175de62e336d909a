/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors whose elements stand in a file with strides: transposed, sliced, in Fortran order.
 * They are read in row-major order through a cache of blocks, so that each block of the file
 * is read about once, whatever the order of the axes.
 */
#ifndef FORMAT_STRIDED_H
#define FORMAT_STRIDED_H

#include "format/format.h"

struct strided {
	uint64_t off;		 /* of the first element, in the window */
	unsigned element;	 /* bytes of one: at most 16 */
	const uint64_t *strides; /* t->rank of them, in elements */
};

/*
 * Whether row-major elements are in one run: strides are those of the dims, but for axes of
 * one element, whose stride does not matter.
 */
bool strided_is_contiguous(const struct tensor *t, const uint64_t *strides);

/*
 * Stores how many elements lie from the first to the last one, both counted; 0 of an empty
 * tensor. False where 64 bits do not count them.
 */
bool strided_span(uint64_t *out, const struct tensor *t, const uint64_t *strides);

/* Gives all elements to the sink, in row-major order. The span lies within the window. */
MUST_USE enum wm_code strided_gather(const struct strided *s, const struct tensor *t,
				     const struct window *w, const struct sink *sink,
				     struct wm_error *err);

/* The same where all of the span is in memory, at `elements`; s->off does not matter. */
MUST_USE enum wm_code strided_gather_memory(const struct strided *s, const struct tensor *t,
					    const uint8_t *elements, const struct sink *sink,
					    struct wm_error *err);

#endif
