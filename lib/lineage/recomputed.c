/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the two ends of derivations by what their manifests list. */
#include "lineage/recomputed.h"

#include <stdlib.h>
#include <string.h>

#include "statement/statement.h"
#include "util/cleanup.h"
#include "util/limits.h"
#include "weightmark/v1/manifest.pb-c.h"

/* --- equalities -------------------------------------------------------------------------- */

static bool keeps_weights(const struct graph_edge *e)
{
	return e->relation == GRAPH_DERIVED &&
	       (e->derivation == 0 ||
		e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__convert ||
		e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__rename);
}

/* Digests of weights and tensor sets by node, role, digest. */
struct digests {
	const struct graph_digest **list; /* owned */
	size_t n;
};

static void digests_release(struct digests *d)
{
	free(d->list);
}

static int compare_by_node(const void *a, const void *b)
{
	const struct graph_digest *const *p = a, *const *q = b;
	const struct graph_digest *x = *p, *y = *q;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	return memcmp(x->digest, y->digest, SHA256_BYTES);
}

static enum wm_code list_digests(struct digests *d, const struct graph *g, struct wm_error *err)
{
	d->list = calloc((size_t)g->n_digests + 1, sizeof(*d->list));
	if (!d->list)
		return fail_nomem(err);
	for (uint32_t i = 0; i < g->n_digests; i++)
		if (g->digests[i].role == DIGEST_WEIGHTS || g->digests[i].role == DIGEST_TENSOR_SET)
			d->list[d->n++] = &g->digests[i];
	qsort(d->list, d->n, sizeof(*d->list), compare_by_node);
	return WM_OK;
}

/* The place of the first digest of a node in this role, or where it would be. */
static size_t first_of(const struct digests *d, uint32_t node, enum digest_role role)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct graph_digest *at = d->list[middle];

		if (at->node < node || (at->node == node && at->role < role))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the child has digests in this role, and the parent all of them. */
static bool are_equal(const struct digests *d, const struct graph_edge *e, enum digest_role role)
{
	const size_t first = first_of(d, e->to, role);
	size_t i;

	for (i = first; i < d->n && d->list[i]->node == e->to && d->list[i]->role == role; i++) {
		struct graph_digest same = *d->list[i];
		const struct graph_digest *key = &same;

		same.node = e->from;
		if (!bsearch(&key, d->list, d->n, sizeof(*d->list), compare_by_node))
			return false;
	}
	return i > first;
}

static bool is_shown(const struct trace *t, uint32_t node, uint32_t depth)
{
	return trace_has(t, node) && t->list[t->place[node]].depth <= depth;
}

static enum wm_code compare_weights(struct recomputed *list, const struct graph *g,
				    const struct trace *t, uint32_t depth, struct wm_error *err)
{
	__attribute__((cleanup(digests_release))) struct digests d = { .list = NULL };

	for (uint32_t i = 0; i < g->n_edges; i++) {
		const struct graph_edge *e = &g->edges[i];

		if (!t->gone[i] || !keeps_weights(e) || !is_shown(t, e->from, depth) ||
		    !is_shown(t, e->to, depth))
			continue;
		if (!d.list)
			TRY(list_digests(&d, g, err));
		if (are_equal(&d, e, DIGEST_WEIGHTS))
			list[i].equality = WEIGHTS_EQUAL;
		else if (are_equal(&d, e, DIGEST_TENSOR_SET))
			list[i].equality = TENSOR_SETS_EQUAL;
	}
	return WM_OK;
}

/* --- manifests --------------------------------------------------------------------------- */

/* The manifest of a node, as its newest statement has it. */
struct manifest {
	uint32_t node; /* GRAPH_NONE: none was read */
	struct statement *statement; /* owned; NULL: there is none */
	const uint8_t **tensors;     /* sorted, each once; owned; borrowed digests */
	size_t n;
};

static void manifest_release(struct manifest *m)
{
	statement_free(m->statement);
	free(m->tensors);
	*m = (struct manifest){ .node = GRAPH_NONE };
}
#define cleanup_manifest __attribute__((cleanup(manifest_release)))

static const Weightmark__V1__Manifest *message_of(const struct manifest *m)
{
	return (const Weightmark__V1__Manifest *)m->statement->message;
}

static int compare_digests(const void *a, const void *b)
{
	const uint8_t *const *x = a, *const *y = b;

	return memcmp(*x, *y, SHA256_BYTES);
}

static enum wm_code list_tensors(struct manifest *m, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *c = message_of(m)->checkpoint;
	size_t room = 1, n = 0;

	for (size_t i = 0; c && i < c->n_part; i++)
		room += c->part[i]->n_tensor;
	m->tensors = calloc(room, sizeof(*m->tensors));
	if (!m->tensors)
		return fail_nomem(err);
	for (size_t i = 0; c && i < c->n_part; i++)
		for (size_t k = 0; k < c->part[i]->n_tensor; k++)
			if (c->part[i]->tensor[k]->digest)
				m->tensors[n++] = c->part[i]->tensor[k]->digest->sha256.data;
	qsort(m->tensors, n, sizeof(*m->tensors), compare_digests);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || compare_digests(&m->tensors[i], &m->tensors[i - 1]) != 0)
			m->tensors[m->n++] = m->tensors[i];
	return WM_OK;
}

/* Reads the manifest of `node` in place of what `m` has; nothing where no statement is one. */
static enum wm_code read_manifest(struct manifest *m, const struct graph *g, uint32_t node,
				  struct index *const *indexes, struct wm_error *err)
{
	const uint32_t number = g->nodes[node].statement;
	cleanup_statement struct statement *s = NULL;

	if (m->node == node)
		return WM_OK;
	manifest_release(m);
	if (number == GRAPH_NONE)
		return WM_OK;
	TRY(graph_read_statement(&s, &g->statements[number], indexes, err));
	if (!s || s->kind->descriptor != &weightmark__v1__manifest__descriptor)
		return WM_OK;
	m->statement = take_ptr(&s);
	m->node = node;
	return list_tensors(m, err);
}

/* --- comparing --------------------------------------------------------------------------- */

static uint32_t count_equal(const struct manifest *a, const struct manifest *b)
{
	uint32_t n = 0;

	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		const int order = compare_digests(&a->tensors[i], &b->tensors[k]);

		n += order == 0;
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

static bool is_digest_of(const struct graph *g, const Weightmark__V1__Digest *d, uint32_t node)
{
	const struct graph_digest *found;
	uint32_t n;

	if (!d)
		return false;
	found = graph_find_digest(&n, g, d->sha256.data);
	for (uint32_t i = 0; i < n; i++)
		if (found[i].node == node)
			return true;
	return false;
}

/* Whether the adapter names the bytes that a statement measured of its parent. */
static bool names_digest(const struct graph *g, const struct manifest *adapter, uint32_t parent)
{
	const Weightmark__V1__Manifest *m = message_of(adapter);

	for (size_t i = 0; i < m->n_derivation; i++) {
		const Weightmark__V1__Derivation *d = m->derivation[i];

		if (!d->has_kind || d->kind != WEIGHTMARK__V1__DERIVATION__KIND__adapter)
			continue;
		for (size_t k = 0; k < d->n_parent; k++)
			if (is_digest_of(g, d->parent[k]->weights_digest, parent) ||
			    is_digest_of(g, d->parent[k]->sha256, parent))
				return true;
	}
	return false;
}

static bool is_compared(const struct graph_edge *e)
{
	return e->relation == GRAPH_DERIVED &&
	       (e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__finetune ||
		e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__adapter ||
		e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__prune);
}

enum wm_code recompute(struct recomputed **out, uint32_t *left_out, const struct graph *g,
		       const struct trace *t, uint32_t depth, struct index *const *indexes,
		       struct wm_error *err)
{
	/* Children of one parent stand one after another: it is read once. */
	cleanup_manifest struct manifest parent = { .node = GRAPH_NONE };
	cleanup_manifest struct manifest child = { .node = GRAPH_NONE };
	cleanup_free struct recomputed *list = calloc((size_t)g->n_edges + 1, sizeof(*list));
	uint32_t n = 0;

	if (!list)
		return fail_nomem(err);
	TRY(compare_weights(list, g, t, depth, err));
	for (uint32_t i = 0; i < t->n; i++) {
		const struct traced *at = &t->list[i];
		const struct graph_edge *e;

		if (at->via == GRAPH_NONE || at->depth > depth)
			continue;
		e = &g->edges[at->via];
		if (!is_compared(e) || ++n > LIMIT_COMPARED)
			continue;
		TRY(read_manifest(&parent, g, e->from, indexes, err));
		TRY(read_manifest(&child, g, e->to, indexes, err));
		list[at->via].n_tensors = count_equal(&parent, &child);
		list[at->via].has_parent_digest = child.statement && g->nodes[e->from].stated &&
			e->derivation == WEIGHTMARK__V1__DERIVATION__KIND__adapter &&
			names_digest(g, &child, e->from);
	}
	*left_out = n > LIMIT_COMPARED ? n - LIMIT_COMPARED : 0;
	*out = take_ptr(&list);
	return WM_OK;
}
