/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding copies by digest, wherever they lie: folders, git-lfs pointers, and lists of digests.
 *
 * Each regular file is read once. It is looked up by the SHA-256 of its stripped view and, where
 * that says nothing and it has a slot, by that of all its bytes, which are then read once more; a
 * git-lfs pointer stands for the file that it names. What parses as a checkpoint is looked up by
 * weights and by tensor set too, each file by itself, so that a copy in another container or under
 * other names is found; of tensors that would have to be gathered and of files that keep tensors
 * in others the SHA-256 has to do. Symbolic links are named and not followed.
 *
 * Of data the statements have no digest of a file, but roots (docs/format.md, "Record
 * commitments"). A file is a copy of a dataset that has it as its one record; of one whose records
 * are those of the file, where its name ends as that of such a file does; and it is a record of
 * one whose commitments and key are at hand.
 */
#ifndef LINEAGE_SCAN_H
#define LINEAGE_SCAN_H

#include "data/commitments.h"
#include "lineage/taint.h"
#include "util/progress.h"

enum scanned_kind {
	SCANNED_COPY,	 /* `answer` says what is known of it */
	SCANNED_PASSED,	 /* not looked into: `message` says why */
	SCANNED_FAILED,	 /* could not be read: `message` says why */
};

/* A place. Texts live for the call. */
struct scanned {
	enum scanned_kind kind;
	const char *place;
	bool has_size, has_sha256, is_pointer;
	bool is_record; /* a record of the dataset of `answer`, not all of it */
	uint64_t size;
	uint8_t sha256[SHA256_BYTES]; /* of the stripped view; of lists as they say */
	struct taint_answer answer;
	const char *message;
};

typedef enum wm_code scanned_fn(void *context, const struct scanned *s, struct wm_error *err);

/* What opens the records of a dataset. */
struct scan_records {
	const struct commitments *commitments;
	const struct record_key *key;
	uint32_t node; /* the dataset */
};

struct scan {
	const struct taints *taints;
	const struct scan_records *records;
	size_t n_records;
	scanned_fn *visit;
	void *context;
	unsigned workers;	   /* 0: one a processor */
	struct progress *progress; /* bytes; or NULL */
};

/*
 * Scans a file or a folder. Each place is visited; what cannot be read is a place too. Fails with
 * `not-found` where there is nothing of that name, `no-memory`, and as `visit` does.
 */
MUST_USE enum wm_code scan_path(const struct scan *s, const char *path, struct wm_error *err);

enum scan_list { SCAN_INVENTORY, SCAN_SUMS };

/* Looks up the rows of a list (lineage/inventory.h); fails as reading it does. */
MUST_USE enum wm_code scan_list(const struct scan *s, const char *path, enum scan_list form,
				struct wm_error *err);

#endif
