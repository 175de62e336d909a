/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow by powers of two, so that their lengths alone tell how much room they have. */
#ifndef UTIL_ARRAY_H
#define UTIL_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Makes room for one more in an array of `n` elements of `size` bytes, which was made so one by
 * one. Returns where it is then, or NULL where there is no memory and it stays as it is.
 */
static inline void *array_grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n ? n * 2 : 1, size);
}

#endif
