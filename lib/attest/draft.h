/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest to fill in, from what a checkpoint says of itself.
 *
 * Read are the file's header, and config.json and README.md (the front matter of its
 * model card) in the same directory, where they are there and readable. What they say
 * is written with its source as a comment; what nobody says has no value, so that
 * signing refuses it until a person fills it in. Nothing is invented.
 */
#ifndef ATTEST_DRAFT_H
#define ATTEST_DRAFT_H

#include "checkpoint/checkpoint.h"
#include "util/buf.h"

/* Appends the YAML for the opened checkpoint `c` (it need not be measured). */
MUST_USE enum wm_code draft_write(struct buf *out, const struct checkpoint *c,
				  struct wm_error *err);

#endif
