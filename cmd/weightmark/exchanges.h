/* SPDX-License-Identifier: Apache-2.0 */
/* What push, pull and clone share: their options, running the exchange, showing what it did. */
#ifndef EXCHANGES_H
#define EXCHANGES_H

#include "ledger/exchange.h"
#include "verb.h"

#define EXCHANGE_LEDGER                                                                  \
	{ .name = "ledger", .argument = "PATH", .kind = VALUE_FILE, .setting = "ledger", \
	  .help = "the git repository that holds the logs" }
#define EXCHANGE_ORIGIN                                           \
	{ .name = "origin", .argument = "NAME", .repeatable = true, \
	  .help = "this log alone; default: all" }

typedef enum wm_code exchange_fn(struct exchange *out, struct ledger *l,
				 const struct exchange_options *o, struct wm_error *err);

/*
 * Runs `how` between `l` and `url`, prints the answer and sets call->status: that of the worst
 * refusal, 0 where there is none. `keys`: the logs' verifier keys are shown, which nobody pinned.
 */
MUST_USE enum wm_code exchange_with(struct call *call, struct ledger *l, const char *url,
				    exchange_fn *how, bool keys, struct wm_error *err);

#endif
