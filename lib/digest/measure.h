/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring a file: the digest of each of its segments, and if wanted the plain
 * SHA-256 of the whole, in one pass over the bytes.
 *
 * A segment digest is the RFC 6962 root over its leaves of LEAF_BYTES bytes, the last
 * leaf shorter (design.md section 4). Workers read 1 MiB at a time with pread; the
 * worker that holds a buffer feeds the plain SHA-256 when its turn comes. Memory is
 * bounded by workers, not by the file.
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

struct measure {
	int fd;
	const char *name;	  /* for messages */
	const uint8_t *head;	  /* bytes [0, head_len) are taken from here instead of fd: */
	size_t head_len;	  /* what was parsed is what is digested */
	struct segment *segments; /* digests are filled in */
	size_t n_segments;
	uint8_t *sha256;	  /* SHA256_BYTES for the plain SHA-256, or NULL */
	unsigned workers;	  /* 0: one a processor */
	struct progress *progress; /* or NULL */
};

/*
 * Fails with `read-failed`, `file-changed` (ends too early), `no-memory`; digests are
 * then undefined. A file that goes on after its last segment is not noticed here.
 */
MUST_USE enum wm_code measure(struct measure *m, struct wm_error *err);

/* Which kernel serves many messages: "avx512", "sha-ni", "evp". Static. */
const char *digest_kernel_name(void);

#endif
