/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small allocations with one lifetime and one maximum.
 *
 * Memory is handed out from growing chunks, zeroed, aligned for any type, and
 * freed all at once. Pointers stay valid until arena_release().
 */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include <stddef.h>

#include "util/error.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used; /* bytes handed out so far */
	size_t max;  /* used never exceeds this */
};

#define ARENA_INIT(maximum) { NULL, 0, (maximum) }

void arena_release(struct arena *a);

/* Stores `size` zeroed bytes at `*out`; fails with `limit` or `no-memory`. */
MUST_USE enum wm_code arena_alloc(void **out, struct arena *a, size_t size, struct wm_error *err);

/* Stores a copy of `len` bytes, followed by a zero byte that is not counted. */
MUST_USE enum wm_code arena_copy(char **out, struct arena *a, const void *data, size_t len,
				 struct wm_error *err);

#define cleanup_arena __attribute__((cleanup(arena_release)))

#endif
