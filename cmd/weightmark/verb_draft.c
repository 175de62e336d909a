/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark draft`: writes a manifest to fill in, from what the checkpoint says itself. */
#include "attest/draft.h"
#include "measured.h"
#include "output.h"
#include "progress_view.h"
#include "slots.h"
#include "util/file.h"
#include "util/limits.h"
#include "verb.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	const char *out = options_get(&call->options, "out");
	const struct checkpoint_open_options opening = {
		.links_within = options_get(&call->options, "links-within"),
	};
	struct progress progress = { 0 };
	const struct checkpoint_measure_options slots = {
		.wanted = file_has_slot,
		.progress = &progress,
	};
	cleanup_tree struct tree t = TREE_INIT;
	enum wm_code code;

	TRY(carrier_refuse_sidecar(call->options.operands[0], err));
	TRY(checkpoint_open(&c, call->options.operands[0], &opening, err));
	TRY(checkpoint_find_parts(c, err));
	/* Only their digests tell whether slots speak of this checkpoint or of an ancestor. */
	progress_view_start(&progress);
	code = checkpoint_measure(c, &slots, err);
	progress_view_end();
	TRY(code);
	TRY(draft_write(&yaml, c, err));
	if (out)
		TRY(file_write(out, yaml.data, yaml.len, 0644, FILE_EXCLUSIVE, err));
	if (output_is_json()) {
		TRY(node_new(&t.root, &t, NODE_MAP, err));
		TRY(node_set_shown(t.root, &t, "path", c->path, err));
		if (out)
			TRY(node_set_shown(t.root, &t, "out", out, err));
		TRY(node_set_text(t.root, &t, "yaml", buf_str(&yaml), err));
		print_json(t.root);
	} else if (!out) {
		print_text(buf_str(&yaml));
	} else {
		message("wrote %s; fill it in, then: weightmark sign '%s' --manifest '%s'", out,
			c->path, out);
	}
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "write it there (never over an existing file); default: standard output" },
	LINKS_OPTION,
};

const struct verb verb_draft = {
	.name = "draft",
	.summary = "write a manifest to fill in",
	.operands = "PATH",
	.description =
		"Reads the headers of the checkpoint PATH, a weights file or a directory, and "
		"config.json and the model card README.md in the directory or beside the file, "
		"and writes the YAML of a manifest with what they say, each with its source. "
		"Lines that a person has to fill in have no value; sign refuses them until "
		"they have one. Nothing is invented.\n\n"
		"Where a slot came along from another checkpoint, what it carries is about an "
		"ancestor: its manifest is written as a parent. No signature is verified for "
		"that.",
	.examples = "weightmark draft model.safetensors --out m.yaml\n"
		    "weightmark draft checkpoint/ --out m.yaml",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
