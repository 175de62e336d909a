/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoints have a manifest that leaves open where they come from. What closes it is said
 * by the key of the manifest: all ancestors are declared, or a run or parent. What another key adds
 * is an edge like any other, but nobody makes known what another's manifest leaves unknown.
 */
#include "lineage/join.h"

#include <stdlib.h>
#include <string.h>

/* A key's manifest of a checkpoint, or what it says of where one comes from. */
struct claim {
	uint32_t node, statement;
	bool is_manifest, tells;
};

static const uint8_t *key_of(const struct join *j, const struct claim *c)
{
	return j->statements[c->statement].keyid;
}

static int compare_claims(const void *a, const void *b, void *context)
{
	const struct claim *x = a, *y = b;
	int order;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	order = memcmp(key_of(context, x), key_of(context, y), SHA256_BYTES);
	return order ? order : (x->statement > y->statement) - (x->statement < y->statement);
}

static enum wm_code add_claim(struct gathered_list *claims, const struct claim *claim,
			      struct wm_error *err)
{
	struct claim *place;

	TRY(gathered_add(&place, claims, sizeof(*place), err));
	*place = *claim;
	return WM_OK;
}

static enum wm_code list_manifests(struct gathered_list *claims, const struct join *j,
				   struct wm_error *err)
{
	const struct gathered_statement *s = j->from->statements.list;

	for (uint32_t i = 0; i < j->out->n_statements; i++)
		if (strcmp(s[i].said.kind, "manifest") == 0)
			TRY(add_claim(claims,
				      &(struct claim){ s[i].said.node, i, true,
						       s[i].flags & STATEMENT_LINEAGE_COMPLETE },
				      err));
	return WM_OK;
}

/* An edge is of the first statement of its id, and said by whoever signed a copy. */
static enum wm_code list_edges(struct gathered_list *claims, const struct join *j,
			       struct wm_error *err)
{
	const struct graph_edge *e = j->edges.list;
	const struct join_id *ids = j->ids.list;

	for (size_t i = 0; i < j->edges.n; i++) {
		if (e[i].statement == GRAPH_NONE)
			continue;
		for (size_t k = j->place[e[i].statement];
		     k < j->ids.n && j->first[ids[k].statement] == e[i].statement; k++)
			TRY(add_claim(claims,
				      &(struct claim){ e[i].to, ids[k].statement, false, true },
				      err));
	}
	return WM_OK;
}

static enum wm_code add_origin(struct join *j, const struct claim *open, uint32_t other,
			       struct wm_error *err)
{
	struct graph_finding *f;

	TRY(gathered_add(&f, &j->findings, sizeof(*f), err));
	*f = (struct graph_finding){ FINDING_ORIGIN, open->node, GRAPH_NONE, other,
				     open->statement };
	return WM_OK;
}

/* Those about one checkpoint, key by key. */
static enum wm_code judge(struct join *j, const struct claim *c, size_t n, struct wm_error *err)
{
	const struct claim *open = NULL, *telling = NULL;
	struct graph_node *node = (struct graph_node *)j->nodes.list + c->node;

	for (size_t i = 0, end; i < n; i = end) {
		const struct claim *manifest = NULL, *tells = NULL;

		for (end = i;
		     end < n && memcmp(key_of(j, &c[end]), key_of(j, &c[i]), SHA256_BYTES) == 0;
		     end++) {
			manifest = !manifest && c[end].is_manifest ? &c[end] : manifest;
			tells = !tells && c[end].tells ? &c[end] : tells;
		}
		open = !open && manifest && !tells ? manifest : open;
		telling = telling ? telling : tells;
	}
	if (!open)
		return WM_OK;
	node->untold = true;
	return telling ? add_origin(j, open, telling->statement, err) : WM_OK;
}

enum wm_code join_origins(struct join *j, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list claims = { 0 };
	const struct claim *c;

	TRY(list_manifests(&claims, j, err));
	TRY(list_edges(&claims, j, err));
	if (claims.n > 0)
		qsort_r(claims.list, claims.n, sizeof(*c), compare_claims, j);
	c = claims.list;
	for (size_t i = 0, end; i < claims.n; i = end) {
		for (end = i; end < claims.n && c[end].node == c[i].node;)
			end++;
		TRY(judge(j, c + i, end - i, err));
	}
	return WM_OK;
}
