/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as a whole: order, ways in and out, looking things up. */
#include "lineage/graph.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/join.h"
#include "util/limits.h"

void graph_free(struct graph *g)
{
	if (!g)
		return;
	arena_release(&g->arena);
	free(g);
}

/* --- edges ------------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Between the same nodes. */
static int compare_relations(const struct graph_edge *x, const struct graph_edge *y)
{
	const uint64_t keys[][2] = {
		{ x->relation, y->relation },
		{ x->step, y->step },
		{ x->from_step, y->from_step },
		{ x->to_step, y->to_step },
		{ (uint64_t)x->role, (uint64_t)y->role },
		{ (uint64_t)x->derivation, (uint64_t)y->derivation },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i][0] != keys[i][1])
			return compare_numbers(keys[i][0], keys[i][1]);
	if (!x->subset || !y->subset)
		return (x->subset != NULL) - (y->subset != NULL);
	return memcmp(x->subset, y->subset, SHA256_BYTES);
}

static int compare_edges(const struct graph_edge *x, const struct graph_edge *y)
{
	if (x->to != y->to)
		return compare_numbers(x->to, y->to);
	return x->from != y->from ? compare_numbers(x->from, y->from) : compare_relations(x, y);
}

static const char *issuer_of(const struct graph *g, const struct graph_edge *e)
{
	const char *issuer = e->statement == GRAPH_NONE ? NULL : g->statements[e->statement].issuer;

	return issuer ? issuer : "";
}

/* Whether both say the same, and who says it is one. */
static bool says_the_same(const struct graph *g, const struct graph_edge *x,
			  const struct graph_edge *y)
{
	return compare_edges(x, y) == 0 && strcmp(issuer_of(g, x), issuer_of(g, y)) == 0;
}

/* Of those that say the same, what the newest statement says comes first. */
static int compare_said(const void *a, const void *b, void *context)
{
	const struct graph_edge *x = a, *y = b;
	const struct graph *g = context;
	int order = compare_edges(x, y);

	if (order == 0)
		order = strcmp(issuer_of(g, x), issuer_of(g, y));
	if (order == 0 && x->statement != GRAPH_NONE && y->statement != GRAPH_NONE)
		order = compare_numbers(g->statements[y->statement].sequence,
					g->statements[x->statement].sequence);
	return order ? order : compare_numbers(x->statement, y->statement);
}

static enum wm_code make_offsets(uint32_t **out, struct graph *g, size_t n, struct wm_error *err)
{
	void *list = NULL;

	TRY(arena_alloc(&list, &g->arena, n * sizeof(**out), err));
	*out = list;
	return WM_OK;
}

/* Counts, then sums: offsets of each node's edges by one of its ends. */
static void sum_up(uint32_t *offsets, uint32_t n_nodes)
{
	for (uint32_t i = 0; i < n_nodes; i++)
		offsets[i + 1] += offsets[i];
}

static enum wm_code make_ways(struct graph *g, struct wm_error *err)
{
	uint32_t *next = NULL;

	TRY(make_offsets(&g->in, g, (size_t)g->n_nodes + 1, err));
	TRY(make_offsets(&g->out, g, (size_t)g->n_nodes + 1, err));
	TRY(make_offsets(&g->out_edges, g, (size_t)g->n_edges + 1, err));
	TRY(make_offsets(&next, g, (size_t)g->n_nodes + 1, err));
	for (uint32_t i = 0; i < g->n_edges; i++) {
		g->in[g->edges[i].to + 1]++;
		g->out[g->edges[i].from + 1]++;
	}
	sum_up(g->in, g->n_nodes);
	sum_up(g->out, g->n_nodes);
	memcpy(next, g->out, ((size_t)g->n_nodes + 1) * sizeof(*next));
	for (uint32_t i = 0; i < g->n_edges; i++)
		g->out_edges[next[g->edges[i].from]++] = i;
	return WM_OK;
}

enum wm_code join_order_edges(struct join *j, struct wm_error *err)
{
	struct graph_edge *from = j->edges.list, *to;
	struct graph *g = j->out;
	void *list = NULL;

	TRY(arena_alloc(&list, &g->arena, (j->edges.n + 1) * sizeof(*to), err));
	to = g->edges = list;
	if (j->edges.n > 0)
		qsort_r(from, j->edges.n, sizeof(*from), compare_said, g);
	for (size_t i = 0; i < j->edges.n; i++)
		if (i == 0 || !says_the_same(g, &from[i - 1], &from[i]))
			to[g->n_edges++] = from[i];
	return make_ways(g, err);
}

/* --- loading ----------------------------------------------------------------------------- */

enum wm_code graph_load(struct graph **out, struct index *const *indexes, size_t n,
			const char *const *origins, struct wm_error *err)
{
	return graph_load_shown(out, indexes, n, origins, NULL, err);
}

enum wm_code graph_load_shown(struct graph **out, struct index *const *indexes, size_t n,
			      const char *const *origins, struct progress *progress,
			      struct wm_error *err)
{
	cleanup_graph struct graph *g = calloc(1, sizeof(*g));
	__attribute__((cleanup(gathering_release))) struct gathering from = { 0 };

	if (!g)
		return fail_nomem(err);
	g->arena = (struct arena)ARENA_INIT(LIMIT_GRAPH_MEMORY);
	from.arena = &g->arena;
	from.progress = progress;
	TRY(gather_lineage(&from, indexes, n, origins, err));
	TRY(join_lineage(g, &from, err));
	*out = take_ptr(&g);
	return WM_OK;
}

/* --- looking up -------------------------------------------------------------------------- */

static int compare_id(const void *id, const void *node)
{
	return strcmp(id, ((const struct graph_node *)node)->id);
}

uint32_t graph_find(const struct graph *g, const char *id)
{
	const struct graph_node *found =
		bsearch(id, g->nodes, g->n_objects, sizeof(*g->nodes), compare_id);

	if (!found)
		found = bsearch(id, g->nodes + g->n_objects, g->n_nodes - g->n_objects,
				sizeof(*g->nodes), compare_id);
	return found ? (uint32_t)(found - g->nodes) : GRAPH_NONE;
}

/* How many digests are less than `digest`, or `or_equal` to it. */
static uint32_t digests_before(const struct graph *g, const uint8_t digest[SHA256_BYTES],
			       bool or_equal)
{
	uint32_t low = 0, high = g->n_digests;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (memcmp(g->digests[middle].digest, digest, SHA256_BYTES) < (int)or_equal)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A search for either end: of a digest that very many have, each reference asks again. */
int graph_compare_nodes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

const struct graph_digest *graph_find_digest(uint32_t *n, const struct graph *g,
					     const uint8_t digest[SHA256_BYTES])
{
	const uint32_t first = digests_before(g, digest, false);

	*n = digests_before(g, digest, true) - first;
	return g->digests + first;
}

enum wm_code graph_read_statement(struct statement **out, const struct graph_statement *s,
				  struct index *const *indexes, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(2 * (size_t)LIMIT_ENTRY);
	struct index *x = indexes[s->ledger];
	struct envelope envelope;
	struct indexed where;
	bool found;

	TRY(index_entry_of(&where, &found, x, s->entry, err));
	if (!found) {
		*out = NULL;
		return WM_OK;
	}
	TRY(index_read_entry(&envelope, &a, x, &where, err));
	return statement_decode(out, envelope.payload, envelope.payload_len, "an entry", err);
}

bool graph_is_shared_file(const struct graph *g, uint32_t node)
{
	for (uint32_t i = g->in[node]; i < g->in[node + 1]; i++)
		if (g->edges[i].relation == GRAPH_HAS_FILE)
			return true;
	return false;
}

/* --- edges, by what is around them --------------------------------------------------------- */

bool graph_is_start(const struct graph *g, const struct graph_edge *e)
{
	return (e->relation == GRAPH_STARTED_FROM || e->relation == GRAPH_USED) &&
	       g->nodes[e->from].kind == GRAPH_CHECKPOINT;
}

bool graph_is_corrected(const struct graph *g, const struct graph_edge *e)
{
	const struct graph_statement *said, *newest;

	if (e->statement == GRAPH_NONE)
		return false;
	said = &g->statements[e->statement];
	if (g->nodes[said->node].statement == GRAPH_NONE)
		return false;
	newest = &g->statements[g->nodes[said->node].statement];
	return newest->sequence > said->sequence && newest->kind == said->kind;
}

/* --- names ------------------------------------------------------------------------------- */

const char *graph_kind_name(enum graph_kind kind)
{
	static const char *const names[] = { "checkpoint", "dataset", "run", "other" };

	return names[kind];
}

const char *graph_relation_name(enum graph_relation relation)
{
	static const char *const names[] = {
		"used", "started-from", "made", "derived", "equal-weights", "equal-tensors",
		"equal-content", "has-file", "generated", "equal-files",
	};

	return names[relation];
}

const char *graph_finding_name(enum graph_finding_kind kind)
{
	static const char *const names[] = {
		"cycle", "unknown", "conflict", "differs", "backwards", "fork", "kinds", "origin",
	};

	return names[kind];
}
