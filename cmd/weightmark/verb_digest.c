/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark digest`: measures a checkpoint, signed or not. */
#include "checkpoint/digests.h"
#include "measured.h"
#include "output.h"
#include "report/verdict_report.h"
#include "util/hex.h"
#include "verb.h"

static const char *hex(char out[2 * SHA256_BYTES + 1], const uint8_t digest[SHA256_BYTES])
{
	hex_encode(out, digest, SHA256_BYTES);
	return out;
}

/* A checkpoint's own path, or with that of a file or part in it. */
static void print_digest(const char *what, const uint8_t digest[SHA256_BYTES],
			 const struct checkpoint *c, const char *within)
{
	char text[2 * SHA256_BYTES + 1];

	print("%-14s %s  %s%s%s\n", what, hex(text, digest), c->path, c->is_directory ? "/" : "",
	      c->is_directory ? within : "");
}

static void print_digests(const struct checkpoint *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		print_digest("wmFileV1", c->files[i].file_digest, c, c->files[i].path);
		if (c->files[i].has_sha256)
			print_digest("sha256", c->files[i].sha256, c, c->files[i].path);
	}
	for (size_t i = 0; i < c->n_parts; i++) {
		if (!c->parts[i].has_weights)
			continue;
		print_digest("wmWeightsV1", c->parts[i].weights_digest, c, c->parts[i].name);
		print_digest("wmTensorSetV1", c->parts[i].tensor_set_digest, c, c->parts[i].name);
	}
}

static void print_tensors(const struct layout *l)
{
	char text[2 * SHA256_BYTES + 1];

	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *x = &l->tensors[i];

		print("tensor         %s  %s %s [", hex(text, tensor_digest(l, x)), x->name,
		      dtype_info(x->dtype)->name);
		for (unsigned d = 0; d < x->rank; d++)
			print("%s%llu", d ? ", " : "", (unsigned long long)x->dims[d]);
		print("]\n");
	}
}

static enum wm_code tensor_rows(struct node *list, struct tree *t,
				const struct checkpoint_file *f, struct wm_error *err)
{
	struct node *row = NULL, *dims = NULL, *dim = NULL;
	const struct layout *l = &f->layout;
	char text[2 * SHA256_BYTES + 1];

	for (size_t i = 0; i < l->n_tensors; i++) {
		TRY(node_new(&row, t, NODE_MAP, err));
		node_append(list, row);
		TRY(node_set_text(row, t, "name", l->tensors[i].name, err));
		TRY(node_set_shown(row, t, "file", f->path, err));
		TRY(node_set_text(row, t, "dtype", dtype_info(l->tensors[i].dtype)->name, err));
		TRY(node_set_new(&dims, row, t, "shape", NODE_LIST, err));
		for (unsigned d = 0; d < l->tensors[i].rank; d++) {
			TRY(node_integer(&dim, t, l->tensors[i].dims[d], err));
			node_append(dims, dim);
		}
		TRY(node_set_integer(row, t, "bytes", l->tensors[i].len, err));
		TRY(node_set_text(row, t, "digest", hex(text, tensor_digest(l, &l->tensors[i])),
				  err));
	}
	return WM_OK;
}

static enum wm_code print_tree(const struct checkpoint *c, bool tensors, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", c->path, err));
	TRY(measured_tree(t.root, &t, c, err));
	if (tensors)
		TRY(node_set_new(&list, t.root, &t, "tensors", NODE_LIST, err));
	for (size_t i = 0; tensors && i < c->n_files; i++)
		TRY(tensor_rows(list, &t, &c->files[i], err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	bool tensors = options_has(&call->options, "tensors");

	TRY(measure_operand(&c, call, 0, options_has(&call->options, "sha256"), err));
	warn_without_tensors(c);
	if (output_is_json())
		return print_tree(c, tensors, err);
	print_digests(c);
	for (size_t i = 0; tensors && i < c->n_files; i++)
		print_tensors(&c->files[i].layout);
	return WM_OK;
}

static const struct option_spec options[] = {
	LINKS_OPTION,
	{ .name = "sha256", .help = "the plain SHA-256 too, as sha256sum prints it" },
	{ .name = "tensors", .help = "every tensor with its name, dtype, shape and digest" },
};

const struct verb verb_digest = {
	.name = "digest",
	.summary = "measure a checkpoint, signed or not",
	.operands = "PATH",
	.description =
		"Prints the digests that statements are about, of a file or of every file and part "
		"of a directory. wmFileV1 is over every byte of a file as its format divides it, "
		"less its slot; wmWeightsV1 over the tensors of a part with names, dtypes and "
		"shapes, whatever the order, the shards or the container; wmTensorSetV1 the same "
		"without names. A file of no known format has the first alone. docs/format.md "
		"defines them.",
	.examples = "weightmark digest model.safetensors\n"
		    "weightmark digest --tensors --json model.safetensors",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
	.measures = true,
};
