/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say when. */
#ifndef DAYS_H
#define DAYS_H

#include "lineage/when.h"

/* The day that `text`, the value of --OPTION, says. Fails with `usage`, `order-date`. */
MUST_USE enum wm_code read_day(int32_t *out, const char *option, const char *text,
			       struct wm_error *err);

/* The same of a day or a time of RFC 3339. Fails with `usage`. */
MUST_USE enum wm_code read_when(struct when *out, const char *option, const char *text,
				struct wm_error *err);

#endif
