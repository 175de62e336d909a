/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a lineage graph: what descends from data or weights, or what they descend from.
 *
 * Descendants have no minimum: a use of any role, of any part, taints the run from its first step
 * with the data on; a checkpoint of that run at an earlier step is clean, one whose step is not
 * said is not. Whatever is made of tainted weights is tainted, by whatever derivation. Each edge is
 * gone once; n log n of edges, for a run's are sorted by steps.
 *
 * Each node has the shortest path that carries the taint: those to a run begin where the whole of
 * what is tainted of it comes from. Where only a cycle of statements leads there, it is the way by
 * which the node was first reached.
 */
#ifndef LINEAGE_TRACE_H
#define LINEAGE_TRACE_H

#include "lineage/graph.h"

struct trace_seed {
	uint32_t node;
	/* Where n_subsets > 0, of a dataset: of its uses only those of one of these subset roots,
	 * and those of no subset. Others are undecided: subsets may overlap. The same holds for
	 * datasets of equal content. No two seeds are one node. Borrowed. */
	const uint8_t *const *subsets;
	size_t n_subsets;
	/* Uses of these subset roots, sorted, do not count: nothing of it is in them. Borrowed. */
	const uint8_t *const *without;
	size_t n_without;
};

struct trace_options {
	bool ancestors; /* walk against the data instead */
	uint64_t roles; /* bits 1 << role: uses of other roles, of seeds, do not count; 0: all do */
};

/* A node that was reached. */
struct traced {
	uint32_t node;
	uint32_t depth; /* edges from the nearest seed, runs counted; 0: a seed */
	uint32_t via;	/* the edge by which it was, or GRAPH_NONE */
	uint32_t before; /* its place in the list of the node at the other end, or GRAPH_NONE */
	/* Of a run: tainted from here on; of ancestors: up to here; STEP_NONE: all. */
	uint64_t step;
};

struct trace {
	struct traced *list; /* seeds first, then by depth but for cycles; owned */
	uint32_t n;
	uint32_t *place; /* of each node in the list, or GRAPH_NONE; owned */
	uint32_t *clean; /* checkpoints of tainted runs from before; by node; owned */
	uint32_t n_clean;
	uint32_t *undecided; /* edges of seeds: uses of another subset; owned */
	uint32_t n_undecided;
	uint32_t n_without; /* uses that did not count for their subset */
	bool *gone; /* by edge: whether the walk went it; owned */
};

void trace_release(struct trace *t);
#define cleanup_trace __attribute__((cleanup(trace_release)))

/* Walks from the `n` seeds. `out` is zeroed memory, to be released also after a failure. */
MUST_USE enum wm_code trace_from(struct trace *out, const struct graph *g,
				 const struct trace_seed *seeds, size_t n,
				 const struct trace_options *options, struct wm_error *err);

static inline bool trace_has(const struct trace *t, uint32_t node)
{
	return t->place[node] != GRAPH_NONE;
}

/*
 * Whether nothing is known of where the checkpoint, run or dataset comes from: no statement is
 * about it, or none of the kind as which it is referred to; or a manifest is by a key that names
 * neither parent nor run of it and does not say that this is all, whatever other keys say.
 */
bool graph_is_open_end(const struct graph *g, uint32_t node);

/* Walks on from all open ends: as trace_from() does. */
MUST_USE enum wm_code trace_from_open_ends(struct trace *out, const struct graph *g,
					   struct wm_error *err);

#endif
