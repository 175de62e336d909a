/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing which name was meant, for "did you mean" in messages. */
#ifndef UTIL_NEAREST_H
#define UTIL_NEAREST_H

#include <stddef.h>

/*
 * The candidate with the fewest edits (insert, delete, replace, swap of neighbours)
 * from `word`, or NULL where that would take more than 1 + its length / 4.
 * Letters differ from their capitals by nothing. Words longer than 64 bytes are near
 * nothing. Borrowed from `candidates`, of which the first of equals is taken.
 */
const char *nearest(const char *word, const char *const *candidates, size_t n);

#endif
