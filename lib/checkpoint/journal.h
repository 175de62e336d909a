/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a change in place: what is needed to tell how far it came, and to finish it.
 * Its bytes are those of checkpoint/rewrite.h.
 */
#ifndef CHECKPOINT_JOURNAL_H
#define CHECKPOINT_JOURNAL_H

#include "crypto/sha256.h"
#include "util/buf.h"
#include "util/limits.h"

enum {
	JOURNAL_BEHIND = 65536, /* bytes behind the old head that are digested */
	JOURNAL_UNIT = 4096,	/* what files grow and shrink by */
};

struct journal {
	uint64_t old_size, new_size, tail; /* bytes; tail < old_size */
	uint64_t device, inode;
	uint8_t before[SHA256_BYTES]; /* of the old bytes [0, tail) */
	uint8_t behind[SHA256_BYTES]; /* of those from tail on, JOURNAL_BEHIND or all */
	const uint8_t *head;	      /* borrowed; of the new file */
	size_t head_len;	      /* new_size - head_len == old_size - tail */
};

/* Appends the journal's bytes. Fails with `limit` where out->max is exceeded, `no-memory`. */
MUST_USE enum wm_code journal_encode(struct buf *out, const struct journal *j,
				     struct wm_error *err);

/*
 * Reads what journal_encode() wrote; `head` then lies in `data`. Fails with
 * `journal-malformed`. `name` is used in messages only.
 */
MUST_USE enum wm_code journal_parse(struct journal *out, const void *data, size_t len,
				    const char *name, struct wm_error *err);

/* The path of the journal of the file `path`; false where that is over LIMIT_PATH. */
bool journal_path(char out[LIMIT_PATH], const char *path);

#endif
