/* SPDX-License-Identifier: Apache-2.0 */
/* tar files that tests make, plain and compressed. */
#ifndef MADE_TAR_H
#define MADE_TAR_H

#include "made.h"

/* Appends a header of POSIX's, of that type. */
void made_tar_header(struct buf *out, const char *name, char type, uint64_t size);

/* Makes the sum of the header right. */
void made_tar_sum(uint8_t *header);

/* Appends zero bytes up to a whole block; appends so many of them. */
void made_tar_pad(struct buf *out);
void made_tar_zeros(struct buf *out, size_t n);

/* Appends a file, or another kind of member, with its data. */
void made_tar_member(struct buf *out, const char *name, char type, const void *data, size_t len);
void made_tar_file(struct buf *out, const char *name, const char *text);

/* Appends a file in the safetensors format, of one tensor `tensor` of the bytes of `value`. */
void made_tar_tensor(struct buf *out, const char *name, const char *tensor, const char *value);

/* Appends an extended header with one record. */
void made_tar_pax(struct buf *out, const char *key, const char *value);

/* Appends what gzip makes of the bytes. */
void made_gzip(struct buf *out, const void *data, size_t len);

/* Appends a random archive that must be accepted; the same for the same seed. */
void made_tar_random(struct buf *out, uint64_t seed);

#endif
