/* SPDX-License-Identifier: Apache-2.0 */
/* Elements with strides, in row-major order. */
#include "format/strided.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum {
	BLOCK_BYTES = 4096,
	BLOCKS = 4096, /* 16 MiB: one of each row of a matrix of that many columns */
	BLOCKS_LOG = 12,
	OUT_BYTES = 65536,
	ELEMENT_MAX = 16,
};

bool strided_is_contiguous(const struct tensor *t, const uint64_t *strides)
{
	uint64_t expected = 1;

	for (unsigned i = t->rank; i-- > 0;) {
		if (t->dims[i] != 1 && strides[i] != expected)
			return false;
		expected *= t->dims[i]; /* below the number of elements, which fits */
	}
	return true;
}

bool strided_span(uint64_t *out, const struct tensor *t, const uint64_t *strides)
{
	uint64_t span = 1, step;

	*out = 0;
	for (unsigned i = 0; i < t->rank; i++)
		if (t->dims[i] == 0)
			return true;
	for (unsigned i = 0; i < t->rank; i++)
		if (__builtin_mul_overflow(t->dims[i] - 1, strides[i], &step) ||
		    __builtin_add_overflow(span, step, &span))
			return false;
	*out = span;
	return true;
}

/* Blocks of the window that were read, each where its number hashes to. */
struct cache {
	const struct window *file;
	uint64_t *numbers; /* plus one; 0: nothing */
	uint8_t *blocks;
};

static void cache_release(struct cache *c)
{
	free(c->numbers);
	free(c->blocks);
}

#define cleanup_cache __attribute__((cleanup(cache_release)))

/* Fibonacci hashing: strides are often powers of two. */
static size_t place_of(uint64_t number)
{
	return (size_t)(number * 0x9e3779b97f4a7c15U >> (64 - BLOCKS_LOG));
}

static enum wm_code find_block(const uint8_t **out, struct cache *c, uint64_t number,
			       struct wm_error *err)
{
	size_t place = place_of(number);
	uint8_t *block = c->blocks + place * BLOCK_BYTES;
	uint64_t off = number * BLOCK_BYTES, left = c->file->size - off;

	if (c->numbers[place] != number + 1) {
		c->numbers[place] = 0;
		TRY(window_read(c->file, block, left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES,
				off, err));
		c->numbers[place] = number + 1;
	}
	*out = block;
	return WM_OK;
}

/* Copies the bytes at `off`, which may stand in two blocks. */
static enum wm_code copy(struct cache *c, uint8_t *out, unsigned len, uint64_t off,
			 struct wm_error *err)
{
	while (len > 0) {
		const uint8_t *block = NULL;
		unsigned skip = (unsigned)(off % BLOCK_BYTES), n = BLOCK_BYTES - skip;

		if (n > len)
			n = len;
		TRY(find_block(&block, c, off / BLOCK_BYTES, err));
		memcpy(out, block + skip, n);
		out += n;
		off += n;
		len -= n;
	}
	return WM_OK;
}

/* Moves to the next element in row-major order; `*at` is its distance from the first. */
static void step(uint64_t *index, uint64_t *at, const struct tensor *t, const uint64_t *strides)
{
	for (unsigned i = t->rank; i-- > 0;) {
		if (++index[i] < t->dims[i]) {
			*at += strides[i];
			return;
		}
		*at -= strides[i] * (t->dims[i] - 1);
		index[i] = 0;
	}
}

/* Through the cache, or from `memory` where that is not NULL. */
static enum wm_code gather(struct cache *c, const uint8_t *memory, const struct strided *s,
			   const struct tensor *t, const struct sink *sink, struct wm_error *err)
{
	cleanup_free uint8_t *out = malloc(OUT_BYTES + ELEMENT_MAX);
	uint64_t index[LIMIT_RANK] = { 0 }, at = 0, n = t->len / s->element;
	size_t len = 0;

	assert(c || memory);
	if (!out)
		return fail_nomem(err);
	for (uint64_t i = 0; i < n; i++) {
		if (memory)
			memcpy(out + len, memory + at * s->element, s->element);
		else
			TRY(copy(c, out + len, s->element, s->off + at * s->element, err));
		len += s->element;
		step(index, &at, t, s->strides);
		if (len < OUT_BYTES)
			continue;
		TRY(sink->take(sink->context, out, len, err));
		len = 0;
	}
	return len > 0 ? sink->take(sink->context, out, len, err) : WM_OK;
}

enum wm_code strided_gather(const struct strided *s, const struct tensor *t,
			    const struct window *w, const struct sink *sink, struct wm_error *err)
{
	cleanup_cache struct cache c = {
		.file = w,
		.numbers = calloc(BLOCKS, sizeof(*c.numbers)),
		.blocks = malloc((size_t)BLOCKS * BLOCK_BYTES),
	};

	if (!c.numbers || !c.blocks)
		return fail_nomem(err);
	return gather(&c, NULL, s, t, sink, err);
}

enum wm_code strided_gather_memory(const struct strided *s, const struct tensor *t,
				   const uint8_t *elements, const struct sink *sink,
				   struct wm_error *err)
{
	return gather(NULL, elements, s, t, sink, err);
}
