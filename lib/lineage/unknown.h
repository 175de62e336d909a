/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What descends from something whose own origin nobody declared. Unknown is not clean: this is the
 * one rule by which scans, orders, certificates and plans tell the two apart.
 */
#ifndef LINEAGE_UNKNOWN_H
#define LINEAGE_UNKNOWN_H

#include "lineage/trace.h"

/*
 * Makes a table by node: the nearest open end (graph_is_open_end()) that it descends from, as far
 * as anybody declared, or itself where it is one; GRAPH_NONE where all was declared. Linear but for
 * the walk. Owned by the caller. Fails with `no-memory`.
 */
MUST_USE enum wm_code unknown_origins(uint32_t **out, const struct graph *g, struct wm_error *err);

/* Appends which ancestor `end` of `node`, or that itself, is of unknown origin, and why. */
MUST_USE enum wm_code unknown_text(struct buf *out, const struct graph *g, uint32_t node,
				   uint32_t end, struct wm_error *err);

#endif
