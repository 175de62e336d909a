/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark diff`: which tensors two checkpoints share. */
#include "checkpoint/diff.h"
#include "measured.h"
#include "output.h"
#include "verb.h"

/* Parts of ten thousand, so that a share prints with two decimals. */
static unsigned share(uint64_t bytes, uint64_t total)
{
	return total ? (unsigned)((long double)bytes * 10000 / (long double)total + 0.5L) : 0;
}

static uint64_t total_bytes(const struct diff *d)
{
	return d->bytes[DIFF_EQUAL] + d->bytes[DIFF_CHANGED] + d->bytes[DIFF_ADDED];
}

static void print_diff(const struct diff *d, bool all)
{
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct diff_row *row = &d->rows[i];

		if (row->difference != DIFF_EQUAL || all)
			print("%-8s %s\n", difference_name(row->difference),
			      diff_tensor(row)->name);
	}
	for (enum difference k = DIFF_EQUAL; k < N_DIFFERENCES; k++) {
		unsigned part = share(d->bytes[k], total_bytes(d));

		print("%-8s %zu tensor%s, %llu bytes", difference_name(k), d->count[k],
		      d->count[k] == 1 ? "" : "s",
		      (unsigned long long)d->bytes[k]);
		if (k == DIFF_REMOVED)
			print("\n");
		else
			print(", %u.%02u %% of the second\n", part / 100, part % 100);
	}
}

static enum wm_code print_tree(const struct diff *d, const struct checkpoint *before,
			       const struct checkpoint *after, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *row = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "before", before->path, err));
	TRY(node_set_shown(t.root, &t, "after", after->path, err));
	for (enum difference k = DIFF_EQUAL; k < N_DIFFERENCES; k++) {
		TRY(node_set_new(&row, t.root, &t, difference_name(k), NODE_MAP, err));
		TRY(node_set_integer(row, &t, "tensors", d->count[k], err));
		TRY(node_set_integer(row, &t, "bytes", d->bytes[k], err));
	}
	TRY(node_set_new(&list, t.root, &t, "tensors", NODE_LIST, err));
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct tensor *x = diff_tensor(&d->rows[i]);

		TRY(node_new(&row, &t, NODE_MAP, err));
		node_append(list, row);
		TRY(node_set_text(row, &t, "name", x->name, err));
		TRY(node_set_text(row, &t, "difference", difference_name(d->rows[i].difference),
				  err));
		TRY(node_set_integer(row, &t, "bytes", x->len, err));
	}
	print_json(t.root);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *before = NULL, *after = NULL;
	cleanup_diff struct diff d = { 0 };

	TRY(measure_operand(&before, call, 0, false, err));
	TRY(measure_operand(&after, call, 1, false, err));
	TRY(diff_checkpoints(&d, before, after, err));
	call->status = d.count[DIFF_EQUAL] == d.n_rows ? 0 : 1;
	if (output_is_json())
		return print_tree(&d, before, after, err);
	print_diff(&d, options_has(&call->options, "all"));
	return WM_OK;
}

static const struct option_spec options[] = {
	LINKS_OPTION,
	{ .name = "all", .letter = 'a', .help = "list equal tensors too" },
};

const struct verb verb_diff = {
	.name = "diff",
	.summary = "compare the tensors of two checkpoints",
	.operands = "BEFORE AFTER",
	.description =
		"Measures both checkpoint files and lists the tensors that changed, were added or "
		"removed, by name, with the bytes and the share of the second file that are equal. "
		"Tensors are equal where dtype, shape and digest are. Order and header do not "
		"count.",
	.examples = "weightmark diff base.safetensors finetuned.safetensors",
	.exits = "0 all tensors equal; 1 some differ; 2 usage; 3 could not tell.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 2,
	.max = 2,
	.measures = true,
};
