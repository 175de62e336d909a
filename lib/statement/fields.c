/* SPDX-License-Identifier: Apache-2.0 */
/* Listing the schema for those who write documents. */
#include "statement/fields.h"

#include <string.h>

#include "statement/scalar.h"
#include "util/limits.h"

/* What sign makes; of the header authors write as_of alone. */
static const char *const made_by_sign[] = { "header", "checkpoint", "run" };

static enum wm_code add_row(struct node *list, struct tree *t, const char *path, const char *value,
			    struct wm_error *err)
{
	struct node *row = NULL;

	TRY(node_append_new(&row, list, t, NODE_MAP, err));
	TRY(node_set_text(row, t, "field", path, err));
	return node_set_text(row, t, "value", value, err);
}

static enum wm_code append_words(struct buf *out, const ProtobufCEnumDescriptor *d,
				 struct wm_error *err)
{
	for (unsigned i = 0; i < d->n_values; i++)
		TRY(buf_printf(out, err, "%s%s", i ? ", " : "", d->values[i].name));
	return WM_OK;
}

static enum wm_code list_message(struct node *list, struct tree *t,
				 const ProtobufCMessageDescriptor *d, const char *prefix,
				 struct wm_error *err);

static enum wm_code list_field(struct node *list, struct tree *t, const ProtobufCFieldDescriptor *f,
			       const char *prefix, struct wm_error *err)
{
	cleanup_buf struct buf path = BUF_INIT(LIMIT_POINTER);
	cleanup_buf struct buf words = BUF_INIT(LIMIT_STATEMENT);
	const struct scalar *scalar;

	TRY(buf_printf(&path, err, "%s%s%s", prefix, f->name,
		       f->label == PROTOBUF_C_LABEL_REPEATED ? "[]" : ""));
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		scalar = scalar_find(f->descriptor);
		if (scalar)
			return add_row(list, t, buf_str(&path), scalar->form, err);
		TRY(buf_append_str(&path, ".", err));
		return list_message(list, t, f->descriptor, buf_str(&path), err);
	case PROTOBUF_C_TYPE_ENUM:
		TRY(append_words(&words, f->descriptor, err));
		return add_row(list, t, buf_str(&path), buf_str(&words), err);
	case PROTOBUF_C_TYPE_STRING:
		return add_row(list, t, buf_str(&path), "text", err);
	default:
		return add_row(list, t, buf_str(&path), "a whole number", err);
	}
}

static bool is_made(const ProtobufCFieldDescriptor *f)
{
	for (size_t i = 0; i < sizeof(made_by_sign) / sizeof(made_by_sign[0]); i++)
		if (strcmp(f->name, made_by_sign[i]) == 0)
			return true;
	return false;
}

static enum wm_code list_message(struct node *list, struct tree *t,
				 const ProtobufCMessageDescriptor *d, const char *prefix,
				 struct wm_error *err)
{
	for (unsigned i = 0; i < d->n_fields; i++)
		if (!is_made(&d->fields[i]))
			TRY(list_field(list, t, &d->fields[i], prefix, err));
	return WM_OK;
}

enum wm_code fields_list(struct node *list, struct tree *t, const struct kind *kind,
			 struct wm_error *err)
{
	TRY(add_row(list, t, "kind", kind->name, err));
	TRY(add_row(list, t, "header.as_of", "a time like 2026-11-20T18:00:00Z", err));
	return list_message(list, t, kind->descriptor, "", err);
}
