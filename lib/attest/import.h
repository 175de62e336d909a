/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run histories that other tools kept, as statements: CSV, and OpenLineage run events, JSON a line
 * (openlineage.io/spec 2-0-2). docs/format.md, "Run histories", has both forms.
 *
 * All that a file says of one run adds up, in whatever order it comes, and what is said twice
 * counts once; where it says two things of what is one, it is refused. A run becomes one statement,
 * and one more for each further output, since a run has one: all are retrospective, name the file
 * by digest and have ids of their own, so that the same file makes the same statements. What the
 * file says is not checked: whoever signs asserts it.
 */
#ifndef ATTEST_IMPORT_H
#define ATTEST_IMPORT_H

#include "attest/compose.h"
#include "util/progress.h"

/* What was read. */
struct imported {
	uint64_t n_rows;   /* or events */
	uint64_t n_passed; /* events that are about no run */
	size_t n_runs;
	size_t n_unjoined; /* things named by nothing but a URI, which lineage cannot join */
	size_t n_uris;	   /* things named by a URI like an object id, which joins only itself */
	uint64_t size;	   /* bytes of the file */
	uint8_t sha256[SHA256_BYTES];
};

/*
 * Reads the history `path`, which ends with ".csv", ".jsonl" or ".ndjson" and must outlive `out`,
 * and composes its runs; `now`: nothing happened later (seconds). Counts the bytes that are read;
 * `progress` may be NULL. Fails with `table-malformed`, `table-columns`, `limit`, naming line and
 * column, with `usage` where the name ends otherwise; then nothing is composed. n log n in rows,
 * and linear in the bytes of the statements.
 */
MUST_USE enum wm_code import_compose(struct composition *out, struct imported *counts,
				     const char *path, int64_t now, struct progress *progress,
				     struct wm_error *err);

#endif
