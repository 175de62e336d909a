/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of zip archives and their slots share. */
#ifndef FORMAT_ZIP_INTERNAL_H
#define FORMAT_ZIP_INTERNAL_H

#include "format/zip.h"
#include "util/cursor.h"

enum {
	ZIP_LOCAL_BYTES = 30, /* of records, without names and extra fields */
	ZIP_ENTRY_BYTES = 46,
	ZIP_END_BYTES = 22,
	ZIP_END64_BYTES = 56,
	ZIP_LOCATOR_BYTES = 20,
	ZIP_ENDS_BYTES = ZIP_END64_BYTES + ZIP_LOCATOR_BYTES + ZIP_END_BYTES,
};

static inline uint16_t zip_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t zip_u32(const uint8_t *p)
{
	return zip_u16(p) | (uint32_t)zip_u16(p + 2) << 16;
}

static inline uint64_t zip_u64(const uint8_t *p)
{
	return zip_u32(p) | (uint64_t)zip_u32(p + 4) << 32;
}

/* What the end records say. */
struct zip_end {
	uint64_t n; /* members */
	uint64_t directory_off, directory_len;
	bool zip64;
	uint64_t end64_off;
	size_t records_len; /* of all end records */
};

/* Reads the end records of an archive that ends with `tail`; false where they are malformed. */
bool zip_parse_end(struct zip_end *out, const uint8_t *tail, size_t len);

/* Sorts the names of all members. Fails with `zip-duplicate`. */
MUST_USE enum wm_code zip_sort_names(struct zip *z, struct wm_error *err);

#endif
