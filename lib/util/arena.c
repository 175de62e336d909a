/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator over growing chunks. */
#include "util/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 1 << 20 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->used = 0;
}

static enum wm_code add_chunk(struct arena *a, size_t least, struct wm_error *err)
{
	size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_FIRST;
	struct arena_chunk *chunk;

	if (size > CHUNK_LARGEST)
		size = CHUNK_LARGEST;
	if (size < least)
		size = least;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return fail_nomem(err);
	chunk->size = size;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return WM_OK;
}

enum wm_code arena_alloc(void **out, struct arena *a, size_t size, struct wm_error *err)
{
	const size_t align = alignof(max_align_t);
	size_t rounded;

	if (size > a->max || a->max - size < align)
		return fail(err, REASON_LIMIT, "one value would need more than %zu bytes", a->max);
	rounded = (size + align - 1) / align * align;
	if (rounded > a->max - a->used)
		return fail(err, REASON_LIMIT, "reading would need more than %zu bytes", a->max);
	if (!a->chunks || rounded > a->chunks->size - a->chunks->used)
		TRY(add_chunk(a, rounded, err));
	*out = a->chunks->data + a->chunks->used;
	a->chunks->used += rounded;
	a->used += rounded;
	return WM_OK;
}

enum wm_code arena_copy(char **out, struct arena *a, const void *data, size_t len,
			struct wm_error *err)
{
	void *copy = NULL;

	TRY(arena_alloc(&copy, a, len + 1, err));
	if (len)
		memcpy(copy, data, len);
	*out = copy;
	return WM_OK;
}
