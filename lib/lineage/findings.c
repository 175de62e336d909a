/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit together in a graph. */
#include "lineage/join.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static enum wm_code add(struct gathered_list *findings, enum graph_finding_kind kind, uint32_t node,
			uint32_t other, uint32_t statement, struct wm_error *err)
{
	struct graph_finding *f;

	TRY(gathered_add(&f, findings, sizeof(*f), err));
	*f = (struct graph_finding){ kind, node, other, statement, GRAPH_NONE };
	return WM_OK;
}

static enum wm_code find_unknown(const struct graph *g, struct gathered_list *findings,
				 struct wm_error *err)
{
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct graph_node *n = &g->nodes[i];

		if (!n->stated && n->kind != GRAPH_OTHER && !graph_is_shared_file(g, i))
			TRY(add(findings, FINDING_UNKNOWN, i, GRAPH_NONE, GRAPH_NONE, err));
		if (n->backwards != GRAPH_NONE)
			TRY(add(findings, FINDING_BACKWARDS, i, GRAPH_NONE, n->backwards, err));
	}
	return WM_OK;
}

/* --- kinds ------------------------------------------------------------------------------- */

/* By node: a statement that calls it what it counts as, and one that calls it something else. */
struct callers {
	uint32_t *same, *other;
};

static bool has_kinds(const struct graph_node *n)
{
	const unsigned called = n->said_to_be & ~(1U << GRAPH_OTHER);

	return (called & (called - 1)) != 0;
}

static void note_caller(struct callers *c, const struct graph *g, uint32_t node,
			enum graph_kind kind, uint32_t statement)
{
	uint32_t *place = kind == g->nodes[node].kind ? c->same : c->other;

	if (kind != GRAPH_OTHER && place[node] == GRAPH_NONE)
		place[node] = statement;
}

/* What the ends of an edge are called. */
static void note_ends(struct callers *c, const struct graph *g, const struct graph_edge *e)
{
	static const enum graph_kind ends[][2] = {
		[GRAPH_USED] = { GRAPH_DATASET, GRAPH_RUN },
		[GRAPH_STARTED_FROM] = { GRAPH_CHECKPOINT, GRAPH_RUN },
		[GRAPH_MADE] = { GRAPH_RUN, GRAPH_CHECKPOINT },
		[GRAPH_DERIVED] = { GRAPH_CHECKPOINT, GRAPH_CHECKPOINT },
		[GRAPH_GENERATED] = { GRAPH_CHECKPOINT, GRAPH_DATASET },
	};

	if (graph_is_equality(e->relation))
		return;
	note_caller(c, g, e->from, ends[e->relation][0], e->statement);
	note_caller(c, g, e->to, ends[e->relation][1], e->statement);
}

static enum wm_code find_kinds(const struct graph *g, struct gathered_list *findings,
			       struct wm_error *err)
{
	const size_t size = ((size_t)g->n_nodes + 1) * sizeof(uint32_t);
	cleanup_free uint32_t *same = malloc(size), *other = malloc(size);
	struct callers c = { same, other };
	struct graph_finding *f;

	if (!same || !other)
		return fail_nomem(err);
	memset(same, 0xff, size);
	memset(other, 0xff, size);
	for (uint32_t i = 0; i < g->n_statements; i++)
		note_caller(&c, g, g->statements[i].node, join_kind_of(g->statements[i].kind), i);
	for (uint32_t i = 0; i < g->n_edges; i++)
		note_ends(&c, g, &g->edges[i]);
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		if (!has_kinds(&g->nodes[i]))
			continue;
		TRY(gathered_add(&f, findings, sizeof(*f), err));
		*f = (struct graph_finding){ FINDING_KINDS, i, GRAPH_NONE, other[i], same[i] };
	}
	return WM_OK;
}

/* --- cycles ------------------------------------------------------------------------------ */

/*
 * Takes away, again and again, what nothing leads to, and then what leads to nothing (Kahn, 1962,
 * both ways): what is left lies on cycles or between two of them. Equalities are no derivations.
 */
static void peel(const struct graph *g, bool *gone, uint32_t *degree, uint32_t *queue,
		 bool forwards)
{
	uint32_t n = 0;

	memset(degree, 0, g->n_nodes * sizeof(*degree));
	for (uint32_t i = 0; i < g->n_edges; i++) {
		const struct graph_edge *e = &g->edges[i];

		if (!graph_is_equality(e->relation) && !gone[e->from] && !gone[e->to])
			degree[forwards ? e->to : e->from]++;
	}
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!gone[i] && degree[i] == 0)
			queue[n++] = i;
	for (uint32_t k = 0; k < n; k++) {
		const uint32_t node = queue[k];
		const uint32_t *ways = forwards ? g->out : g->in;

		gone[node] = true;
		for (uint32_t w = ways[node]; w < ways[node + 1]; w++) {
			const struct graph_edge *e = &g->edges[forwards ? g->out_edges[w] : w];
			const uint32_t next = forwards ? e->to : e->from;

			if (!graph_is_equality(e->relation) && !gone[next] && --degree[next] == 0)
				queue[n++] = next;
		}
	}
}

static enum wm_code find_cycles(const struct graph *g, struct gathered_list *findings,
				struct wm_error *err)
{
	cleanup_free bool *gone = calloc((size_t)g->n_nodes + 1, sizeof(*gone));
	cleanup_free uint32_t *degree = calloc((size_t)g->n_nodes + 1, sizeof(*degree));
	cleanup_free uint32_t *queue = calloc((size_t)g->n_nodes + 1, sizeof(*queue));

	if (!gone || !degree || !queue)
		return fail_nomem(err);
	peel(g, gone, degree, queue, true);
	peel(g, gone, degree, queue, false);
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!gone[i])
			TRY(add(findings, FINDING_CYCLE, i, GRAPH_NONE, GRAPH_NONE, err));
	return WM_OK;
}

/* --- contradictions ---------------------------------------------------------------------- */

/* The next edge to `node` that is no equality, at or after `i`; else g->in[node + 1]. */
static uint32_t next_way(const struct graph *g, uint32_t node, uint32_t i)
{
	while (i < g->in[node + 1] && graph_is_equality(g->edges[i].relation))
		i++;
	return i;
}

/* Edges to a node are in order of where they come from. */
static bool same_ancestors(const struct graph *g, uint32_t a, uint32_t b)
{
	uint32_t i = next_way(g, a, g->in[a]), k = next_way(g, b, g->in[b]);

	while (i < g->in[a + 1] && k < g->in[b + 1]) {
		const uint32_t from = g->edges[i].from;

		if (from != g->edges[k].from)
			return false;
		while (i < g->in[a + 1] && g->edges[i].from == from)
			i = next_way(g, a, i + 1);
		while (k < g->in[b + 1] && g->edges[k].from == from)
			k = next_way(g, b, k + 1);
	}
	return i == g->in[a + 1] && k == g->in[b + 1];
}

static const char *issuer_of(const struct graph *g, uint32_t node)
{
	const uint32_t s = g->nodes[node].statement;
	const char *issuer = s == GRAPH_NONE ? NULL : g->statements[s].issuer;

	return issuer ? issuer : "";
}

/* Two nodes of equal weights. */
struct pair {
	uint32_t a, b;
};

static int compare_pairs(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;

	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return (p->b > q->b) - (p->b < q->b);
}

static bool names_ancestors(const struct graph *g, uint32_t node)
{
	return next_way(g, node, g->in[node]) < g->in[node + 1];
}

/* Of those that have one weights digest and name ancestors, each with the next. */
static enum wm_code list_pairs(struct gathered_list *out, const struct graph *g,
			       struct wm_error *err)
{
	const struct graph_digest *d = g->digests, *last = NULL;
	struct pair *pair;

	for (uint32_t i = 0; i < g->n_digests; i++) {
		if (d[i].role != DIGEST_WEIGHTS || !names_ancestors(g, d[i].node))
			continue;
		if (last && memcmp(last->digest, d[i].digest, SHA256_BYTES) == 0) {
			TRY(gathered_add(&pair, out, sizeof(*pair), err));
			*pair = (struct pair){ last->node, d[i].node };
		}
		last = &d[i];
	}
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(*pair), compare_pairs);
	return WM_OK;
}

/* Two issuers who signed the same weights and say different things of where they come from. */
static enum wm_code find_differing(const struct graph *g, struct gathered_list *findings,
				   struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list list = { 0 };
	const struct pair *p;

	TRY(list_pairs(&list, g, err));
	p = list.list;
	for (size_t i = 0; i < list.n; i++)
		if ((i == 0 || compare_pairs(&p[i - 1], &p[i]) != 0) &&
		    strcmp(issuer_of(g, p[i].a), issuer_of(g, p[i].b)) != 0 &&
		    !same_ancestors(g, p[i].a, p[i].b))
			TRY(add(findings, FINDING_DIFFERS, p[i].a, p[i].b, GRAPH_NONE, err));
	return WM_OK;
}

/* --- forks ------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
	const struct graph_statement *x = *(const struct graph_statement *const *)a;
	const struct graph_statement *y = *(const struct graph_statement *const *)b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->kind != y->kind)
		return strcmp(x->kind, y->kind);
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return memcmp(x->id, y->id, SHA256_BYTES);
}

static enum wm_code find_forks(const struct graph *g, struct gathered_list *findings,
			       struct wm_error *err)
{
	cleanup_free const struct graph_statement **list =
		calloc((size_t)g->n_statements + 1, sizeof(const struct graph_statement *));

	if (!list)
		return fail_nomem(err);
	for (uint32_t i = 0; i < g->n_statements; i++)
		list[i] = &g->statements[i];
	qsort(list, g->n_statements, sizeof(*list), compare_places);
	for (uint32_t i = 1; i < g->n_statements; i++) {
		const struct graph_statement *a = list[i - 1], *b = list[i];
		struct graph_finding *f;

		if (a->node != b->node || a->kind != b->kind || a->sequence != b->sequence ||
		    memcmp(a->id, b->id, SHA256_BYTES) == 0)
			continue;
		TRY(gathered_add(&f, findings, sizeof(*f), err));
		*f = (struct graph_finding){ FINDING_FORK, a->node, GRAPH_NONE,
					     (uint32_t)(b - g->statements),
					     (uint32_t)(a - g->statements) };
	}
	return WM_OK;
}

enum wm_code find_contradictions(struct graph *g, struct gathered_list *findings,
				 struct wm_error *err)
{
	TRY(find_unknown(g, findings, err));
	TRY(find_kinds(g, findings, err));
	TRY(find_cycles(g, findings, err));
	TRY(find_differing(g, findings, err));
	return find_forks(g, findings, err);
}
