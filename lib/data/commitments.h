/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of commitments beside a dataset's statement, `NAME.wmc`: which leaves the tree of its
 * record commitments has. It holds no digest of a record, and is of no use without the key.
 *
 *	file   = "weightmark-commitments/1\n", n of rows, n of records, n of tags, key id, content
 *	         root, record commitment root, rows, tops, tags, SHA-256 of all before
 *	row    = leaf, count (u32); strictly ascending
 *	tops   = the roots of the subtrees of TOP_ROWS rows, the last of fewer
 *	tag    = 16 bytes, row (u32); strictly ascending
 *
 * Numbers are big-endian, u64 but where it says so. What is asked for one record reads a few rows,
 * and one subtree that must lead to the root in the header.
 */
#ifndef DATA_COMMITMENTS_H
#define DATA_COMMITMENTS_H

#include <stdbool.h>

#include "data/record_set.h"
#include "digest/inclusion.h"
#include "util/file.h"

#define COMMITMENTS_SUFFIX ".wmc"

enum { TAG_ROW_BYTES = 4, TAG_BYTES = RECORD_TAG_BYTES + TAG_ROW_BYTES };

struct tag_row {
	uint8_t tag[RECORD_TAG_BYTES];
	uint8_t row[TAG_ROW_BYTES]; /* big-endian */
};

struct commitments_header {
	uint64_t n_rows, n_records, n_tags;
	uint8_t key_id[SHA256_BYTES], content_root[SHA256_BYTES], root[SHA256_BYTES];
};

/*
 * Writes the file to `f`, which is open and finished by the caller: the rows of leaves of `set`
 * with their `tops`, and h->n_tags sorted `tags`.
 */
MUST_USE enum wm_code commitments_write(const struct new_file *f,
					const struct commitments_header *h,
					const struct record_set *set,
					const uint8_t (*tops)[SHA256_BYTES],
					const struct tag_row *tags, struct wm_error *err);

/* --- reading ----------------------------------------------------------------------------- */

struct commitments {
	char *path;
	int fd;
	struct commitments_header header;
};

void commitments_close(struct commitments *c);
DEFINE_CLEANUP(commitments, struct commitments, commitments_close)
#define cleanup_commitments __attribute__((cleanup(commitments_cleanup_)))

/*
 * Opens `path` and reads its header. Fails with `not-found`, `commitments-malformed`,
 * `commitments-truncated`, `commitments-padded`.
 */
MUST_USE enum wm_code commitments_open(struct commitments **out, const char *path,
				       struct wm_error *err);

/* Bytes of a file with this header. */
uint64_t commitments_size(const struct commitments_header *h);

/*
 * Where `leaf` is, or would be: the first row that is not below it. Fails with
 * `commitments-unsorted` where rows that were looked at contradict each other.
 */
MUST_USE enum wm_code commitments_find(uint64_t *row, bool *found, const struct commitments *c,
				       const uint8_t leaf[SHA256_BYTES], struct wm_error *err);

/*
 * The leaf in a row and its path to the root. Fails with `commitments-damaged` where it leads to
 * another root, so that what it hands out is in the tree.
 */
MUST_USE enum wm_code commitments_prove(struct inclusion *out, uint8_t leaf[SHA256_BYTES],
					const struct commitments *c, uint64_t row,
					struct wm_error *err);

/* The tag at `at`, below n_tags, and the leaf of its row. Fails with `commitments-damaged`. */
MUST_USE enum wm_code commitments_tag(struct tag_row *out, uint8_t leaf[SHA256_BYTES],
				      const struct commitments *c, uint64_t at,
				      struct wm_error *err);

/* Appends the leaves of all rows with this tag to `leaves`, which has them side by side. */
MUST_USE enum wm_code commitments_tagged(struct buf *leaves, const struct commitments *c,
					 const uint8_t tag[RECORD_TAG_BYTES],
					 struct wm_error *err);

/* The first 8 bytes of the leaf of each row, as a number; fails with `commitments-unsorted`. */
MUST_USE enum wm_code commitments_first_bytes(uint64_t *out, const struct commitments *c,
					      struct wm_error *err);

/*
 * Reads all of it: the order of rows and tags, the roots, counts, the sum. Fails with
 * `commitments-unsorted`, `commitments-damaged`. Where `now` is not NULL, counts the records that
 * it has and the file has not, and the reverse.
 */
struct commitments_change {
	uint64_t n_added, n_removed;
	/* NULL, or gets the leaves that `now` has not, as far as it has room. */
	struct buf *removed;
};
MUST_USE enum wm_code commitments_check(struct commitments_change *change,
					const struct commitments *c, const struct record_set *now,
					struct wm_error *err);

#endif
