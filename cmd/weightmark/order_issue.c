/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, issuing and telling. */
#include "order_issue.h"

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

static enum wm_code print_tree(const struct issued *i, const char *ledger, bool dry_run,
			       struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_new(&list, t.root, &t, "statements", NODE_LIST, err));
	for (size_t k = 0; k < i->composition.n_statements; k++)
		TRY(add_row(list, &t, &i->composition.statements[k], &i->payloads[k], dry_run,
			    err));
	if (ledger)
		TRY(node_set_shown(t.root, &t, "ledger", ledger, err));
	TRY(recording_tree(t.root, &t, &i->recording, err));
	print_json(t.root);
	return WM_OK;
}

static void print_text_rows(const struct issued *i, const char *ledger, bool dry_run)
{
	for (size_t k = 0; k < i->composition.n_statements; k++) {
		const struct composed *s = &i->composition.statements[k];
		char id[STATEMENT_ID_TEXT + 1] = "not signed";

		if (!dry_run || s->reused)
			statement_id_text(id, s->id);
		print("%-10s %s\n  %-10s%s%s\n", s->kind->name, s->object, "statement", id,
		      s->reused ? " (said before)" : "");
	}
	if (ledger)
		print("  %-10s%s\n", "ledger", ledger);
	print_recording(&i->recording);
}

/* --- issuing ----------------------------------------------------------------------------- */

enum wm_code issue_call(struct issued *out, const struct record_options *record,
			const char *sidecar, struct call *call, struct wm_error *err)
{
	const struct options *o = &call->options;
	cleanup_signer struct signer *signer = NULL;
	struct progress progress = { 0 };
	struct record_options recording = { .ledger = NULL };
	const char *key_file = NULL;
	struct issue_options options = {
		.sidecar = sidecar,
		.amend = options_has(o, "amend"),
		.reason = options_get(o, "reason"),
		.dry_run = options_has(o, "dry-run"),
	};
	enum wm_code code;

	if (record) {
		recording = *record;
		recording.progress = &progress;
		options.record = &recording;
	}
	TRY(settings_get(&options.issuer, &call->settings, o, "issuer", err));
	TRY(load_signer(&signer, &key_file, call, err));
	options.signer = signer;
	progress_view_start(&progress);
	code = issue(out, &options, err);
	progress_view_end();
	TRY(code);
	warn_recording(&out->recording);
	if (output_is_json())
		return print_tree(out, record ? record->ledger : NULL, options.dry_run, err);
	print_text_rows(out, record ? record->ledger : NULL, options.dry_run);
	return WM_OK;
}
