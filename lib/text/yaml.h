/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML in and out, as a plain tree of values.
 *
 * Read is the subset that people mean: maps with text keys, lists, scalars. Every
 * scalar stays text (node.plain says whether it was unquoted). Refused, with file,
 * line and what to write instead: duplicate keys, anchors and aliases, tags,
 * merge keys, keys that are not scalars, text with NUL, invalid UTF-8.
 */
#ifndef TEXT_YAML_H
#define TEXT_YAML_H

#include "text/node.h"
#include "util/buf.h"

/*
 * Reads a stream of documents into `t`: its root becomes a LIST of them; an empty
 * document is a NULL node. Lines and columns are set. Fails `yaml-malformed`, `limit`.
 */
MUST_USE enum wm_code yaml_read(struct tree *t, const void *data, size_t len, const char *name,
				struct wm_error *err);

/*
 * Whether some YAML reader (1.1 or 1.2) takes `text`, unquoted, for something else
 * than text: yes, no, null, a number, a date ... or nothing at all. Errs towards yes.
 */
bool yaml_ambiguous(const char *text, size_t len);

/*
 * Appends `n` as one YAML block document without markers; a NULL node writes nothing.
 * Text that a YAML reader could take for something else, or that holds unsafe
 * characters, is double-quoted with escapes; `plain` text stands as it was read where
 * it can. Reading it again gives an equal tree, but that INTEGER and BOOL become plain
 * text of the same spelling.
 */
MUST_USE enum wm_code yaml_write(struct buf *out, const struct node *n, struct wm_error *err);

#endif
