/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark push`: gives logs to another repository. */
#include "exchanges.h"
#include "ledgers.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;
	const char *path;

	TRY(need_ledger(&path, call, err));
	TRY(ledger_open(&l, path, err));
	return exchange_with(call, l, call->options.operands[0], ledger_push, false, err);
}

static const struct option_spec options[] = { EXCHANGE_LEDGER, EXCHANGE_ORIGIN };

const struct verb verb_push = {
	.name = "push",
	.summary = "give logs to another repository",
	.operands = "URL",
	.description =
		"Sends the logs of the ledger to the git repository URL, which must be there. What "
		"it holds is read first: a log that is further there stays as it is, and one that "
		"does not begin with what is there is refused, with evidence where one key signed "
		"both. "
		"Branches are only ever moved forward.\n\n"
		"URL is as for pull.",
	.examples = "weightmark push git@git.example:acme/ledger.git --ledger ledger.git",
	.exits = "1 where a log was refused; the others were sent all the same.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
