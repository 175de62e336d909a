/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark retire`: records, in bulk, what was gone before an order. */
#include <time.h>

#include "attest/retire.h"
#include "issues.h"
#include "keys.h"
#include "ledgers.h"
#include "output.h"
#include "util/hex.h"
#include "util/limits.h"

static enum wm_code print_tree(const struct issued *done, const struct retired *counts,
			       bool dry_run, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_integer(t.root, &t, "destroyed", counts->n_destroyed, err));
	TRY(node_set_integer(t.root, &t, "withdrawn", counts->n_withdrawn, err));
	TRY(node_set_integer(t.root, &t, "corrected", counts->n_corrected, err));
	TRY(node_set_integer(t.root, &t, "as_before", counts->n_before, err));
	TRY(node_set_integer(t.root, &t, "unknown", counts->n_unknown, err));
	TRY(node_set_integer(t.root, &t, "without_evidence", counts->n_without_evidence, err));
	TRY(issued_list(t.root, &t, done, false, err));
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
	print("%s %zu destroyed, %zu withdrawn from use, %zu corrected: %zu event%s; %zu as "
	      "before\n",
	      dry_run ? "would record" : "recorded", counts->n_destroyed, counts->n_withdrawn,
	      counts->n_corrected, n, n == 1 ? "" : "s", counts->n_before);
	if (counts->n_unknown > 0)
		print("  %-10s%zu, of which no statement speaks\n", "unknown", counts->n_unknown);
	if (counts->n_without_evidence > 0)
		print("  %-10s%zu without evidence\n", "rows", counts->n_without_evidence);
	if (n == 0)
		return WM_OK;
	print("  %-10s%s\n", "issuer", done->issuer);
	print_recording(&done->recording);
	return WM_OK;
}

/* What is known, and recorded. */
struct known {
	struct ledgers ledgers;
	struct graph *graph;
	struct orders *orders;
};

static void known_release(struct known *k)
{
	orders_free(k->orders);
	graph_free(k->graph);
	ledgers_release(&k->ledgers);
}

static enum wm_code compose_events(struct issued *out, struct retired *counts, struct known *k,
				   const struct signer *signer, struct call *call,
				   struct wm_error *err)
{
	const char *keyid_text = public_key_id(signer_public(signer));
	uint8_t keyid[SHA256_BYTES];
	struct retire_options options = {
		.unknown = options_has(&call->options, "unknown"),
		.amend = options_has(&call->options, "amend"),
		.reason = options_get(&call->options, "reason"),
		.keyid = keyid,
		.now = time(NULL),
	};

	if (!hex_decode(keyid, keyid_text, KEYID_HEX))
		return fail(err, REASON_INTERNAL, "a keyid is not hexadecimal");
	TRY(open_ledgers(&k->ledgers, call, err));
	TRY(tell_ledgers(&k->ledgers, NULL, err));
	TRY(join_ledgers(&k->graph, &k->ledgers, NULL, err));
	TRY(orders_load(&k->orders, k->graph, k->ledgers.indexes, k->ledgers.n, NULL, err));
	options.graph = k->graph;
	options.orders = k->orders;
	return retire_compose(&out->composition, counts, call->options.operands[0], &options, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	__attribute__((cleanup(known_release))) struct known known = { .graph = NULL };
	cleanup_issued struct issued done = { .n_payloads = 0 };
	cleanup_signer struct signer *signer = NULL;
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options record = { .ledger = NULL };
	struct issue_options options = {
		.sidecar = options_get(&call->options, "out"),
		.amend = options_has(&call->options, "amend"),
		.dry_run = options_has(&call->options, "dry-run"),
	};
	const char *key_file = NULL;
	struct retired counts;

	TRY(record_options(&options.record, &record, &index, call, err));
	TRY(load_signer(&signer, &key_file, call, err));
	options.signer = signer;
	TRY(compose_events(&done, &counts, &known, signer, call, err));
	if (done.composition.n_statements > 0)
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
	  .help = "take objects and digests too that no statement is about or names" },
	{ .name = "reason", .argument = "TEXT", .help = "why it went, said of every row" },
	{ .name = "out", .letter = 'o', .argument = "FILE.wmk", .kind = VALUE_FILE,
	  .help = "write what is signed to this sidecar too, or add it there" },
	{ .name = "amend", .help = "correct what this key recorded otherwise" },
	{ .name = "dry-run", .letter = 'n', .help = "read and check; sign and record nothing" },
};

const struct verb verb_retire = {
	.name = "retire",
	.summary = "record what was destroyed or withdrawn before an order",
	.operands = "FILE.tsv",
	.description =
		"Reads a table, tabs between the cells, whose first row names the columns: "
		"object (an object id or a SHA-256), when, how (clear, purge, destroy, "
		"cryptographic_erase after NIST SP 800-88, or withdrawn) and, if wanted, location, "
		"evidence_uri and evidence_sha256, where it can be looked up and the SHA-256 of "
		"what is there: both or neither, and rows without evidence are counted. All rows "
		"are checked first; where one is wrong, its line and column are named and nothing "
		"is recorded. Then they are "
		"recorded as signed events, some thousand rows each. What was merely withdrawn "
		"from use is not deleted, and no certificate counts it so.\n\n"
		"Rows that this key recorded before are not recorded again: the same table "
		"changes nothing, and one that grew records its new rows. A row that was recorded "
		"otherwise, on another day, in another way or with other evidence, is refused; "
		"--amend corrects the event that has it.",
	.examples = "weightmark retire gone-2024.tsv --ledger ledger.git --key operator.key",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
