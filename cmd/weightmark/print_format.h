/* SPDX-License-Identifier: Apache-2.0 */
/* printf for people's eyes: what %s brings in is escaped, what the format says is not. */
#ifndef PRINT_FORMAT_H
#define PRINT_FORMAT_H

#include <stdarg.h>

#include "util/buf.h"

/* Appends the formatted text; see print() in output.h for the conversions. */
MUST_USE enum wm_code format_escaped(struct buf *to, const char *format, va_list args,
				     struct wm_error *err)
	__attribute__((format(printf, 2, 0)));

#endif
