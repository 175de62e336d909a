/* SPDX-License-Identifier: Apache-2.0 */
/* What a TensorProto holds: its name, its shape, and where its bytes are; grammar in onnx.c. */
#include <stdlib.h>
#include <string.h>

#include "format/onnx_parse.h"
#include "format/onnx_values.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/relpath.h"

static const char prefix[] = "onnx:";

enum { PREFIX_BYTES = sizeof(prefix) - 1, DECIMAL_MAX = 20, LOCATION_EXTERNAL = 1 };

static enum wm_code append_segment(struct layout *l, struct segment s, struct wm_error *err)
{
	struct segment *grown = array_grow(l->segments, l->n_segments, sizeof(*grown));

	if (!grown)
		return fail_nomem(err);
	l->segments = grown;
	l->segments[l->n_segments++] = s;
	l->size = s.off + s.len;
	return WM_OK;
}

enum wm_code onnx_add_segment(struct layout *l, uint64_t off, uint64_t len, bool tensor,
			      struct wm_error *err)
{
	if (tensor && off > l->size)
		TRY(append_segment(l, (struct segment){ .off = l->size, .len = off - l->size },
				   err));
	if (len > 0)
		TRY(append_segment(l, (struct segment){ .off = off, .len = len, .tensor = tensor },
				   err));
	return WM_OK;
}

/* --- names --------------------------------------------------------------------------- */

static enum wm_code bad_name(const struct onnx_parser *p, const char *what, struct wm_error *err)
{
	const struct onnx_frame *f = &p->frames[p->depth - 1];

	return fail(err, REASON_ONNX_NAME, "%s: byte %llu: the name of an initializer %s",
		    p->bytes.file.name, (unsigned long long)f->from, what);
}

/* Checks the own name of an initializer, and appends it. */
static enum wm_code append_own_name(struct buf *out, struct onnx_parser *p, bool alone,
				    struct wm_error *err)
{
	const struct onnx_text name = p->tensor.name;
	const char *text = onnx_text(p, name);

	if (name.len == 0)
		return bad_name(p, "is empty", err);
	if (name.len > LIMIT_NAME)
		return fail(err, REASON_LIMIT, "%s: a tensor's name of more than %d bytes",
			    p->bytes.file.name, LIMIT_NAME);
	if (tensor_name_has_controls(text, name.len))
		return bad_name(p, "has a control character", err);
	if (alone && name.len >= PREFIX_BYTES && memcmp(text, prefix, PREFIX_BYTES) == 0)
		return bad_name(p, "begins with 'onnx:', as paths do", err);
	return buf_append(out, text, name.len, err);
}

/* Makes the path lead to the message around the tensor. Each message is added once. */
static enum wm_code complete_path(struct onnx_parser *p, struct wm_error *err)
{
	for (; p->n_path < p->depth - 1; p->n_path++) {
		struct onnx_frame *f = &p->frames[p->n_path];

		f->path_at = p->path.len;
		TRY(buf_append_str(&p->path, p->n_path == 1 ? prefix : "/", err));
		TRY(buf_append_str(&p->path, f->field->name, err));
		if (f->field->repeated)
			TRY(buf_printf(&p->path, err, "[%u]", f->index));
	}
	return WM_OK;
}

/* The name of an initializer of the model's graph is its own; all others are named by path. */
static enum wm_code make_name(struct tensor *t, struct onnx_parser *p, struct wm_error *err)
{
	cleanup_buf struct buf name = BUF_INIT(2 * LIMIT_NAME);
	const struct onnx_frame *top = onnx_top(p), *around = &p->frames[p->depth - 2];
	const bool own = around->type == ONNX_GRAPH;
	char *copy = NULL;

	if (own && p->depth == 3 && around->field->number == ONNX_MODEL_GRAPH) {
		TRY(append_own_name(&name, p, true, err));
	} else {
		TRY(complete_path(p, err));
		TRY(buf_append(&name, p->path.data, p->path.len, err));
		TRY(buf_append_byte(&name, '/', err));
		TRY(buf_append_str(&name, top->field->name, err));
		if (!own && top->field->repeated)
			TRY(buf_printf(&name, err, "[%u]", top->index));
		if (own) {
			TRY(buf_append_byte(&name, ':', err));
			TRY(append_own_name(&name, p, false, err));
		}
	}
	if (name.len > LIMIT_NAME)
		return fail(err, REASON_LIMIT, "%s: a tensor's name of more than %d bytes",
			    p->bytes.file.name, LIMIT_NAME);
	TRY(arena_copy(&copy, &p->l->arena, name.data, name.len, err));
	t->name = copy;
	t->name_len = name.len;
	return WM_OK;
}

/* --- external data ------------------------------------------------------------------- */

static enum wm_code bad_external(const struct onnx_parser *p, const char *what,
				 struct wm_error *err)
{
	const struct onnx_frame *f = &p->frames[p->depth - 1];

	return fail(err, REASON_ONNX_EXTERNAL, "%s: byte %llu: external data: %s",
		    p->bytes.file.name, (unsigned long long)f->from, what);
}

/* A decimal number of up to 64 bits, without sign and leading zeros. */
static bool read_decimal(uint64_t *out, const char *text, size_t len)
{
	uint64_t value = 0;

	if (len == 0 || len > DECIMAL_MAX || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	*out = value;
	return true;
}

static bool text_is(const char *text, size_t len, const char *s)
{
	return strlen(s) == len && memcmp(text, s, len) == 0;
}

enum wm_code onnx_end_external(struct onnx_parser *p, struct wm_error *err)
{
	static const char *const keys[] = { "offset", "length", "checksum" };
	const struct onnx_frame *f = onnx_top(p);
	const char *key = onnx_text(p, f->text[0]), *value = onnx_text(p, f->text[1]);
	const size_t key_len = f->text[0].len, len = f->text[1].len;
	struct onnx_tensor *t = &p->tensor;
	unsigned i = 0;

	if (text_is(key, key_len, "location")) {
		if (t->path.len > 0)
			return bad_external(p, "two locations", err);
		t->path = f->text[1];
		return len > 0 ? WM_OK : bad_external(p, "an empty location", err);
	}
	while (i < ONNX_EXTERNAL_KEYS && !text_is(key, key_len, keys[i]))
		i++;
	if (i == ONNX_EXTERNAL_KEYS)
		return bad_external(p, "a key other than location, offset, length, checksum", err);
	if (t->has[i])
		return bad_external(p, "a key twice", err);
	t->has[i] = true;
	if (i != ONNX_EXTERNAL_CHECKSUM && !read_decimal(&t->external[i], value, len))
		return bad_external(p, "a number that is no plain decimal of 64 bits", err);
	return WM_OK;
}

static enum wm_code add_external(struct onnx_parser *p, const struct tensor *t,
				 struct wm_error *err)
{
	const struct onnx_tensor *given = &p->tensor;
	struct external e = { .tensor = *t, .off = given->external[ONNX_EXTERNAL_OFFSET] };
	uint64_t end;
	char *path = NULL;

	if (given->path.len == 0)
		return bad_external(p, "no location", err);
	TRY(arena_copy(&path, &p->l->arena, onnx_text(p, given->path), given->path.len, err));
	/* Under the first component, a loader takes offsets for addresses in its memory. */
	if (!relpath_valid(path) || strncmp(path, "*/", 2) == 0)
		return bad_external(p, "a location that is no plain relative path", err);
	if (given->has[ONNX_EXTERNAL_LENGTH] && given->external[ONNX_EXTERNAL_LENGTH] != t->len)
		return bad_external(p, "a length that is not that of the tensor", err);
	if (__builtin_add_overflow(e.off, t->len, &end) || end > INT64_MAX)
		return bad_external(p, "an offset beyond any file", err);
	e.path = path;
	return layout_add_external(p->l, &e, err);
}

/* --- tensors ------------------------------------------------------------------------- */

static enum wm_code bad_tensor(const struct onnx_parser *p, enum reason reason, const char *what,
			       struct wm_error *err)
{
	const struct onnx_frame *f = &p->frames[p->depth - 1];
	const struct onnx_text name = p->tensor.name;

	return fail(err, reason, "%s: byte %llu: tensor '%.*s': %s", p->bytes.file.name,
		    (unsigned long long)f->from, name.len < 80 ? (int)name.len : 80,
		    onnx_text(p, name), what);
}

/* Sets rank, dims and length; the last block of a packed type may be filled up. */
static enum wm_code read_shape(struct tensor *t, struct onnx_parser *p, struct wm_error *err)
{
	const unsigned block = dtype_info(t->dtype)->elements;
	char *copy = NULL;
	uint64_t n = 0;

	t->rank = p->tensor.rank;
	t->dims = p->tensor.dims;
	if (!tensor_elements(t, &n) ||
	    __builtin_add_overflow(n, (block - n % block) % block, &n) ||
	    !dtype_len(&t->len, t->dtype, n))
		return bad_tensor(p, REASON_ONNX_SHAPE, "has more bytes than 64 bits count", err);
	TRY(arena_copy(&copy, &p->l->arena, p->tensor.dims, t->rank * sizeof(*t->dims), err));
	t->dims = (const void *)copy;
	return WM_OK;
}

/* Strings are no tensor of ours: they stay skeleton, and are as many as the shape says. */
static enum wm_code check_strings(struct onnx_parser *p, struct wm_error *err)
{
	const uint32_t *counts = onnx_top(p)->counts;
	const struct tensor t = { .rank = p->tensor.rank, .dims = p->tensor.dims };
	uint64_t n = 0;

	if (p->tensor.location != 0)
		return bad_external(p, "strings", err);
	if (!tensor_elements(&t, &n) || n != counts[ONNX_TENSOR_STRING_DATA])
		return bad_tensor(p, REASON_ONNX_SHAPE, "has not as many strings as its shape",
				  err);
	return WM_OK;
}

/* Numbers that are not as raw_data would be: they are gathered. */
static enum wm_code add_numbers(struct onnx_parser *p, struct tensor *t,
				const struct onnx_dtype *d, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const struct onnx_values v = { f->from, f->end, d, t->len / d->unit };
	char *copy = NULL;

	TRY(onnx_values_feed(&v, &p->bytes.file, NULL, err));
	if (t->len > 0) {
		TRY(arena_copy(&copy, &p->l->arena, &v, sizeof(v), err));
		t->source = copy;
	}
	return layout_add_tensor(p->l, t, p->bytes.file.name, err);
}

/* The tensor's values are in its own message. */
static enum wm_code add_inside(struct onnx_parser *p, struct tensor *t,
			       const struct onnx_dtype *d, struct wm_error *err)
{
	const struct onnx_tensor *given = &p->tensor;
	const uint32_t *counts = onnx_top(p)->counts;
	const uint32_t data = onnx_top(p)->seen & onnx_message(ONNX_TENSOR)->one_of;
	const bool raw = counts[ONNX_TENSOR_RAW_DATA] > 0;
	const bool fixed = d->least == 0 && d->most == 0;

	if (data != 0 && !raw && counts[d->field] == 0)
		return bad_tensor(p, REASON_ONNX_VALUE, "has its values in a field of other types",
				  err);
	if (data != 0 && !raw && !(fixed && given->n_runs == 1 && given->n_single == 0))
		return add_numbers(p, t, d, err);
	if (given->data_len != t->len)
		return bad_tensor(p, REASON_ONNX_SHAPE, "has more or fewer bytes than its shape",
				  err);
	if (t->len > 0) {
		TRY(onnx_add_segment(p->l, given->data, t->len, true, err));
		t->segment = p->l->n_segments - 1;
	}
	return layout_add_tensor(p->l, t, p->bytes.file.name, err);
}

enum wm_code onnx_end_tensor(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const struct onnx_tensor *given = &p->tensor;
	const struct onnx_dtype *d = onnx_dtype(given->data_type);
	const uint32_t data = f->seen & onnx_message(ONNX_TENSOR)->one_of;
	struct tensor t = { .segment = SIZE_MAX };

	if (given->location > LOCATION_EXTERNAL)
		return bad_external(p, "an unknown data_location", err);
	if (given->location != LOCATION_EXTERNAL && f->counts[ONNX_TENSOR_EXTERNAL_DATA] > 0)
		return bad_external(p, "given, but data_location is not EXTERNAL", err);
	TRY(make_name(&t, p, err));
	if (given->data_type == ONNX_DATA_STRING) {
		if (data & ~(UINT32_C(1) << ONNX_TENSOR_STRING_DATA))
			return bad_tensor(p, REASON_ONNX_VALUE,
					  "is of strings, and has other values", err);
		return check_strings(p, err);
	}
	if (!d)
		return bad_tensor(p, REASON_ONNX_TYPE, "has no type, or an unknown one", err);
	if (p->l->n_tensors + p->l->n_externals == LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: has more than %d tensors", p->bytes.file.name,
			    LIMIT_TENSORS);
	t.dtype = d->dtype;
	TRY(read_shape(&t, p, err));
	if (given->location != LOCATION_EXTERNAL)
		return add_inside(p, &t, d, err);
	if (data != 0)
		return bad_external(p, "given, and values besides", err);
	return add_external(p, &t, err);
}
