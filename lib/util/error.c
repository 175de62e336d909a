/* SPDX-License-Identifier: Apache-2.0 */
/* Filling errors, and the table of reason codes. */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/limits.h"

_Static_assert(sizeof(((struct wm_error *)0)->message) == LIMIT_MESSAGE,
	       "the public header and limits.def disagree");

static const struct reason_info reasons[N_REASONS] = {
	[REASON_NONE] = { "none", WM_OK, "nothing is wrong", "nothing to do" },
#define REASON(id, text, class, sentence, remedy) \
	[REASON_##id] = { text, WM_##class, sentence, remedy },
#include "util/reason.def"
#undef REASON
};

const struct reason_info *reason_info(enum reason reason)
{
	return &reasons[reason < N_REASONS ? reason : REASON_INTERNAL];
}

enum reason reason_find(const char *id)
{
	for (int i = REASON_NONE + 1; i < N_REASONS; i++)
		if (strcmp(reasons[i].id, id) == 0)
			return (enum reason)i;
	return REASON_NONE;
}

int exit_status(enum wm_code code)
{
	switch (code) {
	case WM_OK:
		return 0;
	case WM_FORMAT:
	case WM_LIMIT:
	case WM_MISMATCH:
	case WM_SIGNATURE:
	case WM_POLICY:
	case WM_NOTFOUND:
		return 1;
	case WM_INVALID:
		return 2;
	case WM_IO:
	case WM_NOMEM:
	case WM_INTERNAL:
		break;
	}
	return 3;
}

enum wm_code fail(struct wm_error *err, enum reason reason, const char *format, ...)
{
	const struct reason_info *info = reason_info(reason);
	int saved = errno;
	va_list args;

	if (!err)
		return info->code;
	err->code = info->code;
	err->reason = info->id;
	err->saved_errno = info->code == WM_IO ? saved : 0;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return info->code;
}

enum wm_code fail_again(struct wm_error *err, const struct wm_error *from)
{
	if (err)
		*err = *from;
	return from->code;
}

enum wm_code fail_nomem(struct wm_error *err)
{
	return fail(err, REASON_NO_MEMORY, "out of memory");
}

enum wm_code fail_context(enum wm_code code, struct wm_error *err, const char *format, ...)
{
	char old[LIMIT_MESSAGE];
	va_list args;
	int n;

	if (!err)
		return code;
	memcpy(old, err->message, sizeof(old));
	va_start(args, format);
	n = vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->message))
		snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s", old);
	return code;
}

enum reason error_reason(const struct wm_error *err)
{
	return err->reason ? reason_find(err->reason) : REASON_NONE;
}
