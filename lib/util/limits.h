/* SPDX-License-Identifier: Apache-2.0 */
/* The limits on input, one named constant a row of limits.def. */
#ifndef UTIL_LIMITS_H
#define UTIL_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum {
#define LIMIT(name, value, unit, what) LIMIT_##name = (value),
#include "util/limits.def"
#undef LIMIT
};

/* One row of limits.def, for those that print it. */
struct limit {
	const char *name;
	uint64_t value;
	const char *unit;
	const char *what;
};

/* The table of all limits; ends with a row whose name is NULL. Static. */
extern const struct limit limit_table[];

#endif
