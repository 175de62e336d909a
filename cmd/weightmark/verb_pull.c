/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark pull`: takes logs from another repository. */
#include "exchanges.h"
#include "ledgers.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;
	const char *path;

	TRY(need_ledger(&path, call, err));
	TRY(ledger_open(&l, path, err));
	return exchange_with(call, l, call->options.operands[0], ledger_pull, false, err);
}

static const struct option_spec options[] = { EXCHANGE_LEDGER, EXCHANGE_ORIGIN };

const struct verb verb_pull = {
	.name = "pull",
	.summary = "take logs from another repository",
	.operands = "URL",
	.description =
		"Fetches the logs of the git repository URL into the ledger: those that are new "
		"here, and what others added. Everything is verified before it is taken, every "
		"tree head and commit under the log's key and every root from its entries; "
		"a log goes forward or not at all. Where the same key signed another history than "
		"the one that is here, both heads are kept as evidence, and what is here stays.\n\n"
		"URL is https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or the path of a "
		"repository on this machine, and nothing else. Nothing that a repository holds is "
		"executed, and no configuration of git is read. ssh takes keys from the agent or "
		"from ~/.ssh, and hosts that are in ~/.ssh/known_hosts.",
	.examples = "weightmark pull https://git.example/acme/ledger --ledger ledger.git\n"
		    "weightmark pull ../other.git --ledger ledger.git --origin acme.example/models",
	.exits = "1 where a log was refused; the others were taken all the same.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
