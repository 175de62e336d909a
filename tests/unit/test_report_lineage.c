/* SPDX-License-Identifier: Apache-2.0 */
/* lib/report/lineage_*.c, drawing.c: forms of a walk over a graph that is made by hand. */
#include "harness.h"

#include <stdio.h>

#include "report/drawing.h"
#include "text/json.h"
#include "util/limits.h"
#include "util/utf8.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

#define HOSTILE "a\"b\\c<d>&'e\x1b[2J\n\xff\xe2\x80\xae]]>-->\\N{"
#define LONG	"acme.example/0123456789012345678901234567890123456789-\xc3\xa4\xc3\xa4\xc3\xa4"

enum { N_MAX = 32 };

/* A graph whose parts lie here. */
struct made {
	struct graph g;
	struct graph_node nodes[N_MAX];
	struct graph_edge edges[N_MAX];
	struct graph_statement said;
	uint32_t in[N_MAX + 1], out[N_MAX + 1], out_edges[N_MAX];
	struct graph_finding finding;
	struct trace trace;
};

enum { DATA, RUN, BASE, EARLY, EARLIER, TUNED, MERGED, SAME, CONVERTED, N_NODES };

static const struct graph_node nodes[N_NODES] = {
	[DATA] = { .id = HOSTILE, .kind = GRAPH_DATASET, .stated = true },
	[RUN] = { .id = "r", .kind = GRAPH_RUN, .stated = true },
	[BASE] = { .id = "base", .stated = true },
	[EARLY] = { .id = "early", .stated = true },
	[EARLIER] = { .id = "earlier", .stated = true },
	[TUNED] = { .id = LONG, .stated = true },
	[MERGED] = { .id = "merged", .stated = true },
	[SAME] = { .id = "same", .stated = true },
	[CONVERTED] = { .id = "converted", .stated = true },
};

#define NO_STEPS .from_step = STEP_NONE, .to_step = STEP_NONE, .step = STEP_NONE
#define DERIVED(k) .relation = GRAPH_DERIVED, .derivation = WEIGHTMARK__V1__DERIVATION__KIND__##k

/* By `to`, `from`, relation, as graph_load() has them. */
static const struct graph_edge edges[] = {
	{ DATA, RUN, GRAPH_USED, WEIGHTMARK__V1__DATASET_USE__ROLE__pretrain, 0, 100, 200,
	  STEP_NONE, NULL, 0 },
	{ RUN, BASE, GRAPH_MADE, 0, 0, STEP_NONE, STEP_NONE, 300, NULL, 0 },
	{ .from = SAME, .to = BASE, .relation = GRAPH_EQUAL_WEIGHTS, NO_STEPS,
	  .statement = GRAPH_NONE },
	{ RUN, EARLY, GRAPH_MADE, 0, 0, STEP_NONE, STEP_NONE, 99, NULL, 0 },
	{ RUN, EARLIER, GRAPH_MADE, 0, 0, STEP_NONE, STEP_NONE, 50, NULL, 0 },
	{ .from = BASE, .to = TUNED, DERIVED(finetune), NO_STEPS },
	{ .from = BASE, .to = MERGED, DERIVED(merge), NO_STEPS },
	{ .from = TUNED, .to = MERGED, DERIVED(merge), NO_STEPS },
	{ .from = BASE, .to = SAME, .relation = GRAPH_EQUAL_WEIGHTS, NO_STEPS,
	  .statement = GRAPH_NONE },
	{ .from = TUNED, .to = CONVERTED, DERIVED(convert), NO_STEPS },
	{ .from = TUNED, .to = CONVERTED, .relation = GRAPH_EQUAL_TENSORS, NO_STEPS,
	  .statement = GRAPH_NONE },
};

enum { N_EDGES = sizeof(edges) / sizeof(edges[0]), TO_TUNED = 5, TO_CONVERTED = 9 };

static void made_release(struct made *m)
{
	trace_release(&m->trace);
}
#define cleanup_made __attribute__((cleanup(made_release)))

static void make(struct made *m, const char *issuer)
{
	uint32_t n = 0;

	memset(m, 0, sizeof(*m));
	memcpy(m->nodes, nodes, sizeof(nodes));
	memcpy(m->edges, edges, sizeof(edges));
	m->said.issuer = issuer;
	m->finding = (struct graph_finding){ FINDING_CYCLE, MERGED, GRAPH_NONE, GRAPH_NONE,
					    GRAPH_NONE };
	for (uint32_t node = 0; node < N_NODES; node++) {
		m->in[node] = node == 0 ? 0 : m->in[node];
		m->out[node] = n;
		for (uint32_t i = 0; i < N_EDGES; i++) {
			m->in[node + 1] += edges[i].to <= node;
			if (edges[i].from == node)
				m->out_edges[n++] = i;
		}
		m->out[node + 1] = n;
	}
	m->g = (struct graph){ .nodes = m->nodes, .n_nodes = N_NODES, .n_objects = N_NODES,
			       .edges = m->edges, .n_edges = N_EDGES, .in = m->in, .out = m->out,
			       .out_edges = m->out_edges, .statements = &m->said,
			       .n_statements = 1, .findings = &m->finding, .n_findings = 1 };
}

static struct lineage_report walk(struct made *m, uint32_t node, bool ancestors)
{
	const struct trace_options options = { .ancestors = ancestors };
	const struct trace_seed seed = { .node = node };
	struct wm_error err = { 0 };

	assert_ok(trace_from(&m->trace, &m->g, &seed, 1, &options, &err), &err);
	return (struct lineage_report){ .graph = &m->g, .trace = &m->trace, .what = "<a&b>",
					.ancestors = ancestors, .depth = UINT32_MAX };
}

static void assert_has(const struct buf *text, const char *part)
{
	if (!strstr(buf_str(text), part))
		test_failed(__FILE__, __LINE__, "no '%s' in:\n%s", part, buf_str(text));
}

/* Nothing can move a cursor; only the line ends are ours. */
static void assert_safe(const struct buf *text)
{
	uint32_t scalar;

	for (size_t i = 0; i < text->len;) {
		const size_t n = utf8_decode(&scalar, text->data + i, text->len - i);

		assert_true(n > 0);
		assert_true(scalar == '\n' || scalar == '\t' || !utf8_unsafe(scalar));
		i += n;
	}
}

/* --- text -------------------------------------------------------------------------------- */

static void test_text(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	cleanup_made struct made m;
	struct recomputed found[N_EDGES] = { { 0 } };
	struct lineage_report r;
	struct wm_error err = { 0 };

	(void)state;
	make(&m, "acme");
	r = walk(&m, DATA, false);
	found[TO_TUNED] = (struct recomputed){ NOT_EQUAL, 3, true };
	found[TO_CONVERTED].equality = TENSOR_SETS_EQUAL;
	r.recomputed = found;
	assert_ok(lineage_text(&out, &r, &err), &err);
	assert_safe(&out);
	assert_has(&out, "dataset a\"b\\\\c<d>&'e\\u{1b}[2J\\u{a}\\xff\\u{202e}]]>-->\\\\N{\n");
	assert_has(&out, "  run r  [used, pretrain, steps 100 to 200; asserted by acme]\n"
			 "    checkpoint base  [made, step 300; asserted by acme]\n");
	assert_has(&out, "[derived, finetune; 3 tensors equal (frozen): recomputed; parent at hand "
			 "by its digest: recomputed; asserted by acme]\n");
	assert_has(&out, "      checkpoint merged  [derived, merge; asserted by acme]\n"
			 "        also from checkpoint " LONG "  [derived, merge; asserted by acme]\n");
	assert_null(strstr(buf_str(&out), "see "));
	assert_has(&out, "checkpoint same  [equal-weights; recomputed]\n");
	assert_has(&out, "[derived, convert; recomputed: equal tensor set; asserted by acme]\n");
	assert_has(&out, "clean, first candidates: early of r  [made, step 99; asserted by acme]\n"
			 "clean, first candidates: earlier of r  [made, step 50;");
	assert_has(&out, "finding: cycle: 'merged' lies on a cycle, or between two: by what acme "
			 "and others say, something would be its own ancestor\n");
	assert_null(strstr(buf_str(&out), "No order"));
	buf_truncate(&out, 0);
	r.what_if = true;
	r.roles = UINT64_C(1) << 1 | UINT64_C(1) << 9;
	r.depth = 1;
	assert_ok(lineage_text(&out, &r, &err), &err);
	assert_has(&out, "No order was given: what follows would be tainted.\n");
	assert_has(&out, ": pretrain, calibration; and those whose role is not said.\n");
	assert_null(strstr(buf_str(&out), "checkpoint base"));
	assert_null(strstr(buf_str(&out), "finding"));
}

static void test_undecided(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20), dot = BUF_INIT(1 << 20);
	static const uint8_t one[SHA256_BYTES] = { 1 }, two[SHA256_BYTES] = { 2 };
	static const uint8_t *const subsets[] = { one };
	const struct trace_seed seed = { .node = DATA, .subsets = subsets, .n_subsets = 1 };
	cleanup_made struct made m;
	struct lineage_report r = { .what = "x", .depth = UINT32_MAX };
	struct wm_error err = { 0 };

	(void)state;
	make(&m, "acme");
	m.edges[0].subset = two;
	assert_ok(trace_from(&m.trace, &m.g, &seed, 1, &(struct trace_options){ 0 }, &err), &err);
	r.graph = &m.g;
	r.trace = &m.trace;
	assert_ok(lineage_text(&out, &r, &err), &err);
	assert_has(&out, "undecided, a subset: r of a\"b");
	assert_has(&out, ", steps 100 to 200, subset 0200000");
	assert_null(strstr(buf_str(&out), "checkpoint"));
	assert_ok(lineage_dot(&dot, &r, &err), &err);
	assert_has(&dot, "label=\"run, undecided\\nr\"");
	assert_has(&dot, ", style=dashed];");
}

static void test_ancestors(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	cleanup_drawing struct drawing d = { 0 };
	cleanup_made struct made m;
	struct lineage_report r;
	struct wm_error err = { 0 };

	(void)state;
	make(&m, NULL);
	r = walk(&m, MERGED, true);
	assert_ok(lineage_text(&out, &r, &err), &err);
	assert_has(&out, "checkpoint merged\n  checkpoint base  [derived, merge; asserted by -]\n"
			 "    run r  [made, step 300; asserted by -]  <- no parent is declared");
	assert_has(&out, "see checkpoint base  [derived, finetune;");
	assert_ok(drawing_make(&d, &r, &err), &err);
	assert_int_equal(d.nodes[d.place[MERGED]].layer, d.n_layers - 1);
	assert_int_equal(d.nodes[d.place[DATA]].layer, 0);
	assert_int_equal(d.place[EARLY], GRAPH_NONE);
	assert_int_equal(d.nodes[d.place[DATA]].state, DRAWN_REACHED);
}

/* --- JSON -------------------------------------------------------------------------------- */

static const char *text_at(const struct node *list, const char *id, const char *key)
{
	for (const struct node *n = list->first; n; n = n->next)
		if (strcmp(node_find(n, "object")->text, id) == 0)
			return node_find(n, key) ? node_find(n, key)->text : NULL;
	test_failed(__FILE__, __LINE__, "no '%s'", id);
	return NULL;
}

static void test_json(void **state)
{
	cleanup_made struct made m;
	cleanup_tree struct tree t = TREE_INIT;
	struct recomputed found[N_EDGES] = { { 0 } };
	const struct node *list;
	struct lineage_report r;
	struct wm_error err = { 0 };

	(void)state;
	make(&m, "acme");
	m.nodes[DATA].id = "data";
	r = walk(&m, DATA, false);
	found[TO_TUNED] = (struct recomputed){ NOT_EQUAL, 3, true };
	found[TO_CONVERTED].equality = TENSOR_SETS_EQUAL;
	r.recomputed = found;
	assert_ok(node_new(&t.root, &t, NODE_MAP, &err), &err);
	assert_ok(lineage_tree(t.root, &t, &r, &err), &err);
	list = node_find(t.root, "nodes");
	assert_int_equal(list->len, m.trace.n);
	assert_string_equal(text_at(list, "converted", "assurance"), "recomputed");
	assert_string_equal(text_at(list, "converted", "equality"), "equal-tensors");
	assert_string_equal(text_at(list, "converted", "issuer"), "acme");
	assert_string_equal(text_at(list, "same", "assurance"), "recomputed");
	assert_null(text_at(list, "same", "issuer"));
	assert_string_equal(text_at(list, LONG, "assurance"), "asserted");
	list = node_find(t.root, "again");
	assert_int_equal(list->len, 2);
	assert_string_equal(text_at(list, "merged", "before"), LONG);
	list = node_find(t.root, "clean");
	assert_int_equal(list->len, 2);
	assert_string_equal(node_find(list->first, "object")->text, "early");
	assert_string_equal(node_find(list->first, "run")->text, "r");
	assert_int_equal(node_find(t.root, "undecided")->len, 0);
	assert_int_equal(node_find(t.root, "findings")->len, 1);
}

/* --- pictures ---------------------------------------------------------------------------- */

/* Elements are closed in turn, text and values have nothing raw, entities are ours. */
static void assert_xml(const char *at)
{
	char open[16][16];
	size_t depth = 0;

	while (*at) {
		if (*at == '&') {
			assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
				    strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0 ||
				    strncmp(at, "&#39;", 5) == 0);
		} else if (*at == '<' && at[1] == '/') {
			assert_true(depth > 0);
			depth--;
			assert_int_equal(strncmp(at + 2, open[depth], strlen(open[depth])), 0);
			at = strchr(at, '>');
		} else if (*at == '<') {
			const char *end = strchr(at, '>');

			assert_non_null(end);
			assert_true(depth < 16);
			if (end[-1] != '/')
				sscanf(at + 1, "%15[a-z]", open[depth++]);
			at = end;
		} else {
			assert_true(*at != '>' && *at != '"' && *at != '\'');
		}
		at++;
	}
	assert_int_equal(depth, 0);
}

static size_t count(const struct buf *text, const char *part)
{
	size_t n = 0;

	for (const char *at = buf_str(text); (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static void test_svg(void **state)
{
	static const char *const forbidden[] = { "script", "href", "<style", "url(h", "@import",
						 "<image", "foreignObject", "https:" };
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	cleanup_made struct made m;
	struct lineage_report r;
	struct wm_error err = { 0 };

	(void)state;
	make(&m, HOSTILE);
	r = walk(&m, DATA, false);
	assert_ok(lineage_svg(&out, &r, &err), &err);
	assert_safe(&out);
	assert_xml(buf_str(&out));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		assert_int_equal(count(&out, forbidden[i]), 0);
	assert_int_equal(count(&out, "http:"), 1);
	/* Nodes and edges, the two equalities of one pair once; each a group with its title. */
	assert_int_equal(count(&out, "<g>"), N_NODES + N_EDGES - 1);
	assert_int_equal(count(&out, "<title>"), N_NODES + N_EDGES - 1 + 1);
	assert_int_equal(count(&out, "marker-start"), 2);
	assert_has(&out, "<title>" LONG "</title>");
	assert_has(&out, ">acme.example/0123\xe2\x80\xa6" "67890123456789-");
	assert_has(&out, "checkpoint, clean as declared</text>");
}

/* Strings are closed on their line, and nothing stands outside of them but what we write. */
static void test_dot(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	cleanup_made struct made m;
	struct lineage_report r;
	struct wm_error err = { 0 };
	bool inside = false;

	(void)state;
	make(&m, HOSTILE);
	r = walk(&m, DATA, false);
	assert_ok(lineage_dot(&out, &r, &err), &err);
	assert_safe(&out);
	for (const char *at = buf_str(&out); *at; at++) {
		if (inside && *at == '\\') {
			at++;
			assert_true(*at == '\\' || *at == '"' || *at == 'n');
		} else if (*at == '"') {
			inside = !inside;
		} else {
			assert_false(inside && *at == '\n');
			assert_true(inside || !strchr("<>&'", *at) ||
				    strncmp(at - 1, "->", 2) == 0);
		}
	}
	assert_false(inside);
	assert_int_equal(count(&out, " -> "), N_EDGES - 1);
	assert_int_equal(count(&out, "dir=both"), 2);
	assert_has(&out, "label=\"dataset, start\\na\\\"b\\\\\\\\c<d>&amp;'e\\\\u{1b}[2J");
}

/* As many nodes as may be, one more, with edges: a star. */
static void test_limit(void **state)
{
	const uint32_t most = LIMIT_DRAWING / 2 + 1;
	cleanup_free struct graph_node *n = calloc(most, sizeof(*n));
	cleanup_free struct graph_edge *e = calloc(most, sizeof(*e));
	cleanup_free uint32_t *in = calloc(most + 2, sizeof(*in));
	cleanup_free uint32_t *out = calloc(most + 2, sizeof(*out));
	cleanup_free uint32_t *out_edges = calloc(most, sizeof(*out_edges));

	(void)state;
	for (uint32_t i = 0; i < most; i++) {
		n[i] = (struct graph_node){ .id = "x", .stated = true };
		if (i > 0)
			e[i - 1] = (struct graph_edge){ .from = 0, .to = i, DERIVED(merge), NO_STEPS,
							.statement = GRAPH_NONE };
		in[i + 1] = i;
		out_edges[i] = i;
	}
	for (uint32_t size = most - 1; size <= most; size++) {
		struct graph g = { .nodes = n, .n_nodes = size, .n_objects = size, .edges = e,
				   .n_edges = size - 1, .in = in, .out = out,
				   .out_edges = out_edges };
		const struct trace_seed seed = { .node = 0 };
		struct lineage_report r = { .graph = &g, .what = "x", .depth = UINT32_MAX };
		cleanup_trace struct trace t = { 0 };
		cleanup_buf struct buf text = BUF_INIT(1 << 24), svg = BUF_INIT(1 << 24);
		struct wm_error err = { 0 };

		for (uint32_t i = 1; i <= size; i++)
			out[i] = size - 1;
		assert_ok(trace_from(&t, &g, &seed, 1, &(struct trace_options){ 0 }, &err), &err);
		r.trace = &t;
		if (size < most) {
			assert_ok(lineage_svg(&svg, &r, &err), &err);
			assert_ok(lineage_dot(&text, &r, &err), &err);
			continue;
		}
		assert_reason(lineage_svg(&svg, &r, &err), &err, LIMIT);
		assert_non_null(strstr(err.message, "--depth"));
		r.depth = 0;
		assert_ok(lineage_svg(&svg, &r, &err), &err);
	}
}

/* --- memory ------------------------------------------------------------------------------ */

static enum wm_code all_forms(void *context, struct wm_error *err)
{
	cleanup_buf struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20), c = BUF_INIT(1 << 20);
	cleanup_tree struct tree t = TREE_INIT;

	TRY(lineage_text(&a, context, err));
	TRY(lineage_dot(&b, context, err));
	TRY(lineage_svg(&c, context, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	return lineage_tree(t.root, &t, context, err);
}

static void test_allocations(void **state)
{
	cleanup_made struct made m;
	struct lineage_report r;

	(void)state;
	make(&m, "acme");
	r = walk(&m, DATA, false);
	with_every_allocation_failing(all_forms, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),  cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_ancestors), cmocka_unit_test(test_json),
		cmocka_unit_test(test_svg),   cmocka_unit_test(test_dot),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
