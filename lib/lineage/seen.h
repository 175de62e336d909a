/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what scan --json answered: the places of copies. */
#ifndef LINEAGE_SEEN_H
#define LINEAGE_SEEN_H

#include "lineage/account.h"

/* A report that was read. */
struct seen_scan {
	int64_t at;		   /* seconds: when the scan began */
	struct gathered_list roots; /* const char *: what was scanned, as it was named */
	uint8_t sha256[SHA256_BYTES]; /* of the report */
};

struct seen {
	struct arena arena;	   /* of the places */
	struct gathered_list list; /* struct seen_copy */
	struct gathered_list scans; /* struct seen_scan */
	size_t n_failed;	   /* places that could not be read */
};

#define SEEN_INIT { ARENA_INIT(LIMIT_DECODE_MEMORY), { 0 }, { 0 }, 0 }

void seen_release(struct seen *s);
#define cleanup_seen __attribute__((cleanup(seen_release)))

/*
 * Adds the places of the file `path` that have something of the trace `t`, by the object or the
 * SHA-256 that they give, that of a dataset's one record too; whatever was thought of it when it
 * was scanned. Fails with `scan-malformed`, and as file_read_input() does.
 */
MUST_USE enum wm_code seen_load(struct seen *out, const char *path, const struct graph *g,
				const struct trace *t, struct wm_error *err);

#endif
