/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays as NumPy writes them (numpy/lib/format.py), of which a file holds one: the grammar
 * stands in format/npy.c. Archives of them are read by format/npz.c.
 */
#ifndef FORMAT_NPY_H
#define FORMAT_NPY_H

#include "format/format.h"

enum {
	NPY_START = 12,	       /* bytes that tell how long a head is */
	NPY_MAGIC = 6,	       /* of them, those that tell that it is one */
	NPY_HEADER = 10000,    /* of a dictionary: as many as NumPy reads */
	NPY_HEAD = NPY_START + NPY_HEADER,
	NPY_RANK = 32,	       /* dimensions that NumPy had before version 2 */
};

/* What a head says. */
struct npy {
	enum dtype dtype;
	bool fortran; /* elements stand in column-major order */
	unsigned rank;
	uint64_t dims[NPY_RANK];
	size_t head_len; /* bytes in front of the elements */
	uint64_t len;	 /* bytes of those */
};

/* Whether these are, or begin as, the first bytes of an array. */
bool npy_claims(const uint8_t *start, size_t len);

/*
 * Stores how long the head is that begins with `start`, at most NPY_HEAD. `name` is used in
 * messages. Fails with `npy-malformed`.
 */
MUST_USE enum wm_code npy_head_len(size_t *out, const uint8_t start[NPY_START], const char *name,
				   struct wm_error *err);

/*
 * Reads a whole head, of the length that npy_head_len() gives, of an array in `total` bytes.
 * Fails with `npy-malformed`, `npy-dtype`, `npy-byte-order`, `npy-shape`, `npy-size`.
 */
MUST_USE enum wm_code npy_read(struct npy *out, const uint8_t *head, size_t len, uint64_t total,
			       const char *name, struct wm_error *err);

#endif
