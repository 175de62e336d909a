/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing sidecar files in their one canonical form. */
#include "statement/sidecar.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"
#include "weightmark/v1/envelope.pb-c.h"

/*
 * Decoding may take this many bytes a byte of input, and as many as LIMIT_SEALED openings
 * of short values need: a real sidecar is mostly payload, so more is an attempt to blow
 * it up.
 */
enum { DECODE_FACTOR = 4, DECODE_EXTRA = 262144 };

static const char magic[] = "weightmark/1";
static const char opening_domain[] = "wmSealedV1"; /* with its zero byte */

bool sidecar_begins(const uint8_t start[SIDECAR_START])
{
	static const uint8_t tag_and_len[] = { 0x0a, sizeof(magic) - 1 };

	return memcmp(start, tag_and_len, sizeof(tag_and_len)) == 0 &&
	       memcmp(start + sizeof(tag_and_len), magic, sizeof(magic) - 1) == 0;
}

void sidecar_release(struct sidecar *s)
{
	arena_release(&s->arena);
}

static bool keyid_valid(const char *keyid)
{
	uint8_t bytes[KEYID_BYTES];

	return strlen(keyid) == KEYID_HEX && hex_decode(bytes, keyid, KEYID_HEX);
}

static enum wm_code take_envelope(struct envelope *out, const Weightmark__V1__Envelope *e,
				  const char *name, struct wm_error *err)
{
	if (e->n_signatures == 0)
		return fail(err, REASON_UNSIGNED, "%s: an envelope has no signature", name);
	if (e->n_signatures > 1)
		return fail(err, REASON_SIDECAR_MALFORMED,
			    "%s: an envelope has %zu signatures, not one", name, e->n_signatures);
	if (strcmp(e->payloadtype, envelope_payload_type) != 0)
		return fail(err, REASON_PAYLOAD_TYPE, "%s: payloadType '%.64s'", name,
			    e->payloadtype);
	if (e->payload.len > LIMIT_STATEMENT)
		return fail(err, REASON_LIMIT, "%s: a payload of %zu bytes", name, e->payload.len);
	if (!keyid_valid(e->signatures[0]->keyid))
		return fail(err, REASON_SIDECAR_MALFORMED, "%s: a keyid is not 64 hex digits",
			    name);
	out->payload = e->payload.data;
	out->payload_len = e->payload.len;
	out->sig = e->signatures[0]->sig.data;
	out->sig_len = e->signatures[0]->sig.len;
	out->keyid = e->signatures[0]->keyid;
	return statement_id(out->statement, out->payload, out->payload_len, err);
}

static enum wm_code take_envelopes(struct sidecar *s, const Weightmark__V1__Sidecar *message,
				   const char *name, struct wm_error *err)
{
	void *list = NULL;

	if (message->n_envelope == 0)
		return fail(err, REASON_UNSIGNED, "%s: carries no statement", name);
	if (message->n_envelope > LIMIT_ENVELOPES)
		return fail(err, REASON_LIMIT, "%s: %zu envelopes, more than %d", name,
			    message->n_envelope, LIMIT_ENVELOPES);
	TRY(arena_alloc(&list, &s->arena, message->n_envelope * sizeof(*s->envelopes), err));
	s->envelopes = list;
	s->n_envelopes = message->n_envelope;
	for (size_t i = 0; i < s->n_envelopes; i++) {
		TRY(take_envelope(&s->envelopes[i], message->envelope[i], name, err));
		if (i > 0 && envelope_compare(&s->envelopes[i - 1], &s->envelopes[i]) >= 0)
			return fail(err, REASON_SIDECAR_ORDER,
				    "%s: envelope %zu is not in its place", name, i + 1);
	}
	return WM_OK;
}

static int opening_compare(const struct opening *a, const struct opening *b)
{
	int order = memcmp(a->statement, b->statement, SHA256_BYTES);

	return order ? order : strcmp(a->pointer, b->pointer);
}

static enum wm_code take_openings(struct sidecar *s, const Weightmark__V1__Sidecar *message,
				  const char *name, struct wm_error *err)
{
	void *list = NULL;

	if (message->n_opening > LIMIT_SEALED)
		return fail(err, REASON_LIMIT, "%s: %zu openings, more than %d", name,
			    message->n_opening, LIMIT_SEALED);
	TRY(arena_alloc(&list, &s->arena, message->n_opening * sizeof(*s->openings), err));
	s->openings = list;
	s->n_openings = message->n_opening;
	for (size_t i = 0; i < s->n_openings; i++) {
		const Weightmark__V1__Opening *o = message->opening[i];

		if (o->salt.len != OPENING_SALT)
			return fail(err, REASON_SIDECAR_MALFORMED, "%s: a salt of %zu bytes", name,
				    o->salt.len);
		memcpy(s->openings[i].statement, o->statement->sha256.data, SHA256_BYTES);
		s->openings[i].pointer = o->pointer;
		s->openings[i].salt = o->salt.data;
		s->openings[i].value = o->value.data;
		s->openings[i].value_len = o->value.len;
		if (i > 0 && opening_compare(&s->openings[i - 1], &s->openings[i]) >= 0)
			return fail(err, REASON_SIDECAR_ORDER,
				    "%s: opening %zu is not in its place", name, i + 1);
	}
	return WM_OK;
}

static enum wm_code decode(struct sidecar *s, const void *data, size_t len, const char *name,
			   struct wm_error *err)
{
	const Weightmark__V1__Sidecar *message;
	ProtobufCMessage *m = NULL;
	enum wm_code code;

	code = message_decode(&m, &weightmark__v1__sidecar__descriptor, &s->arena, data, len,
			      REASON_SIDECAR_MALFORMED, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	message = (const Weightmark__V1__Sidecar *)m;
	if (strcmp(message->magic, magic) != 0)
		return fail(err, REASON_SIDECAR_MALFORMED, "%s: does not begin with '%s'", name,
			    magic);
	TRY(take_envelopes(s, message, name, err));
	return take_openings(s, message, name, err);
}

enum wm_code sidecar_decode(struct sidecar *out, const void *data, size_t len, const char *name,
			    struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { .arena = ARENA_INIT(len * DECODE_FACTOR +
								 DECODE_EXTRA) };

	if (len > LIMIT_SIDECAR)
		return fail(err, REASON_LIMIT, "%s: %zu bytes, more than %d", name, len,
			    LIMIT_SIDECAR);
	TRY(decode(&s, data, len, name, err));
	*out = s;
	s.arena.chunks = NULL;
	return WM_OK;
}

static int compare(const void *a, const void *b)
{
	return envelope_compare(a, b);
}

/* A copy of bytes in `a` as a protobuf value. */
static enum wm_code copy_bytes(ProtobufCBinaryData *out, struct arena *a, const void *data,
			       size_t len, struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, a, data, len, err));
	*out = (ProtobufCBinaryData){ len, (uint8_t *)copy };
	return WM_OK;
}

static enum wm_code make_envelope(Weightmark__V1__Envelope **out, struct arena *a,
				  const struct envelope *e, struct wm_error *err)
{
	ProtobufCMessage *envelope = NULL, *signature = NULL;
	Weightmark__V1__Signature *s;
	void *list = NULL;

	TRY(message_new(&envelope, &weightmark__v1__envelope__descriptor, a, err));
	TRY(message_new(&signature, &weightmark__v1__signature__descriptor, a, err));
	TRY(arena_alloc(&list, a, sizeof(signature), err));
	*out = (Weightmark__V1__Envelope *)envelope;
	s = (Weightmark__V1__Signature *)signature;
	(*out)->signatures = list;
	(*out)->signatures[0] = s;
	(*out)->n_signatures = 1;
	TRY(copy_bytes(&(*out)->payload, a, e->payload, e->payload_len, err));
	TRY(copy_bytes(&s->sig, a, e->sig, e->sig_len, err));
	TRY(arena_copy(&s->keyid, a, e->keyid, strlen(e->keyid), err));
	return arena_copy(&(*out)->payloadtype, a, envelope_payload_type,
			  strlen(envelope_payload_type), err);
}

static int compare_openings(const void *a, const void *b)
{
	return opening_compare(a, b);
}

static enum wm_code make_opening(Weightmark__V1__Opening **out, struct arena *a,
				 const struct opening *o, struct wm_error *err)
{
	ProtobufCMessage *m = NULL, *id = NULL;

	TRY(message_new(&m, &weightmark__v1__opening__descriptor, a, err));
	TRY(message_new(&id, &weightmark__v1__statement_id__descriptor, a, err));
	*out = (Weightmark__V1__Opening *)m;
	(*out)->statement = (Weightmark__V1__StatementId *)id;
	TRY(copy_bytes(&(*out)->statement->sha256, a, o->statement, SHA256_BYTES, err));
	TRY(arena_copy(&(*out)->pointer, a, o->pointer, strlen(o->pointer), err));
	TRY(copy_bytes(&(*out)->salt, a, o->salt, OPENING_SALT, err));
	return copy_bytes(&(*out)->value, a, o->value, o->value_len, err);
}

static enum wm_code add_openings(Weightmark__V1__Sidecar *message, struct arena *a,
				 struct opening *openings, size_t n, struct wm_error *err)
{
	void *list = NULL;

	if (n == 0)
		return WM_OK;
	if (n > LIMIT_SEALED)
		return fail(err, REASON_LIMIT, "%zu openings, more than %d", n, LIMIT_SEALED);
	qsort(openings, n, sizeof(*openings), compare_openings);
	TRY(arena_alloc(&list, a, n * sizeof(*message->opening), err));
	message->opening = list;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && opening_compare(&openings[i - 1], &openings[i]) == 0)
			continue;
		TRY(make_opening(&message->opening[message->n_opening], a, &openings[i], err));
		message->n_opening++;
	}
	return WM_OK;
}

enum wm_code sidecar_encode_all(struct buf *out, struct envelope *envelopes, size_t n,
				struct opening *openings, size_t n_openings, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	Weightmark__V1__Sidecar message = WEIGHTMARK__V1__SIDECAR__INIT;
	void *list = NULL;

	if (n == 0)
		return fail(err, REASON_INTERNAL, "a sidecar without envelopes");
	if (n > LIMIT_ENVELOPES)
		return fail(err, REASON_LIMIT, "%zu envelopes, more than %d", n, LIMIT_ENVELOPES);
	qsort(envelopes, n, sizeof(*envelopes), compare);
	TRY(arena_alloc(&list, &a, n * sizeof(*message.envelope), err));
	TRY(arena_copy(&message.magic, &a, magic, sizeof(magic) - 1, err));
	message.envelope = list;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && envelope_compare(&envelopes[i - 1], &envelopes[i]) == 0)
			continue;
		TRY(make_envelope(&message.envelope[message.n_envelope], &a, &envelopes[i], err));
		message.n_envelope++;
	}
	TRY(add_openings(&message, &a, openings, n_openings, err));
	return message_encode(out, &message.base, err);
}

enum wm_code sidecar_encode(struct buf *out, struct envelope *envelopes, size_t n,
			    struct wm_error *err)
{
	return sidecar_encode_all(out, envelopes, n, NULL, 0, err);
}

enum wm_code opening_digest(uint8_t out[SHA256_BYTES], const struct opening *o,
			    struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(sizeof(opening_domain) + OPENING_SALT + o->value_len);

	TRY(buf_append(&b, opening_domain, sizeof(opening_domain), err));
	TRY(buf_append(&b, o->salt, OPENING_SALT, err));
	TRY(buf_append(&b, o->value, o->value_len, err));
	return sha256_of(out, b.data, b.len, err);
}
