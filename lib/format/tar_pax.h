/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended headers of POSIX (pax):
 *
 *	records = record*
 *	record  = length " " key "=" value "\n"
 *	length  = decimal without leading zeros, of the whole record
 *	key     = path | size | one that changes nothing about what is unpacked where, or how read
 *
 * path and size may stand once each, and in no header that is about all members.
 */
#ifndef FORMAT_TAR_PAX_H
#define FORMAT_TAR_PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* What extended headers say of the next member. */
struct tar_pax {
	bool any;	  /* there was one */
	const char *path; /* or NULL; borrowed from the header, not terminated */
	size_t path_len;
	bool has_size;
	uint64_t size;
};

/* Reads records; `name` is the file's. Fails with `tar-pax`, `tar-size`, `tar-duplicate`. */
MUST_USE enum wm_code tar_read_pax(struct tar_pax *x, const uint8_t *data, size_t len,
				   bool global, const char *name, struct wm_error *err);

#endif
