/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark strip`: takes the slots out of the weights files. */
#include "progress_view.h"
#include "slots.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_embedding struct embedding done = { 0 };
	const char *path = call->options.operands[0];
	struct checkpoint_open_options opening = { 0 };
	struct progress progress = { 0 };
	struct embed_options options = { .progress = &progress };
	enum wm_code code;

	TRY(slot_options(&options, &opening, call, err));
	progress_view_start(&progress);
	code = checkpoint_strip(&done, path, &options,
				options_has(&call->options, "displaced"), err);
	progress_view_end();
	return slots_report(&done, path, "stripped", &options, code, err);
}

static const struct option_spec options[] = {
	SLOT_OPTIONS,
	{ .name = "displaced",
	  .help = "with --out: also what a converter copied to where weightmark puts no slot" },
};

const struct verb verb_strip = {
	.name = "strip",
	.summary = "take statements out of the weights files",
	.operands = "PATH",
	.description =
		"Takes the slot out of every weights file of the checkpoint PATH that has one. The "
		"files are then what they were before 'weightmark embed', byte for byte, and all "
		"digests stay. Where the slots are all that carries the statements, run "
		"'weightmark extract' first: stripping loses them.\n\n"
		"Files are replaced one after another, each whole or not at all, or changed in "
		"place, as embed does it; the same command again completes what was "
		"interrupted.\n\n"
		"Statements that a converter carried over to another place of another file are "
		"part of what is measured there; 'weightmark verify' takes them for an ancestor's. "
		"--displaced writes a new file without them, which can be signed and embedded "
		"into.",
	.examples = "weightmark strip model.safetensors\n"
		    "weightmark strip marked.safetensors --out model.safetensors",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
