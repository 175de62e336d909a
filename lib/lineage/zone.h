/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones of the IANA database, read from the system's compiled files (TZif, RFC 8536), so that
 * nothing depends on the process's own zone. The version-2 data and its footer are used; leap
 * seconds are not.
 */
#ifndef LINEAGE_ZONE_H
#define LINEAGE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct zone;
void zone_free(struct zone *z);
static inline void zone_cleanup_(struct zone **z)
{
	zone_free(*z);
}
#define cleanup_zone __attribute__((cleanup(zone_cleanup_)))

/*
 * Reads the zone `name` ("Europe/Vienna") below $TZDIR or /usr/share/zoneinfo. Fails with
 * `zone-unknown` where there is none, or no system file of it, or one that is malformed.
 */
MUST_USE enum wm_code zone_open(struct zone **out, const char *name, struct wm_error *err);

/* The same of the bytes of such a file; `name` is used in messages. */
MUST_USE enum wm_code zone_parse(struct zone **out, const void *data, size_t len, const char *name,
				 struct wm_error *err);

/* Seconds east of UTC at `time`, seconds since the epoch. */
int32_t zone_offset(const struct zone *z, int64_t time);

#endif
