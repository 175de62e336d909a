/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of statement_validate() share. */
#ifndef STATEMENT_VALIDATE_H
#define STATEMENT_VALIDATE_H

#include "statement/statement.h"

/*
 * The rules of transfers, orders, events, certificates and revocations; WM_OK for messages of
 * other kinds. Fails with `statement-invalid`, `limit`.
 */
MUST_USE enum wm_code validate_orders(const ProtobufCMessage *m, struct wm_error *err);

/*
 * Whether nothing of statements of this type may be withheld, since consequences are computed from
 * what they say.
 */
bool validate_is_open(const ProtobufCMessageDescriptor *d);

/* The first field that `m` has to have and has not, or NULL. Static. */
const char *validate_required(const ProtobufCMessage *m);

#endif
