/* SPDX-License-Identifier: Apache-2.0 */
/* raw: a file of no known format, one run of bytes without tensors. */
#include "format/format.h"

#include <stdlib.h>

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	l->segments = calloc(1, sizeof(*l->segments));
	if (!l->segments)
		return fail_nomem(err);
	l->segments[0].len = w->size;
	l->n_segments = w->size > 0;
	l->size = w->size;
	return WM_OK;
}

const struct format format_raw = { .grammar = "raw/1", .parse = parse };
