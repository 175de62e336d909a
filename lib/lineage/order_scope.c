/* SPDX-License-Identifier: Apache-2.0 */
/* What an order reaches first: its scope, of all versions, as nodes of the graph. */
#include "lineage/orders_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

struct found {
	uint32_t node;
	enum order_scope scope;
};

/* A scope being read. */
struct scoping {
	struct order_state *s;
	struct gathered_list found;   /* struct found */
	struct gathered_list missing; /* struct order_missing */
	const uint8_t **roots;	      /* subset roots of one version, sorted */
	size_t n_roots;
	struct gathered_list narrowed; /* struct found: datasets of which uses have such a root */
	bool *seen;		       /* by root: some use has it */
};

static void scoping_release(struct scoping *c)
{
	gathered_list_release(&c->found);
	gathered_list_release(&c->missing);
	gathered_list_release(&c->narrowed);
	free(c->roots);
	free(c->seen);
}

static enum wm_code add_found(struct gathered_list *out, uint32_t node, enum order_scope scope,
			      struct wm_error *err)
{
	struct found *f;

	TRY(gathered_add(&f, out, sizeof(*f), err));
	*f = (struct found){ node, scope };
	return WM_OK;
}

static enum wm_code add_missing(struct scoping *c, enum order_scope scope, const char *text,
				struct wm_error *err)
{
	struct order_missing *m;
	char *copy = NULL;

	TRY(arena_copy(&copy, &c->s->arena, text, strlen(text), err));
	TRY(gathered_add(&m, &c->missing, sizeof(*m), err));
	*m = (struct order_missing){ scope, copy };
	return WM_OK;
}

static enum wm_code add_missing_digest(struct scoping *c, enum order_scope scope,
				       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(2 * SHA256_BYTES);

	TRY(buf_append_hex(&text, digest, SHA256_BYTES, err));
	return add_missing(c, scope, buf_str(&text), err);
}

static int compare_found(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	if (a->node != b->node)
		return a->node > b->node ? 1 : -1;
	return (int)a->scope - (int)b->scope;
}

/* --- subsets ----------------------------------------------------------------------------- */

static int compare_roots(const void *x, const void *y)
{
	const uint8_t *const *a = x, *const *b = y;

	return memcmp(*a, *b, SHA256_BYTES);
}

static enum wm_code list_roots(const uint8_t ***out, size_t *n, const struct said *versions,
			       size_t n_versions, struct wm_error *err)
{
	size_t room = 1;

	for (size_t i = 0; i < n_versions; i++)
		room += order_said(&versions[i])->n_scope_subset_root;
	*out = calloc(room, sizeof(**out));
	if (!*out)
		return fail_nomem(err);
	*n = 0;
	for (size_t i = 0; i < n_versions; i++) {
		const Weightmark__V1__Order *o = order_said(&versions[i]);

		for (size_t k = 0; k < o->n_scope_subset_root; k++)
			(*out)[(*n)++] = o->scope_subset_root[k]->sha256.data;
	}
	qsort(*out, *n, sizeof(**out), compare_roots);
	return WM_OK;
}

/* The datasets of which a use has one of the roots. */
static enum wm_code find_narrowed(struct scoping *c, const struct said *version,
				  struct wm_error *err)
{
	const Weightmark__V1__Order *o = order_said(version);
	const struct graph *g = c->s->orders->graph;

	free(c->roots);
	free(c->seen);
	c->roots = NULL;
	c->narrowed.n = 0;
	c->seen = calloc(o->n_scope_subset_root + 1, sizeof(*c->seen));
	if (!c->seen)
		return fail_nomem(err);
	TRY(list_roots(&c->roots, &c->n_roots, version, 1, err));
	for (uint32_t i = 0; c->n_roots > 0 && i < g->n_edges; i++) {
		const struct graph_edge *e = &g->edges[i];
		const uint8_t **root = NULL;

		if (e->relation == GRAPH_USED && e->subset)
			root = bsearch(&e->subset, c->roots, c->n_roots, sizeof(*c->roots),
				       compare_roots);
		if (!root)
			continue;
		c->seen[root - c->roots] = true;
		TRY(add_found(&c->narrowed, e->from, SCOPE_SUBSET, err));
	}
	for (size_t i = 0; i < c->n_roots; i++)
		if (!c->seen[i] && (i == 0 || compare_roots(&c->roots[i], &c->roots[i - 1]) != 0))
			TRY(add_missing_digest(c, SCOPE_SUBSET, c->roots[i], err));
	if (c->narrowed.n > 0)
		qsort(c->narrowed.list, c->narrowed.n, sizeof(struct found), compare_found);
	return WM_OK;
}

static bool is_narrowed(const struct scoping *c, uint32_t node)
{
	const struct found key = { node, SCOPE_SUBSET };

	return c->narrowed.n > 0 && bsearch(&key, c->narrowed.list, c->narrowed.n,
					    sizeof(struct found), compare_found);
}

/* --- what a version names ---------------------------------------------------------------- */

/* What somebody merely calls a run is nothing that could be destroyed. */
static bool is_thing(const struct graph_node *n)
{
	return graph_may_be(n, GRAPH_DATASET) || graph_may_be(n, GRAPH_CHECKPOINT);
}

static enum wm_code add_reference(struct scoping *c, const Weightmark__V1__Reference *r,
				  enum order_scope scope, struct wm_error *err)
{
	cleanup_gathered struct gathered_list nodes = { 0 };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	const uint32_t *list;
	bool known = false;

	TRY(resolve_all(&nodes, c->s->orders, r, err));
	list = nodes.list;
	for (size_t i = 0; i < nodes.n; i++) {
		if (scope == SCOPE_CHECKPOINT || !is_narrowed(c, list[i]))
			TRY(add_found(&c->found, list[i], scope, err));
		known = known || is_thing(&c->s->orders->graph->nodes[list[i]]);
	}
	if (known)
		return WM_OK;
	TRY(reference_text(&text, r, err));
	return add_missing(c, scope, buf_str(&text), err);
}

static enum wm_code on_party_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct scoping *c = context;
	const struct orders *o = c->s->orders;
	const uint32_t node = node_of_statement(o, e->statement);

	if (node == GRAPH_NONE || !graph_may_be(&o->graph->nodes[node], GRAPH_DATASET))
		return WM_OK;
	return add_found(&c->found, node, SCOPE_PARTY, err);
}

static enum wm_code ask_party(struct scoping *c, const char *name, struct wm_error *err)
{
	const struct orders *o = c->s->orders;

	for (size_t i = 0; i < o->n_indexes; i++)
		TRY(index_query(o->indexes[i], QUERY_PARTY, name, o->origins, LIMIT_GRAPH,
				on_party_entry, c, err));
	return WM_OK;
}

/* By legal name and identifiers, which mean the same everywhere; else by the id. */
static enum wm_code add_party(struct scoping *c, const Weightmark__V1__Order *o, const char *id,
			      struct wm_error *err)
{
	const Weightmark__V1__Party *p = NULL;
	const size_t before = c->found.n;

	for (size_t i = 0; i < o->n_party && !p; i++)
		if (strcmp(o->party[i]->id->text, id) == 0)
			p = o->party[i];
	if (p && p->legal_name)
		TRY(ask_party(c, p->legal_name, err));
	for (size_t i = 0; p && i < p->n_identifier; i++)
		TRY(ask_party(c, p->identifier[i], err));
	if (!p || (!p->legal_name && p->n_identifier == 0))
		TRY(ask_party(c, id, err));
	if (c->found.n > before)
		return WM_OK;
	return add_missing(c, SCOPE_PARTY, p && p->legal_name ? p->legal_name : id, err);
}

static enum wm_code add_version(struct scoping *c, const struct said *version,
				struct wm_error *err)
{
	const Weightmark__V1__Order *o = order_said(version);
	const enum order_scope of_datasets = o->n_scope_record > 0 ? SCOPE_RECORD : SCOPE_DATASET;
	const struct found *narrowed;

	TRY(find_narrowed(c, version, err));
	narrowed = c->narrowed.list;
	for (size_t i = 0; i < c->narrowed.n; i++)
		TRY(add_found(&c->found, narrowed[i].node, SCOPE_SUBSET, err));
	for (size_t i = 0; i < o->n_scope_dataset; i++)
		TRY(add_reference(c, o->scope_dataset[i], of_datasets, err));
	for (size_t i = 0; i < o->n_scope_checkpoint; i++)
		TRY(add_reference(c, o->scope_checkpoint[i], SCOPE_CHECKPOINT, err));
	for (size_t i = 0; i < o->n_scope_party; i++)
		TRY(add_party(c, o, o->scope_party[i]->id, err));
	for (size_t i = 0; i < o->n_scope_record && o->n_scope_dataset == 0; i++)
		TRY(add_missing_digest(c, SCOPE_RECORD, o->scope_record[i]->sha256.data, err));
	return WM_OK;
}

/* --- all versions ------------------------------------------------------------------------ */

/* Which subsets at hand have none of the records that any version names. */
static enum wm_code ask_records(struct order_state *s, struct wm_error *err)
{
	const struct said *versions = s->order->versions;
	cleanup_free const uint8_t **leaves = NULL;
	size_t room = 1, n = 0;

	for (size_t i = 0; i < s->order->n_versions; i++)
		room += order_said(&versions[i])->n_scope_record;
	leaves = calloc(room, sizeof(*leaves));
	if (!leaves)
		return fail_nomem(err);
	for (size_t i = 0; i < s->order->n_versions; i++) {
		const Weightmark__V1__Order *o = order_said(&versions[i]);

		for (size_t k = 0; k < o->n_scope_record; k++)
			leaves[n++] = o->scope_record[k]->sha256.data;
	}
	return subsets_ask(&s->subsets, s->orders->subsets, leaves, n, err);
}

static enum wm_code unite(struct order_state *s, struct scoping *c, struct wm_error *err)
{
	struct found *found = c->found.list;
	void *room = NULL, *scopes = NULL;
	size_t n_roots = 0;

	if (c->found.n > 0)
		qsort(found, c->found.n, sizeof(*found), compare_found);
	TRY(arena_alloc(&room, &s->arena, (c->found.n + 1) * sizeof(*s->seeds), err));
	TRY(arena_alloc(&scopes, &s->arena, (c->found.n + 1) * sizeof(*s->scopes), err));
	TRY(list_roots(&s->roots, &n_roots, s->order->versions, s->order->n_versions, err));
	s->seeds = room;
	s->scopes = scopes;
	for (size_t i = 0; i < c->found.n; i++) {
		if (i > 0 && found[i].node == found[i - 1].node) {
			/* Subsets that another version names count, whatever records they have. */
			if (found[i].scope == SCOPE_SUBSET)
				s->seeds[s->n_seeds - 1].n_without = 0;
			continue;
		}
		s->scopes[s->n_seeds] = found[i].scope;
		s->seeds[s->n_seeds].node = found[i].node;
		if (found[i].scope == SCOPE_SUBSET) {
			s->seeds[s->n_seeds].subsets = s->roots;
			s->seeds[s->n_seeds].n_subsets = n_roots;
		}
		if (found[i].scope == SCOPE_RECORD) {
			s->seeds[s->n_seeds].without = s->subsets.without;
			s->seeds[s->n_seeds].n_without = s->subsets.n_without;
		}
		s->n_seeds++;
	}
	return WM_OK;
}

static int compare_seeds(const void *key, const void *element)
{
	const uint32_t *node = key;
	const struct trace_seed *seed = element;

	return (*node > seed->node) - (*node < seed->node);
}

static struct trace_seed *find_seed(const struct order_state *s, uint32_t node)
{
	return bsearch(&node, s->seeds, s->n_seeds, sizeof(*s->seeds), compare_seeds);
}

static bool is_narrow(const struct trace_seed *seed)
{
	return seed->n_subsets > 0 || seed->n_without > 0;
}

static bool has_same_content(const struct graph_digest *a, const struct graph_digest *b)
{
	return a->role == DIGEST_CONTENT_ROOT && b->role == a->role &&
	       memcmp(a->digest, b->digest, SHA256_BYTES) == 0;
}

/* Data that is in scope as a whole is so under each of its ids. */
static void widen_equal_content(struct order_state *s)
{
	const struct graph *g = s->orders->graph;

	for (uint32_t i = 0, end; i < g->n_digests; i = end) {
		const struct trace_seed *whole = NULL;

		for (end = i + 1; end < g->n_digests &&
				  has_same_content(&g->digests[i], &g->digests[end]);)
			end++;
		for (uint32_t k = i; end > i + 1 && k < end; k++) {
			const struct trace_seed *seed = find_seed(s, g->digests[k].node);

			whole = seed && !is_narrow(seed) ? seed : whole;
		}
		for (uint32_t k = i; whole && k < end; k++) {
			struct trace_seed *seed = find_seed(s, g->digests[k].node);

			if (seed && is_narrow(seed)) {
				*seed = (struct trace_seed){ .node = seed->node };
				s->scopes[seed - s->seeds] = s->scopes[whole - s->seeds];
			}
		}
	}
}

static int compare_missing(const void *x, const void *y)
{
	const struct order_missing *a = x, *b = y;

	return a->scope != b->scope ? (int)a->scope - (int)b->scope : strcmp(a->text, b->text);
}

/* Versions name the same things: each is missing once. */
static enum wm_code keep_missing(struct order_state *s, const struct gathered_list *missing,
				 struct wm_error *err)
{
	struct order_missing *list = missing->list;
	void *room = NULL;

	TRY(arena_alloc(&room, &s->arena, (missing->n + 1) * sizeof(*s->missing), err));
	s->missing = room;
	if (missing->n > 0)
		qsort(list, missing->n, sizeof(*list), compare_missing);
	for (size_t i = 0; i < missing->n; i++)
		if (i == 0 || compare_missing(&list[i], &list[i - 1]) != 0)
			s->missing[s->n_missing++] = list[i];
	return WM_OK;
}

/* Those of any version that counts; where one names none, it means every role: 0. */
static uint64_t roles_of(const struct order *order)
{
	uint64_t roles = 0;

	for (size_t i = 0; i < order->n_versions; i++) {
		const Weightmark__V1__Order *o = order_said(&order->versions[i]);

		if (!version_counts(order, &order->versions[i]))
			continue;
		if (o->n_scope_role == 0)
			return 0;
		for (size_t k = 0; k < o->n_scope_role; k++)
			roles |= UINT64_C(1) << o->scope_role[k];
	}
	return roles;
}

enum wm_code order_seeds(struct order_state *s, struct wm_error *err)
{
	__attribute__((cleanup(scoping_release))) struct scoping c = { .s = s };

	for (size_t i = 0; i < s->order->n_versions; i++)
		TRY(add_version(&c, &s->order->versions[i], err));
	TRY(ask_records(s, err));
	TRY(unite(s, &c, err));
	widen_equal_content(s);
	TRY(keep_missing(s, &c.missing, err));
	s->roles = roles_of(s->order);
	return WM_OK;
}
