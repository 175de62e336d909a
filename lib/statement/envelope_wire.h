/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes as messages of proto/weightmark/v1/envelope.proto: what sidecars and entries hold. */
#ifndef STATEMENT_ENVELOPE_WIRE_H
#define STATEMENT_ENVELOPE_WIRE_H

#include "statement/envelope.h"
#include "weightmark/v1/envelope.pb-c.h"

/* Whether it is 64 hex digits in lower case. */
bool keyid_valid(const char *keyid);

/*
 * Reads one, which `out` borrows from. Fails with `unsigned`, `payload-type`, `limit`, and
 * `malformed` for anything else. `name` is used in messages.
 */
MUST_USE enum wm_code envelope_take(struct envelope *out, const Weightmark__V1__Envelope *e,
				    enum reason malformed, const char *name, struct wm_error *err);

/* Makes the message of one, all of it in `a`. */
MUST_USE enum wm_code envelope_make(Weightmark__V1__Envelope **out, struct arena *a,
				    const struct envelope *e, struct wm_error *err);

/* A copy of bytes in `a` as a protobuf value. */
MUST_USE enum wm_code copy_bytes(ProtobufCBinaryData *out, struct arena *a, const void *data,
				 size_t len, struct wm_error *err);

#endif
