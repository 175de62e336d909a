/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring files: the digest of each segment of each, and if wanted the plain
 * SHA-256 of the whole, in one pass over the bytes.
 *
 * A segment digest is the RFC 6962 root over its leaves of LEAF_BYTES bytes, the last
 * leaf shorter (docs/format.md, "Digests"). Workers read 1 MiB at a time: of a large file of
 * their own while there is one that nobody works on, then many small files at once,
 * then of those that others have. Memory is bounded by workers, not by the files, but
 * for 16 bytes a file.
 */
#ifndef DIGEST_MEASURE_H
#define DIGEST_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"
#include "util/progress.h"

enum { LEAF_BYTES = 65536, MEASURE_WORKERS_MAX = 64 };

/* A range of the file. `len` > 0; segments tile the file from 0 without holes. */
struct segment {
	uint64_t off, len; /* bytes */
	bool tensor;	   /* else skeleton */
	uint8_t digest[SHA256_BYTES];
};

/* Bytes of a view that are in memory. */
struct piece {
	uint64_t off; /* of the first one, in the view */
	size_t len;   /* > 0 */
	const uint8_t *data;
};

/*
 * The bytes to read: a file, but for pieces of it that are in memory, because what was
 * parsed is what is digested; and but for a range that the file has and the view has not.
 */
struct view {
	int fd;
	const char *name;	    /* for messages */
	const struct piece *pieces; /* ascending, disjoint */
	size_t n_pieces;
	uint64_t shift_from; /* byte i of the view is byte i of the file; from here on it is */
	uint64_t shift;	     /* byte i + shift. A piece covers what only the view has */
	uint64_t size;	     /* bytes of the view; nothing beyond is requested */
};

/* One file to measure. */
struct measure_file {
	struct view view;
	struct segment *segments; /* they tile the view; digests are filled in */
	size_t n_segments;
	uint8_t *sha256; /* SHA256_BYTES for the plain SHA-256 of the view, or NULL */
};

struct measure {
	struct measure_file *files;
	size_t n_files;
	unsigned workers;	   /* 0: one a processor */
	struct progress *progress; /* or NULL */
};

/*
 * Fails with `read-failed`, `file-changed` (ends too early), `no-memory`; digests are
 * then undefined. A file that goes on after its last segment is not noticed here.
 */
MUST_USE enum wm_code measure(const struct measure *m, struct wm_error *err);

/* Which kernel serves many messages: "avx512", "sha-ni", "evp". Static. */
const char *digest_kernel_name(void);

#endif
