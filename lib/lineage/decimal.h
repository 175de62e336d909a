/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of decimal numbers as text, exactly: costs of runs are never rounded. */
#ifndef LINEAGE_DECIMAL_H
#define LINEAGE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/limits.h"

/* A sum of numbers of at most LIMIT_ID digits: room for carries on top. Zeroed memory is 0. */
enum { DECIMAL_ROOM = 20, DECIMAL_PLACES = LIMIT_ID + DECIMAL_ROOM };

struct decimal {
	uint8_t whole[DECIMAL_PLACES]; /* digits, the ones first */
	uint8_t fraction[LIMIT_ID];    /* digits, the tenths first */
	uint64_t n;		       /* how many were added */
};

/* Adds "12.5". False, and nothing is added, where it is below zero or no Decimal of the schema. */
bool decimal_add(struct decimal *sum, const char *digits);

enum { DECIMAL_TEXT = DECIMAL_PLACES + 1 + LIMIT_ID };

/* Writes "12.5": no exponent, no needless zeros. */
void decimal_text(char out[DECIMAL_TEXT + 1], const struct decimal *sum);

#endif
