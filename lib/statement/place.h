/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a document one is: a chain of field names and list indexes on the stack. */
#ifndef STATEMENT_PLACE_H
#define STATEMENT_PLACE_H

#include "util/buf.h"

struct place {
	const struct place *up; /* NULL: just below the root */
	const char *name;	/* a field, or NULL: the element `index` of the list above */
	size_t index;
};

/* Appends the JSON pointer (RFC 6901) of `p`; field names never need escapes. */
MUST_USE enum wm_code place_pointer(struct buf *out, const struct place *p, struct wm_error *err);

/* Writes the place as people say it, "training_run[0].uses", cut at `size` - 1 bytes. */
void place_text(char *out, size_t size, const struct place *p);

#endif
