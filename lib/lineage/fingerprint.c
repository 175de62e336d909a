/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes by id, edges by the ranks of their ends. */
#include "lineage/fingerprint.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"

/* With the zero behind it. */
static const char domain[] = "wmLineageV1";

enum { EDGE_BYTES = 4 + 4 + 1 + 4 + 8 + 8 + 8 + SHA256_BYTES };

struct edge_bytes {
	uint8_t bytes[EDGE_BYTES];
};

static int compare_ids(const void *a, const void *b, void *nodes)
{
	const struct graph_node *list = nodes;

	return strcmp(list[*(const uint32_t *)a].id, list[*(const uint32_t *)b].id);
}

enum wm_code traced_by_id(uint32_t **out, const struct trace *t, const struct graph *g,
			  struct wm_error *err)
{
	uint32_t *list = calloc((size_t)t->n + 1, sizeof(*list));

	if (!list)
		return fail_nomem(err);
	for (uint32_t i = 0; i < t->n; i++)
		list[i] = t->list[i].node;
	qsort_r(list, t->n, sizeof(*list), compare_ids, g->nodes);
	*out = list;
	return WM_OK;
}

static enum wm_code encode_edge(struct buf *room, struct edge_bytes *out,
				const struct graph_edge *e, const uint32_t *rank,
				struct wm_error *err)
{
	static const uint8_t none[SHA256_BYTES];
	const int what = e->relation == GRAPH_USED ? e->role : e->derivation;

	buf_truncate(room, 0);
	TRY(buf_append_u32be(room, rank[e->from], err));
	TRY(buf_append_u32be(room, rank[e->to], err));
	TRY(buf_append_byte(room, (uint8_t)e->relation, err));
	TRY(buf_append_u32be(room, (uint32_t)what, err));
	TRY(buf_append_u64be(room, e->from_step, err));
	TRY(buf_append_u64be(room, e->to_step, err));
	TRY(buf_append_u64be(room, e->step, err));
	TRY(buf_append(room, e->subset ? e->subset : none, SHA256_BYTES, err));
	memcpy(out->bytes, room->data, EDGE_BYTES);
	return WM_OK;
}

static int compare_edges(const void *a, const void *b)
{
	return memcmp(a, b, EDGE_BYTES);
}

/* The edges between nodes that were reached. */
static enum wm_code list_edges(struct edge_bytes **out, size_t *n, const struct graph *g,
			       const struct trace *t, const uint32_t *rank, struct wm_error *err)
{
	cleanup_buf struct buf room = BUF_INIT(EDGE_BYTES);
	cleanup_free struct edge_bytes *list = NULL;
	size_t found = 0;

	for (uint32_t i = 0; i < g->n_edges; i++)
		found += trace_has(t, g->edges[i].from) && trace_has(t, g->edges[i].to);
	list = calloc(found + 1, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	*n = 0;
	for (uint32_t i = 0; i < g->n_edges; i++)
		if (trace_has(t, g->edges[i].from) && trace_has(t, g->edges[i].to))
			TRY(encode_edge(&room, &list[(*n)++], &g->edges[i], rank, err));
	qsort(list, *n, sizeof(*list), compare_edges);
	found = 0;
	for (size_t i = 0; i < *n; i++)
		if (i == 0 || compare_edges(&list[found - 1], &list[i]) != 0)
			list[found++] = list[i];
	*n = found;
	*out = take_ptr(&list);
	return WM_OK;
}

static enum wm_code update_u64(struct sha256 *s, uint64_t value, struct wm_error *err)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	return sha256_update(s, bytes, sizeof(bytes), err);
}

static enum wm_code digest_nodes(struct sha256 *s, uint32_t *rank, const struct graph *g,
				 const struct trace *t, struct wm_error *err)
{
	cleanup_free uint32_t *nodes = NULL;

	TRY(traced_by_id(&nodes, t, g, err));
	TRY(update_u64(s, t->n, err));
	for (uint32_t i = 0; i < t->n; i++) {
		const struct graph_node *n = &g->nodes[nodes[i]];
		const uint8_t kind = (uint8_t)n->kind;

		rank[nodes[i]] = i;
		TRY(update_u64(s, strlen(n->id), err));
		TRY(sha256_update(s, n->id, strlen(n->id), err));
		TRY(sha256_update(s, &kind, 1, err));
	}
	return WM_OK;
}

enum wm_code lineage_digest(uint8_t out[SHA256_BYTES], const struct graph *g,
			    const struct trace *t, struct wm_error *err)
{
	cleanup_free uint32_t *rank = calloc((size_t)g->n_nodes + 1, sizeof(*rank));
	cleanup_free struct edge_bytes *edges = NULL;
	cleanup_sha256 struct sha256 *s = NULL;
	size_t n = 0;

	if (!rank)
		return fail_nomem(err);
	TRY(sha256_new(&s, err));
	TRY(sha256_start(s, err));
	TRY(sha256_update(s, domain, sizeof(domain), err));
	TRY(digest_nodes(s, rank, g, t, err));
	TRY(list_edges(&edges, &n, g, t, rank, err));
	TRY(update_u64(s, n, err));
	for (size_t i = 0; i < n; i++)
		TRY(sha256_update(s, edges[i].bytes, EDGE_BYTES, err));
	return sha256_finish(s, out, err);
}
