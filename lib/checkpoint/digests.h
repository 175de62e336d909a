/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digests of a file and of its weights, over the digests of its segments. Records
 * byte for byte and test vectors: docs/format.md, "Digests".
 */
#ifndef CHECKPOINT_DIGESTS_H
#define CHECKPOINT_DIGESTS_H

#include "format/format.h"

/* The digest of one tensor's logical bytes, after measuring. Borrowed from `l`, or static. */
const uint8_t *tensor_digest(const struct layout *l, const struct tensor *t);

/* Over all segments of the stripped view, which must have been measured. */
MUST_USE enum wm_code digest_file(uint8_t out[SHA256_BYTES], const struct layout *l,
				  struct wm_error *err);

/*
 * Over the tensors of `n` files by name: the same in another order, another container, other
 * shards. Fails with `tensor-twice` where two files have a tensor of one name; `name` says of what.
 */
MUST_USE enum wm_code digest_weights(uint8_t out[SHA256_BYTES],
				     const struct layout *const *layouts, size_t n,
				     const char *name, struct wm_error *err);

/* Over the distinct tensors of `n` files without names: the same after renaming. */
MUST_USE enum wm_code digest_tensor_set(uint8_t out[SHA256_BYTES],
					const struct layout *const *layouts, size_t n,
					struct wm_error *err);

/* A tensor as a manifest lists it, whatever its name, type and shape. */
struct listed_tensor {
	uint8_t digest[SHA256_BYTES]; /* tensor_digest() */
	uint64_t len;		      /* logical bytes */
};

/*
 * Stores the distinct tensors of `n` files of LIMIT_TENSOR_LISTED bytes or more, ascending by
 * their digests; where there are more than LIMIT_PART_TENSORS the largest, and of equally large
 * ones those of the smaller digests. free() the list.
 */
MUST_USE enum wm_code list_tensors(struct listed_tensor **out, size_t *n_listed,
				   const struct layout *const *layouts, size_t n,
				   struct wm_error *err);

#endif
