/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest to fill in, from what a checkpoint says of itself.
 *
 * Read are the headers of the files, and config.json and README.md (the front matter of the
 * model card) in the directory, or beside a lone file, where they are there and readable.
 * What they say is written with its source as a comment; what nobody says has no value, so
 * that signing refuses it until a person fills it in. Nothing is invented. Manifests that
 * slots carry of ancestors become parents (attest/inherited.h).
 */
#ifndef ATTEST_DRAFT_H
#define ATTEST_DRAFT_H

#include "checkpoint/checkpoint.h"
#include "util/buf.h"

/* Appends the YAML for the opened checkpoint `c`, of which its parts are known. */
MUST_USE enum wm_code draft_write(struct buf *out, const struct checkpoint *c,
				  struct wm_error *err);

#endif
