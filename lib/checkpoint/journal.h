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
	JOURNAL_BESIDE = 65536, /* bytes that stay beside the change, of which a digest is kept */
	JOURNAL_UNIT = 4096,	/* what files grow and shrink by */
};

struct journal {
	uint64_t old_size, new_size; /* bytes */
	uint64_t from, to; /* [0, to) with to < old_size, or [from, old_size) with from > 0 */
	uint64_t inode;
	uint8_t replaced[SHA256_BYTES]; /* of the old bytes [from, to) */
	uint8_t beside[SHA256_BYTES];	/* of those next to them, JOURNAL_BESIDE or all */
	const uint8_t *bytes;		/* borrowed; of the new file, from `from` on */
	size_t len;			/* new_size - len == old_size - (to - from) */
};

/* Appends the journal's bytes. Fails with `limit` where out->max is exceeded, `no-memory`. */
MUST_USE enum wm_code journal_encode(struct buf *out, const struct journal *j,
				     struct wm_error *err);

/*
 * Reads what journal_encode() wrote; `bytes` then lies in `data`. Fails with
 * `journal-malformed`. `name` is used in messages only.
 */
MUST_USE enum wm_code journal_parse(struct journal *out, const void *data, size_t len,
				    const char *name, struct wm_error *err);

/* The path of the journal of the file `path`; false where that is over LIMIT_PATH. */
bool journal_path(char out[LIMIT_PATH], const char *path);

#endif
