/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making text of unknown origin safe to show. Every byte that comes from input
 * passes through here on its way to a terminal, so that a name can neither move
 * the cursor nor write a line that looks like ours.
 */
#ifndef UTIL_ESCAPE_H
#define UTIL_ESCAPE_H

#include <stddef.h>

#include "util/buf.h"

/*
 * Appends `len` bytes of `text` to `out`: well-formed printable characters as they
 * are, the backslash doubled, unsafe characters (utf8_unsafe) as \u{hex}, bytes
 * that are not UTF-8 as \xHH. The result is valid UTF-8 on one line.
 */
MUST_USE enum wm_code escape_append(struct buf *out, const char *text, size_t len,
				    struct wm_error *err);

/* Appends `text` between single quotes, escaped, so that its ends are visible. */
MUST_USE enum wm_code escape_quoted(struct buf *out, const char *text, size_t len,
				    struct wm_error *err);

/*
 * How many bytes of an address may be shown, at most `max`: its scheme alone where something like
 * USER:PASSWORD@ may follow.
 */
size_t address_shown(const char *text, size_t max);

#endif
