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

#endif
