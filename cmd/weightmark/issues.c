/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, issuing and telling. */
#include "issues.h"

#include <string.h>

#include "ledgers.h"
#include "output.h"
#include "progress_view.h"
#include "statement/scalar.h"
#include "text/yaml.h"
#include "util/file.h"
#include "util/limits.h"

/* --- reading ----------------------------------------------------------------------------- */

#define UNFINISHED "TODO"

/* Trees are at most LIMIT_JSON_DEPTH deep. */
static enum wm_code refuse_unfinished(const struct node *n, const char *path, struct wm_error *err)
{
	if (n->kind == NODE_TEXT && strncmp(n->text, UNFINISHED, strlen(UNFINISHED)) == 0)
		return fail(err, REASON_ORDER_UNFINISHED,
			    "%s:%u: %s%s'%.128s' is still to be filled in", path, n->line,
			    n->key ? n->key : "", n->key ? ": " : "", n->text);
	if (n->kind != NODE_LIST && n->kind != NODE_MAP)
		return WM_OK;
	for (const struct node *c = n->first; c; c = c->next)
		TRY(refuse_unfinished(c, path, err));
	return WM_OK;
}

enum wm_code read_statement(struct issued *out, const char *path, const char *const *wanted,
			    struct wm_error *err)
{
	cleanup_buf struct buf yaml = BUF_INIT(LIMIT_YAML);
	cleanup_tree struct tree t = TREE_INIT;

	TRY(file_read_input(&yaml, path, REASON_YAML_MALFORMED, err));
	TRY(yaml_read(&t, yaml.data, yaml.len, path, err));
	TRY(refuse_unfinished(t.root, path, err));
	return compose_alone(&out->composition, yaml.data, yaml.len, path, wanted, err);
}

/* --- telling ----------------------------------------------------------------------------- */

/* The id, which stays where it is signed, now or before. */
static const char *id_text(char out[STATEMENT_ID_TEXT + 1], const struct composed *s)
{
	if (!s->envelope.payload)
		return "not signed";
	statement_id_text(out, s->id);
	return out;
}

static enum wm_code set_statement(struct node *map, struct tree *t, const struct composed *s,
				  struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	TRY(node_set_text(map, t, "kind", s->kind->name, err));
	TRY(node_set_text(map, t, "object", s->object, err));
	if (s->envelope.payload)
		TRY(node_set_text(map, t, "statement", id_text(id, s), err));
	TRY(node_set_integer(map, t, "sequence", statement_header(s->message)->sequence, err));
	return node_set_bool(map, t, "reused", s->reused, err);
}

enum wm_code issued_list(struct node *map, struct tree *t, const struct issued *i, bool payloads,
			 struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "statements", NODE_LIST, err));
	for (size_t k = 0; k < i->composition.n_statements; k++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(set_statement(row, t, &i->composition.statements[k], err));
		if (payloads)
			TRY(node_set_text(row, t, "payload", buf_str(&i->payloads[k]), err));
	}
	return WM_OK;
}

enum wm_code all_issued_tree(struct tree *t, const struct issued *i,
			     const struct issue_options *how, struct wm_error *err)
{
	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_bool(t->root, t, "dry_run", how->dry_run, err));
	TRY(issued_list(t->root, t, i, how->dry_run, err));
	return recording_tree(t->root, t, &i->recording, err);
}

static void print_text_rows(const struct issued *i)
{
	for (size_t k = 0; k < i->composition.n_statements; k++) {
		const struct composed *s = &i->composition.statements[k];
		char id[STATEMENT_ID_TEXT + 1];

		print("%-10s %s\n  %-10s%s%s\n", s->kind->name, s->object, "statement",
		      id_text(id, s), s->reused ? " (said before)" : "");
	}
	print_recording(&i->recording);
}

enum wm_code print_all_issued(const struct issued *out, const struct issue_options *how,
			      struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print_text_rows(out);
		return WM_OK;
	}
	TRY(all_issued_tree(&t, out, how, err));
	print_json(t.root);
	return WM_OK;
}

enum wm_code issued_tree(struct node *map, struct tree *t, const struct issued *i,
			 struct wm_error *err)
{
	TRY(set_statement(map, t, &i->composition.statements[0], err));
	return recording_tree(map, t, &i->recording, err);
}

void print_issued(const struct issued *i)
{
	const struct composed *s = &i->composition.statements[0];
	char id[STATEMENT_ID_TEXT + 1];

	print("  %-9s %s  %s%s\n", s->kind->name, s->object, id_text(id, s),
	      s->reused ? "  said before" : "");
	print_recording(&i->recording);
}

/* --- issuing ----------------------------------------------------------------------------- */

struct issue_options issue_options(const char *sidecar, const struct record_options *record,
				   const struct call *call)
{
	const struct options *o = &call->options;

	return (struct issue_options){
		.sidecar = sidecar,
		.record = record,
		.amend = options_has(o, "amend"),
		.reason = options_get(o, "reason"),
		.dry_run = options_has(o, "dry-run"),
	};
}

enum wm_code issue_by(struct issued *out, const struct issue_options *how, struct call *call,
		      struct wm_error *err)
{
	cleanup_signer struct signer *signer = NULL;
	struct progress progress = { 0 };
	struct record_options record = { .ledger = NULL };
	struct issue_options options = *how;
	const char *key_file = NULL;
	enum wm_code code;

	if (!options.issuer)
		TRY(settings_get(&options.issuer, &call->settings, &call->options, "issuer", err));
	if (!options.signer)
		TRY(load_signer(&signer, &key_file, call, err));
	if (signer)
		options.signer = signer;
	if (how->record) {
		record = *how->record;
		record.progress = &progress;
		options.record = &record;
	}
	progress_view_start(&progress);
	code = issue(out, &options, err);
	progress_view_end();
	TRY(code);
	warn_recording(&out->recording);
	return WM_OK;
}

enum wm_code issue_called(struct issued *out, const char *sidecar, struct signer *signer,
			  struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options room = { .ledger = NULL };
	struct issue_options how = issue_options(sidecar, NULL, call);

	how.signer = signer;
	TRY(record_options(&how.record, &room, &index, call, err));
	return issue_by(out, &how, call, err);
}
