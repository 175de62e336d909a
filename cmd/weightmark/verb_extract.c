/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark extract`: writes a sidecar from what the slots carry. */
#include "output.h"
#include "slots.h"
#include "util/file.h"
#include "util/limits.h"

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const struct checkpoint_open_options opening = checkpoint_opening(call);
	const char *path = call->options.operands[0], *out = options_get(&call->options, "out");
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	cleanup_sidecar struct sidecar sidecar = { 0 };
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free char *beside = NULL;

	TRY(checkpoint_extract(&bytes, path, &opening, err));
	TRY(sidecar_decode(&sidecar, bytes.data, bytes.len, path, err));
	if (!out) {
		TRY(carrier_sidecar_path(&beside, path, err));
		out = beside;
	}
	TRY(file_write(out, bytes.data, bytes.len, 0644, FILE_EXCLUSIVE, err));
	if (!output_is_json()) {
		print("extracted %s\n", out);
		print("  %-12s%zu\n", "statements", sidecar.n_envelopes);
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", path, err));
	TRY(node_set_shown(t.root, &t, "out", out, err));
	TRY(node_set_integer(t.root, &t, "statements", sidecar.n_envelopes, err));
	TRY(node_set_integer(t.root, &t, "bytes", bytes.len, err));
	print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "out", .letter = 'o', .argument = "FILE", .kind = VALUE_FILE,
	  .help = "write it there; default: PATH.wmk, or weightmark.wmk in a directory" },
	LINKS_OPTION,
};

const struct verb verb_extract = {
	.name = "extract",
	.summary = "write a sidecar from what the weights files carry",
	.operands = "PATH",
	.description =
		"Collects the statements that the slots of the checkpoint PATH carry, each once, "
		"and writes them as a sidecar. A sidecar that is there already is never "
		"overwritten. Nothing is verified.",
	.examples = "weightmark extract model.safetensors\n"
		    "weightmark extract checkpoint/ --out found.wmk",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
