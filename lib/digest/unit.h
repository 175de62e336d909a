/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work units: what one worker reads and digests at a time.
 *
 * A unit is a range of the file that begins and ends at leaf boundaries, of at most
 * UNIT_BYTES and UNIT_LEAVES: a run of leaves inside a large segment, many whole small
 * segments, or the end of one, some whole ones and the beginning of the next. Segments
 * whole in a unit are finished by it. At most two are not, the first and the last, and
 * for these the unit returns the roots of the complete subtrees that its leaves form.
 */
#ifndef DIGEST_UNIT_H
#define DIGEST_UNIT_H

#include "digest/kernel.h"
#include "digest/measure.h"
#include "digest/tree.h"

enum {
	UNIT_BYTES = 1 << 20,
	UNIT_LEAVES = 1024,
	UNIT_PART_LEAVES = UNIT_BYTES / LEAF_BYTES + 1, /* of one segment; one may be short */
	UNIT_SUBTREES = 10, /* that UNIT_PART_LEAVES leaves in a row form, at most */
};

struct unit {
	uint64_t seq;	/* 0, 1, 2 ... in file order */
	uint64_t off;	/* in the file */
	size_t len;	/* bytes, > 0 */
	size_t segment; /* the first segment */
	uint64_t skip;	/* its bytes that come before; a multiple of LEAF_BYTES */
};

/* Where the next unit begins. Zero-initialised but for the first two. */
struct unit_cursor {
	const struct segment *segments;
	size_t n_segments;
	size_t segment;
	uint64_t skip;
	uint64_t seq;
};

/* Takes the next unit; false at the end of the segments. */
bool unit_next(struct unit *u, struct unit_cursor *c);

/* The subtrees of one segment that a unit does not hold whole, in file order. */
struct unit_part {
	size_t segment;
	bool ends; /* the segment ends here */
	unsigned n_subtrees;
	unsigned levels[UNIT_SUBTREES];
	uint8_t roots[UNIT_SUBTREES][SHA256_BYTES];
};

struct unit_result {
	unsigned n_parts;
	struct unit_part parts[2];
};

/* What a worker needs for any number of units. */
struct unit_scratch {
	struct message messages[UNIT_LEAVES];	    /* long ones in front, others at the end */
	uint8_t digests[UNIT_LEAVES][SHA256_BYTES]; /* of the leaves, in the order of queuing */
	size_t n_long, n_short, n_leaves, n_collected;
};

/*
 * Digests the bytes of `u`: fills in the segments that are whole in it, and `result`.
 * `data` at 1 modulo 64 is read fastest.
 */
MUST_USE enum wm_code unit_digest(struct unit_result *result, const struct unit *u,
				  const uint8_t *data, struct segment *segments,
				  struct unit_scratch *scratch, struct wm_error *err);

/*
 * The same for several units, of different files, at once: start, queue all, run, collect
 * all in the same order. There is room for UNIT_LEAVES messages; plain ones count.
 */
void unit_start(struct unit_scratch *scratch);
void unit_queue(struct unit_scratch *scratch, const struct unit *u, const uint8_t *data,
		const struct segment *segments);
void unit_queue_plain(struct unit_scratch *scratch, const uint8_t *data, size_t len,
		      uint8_t out[SHA256_BYTES]);
MUST_USE enum wm_code unit_run(struct unit_scratch *scratch, struct wm_error *err);
MUST_USE enum wm_code unit_collect(struct unit_result *result, const struct unit *u,
				   struct segment *segments, struct unit_scratch *scratch,
				   struct wm_error *err);

/* How many leaves `segments` have. */
uint64_t unit_count_leaves(const struct segment *segments, size_t n_segments);

#endif
