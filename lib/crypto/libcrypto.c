/* SPDX-License-Identifier: Apache-2.0 */
/* Draining libcrypto's error queue into our errors. */
#include "crypto/libcrypto.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

#include "util/limits.h"

enum wm_code fail_libcrypto(struct wm_error *err, enum reason reason, const char *format, ...)
{
	char message[LIMIT_MESSAGE];
	const char *said = NULL;
	unsigned long last = 0, next;
	va_list args;

	while ((next = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(next) == ERR_R_MALLOC_FAILURE)
			reason = REASON_NO_MEMORY;
		last = next;
	}
	if (last)
		said = ERR_reason_error_string(last);
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return fail(err, reason, "%s%s%s", message, said ? ": " : "", said ? said : "");
}
