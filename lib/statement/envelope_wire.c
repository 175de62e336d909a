/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes between memory and their message. */
#include "statement/envelope_wire.h"

#include <string.h>

#include "statement/message.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

bool keyid_valid(const char *keyid)
{
	uint8_t bytes[KEYID_BYTES];

	return strlen(keyid) == KEYID_HEX && hex_decode(bytes, keyid, KEYID_HEX);
}

enum wm_code envelope_take(struct envelope *out, const Weightmark__V1__Envelope *e,
			   enum reason malformed, const char *name, struct wm_error *err)
{
	if (e->n_signatures == 0)
		return fail(err, REASON_UNSIGNED, "%s: an envelope has no signature", name);
	if (e->n_signatures > 1)
		return fail(err, malformed,
			    "%s: an envelope has %zu signatures, not one", name, e->n_signatures);
	if (strcmp(e->payloadtype, envelope_payload_type) != 0)
		return fail(err, REASON_PAYLOAD_TYPE, "%s: payloadType '%.64s'", name,
			    e->payloadtype);
	if (e->payload.len > LIMIT_STATEMENT)
		return fail(err, REASON_LIMIT, "%s: a payload of %zu bytes", name, e->payload.len);
	if (!keyid_valid(e->signatures[0]->keyid))
		return fail(err, malformed, "%s: a keyid is not 64 hex digits", name);
	out->payload = e->payload.data;
	out->payload_len = e->payload.len;
	out->sig = e->signatures[0]->sig.data;
	out->sig_len = e->signatures[0]->sig.len;
	out->keyid = e->signatures[0]->keyid;
	return statement_id(out->statement, out->payload, out->payload_len, err);
}

enum wm_code copy_bytes(ProtobufCBinaryData *out, struct arena *a, const void *data, size_t len,
			struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, a, data, len, err));
	*out = (ProtobufCBinaryData){ len, (uint8_t *)copy };
	return WM_OK;
}

enum wm_code envelope_make(Weightmark__V1__Envelope **out, struct arena *a,
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
