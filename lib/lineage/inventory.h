/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of digests that others made: inventories of object stores as CSV, and what sha256sum
 * prints. docs/format.md, "Lists that scan reads", has both forms.
 */
#ifndef LINEAGE_INVENTORY_H
#define LINEAGE_INVENTORY_H

#include "crypto/sha256.h"
#include "text/table.h"

/* A row of a list. Texts live until the next row. */
struct listed_copy {
	const char *bucket; /* or NULL */
	const char *key;    /* the path */
	bool has_size, has_sha256;
	uint64_t size; /* bytes */
	uint8_t sha256[SHA256_BYTES];
	const char *why; /* that there is no SHA-256 of the bytes; static, or NULL */
};

typedef enum wm_code listed_copy_fn(void *context, const struct listed_copy *row,
				    struct wm_error *err);

/*
 * Reads an inventory: a row of names, then rows. Fails as table_next() does, with `table-columns`
 * where it has no column of keys or of SHA-256, and hands on what `visit` fails with.
 */
MUST_USE enum wm_code inventory_read(const char *path, listed_copy_fn *visit, void *context,
				     struct wm_error *err);

/* Reads a list as sha256sum prints it, with --tag or without. Fails with `table-malformed`. */
MUST_USE enum wm_code sums_read(const char *path, listed_copy_fn *visit, void *context,
				struct wm_error *err);

/*
 * Reads a SHA-256 as 64 hexadecimal digits of either case or as base64, perhaps after "sha256:".
 */
bool inventory_digest(uint8_t out[SHA256_BYTES], const char *text);

#endif
