/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark show`: what a sidecar says, without judging it. */
#include <stdio.h>
#include <string.h>

#include "attest/carriers.h"
#include "output.h"
#include "statement/scalar.h"
#include "statement/statement.h"
#include "text/yaml.h"
#include "util/limits.h"
#include "verb.h"

static bool is_sidecar(const char *path)
{
	size_t len = strlen(path), suffix = strlen(SIDECAR_SUFFIX);

	return len > suffix && strcmp(path + len - suffix, SIDECAR_SUFFIX) == 0;
}

/* "model.licence: Apache-2.0", a line a value. */
static void print_value(const struct node *n, const char *place)
{
	char here[LIMIT_POINTER];
	size_t i = 0;

	if (n->kind == NODE_MAP || n->kind == NODE_LIST) {
		for (const struct node *c = n->first; c; c = c->next, i++) {
			if (n->kind == NODE_MAP)
				snprintf(here, sizeof(here), "%s%s%s", place, *place ? "." : "",
					 c->key);
			else
				snprintf(here, sizeof(here), "%s[%zu]", place, i);
			print_value(c, here);
		}
	} else if (n->kind == NODE_INTEGER) {
		print("  %-36s %lld\n", place, (long long)n->integer);
	} else {
		print("  %-36s %s\n", place,
		      n->kind == NODE_TEXT ? n->text : node_kind_name(n->kind));
	}
}

static enum wm_code print_text_form(const struct envelope *e, const struct statement *s,
				    const struct node *predicate, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1], at[TIME_TEXT + 1];

	(void)err;
	statement_id_text(id, s->id);
	time_text(at, s->header->issued_at->seconds);
	print("%s %s\n", s->kind->name, s->header->object->text);
	print("  %-36s %s\n  %-36s %s\n  %-36s %s\n  %-36s %s\n", "statement", id, "issuer",
	      s->header->issuer, "issued_at", at, "keyid (signature not verified here)", e->keyid);
	if (s->header->n_sealed)
		print("  %-36s %zu\n", "values withheld", s->header->n_sealed);
	for (const struct node *c = predicate->first; c; c = c->next)
		if (strcmp(c->key, "header") != 0)
			print_value(c, c->key);
	return WM_OK;
}

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

static enum wm_code add_row(struct node *list, struct tree *t, const struct envelope *e,
			    const struct statement *s, struct node *payload, struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];
	struct node *row = NULL;

	TRY(node_new(&row, t, NODE_MAP, err));
	node_append(list, row);
	statement_id_text(id, s->id);
	TRY(node_set_text(row, t, "statement", id, err));
	TRY(node_set_text(row, t, "kind", s->kind->name, err));
	TRY(node_set_text(row, t, "keyid", e->keyid, err));
	TRY(node_set_integer(row, t, "withheld", s->header->n_sealed, err));
	return node_set(row, t, "payload", payload, err);
}

static enum wm_code show_statement(struct tree *t, struct node *list, const struct envelope *e,
				   const char *name, bool yaml, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_tree struct tree own = TREE_INIT;
	struct node *payload = NULL;

	t = output_is_json() ? t : &own;
	TRY(statement_decode(&s, e->payload, e->payload_len, name, err));
	TRY(statement_tree(&payload, t, s, err));
	if (output_is_json())
		return add_row(list, t, e, s, payload, err);
	if (yaml)
		return print_yaml_form(t, s, node_find(payload, "predicate"), err);
	return print_text_form(e, s, node_find(payload, "predicate"), err);
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	const char *path = call->options.operands[0],
		   *named = options_get(&call->options, "sidecar");
	cleanup_sidecar struct sidecar sidecar = { 0 };
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_free char *beside = NULL;
	struct node *list = NULL;

	if (!named && !is_sidecar(path)) {
		TRY(carrier_sidecar_path(&beside, path, err));
		named = beside;
	}
	named = named ? named : path;
	TRY(carrier_load(&sidecar, named, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "sidecar", named, err));
	TRY(node_set_bool(t.root, &t, "verified", false, err));
	TRY(node_set_new(&list, t.root, &t, "statements", NODE_LIST, err));
	if (!output_is_json())
		print("# %s: nothing is verified here; see 'weightmark verify'\n", named);
	for (size_t i = 0; i < sidecar.n_envelopes; i++)
		TRY(show_statement(&t, list, &sidecar.envelopes[i], named,
				   options_has(&call->options, "yaml"), err));
	if (output_is_json())
		print_json(t.root);
	return WM_OK;
}

static const struct option_spec options[] = {
	{ .name = "yaml", .help = "print YAML documents, as an author would write them" },
	{ .name = "sidecar", .argument = "FILE", .kind = VALUE_FILE,
	  .help = "the sidecar; default: PATH.wmk, or PATH itself where it is one" },
};

const struct verb verb_show = {
	.name = "show",
	.summary = "print what the statements of a checkpoint say",
	.operands = "PATH",
	.description =
		"Prints the statements in the sidecar of the checkpoint PATH, or in the sidecar "
		"file PATH. It shows who is said to have signed them, and verifies nothing: that "
		"is what verify does.",
	.examples = "weightmark show model.safetensors\n"
		    "weightmark show model.safetensors.wmk --yaml",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 1,
	.max = 1,
};
