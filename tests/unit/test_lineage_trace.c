/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/trace.c: what a walk reaches, by which paths, and what it leaves clean. */
#include "lineages.h"

#include <stdio.h>

#include "weightmark/v1/run.pb-c.h"

#define USE(dataset, more) "{\"dataset\":" dataset more "}"
#define ROLE(name)	   (UINT64_C(1) << WEIGHTMARK__V1__DATASET_USE__ROLE__##name)

static void walk(struct trace *t, const struct graph *g, const char *local,
		 const struct trace_options *o)
{
	const struct trace_seed seed = { .node = lineage_node(g, local) };
	struct wm_error err = { 0 };

	*t = (struct trace){ 0 };
	assert_ok(trace_from(t, g, &seed, 1, o, &err), &err);
}

static bool has(const struct trace *t, const struct graph *g, const char *local)
{
	return trace_has(t, lineage_node(g, local));
}

static const struct traced *at(const struct trace *t, const struct graph *g, const char *local)
{
	assert_true(has(t, g, local));
	return &t->list[t->place[lineage_node(g, local)]];
}

/* The scenario of an order: d -> m0; m1 finetune, m2 quantise, m3 merge with m9, m5 convert. */
static void scenario(struct shelf *s)
{
	shelf_open(s);
	lineage_dataset(s, "d", "");
	lineage_dataset(s, "v", "");
	lineage_run(s, "r0", ",\"uses\":[" USE("@d@", ",\"role\":\"pretrain\",\"from_step\":100")
			     "," USE("@v@", ",\"role\":\"validation\"") "]");
	lineage_checkpoint(s, "m0-50", ",\"checkpoint_of\":{\"run\":@r0@,\"step\":50}");
	lineage_checkpoint(s, "m0-99", ",\"checkpoint_of\":{\"run\":@r0@,\"step\":99}");
	lineage_checkpoint(s, "m0-100", ",\"checkpoint_of\":{\"run\":@r0@,\"step\":100}");
	lineage_checkpoint(s, "m0", ",\"run\":[@r0@]");
	lineage_run(s, "r1", ",\"parent_model\":[@m0@],\"output_model\":@m1@");
	lineage_checkpoint(s, "m2", ",\"derivation\":[{\"kind\":\"quantise\",\"parent\":[@m0@]}]");
	lineage_checkpoint(s, "m3",
			   ",\"derivation\":[{\"kind\":\"merge\",\"parent\":[@m1@,@m9@]}]");
	lineage_checkpoint(s, "m5", ",\"derivation\":[{\"kind\":\"convert\",\"parent\":[@m2@]}]");
	lineage_checkpoint(s, "m9", "");
	lineage_checkpoint(s, "anew",
			   ",\"derivation\":[{\"kind\":\"retrain_from_scratch\",\"parent\":[@m0@]}]");
	shelf_append(s, SHELF_ORIGIN, 1000);
}

static void test_descendants(void **state)
{
	static const char *const tainted[] = { "d", "r0", "m0-100", "m0", "r1", "m1", "m2", "m3",
					       "m5" };
	static const char *const clean[] = { "v", "m0-50", "m0-99", "m9", "anew" };
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	cleanup_trace struct trace t = { 0 };

	(void)state;
	scenario(&s);
	g = lineage_graph_of(&s);
	walk(&t, g, "d", &(struct trace_options){ 0 });
	assert_int_equal(t.n, sizeof(tainted) / sizeof(tainted[0]));
	for (size_t i = 0; i < sizeof(tainted) / sizeof(tainted[0]); i++)
		assert_true(has(&t, g, tainted[i]));
	for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++)
		assert_false(has(&t, g, clean[i]));
	assert_int_equal(at(&t, g, "r0")->step, 100);
	assert_int_equal(at(&t, g, "m3")->depth, 5);
	assert_int_equal(at(&t, g, "m5")->depth, 4);
	assert_int_equal(t.n_clean, 2);
	for (uint32_t i = 0; i < t.n_clean; i++)
		assert_memory_equal(g->nodes[t.clean[i]].id, "acme/m0-", 8);
	assert_int_equal(t.n_undecided, 0);
}

static void test_ancestors(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	struct trace t = { 0 };

	(void)state;
	scenario(&s);
	g = lineage_graph_of(&s);
	walk(&t, g, "m3", &(struct trace_options){ .ancestors = true });
	assert_int_equal(t.n, 8);
	assert_true(has(&t, g, "d") && has(&t, g, "v") && has(&t, g, "m9"));
	assert_int_equal(at(&t, g, "m3")->depth, 0);
	assert_int_equal(at(&t, g, "d")->depth, 5);
	trace_release(&t);
	walk(&t, g, "m0-99", &(struct trace_options){ .ancestors = true });
	assert_true(has(&t, g, "v") && has(&t, g, "r0"));
	assert_false(has(&t, g, "d"));
	assert_int_equal(at(&t, g, "r0")->step, 99);
	trace_release(&t);
	walk(&t, g, "m0-100", &(struct trace_options){ .ancestors = true });
	assert_true(has(&t, g, "d"));
	trace_release(&t);
}

static void test_roles(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	struct trace t = { 0 };

	(void)state;
	scenario(&s);
	g = lineage_graph_of(&s);
	walk(&t, g, "v", &(struct trace_options){ 0 });
	assert_true(has(&t, g, "m0-50") && has(&t, g, "m5"));
	trace_release(&t);
	walk(&t, g, "v", &(struct trace_options){ .roles = ROLE(pretrain) | ROLE(finetune) });
	assert_int_equal(t.n, 1);
	trace_release(&t);
	walk(&t, g, "v", &(struct trace_options){ .roles = ROLE(validation) });
	assert_true(has(&t, g, "m5"));
	trace_release(&t);
}

static void test_subsets(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	cleanup_trace struct trace t = { 0 };
	uint8_t wanted[SHA256_BYTES];
	const uint8_t *const subsets[] = { wanted };
	struct trace_seed seed = { .subsets = subsets, .n_subsets = 1 };
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	shelf_digest(wanted, "one", 0);
	lineage_dataset(&s, "d", ",\"content_root\":\"$c$\"");
	lineage_dataset(&s, "e", ",\"content_root\":\"$c$\"");
	lineage_run(&s, "r1", ",\"uses\":[" USE("@d@", ",\"subset_root\":\"$one$\"") "]");
	lineage_run(&s, "r2", ",\"uses\":[" USE("@d@", ",\"subset_root\":\"$two$\"") "]");
	lineage_run(&s, "r3", ",\"uses\":[" USE("@e@", "") "]");
	lineage_run(&s, "r4", ",\"uses\":[" USE("@e@", ",\"subset_root\":\"$two$\"") "]");
	shelf_append(&s, SHELF_ORIGIN, 1000);
	g = lineage_graph_of(&s);
	seed.node = lineage_node(g, "d");
	assert_ok(trace_from(&t, g, &seed, 1, &(struct trace_options){ 0 }, &err), &err);
	assert_true(has(&t, g, "r1") && has(&t, g, "r3") && has(&t, g, "e"));
	assert_false(has(&t, g, "r2") || has(&t, g, "r4"));
	assert_int_equal(t.n_undecided, 2);
	assert_int_equal(g->edges[t.undecided[0]].to, lineage_node(g, "r2"));
}

/* The path to what was tainted before step 100 does not lead through the use from step 100 on. */
static void test_paths(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	cleanup_trace struct trace t = { 0 };

	(void)state;
	shelf_open(&s);
	lineage_dataset(&s, "d", "");
	lineage_run(&s, "r", ",\"uses\":[" USE("@d@", ",\"from_step\":100") "],"
			     "\"parent_model\":[@m1@]");
	lineage_run(&s, "r1", ",\"uses\":[" USE("@d@", "") "],\"output_model\":@m1@");
	lineage_checkpoint(&s, "early", ",\"checkpoint_of\":{\"run\":@r@,\"step\":5}");
	shelf_append(&s, SHELF_ORIGIN, 1000);
	g = lineage_graph_of(&s);
	walk(&t, g, "d", &(struct trace_options){ 0 });
	assert_int_equal(t.n, 5);
	assert_int_equal(t.n_clean, 0);
	assert_int_equal(at(&t, g, "r")->step, 0);
	assert_int_equal(g->edges[at(&t, g, "r")->via].from, lineage_node(g, "m1"));
	assert_int_equal(at(&t, g, "early")->depth, 4);
}

static void test_equality(void **state)
{
	cleanup_shelf struct shelf s;
	cleanup_graph struct graph *g = NULL;
	cleanup_trace struct trace t = { 0 };

	(void)state;
	shelf_open(&s);
	lineage_run(&s, "r", ",\"uses\":[" USE("@d@", "") "]");
	lineage_say(&s, "manifest", "acme", "a", 1, CHECKPOINT_OF("w", "t", "a") ",\"run\":[@r@]");
	lineage_say(&s, "manifest", "beta", "b", 1, CHECKPOINT_OF("w", "t", "b"));
	lineage_say(&s, "manifest", "beta", "c", 1, CHECKPOINT_OF("renamed", "t", "c"));
	shelf_append(&s, SHELF_ORIGIN, 1000);
	g = lineage_graph_of(&s);
	walk(&t, g, "d", &(struct trace_options){ 0 });
	assert_true(has(&t, g, "a") && has(&t, g, "beta/b") && has(&t, g, "beta/c"));
}

/* --- random graphs ----------------------------------------------------------------------- */

enum { NODES_MAX = 24, EDGES_MAX = 120, GRAPHS = 1000, STEPS = 6 };

/* A graph that no statement was read for. */
struct made {
	struct graph g;
	struct graph_node nodes[NODES_MAX];
	struct graph_edge edges[EDGES_MAX];
	uint32_t in[NODES_MAX + 1], out[NODES_MAX + 1], out_edges[EDGES_MAX];
	uint8_t subsets[2][SHA256_BYTES];
	bool acyclic;
};

static uint64_t seed_of_all = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
	seed_of_all ^= seed_of_all << 13;
	seed_of_all ^= seed_of_all >> 7;
	seed_of_all ^= seed_of_all << 17;
	return (uint32_t)(seed_of_all >> 33) % n;
}

static uint64_t random_step(void)
{
	return random_below(4) == 0 ? STEP_NONE : random_below(STEPS);
}

static bool fill_edge(struct made *m, struct graph_edge *e)
{
	const enum graph_kind from = m->nodes[e->from].kind, to = m->nodes[e->to].kind;

	e->from_step = e->to_step = e->step = STEP_NONE;
	if (from == GRAPH_DATASET && to == GRAPH_RUN) {
		e->relation = GRAPH_USED;
		e->role = (int)random_below(4);
		e->from_step = random_step();
		e->subset = random_below(2) ? m->subsets[random_below(2)] : NULL;
	} else if (from == GRAPH_CHECKPOINT && to == GRAPH_RUN) {
		e->relation = GRAPH_STARTED_FROM;
	} else if (from == GRAPH_RUN && to == GRAPH_CHECKPOINT) {
		e->relation = GRAPH_MADE;
		e->step = random_step();
	} else if (from == GRAPH_CHECKPOINT && to == GRAPH_CHECKPOINT) {
		e->relation = GRAPH_DERIVED;
	} else if (from == GRAPH_DATASET && to == GRAPH_DATASET) {
		e->relation = GRAPH_EQUAL_CONTENT;
	} else {
		return false;
	}
	return true;
}

/* A node to begin at: mostly data that something uses. */
static uint32_t random_seed(const struct made *m)
{
	uint32_t node = 0;

	for (int i = 0; i < 16; i++) {
		node = random_below(m->g.n_nodes);
		if (m->nodes[node].kind == GRAPH_DATASET && m->out[node] < m->out[node + 1])
			break;
	}
	return node;
}

static int compare_ends(const void *a, const void *b)
{
	const struct graph_edge *x = a, *y = b;

	return x->to != y->to ? (int)x->to - (int)y->to : (int)x->from - (int)y->from;
}

static void make_random(struct made *m)
{
	const uint32_t n_tries = 10 + random_below(EDGES_MAX - 10);
	uint32_t next[NODES_MAX];

	*m = (struct made){ .acyclic = random_below(2) };
	m->g = (struct graph){ .nodes = m->nodes, .edges = m->edges, .in = m->in, .out = m->out,
			       .out_edges = m->out_edges, .n_nodes = 2 + random_below(NODES_MAX - 2) };
	memset(m->subsets[1], 1, SHA256_BYTES);
	for (uint32_t i = 0; i < m->g.n_nodes; i++)
		m->nodes[i].kind = (enum graph_kind)random_below(3);
	for (uint32_t i = 0; i < n_tries; i++) {
		struct graph_edge *e = &m->edges[m->g.n_edges];

		*e = (struct graph_edge){ .from = random_below(m->g.n_nodes),
					  .to = random_below(m->g.n_nodes) };
		if (e->from != e->to && (!m->acyclic || e->from < e->to))
			m->g.n_edges += fill_edge(m, e);
	}
	qsort(m->edges, m->g.n_edges, sizeof(m->edges[0]), compare_ends);
	for (uint32_t i = 0; i < m->g.n_edges; i++) {
		m->in[m->edges[i].to + 1]++;
		m->out[m->edges[i].from + 1]++;
	}
	for (uint32_t i = 0; i < m->g.n_nodes; i++) {
		m->in[i + 1] += m->in[i];
		m->out[i + 1] += m->out[i];
		next[i] = m->out[i];
	}
	for (uint32_t i = 0; i < m->g.n_edges; i++)
		m->out_edges[next[m->edges[i].from]++] = i;
}

/* What is concerned, as the definition has it: over all edges again and again. */
struct naive {
	bool reached[NODES_MAX], of_seed[NODES_MAX];
	uint64_t step[NODES_MAX];
};

static bool counts(const struct naive *n, const struct trace_seed *seed,
		   const struct trace_options *o, const struct graph_edge *e)
{
	if (o->ancestors || !n->of_seed[e->from] || e->relation != GRAPH_USED)
		return true;
	if (o->roles && e->role && !(o->roles >> e->role & 1))
		return false;
	return !e->subset || seed->n_subsets == 0 ||
	       memcmp(e->subset, seed->subsets[0], SHA256_BYTES) == 0;
}

static uint64_t carried(const struct trace_options *o, const struct graph_edge *e)
{
	if (o->ancestors)
		return e->relation == GRAPH_MADE ? e->step : STEP_NONE;
	return e->relation == GRAPH_USED && e->from_step != STEP_NONE ? e->from_step : 0;
}

static bool leads_on(const struct trace_options *o, const struct graph_edge *e, uint64_t step)
{
	if (o->ancestors)
		return e->relation != GRAPH_USED || e->from_step == STEP_NONE ||
		       e->from_step <= step;
	return e->relation != GRAPH_MADE || e->step == STEP_NONE || e->step >= step;
}

static void naive_walk(struct naive *n, const struct graph *g, const struct trace_seed *seed,
		       const struct trace_options *o)
{
	bool changed = true;

	*n = (struct naive){ .reached = { false } };
	n->reached[seed->node] = n->of_seed[seed->node] = true;
	n->step[seed->node] = o->ancestors ? STEP_NONE : 0;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < g->n_edges; i++) {
			const struct graph_edge *e = &g->edges[i];
			const uint32_t a = o->ancestors ? e->to : e->from;
			const uint32_t b = o->ancestors ? e->from : e->to;
			const uint64_t step = carried(o, e);

			if (!n->reached[a] || !counts(n, seed, o, e) ||
			    !leads_on(o, e, n->step[a]))
				continue;
			if (!n->reached[b] || (o->ancestors ? step > n->step[b] : step < n->step[b])) {
				n->step[b] = step;
				n->reached[b] = changed = true;
			}
			if (e->relation == GRAPH_EQUAL_CONTENT && n->of_seed[a] && !n->of_seed[b])
				n->of_seed[b] = changed = true;
		}
	}
}

/* Whether the path to `i` is one, and carries what it is said to. */
static void check_path(const struct made *m, const struct trace *t, uint32_t i,
		       const struct trace_options *o)
{
	const struct traced *x = &t->list[i];
	const struct graph_edge *e;

	if (x->via == GRAPH_NONE) {
		assert_int_equal(x->depth, 0);
		return;
	}
	e = &m->edges[x->via];
	assert_true(x->before < i);
	assert_int_equal(x->depth, t->list[x->before].depth + 1);
	assert_int_equal(o->ancestors ? e->from : e->to, x->node);
	assert_int_equal(o->ancestors ? e->to : e->from, t->list[x->before].node);
	assert_true(leads_on(o, e, t->list[x->before].step));
	if (m->acyclic) {
		assert_int_equal(x->step, carried(o, e));
		assert_true(x->depth >= t->list[i - 1].depth);
	}
}

static void check_clean(const struct made *m, const struct trace *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->g.n_nodes; i++) {
		bool clean = false;

		for (uint32_t k = m->in[i]; k < m->in[i + 1]; k++)
			clean = clean || (m->edges[k].relation == GRAPH_MADE &&
					  trace_has(t, m->edges[k].from) && !trace_has(t, i));
		if (clean)
			assert_int_equal(t->clean[n++], i);
	}
	assert_int_equal(n, t->n_clean);
}

static void test_as_naive(void **state)
{
	size_t n_reached = 0, n_undecided = 0, n_clean = 0;

	(void)state;
	for (int k = 0; k < GRAPHS; k++) {
		struct made m;
		struct naive n;
		cleanup_trace struct trace t = { 0 };
		struct wm_error err = { 0 };
		const uint8_t *const subsets[] = { m.subsets[0] };
		struct trace_seed seed = { .subsets = subsets };
		struct trace_options o = { 0 };

		make_random(&m);
		seed.node = random_seed(&m);
		seed.n_subsets = random_below(2);
		o.ancestors = random_below(3) == 0;
		o.roles = random_below(3) ? 0 : random_below(16) & ~1u;
		naive_walk(&n, &m.g, &seed, &o);
		assert_ok(trace_from(&t, &m.g, &seed, 1, &o, &err), &err);
		for (uint32_t i = 0; i < m.g.n_nodes; i++) {
			assert_int_equal(trace_has(&t, i), n.reached[i]);
			if (n.reached[i] && m.nodes[i].kind == GRAPH_RUN)
				assert_int_equal(t.list[t.place[i]].step, n.step[i]);
		}
		for (uint32_t i = 0; i < t.n; i++) {
			assert_int_equal(t.place[t.list[i].node], i);
			check_path(&m, &t, i, &o);
		}
		if (!o.ancestors)
			check_clean(&m, &t);
		n_reached += t.n;
		n_undecided += t.n_undecided;
		n_clean += t.n_clean;
	}
	assert_true(n_reached > 2 * GRAPHS);
	assert_true(n_undecided > GRAPHS / 50);
	assert_true(n_clean > GRAPHS / 50);
}

static enum wm_code walk_once(void *context, struct wm_error *err)
{
	const struct made *m = context;
	cleanup_trace struct trace t = { 0 };
	const struct trace_seed seed = { .node = 0 };

	return trace_from(&t, &m->g, &seed, 1, &(struct trace_options){ 0 }, err);
}

static void test_allocations(void **state)
{
	struct made m;

	(void)state;
	make_random(&m);
	with_every_allocation_failing(walk_once, &m);
}

/* An index that was caught up again and again gives the graph that one made anew gives. */
static void test_caught_up(void **state)
{
	cleanup_shelf struct shelf s;

	(void)state;
	shelf_open(&s);
	for (unsigned round = 0; round < 12; round++) {
		cleanup_buf struct buf a = BUF_INIT(1 << 24), b = BUF_INIT(1 << 24);
		cleanup_graph struct graph *one = NULL, *other = NULL;
		struct index *x;
		struct wm_error err = { 0 };

		for (unsigned i = 0; i < 8; i++) {
			char local[16], members[256];

			snprintf(local, sizeof(local), "m%u", 8 * round + i);
			snprintf(members, sizeof(members),
				 ",\"run\":[@r%u@],\"derivation\":[{\"kind\":\"merge\",\"parent\":"
				 "[@m%u@,{\"sha256\":\"$sha256 m%u$\"}]}]",
				 random_below(40), random_below(150), random_below(150));
			lineage_checkpoint(&s, local, members);
			snprintf(local, sizeof(local), "r%u", 8 * round + i);
			snprintf(members, sizeof(members), ",\"uses\":[" USE("@d%u@", "") "]",
				 random_below(9));
			lineage_run(&s, local, members);
		}
		shelf_append(&s, SHELF_ORIGIN, 5);
		x = shelf_index(&s);
		shelf_sync(x);
		assert_ok(graph_load(&one, &x, 1, NULL, &err), &err);
		index_close(x);
		other = lineage_graph_of(&s);
		lineage_dump(&a, one);
		lineage_dump(&b, other);
		assert_true(a.len > 1000);
		assert_string_equal(buf_str(&a), buf_str(&b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descendants), cmocka_unit_test(test_ancestors),
		cmocka_unit_test(test_roles),	    cmocka_unit_test(test_subsets),
		cmocka_unit_test(test_paths),	    cmocka_unit_test(test_equality),
		cmocka_unit_test(test_as_naive),    cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_caught_up),
	};

	return run_tests(tests);
}
