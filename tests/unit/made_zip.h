/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives that tests make. */
#ifndef MADE_ZIP_H
#define MADE_ZIP_H

#include "format/zip.h"
#include "made.h"

struct made_member {
	const char *name;
	const void *data;
	size_t len;
	size_t extra; /* bytes of its local record's extra field; 0 or at least 4 */
};

/* Appends an archive of stored members; `zip64`: with the records of large archives. */
void made_zip(struct buf *out, const struct made_member *members, size_t n, bool zip64);

/* Appends a PyTorch archive below "archive/" with that data.pkl, and one storage "0". */
void made_torch(struct buf *out, const void *pickle, size_t len, const void *storage,
		size_t storage_len, bool zip64);

/* A pickle of the tensor of 4 floats that made_torch() takes 16 bytes of storage for. */
extern const char made_pickle[];
extern const size_t made_pickle_len;

#endif
