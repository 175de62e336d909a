/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, and the values of the schema that composing makes. */
#include <string.h>

#include "attest/compose.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "util/limits.h"
#include "util/utf8.h"

enum wm_code compose_scalar(void *out, struct composition *c,
			    const ProtobufCMessageDescriptor *d, const char *text,
			    struct wm_error *err)
{
	const struct scalar *scalar = scalar_find(d);
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar, text, strlen(text), &c->arena, err));
	if (!m)
		return fail(err, c->reason, "%s: '%.128s' is not %s", c->name, text, scalar->form);
	memcpy(out, &m, sizeof(m));
	return WM_OK;
}

enum wm_code compose_text(char **out, struct composition *c, const char *text,
			  struct wm_error *err)
{
	if (!utf8_valid((const uint8_t *)text, strlen(text)))
		return fail(err, c->reason, "%s: '%.96s' is not UTF-8", c->name, text);
	return arena_copy(out, &c->arena, text, strlen(text), err);
}

enum wm_code compose_time(Weightmark__V1__Time **out, struct composition *c, int64_t seconds,
			  struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, &weightmark__v1__time__descriptor, &c->arena, err));
	*out = (Weightmark__V1__Time *)m;
	(*out)->seconds = seconds;
	return WM_OK;
}

enum wm_code compose_day(Weightmark__V1__Date **out, struct composition *c, int32_t day,
			 struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, &weightmark__v1__date__descriptor, &c->arena, err));
	*out = (Weightmark__V1__Date *)m;
	(*out)->days = day;
	return WM_OK;
}

enum wm_code compose_when(Weightmark__V1__Time **at, Weightmark__V1__Date **day,
			  struct composition *c, const struct when *when, struct wm_error *err)
{
	*at = NULL;
	*day = NULL;
	return when->day == DAY_NONE ? compose_time(at, c, when->at, err) :
				       compose_day(day, c, when->day, err);
}

enum wm_code compose_digest(Weightmark__V1__Digest **out, struct composition *c,
			    const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	char *copy = NULL;

	TRY(message_new(&m, &weightmark__v1__digest__descriptor, &c->arena, err));
	TRY(arena_copy(&copy, &c->arena, digest, SHA256_BYTES, err));
	*out = (Weightmark__V1__Digest *)m;
	(*out)->sha256 = (ProtobufCBinaryData){ SHA256_BYTES, (uint8_t *)copy };
	return WM_OK;
}

enum wm_code compose_statement_id(Weightmark__V1__StatementId **out, struct composition *c,
				  const uint8_t id[SHA256_BYTES], struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	char *copy = NULL;

	TRY(message_new(&m, &weightmark__v1__statement_id__descriptor, &c->arena, err));
	TRY(arena_copy(&copy, &c->arena, id, SHA256_BYTES, err));
	*out = (Weightmark__V1__StatementId *)m;
	(*out)->sha256 = (ProtobufCBinaryData){ SHA256_BYTES, (uint8_t *)copy };
	return WM_OK;
}

enum wm_code compose_reference(Weightmark__V1__Reference **out, struct composition *c,
			       const char *object, const uint8_t id[SHA256_BYTES],
			       struct wm_error *err)
{
	ProtobufCMessage *m = NULL;

	TRY(message_new(&m, &weightmark__v1__reference__descriptor, &c->arena, err));
	*out = (Weightmark__V1__Reference *)m;
	TRY(compose_statement_id(&(*out)->statement, c, id, err));
	return compose_scalar(&(*out)->object, c, &weightmark__v1__object_id__descriptor, object,
			      err);
}

static enum wm_code make_nonce(Weightmark__V1__Nonce **out, struct composition *c,
			       struct wm_error *err)
{
	ProtobufCMessage *m = NULL;
	void *random = NULL;

	TRY(message_new(&m, &weightmark__v1__nonce__descriptor, &c->arena, err));
	TRY(arena_alloc(&random, &c->arena, OPENING_SALT, err));
	TRY(random_bytes(random, OPENING_SALT, err));
	*out = (Weightmark__V1__Nonce *)m;
	(*out)->random = (ProtobufCBinaryData){ OPENING_SALT, random };
	return WM_OK;
}

enum wm_code compose_header(struct composition *c, struct composed *s, const char *local,
			    struct wm_error *err)
{
	cleanup_buf struct buf object = BUF_INIT(LIMIT_OBJECT);
	Weightmark__V1__Header *h = statement_header(s->message);
	ProtobufCMessage *made = NULL;

	if (!h) {
		const ProtobufCFieldDescriptor *f = header_field(s->kind->descriptor);

		TRY(message_new(&made, f->descriptor, &c->arena, err));
		*(ProtobufCMessage **)field_place(s->message, f) = made;
		h = (Weightmark__V1__Header *)made;
	}
	TRY(buf_printf(&object, err, "%s/%s", c->issuer, local));
	TRY(compose_scalar(&h->object, c, &weightmark__v1__object_id__descriptor,
			   buf_str(&object), err));
	TRY(arena_copy(&h->issuer, &c->arena, c->issuer, strlen(c->issuer), err));
	TRY(compose_time(&h->issued_at, c, c->now, err));
	if (!h->as_of)
		TRY(compose_time(&h->as_of, c, c->now, err));
	TRY(make_nonce(&h->nonce, c, err));
	h->has_sequence = h->has_schema_minor = 1;
	h->sequence = 1;
	h->schema_minor = SCHEMA_MINOR;
	s->object = h->object->text;
	return WM_OK;
}

enum wm_code compose_one(ProtobufCMessage **message, struct composition *c,
			 const ProtobufCMessageDescriptor *d, struct wm_error *err)
{
	void *list = NULL;

	TRY(message_new(message, d, &c->arena, err));
	TRY(arena_alloc(&list, &c->arena, sizeof(*c->statements), err));
	c->statements = list;
	c->n_statements = 1;
	c->statements[0].kind = kind_of_message(d);
	c->statements[0].message = *message;
	return WM_OK;
}

enum wm_code append_local_id(struct buf *out, const char *name, size_t max, struct wm_error *err)
{
	static const char allowed[] =
		"._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *letters = allowed + strlen("._-");
	size_t len;

	name += strcspn(name, letters);
	len = strnlen(name, max);
	for (size_t i = 0; i < len; i++)
		TRY(buf_append_byte(out, strchr(allowed, name[i]) ? (uint8_t)name[i] : '-', err));
	return len == 0 ? buf_append_byte(out, 'x', err) : WM_OK;
}
