/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit together, as sentences. */
#include "harness.h"

#include "lineage/graph.h"

enum { BASE, TUNED, STRANGER, RUN, N_NODES };

static struct graph_statement statements[] = {
	{ .kind = "manifest", .issuer = "acme", .id = { 0xab, 1 } },
	{ .kind = "manifest", .issuer = "other.example", .id = { 0xcd, 2 } },
	{ .kind = "manifest", .issuer = NULL },
};

static struct graph_node nodes[N_NODES] = {
	[BASE] = { .id = "acme/base", .statement = 0 },
	[TUNED] = { .id = "other.example/tuned", .statement = 1 },
	[STRANGER] = { .id = "stranger", .statement = GRAPH_NONE },
	[RUN] = { .id = "acme/run", .statement = 2 },
};

/* stranger -> tuned, as other.example says */
static struct graph_edge edges[] = {
	{ .from = STRANGER, .to = TUNED, .relation = GRAPH_DERIVED, .statement = 1 },
};
static uint32_t in[N_NODES + 1] = { 0, 0, 1, 1, 1 }, out[N_NODES + 1] = { 0, 0, 0, 1, 1 };
static uint32_t out_edges[] = { 0 };

static const struct graph graph = {
	.nodes = nodes, .n_nodes = N_NODES, .edges = edges, .n_edges = 1, .in = in, .out = out,
	.out_edges = out_edges, .statements = statements, .n_statements = 3,
};

static void test_sentences(void **state)
{
	static const struct {
		struct graph_finding finding;
		int width;
		const char *text;
	} rows[] = {
		{ { FINDING_CYCLE, BASE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE }, 64,
		  "'acme/base' lies on a cycle, or between two: by what acme and others say, "
		  "something would be its own ancestor" },
		{ { FINDING_UNKNOWN, STRANGER, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE }, 64,
		  "other.example refers to 'stranger', and no statement is about it" },
		{ { FINDING_UNKNOWN, RUN, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE }, 64,
		  "somebody refers to 'acme/run', and no statement is about it" },
		{ { FINDING_CONFLICT, BASE, TUNED, 1, GRAPH_NONE }, 64,
		  "other.example refers to 'acme/base' with a digest that is not its, but that of "
		  "'other.example/tuned' by other.example" },
		{ { FINDING_DIFFERS, BASE, TUNED, GRAPH_NONE, GRAPH_NONE }, 64,
		  "'acme/base' by acme and 'other.example/tuned' by other.example have equal "
		  "weights and name different ancestors" },
		{ { FINDING_BACKWARDS, RUN, GRAPH_NONE, 2, GRAPH_NONE }, 64,
		  "'acme/run' ended before it began, as somebody says" },
		{ { FINDING_FORK, BASE, GRAPH_NONE, 1, 0 }, 64,
		  "two statements of one place in its chain are about 'acme/base': "
		  "wm:ab01000000000000 by acme and wm:cd02000000000000 by other.example" },
		{ { FINDING_FORK, BASE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE }, 64,
		  "two statements of one place in its chain are about 'acme/base'" },
		{ { FINDING_DIFFERS, BASE, TUNED, GRAPH_NONE, GRAPH_NONE }, 4,
		  "'acme' by acme and 'othe' by othe have equal weights and name different "
		  "ancestors" },
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf text = BUF_INIT(1024);

		assert_ok(graph_finding_text(&text, &graph, &rows[i].finding, rows[i].width, &err),
			  &err);
		assert_string_equal(buf_str(&text), rows[i].text);
	}
}

static void test_limit(void **state)
{
	const struct graph_finding f = { FINDING_FORK, BASE, GRAPH_NONE, 1, 0 };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t max = 1; max < 64; max++) {
		cleanup_buf struct buf text = BUF_INIT(max);

		assert_int_not_equal(graph_finding_text(&text, &graph, &f, 64, &err), WM_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_limit),
	};

	return run_tests(tests);
}
