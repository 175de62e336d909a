/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Semantic scalars: the one-field messages of proto/weightmark/v1/scalar.proto and
 * the text that stands for them in JSON and YAML. One row a scalar, found by its
 * descriptor; a value has exactly one text form.
 */
#ifndef STATEMENT_SCALAR_H
#define STATEMENT_SCALAR_H

#include <protobuf-c/protobuf-c.h>

#include "util/arena.h"
#include "util/buf.h"

struct scalar {
	const ProtobufCMessageDescriptor *descriptor;
	const char *form; /* what the text looks like, for messages */
	/*
	 * Fills the message from text; false where the text has another form. What the
	 * message points to goes to `room`, which has len + 1 zero bytes.
	 */
	bool (*parse)(ProtobufCMessage *m, const char *text, size_t len, char *room);
	/* Whether a message that came from bytes holds a value of the form. */
	bool (*valid)(const ProtobufCMessage *m);
	/* Appends the text form of a valid message. */
	enum wm_code (*print)(struct buf *out, const ProtobufCMessage *m, struct wm_error *err);
};

/* What the text of a statement id begins with; 64 hexadecimal digits follow. */
#define STATEMENT_PREFIX "wm:"

/* The row of `descriptor`, or NULL where it is no semantic scalar. Static. */
const struct scalar *scalar_find(const ProtobufCMessageDescriptor *descriptor);

/* Makes a message in `a` from text; stores NULL where the text has another form. */
MUST_USE enum wm_code scalar_read(ProtobufCMessage **out, const struct scalar *scalar,
				  const char *text, size_t len, struct arena *a,
				  struct wm_error *err);

enum { SECONDS_A_DAY = 86400 };

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar, and back. */
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);
void civil_from_days(int64_t days, int *year, int *month, int *day);

/* Seconds since the epoch as "2026-11-20T18:00:00Z" (RFC 3339, years 0001 to 9999). */
enum { TIME_TEXT = 20 };
void time_text(char out[TIME_TEXT + 1], int64_t seconds);

#endif
