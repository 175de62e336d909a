/* SPDX-License-Identifier: Apache-2.0 */
/* Tables by node, made once, so that each digest is one search. */
#include "lineage/taint.h"

#include <stdlib.h>
#include <string.h>

#include "lineage/unknown.h"
#include "util/cleanup.h"

void taints_release(struct taints *t)
{
	free(t->source);
	free(t->via);
	free(t->unknown);
	*t = (struct taints){ 0 };
}

enum wm_code taints_init(struct taints *out, const struct graph *g, struct wm_error *err)
{
	const size_t size = ((size_t)g->n_nodes + 1) * sizeof(uint32_t);

	out->g = g;
	out->source = malloc(size);
	out->via = malloc(size);
	if (!out->source || !out->via)
		return fail_nomem(err);
	memset(out->source, 0xff, size);
	memset(out->via, 0xff, size);
	for (uint32_t i = 0; i < g->n_digests && !out->has_data; i++)
		out->has_data = g->digests[i].role == DIGEST_CONTENT_ROOT;
	return unknown_origins(&out->unknown, g, err);
}

void taints_add(struct taints *t, const struct trace *trace)
{
	for (uint32_t i = 0; i < trace->n; i++) {
		const struct traced *at = &trace->list[i];

		if (t->source[at->node] != GRAPH_NONE)
			continue;
		t->source[at->node] = t->n_sources;
		t->via[at->node] = at->via;
	}
	t->n_sources++;
}

size_t taint_path(uint32_t *nodes, size_t max, const struct taints *t, uint32_t node)
{
	size_t n = 0;

	for (; n < max; node = t->g->edges[t->via[node]].from) {
		nodes[n++] = node;
		if (t->via[node] == GRAPH_NONE)
			break;
	}
	for (size_t i = 0; i < n / 2; i++) {
		const uint32_t other = nodes[n - 1 - i];

		nodes[n - 1 - i] = nodes[i];
		nodes[i] = other;
	}
	return n;
}

const char *taint_state_name(enum taint_state state)
{
	static const char *const names[] = { "tainted", "clean", "unknown", "unknown" };

	return names[state];
}

enum taint_state taint_of(const struct taints *t, uint32_t node)
{
	if (t->source[node] != GRAPH_NONE)
		return TAINT_TAINTED;
	if (!t->g->nodes[node].stated)
		return TAINT_UNKNOWN;
	return t->unknown[node] != GRAPH_NONE ? TAINT_OPEN : TAINT_CLEAN;
}

struct taint_answer taint_find(const struct taints *t, const uint8_t digest[SHA256_BYTES])
{
	struct taint_answer best = { TAINT_UNKNOWN, GRAPH_NONE, 0, 0 };
	const struct graph_digest *list;
	uint32_t n;

	list = graph_find_digest(&n, t->g, digest);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t node = list[i].node;
		const struct taint_answer a = { taint_of(t, node), node, t->source[node],
						list[i].role };

		if (taint_counts_before(&a, &best))
			best = a;
	}
	return best;
}
