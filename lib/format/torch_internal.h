/* SPDX-License-Identifier: Apache-2.0 */
/* What finding the tensors of a PyTorch file and reading each of them share. */
#ifndef FORMAT_TORCH_INTERNAL_H
#define FORMAT_TORCH_INTERNAL_H

#include "format/torch.h"

/* The type of a global as torch.float32 is one. False where it is none that is known. */
bool torch_scalar_type(enum dtype *dtype, const struct pickle *p, const struct pickle_node *n);

/* Fails with `torch-malformed` for the tensor whose name is `path`. */
enum wm_code torch_malformed(const struct torch_reader *r, const struct buf *path,
			     const char *what, struct wm_error *err);

/* Adds what _rebuild_tensor and its later versions make; `version` 1 to 3. */
MUST_USE enum wm_code torch_read_tensor(struct torch_reader *r,
					const struct pickle_node *arguments, int version,
					const struct buf *path, struct wm_error *err);

/* Adds a storage, as a tensor of rank 1. */
MUST_USE enum wm_code torch_read_storage(struct torch_reader *r,
					 const struct pickle_node *persistent,
					 const struct buf *path, struct wm_error *err);

/* Whether arguments `at` and `at` + 1 are `grad`, which the type allows, and empty `hooks`. */
bool torch_is_plain(const struct pickle *p, const struct pickle_node *arguments, uint32_t at,
		    enum dtype dtype);

#endif
