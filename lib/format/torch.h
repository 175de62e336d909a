/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PyTorch's files share: tensors that a pickle describes over storages that lie elsewhere
 * in the file. Used by format/torch_zip.c and torch_legacy.c.
 */
#ifndef FORMAT_TORCH_H
#define FORMAT_TORCH_H

#include "format/format.h"
#include "format/pickle.h"

/* The bytes that a persistent id of a pickle stands for. */
struct torch_storage {
	uint64_t off, len; /* in the window */
	enum dtype dtype;  /* of its type; U8 where it has none */
	bool untyped;
};

/*
 * Finds the storage of a persistent id, whose node is a tuple. Fails with `torch-malformed` or
 * `torch-dtype`.
 */
typedef enum wm_code torch_storage_fn(struct torch_storage *out, void *context,
				      const struct pickle *p, const struct pickle_node *id,
				      struct wm_error *err);

struct torch_reader {
	struct layout *layout;
	const char *name; /* of the file, for messages */
	const struct pickle *pickle;
	torch_storage_fn *storage;
	void *context;
	uint64_t *offs; /* of the layout's tensors, for place_segments(); free() */
	uint64_t n_visits, n_kept; /* work, and bytes of what is found */
};

void torch_reader_release(struct torch_reader *r);
#define cleanup_torch_reader __attribute__((cleanup(torch_reader_release)))

/* The type of a storage's global ("torch FloatStorage"). False where it is none that is known. */
bool torch_storage_type(enum dtype *dtype, bool *untyped, const struct pickle *p,
			const struct pickle_node *global);

/* Fails with `torch-dtype` and what names the storage of such a type: its key and the global. */
MUST_USE enum wm_code torch_fail_storage(const struct pickle *p, const struct pickle_node *key,
					 const struct pickle_node *global, const char *name,
					 struct wm_error *err);

/* Whether a global is of those that weights are made of, which do nothing but hold them. */
bool torch_is_harmless(const struct pickle *p, const struct pickle_node *global);

/* Whether it is one of the functions that make tensors. */
bool torch_is_rebuild(const struct pickle *p, const struct pickle_node *global);

/*
 * Checks that calls, keys and storages of the pickle are such that it means to every loader
 * what is read here. Fails with `torch-malformed`, `torch-duplicate`, and as r->storage does.
 */
MUST_USE enum wm_code torch_check(struct torch_reader *r, struct wm_error *err);

/* Adds all globals of a pickle to the imports of the layout. */
MUST_USE enum wm_code torch_add_imports(struct layout *l, const struct pickle *p,
					struct wm_error *err);

/*
 * Checks the pickle by torch_check(), and adds the tensors below its root. Names are the keys
 * on the way to them, joined by dots: text as it is, numbers in decimal, places in lists
 * from 0. Fails with
 * `torch-malformed`, `torch-duplicate`, `torch-dtype`, `limit`.
 */
MUST_USE enum wm_code torch_add_tensors(struct torch_reader *r, struct wm_error *err);

/*
 * Makes the segments of a layout whose size, zone and pieces are set, and sorts names and
 * imports. Tensors whose elements are no run of the file get a source.
 */
MUST_USE enum wm_code torch_finish(struct torch_reader *r, struct wm_error *err);

/* struct format.gather of both. */
MUST_USE enum wm_code torch_gather(const struct layout *l, const struct tensor *t,
				   const struct window *w, const struct sink *sink,
				   struct wm_error *err);

#endif
