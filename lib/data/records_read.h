/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records: which bytes are one, by grammar (docs/format.md, "Record commitments").
 *
 *	files/1   each file of folders, at any depth; names are no part of it
 *	tar/1     each file in tar archives
 *	jsonl/1   each line, without its newline
 *	csv/1     each row, without its line end (RFC 4180); the first one too
 *	csv/2     the same but for the first row of each file, which names the columns
 *	opaque/1  each file that is named, as a whole
 */
#ifndef DATA_RECORDS_READ_H
#define DATA_RECORDS_READ_H

#include "data/added.h"
#include "data/attributes.h"
#include "data/record_set.h"
#include "data/seen.h"
#include "util/progress.h"

enum record_grammar { RECORD_FILES, RECORD_TAR, RECORD_JSONL, RECORD_CSV, RECORD_CSV_ROWS,
		      RECORD_OPAQUE };

/* "files/1" ...; static. */
const char *record_grammar_name(enum record_grammar g);

/* Of "files", "tar", "csv" (csv/2), "csv-rows" (csv/1) ...; false where there is none. */
bool record_grammar_find(enum record_grammar *out, const char *word);

/*
 * The grammar that paths are read by where nobody says it: `files` of folders; else by the ending
 * of the names, .tar, .jsonl, .ndjson, .csv; else `opaque`. Fails with `usage` where they disagree.
 */
MUST_USE enum wm_code record_grammar_guess(enum record_grammar *out, const char *const *paths,
					   size_t n, struct wm_error *err);

struct records_options {
	enum record_grammar grammar;
	struct attributes *attributes; /* of records by name or number, or NULL */
	struct seen *seen; /* files that need not be read again, or NULL */
	struct added *added; /* notes what is new, or NULL */
	unsigned workers;	       /* 0: one a processor */
	struct progress *progress;     /* or NULL */
};

struct records_found {
	struct record_set set; /* closed */
	uint64_t n_bytes;      /* of all records */
	uint64_t n_cached;     /* files that were not read again */
};

/*
 * Reads all records of the `n` paths. Fails with `record-kind` (a link, FIFO, socket or device in a
 * folder), `record-empty`, `csv-malformed`, `tar-...`, `file-changed` (files or folders changed
 * meanwhile), `records-missing`, `limit`, `not-found`, `read-failed`, and as attributes do.
 * `out` is zeroed memory; its set is to be released also after a failure.
 */
MUST_USE enum wm_code records_read(struct records_found *out, const char *const *paths, size_t n,
				   const struct records_options *o, struct wm_error *err);

/* The digest of one record that is a whole file, or that standard input gives ("-"). */
MUST_USE enum wm_code record_digest(uint8_t out[SHA256_BYTES], const char *path,
				    struct wm_error *err);

#endif
