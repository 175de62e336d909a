/* SPDX-License-Identifier: Apache-2.0 */
/* From schema messages to trees of values. */
#include "statement/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "statement/place.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "weightmark/v1/common.pb-c.h"

struct writer {
	struct tree *tree;
	const Weightmark__V1__Header *header; /* whose sealed values are put back, or NULL */
};

static enum wm_code write_message(struct node **out, const struct writer *w,
				  const ProtobufCMessage *m, const struct place *p,
				  struct wm_error *err);

static enum wm_code write_value(struct node **out, const struct writer *w,
				const ProtobufCFieldDescriptor *f, const void *value,
				const struct place *p, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	const ProtobufCEnumValue *named;
	const struct scalar *scalar;

	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		scalar = scalar_find(f->descriptor);
		if (!scalar)
			return write_message(out, w, value_message(value), p, err);
		TRY(scalar->print(&text, value_message(value), err));
		return node_text(out, w->tree, buf_str(&text), text.len, err);
	case PROTOBUF_C_TYPE_STRING: {
		const char *string = *(char *const *)value;

		return node_text(out, w->tree, string, strlen(string), err);
	}
	case PROTOBUF_C_TYPE_ENUM:
		named = protobuf_c_enum_descriptor_get_value(f->descriptor, *(const int *)value);
		if (!named)
			return fail(err, REASON_INTERNAL, "%s has a nameless value", f->name);
		return node_text(out, w->tree, named->name, strlen(named->name), err);
	case PROTOBUF_C_TYPE_UINT64:
		return node_integer(out, w->tree, *(const uint64_t *)value, err);
	case PROTOBUF_C_TYPE_UINT32:
		return node_integer(out, w->tree, *(const uint32_t *)value, err);
	default:
		return fail(err, REASON_INTERNAL, "%s has a type that documents do not carry",
			    f->name);
	}
}

static int compare_pointer(const void *key, const void *element)
{
	Weightmark__V1__Sealed *const *sealed = element;

	return strcmp(key, (*sealed)->pointer);
}

/* The sealed value at `p`, or NULL. */
static enum wm_code find_sealed(const Weightmark__V1__Sealed **out, const struct writer *w,
				const struct place *p, struct wm_error *err)
{
	cleanup_buf struct buf pointer = BUF_INIT(LIMIT_POINTER);
	Weightmark__V1__Sealed **found;

	*out = NULL;
	if (!w->header || w->header->n_sealed == 0)
		return WM_OK;
	TRY(place_pointer(&pointer, p, err));
	found = bsearch(buf_str(&pointer), w->header->sealed, w->header->n_sealed,
			sizeof(*w->header->sealed), compare_pointer);
	if (found)
		*out = *found;
	return WM_OK;
}

static enum wm_code write_sealed(struct node **out, const struct writer *w,
				 const Weightmark__V1__Sealed *sealed, struct wm_error *err)
{
	const struct scalar *scalar = scalar_find(sealed->digest->base.descriptor);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_ID);

	TRY(scalar->print(&text, &sealed->digest->base, err));
	TRY(node_new(out, w->tree, NODE_MAP, err));
	return node_set_text(*out, w->tree, "sealed", buf_str(&text), err);
}

/* A list of the open values in order, with the sealed ones at their indexes between. */
static enum wm_code write_list(struct node **out, const struct writer *w,
			       const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			       const struct place *p, struct wm_error *err)
{
	size_t n = field_count(m, f), i = 0;

	*out = NULL;
	for (struct place here = { p, NULL, 0 };; here.index++) {
		const Weightmark__V1__Sealed *sealed = NULL;
		struct node *child = NULL;

		TRY(find_sealed(&sealed, w, &here, err));
		if (!sealed && i == n)
			return WM_OK;
		if (!*out)
			TRY(node_new(out, w->tree, NODE_LIST, err));
		if (sealed)
			TRY(write_sealed(&child, w, sealed, err));
		else
			TRY(write_value(&child, w, f, field_value(m, f, i++), &here, err));
		node_append(*out, child);
	}
}

/* Stores NULL at `out` for a field that is absent. */
static enum wm_code write_field(struct node **out, const struct writer *w,
				const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
				const struct place *p, struct wm_error *err)
{
	const Weightmark__V1__Sealed *sealed = NULL;

	*out = NULL;
	TRY(find_sealed(&sealed, w, p, err));
	if (sealed)
		return write_sealed(out, w, sealed, err);
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return write_list(out, w, m, f, p, err);
	if (field_count(m, f) == 0)
		return WM_OK;
	return write_value(out, w, f, field_value(m, f, 0), p, err);
}

static enum wm_code write_message(struct node **out, const struct writer *w,
				  const ProtobufCMessage *m, const struct place *p,
				  struct wm_error *err)
{
	TRY(node_new(out, w->tree, NODE_MAP, err));
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		struct place here = { p, f->name, 0 };
		struct node *child = NULL;

		if (mapping_hides(f))
			continue;
		TRY(write_field(&child, w, m, f, &here, err));
		if (child)
			TRY(node_set(*out, w->tree, f->name, child, err));
	}
	return WM_OK;
}

enum wm_code mapping_write(struct node **out, struct tree *t, const ProtobufCMessage *message,
			   struct wm_error *err)
{
	const ProtobufCFieldDescriptor *f = header_field(message->descriptor);
	struct writer w = { t, NULL };

	if (f)
		w.header = *(Weightmark__V1__Header *const *)field_place(message, f);
	return write_message(out, &w, message, NULL, err);
}
