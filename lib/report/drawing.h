/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a picture of a walk shows: nodes in layers, the data going from each to later ones, and
 * edges between them. At most LIMIT_DRAWING of both, for nobody can look at more.
 */
#ifndef REPORT_DRAWING_H
#define REPORT_DRAWING_H

#include "report/lineage_report.h"

enum drawn_state {
	DRAWN_START,	 /* where the walk began */
	DRAWN_REACHED,
	DRAWN_UNKNOWN,	 /* nobody says where it comes from */
	DRAWN_UNDECIDED, /* a run that uses another subset */
	DRAWN_CLEAN,
	DRAWN_STATES,
};

struct drawn {
	uint32_t node, layer, row;
	enum drawn_state state;
};

struct drawing {
	struct drawn *nodes; /* as the walk has them, what it did not reach last; owned */
	uint32_t n;
	uint32_t *edges; /* of the graph, each equality once; owned */
	uint32_t n_edges;
	uint32_t *place;	   /* in `nodes`, by node, or GRAPH_NONE; owned */
	uint32_t n_layers, n_rows; /* n_rows: of the longest layer */
	uint32_t n_lanes;	   /* edges between the same two nodes, at most; at least 1 */
};

void drawing_release(struct drawing *d);
#define cleanup_drawing __attribute__((cleanup(drawing_release)))

/* `out` is zeroed memory, to be released also after a failure. Fails with `limit`. */
MUST_USE enum wm_code drawing_make(struct drawing *out, const struct lineage_report *r,
				   struct wm_error *err);

/*
 * How many of the edges right before `edges[i]` are between the same two nodes; `before`: what it
 * was of the one before it.
 */
uint32_t drawing_lane(const struct drawing *d, const struct graph *g, uint32_t i, uint32_t before);

/* "start", "reached" ... and "#rrggbb". Static. */
const char *drawn_state_name(enum drawn_state state);
const char *drawn_state_colour(enum drawn_state state);

#endif
