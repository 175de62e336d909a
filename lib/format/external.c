/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external: a file of plain bytes whose tensors another file of the checkpoint names.
 *
 *	file = ( tensor | skeleton )*
 *
 * What is where, is said there: no file is parsed as this, lib/checkpoint/external.c makes
 * it of what parsed as raw.
 */
#include "format/format.h"

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	return format_raw.parse(l, w, err);
}

const struct format format_external = { .grammar = "external/1", .parse = parse };
