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
 * They stand in dicts, lists, tuples, and in what is set on an object. `grad` is a truth value,
 * true of numbers that have gradients alone; `hooks` is empty; what version 2 and 3 may have
 * besides (marks of conjugated or negated views) is empty too. The dict's keys on the way to a
 * tensor are text or whole numbers.
 */
#include "format/torch_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/place.h"
#include "format/strided.h"

enum {
	DEPTH_MAX = 64,
	VISITS_MAX = 1 << 22, /* a pickle can name one list in many places */
	KEY_BYTES = 64,	      /* of a key that take as long as a visit */
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

/* The text of a node, for "%.*s" and no longer than a message takes; "" where it is none. */
static int shown_len(const struct pickle_node *n)
{
	enum { SHOWN = 80 };

	return n->kind != PICKLE_TEXT ? 0 : n->n < SHOWN ? (int)n->n : SHOWN;
}

static const char *shown(const struct pickle *p, const struct pickle_node *n)
{
	return n->kind == PICKLE_TEXT ? (const char *)(p->data + n->off) : "";
}

enum wm_code torch_fail_storage(const struct pickle *p, const struct pickle_node *key,
				const struct pickle_node *global, const char *name,
				struct wm_error *err)
{
	const struct pickle_node *type = global;

	if (global->kind == PICKLE_GLOBAL)
		type = pickle_node(p, pickle_item(p, global, 1));
	return fail(err, REASON_TORCH_DTYPE, "%s: storage '%.*s' is a '%.*s', which is not known",
		    name, shown_len(key), shown(p, key), shown_len(type), shown(p, type));
}

bool torch_scalar_type(enum dtype *dtype, const struct pickle *p, const struct pickle_node *n)
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

static const char *const rebuild[] = { "_rebuild_tensor", "_rebuild_tensor_v2",
				       "_rebuild_tensor_v3", "_rebuild_parameter" };

bool torch_is_rebuild(const struct pickle *p, const struct pickle_node *global)
{
	for (size_t i = 0; i < sizeof(rebuild) / sizeof(rebuild[0]); i++)
		if (pickle_global_is(p, global, "torch._utils", rebuild[i]))
			return true;
	return false;
}

bool torch_is_harmless(const struct pickle *p, const struct pickle_node *global)
{
	enum dtype dtype;
	bool untyped;

	return torch_is_rebuild(p, global) ||
	       pickle_global_is(p, global, "collections", "OrderedDict") ||
	       pickle_global_is(p, global, "torch", "Size") ||
	       pickle_global_is(p, global, "torch", "device") ||
	       torch_storage_type(&dtype, &untyped, p, global) || torch_scalar_type(&dtype, p,
										    global);
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
		TRY(layout_add_import(l, buf_str(&name), name.len, torch_is_harmless(p, n), err));
	}
	return WM_OK;
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

	r->n_visits += key_len / KEY_BYTES;
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

/*
 * No tensor stands under a key that is neither text nor whole number: it has no name. Nor does
 * one beside a number of another kind, which could be equal to a whole one.
 */
static enum wm_code walk_dict(struct torch_reader *r, const struct pickle_node *dict,
			      struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	uint32_t cell = dict->n ? dict->items.first : 0;
	const size_t n_before = r->layout->n_tensors;
	bool other = false;

	for (int64_t i = 0; cell; i++) {
		const struct pickle_node *key = pickle_node(p, p->cells[cell].node);
		uint32_t value = p->cells[p->cells[cell].next].node;
		const size_t n = r->layout->n_tensors;
		bool named = key->kind == PICKLE_TEXT || key->kind == PICKLE_INTEGER;

		if (key->kind == PICKLE_TEXT)
			TRY(walk_item(r, value, path, (const char *)p->data + key->off, key->n,
				      depth, err));
		else
			TRY(walk_numbered(r, value, path, named ? key->integer : i, depth, err));
		other |= key->kind == PICKLE_OTHER;
		if ((!named && r->layout->n_tensors > n) ||
		    (other && r->layout->n_tensors > n_before))
			return torch_malformed(r, path, "a key is neither text nor whole number",
					       err);
		cell = p->cells[p->cells[cell].next].next;
	}
	return WM_OK;
}

/* What was set on an object stands under its own path; a dict's attributes are no weights. */
static enum wm_code walk_state(struct torch_reader *r, const struct pickle_node *call,
			       const struct pickle_node *state, struct buf *path, unsigned depth,
			       struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	const size_t n = r->layout->n_tensors;

	TRY(walk(r, pickle_item(p, state, 0), path, depth + 1, err));
	if (r->layout->n_tensors > n && torch_is_harmless(p, pickle_node(p, pickle_item(p, call,
											0))))
		return torch_malformed(r, path, "a dict has tensors among its attributes", err);
	return WM_OK;
}

/* An object: its arguments under their places, what was set on it under its own path. */
static enum wm_code walk_object(struct torch_reader *r, const struct pickle_node *call,
				struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	uint32_t cell = p->cells[p->cells[call->items.first].next].next;

	TRY(walk_list(r, pickle_node(p, pickle_item(p, call, 1)), path, depth, err));
	for (; cell; cell = p->cells[cell].next) {
		const struct pickle_node *n = pickle_node(p, p->cells[cell].node);

		if (n->kind == PICKLE_STATE)
			TRY(walk_state(r, call, n, path, depth, err));
		else
			TRY(walk(r, p->cells[cell].node, path, depth + 1, err));
	}
	return WM_OK;
}

/* _rebuild_parameter(tensor or parameter, grad, hooks) */
static enum wm_code walk_parameter(struct torch_reader *r, const struct pickle_node *arguments,
				   struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	struct layout *l = r->layout;
	const struct pickle_node *of = pickle_node(p, pickle_item(p, arguments, 0));

	if (arguments->n != 3 || of->kind != PICKLE_CALL ||
	    !torch_is_rebuild(p, pickle_node(p, pickle_item(p, of, 0))))
		return torch_malformed(r, path,
				       "a parameter is made of something else than a tensor",
				 err);
	TRY(walk(r, pickle_item(p, arguments, 0), path, depth + 1, err));
	if (!torch_is_plain(p, arguments, 1, l->tensors[l->n_tensors - 1].dtype))
		return torch_malformed(r, path, "it has hooks, or gradients of whole numbers", err);
	return WM_OK;
}

static enum wm_code walk_call(struct torch_reader *r, const struct pickle_node *call,
			      struct buf *path, unsigned depth, struct wm_error *err)
{
	const struct pickle *p = r->pickle;
	const struct pickle_node *callee = pickle_node(p, pickle_item(p, call, 0));
	const struct pickle_node *arguments = pickle_node(p, pickle_item(p, call, 1));

	for (int i = 0; i < 3; i++)
		if (pickle_global_is(p, callee, "torch._utils", rebuild[i]))
			return torch_read_tensor(r, arguments, i + 1, path, err);
	if (pickle_global_is(p, callee, "torch._utils", "_rebuild_parameter"))
		return walk_parameter(r, arguments, path, depth, err);
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
		return torch_read_storage(r, n, path, err);
	default:
		return WM_OK;
	}
}

enum wm_code torch_add_tensors(struct torch_reader *r, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_PICKLE);

	r->layout->has_tensors = true;
	TRY(torch_check(r, err));
	return walk(r, r->pickle->root, &path, 0, err);
}

enum wm_code torch_finish(struct torch_reader *r, struct wm_error *err)
{
	struct layout *l = r->layout;

	TRY(place_part_overlaps(l, r->offs, err));
	TRY(place_segments(l, r->offs, err));
	for (size_t i = 0; i < l->n_tensors; i++)
		if (l->tensors[i].segment != SIZE_MAX)
			l->tensors[i].source = NULL;
	TRY(layout_bound_gathered(l, REASON_LIMIT, r->name, err));
	return layout_sort_names(l, REASON_TORCH_DUPLICATE, r->name, err);
}

enum wm_code torch_gather(const struct layout *l, const struct tensor *t, const struct window *w,
			  const struct sink *sink, struct wm_error *err)
{
	(void)l;
	return strided_gather(t->source, t, w, sink, err);
}
