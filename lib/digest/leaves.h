/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a segment whose bytes come piece by piece: the RFC 6962 root over leaves of
 * LEAF_BYTES, as measure() makes it of a run of a file.
 *
 *	TRY(leaves_new(&l, err));
 *	TRY(leaves_add(l, data, len, err));	as often as there is something
 *	TRY(leaves_root(digest, l, err));
 */
#ifndef DIGEST_LEAVES_H
#define DIGEST_LEAVES_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"
#include "util/cleanup.h"

struct leaves;

MUST_USE enum wm_code leaves_new(struct leaves **out, struct wm_error *err);
void leaves_free(struct leaves *l);
DEFINE_CLEANUP(leaves, struct leaves, leaves_free)
#define cleanup_leaves __attribute__((cleanup(leaves_cleanup_)))

MUST_USE enum wm_code leaves_add(struct leaves *l, const void *data, size_t len,
				 struct wm_error *err);

/* How many bytes were added. */
uint64_t leaves_len(const struct leaves *l);

/* The root over all that was added; of nothing, SHA-256(""). `l` takes no more. */
MUST_USE enum wm_code leaves_root(uint8_t out[SHA256_BYTES], struct leaves *l,
				  struct wm_error *err);

#endif
