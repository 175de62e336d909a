/* SPDX-License-Identifier: Apache-2.0 */
/* The table of limits, for the commands and documents that print it. */
#include "util/limits.h"

const struct limit limit_table[] = {
#define LIMIT(name, value, unit, what) { #name, (value), unit, what },
#include "util/limits.def"
#undef LIMIT
	{ NULL, 0, NULL, NULL },
};
