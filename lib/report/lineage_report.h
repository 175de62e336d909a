/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a lineage graph for people and for programs: who says what, never that it is so. */
#ifndef REPORT_LINEAGE_REPORT_H
#define REPORT_LINEAGE_REPORT_H

#include "lineage/trace.h"
#include "text/node.h"

struct lineage_report {
	const struct graph *graph;
	const struct trace *trace;
	bool ancestors;
	uint32_t depth; /* nodes farther away are left out */
};

/*
 * Appends the tree, each node once, by the path that carries it; what is clean; findings about the
 * nodes that are shown. Bytes of the input are escaped.
 */
MUST_USE enum wm_code lineage_text(struct buf *out, const struct lineage_report *r,
				   struct wm_error *err);

/* Sets "nodes", "clean" and "findings" of the MAP `map`. */
MUST_USE enum wm_code lineage_tree(struct node *map, struct tree *t, const struct lineage_report *r,
				   struct wm_error *err);

/* Where a walk to ancestors ends: "unknown", "random initialisation: ...", or NULL. Static. */
const char *lineage_end(const struct lineage_report *r, uint32_t node);

/* Who says what the edge says; NULL: its digests do. Borrowed. */
const char *lineage_issuer(const struct graph *g, const struct graph_edge *e);

/* Whether one of the nodes that are shown has it. */
bool lineage_concerns(const struct lineage_report *r, const struct graph_finding *f);

/* "finetune", "quantise" ... of GRAPH_DERIVED, the role of GRAPH_USED; NULL: not said. Static. */
const char *lineage_detail(const struct graph_edge *e);

#endif
