/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark trace`: what descends from data or weights, and what they descend from. */
#include <stdlib.h>
#include <string.h>

#include "measured.h"
#include "output.h"
#include "private_ledger.h"
#include "report/lineage_report.h"
#include "text/json.h"
#include "trace_seeds.h"
#include "util/file.h"
#include "util/limits.h"
#include "weightmark/v1/run.pb-c.h"

#define FORMS "text json dot svg"

/* What was asked. */
struct asked {
	const char *option, *what; /* "from", "to" or "what-if", and its value */
	const char *as, *out;	   /* out: NULL: standard output */
	uint64_t depth, roles;
	const struct ledgers *ledgers;
	const char *const *origins;
};

/* --- options ----------------------------------------------------------------------------- */

static enum wm_code add_role(uint64_t *roles, const char *name, struct wm_error *err)
{
	const ProtobufCEnumDescriptor *d = &weightmark__v1__dataset_use__role__descriptor;
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value_by_name(d, name);
	const char *names[LIMIT_ENUM_VALUES];
	size_t n = 0;

	if (found && found->value > 0 && found->value < 64) {
		*roles |= UINT64_C(1) << found->value;
		return WM_OK;
	}
	for (unsigned i = 0; i < d->n_values && n < LIMIT_ENUM_VALUES; i++)
		if (d->values[i].value > 0)
			names[n++] = d->values[i].name;
	return fail_unknown(REASON_USAGE, "--roles: no role is called", name, names, n, err);
}

/* "pretrain,finetune": bits of roles. */
static enum wm_code read_roles(uint64_t *roles, const char *list, struct wm_error *err)
{
	cleanup_free char *copy = list ? strdup(list) : NULL;
	char *rest = copy, *name;

	*roles = 0;
	if (!list)
		return WM_OK;
	if (!copy)
		return fail_nomem(err);
	while ((name = strsep(&rest, ",")))
		TRY(add_role(roles, name, err));
	return WM_OK;
}

static enum wm_code read_asked(struct asked *out, const struct call *call, struct wm_error *err)
{
	static const char *const beginnings[] = { "from", "what-if", "to" };
	const struct options *o = &call->options;
	size_t n = 0;

	*out = (struct asked){ .depth = UINT32_MAX, .out = options_get(o, "out") };
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		if (!options_has(o, beginnings[i]))
			continue;
		n++;
		out->option = beginnings[i];
		out->what = options_get(o, beginnings[i]);
	}
	if (n != 1)
		return fail(err, REASON_USAGE,
			    "say where to begin with one of --from, --what-if and --to WHAT");
	out->as = options_get(o, "as");
	if (!out->as)
		out->as = output_is_json() ? "json" : "text";
	if (output_is_json() && strcmp(out->as, "json") != 0 && !out->out)
		return fail(err, REASON_USAGE, "with --json, --as %s needs -o FILE", out->as);
	TRY(options_number(o, "depth", 0, UINT32_MAX, &out->depth, err));
	TRY(read_roles(&out->roles, options_get(o, "roles"), err));
	if (out->roles && strcmp(out->option, "to") == 0)
		return fail(err, REASON_USAGE,
			    "--roles narrows what descends: give it with --from or --what-if");
	return WM_OK;
}

/* --- showing ----------------------------------------------------------------------------- */

static enum wm_code make_json(struct buf *out, const struct lineage_report *r,
			      const struct asked *asked, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, r->ancestors ? "to" : "from", asked->what, err));
	if (r->what_if)
		TRY(node_set_bool(t.root, &t, "what_if", true, err));
	TRY(lineage_tree(t.root, &t, r, err));
	TRY(ledgers_tree(t.root, &t, asked->ledgers, asked->origins, err));
	return json_write_pretty(out, t.root, err);
}

static enum wm_code make(struct buf *out, const struct lineage_report *r,
			 const struct asked *asked, struct wm_error *err)
{
	if (strcmp(asked->as, "json") == 0)
		return make_json(out, r, asked, err);
	if (strcmp(asked->as, "dot") == 0)
		return lineage_dot(out, r, err);
	return strcmp(asked->as, "svg") == 0 ? lineage_svg(out, r, err) :
					       lineage_text(out, r, err);
}

/* The first bytes of all files of that form; NULL: there are none that text begins with. */
static const char *begins(const struct lineage_report *r, const struct asked *asked)
{
	if (strcmp(asked->as, "json") == 0)
		return r->ancestors ? "{\n  \"to\": \"" : "{\n  \"from\": \"";
	if (strcmp(asked->as, "dot") == 0)
		return "digraph lineage {\n\trankdir=LR;\n";
	return strcmp(asked->as, "svg") == 0 ?
		       "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" : NULL;
}

/* To standard output, or to a file, which is then named. */
static enum wm_code show(const struct lineage_report *r, const struct asked *asked,
			 struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);
	cleanup_tree struct tree t = TREE_INIT;

	TRY(make(&text, r, asked, err));
	if (!asked->out) {
		print_text(buf_str(&text));
		return WM_OK;
	}
	TRY(file_write_kind(asked->out, text.data, text.len, 0644, begins(r, asked), err));
	if (!output_is_json()) {
		print("%s: %s of %u reached\n", asked->out, asked->as, r->trace->n);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "out", asked->out, err));
	TRY(node_set_text(t.root, &t, "as", asked->as, err));
	TRY(node_set_integer(t.root, &t, "reached", r->trace->n, err));
	print_json(t.root);
	return WM_OK;
}

/* Whether something that is shown has to be looked at by a person. */
static bool is_unclear(const struct lineage_report *r)
{
	const struct graph *g = r->graph;

	for (uint32_t i = 0; i < g->n_findings; i++)
		if (lineage_concerns(r, &g->findings[i]))
			return true;
	for (uint32_t i = 0; i < r->trace->n; i++)
		if (r->ancestors && graph_is_open_end(g, r->trace->list[i].node))
			return true;
	return r->trace->n_undecided > 0;
}

/* --- walking ----------------------------------------------------------------------------- */

static enum wm_code walk(const struct seeds *seeds, const struct asked *asked, struct call *call,
			 struct wm_error *err)
{
	const struct trace_options options = { .ancestors = strcmp(asked->option, "to") == 0,
					       .roles = asked->roles };
	cleanup_trace struct trace trace = { 0 };
	cleanup_free struct recomputed *recomputed = NULL;
	struct lineage_report r = {
		.graph = seeds->graph,
		.trace = &trace,
		.what = asked->what,
		.ancestors = options.ancestors,
		.what_if = strcmp(asked->option, "what-if") == 0,
		.depth = (uint32_t)asked->depth,
		.roles = asked->roles,
	};
	uint32_t left_out;

	TRY(trace_from(&trace, seeds->graph, seeds->list, seeds->n, &options, err));
	TRY(recompute(&recomputed, &left_out, seeds->graph, &trace, r.depth,
		      seeds->ledgers->indexes, err));
	if (left_out > 0)
		warning("tensors of %u more derivation%s were not compared; --depth leaves out "
			"what is far away", left_out, left_out == 1 ? "" : "s");
	r.recomputed = recomputed;
	call->status = is_unclear(&r) ? 4 : 0;
	return show(&r, asked, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_free const char **origins = NULL;
	cleanup_graph struct graph *graph = NULL;
	cleanup_seeds struct seeds seeds = { .n = 0 };
	const char *first;
	struct asked asked;

	TRY(read_asked(&asked, call, err));
	TRY(open_order_ledgers(&ledgers, call, err));
	if (ledgers.n == 0)
		TRY(need_ledger(&first, call, err));
	TRY(check_origins(&ledgers, call, err));
	TRY(wanted_origins(&origins, call, err));
	TRY(tell_ledgers(&ledgers, origins, err));
	TRY(join_ledgers(&graph, &ledgers, origins, err));
	asked.ledgers = &ledgers;
	asked.origins = origins;
	seeds.graph = graph;
	seeds.ledgers = &ledgers;
	seeds.origins = origins;
	seeds.call = call;
	seeds.records = true;
	TRY(find_seeds(&seeds, asked.what, err));
	if (seeds.n > 0)
		return walk(&seeds, &asked, call, err);
	return fail(err, REASON_THING_UNKNOWN, "no statement of these ledgers is about '%.128s'",
		    asked.what);
}

static const struct option_spec options[] = {
	LEDGERS_OPTIONS,
	{ .name = "from", .argument = "WHAT", .help = "what descends from it" },
	{ .name = "what-if", .argument = "WHAT",
	  .help = "what an order about it would reach, were one given" },
	{ .name = "to", .argument = "WHAT", .help = "what it descends from" },
	{ .name = "roles", .argument = "ROLE,...",
	  .help = "uses of WHAT in these roles alone, as a signed scope would narrow them" },
	{ .name = "depth",
	  .argument = "N",
	  .help = "leave out what is more than N steps away, runs counted" },
	{ .name = "as", .argument = "FORM", .kind = VALUE_CHOICE, .choices = FORMS,
	  .help = "the answer as text, JSON, a Graphviz graph, an image that stands alone" },
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "write it to FILE, which is replaced where it is a drawing or JSON of trace "
		  "in the same form" },
	{ .name = "dataset", .argument = "NAME.wmk", .kind = VALUE_FILE,
	  .help = "WHAT is the file of a record of this dataset, NAME.wmc and NAME.wmck beside "
		  "its statement" },
	{ .name = "commitment-key", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the key of commitments; default: NAME.wmck beside the statement" },
	LINKS_OPTION,
};

const struct verb verb_trace = {
	.name = "trace",
	.summary = "tell what descends from data or weights, or what they descend from",
	.operands = "",
	.description =
		"Walks what the statements of the ledgers (those of --ledger, else those of the "
		"setting ledger and the private one) say of lineage, from an object id, a local id "
		"or name, a digest of 64 hexadecimal digits, or party:NAME for all "
		"datasets in whose statements that party stands; else from a checkpoint on disk, "
		"which is measured, or a proof that 'weightmark dataset prove' wrote, for the "
		"dataset of that record; with --dataset the record itself, which its commitments "
		"find. A WHAT that begins with ./, ../ or / is a path alone.\n\n"
		"Each line says by what relation a thing was reached and who asserts it. What "
		"digests alone show is recomputed: equal bytes, a conversion that left the weights "
		"as they were, tensors that a derivation left as they were. Signatures are not "
		"verified here. What is reached by several ways stands once; 'see' and 'also from' "
		"refer to what stands above. "
		"Checkpoints of a tainted run from before the data are named as clean, the latest "
		"first; uses of subsets of which nobody can tell as undecided.",
	.examples = "weightmark trace --from faces-2019 --ledger ledger.git\n"
		    "weightmark trace --what-if proof.json --roles pretrain,finetune\n"
		    "weightmark trace --from photo.jpg --dataset photos.wmk\n"
		    "weightmark trace --to ./model.safetensors --as svg -o lineage.svg\n"
		    "weightmark trace --to acme.example/llm@1.0 --ledger ledger.git --json",
	.exits = "0 walked; 1 nothing is about WHAT; 4 findings concern what was reached, uses are "
		 "undecided, or, with --to, where something comes from is unknown.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.measures = true,
};
