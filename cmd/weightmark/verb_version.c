/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark version`: the version, and those of the libraries below. */
#include "crypto/library.h"
#include "digest/measure.h"
#include "git/library.h"
#include "index/library.h"
#include "output.h"
#include "statement/library.h"
#include "text/library.h"
#include "text/node.h"
#include "verb.h"

static enum wm_code add_library(struct node *list, struct tree *t,
				const struct library_version *l, struct wm_error *err)
{
	struct node *map = NULL;

	TRY(node_new(&map, t, NODE_MAP, err));
	TRY(node_set_text(map, t, "name", l->name, err));
	if (*l->compiled)
		TRY(node_set_text(map, t, "compiled", l->compiled, err));
	TRY(node_set_text(map, t, "running", l->running, err));
	node_append(list, map);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct library_version libraries[6];
	struct node *list = NULL;
	bool all = options_has(&call->options, "libraries");

	crypto_library(&libraries[0]);
	text_library(&libraries[1]);
	fold_library(&libraries[2]);
	statement_library(&libraries[3]);
	git_library(&libraries[4]);
	index_library(&libraries[5]);
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_text(t.root, &t, "version", wm_version(), err));
	if (all)
		TRY(node_set_new(&list, t.root, &t, "libraries", NODE_LIST, err));
	for (size_t i = 0; all && i < sizeof(libraries) / sizeof(libraries[0]); i++)
		TRY(add_library(list, &t, &libraries[i], err));
	if (all)
		TRY(node_set_text(t.root, &t, "digest_kernel", digest_kernel_name(), err));
	if (output_is_json()) {
		print_json(t.root);
		return WM_OK;
	}
	print("weightmark %s\n", wm_version());
	for (size_t i = 0; all && i < sizeof(libraries) / sizeof(libraries[0]); i++)
		print("%-14s compiled with %-10s runs with %s\n", libraries[i].name,
		      *libraries[i].compiled ? libraries[i].compiled : "-", libraries[i].running);
	if (all)
		print("digests        by the kernel %s\n", digest_kernel_name());
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "libraries",
	  .help = "name the foreign libraries too, as compiled with and as now loaded" },
};

const struct verb verb_version = {
	.name = "version",
	.summary = "print the version, and those of the libraries in use",
	.operands = "",
	.description = "Prints the version of weightmark. Faults in foreign libraries have been "
		       "mended in particular versions: --libraries tells which ones are loaded.",
	.examples = "weightmark version --libraries",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
};
