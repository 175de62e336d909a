/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark publish`: a log as static files. */
#include "attest/record.h"
#include "ledger/append.h"
#include "ledger/publish.h"
#include "ledgers.h"
#include "output.h"
#include "progress_view.h"

/* The log that is meant: named, or the only one there. */
static enum wm_code choose_origin(char origin[LIMIT_ORIGIN + 1], const struct ledger *l,
				  struct call *call, struct wm_error *err)
{
	cleanup_origins char **list = NULL;
	const char *named = NULL;
	size_t n = 0, n_writable = 0;

	TRY(settings_get(&named, &call->settings, &call->options, "origin", err));
	if (!named) {
		TRY(ledger_origins(&list, l, err));
		for (; list[n]; n++)
			n_writable += ledger_is_writer(l, list[n]);
		if (n == 1)
			named = *list;
		else if (n > 0 && n_writable != 1)
			return fail(err, REASON_USAGE,
				    "%s: has the logs %s and %s, and more may be: name one with "
				    "--origin", ledger_path(l), list[0], list[1]);
	}
	return record_choose_origin(origin, l, named, err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_publication struct publication done = { .was = 0 };
	cleanup_ledger struct ledger *l = NULL;
	cleanup_tree struct tree t = TREE_INIT;
	struct progress progress = { 0 };
	char origin[LIMIT_ORIGIN + 1];
	const char *path;
	enum wm_code code;

	TRY(need_ledger(&path, call, err));
	TRY(ledger_open(&l, path, err));
	TRY(choose_origin(origin, l, call, err));
	progress_view_start(&progress);
	code = ledger_publish(&done, l, origin, o->operands[0], !options_has(o, "no-envelopes"),
			      &progress, err);
	progress_view_end();
	TRY(code);
	if (!output_is_json()) {
		print("published %s\n  %-9s%llu, %llu new\n  %-9s%llu written\n", origin, "entries",
		      (unsigned long long)done.note.head.size,
		      (unsigned long long)(done.note.head.size - done.was), "files",
		      (unsigned long long)done.n_files);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "origin", origin, err));
	TRY(node_set_shown(t.root, &t, "directory", o->operands[0], err));
	TRY(node_set_integer(t.root, &t, "size", done.note.head.size, err));
	TRY(node_set_integer(t.root, &t, "published_before", done.was, err));
	TRY(node_set_integer(t.root, &t, "files_written", done.n_files, err));
	print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	RECORD_OPTIONS,
	{ .name = "no-envelopes",
	  .help = "publish records and tiles alone: who said what stays in the ledger" },
};

const struct verb verb_publish = {
	.name = "publish",
	.summary = "write a log as static files for a web server",
	.operands = "DIR",
	.description =
		"Writes a log into the directory DIR as C2SP tlog-tiles: a checkpoint, tiles of "
		"hashes, and bundles of entries, which any web server or object store can serve. "
		"Done again, only what is new is written. Interrupted, what was published before "
		"stays whole. A directory of other files, or of another log, is refused.\n\n"
		"With --no-envelopes what the statements say is left out; done again without it, "
		"all that was left out is written too. Where envelopes are published already it "
		"is refused: remove DIR/tile/envelopes first.",
	.examples = "weightmark publish /srv/www/log --ledger ledger.git\n"
		    "weightmark audit /srv/www/log --log-key acme.vkey",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
