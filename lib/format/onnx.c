/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX: a ModelProto in the wire form of protocol buffers, below 2^31 bytes.
 *
 *	file     = ModelProto; messages nest at most ONNX_DEPTH_MAX deep
 *	message  = field*; a field that is not `repeated` at most once, and at most one of
 *	           those that stand for one value: onnx_schema.c has them all, and no other
 *	           field, nor a group
 *	field    = tag, and by its wire type
 *	           0 varint; 1 eight bytes; 5 four bytes; 2 varint length, as many bytes
 *	tag      = varint: number * 8 + wire type, below 2^32
 *	varint   = 7 bits a byte, lowest first, in as few bytes as it needs, of 64 bits
 *	numbers, repeated = a field each, or one behind the other in a field of wire type 2
 *	text     = UTF-8 without NUL
 *
 *	ModelProto     = an ir_version over 0; graph; opset_import from version 3 on; each key
 *	                 of metadata_props once
 *	NodeProto      = an op_type that is not empty; attributes of different names
 *	AttributeProto = a value of the type that it states
 *	TensorProto    = dims, each 0 or more, at most LIMIT_RANK; data_type, a row of
 *	                 onnx_values.c or STRING; and unless it has no elements one of
 *	  raw_data            the bytes of the tensor
 *	  ..._data            the numbers of it, in the field that belongs to data_type
 *	  string_data         as many as it has elements, each UTF-8, of STRING
 *	  external_data       with data_location 1: a location, which is a plain relative path;
 *	                      offset, length (that of the tensor), checksum, which may be left out
 *	SparseTensorProto     none
 *
 * Tensors are named: an initializer of ModelProto.graph by its own name, which does not begin
 * with "onnx:"; any other tensor by "onnx:" and the fields that lead to it, with the numbers of
 * repeated ones, as in "onnx:graph/node[3]/attribute[0]/t"; an initializer in there by its own
 * name behind these: "onnx:graph/node[3]/attribute[0]/g/initializer:W".
 *
 * A slot (format/slot.h, form "o") is a last field of the model: an entry of metadata_props with
 * the key "weightmark", as long as a multiple of SLOT_UNIT.
 */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

#include "format/onnx_parse.h"
#include "format/onnx_values.h"
#include "format/slot.h"
#include "util/cleanup.h"

#define SIZE_END (UINT64_C(1) << 31)

enum {
	ONNX_MEMORY = LIMIT_HEADER, /* names, shapes */
	METADATA_MEMORY = 2 * LIMIT_HEADER,
	SLOT_FORM = 'o',
	KEY_BYTES = sizeof(SLOT_KEY) - 1,
	TAG_ENTRY = ONNX_MODEL_METADATA_PROPS << 3 | ONNX_WIRE_BYTES,
	TAG_KEY = ONNX_ENTRY_KEY << 3 | ONNX_WIRE_BYTES,
	TAG_VALUE = ONNX_ENTRY_VALUE << 3 | ONNX_WIRE_BYTES,
	/* Tags, lengths and key around a value; lengths of two bytes up to SLOT_SHORT. */
	SLOT_AROUND = 3 + 1 + KEY_BYTES,
	SLOT_SHORT = 1 << 14,
};

static enum wm_code append_varint(struct buf *out, uint64_t value, struct wm_error *err)
{
	for (; value > 0x7f; value >>= 7)
		TRY(buf_append_byte(out, (uint8_t)(value | 0x80), err));
	return buf_append_byte(out, (uint8_t)value, err);
}

/* Appends the entry that carries these bytes. */
static enum wm_code write_slot(struct buf *out, const void *carried, size_t len,
			       struct wm_error *err)
{
	cleanup_buf struct buf value = BUF_INIT(LIMIT_HEADER);
	unsigned n = 2; /* bytes of each length */

	TRY(slot_write_value(&value, SLOT_FORM, SLOT_AROUND + 2 * n, SLOT_UNIT, carried, len, err));
	if (SLOT_AROUND + 2 * n + value.len > SLOT_SHORT) {
		buf_truncate(&value, 0);
		n = 3;
		TRY(slot_write_value(&value, SLOT_FORM, SLOT_AROUND + 2 * n, SLOT_UNIT, carried,
				     len, err));
	}
	TRY(buf_append_byte(out, TAG_ENTRY, err));
	TRY(append_varint(out, 3 + KEY_BYTES + n + value.len, err));
	TRY(buf_append_byte(out, TAG_KEY, err));
	TRY(buf_append_byte(out, KEY_BYTES, err));
	TRY(buf_append_str(out, SLOT_KEY, err));
	TRY(buf_append_byte(out, TAG_VALUE, err));
	TRY(append_varint(out, value.len, err));
	return buf_append(out, value.data, value.len, err);
}

/* Looks for embedded statements: sets carried, and slot_len or displaced. */
static enum wm_code find_slot(struct onnx_parser *p, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_HEADER);
	struct layout *l = p->l;
	bool is_slot = false;
	struct node *node = NULL;
	char form;

	if (!p->slot.there)
		return WM_OK;
	TRY(slot_read_value(&is_slot, &form, &l->carried, onnx_text(p, p->slot.value),
			    p->slot.value.len, err));
	if (!is_slot) {
		if (!l->metadata.root)
			TRY(node_new(&l->metadata.root, &l->metadata, NODE_MAP, err));
		TRY(node_text(&node, &l->metadata, onnx_text(p, p->slot.value), p->slot.value.len,
			      err));
		return node_set(l->metadata.root, &l->metadata, SLOT_KEY, node, err);
	}
	TRY(write_slot(&again, l->carried.data, l->carried.len, err));
	l->displaced = p->slot.end != p->bytes.file.size ||
		       again.len != p->slot.end - p->slot.from ||
		       memcmp(again.data, &l->head.data[l->head.len - again.len], again.len) != 0;
	if (!l->displaced) {
		l->slot_len = again.len;
		onnx_cut_end(l, again.len);
	}
	return WM_OK;
}

static enum wm_code check_keys(const struct layout *l, const char *name, struct wm_error *err)
{
	const struct node *twice = NULL;

	if (!l->metadata.root)
		return WM_OK;
	TRY(node_find_duplicate(&twice, l->metadata.root, err));
	if (twice)
		return fail(err, REASON_ONNX_DUPLICATE,
			    "%s: metadata_props has the key '%.80s' twice", name, twice->key);
	return WM_OK;
}

/* Names are of one space, whichever file has the bytes. */
static enum wm_code check_externals(const struct layout *l, const char *name,
				    struct wm_error *err)
{
	cleanup_layout struct layout all = LAYOUT_INIT;

	if (l->n_externals == 0)
		return WM_OK;
	all.tensors = calloc(l->n_tensors + l->n_externals, sizeof(*all.tensors));
	if (!all.tensors)
		return fail_nomem(err);
	for (size_t i = 0; i < l->n_tensors; i++)
		all.tensors[all.n_tensors++] = l->tensors[i];
	for (size_t i = 0; i < l->n_externals; i++)
		all.tensors[all.n_tensors++] = l->externals[i].tensor;
	return layout_sort_names(&all, REASON_ONNX_DUPLICATE, name, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_onnx struct onnx_parser p = ONNX_PARSER_INIT(l, *w);

	if (w->size >= SIZE_END)
		return fail(err, REASON_ONNX_TOO_LARGE, "%s: has %llu bytes, 2 GiB or more",
			    w->name, (unsigned long long)w->size);
	l->has_tensors = true;
	l->arena.max = ONNX_MEMORY;
	l->metadata.arena.max = METADATA_MEMORY;
	TRY(onnx_parse_model(&p, err));
	TRY(find_slot(&p, err));
	TRY(check_keys(l, w->name, err));
	TRY(onnx_add_segment(l, l->size, w->size - l->slot_len - l->size, false, err));
	l->zone.from = l->zone.to = l->size;
	onnx_close_pieces(l);
	TRY(check_externals(l, w->name, err));
	return layout_sort_names(l, REASON_ONNX_DUPLICATE, w->name, err);
}

static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried, size_t len,
			  const char *name, struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_HEADER);
	enum wm_code code;

	if (l->displaced)
		return fail(err, REASON_SLOT_DISPLACED, "%s: statements under '%s' elsewhere", name,
			    SLOT_KEY);
	if (l->metadata.root && node_find(l->metadata.root, SLOT_KEY))
		return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has a key '%s' already", name,
			    SLOT_KEY);
	code = write_slot(&entry, carried, len, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	if (entry.len > LIMIT_HEADER - l->head.len ||
	    (l->metadata.root && l->metadata.root->len == LIMIT_METADATA))
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: a slot of %zu bytes would make what is parsed too large", name,
			    entry.len);
	if (entry.len >= SIZE_END - l->size)
		return fail(err, REASON_ONNX_TOO_LARGE,
			    "%s: a slot of %zu bytes would make it 2 GiB", name, entry.len);
	return buf_append(zone, entry.data, entry.len, err);
}

static enum wm_code gather(const struct layout *l, const struct tensor *t, const struct window *w,
			   const struct sink *sink, struct wm_error *err)
{
	(void)l; /* a slot stands behind all */
	return onnx_values_feed(t->source, w, sink, err);
}

/* Nothing else tells a model: any bytes may begin one. */
static const char *const suffixes[] = { ".onnx", NULL };

const struct format format_onnx = {
	.grammar = "onnx/1", .suffixes = suffixes, .parse = parse, .embed = embed, .gather = gather,
};
