/* SPDX-License-Identifier: Apache-2.0 */
/* What was read from indexes, before it is joined to a graph. */
#ifndef LINEAGE_GATHER_H
#define LINEAGE_GATHER_H

#include "lineage/graph.h"

/* An object id, as the index of one ledger numbers it. */
struct gathered_object {
	int64_t number;
	const char *text;
	uint32_t node; /* GRAPH_NONE: it is none, but an issuer */
};

struct gathered_statement {
	struct graph_statement said; /* node is not set yet */
	int64_t object, issuer;
	int64_t begins, ends;
	unsigned flags;
};

struct gathered_edge {
	uint32_t ledger;
	struct indexed_edge said; /* digests are copies */
};

struct gathered_digest {
	uint32_t ledger;
	int64_t entry;
	enum digest_role role;
	uint8_t digest[SHA256_BYTES];
};

/* A growing list. */
struct gathered_list {
	void *list; /* owned */
	size_t n, room;
};

struct gathering {
	struct arena *arena; /* of texts and digests */
	struct progress *progress; /* or NULL */
	uint32_t ledger;     /* that is being read */
	struct gathered_list *objects; /* one list a ledger, of struct gathered_object by number */
	size_t n_ledgers;
	struct gathered_list statements, edges, digests; /* by ledger and entry, but for digests */
};

void gathering_release(struct gathering *g);
void gathered_list_release(struct gathered_list *l);

/* Reads all that the indexes have; `g` is zeroed but for its arena. Release it after a failure. */
MUST_USE enum wm_code gather_lineage(struct gathering *g, struct index *const *indexes, size_t n,
				     const char *const *origins, struct wm_error *err);

/* Makes room for one more element of `size` bytes, zeroed, and stores its place. */
MUST_USE enum wm_code gathered_add(void *place, struct gathered_list *l, size_t size,
				   struct wm_error *err);

/* Sorts as qsort() does; what is in order already is only looked at. */
void gathered_sort(void *list, size_t n, size_t size, int (*compare)(const void *, const void *));

/* Joins it to nodes, edges, statements and digests of the empty graph `out`. */
MUST_USE enum wm_code join_lineage(struct graph *out, struct gathering *g, struct wm_error *err);

/* Fills the findings of a graph that has its edges. */
MUST_USE enum wm_code find_contradictions(struct graph *g, struct gathered_list *findings,
					  struct wm_error *err);

#endif
