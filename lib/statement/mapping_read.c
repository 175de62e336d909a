/* SPDX-License-Identifier: Apache-2.0 */
/* From trees of values to schema messages. */
#include "statement/mapping.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "statement/place.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "util/nearest.h"
#include "weightmark/v1/common.pb-c.h"

struct sealed_value {
	struct sealed_value *next;
	Weightmark__V1__Sealed *message;
};

struct reader {
	const struct mapping *mapping;
	struct sealed_value *first_sealed, **last_sealed;
	size_t n_sealed;
};

static const char sealed_key[] = "sealed";

bool mapping_hides(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       f->descriptor == &weightmark__v1__sealed__descriptor;
}

/* A mistake at `n`: "m.yaml: line 4: model.licence: MESSAGE". */
__attribute__((format(printf, 5, 6))) static enum wm_code
mistake(const struct reader *r, const struct node *n, const struct place *p, struct wm_error *err,
	const char *format, ...)
{
	char what[LIMIT_MESSAGE], where[LIMIT_MESSAGE], line[32] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	place_text(where, sizeof(where), p);
	if (n->line)
		snprintf(line, sizeof(line), "line %u: ", n->line);
	return fail(err, r->mapping->reason, "%s: %s%s%s%s", r->mapping->name, line, where,
		    *where ? ": " : "", what);
}

static enum wm_code read_message(const ProtobufCMessage **out, struct reader *r,
				 const ProtobufCMessageDescriptor *d, const struct node *n,
				 const struct place *p, struct wm_error *err);

static enum wm_code read_scalar(const ProtobufCMessage **out, struct reader *r,
				const struct scalar *scalar, const struct node *n,
				const struct place *p, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	if (n->kind != NODE_TEXT)
		return mistake(r, n, p, err, "is %s, not %s", node_kind_name(n->kind),
			       scalar->form);
	TRY(scalar_read(&m, scalar, n->text, n->len, r->mapping->arena, err));
	if (!m)
		return mistake(r, n, p, err, "'%.64s' is not %s", n->text, scalar->form);
	*out = m;
	return WM_OK;
}

/* No word of the schema: the nearest one is named, or all of them where none is near. */
static enum wm_code unknown_word(struct reader *r, const ProtobufCEnumDescriptor *d,
				 const struct node *n, const struct place *p, struct wm_error *err)
{
	const char *names[LIMIT_ENUM_VALUES] = { NULL };
	char all[LIMIT_MESSAGE] = "";
	const char *near;
	size_t n_names = 0, len = 0;

	for (; n_names < d->n_values && n_names < LIMIT_ENUM_VALUES; n_names++)
		names[n_names] = d->values[n_names].name;
	near = nearest(n->text, names, n_names);
	if (near)
		return mistake(r, n, p, err, "'%.64s' is not one of its words; the nearest is '%s'",
			       n->text, near);
	for (size_t i = 0; i < n_names && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
					names[i]);
	return mistake(r, n, p, err, "'%.64s' is not one of %s", n->text, all);
}

static enum wm_code read_enum(int *out, struct reader *r, const ProtobufCEnumDescriptor *d,
			      const struct node *n, const struct place *p, struct wm_error *err)
{
	const ProtobufCEnumValue *value;

	if (n->kind != NODE_TEXT)
		return mistake(r, n, p, err, "is %s, not one of the words that it may be",
			       node_kind_name(n->kind));
	value = protobuf_c_enum_descriptor_get_value_by_name(d, n->text);
	if (!value)
		return unknown_word(r, d, n, p, err);
	*out = value->value;
	return WM_OK;
}

/* Reads decimal digits without needless zeros; what is too large stays too large. */
static bool whole_number(uint64_t *out, const struct node *n)
{
	uint64_t value = 0;

	if (n->len == 0 || (n->text[0] == '0' && n->len > 1))
		return false;
	for (size_t i = 0; i < n->len; i++) {
		if (n->text[i] < '0' || n->text[i] > '9')
			return false;
		if (value <= NODE_INTEGER_MAX)
			value = value * 10 + (uint64_t)(n->text[i] - '0');
	}
	*out = value;
	return true;
}

static enum wm_code read_integer(uint64_t *out, struct reader *r, const struct node *n,
				 uint64_t max, const struct place *p, struct wm_error *err)
{
	uint64_t value = 0;

	if (n->kind == NODE_INTEGER && n->integer >= 0)
		value = (uint64_t)n->integer;
	else if (n->kind == NODE_INTEGER)
		return mistake(r, n, p, err, "is negative");
	else if (n->kind != NODE_TEXT || !n->plain || !r->mapping->plain_numbers)
		return mistake(r, n, p, err, "is %s, not a whole number", node_kind_name(n->kind));
	else if (!whole_number(&value, n))
		return mistake(r, n, p, err, "'%.64s' is not a whole number like 1000", n->text);
	if (value > max)
		return mistake(r, n, p, err, "is larger than %llu", (unsigned long long)max);
	*out = value;
	return WM_OK;
}

/* Stores the value of one node at `place`, where field_reserve() made room. */
static enum wm_code read_value(void *place, struct reader *r, const ProtobufCFieldDescriptor *f,
			       const struct node *n, const struct place *p, struct wm_error *err)
{
	uint64_t integer = 0;

	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE: {
		const struct scalar *scalar = scalar_find(f->descriptor);

		if (scalar)
			return read_scalar(place, r, scalar, n, p, err);
		return read_message(place, r, f->descriptor, n, p, err);
	}
	case PROTOBUF_C_TYPE_STRING:
		if (n->kind != NODE_TEXT)
			return mistake(r, n, p, err, "is %s, not text", node_kind_name(n->kind));
		return arena_copy(place, r->mapping->arena, n->text, n->len, err);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(place, r, f->descriptor, n, p, err);
	case PROTOBUF_C_TYPE_UINT64:
		TRY(read_integer(&integer, r, n, NODE_INTEGER_MAX, p, err));
		*(uint64_t *)place = integer;
		return WM_OK;
	case PROTOBUF_C_TYPE_UINT32:
		TRY(read_integer(&integer, r, n, UINT32_MAX, p, err));
		*(uint32_t *)place = (uint32_t)integer;
		return WM_OK;
	default:
		return fail(err, REASON_INTERNAL, "%s has a type that documents do not carry",
			    f->name);
	}
}

static bool is_sealed(const struct node *n)
{
	return n->kind == NODE_MAP && n->len == 1 && strcmp(n->first->key, sealed_key) == 0;
}

/* Keeps the place and digest of {"sealed": digest}. */
static enum wm_code read_sealed(struct reader *r, const struct node *n, const struct place *p,
				struct wm_error *err)
{
	struct place inner = { p, sealed_key, 0 };
	cleanup_buf struct buf pointer = BUF_INIT(LIMIT_POINTER);
	ProtobufCMessage *sealed = NULL;
	Weightmark__V1__Sealed *message;
	const ProtobufCMessage *digest = NULL;
	void *value = NULL;

	if (r->n_sealed >= LIMIT_SEALED)
		return fail(err, REASON_LIMIT, "%s: more than %d sealed values", r->mapping->name,
			    LIMIT_SEALED);
	TRY(read_scalar(&digest, r, scalar_find(&weightmark__v1__digest__descriptor), n->first,
			&inner, err));
	TRY(message_new(&sealed, &weightmark__v1__sealed__descriptor, r->mapping->arena, err));
	TRY(place_pointer(&pointer, p, err));
	message = (Weightmark__V1__Sealed *)sealed;
	memcpy(&message->digest, &digest, sizeof(digest));
	TRY(arena_copy(&message->pointer, r->mapping->arena, pointer.data, pointer.len, err));
	TRY(arena_alloc(&value, r->mapping->arena, sizeof(struct sealed_value), err));
	*r->last_sealed = value;
	(*r->last_sealed)->message = message;
	r->last_sealed = &(*r->last_sealed)->next;
	r->n_sealed++;
	return WM_OK;
}

/* A word that a newer schema added: the field is as if it were not there. */
static bool is_newer_word(const struct reader *r, const ProtobufCFieldDescriptor *f,
			  const struct node *n)
{
	return r->mapping->ignore_unknown && f->type == PROTOBUF_C_TYPE_ENUM &&
	       n->kind == NODE_TEXT &&
	       !protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, n->text);
}

static enum wm_code read_list(ProtobufCMessage *m, struct reader *r,
			      const ProtobufCFieldDescriptor *f, const struct node *n,
			      const struct place *p, struct wm_error *err)
{
	struct place here = { p, NULL, 0 };
	size_t n_open = 0;
	void *values = NULL;

	if (n->kind != NODE_LIST)
		return mistake(r, n, p, err, "is %s, not a list; write '- ' before each value",
			       node_kind_name(n->kind));
	for (const struct node *c = n->first; c; c = c->next)
		n_open += !is_sealed(c) && !is_newer_word(r, f, c);
	if (n_open > 0)
		TRY(field_reserve(&values, m, f, n_open, r->mapping->arena, err));
	for (const struct node *c = n->first; c; c = c->next, here.index++) {
		if (is_sealed(c)) {
			TRY(read_sealed(r, c, &here, err));
			continue;
		}
		if (is_newer_word(r, f, c))
			continue;
		TRY(read_value(values, r, f, c, &here, err));
		values = (char *)values + field_value_size(f);
	}
	return WM_OK;
}

static enum wm_code read_field(ProtobufCMessage *m, struct reader *r,
			       const ProtobufCFieldDescriptor *f, const struct node *n,
			       const struct place *p, struct wm_error *err)
{
	void *value = NULL;

	if (is_sealed(n))
		return read_sealed(r, n, p, err);
	if (n->kind == NODE_NULL)
		return mistake(r, n, p, err, "has no value; fill it in or remove the line");
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return read_list(m, r, f, n, p, err);
	if (is_newer_word(r, f, n))
		return WM_OK;
	TRY(field_reserve(&value, m, f, 1, r->mapping->arena, err));
	return read_value(value, r, f, n, p, err);
}

static enum wm_code unknown_field(struct reader *r, const ProtobufCMessageDescriptor *d,
				  const struct node *n, const struct place *p,
				  struct wm_error *err)
{
	const char *names[LIMIT_FIELDS];
	const char *near;
	size_t n_names = 0;

	for (unsigned i = 0; i < d->n_fields && n_names < LIMIT_FIELDS; i++)
		if (!mapping_hides(&d->fields[i]))
			names[n_names++] = d->fields[i].name;
	near = nearest(n->key, names, n_names);
	if (near)
		return mistake(r, n, p, err, "unknown field '%.64s'; the nearest is '%s'", n->key,
			       near);
	return mistake(r, n, p, err, "unknown field '%.64s'", n->key);
}

static enum wm_code read_message(const ProtobufCMessage **out, struct reader *r,
				 const ProtobufCMessageDescriptor *d, const struct node *n,
				 const struct place *p, struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	if (n->kind != NODE_MAP)
		return mistake(r, n, p, err, "is %s, not a map of fields",
			       node_kind_name(n->kind));
	TRY(message_new(&m, d, r->mapping->arena, err));
	for (const struct node *c = n->first; c; c = c->next) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(d, c->key);
		struct place here = { p, f ? f->name : NULL, 0 };

		if (f && !mapping_hides(f))
			TRY(read_field(m, r, f, c, &here, err));
		else if (!r->mapping->ignore_unknown)
			return unknown_field(r, d, c, p, err);
	}
	*out = m;
	return WM_OK;
}

static int compare_sealed(const void *a, const void *b)
{
	Weightmark__V1__Sealed *const *left = a, *const *right = b;

	return strcmp((*left)->pointer, (*right)->pointer);
}

/* Moves the sealed values that were met into the header, made where there is none. */
static enum wm_code keep_sealed(ProtobufCMessage *m, struct reader *r, const struct node *n,
				struct wm_error *err)
{
	const ProtobufCFieldDescriptor *f = header_field(m->descriptor);
	ProtobufCMessage **header;
	Weightmark__V1__Header *h;
	void *list = NULL;

	if (r->n_sealed == 0)
		return WM_OK;
	if (!f)
		return mistake(r, n, NULL, err, "nothing can be sealed here");
	header = field_place(m, f);
	if (!*header)
		TRY(message_new(header, f->descriptor, r->mapping->arena, err));
	h = (Weightmark__V1__Header *)*header;
	TRY(arena_alloc(&list, r->mapping->arena, r->n_sealed * sizeof(*h->sealed), err));
	h->sealed = list;
	for (const struct sealed_value *s = r->first_sealed; s; s = s->next)
		h->sealed[h->n_sealed++] = s->message;
	qsort(h->sealed, h->n_sealed, sizeof(*h->sealed), compare_sealed);
	return WM_OK;
}

enum wm_code mapping_read(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
			  const struct node *n, const struct mapping *m, struct wm_error *err)
{
	struct reader r = { .mapping = m };
	const ProtobufCMessage *made = NULL;

	r.last_sealed = &r.first_sealed;
	TRY(read_message(&made, &r, d, n, NULL, err));
	memcpy(out, &made, sizeof(made));
	return keep_sealed(*out, &r, n, err);
}
