/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of a tree of records (RFC 6962 section 2.1): each leaf is a run of bytes that
 * the caller appends piece by piece, the first one names what the tree is about.
 *
 *	TRY(records_new(&r, "wmFileV1", numbers, 2, err));
 *	TRY(buf_append(records_leaf(r), data, len, err));
 *	TRY(records_end_leaf(r, err));
 *	TRY(records_root(out, r, err));
 *
 * The bytes of 2^10 leaves are held at once; more than LIMIT_HEADER and 1 KiB for each of
 * them fails with `limit`.
 */
#ifndef DIGEST_RECORDS_H
#define DIGEST_RECORDS_H

#include "crypto/sha256.h"
#include "util/buf.h"
#include "util/cleanup.h"

struct records;

/* A new tree whose first leaf is `domain` with its zero byte, then the `n` numbers. */
MUST_USE enum wm_code records_new(struct records **out, const char *domain,
				  const uint64_t *numbers, size_t n, struct wm_error *err);
void records_free(struct records *r);
DEFINE_CLEANUP(records, struct records, records_free)
#define cleanup_records __attribute__((cleanup(records_cleanup_)))

/* Where the bytes of the next leaf are appended. Borrowed from `r`. */
struct buf *records_leaf(struct records *r);

/* What was appended since the last call is one leaf. */
MUST_USE enum wm_code records_end_leaf(struct records *r, struct wm_error *err);

/* The root over all leaves; `r` takes no more of them. */
MUST_USE enum wm_code records_root(uint8_t out[SHA256_BYTES], struct records *r,
				   struct wm_error *err);

#endif
