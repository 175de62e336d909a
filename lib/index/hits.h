/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the numbers of entries or logs. */
#ifndef INDEX_HITS_H
#define INDEX_HITS_H

#include "index/index_internal.h"

/* In the order in which they are handed out. */
struct hits {
	int64_t *list; /* owned */
	size_t n, room, max;
};

void hits_release(struct hits *h);
#define cleanup_hits __attribute__((cleanup(hits_release)))

MUST_USE enum wm_code hits_add(struct hits *h, int64_t id, struct wm_error *err);

/* Adds the numbers of the logs `origins` (ends with NULL; NULL: all), in order of their origins. */
MUST_USE enum wm_code list_logs(struct hits *logs, struct index *x, const char *const *origins,
				struct wm_error *err);

#endif
