/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark append`: records sidecars in a log. */
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "ledgers.h"
#include "output.h"
#include "progress_view.h"
#include "util/limits.h"

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The operands, each path once: shells and users name files twice. */
static enum wm_code list_paths(const char ***out, size_t *n, const struct options *o,
			       struct wm_error *err)
{
	cleanup_free const char **list = calloc(o->n_operands + 1, sizeof(*list));
	size_t kept = 0;

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < o->n_operands; i++)
		list[i] = o->operands[i];
	qsort(list, o->n_operands, sizeof(*list), compare_paths);
	for (size_t i = 0; i < o->n_operands; i++)
		if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	*n = kept;
	*out = take_ptr(&list);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_recording struct recording done = { .key = NULL };
	cleanup_keyring struct keyring *keys = NULL;
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	cleanup_tree struct tree t = TREE_INIT;
	const struct record_options *named;
	struct record_options options = { .ledger = NULL };
	struct progress progress = { 0 };
	cleanup_free const char **paths = NULL;
	const char *path;
	size_t n = 0;
	enum wm_code code;

	TRY(need_ledger(&path, call, err));
	TRY(record_options(&named, &options, &index, call, err));
	TRY(load_keyring(&keys, call, err));
	options.keys = options_has(o, "key") ? keys : NULL;
	options.no_proofs = options_has(o, "no-proofs");
	options.progress = &progress;
	TRY(list_paths(&paths, &n, o, err));
	progress_view_start(&progress);
	code = record_sidecars(&done, paths, n, &options, err);
	progress_view_end();
	warn_recording(&done);
	TRY(code);
	if (!output_is_json()) {
		print("appended %zu entries to %s\n", done.n_appended, done.origin);
		print("  %-10s%zu\n  %-10s%llu entries\n  %-10s%zu\n", "present", done.n_present,
		      "log", (unsigned long long)done.size, "sidecars", done.n_updated);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(recording_tree(t.root, &t, &done, err));
	print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	RECORD_OPTIONS,
	KEYRING_OPTION,
	{ .name = "no-proofs", .help = "leave the sidecars as they are" },
};

const struct verb verb_append = {
	.name = "append",
	.summary = "record statements that sidecars carry in a log",
	.operands = "FILE.wmk...",
	.description =
		"Appends every envelope that the sidecars carry to a log, all in one commit, and "
		"writes the proof of that into the sidecars. What is an entry already is not "
		"appended again, so that the same call may be repeated at any time. Each statement "
		"is read strictly; signatures are verified only where --key names who may have "
		"signed.",
	.examples = "weightmark append model.safetensors.wmk --ledger ledger.git\n"
		    "weightmark append inbox/*.wmk --ledger ledger.git --key steward.pub",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 65536,
};
