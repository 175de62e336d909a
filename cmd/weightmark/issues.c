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

static enum wm_code add_row(struct node *list, struct tree *t, const struct composed *s,
			    const struct buf *payload, bool dry_run, struct wm_error *err)
{
	const Weightmark__V1__Header *h = statement_header(s->message);
	char id[STATEMENT_ID_TEXT + 1];
	struct node *row = NULL;

	TRY(node_append_new(&row, list, t, NODE_MAP, err));
	TRY(node_set_text(row, t, "kind", s->kind->name, err));
	TRY(node_set_text(row, t, "object", s->object, err));
	if (!dry_run) {
		statement_id_text(id, s->id);
		TRY(node_set_text(row, t, "statement", id, err));
	}
	TRY(node_set_integer(row, t, "sequence", h->sequence, err));
	TRY(node_set_bool(row, t, "reused", s->reused, err));
	return dry_run ? node_set_text(row, t, "payload", buf_str(payload), err) : WM_OK;
}

enum wm_code all_issued_tree(struct tree *t, const struct issued *i,
			     const struct issue_options *how, struct wm_error *err)
{
	struct node *list = NULL;

	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_bool(t->root, t, "dry_run", how->dry_run, err));
	TRY(node_set_new(&list, t->root, t, "statements", NODE_LIST, err));
	for (size_t k = 0; k < i->composition.n_statements; k++)
		TRY(add_row(list, t, &i->composition.statements[k], &i->payloads[k], how->dry_run,
			    err));
	return recording_tree(t->root, t, &i->recording, err);
}

static void print_text_rows(const struct issued *i, const struct issue_options *how)
{
	for (size_t k = 0; k < i->composition.n_statements; k++) {
		const struct composed *s = &i->composition.statements[k];
		char id[STATEMENT_ID_TEXT + 1] = "not signed";

		if (!how->dry_run || s->reused)
			statement_id_text(id, s->id);
		print("%-10s %s\n  %-10s%s%s\n", s->kind->name, s->object, "statement", id,
		      s->reused ? " (said before)" : "");
	}
	print_recording(&i->recording);
}

enum wm_code print_all_issued(const struct issued *out, const struct issue_options *how,
			      struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print_text_rows(out, how);
		return WM_OK;
	}
	TRY(all_issued_tree(&t, out, how, err));
	print_json(t.root);
	return WM_OK;
}

enum wm_code issued_tree(struct node *map, struct tree *t, const struct issued *i,
			 struct wm_error *err)
{
	const struct composed *s = &i->composition.statements[0];
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, s->id);
	TRY(node_set_text(map, t, "kind", s->kind->name, err));
	TRY(node_set_text(map, t, "object", s->object, err));
	TRY(node_set_text(map, t, "statement", id, err));
	TRY(node_set_integer(map, t, "sequence", statement_header(s->message)->sequence, err));
	TRY(node_set_bool(map, t, "reused", s->reused, err));
	return recording_tree(map, t, &i->recording, err);
}

void print_issued(const struct issued *i)
{
	const struct composed *s = &i->composition.statements[0];
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, s->id);
	print("  %-9s %s  %s%s\n", s->kind->name, s->object, id,
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

enum wm_code issue_called(struct issued *out, const char *sidecar, struct call *call,
			  struct wm_error *err)
{
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct record_options room = { .ledger = NULL };
	struct issue_options how = issue_options(sidecar, NULL, call);

	TRY(record_options(&how.record, &room, &index, call, err));
	return issue_by(out, &how, call, err);
}
