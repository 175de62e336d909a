/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark import`: brings in run histories that other tools kept. */
#include <time.h>

#include "attest/import.h"
#include "issues.h"
#include "ledgers.h"
#include "output.h"
#include "progress_view.h"
#include "util/file.h"

static enum wm_code print_tree(const struct issued *done, const struct imported *counts,
			       const char *sidecar, bool dry_run, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_shown(t.root, &t, "file", done->composition.name, err));
	TRY(node_set_hex(t.root, &t, "sha256", counts->sha256, SHA256_BYTES, err));
	TRY(node_set_integer(t.root, &t, "size", counts->size, err));
	TRY(node_set_text(t.root, &t, "issuer", done->issuer, err));
	TRY(node_set_integer(t.root, &t, "rows", counts->n_rows, err));
	TRY(node_set_integer(t.root, &t, "passed_over", counts->n_passed, err));
	TRY(node_set_integer(t.root, &t, "runs", counts->n_runs, err));
	TRY(node_set_integer(t.root, &t, "unjoined", counts->n_unjoined, err));
	TRY(node_set_integer(t.root, &t, "uris", counts->n_uris, err));
	if (sidecar)
		TRY(node_set_shown(t.root, &t, "sidecar", sidecar, err));
	TRY(node_set_integer(t.root, &t, "reused", done->n_reused, err));
	TRY(issued_list(t.root, &t, done, false, err));
	TRY(recording_tree(t.root, &t, &done->recording, err));
	print_json(t.root);
	return WM_OK;
}

static void print_text_lines(const struct issued *done, const struct imported *counts,
			     const char *sidecar, bool dry_run)
{
	const size_t n = done->composition.n_statements;
	char size[16];

	print("%s %zu run%s from %s: %zu statement%s, %zu as before\n",
	      done->n_reused == n ? "nothing new:" : dry_run ? "would import" : "imported",
	      counts->n_runs, counts->n_runs == 1 ? "" : "s", done->composition.name, n,
	      n == 1 ? "" : "s", done->n_reused);
	print("  %-10s%llu %s%s, %s\n", "read", (unsigned long long)counts->n_rows,
	      file_has_suffix(done->composition.name, ".csv") ? "row" : "event",
	      counts->n_rows == 1 ? "" : "s", format_bytes(size, counts->size));
	if (counts->n_passed > 0)
		print("  %-10s%llu event%s about no run\n", "passed",
		      (unsigned long long)counts->n_passed,
		      counts->n_passed == 1 ? ", which is" : "s, which are");
	print("  %-10s%s, retrospective; nothing of it was checked\n", "asserted", done->issuer);
	if (sidecar)
		print("  %-10s%s\n", "sidecar", sidecar);
	print_recording(&done->recording);
}

static void warn_names(const struct issued *done, const struct imported *counts)
{
	if (counts->n_unjoined > 0)
		warning("%s: %zu thing%s named by a URI alone, which nothing in the lineage joins",
			done->composition.name, counts->n_unjoined,
			counts->n_unjoined == 1 ? " is" : "s are");
	if (counts->n_uris > 0)
		warning("%s: %zu thing%s named by a URI, which joins only what is named by the "
			"same one", done->composition.name, counts->n_uris,
			counts->n_uris == 1 ? " is" : "s are");
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const bool dry_run = options_has(&call->options, "dry-run");
	const char *sidecar = options_get(&call->options, "out");
	cleanup_issued struct issued done = { .n_payloads = 0 };
	struct progress progress = { 0 };
	struct imported counts;
	enum wm_code code;

	progress_view_start(&progress);
	code = import_compose(&done.composition, &counts, call->options.operands[0], time(NULL),
			      &progress, err);
	progress_view_end();
	TRY(code);
	TRY(issue_called(&done, sidecar, NULL, call, err));
	warn_names(&done, &counts);
	if (dry_run)
		sidecar = NULL; /* nothing is written there */
	if (output_is_json())
		return print_tree(&done, &counts, sidecar, dry_run, err);
	print_text_lines(&done, &counts, sidecar, dry_run);
	return WM_OK;
}

static const struct option_spec options[] = {
	SIGNING_OPTIONS,
	{ .name = "out", .letter = 'o', .argument = "FILE.wmk", .kind = VALUE_FILE,
	  .help = "write the statements to this sidecar file, or add them there; at most 4096" },
	RECORD_OPTIONS,
	ISSUE_OPTIONS,
};

const struct verb verb_import = {
	.name = "import",
	.summary = "sign what older records say of past runs",
	.operands = "FILE.csv|FILE.jsonl",
	.description =
		"Reads a history of runs and signs one statement a run, marked as retrospective "
		"and naming the file by its SHA-256: what the file says becomes the signer's "
		"assertion, and is not checked. 'trace', 'order' and 'certify' go through such "
		"runs as through any other.\n\n"
		"FILE.csv (RFC 4180) begins with a row of names: run, and any of activity, "
		"started, ended, dataset, role, from_step, to_step, parent, output, step, sha256, "
		"weights. dataset, parent and output are ISSUER/ID, a SHA-256 or a URI; role is "
		"one of a run's; sha256 and weights are digests of the output, step is when it was "
		"written. Rows of one run add up: a run with three datasets has three rows, and "
		"what they have in common need not be said again. A run with several outputs "
		"becomes a statement for each.\n\n"
		"FILE.jsonl has OpenLineage run events, one a line: the job is the activity, "
		"inputs are what was used, outputs what was made, each called NAMESPACE/NAME. "
		"Events about no run are passed over and counted.\n\n"
		"All is read and checked first; where something is wrong, its line and column are "
		"named and nothing is signed. The same file again changes nothing, and of a file "
		"that grew only the new runs are signed; runs that it tells otherwise now need "
		"--amend.",
	.examples = "weightmark import lineage.csv --ledger ledger.git --key steward.key\n"
		    "weightmark import events.jsonl --key steward.key -o history.wmk --dry-run",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
