/* SPDX-License-Identifier: Apache-2.0 */
/* Reading days and times from options. */
#include "days.h"

#include <string.h>

enum { TEXT_MEMORY = 4096 };

enum wm_code read_day(int32_t *out, const char *option, const char *text, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(TEXT_MEMORY);
	ProtobufCMessage *m = NULL;

	TRY(scalar_read(&m, scalar_find(&weightmark__v1__date__descriptor), text, strlen(text), &a,
			err));
	if (!m)
		return fail(err, REASON_USAGE, "--%s '%.64s' is not a date like 2024-03-08", option,
			    text);
	*out = ((const Weightmark__V1__Date *)m)->days;
	if (!day_is_sane(*out))
		return fail(err, REASON_ORDER_DATE, "--%s: %.64s is no date that an order has",
			    option, text);
	return WM_OK;
}

enum wm_code read_when(struct when *out, const char *option, const char *text,
		       struct wm_error *err)
{
	if (when_read(out, text))
		return WM_OK;
	return fail(err, REASON_USAGE,
		    "--%s '%.64s' is neither a day like 2024-03-08 nor a time like "
		    "2024-03-08T18:00:00Z", option, text);
}
