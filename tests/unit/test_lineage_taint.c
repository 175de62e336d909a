/* SPDX-License-Identifier: Apache-2.0 */
/* What digests are known to be, and the digest of a lineage, over a graph made by hand. */
#include "harness.h"

#include "lineage/fingerprint.h"
#include "lineage/taint.h"

/* d -> r -> m -> q; lone, which comes from a stranger; other, complete; digests of q and lone. */
enum { D, LONE, M, OTHER, Q, R, STRANGER, N };

static struct graph_node nodes[N] = {
	[D] = { .id = "x/d", .kind = GRAPH_DATASET, .stated = true },
	[LONE] = { .id = "x/lone", .kind = GRAPH_CHECKPOINT, .stated = true },
	[M] = { .id = "x/m", .kind = GRAPH_CHECKPOINT, .stated = true },
	[OTHER] = { .id = "x/other", .kind = GRAPH_CHECKPOINT, .stated = true,
		    .flags = STATEMENT_LINEAGE_COMPLETE },
	[Q] = { .id = "x/q", .kind = GRAPH_CHECKPOINT, .stated = true },
	[R] = { .id = "x/r", .kind = GRAPH_RUN, .stated = true },
	[STRANGER] = { .id = "weights:00", .kind = GRAPH_CHECKPOINT },
};

/* By to, then from. */
static struct graph_edge edges[] = {
	{ .from = STRANGER, .to = LONE, .relation = GRAPH_DERIVED, .derivation = 1 },
	{ .from = R, .to = M, .relation = GRAPH_MADE, .step = STEP_NONE },
	{ .from = M, .to = Q, .relation = GRAPH_DERIVED, .derivation = 5 },
	{ .from = D, .to = R, .relation = GRAPH_USED, .role = 1, .from_step = STEP_NONE,
	  .to_step = STEP_NONE },
};

enum { N_EDGES = sizeof(edges) / sizeof(edges[0]) };

static struct graph_digest digests[] = {
	{ .digest = { 1 }, .role = DIGEST_SHA256, .node = Q },
	{ .digest = { 2 }, .role = DIGEST_SHA256, .node = LONE },
	{ .digest = { 3 }, .role = DIGEST_SHA256, .node = OTHER },
	{ .digest = { 4 }, .role = DIGEST_WEIGHTS, .node = M },
	{ .digest = { 4 }, .role = DIGEST_WEIGHTS, .node = OTHER },
};

static uint32_t in[N + 1], out[N + 1], out_edges[N_EDGES];

static struct graph graph(void)
{
	uint32_t at[N + 1];

	memset(in, 0, sizeof(in));
	memset(out, 0, sizeof(out));
	for (size_t i = 0; i < N_EDGES; i++) {
		in[edges[i].to + 1]++;
		out[edges[i].from + 1]++;
	}
	for (size_t i = 0; i < N; i++) {
		in[i + 1] += in[i];
		out[i + 1] += out[i];
	}
	memcpy(at, out, sizeof(at));
	for (uint32_t i = 0; i < N_EDGES; i++)
		out_edges[at[edges[i].from]++] = i;
	return (struct graph){ .nodes = nodes, .n_nodes = N, .n_objects = STRANGER, .edges = edges,
			       .n_edges = N_EDGES, .in = in, .out = out, .out_edges = out_edges,
			       .digests = digests,
			       .n_digests = sizeof(digests) / sizeof(digests[0]) };
}

static enum wm_code from_d(struct trace *t, const struct graph *g, struct wm_error *err)
{
	const struct trace_seed seed = { .node = D };

	return trace_from(t, g, &seed, 1, &(struct trace_options){ .roles = 0 }, err);
}

static enum wm_code load(void *context, struct wm_error *err)
{
	cleanup_taints struct taints t = { 0 };
	cleanup_trace struct trace trace = { 0 };

	TRY(from_d(&trace, context, err));
	TRY(taints_init(&t, context, err));
	taints_add(&t, &trace);
	return WM_OK;
}

static void test_states(void **state)
{
	const struct graph g = graph();
	cleanup_taints struct taints t = { 0 };
	cleanup_trace struct trace trace = { 0 };
	struct wm_error err = { 0 };
	uint8_t digest[SHA256_BYTES] = { 0 };
	static const struct {
		enum taint_state state;
		uint32_t node;
	} expected[] = { { TAINT_UNKNOWN, GRAPH_NONE }, { TAINT_TAINTED, Q }, { TAINT_OPEN, LONE },
			 { TAINT_CLEAN, OTHER }, { TAINT_TAINTED, M }, { TAINT_UNKNOWN, GRAPH_NONE } };

	(void)state;
	assert_ok(from_d(&trace, &g, &err), &err);
	assert_ok(taints_init(&t, &g, &err), &err);
	assert_int_equal(taint_of(&t, M), TAINT_CLEAN);
	taints_add(&t, &trace);
	for (uint8_t i = 0; i < 6; i++) {
		struct taint_answer a;

		digest[0] = i;
		a = taint_find(&t, digest);
		assert_int_equal(a.state, expected[i].state);
		assert_int_equal(a.node, expected[i].node);
	}
	assert_int_equal(taint_of(&t, STRANGER), TAINT_UNKNOWN);
}

static void test_path(void **state)
{
	static const uint32_t whole[] = { D, R, M, Q };
	const struct graph g = graph();
	cleanup_taints struct taints t = { 0 };
	cleanup_trace struct trace trace = { 0 };
	struct wm_error err = { 0 };
	uint32_t path[8];

	(void)state;
	assert_ok(from_d(&trace, &g, &err), &err);
	assert_ok(taints_init(&t, &g, &err), &err);
	taints_add(&t, &trace);
	for (size_t max = 1; max <= 5; max++) {
		const size_t n = taint_path(path, max, &t, Q);

		assert_int_equal(n, max < 4 ? max : 4);
		assert_memory_equal(path, whole + 4 - n, n * sizeof(*path));
	}
}

static void fingerprint(uint8_t digest[SHA256_BYTES])
{
	const struct graph g = graph();
	cleanup_trace struct trace trace = { 0 };
	struct wm_error err = { 0 };

	assert_ok(from_d(&trace, &g, &err), &err);
	assert_ok(lineage_digest(digest, &g, &trace, &err), &err);
}

/* What was not reached does not count; every field of what was does. */
static void test_fingerprint(void **state)
{
	uint8_t before[SHA256_BYTES], after[SHA256_BYTES];

	(void)state;
	fingerprint(before);
	edges[0].derivation = 3;
	nodes[OTHER].id = "x/others";
	edges[2].statement = 7;
	fingerprint(after);
	assert_memory_equal(before, after, SHA256_BYTES);
	nodes[OTHER].id = "x/other";
	nodes[Q].id = "x/q2";
	fingerprint(after);
	assert_memory_not_equal(before, after, SHA256_BYTES);
	nodes[Q].id = "x/q";
	edges[2].derivation = 1;
	fingerprint(after);
	assert_memory_not_equal(before, after, SHA256_BYTES);
	edges[2].derivation = 5;
	edges[3].role = 2;
	fingerprint(after);
	assert_memory_not_equal(before, after, SHA256_BYTES);
	edges[3].role = 1;
	edges[3].from_step = 0;
	fingerprint(after);
	assert_memory_not_equal(before, after, SHA256_BYTES);
	edges[3].from_step = STEP_NONE;
	fingerprint(after);
	assert_memory_equal(before, after, SHA256_BYTES);
}

static enum wm_code digest_once(void *context, struct wm_error *err)
{
	cleanup_trace struct trace trace = { 0 };
	uint8_t digest[SHA256_BYTES];

	TRY(from_d(&trace, context, err));
	return lineage_digest(digest, context, &trace, err);
}

static void test_allocations(void **state)
{
	struct graph g = graph();

	(void)state;
	with_every_allocation_failing(load, &g);
	with_every_allocation_failing(digest_once, &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
