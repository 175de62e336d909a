/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors as PyTorch pickles them (torch/_utils.py, torch/serialization.py):
 *
 *	tensor  = torch._utils._rebuild_tensor(storage, offset, size, stride)
 *	        | torch._utils._rebuild_tensor_v2(storage, offset, size, stride, grad, hooks, ...)
 *	        | torch._utils._rebuild_tensor_v3(..., hooks, dtype, ...)
 *	        | torch._utils._rebuild_parameter(tensor, grad, hooks)
 *	storage = persistent id; alone, a tensor of rank 1 over all of it
 *	offset  = elements before the first one; size, stride = tuples of numbers >= 0
 *
 * They stand in dicts, lists, tuples, and in what is set on an object.
 */
#include "format/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/place.h"
#include "format/strided.h"
#include "util/utf8.h"

enum {
	DEPTH_MAX = 64,
	VISITS_MAX = 1 << 22, /* a pickle can name one list in many places */
};

static const struct {
	const char *storage; /* of the module torch */
	const char *scalar;  /* of the module torch too; NULL: it has no storage of its own */
	enum dtype dtype;
} types[] = {
	{ "FloatStorage", "float32", DTYPE_F32 },
	{ "HalfStorage", "float16", DTYPE_F16 },
	{ "BFloat16Storage", "bfloat16", DTYPE_BF16 },
	{ "DoubleStorage", "float64", DTYPE_F64 },
	{ "LongStorage", "int64", DTYPE_I64 },
	{ "IntStorage", "int32", DTYPE_I32 },
	{ "ShortStorage", "int16", DTYPE_I16 },
	{ "CharStorage", "int8", DTYPE_I8 },
	{ "ByteStorage", "uint8", DTYPE_U8 },
	{ "BoolStorage", "bool", DTYPE_BOOL },
	{ "ComplexFloatStorage", "complex64", DTYPE_C64 },
	{ "ComplexDoubleStorage", "complex128", DTYPE_C128 },
	{ "", "uint16", DTYPE_U16 },
	{ "", "uint32", DTYPE_U32 },
	{ "", "uint64", DTYPE_U64 },
	{ "", "float8_e4m3fn", DTYPE_F8_E4M3 },
	{ "", "float8_e5m2", DTYPE_F8_E5M2 },
	{ "", "float8_e4m3fnuz", DTYPE_F8_E4M3FNUZ },
	{ "", "float8_e5m2fnuz", DTYPE_F8_E5M2FNUZ },
	{ "", "float8_e8m0fnu", DTYPE_F8_E8M0 },
};

enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

void torch_reader_release(struct torch_reader *r)
{
	free(r->offs);
}

bool torch_storage_type(enum dtype *dtype, bool *untyped, const struct pickle *p,
			const struct pickle_node *global)
{
	*untyped = pickle_global_is(p, global, "torch.storage", "UntypedStorage") ||
		   pickle_global_is(p, global, "torch", "UntypedStorage");
	*dtype = DTYPE_U8;
	for (size_t i = 0; !*untyped && i < N_TYPES; i++) {
		if (*types[i].storage && pickle_global_is(p, global, "torch", types[i].storage)) {
			*dtype = types[i].dtype;
			return true;
		}
	}
	return *untyped;
}

static bool scalar_type(enum dtype *dtype, const struct pickle *p, const struct pickle_node *n)
{
	for (size_t i = 0; i < N_TYPES; i++) {
		if (pickle_global_is(p, n, "torch", types[i].scalar)) {
			*dtype = types[i].dtype;
			return true;
		}
	}
	return false;
}

/* --- imports -------------------------------------------------------------------------- */

static bool is_harmless(const struct pickle *p, const struct pickle_node *global)
{
	static const char *const names[][2] = {
		{ "collections", "OrderedDict" },
		{ "torch._utils", "_rebuild_tensor" },
		{ "torch._utils", "_rebuild_tensor_v2" },
		{ "torch._utils", "_rebuild_tensor_v3" },
		{ "torch._utils", "_rebuild_parameter" },
		{ "torch", "Size" },
		{ "torch", "device" },
	};
	enum dtype dtype;
	bool untyped;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pickle_global_is(p, global, names[i][0], names[i][1]))
			return true;
	return torch_storage_type(&dtype, &untyped, p, global) || scalar_type(&dtype, p, global);
}

enum wm_code torch_add_imports(struct layout *l, const struct pickle *p, struct wm_error *err)
{
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		cleanup_buf struct buf name = BUF_INIT(LIMIT_PICKLE);
		const struct pickle_node *n = pickle_node(p, i), *module, *of_it;

		if (n->kind != PICKLE_GLOBAL)
			continue;
		module = pickle_node(p, pickle_item(p, n, 0));
		of_it = pickle_node(p, pickle_item(p, n, 1));
		TRY(buf_append(&name, p->data + module->off, module->n, err));
		TRY(buf_append_byte(&name, '.', err));
		TRY(buf_append(&name, p->data + of_it->off, of_it->n, err));
		TRY(layout_add_import(l, buf_str(&name), name.len, is_harmless(p, n), err));
	}
	return WM_OK;
}

/* --- tensors -------------------------------------------------------------------------- */

static enum wm_code malformed(const struct torch_reader *r, const struct buf *path,
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
	if ((tuple->kind != PICKLE_TUPLE && tuple->kind != PICKLE_LIST) || tuple->n > LIMIT_RANK)
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
		return malformed(r, path, "its name is no UTF-8, or has control characters", err);
	TRY(arena_copy(&copy, &r->layout->arena, path->data, path->len, err));
	t->name = copy;
	t->name_len = path->len;
	return WM_OK;
}

/* Makes room for one more tensor and its offset. */
static enum wm_code grow(struct torch_reader *r, struct wm_error *err)
{
	struct layout *l = r->layout;
	size_t cap = r->cap ? r->cap * 2 : 64;
	struct tensor *tensors;
	uint64_t *offs;

	if (l->n_tensors == LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: has more than %d tensors", r->name,
			    LIMIT_TENSORS);
	if (l->n_tensors < r->cap)
		return WM_OK;
	tensors = reallocarray(l->tensors, cap, sizeof(*tensors));
	if (!tensors)
		return fail_nomem(err);
	l->tensors = tensors;
	offs = reallocarray(r->offs, cap, sizeof(*offs));
	if (!offs)
		return fail_nomem(err);
	r->offs = offs;
	r->cap = cap;
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
		return malformed(r, path, "its shape has more elements than 64 bits count", err);
	if (__builtin_add_overflow(offset, span, &end) || end > s->len / bytes)
		return malformed(r, path, "it reaches beyond its storage", err);
	if (t->len > s->len)
		return malformed(r, path, "it is larger than its storage", err);
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
	TRY(grow(r, err));
	r->offs[l->n_tensors] = strided_is_contiguous(&t, e->strides) ? e->off : PLACE_NONE;
	l->tensors[l->n_tensors++] = t;
	return WM_OK;
}

static enum wm_code find_storage(struct torch_storage *out, struct torch_reader *r,
				 const struct pickle_node *persistent, const struct buf *path,
				 struct wm_error *err)
{
	const struct pickle_node *id = pickle_node(r->pickle, pickle_item(r->pickle, persistent, 0));

	if (id->kind != PICKLE_TUPLE)
		return malformed(r, path, "its storage's id is no tuple", err);
	return r->storage(out, r->context, r->pickle, id, err);
}

/* _rebuild_tensor and its later versions; `version` 1 to 3. */
static enum wm_code read_tensor(struct torch_reader *r, const struct pickle_node *arguments,
				int version, const struct buf *path, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	const struct pickle_node *of, *offset;
	struct torch_storage s = { .len = 0 };
	struct shape shape = { .rank = 0 };
	unsigned rank;

	if (arguments->n < (version == 1 ? 4U : version == 2 ? 6U : 7U))
		return malformed(r, path, "arguments are missing", err);
	of = pickle_node(p, pickle_item(p, arguments, 0));
	offset = pickle_node(p, pickle_item(p, arguments, 1));
	if (of->kind != PICKLE_PERSISTENT || offset->kind != PICKLE_INTEGER || offset->integer < 0)
		return malformed(r, path, "it has no storage or offset", err);
	if (!read_sizes(shape.dims, &shape.rank, r, pickle_item(p, arguments, 2)) ||
	    !read_sizes(shape.strides, &rank, r, pickle_item(p, arguments, 3)) ||
	    rank != shape.rank)
		return malformed(r, path, "its size and stride are not two tuples of numbers", err);
	TRY(find_storage(&s, r, of, path, err));
	if (version == 3 &&
	    !scalar_type(&s.dtype, p, pickle_node(p, pickle_item(p, arguments, 6))))
		return fail(err, REASON_TORCH_DTYPE, "%s: tensor '%.80s'", r->name, buf_str(path));
	if (__builtin_add_overflow((uint64_t)offset->integer, s.skip, &shape.offset))
		return malformed(r, path, "it reaches beyond its storage", err);
	return add_tensor(r, &s, &shape, path, err);
}

static enum wm_code read_storage(struct torch_reader *r, const struct pickle_node *persistent,
				 const struct buf *path, struct wm_error *err)
{
	struct torch_storage s = { .len = 0 };
	struct shape shape = { .rank = 1, .strides = { 1 } };

	TRY(find_storage(&s, r, persistent, path, err));
	shape.offset = s.skip;
	shape.dims[0] = s.len / dtype_info(s.dtype)->bytes - s.skip;
	return add_tensor(r, &s, &shape, path, err);
}

/* --- the way to them ------------------------------------------------------------------ */

static enum wm_code walk(struct torch_reader *r, uint32_t number, struct buf *path,
			 unsigned depth, struct wm_error *err);

/* Walks on under a longer path. */
static enum wm_code walk_item(struct torch_reader *r, uint32_t number, struct buf *path,
			      const char *key, size_t key_len, unsigned depth,
			      struct wm_error *err)
{
	size_t len = path->len;

	if (len > 0)
		TRY(buf_append_byte(path, '.', err));
	TRY(buf_append(path, key, key_len, err));
	TRY(walk(r, number, path, depth + 1, err));
	buf_truncate(path, len);
	return WM_OK;
}

static enum wm_code walk_numbered(struct torch_reader *r, uint32_t number, struct buf *path,
				  int64_t key, unsigned depth, struct wm_error *err)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, key);

	return walk_item(r, number, path, text, (size_t)len, depth, err);
}

static enum wm_code walk_list(struct torch_reader *r, const struct pickle_node *list,
			      struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	uint32_t cell = list->n ? list->items.first : 0;

	for (int64_t i = 0; cell; i++, cell = p->cells[cell].next)
		TRY(walk_numbered(r, p->cells[cell].node, path, i, depth, err));
	return WM_OK;
}

/* A key that is neither text nor number stands under its place, from 0. */
static enum wm_code walk_dict(struct torch_reader *r, const struct pickle_node *dict,
			      struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	uint32_t cell = dict->n ? dict->items.first : 0;

	for (int64_t i = 0; cell; i++) {
		const struct pickle_node *key = pickle_node(p, p->cells[cell].node);
		uint32_t value = p->cells[p->cells[cell].next].node;

		if (key->kind == PICKLE_TEXT)
			TRY(walk_item(r, value, path, (const char *)p->data + key->off, key->n,
				      depth, err));
		else
			TRY(walk_numbered(r, value, path,
					  key->kind == PICKLE_INTEGER ? key->integer : i, depth,
					  err));
		cell = p->cells[p->cells[cell].next].next;
	}
	return WM_OK;
}

/* An object: its arguments under their places, what was set on it under its own path. */
static enum wm_code walk_object(struct torch_reader *r, const struct pickle_node *call,
				struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	uint32_t cell = p->cells[p->cells[call->items.first].next].next;

	TRY(walk_list(r, pickle_node(p, pickle_item(p, call, 1)), path, depth, err));
	for (; cell; cell = p->cells[cell].next)
		TRY(walk(r, p->cells[cell].node, path, depth + 1, err));
	return WM_OK;
}

static enum wm_code walk_call(struct torch_reader *r, const struct pickle_node *call,
			      struct buf *path, unsigned depth, struct wm_error *err)
{
	static const char *const rebuild[] = { "_rebuild_tensor", "_rebuild_tensor_v2",
					       "_rebuild_tensor_v3" };
	const struct pickle *p = r->pickle;
	const struct pickle_node *callee = pickle_node(p, pickle_item(p, call, 0));
	const struct pickle_node *arguments = pickle_node(p, pickle_item(p, call, 1));

	for (int i = 0; i < 3; i++)
		if (pickle_global_is(p, callee, "torch._utils", rebuild[i]))
			return read_tensor(r, arguments, i + 1, path, err);
	if (pickle_global_is(p, callee, "torch._utils", "_rebuild_parameter") && arguments->n > 0)
		return walk(r, pickle_item(p, arguments, 0), path, depth + 1, err);
	return walk_object(r, call, path, depth, err);
}

static enum wm_code walk(struct torch_reader *r, uint32_t number, struct buf *path,
			 unsigned depth, struct wm_error *err)
{
	const struct pickle_node *n = pickle_node(r->pickle, number);

	if (depth > DEPTH_MAX || ++r->n_visits > VISITS_MAX)
		return fail(err, REASON_LIMIT, "%s: its pickle nests too deeply, or too often",
			    r->name);
	switch (n->kind) {
	case PICKLE_CALL:
		return walk_call(r, n, path, depth, err);
	case PICKLE_DICT:
		return walk_dict(r, n, path, depth, err);
	case PICKLE_LIST:
	case PICKLE_TUPLE:
	case PICKLE_SET:
		return walk_list(r, n, path, depth, err);
	case PICKLE_PERSISTENT:
		return read_storage(r, n, path, err);
	default:
		return WM_OK;
	}
}

enum wm_code torch_add_tensors(struct torch_reader *r, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PICKLE);

	r->layout->has_tensors = true;
	return walk(r, r->pickle->root, &path, 0, err);
}

enum wm_code torch_finish(struct torch_reader *r, struct wm_error *err)
{
	struct layout *l = r->layout;

	layout_sort_imports(l);
	TRY(place_part_overlaps(l, r->offs, err));
	TRY(place_segments(l, r->offs, err));
	for (size_t i = 0; i < l->n_tensors; i++)
		if (l->tensors[i].segment != SIZE_MAX)
			l->tensors[i].source = NULL;
	return layout_sort_names(l, REASON_TORCH_DUPLICATE, r->name, err);
}

enum wm_code torch_gather(const struct layout *l, const struct tensor *t, const struct window *w,
			  const struct sink *sink, struct wm_error *err)
{
	(void)l;
	return strided_gather(t->source, t, w, sink, err);
}
