/* SPDX-License-Identifier: Apache-2.0 */
/* Elements with strides, in row-major order. */
#include "format/strided.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum {
	CACHE_LOG = 24, /* 16 MiB of blocks */
	BLOCK_LOG = 12, /* of 4096 bytes */
	SMALL_LOG = 6,	/* or less, down to 64 */
	WAYS_LOG = 3,	/* places of one block: 8 */
	WAYS = 1 << WAYS_LOG,
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

/*
 * The longest blocks, as a power of two, of which four times as many fit as there are elements
 * until the walk comes to the neighbour of one: each is still there then. Those are the elements
 * of the axes within the one of the smallest stride: of a transposed matrix, the rows of the
 * file.
 */
static unsigned choose_block(const struct tensor *t, const uint64_t *strides)
{
	uint64_t least = UINT64_MAX, n = 1;
	unsigned log = BLOCK_LOG;

	for (unsigned i = 0; i < t->rank; i++) {
		if (t->dims[i] > 1 && strides[i] > 0 && strides[i] < least) {
			least = strides[i];
			n = 1;
		} else {
			n *= t->dims[i]; /* of a part of the elements, which fit */
		}
	}
	while (log > SMALL_LOG && n > (1U << (CACHE_LOG - 2)) >> log)
		log--;
	return log;
}

/* Blocks of the window that were read, each at one of the places that its number hashes to. */
struct cache {
	const struct window *file;
	unsigned log; /* of the bytes of one */
	uint64_t *numbers; /* plus one; 0: nothing */
	uint8_t *oldest;   /* of each WAYS places, the one to be used next */
	uint8_t *blocks;
};

static void cache_release(struct cache *c)
{
	free(c->numbers);
	free(c->oldest);
	free(c->blocks);
}

#define cleanup_cache __attribute__((cleanup(cache_release)))

/* Mixed well (splitmix64): rows of matrices are often powers of two apart. */
static size_t set_of(const struct cache *c, uint64_t number)
{
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9U;
	number = (number ^ number >> 27) * 0x94d049bb133111ebU;
	return (size_t)(number >> (64 - (CACHE_LOG - c->log - WAYS_LOG)));
}

static enum wm_code find_block(const uint8_t **out, struct cache *c, uint64_t number,
			       struct wm_error *err)
{
	const size_t set = set_of(c, number), size = (size_t)1 << c->log;
	const uint64_t off = number << c->log, left = c->file->size - off;
	uint64_t *numbers = c->numbers + set * WAYS;
	size_t way = 0;

	while (way < WAYS && numbers[way] != number + 1)
		way++;
	if (way == WAYS) {
		way = c->oldest[set]++ % WAYS;
		numbers[way] = 0;
		TRY(window_read(c->file, c->blocks + (set * WAYS + way) * size,
				left < size ? (size_t)left : size, off, err));
		numbers[way] = number + 1;
	}
	*out = c->blocks + (set * WAYS + way) * size;
	return WM_OK;
}

/* Copies the bytes at `off`, which may stand in two blocks. */
static enum wm_code copy(struct cache *c, uint8_t *out, unsigned len, uint64_t off,
			 struct wm_error *err)
{
	while (len > 0) {
		const uint8_t *block = NULL;
		unsigned skip = (unsigned)(off & ((1U << c->log) - 1)), n = (1U << c->log) - skip;

		if (n > len)
			n = len;
		TRY(find_block(&block, c, off >> c->log, err));
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
		.log = choose_block(t, s->strides),
		.blocks = malloc((size_t)1 << CACHE_LOG),
	};

	c.numbers = calloc((size_t)1 << (CACHE_LOG - c.log), sizeof(*c.numbers));
	c.oldest = calloc((size_t)1 << (CACHE_LOG - c.log - WAYS_LOG), 1);
	if (!c.numbers || !c.oldest || !c.blocks)
		return fail_nomem(err);
	return gather(&c, NULL, s, t, sink, err);
}

enum wm_code strided_gather_memory(const struct strided *s, const struct tensor *t,
				   const uint8_t *elements, const struct sink *sink,
				   struct wm_error *err)
{
	return gather(NULL, elements, s, t, sink, err);
}
