/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes of the graph references of orders and events mean. */
#include "lineage/orders_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/unknown.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/limits.h"

struct order_by_id {
	const uint8_t *id;
	uint32_t node;
};

static int compare_ids(const void *x, const void *y)
{
	const struct order_by_id *a = x, *b = y;

	return memcmp(a->id, b->id, SHA256_BYTES);
}

static enum wm_code list_ids(struct orders *o, struct wm_error *err)
{
	const struct graph *g = o->graph;

	o->by_id = calloc((size_t)g->n_statements + 1, sizeof(*o->by_id));
	if (!o->by_id)
		return fail_nomem(err);
	for (uint32_t i = 0; i < g->n_statements; i++)
		o->by_id[i] = (struct order_by_id){ g->statements[i].id, g->statements[i].node };
	qsort(o->by_id, g->n_statements, sizeof(*o->by_id), compare_ids);
	return WM_OK;
}

/* How many different ones statements give a node, whoever made them. */
struct node_digests {
	uint32_t sha256, weights, content; /* of files, of weights, content or records roots */
};

/* The count that a digest of this role is one of, or NULL. */
static uint32_t *count_of(struct node_digests *n, enum digest_role role)
{
	switch (role) {
	case DIGEST_SHA256:
		return &n->sha256;
	case DIGEST_WEIGHTS:
		return &n->weights;
	case DIGEST_CONTENT_ROOT:
		return &n->content;
	default:
		return NULL;
	}
}

static enum wm_code count_digests(struct orders *o, struct wm_error *err)
{
	const struct graph *g = o->graph;

	o->digests = calloc((size_t)g->n_nodes + 1, sizeof(*o->digests));
	if (!o->digests)
		return fail_nomem(err);
	for (uint32_t i = 0; i < g->n_digests; i++) {
		const struct graph_digest *d = &g->digests[i];
		uint32_t *n = count_of(&o->digests[d->node], d->role);

		if (n)
			++*n;
	}
	return WM_OK;
}

/* Whether it is that of all of the node: a statement is about it, and gives it no other. */
static bool is_of_whole(const struct orders *o, const struct graph_digest *d)
{
	const uint32_t *n = count_of(&o->digests[d->node], d->role);

	return n && *n == 1 && o->graph->nodes[d->node].stated;
}

enum wm_code orders_join_graph(struct orders *o, struct wm_error *err)
{
	TRY(list_ids(o, err));
	TRY(count_digests(o, err));
	return unknown_origins(&o->unknown, o->graph, err);
}

uint32_t node_of_statement(const struct orders *o, const uint8_t id[SHA256_BYTES])
{
	const struct order_by_id key = { id, 0 };
	const struct order_by_id *found = bsearch(&key, o->by_id, o->graph->n_statements,
						  sizeof(*o->by_id), compare_ids);

	return found ? found->node : GRAPH_NONE;
}

/* --- references -------------------------------------------------------------------------- */

static enum wm_code add_node(struct gathered_list *nodes, uint32_t node, struct wm_error *err)
{
	uint32_t *place;

	if (node == GRAPH_NONE)
		return WM_OK;
	TRY(gathered_add(&place, nodes, sizeof(*place), err));
	*place = node;
	return WM_OK;
}

/* At most `max` that have the digest, else none; and what is known by it alone: "sha256:HEX". */
static enum wm_code add_digest(struct gathered_list *nodes, const struct orders *o,
			       const Weightmark__V1__Digest *digest, const char *prefix,
			       uint32_t max, struct wm_error *err)
{
	char id[sizeof("weights:") + 2 * SHA256_BYTES];
	const struct graph_digest *d;
	uint32_t n;

	if (!digest)
		return WM_OK;
	d = graph_find_digest(&n, o->graph, digest->sha256.data);
	for (uint32_t i = 0; n <= max && i < n; i++)
		TRY(add_node(nodes, d[i].node, err));
	memcpy(id, prefix, strlen(prefix));
	hex_encode(id + strlen(prefix), digest->sha256.data, SHA256_BYTES);
	return add_node(nodes, graph_find(o->graph, id), err);
}

enum wm_code resolve_reference(struct gathered_list *nodes, const struct orders *o,
			       const Weightmark__V1__Reference *r, struct wm_error *err)
{
	const size_t before = nodes->n;

	if (r->object)
		TRY(add_node(nodes, graph_find(o->graph, r->object->text), err));
	if (nodes->n == before)
		TRY(add_digest(nodes, o, r->weights_digest, "weights:", LIMIT_EQUAL_FILES, err));
	if (nodes->n == before)
		TRY(add_digest(nodes, o, r->sha256, "sha256:", LIMIT_EQUAL_FILES, err));
	if (nodes->n == before && !r->object && r->statement)
		return add_node(nodes, node_of_statement(o, r->statement->sha256.data), err);
	return WM_OK;
}

enum wm_code resolve_all(struct gathered_list *nodes, const struct orders *o,
			 const Weightmark__V1__Reference *r, struct wm_error *err)
{
	if (r->object)
		TRY(add_node(nodes, graph_find(o->graph, r->object->text), err));
	TRY(add_digest(nodes, o, r->weights_digest, "weights:", GRAPH_NONE, err));
	TRY(add_digest(nodes, o, r->sha256, "sha256:", GRAPH_NONE, err));
	if (!r->object && r->statement)
		TRY(add_node(nodes, node_of_statement(o, r->statement->sha256.data), err));
	return WM_OK;
}

/* What has the digest: as the whole, or known by it alone; else as one of several. */
static enum wm_code add_whole(struct gathered_list *whole, struct gathered_list *part,
			      const struct orders *o, const Weightmark__V1__Digest *digest,
			      const char *prefix, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list nodes = { 0 };
	const struct graph_digest *d;
	uint32_t n;

	if (!digest || whole->n + part->n > 0)
		return WM_OK;
	TRY(add_digest(&nodes, o, digest, prefix, LIMIT_EQUAL_FILES, err));
	d = graph_find_digest(&n, o->graph, digest->sha256.data);
	if (n > LIMIT_EQUAL_FILES)
		n = 0;
	/* The first nodes are those of `d`, in its order. */
	for (size_t i = 0; i < nodes.n; i++)
		TRY(add_node(i >= n || is_of_whole(o, &d[i]) ? whole : part,
			     ((const uint32_t *)nodes.list)[i], err));
	return WM_OK;
}

enum wm_code resolve_deed(struct gathered_list *whole, struct gathered_list *part,
			  const struct orders *o, const Weightmark__V1__Reference *r,
			  struct wm_error *err)
{
	if (r->object)
		TRY(add_node(whole, graph_find(o->graph, r->object->text), err));
	TRY(add_whole(whole, part, o, r->weights_digest, "weights:", err));
	TRY(add_whole(whole, part, o, r->sha256, "sha256:", err));
	return whole->n + part->n > 0 ? WM_OK : resolve_reference(whole, o, r, err);
}

enum wm_code reference_text(struct buf *out, const Weightmark__V1__Reference *r,
			    struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	if (r->object)
		return buf_append_str(out, r->object->text, err);
	if (r->weights_digest)
		return buf_append_hex(out, r->weights_digest->sha256.data, SHA256_BYTES, err);
	if (r->sha256)
		return buf_append_hex(out, r->sha256->sha256.data, SHA256_BYTES, err);
	if (!r->statement)
		return buf_append_str(out, r->uri ? r->uri : "-", err);
	statement_id_text(id, r->statement->sha256.data);
	return buf_append_str(out, id, err);
}
