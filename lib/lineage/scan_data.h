/* SPDX-License-Identifier: Apache-2.0 */
/* How scan tells copies of data, and records of it, from other files. */
#ifndef LINEAGE_SCAN_DATA_H
#define LINEAGE_SCAN_DATA_H

#include "lineage/scan.h"

/*
 * Looks `digest`, that of a whole file, up as the one record of a dataset, then as a record of
 * those in `s`; what is found goes to `out` where it counts before what is there. Fails with
 * `no-memory` and as commitments_find() does.
 */
MUST_USE enum wm_code scan_data(struct scanned *out, const struct scan *s,
				const uint8_t digest[SHA256_BYTES], struct wm_error *err);

/*
 * Where the name of `path` ends as that of a file of records does, reads it again by that grammar
 * and looks up the content root of all records in it. A file that breaks the grammar is none.
 * Fails as records_read() does with anything that is not the file's fault.
 */
MUST_USE enum wm_code scan_record_file(struct scanned *out, const struct scan *s,
				       const char *path, struct wm_error *err);

#endif
