/* SPDX-License-Identifier: Apache-2.0 */
/* Walking through the messages of an ONNX file; grammar in onnx.c. */
#include "format/onnx_parse.h"

#include <stdlib.h>
#include <string.h>

#include "format/slot.h"
#include "util/cleanup.h"
#include "util/utf8.h"

void onnx_parser_release(struct onnx_parser *p)
{
	buf_release(&p->path);
	free(p->names.list);
	free(p->used.list);
	free(p->defined.list);
}

struct onnx_frame *onnx_top(struct onnx_parser *p)
{
	return &p->frames[p->depth - 1];
}

const char *onnx_text(const struct onnx_parser *p, struct onnx_text text)
{
	return (const char *)p->l->head.data + text.off;
}

static enum wm_code bad(const struct onnx_parser *p, enum reason reason, const char *what,
			const char *name, struct wm_error *err)
{
	const struct onnx_frame *f = &p->frames[p->depth - 1];

	return fail(err, reason, "%s: byte %llu: %s.%s: %s", p->bytes.file.name,
		    (unsigned long long)p->bytes.at, onnx_message(f->type)->name, name,
		    what);
}

static enum wm_code push(struct onnx_parser *p, enum onnx_type type,
			 const struct onnx_field *field, uint64_t tag, uint64_t len,
			 struct wm_error *err)
{
	const uint32_t index = field ? onnx_top(p)->counts[field->number] - 1 : 0;
	struct onnx_frame *f;

	if (p->depth == ONNX_DEPTH_MAX)
		return fail(err, REASON_LIMIT, "%s: byte %llu: messages nest more than %d deep",
			    p->bytes.file.name, (unsigned long long)p->bytes.at, ONNX_DEPTH_MAX);
	f = &p->frames[p->depth++];
	*f = (struct onnx_frame){ .type = type, .field = field, .index = index, .tag = tag,
				  .from = p->bytes.at, .end = p->bytes.at + len,
				  .names_at = p->names.n };
	if (type == ONNX_TENSOR)
		p->tensor = (struct onnx_tensor){ 0 };
	return WM_OK;
}

/* --- values -------------------------------------------------------------------------- */

static bool is_numbers(const struct onnx_frame *f, unsigned number)
{
	return f->type == ONNX_TENSOR &&
	       (number == ONNX_TENSOR_FLOAT_DATA || number == ONNX_TENSOR_INT32_DATA ||
		number == ONNX_TENSOR_INT64_DATA || number == ONNX_TENSOR_DOUBLE_DATA ||
		number == ONNX_TENSOR_UINT64_DATA);
}

static enum wm_code on_number(struct onnx_parser *p, const struct onnx_field *field,
			      uint64_t value, struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	struct onnx_tensor *t = &p->tensor;

	if (f->type == ONNX_MODEL && field->number == ONNX_MODEL_IR_VERSION) {
		p->ir_version = value;
	} else if (f->type == ONNX_ATTRIBUTE && field->number == ONNX_ATTRIBUTE_TYPE) {
		f->number = value;
	} else if (f->type == ONNX_TENSOR && field->number == ONNX_TENSOR_DATA_TYPE) {
		t->data_type = value;
	} else if (f->type == ONNX_TENSOR && field->number == ONNX_TENSOR_DATA_LOCATION) {
		t->location = value;
	} else if (f->type == ONNX_TENSOR && field->number == ONNX_TENSOR_DIMS) {
		if (t->rank == LIMIT_RANK)
			return fail(err, REASON_LIMIT, "%s: byte %llu: more than %d dimensions",
				    p->bytes.file.name, (unsigned long long)p->bytes.at,
				    LIMIT_RANK);
		if (value > INT64_MAX)
			return bad(p, REASON_ONNX_SHAPE, "is below 0", field->name, err);
		t->dims[t->rank++] = value;
	}
	return WM_OK;
}

/* Numbers in a row. The first of a tensor are left out, because they may be many. */
static enum wm_code read_packed(struct onnx_parser *p, const struct onnx_field *field,
				struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	const unsigned size = field->kind == ONNX_FIXED32 ? 4 : 8;
	uint64_t n = 0, end, value = 0;
	struct cursor c;

	TRY(onnx_length(&n, &p->bytes, f->end, err));
	end = p->bytes.at + n;
	if (field->kind != ONNX_INT && n % size != 0)
		return bad(p, REASON_ONNX_MALFORMED, "ends within a number", field->name, err);
	if (is_numbers(f, field->number)) {
		if (p->tensor.n_runs++ > 0)
			return onnx_bytes_take(&c, &p->bytes, n, f->end, err);
		p->tensor.data = p->bytes.at;
		p->tensor.data_len = n;
		return onnx_bytes_skip(&p->bytes, n, f->end, err);
	}
	if (field->kind != ONNX_INT)
		return onnx_bytes_take(&c, &p->bytes, n, f->end, err);
	while (p->bytes.at < end) {
		TRY(onnx_varint(&value, &p->bytes, end, err));
		TRY(on_number(p, field, value, err));
	}
	return WM_OK;
}

static enum wm_code read_number(struct onnx_parser *p, const struct onnx_field *field,
				struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	uint64_t value = 0;
	struct cursor c;

	if (is_numbers(f, field->number))
		p->tensor.n_single++;
	if (field->kind != ONNX_INT)
		return onnx_bytes_take(&c, &p->bytes, field->kind == ONNX_FIXED32 ? 4 : 8, f->end,
				       err);
	TRY(onnx_varint(&value, &p->bytes, f->end, err));
	return on_number(p, field, value, err);
}

/* Where the message that is being read keeps this text; NULL: nowhere. */
static struct onnx_text *text_place(struct onnx_parser *p, unsigned number)
{
	static const uint8_t node[] = { ONNX_NODE_DOMAIN, ONNX_NODE_OP_TYPE, ONNX_NODE_OVERLOAD };
	static const uint8_t function[] = { ONNX_FUNCTION_DOMAIN, ONNX_FUNCTION_NAME,
					    ONNX_FUNCTION_OVERLOAD };
	static const uint8_t entry[] = { ONNX_ENTRY_KEY, ONNX_ENTRY_VALUE, 0 };
	static const uint8_t attribute[] = { ONNX_ATTRIBUTE_NAME, 0, 0 };
	struct onnx_frame *f = onnx_top(p);
	const uint8_t *numbers = f->type == ONNX_NODE	   ? node :
				 f->type == ONNX_FUNCTION  ? function :
				 f->type == ONNX_ATTRIBUTE ? attribute :
				 f->type == ONNX_ENTRY	   ? entry : NULL;

	if (f->type == ONNX_TENSOR && number == ONNX_TENSOR_NAME)
		return &p->tensor.name;
	for (unsigned i = 0; numbers && i < ONNX_TEXTS; i++)
		if (numbers[i] == number)
			return &f->text[i];
	return NULL;
}

static enum wm_code read_text(struct onnx_parser *p, const struct onnx_field *field, uint64_t n,
			      struct wm_error *err)
{
	const uint32_t off = (uint32_t)p->l->head.len;
	struct onnx_text *place = text_place(p, field->number);
	struct cursor c;

	TRY(onnx_bytes_take(&c, &p->bytes, n, onnx_top(p)->end, err));
	if (!utf8_valid(c.data, c.len) || memchr(c.data, 0, c.len))
		return bad(p, REASON_ONNX_MALFORMED, "is not UTF-8, or has a NUL", field->name,
			   err);
	if (place)
		*place = (struct onnx_text){ off, (uint32_t)n };
	return WM_OK;
}

static enum wm_code read_bytes(struct onnx_parser *p, const struct onnx_field *field, uint64_t n,
			       struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	struct cursor c;

	if (f->type != ONNX_TENSOR || field->number != ONNX_TENSOR_RAW_DATA) {
		TRY(onnx_bytes_take(&c, &p->bytes, n, f->end, err));
		if (f->type == ONNX_TENSOR && !utf8_valid(c.data, c.len))
			return bad(p, REASON_ONNX_VALUE, "is not UTF-8", field->name, err);
		return WM_OK;
	}
	p->tensor.data = p->bytes.at;
	p->tensor.data_len = n;
	return onnx_bytes_skip(&p->bytes, n, f->end, err);
}

/* --- messages ------------------------------------------------------------------------ */

static enum wm_code end_metadata(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const struct onnx_text key = f->text[0], value = f->text[1];
	cleanup_buf struct buf name = BUF_INIT(LIMIT_HEADER);
	struct tree *tree = &p->l->metadata;
	struct node *node = NULL;

	if (p->n_metadata++ == LIMIT_METADATA)
		return fail(err, REASON_LIMIT, "%s: more than %d entries of metadata",
			    p->bytes.file.name, LIMIT_METADATA);
	TRY(buf_append(&name, onnx_text(p, key), key.len, err));
	if (strcmp(buf_str(&name), SLOT_KEY) == 0 && slot_claims(onnx_text(p, value), value.len)) {
		if (p->slot.there)
			return bad(p, REASON_ONNX_DUPLICATE, "two are under 'weightmark'", "key",
				   err);
		p->slot.there = true;
		p->slot.from = f->tag;
		p->slot.end = f->end;
		p->slot.value = value;
		return WM_OK;
	}
	if (!tree->root)
		TRY(node_new(&tree->root, tree, NODE_MAP, err));
	TRY(node_text(&node, tree, onnx_text(p, value), value.len, err));
	return node_set(tree->root, tree, buf_str(&name), node, err);
}

static enum wm_code end_attribute(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const uint32_t reference = UINT32_C(1) << 21, known = onnx_message(f->type)->one_of;
	const uint32_t values = f->seen & known & ~reference;
	uint8_t number;

	if (!(f->seen & UINT32_C(1) << ONNX_ATTRIBUTE_TYPE))
		return onnx_add_name(p, err);
	number = onnx_attribute_field(f->number);
	if (number == 0)
		return bad(p, REASON_ONNX_MALFORMED, "there is no such type", "type", err);
	if (values != 0 && values != UINT32_C(1) << number)
		return bad(p, REASON_ONNX_MALFORMED, "the value is of another type", "type", err);
	return onnx_add_name(p, err);
}

static enum wm_code end_model(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);

	if (p->ir_version == 0 || p->ir_version > INT64_MAX)
		return bad(p, REASON_ONNX_MALFORMED, "is missing, or no version", "ir_version",
			   err);
	if (f->counts[ONNX_MODEL_GRAPH] == 0)
		return bad(p, REASON_ONNX_MALFORMED, "is missing", "graph", err);
	if (p->ir_version >= 3 && f->counts[ONNX_MODEL_OPSET_IMPORT] == 0)
		return bad(p, REASON_ONNX_MALFORMED, "is missing", "opset_import", err);
	return onnx_list_imports(p, err);
}

/* What is learnt at the end of a message. */
static enum wm_code leave(struct onnx_parser *p, struct wm_error *err)
{
	const struct onnx_frame *f = onnx_top(p);
	const enum onnx_type around = p->depth > 1 ? p->frames[p->depth - 2].type : N_ONNX_TYPES;

	switch (f->type) {
	case ONNX_MODEL:
		return end_model(p, err);
	case ONNX_NODE:
		return onnx_end_node(p, err);
	case ONNX_FUNCTION:
		return onnx_end_function(p, err);
	case ONNX_ATTRIBUTE:
		return end_attribute(p, err);
	case ONNX_TENSOR:
		return onnx_end_tensor(p, err);
	case ONNX_ENTRY:
		if (around == ONNX_MODEL)
			return end_metadata(p, err);
		if (around == ONNX_TENSOR && f->field->number == ONNX_TENSOR_EXTERNAL_DATA)
			return onnx_end_external(p, err);
		return WM_OK;
	default:
		return WM_OK;
	}
}

/* Counts the field, and refuses a second one where there may be one. */
static enum wm_code count(struct onnx_parser *p, const struct onnx_field *field,
			  struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	const uint32_t bit = UINT32_C(1) << field->number, one_of = onnx_message(f->type)->one_of;

	if (!field->repeated && f->counts[field->number] > 0)
		return bad(p, REASON_ONNX_DUPLICATE, "is there twice", field->name, err);
	if ((one_of & bit) && (f->seen & one_of & ~bit))
		return bad(p, REASON_ONNX_DUPLICATE, "is a second value", field->name, err);
	f->counts[field->number]++; /* each takes a byte of fewer than 2^31 */
	f->seen |= bit;
	return WM_OK;
}

static bool wire_fits(const struct onnx_field *field, unsigned wire)
{
	static const uint8_t wires[] = {
		[ONNX_INT] = ONNX_WIRE_VARINT,	  [ONNX_FIXED32] = ONNX_WIRE_32,
		[ONNX_FIXED64] = ONNX_WIRE_64,	  [ONNX_TEXT] = ONNX_WIRE_BYTES,
		[ONNX_BYTES] = ONNX_WIRE_BYTES,	  [ONNX_MESSAGE] = ONNX_WIRE_BYTES,
		[ONNX_SPARSE] = ONNX_WIRE_BYTES,
	};

	return wire == wires[field->kind] || (wire == ONNX_WIRE_BYTES && field->repeated);
}

/* Reads one field, or of a message its beginning. */
static enum wm_code step(struct onnx_parser *p, struct wm_error *err)
{
	struct onnx_frame *f = onnx_top(p);
	const uint64_t tag = p->bytes.at;
	const struct onnx_field *field;
	uint64_t number = 0, n = 0;
	unsigned wire = 0;

	TRY(onnx_tag(&number, &wire, &p->bytes, f->end, err));
	field = onnx_field(f->type, number);
	if (!field)
		return fail(err, REASON_ONNX_FIELD, "%s: byte %llu: %s has no field %llu",
			    p->bytes.file.name, (unsigned long long)tag,
			    onnx_message(f->type)->name, (unsigned long long)number);
	if (!wire_fits(field, wire))
		return bad(p, REASON_ONNX_FIELD, "is of another wire type", field->name, err);
	if (field->kind == ONNX_SPARSE)
		return bad(p, REASON_ONNX_SPARSE, "is a sparse tensor", field->name, err);
	TRY(count(p, field, err));
	if (field->kind <= ONNX_FIXED64)
		return wire == ONNX_WIRE_BYTES ? read_packed(p, field, err) :
						 read_number(p, field, err);
	TRY(onnx_length(&n, &p->bytes, f->end, err));
	if (field->kind == ONNX_MESSAGE)
		return push(p, field->type, field, tag, n, err);
	return field->kind == ONNX_TEXT ? read_text(p, field, n, err) :
					  read_bytes(p, field, n, err);
}

/* Leaves the innermost message, also in the path. */
static void pop(struct onnx_parser *p)
{
	p->depth--;
	if (p->n_path > p->depth && p->depth > 0) {
		buf_truncate(&p->path, p->frames[p->depth].path_at);
		p->n_path = p->depth;
	}
}

enum wm_code onnx_parse_model(struct onnx_parser *p, struct wm_error *err)
{
	TRY(push(p, ONNX_MODEL, NULL, 0, p->bytes.file.size, err));
	while (p->depth > 0) {
		if (p->bytes.at < onnx_top(p)->end) {
			TRY(step(p, err));
			continue;
		}
		TRY(leave(p, err));
		pop(p);
	}
	return WM_OK;
}
