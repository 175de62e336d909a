/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git-lfs pointers: the small text that stands in the place of a large file where git-lfs
 * has not fetched it (git-lfs/docs/spec.md, version 1).
 *
 *	"version https://git-lfs.github.com/spec/v1\n"
 *	("ext-" ... "\n")*
 *	"oid sha256:" 64 hex digits "\n"
 *	"size " decimal "\n"
 */
#ifndef CHECKPOINT_POINTER_H
#define CHECKPOINT_POINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha256.h"

enum { POINTER_BYTES = 1024 }; /* a pointer is shorter than that */

struct pointer {
	uint8_t sha256[SHA256_BYTES]; /* of the file that it stands for */
	uint64_t size;		      /* bytes of that file */
};

/* Whether the whole content of a file is a pointer; `out` is untouched where it is not. */
bool pointer_read(struct pointer *out, const void *data, size_t len);

#endif
