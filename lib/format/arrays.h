/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's arrays as tensors of a layout: a file that is one (format/npy.c), and the members of
 * archives (format/npz.c, keras_zip.c).
 *
 *	cleanup_arrays struct arrays a = { .layout = l, .file = w };
 *	TRY(arrays_add(&a, name, &place, err));	  once for each
 *	...					  size, zone and pieces of the layout are set
 *	TRY(arrays_finish(&a, err));
 */
#ifndef FORMAT_ARRAYS_H
#define FORMAT_ARRAYS_H

#include "format/inflate.h"
#include "format/npy.h"

struct arrays {
	struct layout *layout;
	const struct window *file;
	uint64_t *offs; /* of the layout's tensors, for place_segments() */
	size_t parsed;	/* bytes of heads: at most LIMIT_HEADER */
	struct inflate *inflate; /* NULL before it was needed; in this arena */
	struct arena scratch;
};

void arrays_release(struct arrays *a);
#define cleanup_arrays __attribute__((cleanup(arrays_release)))

/* Where the bytes of a file of one array are: in the window, or packed in there. */
struct arrays_place {
	uint64_t off, stored_len;
	bool deflated;
	uint64_t len;	/* as inflated; else it is stored_len */
	uint32_t crc32; /* of a deflated one's bytes */
};

/*
 * Stores the first bytes at a place, `*n` of at most `cap`. If not deflated they become a
 * piece where `keep` is set. Fails with `header-too-large` and as inflate_read() does.
 */
MUST_USE enum wm_code arrays_peek(struct arrays *a, uint8_t *out, size_t cap, size_t *n,
				  const struct arrays_place *p, bool keep, struct wm_error *err);

/*
 * Adds the array as a tensor of this name, which is borrowed. The head of one that is not
 * deflated becomes a piece. Fails as npy_read() and arrays_peek() do, and with
 * `inflate-order` where a deflated one is in Fortran order and too large to be turned.
 */
MUST_USE enum wm_code arrays_add(struct arrays *a, const char *name, const struct arrays_place *p,
				 struct wm_error *err);

/* Sorts pieces and names, and makes segments. Fails with `zip-duplicate`. */
MUST_USE enum wm_code arrays_finish(struct arrays *a, struct wm_error *err);

/*
 * struct format.gather: fails with `zip-checksum` where a deflated array is not what its
 * archive says, and `file-changed` where it is none any more that was added.
 */
MUST_USE enum wm_code arrays_gather(const struct layout *l, const struct tensor *t,
				    const struct window *w, const struct sink *sink,
				    struct wm_error *err);

#endif
