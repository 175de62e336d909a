/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark trace`: what descends from data or weights, and what they descend from. */
#include <stdlib.h>
#include <string.h>

#include "ledgers.h"
#include "output.h"
#include "report/lineage_report.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

#define PARTY "party:"

enum { CANDIDATES = 20 };

/* Where a walk begins. */
struct seeds {
	const struct graph *graph;
	struct index *index;
	bool datasets; /* alone */
	struct trace_seed *list; /* owned */
	size_t n;
	bool *taken; /* by node; owned */
};

static void seeds_release(struct seeds *s)
{
	free(s->list);
	free(s->taken);
}

static void add_seed(struct seeds *s, uint32_t node)
{
	if (node == GRAPH_NONE || s->taken[node] || s->graph->nodes[node].kind == GRAPH_OTHER)
		return;
	if (s->datasets && s->graph->nodes[node].kind != GRAPH_DATASET)
		return;
	s->taken[node] = true;
	s->list[s->n++] = (struct trace_seed){ .node = node };
}

static enum wm_code add_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct seeds *s = context;
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_statement struct statement *said = NULL;
	struct envelope envelope;

	TRY(index_read_entry(&envelope, &a, s->index, e, err));
	TRY(statement_decode(&said, envelope.payload, envelope.payload_len, "entry", err));
	add_seed(s, graph_find(s->graph, said->header->object->text));
	return WM_OK;
}

static enum wm_code ask(struct seeds *s, const struct ledgers *l, const char *const *origins,
			enum query_kind kind, const char *value, struct wm_error *err)
{
	for (size_t i = 0; i < l->n; i++) {
		s->index = l->indexes[i];
		TRY(index_query(s->index, kind, value, origins, s->graph->n_statements, add_entry,
				s, err));
	}
	return WM_OK;
}

static void add_digest(struct seeds *s, const char *hex)
{
	const struct graph_digest *d;
	uint8_t digest[SHA256_BYTES];
	uint32_t n;

	if (strlen(hex) != 2 * SHA256_BYTES || !hex_decode(digest, hex, 2 * SHA256_BYTES))
		return;
	d = graph_find_digest(&n, s->graph, digest);
	for (uint32_t i = 0; i < n; i++)
		add_seed(s, d[i].node);
}

/* Of several that a name may mean, none is chosen. */
static enum wm_code refuse_several(const struct seeds *s, const char *what, struct wm_error *err)
{
	for (size_t i = 0; i < s->n && i < CANDIDATES; i++)
		message("'%s' may be %s", what, s->graph->nodes[s->list[i].node].id);
	return fail(err, REASON_USAGE, "'%.100s' names %zu things; give one of the ids above", what,
		    s->n);
}

static enum wm_code find_seeds(struct seeds *s, const struct ledgers *l,
			       const char *const *origins, const char *what, struct wm_error *err)
{
	s->list = calloc((size_t)s->graph->n_nodes + 1, sizeof(*s->list));
	s->taken = calloc((size_t)s->graph->n_nodes + 1, sizeof(*s->taken));
	if (!s->list || !s->taken)
		return fail_nomem(err);
	s->datasets = strncmp(what, PARTY, strlen(PARTY)) == 0;
	if (s->datasets)
		return ask(s, l, origins, QUERY_PARTY, what + strlen(PARTY), err);
	add_seed(s, graph_find(s->graph, what));
	if (s->n == 0)
		add_digest(s, what);
	if (s->n > 0)
		return WM_OK;
	TRY(ask(s, l, origins, QUERY_NAME, what, err));
	return s->n > 1 ? refuse_several(s, what, err) : WM_OK;
}

static enum wm_code show(const struct lineage_report *r, const char *what, struct call *call,
			 struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		TRY(lineage_text(&text, r, err));
		print_text(buf_str(&text));
	} else {
		TRY(node_new(&t.root, &t, NODE_MAP, err));
		TRY(node_set_shown(t.root, &t, r->ancestors ? "to" : "from", what, err));
		TRY(lineage_tree(t.root, &t, r, err));
		print_json(t.root);
	}
	for (uint32_t i = 0; i < r->graph->n_findings; i++)
		if (lineage_concerns(r, &r->graph->findings[i]))
			call->status = 4;
	for (uint32_t i = 0; i < r->trace->n; i++)
		if (r->ancestors && graph_is_open_end(r->graph, r->trace->list[i].node))
			call->status = 4;
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const char *from = options_get(&call->options, "from");
	const char *to = options_get(&call->options, "to"), *what = from ? from : to;
	const struct trace_options walk = { .ancestors = to != NULL };
	__attribute__((cleanup(seeds_release))) struct seeds seeds = { .n = 0 };
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_free const char **origins = NULL;
	cleanup_graph struct graph *graph = NULL;
	cleanup_trace struct trace trace = { 0 };
	uint64_t depth = UINT32_MAX;

	if (!from == !to)
		return fail(err, REASON_USAGE, "say where to begin: --from WHAT or --to WHAT");
	TRY(options_number(&call->options, "depth", 0, UINT32_MAX, &depth, err));
	TRY(open_ledgers(&ledgers, call, err));
	TRY(check_origins(&ledgers, call, err));
	TRY(wanted_origins(&origins, call, err));
	TRY(graph_load(&graph, ledgers.indexes, ledgers.n, origins, err));
	seeds.graph = graph;
	TRY(find_seeds(&seeds, &ledgers, origins, what, err));
	if (seeds.n == 0) {
		message("no statement of these ledgers is about '%s'", what);
		call->status = 1;
		return WM_OK;
	}
	TRY(trace_from(&trace, graph, seeds.list, seeds.n, &walk, err));
	return show(&(struct lineage_report){ graph, &trace, walk.ancestors, (uint32_t)depth },
		    what, call, err);
}

static const struct option_spec options[] = {
	LEDGERS_OPTIONS,
	{ .name = "from", .argument = "WHAT", .help = "what descends from it" },
	{ .name = "to", .argument = "WHAT", .help = "what it descends from" },
	{ .name = "depth",
	  .argument = "N",
	  .help = "leave out what is more than N steps away, runs counted" },
};

const struct verb verb_trace = {
	.name = "trace",
	.summary = "tell what descends from data or weights, or what they descend from",
	.operands = "",
	.description =
		"Walks what the statements of the ledgers given say of lineage, from an object id, "
		"a local id or name, a digest of 64 hexadecimal digits, or party:NAME for all "
		"datasets in whose statements that party stands. Each line says by what relation "
		"a thing was reached and who asserts it; equal bytes are recomputed. Signatures "
		"are not verified here. Checkpoints of a tainted run from before the data are "
		"named as clean.",
	.examples = "weightmark trace --from faces-2019 --ledger ledger.git\n"
		    "weightmark trace --to acme.example/llm@1.0 --ledger ledger.git --json",
	.exits = "0 walked; 1 nothing is about WHAT; 4 findings concern what was reached, or, with "
		 "--to, where something comes from is unknown.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
};
