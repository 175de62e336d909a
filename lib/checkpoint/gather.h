/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of tensors that are no runs of their files: strided, compressed, spread over
 * fields. Their format gives the logical bytes, piece by piece.
 */
#ifndef CHECKPOINT_GATHER_H
#define CHECKPOINT_GATHER_H

#include "format/format.h"
#include "util/progress.h"

/* Whether the format has to gather a tensor of the file, and none was yet. */
bool gather_wanted(const struct layout *l);

/* The logical bytes of all such tensors. */
uint64_t gather_size(const struct layout *l);

/*
 * Lets the format compare what all bytes tell, and sets the digest of each such tensor. `fd` and
 * `name` are of the file. Fails with the format's reason codes, `read-failed`, `file-changed`.
 */
MUST_USE enum wm_code gather_tensors(struct layout *l, int fd, const char *name,
				     struct progress *progress, struct wm_error *err);

#endif
