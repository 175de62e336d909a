/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark show`: what a sidecar says, without judging it. */
#include <string.h>

#include "attest/carriers.h"
#include "log/proof.h"
#include "measured.h"
#include "output.h"
#include "print_statement.h"
#include "report/verdict_report.h"
#include "statement/statement.h"
#include "text/yaml.h"
#include "util/file.h"
#include "util/limits.h"
#include "verb.h"

/* The predicate as an author would write it, its kind first. */
static enum wm_code print_yaml_form(struct tree *t, const struct statement *s,
				    struct node *predicate, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(4 * (size_t)LIMIT_STATEMENT);
	struct node *document = NULL;

	TRY(node_new(&document, t, NODE_MAP, err));
	TRY(node_set_text(document, t, "kind", s->kind->name, err));
	document->first->next = predicate->first;
	document->last = predicate->last;
	document->len = predicate->len + 1;
	TRY(yaml_write(&text, document, err));
	print("---\n");
	print_text(buf_str(&text));
	return WM_OK;
}

/* What one proof says, in the list `list` or as a line. It is parsed, and not verified. */
static enum wm_code show_proof(struct node *list, struct tree *t, const struct proof *proof,
			       struct wm_error *err)
{
	cleanup_log_proof struct log_proof p = { .note = { .text = NULL } };
	struct wm_error why = { 0 };
	struct node *row = NULL;

	if (log_proof_parse(&p, proof->text, proof->text_len, "proof", &why) != WM_OK) {
		if (error_is_untold(why.code))
			return fail_again(err, &why);
		if (!list)
			print("  %-28s %s\n", "in log", "of a proof that is malformed");
		return WM_OK;
	}
	if (!list) {
		print("  %-28s %s at index %llu of %llu\n", "in log", p.note.head.origin,
		      (unsigned long long)p.inclusion.index,
		      (unsigned long long)p.note.head.size);
		return WM_OK;
	}
	TRY(node_append_new(&row, list, t, NODE_MAP, err));
	TRY(node_set_text(row, t, "origin", p.note.head.origin, err));
	TRY(node_set_integer(row, t, "index", p.inclusion.index, err));
	return node_set_integer(row, t, "size", p.note.head.size, err);
}

/* The proofs of `e`, one a log. */
static enum wm_code show_proofs(struct node *list, struct tree *t, const struct sidecar *sidecar,
				const struct envelope *e, struct wm_error *err)
{
	size_t n = 0;
	const struct proof *proofs = sidecar_proofs(&n, sidecar, e);

	for (size_t i = 0; i < n; i++)
		TRY(show_proof(list, t, &proofs[i], err));
	return WM_OK;
}

static enum wm_code add_row(struct node *list, struct tree *t, const struct sidecar *sidecar,
			    const struct envelope *e, const struct statement *s,
			    struct node *payload, struct wm_error *err)
{
	struct node *row = NULL, *logs = NULL;
	char id[STATEMENT_ID_TEXT + 1];

	TRY(node_new(&row, t, NODE_MAP, err));
	node_append(list, row);
	statement_id_text(id, s->id);
	TRY(node_set_text(row, t, "statement", id, err));
	TRY(node_set_text(row, t, "kind", s->kind->name, err));
	TRY(node_set_text(row, t, "keyid", e->keyid, err));
	TRY(node_set_integer(row, t, "withheld", s->header->n_sealed, err));
	TRY(node_set_new(&logs, row, t, "logs", NODE_LIST, err));
	TRY(show_proofs(logs, t, sidecar, e, err));
	return node_set(row, t, "payload", payload, err);
}

static enum wm_code show_statement(struct tree *t, struct node *list,
				   const struct sidecar *sidecar, const struct envelope *e,
				   const char *name, bool yaml, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_tree struct tree own = TREE_INIT;
	struct node *payload = NULL;

	t = output_is_json() ? t : &own;
	TRY(statement_decode(&s, e->payload, e->payload_len, name, err));
	TRY(statement_tree(&payload, t, s, err));
	if (output_is_json())
		return add_row(list, t, sidecar, e, s, payload, err);
	if (yaml)
		return print_yaml_form(t, s, node_find(payload, "predicate"), err);
	TRY(print_statement(s, e->keyid, "not verified here", err));
	return show_proofs(NULL, t, sidecar, e, err);
}

static enum wm_code show_sidecar(struct tree *t, struct node *list, const struct sidecar *sidecar,
				 const char *place, const char *what, bool yaml,
				 struct wm_error *err)
{
	struct node *row = NULL, *statements = NULL;

	TRY(node_append_new(&row, list, t, NODE_MAP, err));
	TRY(node_set_text(row, t, "kind", what, err));
	TRY(node_set_shown(row, t, "path", place, err));
	TRY(node_set_new(&statements, row, t, "statements", NODE_LIST, err));
	if (!output_is_json())
		print("# %s (%s): nothing is verified here; see 'weightmark verify'\n", place,
		      what);
	for (size_t i = 0; i < sidecar->n_envelopes; i++)
		TRY(show_statement(t, statements, sidecar, &sidecar->envelopes[i], place, yaml,
				   err));
	return WM_OK;
}

static enum wm_code show_one(struct tree *t, struct node *list, const char *path, bool yaml,
			     struct wm_error *err)
{
	cleanup_sidecar struct sidecar sidecar = { 0 };

	TRY(carrier_load(&sidecar, path, err));
	return show_sidecar(t, list, &sidecar, path, "sidecar", yaml, err);
}

/* The names of code that loading the files would use; sets `*any`. */
static enum wm_code show_code(struct tree *t, const struct checkpoint *c, bool *any,
			      struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];

		if (f->layout.n_imports == 0)
			continue;
		if (!*any)
			TRY(node_set_new(&list, t->root, t, "files", NODE_LIST, err));
		*any = true;
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "path", f->path, err));
		TRY(imports_tree(row, t, &f->layout, err));
		if (output_is_json())
			continue;
		print("# %s: loading it would use this code\n", f->place);
		for (size_t k = 0; k < f->layout.n_imports; k++)
			print("  %-11s%s\n",
			      f->layout.imports[k].allowed ? "harmless" : "not known",
			      f->layout.imports[k].name);
	}
	return WM_OK;
}

static enum wm_code show_carriers(struct tree *t, struct node *list, struct call *call, bool yaml,
				  struct wm_error *err)
{
	const struct checkpoint_open_options opening = checkpoint_opening(call);
	const char *path = call->options.operands[0];
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_carriers struct carriers carriers = { 0 };
	cleanup_free char *beside = NULL;
	struct wm_error why = { 0 };
	bool code = false;

	TRY(carrier_sidecar_path(&beside, path, err));
	/* A sidecar can be shown though its checkpoint is not here, or is broken. */
	if (checkpoint_open(&c, path, &opening, &why) != WM_OK) {
		if (!file_exists(beside))
			return fail_again(err, &why);
		warning("%s", why.message);
		return show_one(t, list, beside, yaml, err);
	}
	TRY(carriers_gather(&carriers, c, beside, err));
	if (!yaml)
		TRY(show_code(t, c, &code, err));
	if (carriers.n == 0 && !code)
		return fail(err, REASON_SIDECAR_MISSING,
			    "%s: there is no such file, and no slot in the checkpoint", beside);
	for (size_t i = 0; i < carriers.n; i++) {
		const struct carrier *carrier = &carriers.list[i];

		if (carrier->err.code != WM_OK)
			return fail_again(err, &carrier->err);
		TRY(show_sidecar(t, list, &carrier->sidecar, carrier->place,
				 carrier_kind_name(carrier->kind), yaml, err));
	}
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const char *path = call->options.operands[0],
		   *named = options_get(&call->options, "sidecar");
	const bool yaml = options_has(&call->options, "yaml");
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "verified", false, err));
	TRY(node_set_new(&list, t.root, &t, "carriers", NODE_LIST, err));
	if (named || carrier_is_sidecar(path))
		TRY(show_one(&t, list, named ? named : path, yaml, err));
	else
		TRY(show_carriers(&t, list, call, yaml, err));
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "yaml", .help = "print YAML documents, as an author would write them" },
	{ .name = "sidecar", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "show this sidecar alone" },
	LINKS_OPTION,
};

const struct verb verb_show = {
	.name = "show",
	.summary = "print what the statements of a checkpoint say",
	.operands = "PATH",
	.description =
		"Prints the statements that the checkpoint PATH carries, in its sidecar and in the "
		"slots of its files, or those of the sidecar file PATH. It shows who is said to "
		"have signed them and in which logs they are said to be, and verifies nothing: "
		"that "
		"is what verify does.",
	.examples = "weightmark show model.safetensors\n"
		    "weightmark show model.safetensors.wmk --yaml",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
