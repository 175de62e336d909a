/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark log`: lists logs and their newest entries. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "ledger/append.h"
#include "output.h"
#include "util/limits.h"

enum { SHOWN = 20, SHOWN_MAX = 10000 };

/* One log: its head, then its newest entries. */
static enum wm_code show_head(struct node **entries, struct node *logs, struct tree *t,
			      const struct ledger *l, const char *origin, struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	const bool writer = ledger_is_writer(l, origin);
	struct node *map;

	TRY(ledger_head(&head, l, origin, err));
	TRY(log_key_encode(&key, head.key, err));
	if (!output_is_json()) {
		print("log %s, %llu entries, %s\n    log key %s\n", origin,
		      (unsigned long long)head.note.head.size,
		      writer ? "can be appended to" : "a copy", buf_str(&key));
		return WM_OK;
	}
	TRY(node_append_new(&map, logs, t, NODE_MAP, err));
	TRY(node_set_shown(map, t, "ledger", ledger_path(l), err));
	TRY(node_set_text(map, t, "origin", origin, err));
	TRY(node_set_text(map, t, "log_key", buf_str(&key), err));
	TRY(node_set_bool(map, t, "writer", writer, err));
	TRY(node_set_integer(map, t, "size", head.note.head.size, err));
	TRY(node_set_hex(map, t, "root", head.note.head.root, SHA256_BYTES, err));
	return node_set_new(entries, map, t, "entries", NODE_LIST, err);
}

static enum wm_code show_logs(struct ledgers *ledgers, struct node *logs, struct tree *t,
			      const struct call *call, uint64_t max, struct wm_error *err)
{
	for (size_t i = 0; i < ledgers->n; i++) {
		cleanup_origins char **origins = NULL;

		TRY(ledger_origins(&origins, ledgers->list[i], err));
		for (char **o = origins; *o; o++) {
			cleanup_free struct indexed *seen = calloc(max + 1, sizeof(*seen));
			struct entry_output out = { .index = ledgers->indexes[i], .t = t,
						    .max = max, .seen = seen };

			if (!seen)
				return fail_nomem(err);
			if (!origin_wanted(call, *o))
				continue;
			TRY(show_head(&out.list, logs, t, ledgers->list[i], *o, err));
			TRY(index_recent(out.index, *o, UINT64_MAX, max, show_entry, &out, err));
		}
	}
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_ledgers struct ledgers ledgers = { .n = 0 };
	cleanup_tree struct tree t = TREE_INIT;
	struct node *logs = NULL;
	uint64_t max = SHOWN;

	TRY(options_number(&call->options, "number", 0, SHOWN_MAX, &max, err));
	TRY(open_ledgers(&ledgers, call, err));
	TRY(check_origins(&ledgers, call, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_new(&logs, t.root, &t, "logs", NODE_LIST, err));
	TRY(show_logs(&ledgers, logs, &t, call, max, err));
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	LEDGERS_OPTIONS,
	{ .name = "number", .letter = 'n', .argument = "N",
	  .help = "show the newest N entries of each log, 0 to 10000; default 20" },
};

const struct verb verb_log = {
	.name = "log",
	.summary = "list the logs of a ledger and their newest entries",
	.operands = "",
	.description =
		"Prints each log with its verifier key, how many entries it has, and the newest of "
		"them. What entries say is printed as they say it; no signature is verified: "
		"'weightmark audit' verifies a log, 'weightmark verify' what a checkpoint carries.",
	.examples = "weightmark log --ledger ledger.git\n"
		    "weightmark log --ledger ledger.git --origin acme.example/models -n 5 --json",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
};
