/* SPDX-License-Identifier: Apache-2.0 */
/* The rule for all time to come, in the footer of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3". */
#ifndef LINEAGE_ZONE_RULE_H
#define LINEAGE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A moment of each year. */
struct zone_moment {
	char form; /* 'M': month, week, day; 'J': day from 1, never February 29; 'N': from 0 */
	int month, week, day;
	int32_t time;	       /* seconds after midnight, perhaps below 0 or of another day */
};

struct zone_rule {
	bool present; /* false: an empty footer, nothing is known */
	bool has_summer;
	int32_t standard, summer; /* seconds east of UTC */
	struct zone_moment begins, ends; /* of summer time */
};

/* Reads all `len` bytes; false where they are none (RFC 8536 section 3.3). */
bool zone_rule_parse(struct zone_rule *out, const char *text, size_t len);

/* Seconds east of UTC at `time`. */
int32_t zone_rule_offset(const struct zone_rule *r, int64_t time);

#endif
