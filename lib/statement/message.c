/* SPDX-License-Identifier: Apache-2.0 */
/* Strict decoding and canonical encoding of schema messages. */
#include "statement/message.h"

#include <string.h>

#include "statement/scalar.h"
#include "util/utf8.h"
#include "weightmark/v1/common.pb-c.h"

enum wm_code message_new(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
			 struct arena *a, struct wm_error *err)
{
	void *m = NULL;

	TRY(arena_alloc(&m, a, d->sizeof_message, err));
	protobuf_c_message_init(d, m);
	*out = m;
	return WM_OK;
}

/* --- fields -------------------------------------------------------------------------- */

static void *member(const ProtobufCMessage *m, unsigned offset)
{
	const char *base = (const char *)m;
	void *place;

	base += offset;
	memcpy(&place, &base, sizeof(place));
	return place;
}

void *field_place(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return member(m, f->offset);
}

const ProtobufCFieldDescriptor *header_field(const ProtobufCMessageDescriptor *d)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(d, "header");

	return f && f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       f->descriptor == &weightmark__v1__header__descriptor ? f : NULL;
}

static bool is_pointer(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;
}

size_t field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	void *const *pointer = field_place(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(size_t *)member(m, f->quantifier_offset);
	if (is_pointer(f))
		return *pointer != NULL;
	if (f->label == PROTOBUF_C_LABEL_REQUIRED)
		return 1;
	return *(protobuf_c_boolean *)member(m, f->quantifier_offset) != 0;
}

size_t field_value_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
		return sizeof(uint64_t);
	default:
		return sizeof(uint32_t);
	}
}

const void *field_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	char *const *array = field_place(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *array + i * field_value_size(f);
	return array;
}

enum wm_code field_reserve(void **values, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			   size_t n, struct arena *a, struct wm_error *err)
{
	void **array = field_place(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		TRY(arena_alloc(array, a, n * field_value_size(f), err));
		*(size_t *)member(m, f->quantifier_offset) = n;
		*values = *array;
		return WM_OK;
	}
	if (!is_pointer(f) && f->label == PROTOBUF_C_LABEL_OPTIONAL)
		*(protobuf_c_boolean *)member(m, f->quantifier_offset) = 1;
	*values = array;
	return WM_OK;
}

const ProtobufCMessage *value_message(const void *value)
{
	return *(ProtobufCMessage *const *)value;
}

enum wm_code message_walk(const ProtobufCMessage *m, message_visitor *visit,
			  const void *context, struct wm_error *err)
{
	TRY(visit(m, context, err));
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		size_t n = f->type == PROTOBUF_C_TYPE_MESSAGE ? field_count(m, f) : 0;

		for (size_t j = 0; j < n; j++)
			TRY(message_walk(value_message(field_value(m, f, j)), visit, context, err));
	}
	return WM_OK;
}

/* --- bytes --------------------------------------------------------------------------- */

struct counting {
	struct arena *arena;
	struct wm_error err; /* why an allocation failed, if one did */
	bool failed;
};

static void *counted_alloc(void *context, size_t size)
{
	struct counting *c = context;
	void *p = NULL;

	if (arena_alloc(&p, c->arena, size, &c->err) != WM_OK)
		c->failed = true;
	return p;
}

static void counted_free(void *context, void *p)
{
	(void)context, (void)p; /* the arena frees everything at once */
}

static bool text_valid(const char *text)
{
	return utf8_valid((const uint8_t *)text, strlen(text));
}

static bool value_valid(const ProtobufCFieldDescriptor *f, const void *value)
{
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return text_valid(*(char *const *)value);
	if (f->type == PROTOBUF_C_TYPE_ENUM)
		return protobuf_c_enum_descriptor_get_value(f->descriptor, *(const int *)value);
	return true;
}

/* Message visitor: what unpacking lets through and re-encoding does not show. */
static enum wm_code check_values(const ProtobufCMessage *m, const void *context,
				 struct wm_error *err)
{
	const enum reason *reason = context;
	const struct scalar *scalar = scalar_find(m->descriptor);

	if (m->n_unknown_fields > 0)
		return fail(err, *reason, "%s has a field that this version does not know",
			    m->descriptor->short_name);
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

		for (size_t j = 0; j < field_count(m, f); j++)
			if (!value_valid(f, field_value(m, f, j)))
				return fail(err, *reason, "%s.%s has a value that is not allowed",
					    m->descriptor->short_name, f->name);
	}
	if (scalar && !scalar->valid(m))
		return fail(err, *reason, "a %s is not %s", m->descriptor->short_name,
			    scalar->form);
	return WM_OK;
}

enum wm_code message_decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
			    struct arena *a, const void *data, size_t len, enum reason reason,
			    struct wm_error *err)
{
	struct counting counting = { .arena = a };
	ProtobufCAllocator allocator = { counted_alloc, counted_free, &counting };
	cleanup_buf struct buf again = BUF_INIT(len);
	ProtobufCMessage *m = protobuf_c_message_unpack(d, &allocator, len, data);

	if (counting.failed)
		return fail_again(err, &counting.err);
	if (!m)
		return fail(err, reason, "the bytes are not a well-formed %s", d->short_name);
	TRY(message_walk(m, check_values, &reason, err));
	if (protobuf_c_message_get_packed_size(m) != len)
		return fail(err, reason, "the bytes are not in canonical form");
	TRY(message_encode(&again, m, err));
	if (memcmp(again.data, data, len) != 0)
		return fail(err, reason, "the bytes are not in canonical form");
	*out = m;
	return WM_OK;
}

enum wm_code message_encode(struct buf *out, const ProtobufCMessage *m, struct wm_error *err)
{
	size_t len = protobuf_c_message_get_packed_size(m);

	TRY(buf_reserve(out, len, err));
	if (len == 0)
		return WM_OK;
	protobuf_c_message_pack(m, out->data + out->len);
	out->len += len;
	out->data[out->len] = 0;
	return WM_OK;
}
