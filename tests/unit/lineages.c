/* SPDX-License-Identifier: Apache-2.0 */
/* Lineages that tests make; see lineages.h. */
#include "lineages.h"

#include <stdio.h>

enum { SAID_MAX = 1 << 20 };

/* Appends text in which $WHAT$ and @ID@ are replaced. */
static void expand(struct buf *out, const char *text)
{
	struct wm_error err = { 0 };

	while (*text) {
		const char *end = *text == '$' || *text == '@' ? strchr(text + 1, *text) : NULL;
		char word[128], hex[2 * SHA256_BYTES + 1];

		if (!end) {
			assert_ok(buf_append_byte(out, (uint8_t)*text++, &err), &err);
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)(end - text - 1), text + 1);
		shelf_hex(hex, word, 0);
		if (*text == '$')
			assert_ok(buf_append_str(out, hex, &err), &err);
		else
			assert_ok(buf_printf(out, &err, "{\"object\":\"acme/%s\"}", word), &err);
		text = end + 1;
	}
}

void lineage_say(struct shelf *s, const char *kind, const char *issuer, const char *local,
		 unsigned sequence, const char *members)
{
	cleanup_buf struct buf json = BUF_INIT(SAID_MAX), payload = BUF_INIT(SAID_MAX);
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&json, &err,
			     "{\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":"
			     "\"2026-01-02T03:04:06Z\",\"issuer\":\"%s\",\"nonce\":"
			     "\"00112233445566778899aabbccddeeff\",\"object\":\"%s/%s\","
			     "\"schema_minor\":0,\"sequence\":%u", issuer, issuer, local, sequence),
		  &err);
	if (sequence > 1)
		expand(&json, ",\"previous\":\"wm:$previous$\"");
	assert_ok(buf_append_str(&json, "}", &err), &err);
	expand(&json, members);
	assert_ok(buf_append_str(&json, "}", &err), &err);
	shelf_encode(&payload, kind, &json);
	shelf_add_payload(s, &payload);
}

void lineage_dataset(struct shelf *s, const char *local, const char *members)
{
	char text[1024];

	snprintf(text, sizeof(text), ",\"dataset_id\":\"%s\",\"title\":\"%s\"%s", local, local,
		 members);
	lineage_say(s, "dataset", "acme", local, 1, text);
}

void lineage_run(struct shelf *s, const char *local, const char *members)
{
	cleanup_buf struct buf text = BUF_INIT(SAID_MAX);
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&text, &err, ",\"id\":\"%s\"%s", local, members), &err);
	lineage_say(s, "run", "acme", local, 1, buf_str(&text));
}

void lineage_checkpoint(struct shelf *s, const char *local, const char *members)
{
	cleanup_buf struct buf text = BUF_INIT(SAID_MAX);
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&text, &err,
			     ",\"checkpoint\":{\"file\":[{\"path\":\"m.st\",\"size\":7,\"role\":"
			     "\"load\",\"grammar\":\"safetensors/1\",\"file_digest\":\"$file %s$\","
			     "\"sha256\":\"$sha256 %s$\"}],\"part\":[{\"name\":\"m.st\",\"path\":"
			     "[\"m.st\"],\"weights_digest\":\"$weights %s$\","
			     "\"tensor_set_digest\":\"$set %s$\"}]},\"model\":{\"name\":\"%s\","
			     "\"version\":\"1\"}%s", local, local, local, local, local, members),
		  &err);
	lineage_say(s, "manifest", "acme", local, 1, buf_str(&text));
}

/* --- graphs ------------------------------------------------------------------------------ */

struct graph *lineage_graph(struct shelf *const *shelves, size_t n)
{
	struct index *indexes[8] = { NULL };
	struct graph *g = NULL;
	struct wm_error err = { 0 };

	assert_true(n <= sizeof(indexes) / sizeof(indexes[0]));
	for (size_t i = 0; i < n; i++) {
		assert_ok(index_open(&indexes[i], shelves[i]->ledger, NULL, &err), &err);
		shelf_sync(indexes[i]);
	}
	assert_ok(graph_load(&g, indexes, n, NULL, &err), &err);
	for (size_t i = 0; i < n; i++)
		index_close(indexes[i]);
	return g;
}

struct graph *lineage_graph_of(struct shelf *s)
{
	return lineage_graph(&s, 1);
}

static uint32_t find(const struct graph *g, const char *local)
{
	char id[256];

	snprintf(id, sizeof(id), strchr(local, ':') || strchr(local, '/') ? "%s" : "acme/%s",
		 local);
	return graph_find(g, id);
}

uint32_t lineage_node(const struct graph *g, const char *local)
{
	const uint32_t node = find(g, local);

	if (node == GRAPH_NONE)
		test_failed(__FILE__, __LINE__, "no node '%s'", local);
	return node;
}

const struct graph_edge *lineage_edge(const struct graph *g, const char *from, const char *to,
				      enum graph_relation relation)
{
	const uint32_t a = lineage_node(g, from), b = lineage_node(g, to);

	for (uint32_t i = g->in[b]; i < g->in[b + 1]; i++)
		if (g->edges[i].from == a && g->edges[i].relation == relation)
			return &g->edges[i];
	test_failed(__FILE__, __LINE__, "no edge '%s' from '%s' to '%s'",
		    graph_relation_name(relation), from, to);
}

size_t lineage_edges(const struct graph *g, const char *from, const char *to,
		     enum graph_relation relation)
{
	const uint32_t a = lineage_node(g, from), b = lineage_node(g, to);
	size_t in = 0, out = 0;

	for (uint32_t i = g->in[b]; i < g->in[b + 1]; i++)
		in += g->edges[i].from == a && g->edges[i].relation == relation;
	for (uint32_t i = g->out[a]; i < g->out[a + 1]; i++) {
		const struct graph_edge *e = &g->edges[g->out_edges[i]];

		assert_int_equal(e->from, a);
		out += e->to == b && e->relation == relation;
	}
	assert_int_equal(in, out);
	return in;
}

size_t lineage_findings(const struct graph *g, enum graph_finding_kind kind)
{
	size_t n = 0;

	for (uint32_t i = 0; i < g->n_findings; i++)
		n += g->findings[i].kind == kind;
	return n;
}

bool lineage_has_finding(const struct graph *g, enum graph_finding_kind kind, const char *local)
{
	const uint32_t node = lineage_node(g, local);

	for (uint32_t i = 0; i < g->n_findings; i++)
		if (g->findings[i].kind == kind && g->findings[i].node == node)
			return true;
	return false;
}

static void dump_edge(struct buf *out, const struct graph *g, const struct graph_edge *e)
{
	struct wm_error err = { 0 };

	assert_ok(buf_printf(out, &err, "%s -> %s %s %d %d %llu %llu %llu %lld\n",
			     g->nodes[e->from].id, g->nodes[e->to].id,
			     graph_relation_name(e->relation), e->role, e->derivation,
			     (unsigned long long)e->from_step, (unsigned long long)e->to_step,
			     (unsigned long long)e->step,
			     e->statement == GRAPH_NONE ?
				     -1LL :
				     (long long)g->statements[e->statement].sequence), &err);
	if (e->subset)
		assert_ok(buf_append_hex(out, e->subset, SHA256_BYTES, &err), &err);
}

void lineage_dump(struct buf *out, const struct graph *g)
{
	struct wm_error err = { 0 };

	for (uint32_t i = 0; i < g->n_nodes; i++)
		assert_ok(buf_printf(out, &err, "%s %s %d %u %lld %lld %llu\n", g->nodes[i].id,
				     graph_kind_name(g->nodes[i].kind), g->nodes[i].stated,
				     g->nodes[i].flags, (long long)g->nodes[i].begins,
				     (long long)g->nodes[i].ends,
				     (unsigned long long)g->nodes[i].step), &err);
	for (uint32_t i = 0; i < g->n_edges; i++)
		dump_edge(out, g, &g->edges[i]);
	for (uint32_t i = 0; i < g->n_digests; i++) {
		assert_ok(buf_append_hex(out, g->digests[i].digest, SHA256_BYTES, &err), &err);
		assert_ok(buf_printf(out, &err, " %d %u\n", (int)g->digests[i].role,
				     g->digests[i].node), &err);
	}
	for (uint32_t i = 0; i < g->n_findings; i++)
		assert_ok(buf_printf(out, &err, "%s %s\n",
				     graph_finding_name(g->findings[i].kind),
				     g->nodes[g->findings[i].node].id), &err);
}
