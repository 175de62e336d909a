/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark embed`: puts the statements of the sidecar into the weights files. */
#include "progress_view.h"
#include "slots.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_embedding struct embedding done = { 0 };
	const char *path = call->options.operands[0];
	struct checkpoint_open_options opening = { 0 };
	struct progress progress = { 0 };
	struct embed_options options = {
		.sidecar = options_get(&call->options, "sidecar"),
		.progress = &progress,
	};
	enum wm_code code;

	TRY(slot_options(&options, &opening, call, err));
	progress_view_start(&progress);
	code = checkpoint_embed(&done, path, &options, err);
	progress_view_end();
	return slots_report(&done, path, "embedded into", &options, code, err);
}

static const struct option_spec options[] = {
	{ .name = "sidecar", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the sidecar; default: PATH.wmk, or weightmark.wmk in a directory" },
	SLOT_OPTIONS,
};

const struct verb verb_embed = {
	.name = "embed",
	.summary = "put statements into the weights files themselves",
	.operands = "PATH",
	.description =
		"Puts what the sidecar of the checkpoint PATH carries into the slot of every "
		"weights file whose format has one (safetensors, GGUF, PyTorch, NumPy and Keras "
		"archives, HDF5, ONNX, tar), so that it travels with each of them. Statements of "
		"kind release and opened values stay outside. Digests do not change, since they "
		"leave the slot out, and loaders read the files as before. 'weightmark strip' is "
		"the exact inverse.\n\n"
		"What slots carry already stays where it is connected with the sidecar: earlier "
		"statements of the chain, and those of a parent that the manifest names. No key is "
		"needed, and no signature is checked: that the manifest lists these files with "
		"their sizes is all that embed looks at, and 'weightmark verify' does the rest.\n\n"
		"First everything is made ready in memory, then the files are replaced one after "
		"another, each whole or not at all, sharing or copying their bytes; --in-place "
		"moves them instead where the file system can, and 'weightmark recover' ends that "
		"where it is interrupted. The same command again completes what was interrupted, "
		"and leaves alone what is done. Files that are symbolic links, as in download "
		"caches, are refused.",
	.examples = "weightmark embed model.safetensors\n"
		    "weightmark embed model.safetensors --out marked.safetensors\n"
		    "weightmark embed --in-place checkpoint/",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
