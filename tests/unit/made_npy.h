/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of NumPy's arrays and Keras's models share: whole tensors, and slots. */
#ifndef MADE_NPY_H
#define MADE_NPY_H

#include "made.h"

/* A parsed file, and the bytes that it was parsed of. */
struct made_npy {
	struct buf bytes;
	struct layout layout;
};

#define MADE_NPY_INIT { BUF_INIT(1 << 24), LAYOUT_INIT }

void made_npy_release(struct made_npy *m);
#define cleanup_made_npy __attribute__((cleanup(made_npy_release)))

/* Reads a file of testdata/ and parses it as of that name. */
enum wm_code made_npy_read(struct made_npy *m, const char *path, struct wm_error *err);

/* Appends the logical bytes of a tensor, from its segment or gathered. */
enum wm_code made_npy_tensor(struct buf *out, const struct made_npy *m, const struct tensor *t,
			     struct wm_error *err);

/* Compares what the format compares and gathers all tensors, for the error alone. */
enum wm_code made_npy_gather(const struct made_npy *m, struct wm_error *err);

/* Asserts that segments tile the view, and that pieces are bytes of the file. */
void made_npy_check(const struct made_npy *m);

/* The same file with a slot that carries `len` bytes in place of its zone, parsed as `name`. */
enum wm_code made_npy_embed(struct made_npy *out, const struct made_npy *m, const char *name,
			    const void *carried, size_t len, struct wm_error *err);

#endif
