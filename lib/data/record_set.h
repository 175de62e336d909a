/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a dataset: digests in any order, then sorted rows of digest and count, then of
 * leaf and count, in the same 36 bytes a row. Memory is that of the rows; nothing is copied.
 *
 *	record_set_add() ... record_set_close(), record_set_content_root()
 *	record_set_commit(), record_set_root()
 */
#ifndef DATA_RECORD_SET_H
#define DATA_RECORD_SET_H

#include "data/record_key.h"

enum { ROW_COUNT_BYTES = 4, ROW_BYTES = SHA256_BYTES + ROW_COUNT_BYTES };

/* Numbers of the file of commitments, and of rows in memory, that are not u64: big-endian. */
static inline uint32_t get_u32be(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static inline void put_u32be(uint8_t bytes[4], uint32_t n)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* As the file of commitments has it too. */
struct record_row {
	uint8_t digest[SHA256_BYTES];
	uint8_t count[ROW_COUNT_BYTES]; /* of equal records, big-endian */
};

/* Zeroed, it is empty. */
struct record_set {
	struct record_row *rows;
	size_t n, cap;
	uint64_t n_records;
};

void record_set_release(struct record_set *s);
#define cleanup_record_set __attribute__((cleanup(record_set_release)))

/* Adds records by their digests. Fails with `limit` over LIMIT_RECORDS, `no-memory`. */
MUST_USE enum wm_code record_set_add(struct record_set *s, const uint8_t (*digests)[SHA256_BYTES],
				     size_t n, struct wm_error *err);

/* Sorts, and makes one row of equal records. */
void record_set_close(struct record_set *s);

/* The root over the rows of digests: docs/format.md, "Record commitments". */
MUST_USE enum wm_code record_set_content_root(uint8_t out[SHA256_BYTES],
					      const struct record_set *s, struct wm_error *err);

/* The same of a dataset whose one record has this digest. */
MUST_USE enum wm_code record_content_root(uint8_t out[SHA256_BYTES],
					  const uint8_t digest[SHA256_BYTES], struct wm_error *err);

/* Makes leaves of the digests, with `workers` threads (0: one a processor), and sorts them. */
MUST_USE enum wm_code record_set_commit(struct record_set *s, const struct record_key *k,
					unsigned workers, struct wm_error *err);

/*
 * The root over the rows of leaves, and those of its subtrees of TOP_ROWS rows, of which the last
 * may have fewer; `*tops` is the caller's to free().
 */
enum { TOP_LEVEL = 10, TOP_ROWS = 1 << TOP_LEVEL };
MUST_USE enum wm_code record_set_root(uint8_t root[SHA256_BYTES], uint8_t (**tops)[SHA256_BYTES],
				      const struct record_set *s, struct wm_error *err);

/* How many such subtrees `n` rows have. */
static inline uint64_t n_tops(uint64_t n)
{
	return n / TOP_ROWS + (n % TOP_ROWS != 0);
}

/* The row with this digest or leaf, of sorted rows; NULL where there is none. */
const struct record_row *record_set_find(const struct record_set *s,
					 const uint8_t digest[SHA256_BYTES]);

static inline uint32_t record_row_count(const struct record_row *r)
{
	return get_u32be(r->count);
}

/*
 * Sorts `n` elements of `size` bytes, at most 64, in place by their bytes: `key` bytes from the
 * first on. American flag sort (McIlroy, Bostic, McIlroy 1993).
 */
void sort_bytes(void *elements, size_t n, size_t size, size_t key);

#endif
