/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark recover`: ends changes that were interrupted. */
#include "attest/recover.h"
#include "output.h"
#include "verb.h"

static const char *state_of(const struct recovered_file *f)
{
	static const char *const names[] = {
		[RECOVERY_NONE] = "none",
		[RECOVERY_UNDONE] = "undone",
		[RECOVERY_FINISHED] = "finished",
		[RECOVERY_REMOVED] = "removed",
	};

	return names[f->recovery];
}

static const char *remark_of(const struct recovered_file *f)
{
	if (f->recovery == RECOVERY_UNDONE)
		return "  (nothing had changed)";
	return f->recovery == RECOVERY_REMOVED ? "  (half written)" : "";
}

static enum wm_code print_tree(const struct recovered *r, const char *path, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *row = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", path, err));
	TRY(node_set_new(&list, t.root, &t, "files", NODE_LIST, err));
	for (size_t i = 0; i < r->n_files; i++) {
		TRY(node_append_new(&row, list, &t, NODE_MAP, err));
		TRY(node_set_shown(row, &t, "path", r->files[i].path, err));
		TRY(node_set_text(row, &t, "recovery", state_of(&r->files[i]), err));
	}
	print_json(t.root);
	return WM_OK;
}

static void print_files(const struct recovered *r, const char *path)
{
	if (r->n_files == 0)
		print("nothing to recover: %s\n", path);
	for (size_t i = 0; i < r->n_files; i++)
		print("%-10s%s%s\n", state_of(&r->files[i]), r->files[i].path,
		      remark_of(&r->files[i]));
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_recovered struct recovered done = { 0 };
	const char *path = call->options.operands[0];
	enum wm_code code = checkpoint_recover(&done, path, err);

	if (output_is_json())
		return code == WM_OK ? print_tree(&done, path, err) : code;
	if (code == WM_OK || done.n_files > 0)
		print_files(&done, path);
	return code;
}

const struct verb verb_recover = {
	.name = "recover",
	.summary = "end changes that were interrupted",
	.operands = "PATH",
	.description =
		"A change in place (embed --in-place, strip --in-place) that was interrupted "
		"leaves the journal FILE.wmj beside the file; until it is ended no verb reads the "
		"file. Recover brings the file PATH, or every file with a journal below the "
		"directory PATH, to its new state, or to its old one where nothing had changed, "
		"and removes the journal. Below a directory it also removes half written files, "
		".weightmark-N-N.tmp, that a kill left behind. Where there is nothing of the kind "
		"it changes nothing.",
	.examples = "weightmark recover model.safetensors\n"
		    "weightmark recover checkpoint/",
	.exits = "0 done, also where there was nothing to do; 1 refused: a journal is not of this "
		 "file; 2 usage; 3 could not tell.",
	.run = run,
	.min = 1,
	.max = 1,
};
