/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log holds: one envelope an entry, and the record that stands for it in the tree.
 *
 *	entry  = an Envelope of proto/weightmark/v1/envelope.proto in canonical bytes: a payload
 *	         and one signature
 *	record = "wmEntryV1" 00 | statement id (32) | keyid (32) | SHA-256 of the entry (32)
 *	leaf   = SHA-256(00 | record)
 *
 * The record is of fixed size, so that it fits the entry bundles of C2SP tlog-tiles, whose
 * lengths have 16 bits, whatever a manifest's size; and it stays provable where a payload must
 * not be published.
 */
#ifndef LOG_ENTRY_H
#define LOG_ENTRY_H

#include "statement/envelope.h"

enum { RECORD_BYTES = 10 + 3 * SHA256_BYTES };

/* Appends the canonical bytes of the entry of `e`. */
MUST_USE enum wm_code entry_encode(struct buf *out, const struct envelope *e,
				   struct wm_error *err);

/*
 * Reads an entry, strictly; what `out` borrows is copied into `a`. Fails with `entry-malformed`,
 * `payload-type`, `unsigned`, `limit`. `name` is used in messages.
 */
MUST_USE enum wm_code entry_decode(struct envelope *out, struct arena *a, const void *data,
				   size_t len, const char *name, struct wm_error *err);

/* The record of the envelope `e`, whose entry has the digest `entry`; and its leaf digest. */
void entry_record(uint8_t record[RECORD_BYTES], const struct envelope *e,
		  const uint8_t entry[SHA256_BYTES]);
void record_leaf(uint8_t leaf[SHA256_BYTES], const uint8_t record[RECORD_BYTES]);

/* The leaf digest of an envelope. */
MUST_USE enum wm_code entry_leaf(uint8_t leaf[SHA256_BYTES], const struct envelope *e,
				 struct wm_error *err);

#endif
