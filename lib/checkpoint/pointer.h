/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git-lfs pointers: the small text that stands in the place of a large file where git-lfs
 * has not fetched it (git-lfs/docs/spec.md, version 1; docs/extensions.md).
 *
 *	"version https://git-lfs.github.com/spec/v1\n"
 *	("ext-" digit "-" name " sha256:" 64 hex digits "\n")*	digits ascending
 *	"oid sha256:" 64 hex digits "\n"
 *	"size " decimal "\n"
 *
 * Nothing else: hex digits in lower case, the size without leading zeros and below 2^63,
 * names of a-z 0-9 . and -. The version lines that git-lfs wrote before its release
 * (git-media.io, hawser.github.com) are not read.
 */
#ifndef CHECKPOINT_POINTER_H
#define CHECKPOINT_POINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"

enum { POINTER_BYTES = 1024 }; /* a pointer is shorter than that */

struct pointer {
	uint8_t sha256[SHA256_BYTES]; /* of the object that git-lfs stores */
	uint64_t size;		      /* bytes of that object */
	/*
	 * Whether extensions made the object from the file. Where not, the object is the
	 * file that the pointer stands for.
	 */
	bool extended;
};

/* Whether the whole content of a file is a pointer; `out` is untouched where it is not. */
bool pointer_read(struct pointer *out, const void *data, size_t len);

#endif
