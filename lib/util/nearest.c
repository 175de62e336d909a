/* SPDX-License-Identifier: Apache-2.0 */
/* The optimal string alignment distance over three rows of its table. */
#include "util/nearest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int letter(const char *word, size_t i)
{
	return tolower((unsigned char)word[i]);
}

/* Fills `row`, the distances of a[0..i] from all prefixes of `b`. */
static void next_row(unsigned *row, const unsigned *above, const unsigned *above2, const char *a,
		     size_t i, const char *b, size_t b_len)
{
	row[0] = (unsigned)i + 1;
	for (size_t j = 0; j < b_len; j++) {
		unsigned replace = above[j] + (letter(a, i) != letter(b, j));

		row[j + 1] = least(replace, least(above[j + 1], row[j]) + 1);
		if (i > 0 && j > 0 && letter(a, i) == letter(b, j - 1) &&
		    letter(a, i - 1) == letter(b, j))
			row[j + 1] = least(row[j + 1], above2[j - 1] + 1);
	}
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1] = { 0 };

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 0; i < a_len; i++)
		next_row(rows[(i + 1) % 3], rows[i % 3], rows[(i + 2) % 3], a, i, b, b_len);
	return rows[a_len % 3][b_len];
}

const char *nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strnlen(word, WORD_MAX + 1);
	unsigned best = 1 + (unsigned)len / 4;
	const char *found = NULL;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t candidate_len = strnlen(candidates[i], WORD_MAX + 1);
		unsigned d;

		if (candidate_len > WORD_MAX)
			continue;
		d = distance(word, len, candidates[i], candidate_len);
		if (d <= best && d < len && (!found || d < best)) {
			found = candidates[i];
			best = d;
		}
	}
	return found;
}
