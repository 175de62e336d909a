/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM (RFC 7468), strictly: one block, nothing around it but white space, between
 * its boundaries only base64 with canonical padding, and line breaks (LF or CR LF).
 */
#ifndef CRYPTO_PEM_H
#define CRYPTO_PEM_H

#include <stddef.h>

#include "util/buf.h"

enum { PEM_LABEL_SIZE = 65 }; /* bytes of the longest label, with its zero byte */

/* Reads the label of the block, "PUBLIC KEY". Fails with `key-malformed`. */
MUST_USE enum wm_code pem_label(char label[PEM_LABEL_SIZE], const void *pem, size_t len,
				const char *name, struct wm_error *err);

/*
 * Appends the decoded bytes to `der`, in one allocation. Fails with `key-malformed`;
 * `name` is used in messages only.
 */
MUST_USE enum wm_code pem_decode(struct buf *der, const void *pem, size_t len, const char *name,
				 struct wm_error *err);

/* Appends `len` bytes of `der` as one block, in lines of 64 characters. */
MUST_USE enum wm_code pem_encode(struct buf *out, const char *label, const void *der, size_t len,
				 struct wm_error *err);

#endif
