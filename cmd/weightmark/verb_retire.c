/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark retire`: records, in bulk, what was gone before an order. */
#include <time.h>

#include "attest/retire.h"
#include "issues.h"
#include "ledgers.h"
#include "output.h"
#include "util/limits.h"

static enum wm_code print_tree(const struct issued *done, const struct retired *counts,
			       bool dry_run, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	char id[STATEMENT_ID_TEXT + 1];
	struct node *list, *row;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_integer(t.root, &t, "destroyed", counts->n_destroyed, err));
	TRY(node_set_integer(t.root, &t, "withdrawn", counts->n_withdrawn, err));
	TRY(node_set_integer(t.root, &t, "unknown", counts->n_unknown, err));
	TRY(node_set_new(&list, t.root, &t, "statements", NODE_LIST, err));
	for (size_t i = 0; i < done->composition.n_statements; i++) {
		const struct composed *s = &done->composition.statements[i];

		TRY(node_append_new(&row, list, &t, NODE_MAP, err));
		TRY(node_set_text(row, &t, "object", s->object, err));
		if (!dry_run) {
			statement_id_text(id, s->id);
			TRY(node_set_text(row, &t, "statement", id, err));
		}
		TRY(node_set_bool(row, &t, "reused", s->reused, err));
	}
	TRY(recording_tree(t.root, &t, &done->recording, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code report(const struct issued *done, const struct retired *counts, bool dry_run,
			   struct wm_error *err)
{
	const size_t n = done->composition.n_statements;

	if (output_is_json())
		return print_tree(done, counts, dry_run, err);
	print("%s %zu destroyed, %zu withdrawn from use: %zu event%s, %zu as before\n",
	      dry_run ? "would record" : "recorded", counts->n_destroyed, counts->n_withdrawn, n,
	      n == 1 ? "" : "s", done->n_reused);
	if (counts->n_unknown > 0)
		print("  %-10s%zu, of which no statement speaks\n", "unknown", counts->n_unknown);
	print("  %-10s%s\n", "issuer", done->issuer);
	print_recording(&done->recording);
	return WM_OK;
}

static enum wm_code compose_events(struct issued *out, struct retired *counts, struct call *call,
				   struct wm_error *err)
{
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_graph struct graph *g = NULL;
	const struct retire_options options = {
		.unknown = options_has(&call->options, "unknown"),
		.reason = options_get(&call->options, "reason"),
		.now = time(NULL),
	};
	struct retire_options with_graph = options;

	TRY(open_ledgers(&ledgers, call, err));
	TRY(join_ledgers(&g, &ledgers, NULL, err));
	with_graph.graph = g;
	return retire_compose(&out->composition, counts, call->options.operands[0], &with_graph,
			      err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_issued struct issued done = { .n_payloads = 0 };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options record = { .ledger = NULL };
	struct issue_options options = { .dry_run = options_has(&call->options, "dry-run") };
	struct retired counts;

	TRY(record_options(&options.record, &record, &index, call, err));
	TRY(compose_events(&done, &counts, call, err));
	TRY(issue_by(&done, &options, call, err));
	return report(&done, &counts, options.dry_run, err);
}

static const struct option_spec options[] = {
	SIGNING_OPTIONS,
	{ .name = "issuer", .argument = "NAME", .setting = "issuer",
	  .help = "who answers for the events; default: key:KEYID" },
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .setting = "ledger",
	  .repeatable = true,
	  .help = "record in the first, and know what is in any of these git repositories" },
	{ .name = "origin", .argument = "NAME", .setting = "origin",
	  .help = "the log that is written to; default: the only one that can be" },
	{ .name = "unknown",
	  .help = "take objects and digests too of which no statement speaks" },
	{ .name = "reason", .argument = "TEXT", .help = "why it went, said of every row" },
	{ .name = "dry-run", .letter = 'n', .help = "read and check; sign and record nothing" },
};

const struct verb verb_retire = {
	.name = "retire",
	.summary = "record what was destroyed or withdrawn before an order",
	.operands = "FILE.tsv",
	.description =
		"Reads a table, tabs between the cells, whose first row names the columns: "
		"object (an object id or a SHA-256), when, how (clear, purge, destroy, "
		"cryptographic_erase after NIST SP 800-88, or withdrawn), evidence_uri, "
		"evidence_sha256 and, if wanted, location. All rows are checked first; where one "
		"is wrong, its line and column are named and nothing is recorded. Then they are "
		"recorded as signed events, some thousand rows each. What was merely withdrawn "
		"from use is not deleted, and no certificate counts it so.\n\n"
		"The same table again changes nothing.",
	.examples = "weightmark retire gone-2024.tsv --ledger ledger.git --key operator.key",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
