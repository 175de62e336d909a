/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the places of a document. */
#include "statement/place.h"

#include <stdio.h>
#include <string.h>

enum wm_code place_pointer(struct buf *out, const struct place *p, struct wm_error *err)
{
	if (!p)
		return WM_OK;
	TRY(place_pointer(out, p->up, err));
	if (p->name)
		return buf_printf(out, err, "/%s", p->name);
	return buf_printf(out, err, "/%zu", p->index);
}

void place_text(char *out, size_t size, const struct place *p)
{
	size_t len;

	if (!p) {
		out[0] = '\0';
		return;
	}
	place_text(out, size, p->up);
	len = strlen(out);
	if (p->name)
		snprintf(out + len, size - len, "%s%s", len ? "." : "", p->name);
	else
		snprintf(out + len, size - len, "[%zu]", p->index);
}
