/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage: what statements of one or several ledgers are joined to. */
#include "lineages.h"

#include <stdio.h>

#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

#define PARENT(kind, reference) \
	",\"derivation\":[{\"kind\":\"" kind "\",\"parent\":[" reference "]}]"
#define USES(reference, role) ",\"uses\":[{\"dataset\":" reference ",\"role\":\"" role "\"}]"

static void append(struct shelf *s)
{
	shelf_append(s, SHELF_ORIGIN, 1000);
}

static void test_objects(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	const struct graph_edge *e;

	(void)state;
	shelf_open(&s);
	lineage_dataset(&s, "d", "");
	lineage_run(&s, "r", ",\"uses\":[{\"dataset\":@d@,\"role\":\"finetune\",\"from_step\":3,"
			     "\"to_step\":9,\"subset_root\":\"$s$\"}],\"parent_model\":[@m0@],"
			     "\"output_model\":@m2@,\"start\":\"2026-01-01T00:00:00Z\","
			     "\"end\":\"2026-01-02T00:00:00Z\"");
	lineage_checkpoint(&s, "m1", ",\"run\":[@r@],\"checkpoint_of\":{\"run\":@r@,\"step\":7}");
	lineage_checkpoint(&s, "m3", PARENT("quantise", "@m1@") ",\"run\":[@r@]");
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(g->n_nodes, 6);
	assert_int_equal(g->n_objects, 6);
	assert_int_equal(g->n_edges, 6);
	e = lineage_edge(g, "d", "r", GRAPH_USED);
	assert_int_equal(e->role, WEIGHTMARK__V1__DATASET_USE__ROLE__finetune);
	assert_int_equal(e->from_step, 3);
	assert_int_equal(e->to_step, 9);
	assert_non_null(e->subset);
	assert_string_equal(g->statements[e->statement].kind, "run");
	assert_string_equal(g->statements[e->statement].issuer, "acme");
	assert_int_equal(lineage_edges(g, "m0", "r", GRAPH_STARTED_FROM), 1);
	assert_int_equal(lineage_edges(g, "r", "m2", GRAPH_MADE), 1);
	assert_int_equal(lineage_edges(g, "r", "m1", GRAPH_MADE), 1);
	assert_int_equal(lineage_edge(g, "r", "m1", GRAPH_MADE)->step, 7);
	assert_int_equal(lineage_edge(g, "r", "m3", GRAPH_MADE)->step, STEP_NONE);
	assert_int_equal(lineage_edge(g, "m1", "m3", GRAPH_DERIVED)->derivation,
			 WEIGHTMARK__V1__DERIVATION__KIND__quantise);
	assert_int_equal(g->nodes[lineage_node(g, "m1")].step, 7);
	assert_int_equal(g->nodes[lineage_node(g, "r")].ends -
				 g->nodes[lineage_node(g, "r")].begins, 86400);
	assert_int_equal(g->nodes[lineage_node(g, "m0")].kind, GRAPH_CHECKPOINT);
	assert_false(g->nodes[lineage_node(g, "m0")].stated);
	assert_int_equal(lineage_findings(g, FINDING_UNKNOWN), 2);
	assert_true(lineage_has_finding(g, FINDING_UNKNOWN, "m0"));
	assert_int_equal(g->n_findings, 2);
	assert_true(graph_is_open_end(g, lineage_node(g, "m0")));
	assert_false(graph_is_open_end(g, lineage_node(g, "m1")));
	assert_int_equal(graph_find(g, "acme/m"), GRAPH_NONE);
	assert_int_equal(graph_find(g, ""), GRAPH_NONE);
}

/* Each way in which one may be named leads to the same node. */
static void test_references(void **state)
{
	static const struct {
		const char *reference, *to;
		enum graph_finding_kind finding;
		size_t n_findings;
	} rows[] = {
		{ "{\"object\":\"acme/m0\"}", "m0", FINDING_UNKNOWN, 0 },
		{ "{\"weights_digest\":\"$weights m0$\"}", "m0", FINDING_UNKNOWN, 0 },
		{ "{\"sha256\":\"$sha256 m0$\"}", "m0", FINDING_UNKNOWN, 0 },
		{ "{\"weights_digest\":\"$weights m0$\",\"sha256\":\"$none$\"}", "m0",
		  FINDING_UNKNOWN, 0 },
		{ "{\"weights_digest\":\"$none$\",\"sha256\":\"$sha256 m0$\"}", "m0",
		  FINDING_UNKNOWN, 0 },
		{ "{\"object\":\"acme/m0\",\"weights_digest\":\"$weights m0$\"}", "m0",
		  FINDING_CONFLICT, 0 },
		{ "{\"object\":\"acme/m0\",\"weights_digest\":\"$none$\"}", "m0",
		  FINDING_CONFLICT, 0 },
		{ "{\"object\":\"acme/m0\",\"weights_digest\":\"$weights m1$\"}", "m0",
		  FINDING_CONFLICT, 1 },
		{ "{\"object\":\"acme/m1\",\"sha256\":\"$sha256 m0$\"}", "m0", FINDING_CONFLICT,
		  1 },
		{ "{\"sha256\":\"$released$\"}", "m0", FINDING_UNKNOWN, 0 },
		{ "{\"object\":\"acme/other\"}", "other", FINDING_UNKNOWN, 1 },
		{ "{\"uri\":\"https://example.org/m\"}", "uri:https://example.org/m",
		  FINDING_UNKNOWN, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_shelf struct shelf s;
		cleanup_graph struct graph *g = NULL;
		char members[512];

		shelf_open(&s);
		lineage_checkpoint(&s, "m0", "");
		lineage_checkpoint(&s, "m1", "");
		lineage_say(&s, "release", "acme", "m0+release", 1,
			    ",\"checkpoint\":@m0@,\"file\":[{\"path\":\"m.st\",\"size\":8,"
			    "\"sha256\":\"$released$\"}]");
		snprintf(members, sizeof(members), PARENT("finetune", "%s"), rows[i].reference);
		lineage_checkpoint(&s, "child", members);
		append(&s);
		g = lineage_graph_of(&s);
		assert_int_equal(lineage_edges(g, rows[i].to, "child", GRAPH_DERIVED), 1);
		assert_int_equal(lineage_findings(g, rows[i].finding), rows[i].n_findings);
		assert_int_equal(lineage_findings(g, FINDING_FORK), 0);
	}
}

/* A statement alone is joined where nothing else is said, whatever it was corrected to since. */
static void test_statement_only(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	uint8_t id[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1], members[512];

	(void)state;
	shelf_open(&s);
	lineage_checkpoint(&s, "m0", "");
	memcpy(id, s.pending[0].statement, sizeof(id));
	for (size_t i = 0; i < sizeof(id); i++)
		sprintf(hex + 2 * i, "%02x", id[i]);
	lineage_say(&s, "manifest", "acme", "m0", 2, CHECKPOINT_OF("m0b", "m0b", "m0b"));
	snprintf(members, sizeof(members), PARENT("finetune", "{\"statement\":\"wm:%s\"}"), hex);
	lineage_checkpoint(&s, "m1", members);
	lineage_checkpoint(&s, "m2", PARENT("finetune", "{\"statement\":\"wm:$nowhere$\"}"));
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(lineage_edges(g, "m0", "m1", GRAPH_DERIVED), 1);
	assert_int_equal(lineage_findings(g, FINDING_UNKNOWN), 1);
	assert_int_equal(g->n_nodes, 4);
	assert_int_equal(g->n_objects, 3);
	assert_memory_equal(g->nodes[3].id, "wm:", 3);
}

static void test_content_roots(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&s);
	lineage_dataset(&s, "d1", ",\"content_root\":\"$c$\"");
	lineage_dataset(&s, "d2", ",\"content_root\":\"$c$\"");
	lineage_dataset(&s, "d3", ",\"content_root\":\"$c$\"");
	lineage_dataset(&s, "d4", ",\"content_root\":\"$other$\"");
	lineage_run(&s, "r", USES("{\"sha256\":\"$c$\"}", "pretrain"));
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(g->n_edges, 5);
	assert_int_equal(lineage_edges(g, "d1", "d2", GRAPH_EQUAL_CONTENT), 1);
	assert_int_equal(lineage_edges(g, "d2", "d1", GRAPH_EQUAL_CONTENT), 1);
	assert_int_equal(lineage_edges(g, "d2", "d3", GRAPH_EQUAL_CONTENT), 1);
	assert_int_equal(lineage_edges(g, "d1", "r", GRAPH_USED), 1);
	assert_int_equal(g->n_findings, 0);
}

static void test_equal_weights(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&s);
	lineage_say(&s, "manifest", "acme", "a", 1, CHECKPOINT_OF("w", "t", "a"));
	lineage_say(&s, "manifest", "acme", "b", 1, CHECKPOINT_OF("w", "t", "b"));
	lineage_say(&s, "manifest", "acme", "c", 1, CHECKPOINT_OF("renamed", "t", "c"));
	lineage_say(&s, "manifest", "acme", "d", 1, CHECKPOINT_OF("else", "else", "d"));
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(lineage_edges(g, "a", "b", GRAPH_EQUAL_WEIGHTS), 1);
	assert_int_equal(lineage_edges(g, "b", "a", GRAPH_EQUAL_WEIGHTS), 1);
	assert_int_equal(lineage_edges(g, "b", "c", GRAPH_EQUAL_TENSORS), 1);
	assert_int_equal(lineage_edges(g, "c", "b", GRAPH_EQUAL_TENSORS), 1);
	assert_int_equal(lineage_edges(g, "b", "c", GRAPH_EQUAL_WEIGHTS), 0);
	assert_int_equal(g->n_edges, 6);
	assert_int_equal(lineage_edge(g, "a", "b", GRAPH_EQUAL_WEIGHTS)->statement, GRAPH_NONE);
	assert_int_equal(g->n_findings, 0);
}

/* A file that two checkpoints have is a node of its own, of which something is known. */
static void test_shared_file(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	uint32_t file;

	(void)state;
	shelf_open(&s);
	lineage_say(&s, "manifest", "acme", "a", 1, CHECKPOINT_OF("a", "a", "f"));
	lineage_say(&s, "manifest", "acme", "b", 1, CHECKPOINT_OF("b", "b", "f"));
	lineage_say(&s, "manifest", "acme", "c", 1,
		    CHECKPOINT_OF("c", "c", "f") PARENT("finetune", "{\"sha256\":\"$sha256 f$\"}"));
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(g->n_nodes, 4);
	file = g->n_nodes - 1;
	assert_memory_equal(g->nodes[file].id, "sha256:", 7);
	assert_true(graph_is_shared_file(g, file));
	assert_false(graph_is_open_end(g, file));
	assert_true(graph_is_open_end(g, lineage_node(g, "a")));
	assert_int_equal(g->n_edges, 4);
	assert_int_equal(g->n_findings, 0);
	assert_int_equal(graph_find(g, g->nodes[file].id), file);
}

/* What a correction leaves out was said once. */
static void test_corrections(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&s);
	lineage_run(&s, "r", USES("@d1@", "pretrain") ",\"start\":\"2026-01-05T00:00:00Z\"");
	lineage_say(&s, "run", "acme", "r", 2,
		    ",\"id\":\"r\"" USES("@d2@", "pretrain") ",\"start\":\"2026-01-03T00:00:00Z\","
		    "\"end\":\"2026-01-04T00:00:00Z\"");
	lineage_dataset(&s, "d1", "");
	lineage_dataset(&s, "d2", "");
	lineage_checkpoint(&s, "m", ",\"run\":[@r@],\"checkpoint_of\":{\"run\":@r@,\"step\":7}");
	lineage_say(&s, "manifest", "acme", "m", 2,
		    CHECKPOINT_OF("m", "m", "m") ",\"checkpoint_of\":{\"run\":@r@,\"step\":9}");
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(lineage_edges(g, "d1", "r", GRAPH_USED), 1);
	assert_int_equal(lineage_edges(g, "d2", "r", GRAPH_USED), 1);
	assert_int_equal(lineage_edges(g, "r", "m", GRAPH_MADE), 2);
	assert_int_equal(g->nodes[lineage_node(g, "m")].step, 9);
	assert_int_equal(g->nodes[lineage_node(g, "r")].ends -
				 g->nodes[lineage_node(g, "r")].begins, 86400);
	assert_int_equal(g->statements[g->nodes[lineage_node(g, "r")].statement].sequence, 2);
	assert_int_equal(g->n_findings, 0);
}

static void test_findings(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&s);
	lineage_checkpoint(&s, "a", PARENT("merge", "@c@"));
	lineage_checkpoint(&s, "b", PARENT("merge", "@a@"));
	lineage_checkpoint(&s, "c", PARENT("merge", "@b@"));
	lineage_checkpoint(&s, "after", PARENT("merge", "@c@"));
	lineage_run(&s, "back", ",\"start\":\"2026-01-02T00:00:00Z\",\"end\":\"2026-01-01T00:00:00Z\"");
	lineage_dataset(&s, "d", "");
	lineage_dataset(&s, "d", ",\"version\":\"2\"");
	lineage_say(&s, "manifest", "acme", "x", 1, CHECKPOINT_OF("w", "t", "x") PARENT("convert", "@a@"));
	lineage_say(&s, "manifest", "beta", "y", 1, CHECKPOINT_OF("w", "t", "y"));
	lineage_say(&s, "manifest", "beta", "z", 1, CHECKPOINT_OF("w", "t", "z") PARENT("convert", "@b@"));
	lineage_say(&s, "release", "acme", "a+release", 1,
		    ",\"checkpoint\":@a@,\"file\":[{\"path\":\"m\",\"size\":8,\"sha256\":\"$1$\"}]");
	lineage_say(&s, "release", "acme", "a+release2", 1,
		    ",\"checkpoint\":@a@,\"file\":[{\"path\":\"m\",\"size\":8,\"sha256\":\"$2$\"}]");
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(lineage_findings(g, FINDING_CYCLE), 3);
	assert_true(lineage_has_finding(g, FINDING_CYCLE, "a"));
	assert_false(lineage_has_finding(g, FINDING_CYCLE, "after"));
	assert_int_equal(lineage_findings(g, FINDING_BACKWARDS), 1);
	assert_true(lineage_has_finding(g, FINDING_BACKWARDS, "back"));
	assert_int_equal(lineage_findings(g, FINDING_FORK), 1);
	assert_true(lineage_has_finding(g, FINDING_FORK, "d"));
	assert_int_equal(lineage_findings(g, FINDING_DIFFERS), 1);
	assert_true(lineage_has_finding(g, FINDING_DIFFERS, "x"));
	assert_int_equal(lineage_findings(g, FINDING_UNKNOWN), 0);
}

static void test_derivations(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&s);
	lineage_checkpoint(&s, "m0", "");
	lineage_checkpoint(&s, "m1",
			   ",\"derivation\":[{\"kind\":\"quantise\",\"parent\":[@m0@],\"child\":@q@},"
			   "{\"kind\":\"merge\",\"parent\":[@p1@,@p2@]}]");
	lineage_checkpoint(&s, "new", PARENT("retrain_from_scratch", "@m0@"));
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(lineage_edges(g, "m0", "q", GRAPH_DERIVED), 1);
	assert_int_equal(lineage_edges(g, "m0", "m1", GRAPH_DERIVED), 0);
	assert_int_equal(lineage_edges(g, "p1", "m1", GRAPH_DERIVED), 1);
	assert_int_equal(lineage_edges(g, "p2", "m1", GRAPH_DERIVED), 1);
	assert_int_equal(lineage_edges(g, "m0", "new", GRAPH_DERIVED), 0);
	assert_true(graph_is_open_end(g, lineage_node(g, "new")));
	assert_int_equal(g->n_edges, 3);
}

static void test_several_ledgers(void **state)
{
	cleanup_shelf struct shelf a, b;
	struct shelf *const both[] = { &a, &b };
	cleanup_graph struct graph *g = NULL;

	(void)state;
	shelf_open(&a);
	shelf_open(&b);
	lineage_dataset(&a, "d", "");
	lineage_checkpoint(&a, "m", ",\"run\":[@r@]");
	append(&a);
	lineage_run(&b, "r", USES("@d@", "pretrain"));
	lineage_checkpoint(&b, "m", ",\"run\":[@r@]");
	append(&b);
	g = lineage_graph(both, 2);
	assert_int_equal(g->n_nodes, 3);
	assert_int_equal(g->n_statements, 4);
	assert_int_equal(lineage_edges(g, "d", "r", GRAPH_USED), 1);
	assert_int_equal(lineage_edges(g, "r", "m", GRAPH_MADE), 1);
	assert_int_equal(g->statements[lineage_edge(g, "d", "r", GRAPH_USED)->statement].ledger, 1);
	assert_int_equal(g->n_findings, 0);
}

static void test_nothing(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	uint8_t digest[SHA256_BYTES] = { 0 };
	struct wm_error err = { 0 };
	uint32_t n = 7;

	(void)state;
	shelf_open(&s);
	append(&s);
	g = lineage_graph_of(&s);
	assert_int_equal(g->n_nodes + g->n_edges + g->n_statements + g->n_findings, 0);
	(void)graph_find_digest(&n, g, digest);
	assert_int_equal(n, 0);
	graph_free(g);
	g = NULL;
	assert_ok(graph_load(&g, NULL, 0, NULL, &err), &err);
	assert_int_equal(graph_find(g, "acme/d"), GRAPH_NONE);
}

static enum wm_code load(void *context, struct wm_error *err)
{
	cleanup_graph struct graph *g = NULL;
	struct index *x = context;

	return graph_load(&g, &x, 1, NULL, err);
}

static void test_allocations(void **state)
{
	cleanup_shelf struct shelf s;
	struct index *x = NULL;
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	lineage_dataset(&s, "d", ",\"content_root\":\"$c$\"");
	lineage_run(&s, "r", USES("{\"sha256\":\"$c$\"}", "pretrain"));
	lineage_say(&s, "manifest", "acme", "a", 1, CHECKPOINT_OF("w", "a", "f") ",\"run\":[@r@]");
	lineage_say(&s, "manifest", "beta", "b", 1, CHECKPOINT_OF("w", "b", "f") PARENT("merge", "@a@"));
	lineage_checkpoint(&s, "c", PARENT("finetune", "{\"sha256\":\"$sha256 f$\"}"));
	append(&s);
	assert_ok(index_open(&x, s.ledger, NULL, &err), &err);
	shelf_sync(x);
	with_every_allocation_failing(load, x);
	index_close(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),	      cmocka_unit_test(test_references),
		cmocka_unit_test(test_statement_only), cmocka_unit_test(test_content_roots),
		cmocka_unit_test(test_equal_weights), cmocka_unit_test(test_shared_file),
		cmocka_unit_test(test_corrections),   cmocka_unit_test(test_findings),
		cmocka_unit_test(test_derivations),   cmocka_unit_test(test_several_ledgers),
		cmocka_unit_test(test_nothing),	      cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
