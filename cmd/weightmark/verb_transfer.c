/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark transfer`: signs one side's word about data or weights that changed hands. */
#include "issues.h"

#include "ledgers.h"
#include "util/limits.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	static const char *const wanted[] = { "transfer", NULL };
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	cleanup_issued struct issued issued = { 0 };
	struct record_options room = { .ledger = NULL };
	const struct record_options *record = NULL;
	struct issue_options how;

	TRY(read_statement(&issued, call->options.operands[0], wanted, err));
	TRY(record_options(&record, &room, &index, call, err));
	how = issue_options(options_get(&call->options, "out"), record, call);
	TRY(issue_by(&issued, &how, call, err));
	return print_all_issued(&issued, &how, err);
}

static const struct option_spec options[] = {
	SIGNING_OPTIONS,
	{ .name = "out", .letter = 'o', .argument = "FILE.wmk", .kind = VALUE_FILE,
	  .help = "write what is signed to this sidecar too, or add it there" },
	RECORD_OPTIONS,
	ISSUE_OPTIONS,
};

const struct verb verb_transfer = {
	.name = "transfer",
	.summary = "sign that data or weights changed hands",
	.operands = "FILE",
	.description =
		"Signs the statement in the YAML file FILE, 'kind: transfer': who gave which "
		"dataset or checkpoint to whom, when, under which contract, to what class of "
		"recipient, and whether the two are related; a no is a declaration too. Giver and "
		"recipient sign one each, about the same subject and the same two parties. 'order "
		"status' compares both, names whoever has to be told of an order, and "
		"lists where the declarations conflict. Nothing is checked but that it is said.",
	.examples = "weightmark transfer to-lab.yaml --key steward.key --ledger ledger.git",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
