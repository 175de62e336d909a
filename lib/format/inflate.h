/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflating a window: raw deflate (RFC 1951), or one gzip member (RFC 1952) or what zlib writes
 * (RFC 1950) around it.
 *
 *	struct inflate *s = NULL;
 *	TRY(inflate_open(&s, &arena, &window, INFLATE_GZIP, err));
 *	do
 *		TRY(inflate_read(s, bytes, sizeof(bytes), &n, err));
 *	while (n > 0);
 *
 * Strict: the compressed data take the whole window; a second gzip member, or anything else
 * behind the first, is refused. Sizes and check sums are compared when the end is reached.
 * Memory is bounded, whatever the data, and so is what they grow to: LIMIT_RATIO
 * bytes for each compressed one, beyond INFLATE_FREE of them; INFLATE_ZLIB has no such bound, and
 * who reads it has one. After a failure the stream is good for inflate_restart() only.
 *
 * Fails with `inflate-malformed`, `inflate-truncated`, `inflate-trailing`, `inflate-ratio`,
 * `gzip-malformed`, `gzip-checksum`; as window_read() does; and `limit`, `no-memory` of the
 * arena. Sole user of zlib.
 */
#ifndef FORMAT_INFLATE_H
#define FORMAT_INFLATE_H

#include "format/format.h"

struct inflate;

enum inflate_kind { INFLATE_RAW, INFLATE_GZIP, INFLATE_ZLIB };

enum {
	INFLATE_FREE = 1 << 20, /* bytes that may come of however little */
	INFLATE_RECENT = 65536,
	INFLATE_RESTARTS = 3,	/* how often inflate_read_at() goes back to the beginning */
};

/* Begins. The stream lives in the arena, of which it takes 288 KiB. */
MUST_USE enum wm_code inflate_open(struct inflate **out, struct arena *a, const struct window *w,
				   enum inflate_kind kind, struct wm_error *err);

/* Begins anew, with this window, without more memory; forgets how often it went back. */
MUST_USE enum wm_code inflate_restart(struct inflate *s, const struct window *w,
				      struct wm_error *err);

/* Stores up to `cap` > 0 bytes, and fewer only at the end; 0 when all was given before. */
MUST_USE enum wm_code inflate_read(struct inflate *s, void *out, size_t cap, size_t *n,
				   struct wm_error *err);

/*
 * Stores exactly the `len` bytes at `off` of the inflated data. Going forward is cheap;
 * going back by more than INFLATE_RECENT bytes begins anew, and is refused with `inflate-order`
 * after INFLATE_RESTARTS times.
 * Fails with `inflate-short` where the data end before.
 */
MUST_USE enum wm_code inflate_read_at(struct inflate *s, void *out, size_t len, uint64_t off,
				      struct wm_error *err);

/* The same, but with fewer bytes where the data end; then all of them are as they should be. */
MUST_USE enum wm_code inflate_read_up_to(struct inflate *s, void *out, size_t cap, uint64_t off,
					 size_t *n, struct wm_error *err);

/* The CRC-32 of gzip and zip: of `len` bytes behind those of which it is `before`; at first 0. */
uint32_t inflate_crc32(uint32_t before, const void *data, size_t len);

#endif
