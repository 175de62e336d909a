/* SPDX-License-Identifier: Apache-2.0 */
/* One tensor of a PyTorch file, of the call that makes it. The grammar stands in format/torch.c. */
#include "format/torch_internal.h"

#include <stdlib.h>

#include "format/place.h"
#include "format/strided.h"
#include "util/utf8.h"

enum {
	KEPT_MAX = 24 << 20, /* bytes of tensors with names and shapes: a pickle can share those */
	PER_TENSOR = sizeof(struct tensor) + sizeof(struct strided) + 4 * sizeof(uint64_t),
};

enum wm_code torch_malformed(const struct torch_reader *r, const struct buf *path,
			      const char *what, struct wm_error *err)
{
	return fail(err, REASON_TORCH_MALFORMED, "%s: tensor '%.80s': %s", r->name, buf_str(path),
		    what);
}

/* Copies a tuple of numbers that are not negative to the arena. */
static bool read_sizes(uint64_t *out, unsigned *n, const struct torch_reader *r, uint32_t number)
{
	const struct pickle *p = r->pickle;
	const struct pickle_node *tuple = pickle_node(p, number);
	uint32_t cell;

	/* torch.Size(tuple) is one too. */
	if (tuple->kind == PICKLE_CALL) {
		if (!pickle_global_is(p, pickle_node(p, pickle_item(p, tuple, 0)), "torch", "Size"))
			return false;
		tuple = pickle_node(p, pickle_item(p, tuple, 1));
		if (tuple->n != 1)
			return false;
		tuple = pickle_node(p, pickle_item(p, tuple, 0));
	}
	if (tuple->kind != PICKLE_TUPLE || tuple->n > LIMIT_RANK)
		return false;
	*n = tuple->n;
	cell = tuple->n ? tuple->items.first : 0;
	for (unsigned i = 0; i < *n; i++, cell = p->cells[cell].next) {
		const struct pickle_node *item = pickle_node(p, p->cells[cell].node);

		if (item->kind != PICKLE_INTEGER || item->integer < 0)
			return false;
		out[i] = (uint64_t)item->integer;
	}
	return true;
}

static enum wm_code keep_name(struct tensor *t, const struct torch_reader *r,
			      const struct buf *path, struct wm_error *err)
{
	char *copy = NULL;

	if (path->len > LIMIT_NAME)
		return fail(err, REASON_LIMIT, "%s: a name over %d bytes", r->name, LIMIT_NAME);
	if (!utf8_valid(path->data, path->len) ||
	    tensor_name_has_controls(buf_str(path), path->len))
		return torch_malformed(r, path, "its name is no UTF-8, or has control characters",
				       err);
	TRY(arena_copy(&copy, &r->layout->arena, path->data, path->len, err));
	t->name = copy;
	t->name_len = path->len;
	return WM_OK;
}

/* Checks that the elements lie within the storage, and that none of them is there twice over. */
static enum wm_code check_span(struct tensor *t, const struct torch_reader *r,
			       const struct torch_storage *s, uint64_t offset,
			       const uint64_t *strides, const struct buf *path,
			       struct wm_error *err)
{
	uint64_t n, span, end, bytes = dtype_info(t->dtype)->bytes;

	if (!tensor_elements(t, &n) || !dtype_len(&t->len, t->dtype, n) ||
	    !strided_span(&span, t, strides))
		return torch_malformed(r, path, "its shape has more elements than 64 bits count",
				       err);
	if (__builtin_add_overflow(offset, span, &end) || end > s->len / bytes)
		return torch_malformed(r, path, "it reaches beyond its storage", err);
	if (t->len > s->len)
		return torch_malformed(r, path, "it is larger than its storage", err);
	return WM_OK;
}

struct shape {
	uint64_t offset;
	uint64_t dims[LIMIT_RANK], strides[LIMIT_RANK];
	unsigned rank;
};

static enum wm_code add_tensor(struct torch_reader *r, const struct torch_storage *s,
			       const struct shape *shape, const struct buf *path,
			       struct wm_error *err)
{
	struct layout *l = r->layout;
	struct tensor t = { .segment = SIZE_MAX, .dtype = s->dtype, .rank = shape->rank };
	const size_t sizes = shape->rank * sizeof(*shape->dims);
	struct strided *e;
	void *room = NULL;
	char *copy = NULL;

	r->n_kept += path->len + 2 * sizes + PER_TENSOR;
	if (r->n_kept > KEPT_MAX)
		return fail(err, REASON_LIMIT, "%s: tensors that take over %d bytes to tell",
			    r->name, KEPT_MAX);
	TRY(keep_name(&t, r, path, err));
	TRY(arena_copy(&copy, &l->arena, shape->dims, sizes, err));
	t.dims = (const void *)copy;
	TRY(check_span(&t, r, s, shape->offset, shape->strides, path, err));
	TRY(arena_alloc(&room, &l->arena, sizeof(*e), err));
	e = room;
	TRY(arena_copy(&copy, &l->arena, shape->strides, sizes, err));
	*e = (struct strided){
		.off = s->off + shape->offset * dtype_info(t.dtype)->bytes,
		.element = dtype_info(t.dtype)->bytes,
		.strides = (const void *)copy,
	};
	t.source = t.len > 0 ? e : NULL;
	return place_add(l, &r->offs, &t,
			 strided_is_contiguous(&t, e->strides) ? e->off : PLACE_NONE, r->name, err);
}

static enum wm_code find_storage(struct torch_storage *out, struct torch_reader *r,
				 const struct pickle_node *persistent, const struct buf *path,
				 struct wm_error *err)
{
	const struct pickle_node *id =
		pickle_node(r->pickle, pickle_item(r->pickle, persistent, 0));

	if (id->kind != PICKLE_TUPLE)
		return torch_malformed(r, path, "its storage's id is no tuple", err);
	return r->storage(out, r->context, r->pickle, id, err);
}

static bool has_gradients(enum dtype dtype)
{
	static const enum dtype without[] = {
		DTYPE_BOOL, DTYPE_U8,  DTYPE_I8,  DTYPE_I16, DTYPE_U16,
		DTYPE_I32,  DTYPE_U32, DTYPE_I64, DTYPE_U64,
	};

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		if (dtype == without[i])
			return false;
	return true;
}

/* Whether nothing is in it: None, a dict or an OrderedDict without items. */
static bool is_empty(const struct pickle *p, const struct pickle_node *n)
{
	if (n->kind == PICKLE_CALL)
		return n->n == 2 && pickle_global_is(p, pickle_node(p, pickle_item(p, n, 0)),
						     "collections", "OrderedDict");
	return n->kind == PICKLE_NONE || (n->kind == PICKLE_DICT && n->n == 0);
}

/* `grad` and `hooks`, which follow one another. */
bool torch_is_plain(const struct pickle *p, const struct pickle_node *arguments, uint32_t at,
		     enum dtype dtype)
{
	const struct pickle_node *grad = pickle_node(p, pickle_item(p, arguments, at));

	return grad->kind == PICKLE_BOOL && (!grad->integer || has_gradients(dtype)) &&
	       is_empty(p, pickle_node(p, pickle_item(p, arguments, at + 1)));
}

/* What stands behind size and stride. */
static enum wm_code check_rest(enum dtype *dtype, const struct torch_reader *r,
			       const struct pickle_node *arguments, int version,
			       const struct buf *path, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	const uint32_t n = version == 3 ? 7 : 6;

	if (version == 1)
		return WM_OK;
	if (version == 3 && !torch_scalar_type(dtype, p, pickle_node(p, pickle_item(p, arguments,
										    6))))
		return fail(err, REASON_TORCH_DTYPE, "%s: tensor '%.80s' is of no known type",
			    r->name, buf_str(path));
	if (!torch_is_plain(p, arguments, 4, *dtype) ||
	    (arguments->n > n && !is_empty(p, pickle_node(p, pickle_item(p, arguments, n)))))
		return torch_malformed(r, path,
				       "it has hooks, marks, or gradients of whole numbers", err);
	return WM_OK;
}

/* _rebuild_tensor and its later versions; `version` 1 to 3. */
enum wm_code torch_read_tensor(struct torch_reader *r, const struct pickle_node *arguments,
				int version, const struct buf *path, struct wm_error *err)
{
	static const uint32_t fewest[] = { 0, 4, 6, 7 }, most[] = { 0, 4, 7, 8 };
	const struct pickle *p = r->pickle;
	const struct pickle_node *of, *offset;
	struct torch_storage s = { .len = 0 };
	struct shape shape = { .rank = 0 };
	unsigned rank;

	if (arguments->n < fewest[version] || arguments->n > most[version])
		return torch_malformed(r, path, "arguments are missing, or too many", err);
	of = pickle_node(p, pickle_item(p, arguments, 0));
	offset = pickle_node(p, pickle_item(p, arguments, 1));
	if (of->kind != PICKLE_PERSISTENT || offset->kind != PICKLE_INTEGER || offset->integer < 0)
		return torch_malformed(r, path, "it has no storage or offset", err);
	if (!read_sizes(shape.dims, &shape.rank, r, pickle_item(p, arguments, 2)) ||
	    !read_sizes(shape.strides, &rank, r, pickle_item(p, arguments, 3)) ||
	    rank != shape.rank)
		return torch_malformed(r, path, "its size and stride are not two tuples of numbers",
				       err);
	TRY(find_storage(&s, r, of, path, err));
	TRY(check_rest(&s.dtype, r, arguments, version, path, err));
	shape.offset = (uint64_t)offset->integer;
	return add_tensor(r, &s, &shape, path, err);
}

enum wm_code torch_read_storage(struct torch_reader *r, const struct pickle_node *persistent,
				 const struct buf *path, struct wm_error *err)
{
	struct torch_storage s = { .len = 0 };
	struct shape shape = { .rank = 1, .strides = { 1 } };

	TRY(find_storage(&s, r, persistent, path, err));
	shape.dims[0] = s.len / dtype_info(s.dtype)->bytes;
	return add_tensor(r, &s, &shape, path, err);
}

