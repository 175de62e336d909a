/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark diff`: what two checkpoints share, or one and what was signed. */
#include <stdio.h>
#include <string.h>

#include "attest/carriers.h"
#include "checkpoint/diff.h"
#include "measured.h"
#include "output.h"
#include "statement/statement.h"
#include "verb.h"

static const struct option_spec options[] = {
	LINKS_OPTION,
	{ .name = "all", .letter = 'a', .help = "list what is equal too" },
};

/* Parts of ten thousand, so that a share prints with two decimals. */
static unsigned share(uint64_t bytes, uint64_t total)
{
	return total ? (unsigned)((long double)bytes * 10000 / (long double)total + 0.5L) : 0;
}

/* What a list of rows adds up to; shares are of the second checkpoint. */
struct sums {
	const char *what; /* "tensor" */
	const size_t *count;
	const uint64_t *bytes;
};

static uint64_t total_bytes(const struct sums *s)
{
	return s->bytes[DIFF_EQUAL] + s->bytes[DIFF_CHANGED] + s->bytes[DIFF_ADDED];
}

static void print_sums(const struct sums *s)
{
	for (enum difference k = DIFF_EQUAL; k < N_DIFFERENCES; k++) {
		unsigned part = share(s->bytes[k], total_bytes(s));

		print("%-8s %zu %s%s, %llu bytes", difference_name(k), s->count[k], s->what,
		      s->count[k] == 1 ? "" : "s", (unsigned long long)s->bytes[k]);
		if (k == DIFF_REMOVED)
			print("\n");
		else
			print(", %u.%02u %% of the second\n", part / 100, part % 100);
	}
}

static enum wm_code add_sums(struct node *map, struct tree *t, const struct sums *s,
			     const char *plural, struct wm_error *err)
{
	struct node *row = NULL;
	char text[16];

	for (enum difference k = DIFF_EQUAL; k < N_DIFFERENCES; k++) {
		unsigned part = share(s->bytes[k], total_bytes(s));

		TRY(node_set_new(&row, map, t, difference_name(k), NODE_MAP, err));
		TRY(node_set_integer(row, t, plural, s->count[k], err));
		TRY(node_set_integer(row, t, "bytes", s->bytes[k], err));
		if (k == DIFF_REMOVED)
			continue;
		snprintf(text, sizeof(text), "%u.%02u", part / 100, part % 100);
		TRY(node_set_text(row, t, "percent", text, err));
	}
	return WM_OK;
}

/* --- parts and files ----------------------------------------------------------------- */

static const char *part_word(const struct record_row *row)
{
	return row->same_set ? "renamed" : difference_name(row->difference);
}

/* Those of which both checkpoints tell tensors only where `with_weights`. */
static void print_parts(const struct record_list *parts, bool with_weights, bool all)
{
	for (size_t i = 0; i < parts->n_rows; i++) {
		const struct record_row *row = &parts->rows[i];

		if ((row->has_weights && !with_weights) || (row->difference == DIFF_EQUAL && !all))
			continue;
		print("%-8s part %s, %llu bytes%s\n", part_word(row), row->name,
		      (unsigned long long)row->bytes,
		      row->same_set	 ? ": the same tensors under other names" :
		      row->has_weights ? "" :
					 ": its tensors cannot be told apart");
	}
}

static enum wm_code add_rows(struct node *map, struct tree *t, const char *key,
			     const struct record_list *list, bool parts, struct wm_error *err)
{
	struct node *rows = NULL, *row = NULL;

	TRY(node_set_new(&rows, map, t, key, NODE_LIST, err));
	for (size_t i = 0; i < list->n_rows; i++) {
		const struct record_row *r = &list->rows[i];

		TRY(node_append_new(&row, rows, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, parts ? "name" : "path", r->name, err));
		TRY(node_set_text(row, t, "difference", difference_name(r->difference), err));
		TRY(node_set_integer(row, t, "bytes", r->bytes, err));
		if (!parts)
			continue;
		TRY(node_set_bool(row, t, "tensors_told", r->has_weights, err));
		TRY(node_set_bool(row, t, "same_tensors_renamed", r->same_set, err));
	}
	return WM_OK;
}

/* --- operands ------------------------------------------------------------------------ */

/* A checkpoint that was measured, or the newest manifest of a sidecar. */
struct operand {
	const char *path;
	struct checkpoint *checkpoint;
	struct statement *statement;
};

static void operand_release(struct operand *o)
{
	checkpoint_free(o->checkpoint);
	statement_free(o->statement);
}
#define cleanup_operand __attribute__((cleanup(operand_release)))

static struct diff_side side_of(const struct operand *o)
{
	const Weightmark__V1__Manifest *m;

	if (o->checkpoint)
		return (struct diff_side){ o->checkpoint, NULL };
	m = (const Weightmark__V1__Manifest *)o->statement->message;
	return (struct diff_side){ NULL, m->checkpoint };
}

/* The manifest of the highest sequence, as verify takes it; nothing is verified here. */
static enum wm_code read_manifest(struct operand *o, struct wm_error *err)
{
	cleanup_sidecar struct sidecar sidecar = { 0 };
	size_t n_newest = 0;

	TRY(carrier_load(&sidecar, o->path, err));
	for (size_t i = 0; i < sidecar.n_envelopes; i++) {
		const struct envelope *e = &sidecar.envelopes[i];
		cleanup_statement struct statement *s = NULL;
		uint64_t sequence;

		/* Envelopes around one payload follow each other. */
		if (i > 0 && memcmp(e[-1].statement, e->statement, SHA256_BYTES) == 0)
			continue;
		TRY(statement_decode(&s, e->payload, e->payload_len, o->path, err));
		if (s->kind->descriptor != &weightmark__v1__manifest__descriptor)
			continue;
		sequence = o->statement ? o->statement->header->sequence : 0;
		n_newest = s->header->sequence > sequence ? 1 :
			n_newest + (s->header->sequence == sequence);
		if (s->header->sequence <= sequence)
			continue;
		statement_free(o->statement);
		o->statement = take_ptr(&s);
	}
	if (!o->statement)
		return fail(err, REASON_MANIFEST_MISSING, "%s: carries no manifest", o->path);
	if (n_newest > 1)
		return fail(err, REASON_MANIFEST_CONFLICT,
			    "%s: carries %zu manifests of sequence %llu", o->path, n_newest,
			    (unsigned long long)o->statement->header->sequence);
	return WM_OK;
}

static enum wm_code open_operand(struct operand *o, struct call *call, size_t i, bool sha256,
				 struct wm_error *err)
{
	o->path = call->options.operands[i];
	if (carrier_is_sidecar(o->path))
		return read_manifest(o, err);
	TRY(measure_operand(&o->checkpoint, call, i, sha256, err));
	o->path = o->checkpoint->path;
	return WM_OK;
}

static enum wm_code tree_start(struct tree *t, const struct operand *before,
			       const struct operand *after, struct wm_error *err)
{
	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_shown(t->root, t, "before", before->path, err));
	return node_set_shown(t->root, t, "after", after->path, err);
}

/* --- two checkpoints ----------------------------------------------------------------- */

static void print_tensors(const struct diff *d, bool all)
{
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct diff_row *row = &d->rows[i];

		if (row->difference != DIFF_EQUAL || all)
			print("%-8s %s%s%s\n", difference_name(row->difference), row->part,
			      *row->part ? ": " : "", diff_tensor(row)->name);
	}
}

static enum wm_code add_tensors(struct node *map, struct tree *t, const struct diff *d,
				struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "tensors", NODE_LIST, err));
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct diff_row *r = &d->rows[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "name", diff_tensor(r)->name, err));
		if (*r->part)
			TRY(node_set_shown(row, t, "part", r->part, err));
		TRY(node_set_text(row, t, "difference", difference_name(r->difference), err));
		TRY(node_set_integer(row, t, "bytes", diff_tensor(r)->len, err));
	}
	return WM_OK;
}

static enum wm_code compare_tensors(struct call *call, const struct operand *before,
				    const struct operand *after, const struct record_diff *r,
				    struct wm_error *err)
{
	const bool all = options_has(&call->options, "all");
	cleanup_diff struct diff d = { 0 };
	cleanup_tree struct tree t = TREE_INIT;
	struct sums sums = { "tensor", d.count, d.bytes };

	TRY(diff_checkpoints(&d, before->checkpoint, after->checkpoint, err));
	call->status = d.count[DIFF_EQUAL] != d.n_rows;
	for (size_t i = 0; i < r->parts.n_rows; i++)
		if (!r->parts.rows[i].has_weights && r->parts.rows[i].difference != DIFF_EQUAL)
			call->status = 1;
	if (!output_is_json()) {
		print_tensors(&d, all);
		print_parts(&r->parts, false, all);
		print_sums(&sums);
		return WM_OK;
	}
	TRY(tree_start(&t, before, after, err));
	TRY(add_sums(t.root, &t, &sums, "tensors", err));
	TRY(add_tensors(t.root, &t, &d, err));
	TRY(add_rows(t.root, &t, "parts", &r->parts, true, err));
	print_json(t.root);
	return WM_OK;
}

/* --- with what was signed ------------------------------------------------------------ */

static enum wm_code compare_records(struct call *call, const struct operand *before,
				    const struct operand *after, const struct record_diff *r,
				    struct wm_error *err)
{
	const bool all = options_has(&call->options, "all");
	cleanup_tree struct tree t = TREE_INIT;
	const struct sums sums = { "file", r->files.count, r->files.bytes };

	call->status = r->files.count[DIFF_EQUAL] != r->files.n_rows ||
		       r->parts.count[DIFF_EQUAL] != r->parts.n_rows;
	if (output_is_json()) {
		TRY(tree_start(&t, before, after, err));
		TRY(node_set_bool(t.root, &t, "verified", false, err));
		TRY(add_sums(t.root, &t, &sums, "files", err));
		TRY(add_rows(t.root, &t, "files", &r->files, false, err));
		TRY(add_rows(t.root, &t, "parts", &r->parts, true, err));
		print_json(t.root);
		return WM_OK;
	}
	print("# %s: not verified; see 'weightmark verify'\n",
	      before->statement ? before->path : after->path);
	for (size_t i = 0; i < r->files.n_rows; i++)
		if (r->files.rows[i].difference != DIFF_EQUAL || all)
			print("%-8s file %s, %llu bytes\n",
			      difference_name(r->files.rows[i].difference), r->files.rows[i].name,
			      (unsigned long long)r->files.rows[i].bytes);
	print_parts(&r->parts, true, true);
	print_sums(&sums);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const bool stated = carrier_is_sidecar(call->options.operands[0]) ||
			    carrier_is_sidecar(call->options.operands[1]);
	cleanup_operand struct operand before = { 0 }, after = { 0 };
	cleanup_record_diff struct record_diff r = { 0 };
	struct diff_side old, new;

	TRY(open_operand(&before, call, 0, stated, err));
	TRY(open_operand(&after, call, 1, stated, err));
	old = side_of(&before);
	new = side_of(&after);
	TRY(diff_records(&r, &old, &new, err));
	if (stated)
		return compare_records(call, &before, &after, &r, err);
	return compare_tensors(call, &before, &after, &r, err);
}

const struct verb verb_diff = {
	.name = "diff",
	.summary = "compare two checkpoints, or one with what was signed",
	.operands = "BEFORE AFTER",
	.description =
		"Measures both checkpoints, files or directories, and lists the tensors that "
		"changed, were added or removed, by part and name, with the bytes and the share "
		"of the second checkpoint that are equal. Tensors are equal where dtype, shape and "
		"digest are. Order, header and shards do not count. Parts whose tensors cannot be "
		"told apart are compared by their files.\n\n"
		"Either operand may be a sidecar, a file *.wmk: then files and parts are compared "
		"with the newest manifest in it, which holds no digests of tensors. Nothing is "
		"verified: who signed it, if anybody, is what verify tells.",
	.examples = "weightmark diff base.safetensors finetuned.safetensors\n"
		    "weightmark diff llm/weightmark.wmk llm",
	.exits = "0 all equal; 1 some differ, or one is refused; 2 usage; 3 could not tell.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 2,
	.max = 2,
	.measures = true,
};
