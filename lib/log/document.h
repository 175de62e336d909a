/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical JSON objects that evidence and remembered tree heads are kept as. */
#ifndef LOG_DOCUMENT_H
#define LOG_DOCUMENT_H

#include "text/node.h"
#include "util/error.h"

/*
 * Reads `len` <= `max` bytes that must be one JSON object in canonical form (RFC 8785) with
 * `kind` under "kind" and `n` members in all. Fails with `wrong`.
 */
MUST_USE enum wm_code document_read(struct tree *t, const void *text, size_t len, size_t max,
				    const char *kind, size_t n, enum reason wrong,
				    const char *name, struct wm_error *err);

/* The text in MAP `map` under `key`, or NULL. Borrowed. */
const struct node *document_text(const struct node *map, const char *key);

/*
 * Hands on `from`, with the reason `wrong` unless it answers nothing (I/O, memory). Never
 * WM_OK.
 */
enum wm_code fail_as(struct wm_error *err, enum reason wrong, const struct wm_error *from);

#endif
