/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over a lineage graph for people and for programs: who says what, never that it is so.
 * Bytes of the input are escaped in each form.
 */
#ifndef REPORT_LINEAGE_REPORT_H
#define REPORT_LINEAGE_REPORT_H

#include "lineage/recomputed.h"
#include "text/node.h"

struct lineage_report {
	const struct graph *graph;
	const struct trace *trace;
	const char *what; /* where the walk begins, as it was asked */
	const struct recomputed *recomputed; /* by edge; NULL: nothing was compared */
	bool ancestors;
	bool what_if;	/* nobody gave an order */
	uint32_t depth; /* nodes farther away are left out */
	uint64_t roles; /* by which the walk was narrowed, bits 1 << role; 0: it was not */
};

/* What each drawing says below it. */
#define LINEAGE_CAPTION \
	"As the statements of these ledgers declare it; signatures are not verified here."

/*
 * Appends the tree, each node once, by the path that carries it; other ways refer to what stands
 * above, "see" onwards, "also from" (of ancestors: "also of") backwards; uses that are undecided;
 * what is clean; findings about the nodes that are shown.
 */
MUST_USE enum wm_code lineage_text(struct buf *out, const struct lineage_report *r,
				   struct wm_error *err);

/* Sets "roles", "nodes", "again", "clean", "undecided" and "findings" of the MAP `map`. */
MUST_USE enum wm_code lineage_tree(struct node *map, struct tree *t, const struct lineage_report *r,
				   struct wm_error *err);

/* Appends a graph for Graphviz, an image that stands alone. Both fail with `limit`. */
MUST_USE enum wm_code lineage_dot(struct buf *out, const struct lineage_report *r,
				  struct wm_error *err);
MUST_USE enum wm_code lineage_svg(struct buf *out, const struct lineage_report *r,
				  struct wm_error *err);

/* --- what the forms share ---------------------------------------------------------------- */

/*
 * Where a walk to ancestors ends: "unknown", "no parent is declared", "random initialisation: ..."
 * where a manifest says that all is declared, or NULL. Static.
 */
const char *lineage_end(const struct lineage_report *r, uint32_t node);

/* "dataset", "run", "retrospective run" of one that somebody wrote down afterwards ... Static. */
const char *lineage_kind(const struct graph_node *n);

/* Who says what the edge says; NULL: its digests do. Borrowed. */
const char *lineage_issuer(const struct graph *g, const struct graph_edge *e);

/* Whether the node was reached, and is not too far away. */
bool lineage_shows(const struct lineage_report *r, uint32_t node);

/* Whether one of the nodes that are shown has it. */
bool lineage_concerns(const struct lineage_report *r, const struct graph_finding *f);

/* "finetune", "quantise" ... of GRAPH_DERIVED, the role of GRAPH_USED; NULL: not said. Static. */
const char *lineage_detail(const struct graph_edge *e);

/* Whether the bits of roles have this one. */
static inline bool lineage_has_role(uint64_t roles, int role)
{
	return role > 0 && role < 64 && (roles >> role & 1);
}

/* Whether it is an equality of which the edge the other way is the one that is drawn. */
bool lineage_is_mirrored(const struct graph_edge *e);

/* Appends "Lineage from NAME", escaped: what a drawing is of. */
MUST_USE enum wm_code lineage_title(struct buf *out, const struct lineage_report *r,
				    struct wm_error *err);

/* Appends `before` and "steps 100 to 200", "step 300" ...; nothing where no step is said. */
MUST_USE enum wm_code lineage_steps_text(struct buf *out, const char *before,
					 const struct graph_edge *e, struct wm_error *err);

/* Appends "used, pretrain, from step 100; asserted by NAME", escaped. */
MUST_USE enum wm_code lineage_edge_text(struct buf *out, const struct lineage_report *r,
					uint32_t edge, struct wm_error *err);

/* What was recomputed of the edge. */
struct recomputed lineage_recomputed(const struct lineage_report *r, uint32_t edge);

/* A checkpoint that a tainted run made before it was. */
struct lineage_clean {
	uint32_t node, edge; /* edge: from its run */
	uint32_t run;	     /* its place in the walk */
	uint64_t step;	     /* or STEP_NONE */
};

/* Those of the walk by run, the latest step first; free() the list. n log n. */
MUST_USE enum wm_code lineage_clean(struct lineage_clean **out, const struct lineage_report *r,
				    struct wm_error *err);

/*
 * Whether the walk went the edge from the node at `place` to one that is shown elsewhere, by
 * another edge; of the two edges of an equality, the one that leads on.
 */
bool lineage_leads_again(const struct lineage_report *r, uint32_t place, uint32_t edge);

#endif
