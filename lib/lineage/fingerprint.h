/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of what was reached in a lineage graph: what a certificate is bound to.
 *
 * It says which nodes there are and how they hang together, not who said so or how often, so that
 * it does not change with what else a ledger holds, and does with any descendant that is added.
 * docs/format.md, "Digest of a lineage", has the bytes.
 */
#ifndef LINEAGE_FINGERPRINT_H
#define LINEAGE_FINGERPRINT_H

#include "lineage/trace.h"

/* The nodes of `t` in ascending order of their ids; free() the list. */
MUST_USE enum wm_code traced_by_id(uint32_t **out, const struct trace *t, const struct graph *g,
				   struct wm_error *err);

/* In n log n of the nodes and edges that were reached. */
MUST_USE enum wm_code lineage_digest(uint8_t out[SHA256_BYTES], const struct graph *g,
				     const struct trace *t, struct wm_error *err);

#endif
