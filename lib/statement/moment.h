/* SPDX-License-Identifier: Apache-2.0 */
/* Days and times as other tools write them: RFC 3339 with any offset and fraction. */
#ifndef STATEMENT_MOMENT_H
#define STATEMENT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads "2024-03-08", which is its first second in UTC, or "2024-03-08T10:00:00.123+01:00", of
 * which the fraction is cut off; a leap second is the first of the next minute. Stores seconds
 * since the epoch. False for any other text, and for years before 0001 or after 9999.
 */
bool moment_read(int64_t *out, bool *is_day, const char *text);

#endif
