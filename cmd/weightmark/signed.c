/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what was signed. */
#include "signed.h"

#include <string.h>

#include "attest/priors.h"
#include "checkpoint/diff.h"
#include "measured.h"
#include "output.h"
#include "report/verdict_report.h"
#include "text/json.h"
#include "text/yaml.h"
#include "util/limits.h"

/* Calls `each` for every statement, the release last. */
typedef enum wm_code statement_fn(const struct composed *d, const struct buf *payload,
				  const struct signing *s, void *context, struct wm_error *err);

static enum wm_code each_statement(const struct signing *s, statement_fn *each, void *context,
				   struct wm_error *err)
{
	for (size_t i = 0; i < s->n_payloads; i++)
		TRY(each(&s->composition.statements[i], &s->payloads[i], s, context, err));
	if (s->release.n_statements > 0)
		TRY(each(&s->release.statements[0], &s->release_payload, s, context, err));
	return WM_OK;
}

/* What differs from the manifest that was corrected; nothing where none was. */
static enum wm_code find_changes(struct record_diff *out, const struct signing *s,
				 struct wm_error *err)
{
	const struct composition *c = &s->composition;
	const struct composed *manifest = &c->statements[c->n_statements - 1];
	const struct prior *before = priors_manifest(s->priors);
	struct diff_side old = { 0 }, new = { .stated = s->record };

	if (!before || manifest->reused || statement_header(manifest->message)->sequence < 2)
		return WM_OK;
	old.stated = ((const Weightmark__V1__Manifest *)before->statement->message)->checkpoint;
	return diff_records(out, &old, &new, err);
}

/* --- as JSON ------------------------------------------------------------------------- */

struct rows {
	struct node *list;
	struct tree *t;
	bool dry_run;
};

static enum wm_code add_row(const struct composed *d, const struct buf *payload,
			    const struct signing *s, void *context, struct wm_error *err)
{
	const struct rows *rows = context;
	const Weightmark__V1__Header *h = statement_header(d->message);
	char id[STATEMENT_ID_TEXT + 1];
	struct node *row = NULL;

	(void)s;
	TRY(node_append_new(&row, rows->list, rows->t, NODE_MAP, err));
	statement_id_text(id, d->id);
	TRY(node_set_text(row, rows->t, "kind", d->kind->name, err));
	TRY(node_set_text(row, rows->t, "object", d->object, err));
	TRY(node_set_text(row, rows->t, "statement", id, err));
	TRY(node_set_integer(row, rows->t, "sequence", h->sequence, err));
	if (h->previous) {
		statement_id_text(id, h->previous->sha256.data);
		TRY(node_set_text(row, rows->t, "previous", id, err));
	}
	TRY(node_set_bool(row, rows->t, "reused", d->reused, err));
	if (!rows->dry_run)
		return WM_OK;
	/* The payload as text: exactly what would be signed. */
	return node_set_text(row, rows->t, "payload", buf_str(payload), err);
}

static enum wm_code print_tree(const struct signing *s, bool dry_run, struct wm_error *err)
{
	cleanup_record_diff struct record_diff changes = { 0 };
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list = NULL, *map = NULL;

	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "path", s->checkpoint->path, err));
	TRY(node_set_shown(t.root, &t, "sidecar", s->sidecar_path, err));
	TRY(node_set_bool(t.root, &t, "dry_run", dry_run, err));
	TRY(node_set_bool(t.root, &t, "unchanged", s->unchanged, err));
	TRY(node_set_new(&list, t.root, &t, "statements", NODE_LIST, err));
	TRY(each_statement(s, add_row, &(struct rows){ list, &t, dry_run }, err));
	TRY(find_changes(&changes, s, err));
	TRY(node_set_new(&list, t.root, &t, "changes", NODE_LIST, err));
	for (size_t i = 0; i < changes.files.n_rows; i++) {
		const struct record_row *row = &changes.files.rows[i];

		if (row->difference == DIFF_EQUAL)
			continue;
		TRY(node_append_new(&map, list, &t, NODE_MAP, err));
		TRY(node_set_shown(map, &t, "path", row->name, err));
		TRY(node_set_text(map, &t, "difference", difference_name(row->difference), err));
	}
	TRY(node_set_new(&map, t.root, &t, "measured", NODE_MAP, err));
	TRY(measured_tree(map, &t, s->checkpoint, err));
	TRY(node_set_integer(map, &t, "cached", s->n_cached, err));
	TRY(node_set_integer(map, &t, "taken_over", s->n_taken, err));
	if (s->embedding.n_files > 0) {
		TRY(node_set_new(&map, t.root, &t, "embedded", NODE_MAP, err));
		TRY(slots_tree(map, &t, &s->embedding, err));
	}
	TRY(recording_tree(t.root, &t, &s->recording, err));
	if (s->release.n_statements > 0)
		TRY(node_set_integer(t.root, &t, "release_milliseconds", (uint64_t)s->release_ms,
				     err));
	print_json(t.root);
	return WM_OK;
}

/* --- as text ------------------------------------------------------------------------- */

/* A statement as it would be signed, as a YAML document that one can read. */
static enum wm_code print_payload(const struct composed *d, const struct buf *payload,
				  const struct signing *s, void *context, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf text = BUF_INIT(4 * (size_t)LIMIT_STATEMENT);

	(void)d;
	(void)s;
	(void)context;
	TRY(json_read(&t, payload->data, payload->len, "payload", err));
	TRY(yaml_write(&text, t.root, err));
	print("---\n");
	print_text(buf_str(&text));
	return WM_OK;
}

static enum wm_code print_line(const struct composed *d, const struct buf *payload,
			       const struct signing *s, void *context, struct wm_error *err)
{
	const Weightmark__V1__Header *h = statement_header(d->message);
	char id[STATEMENT_ID_TEXT + 1];

	(void)payload;
	(void)context;
	(void)err;
	statement_id_text(id, d->id);
	print("  %-10s%s  %s", d->kind->name, d->object + strlen(s->issuer) + 1, id);
	if (h->sequence > 1 && !d->reused)
		print("  corrects %llu", (unsigned long long)h->sequence - 1);
	print("\n");
	return WM_OK;
}

static enum wm_code print_summary(const struct signing *s, bool dry_run, struct wm_error *err)
{
	cleanup_record_diff struct record_diff changes = { 0 };
	const struct checkpoint *c = s->checkpoint;
	size_t n_embedded = 0;

	const bool released = s->release.n_statements > 0 && !s->release.statements[0].reused;

	print("%s %s\n",
	      dry_run			  ? "would sign" :
	      s->unchanged && !released ? "signed already:" :
					  "signed",
	      c->path);
	TRY(each_statement(s, print_line, NULL, err));
	TRY(find_changes(&changes, s, err));
	for (size_t i = 0; i < changes.files.n_rows; i++)
		if (changes.files.rows[i].difference != DIFF_EQUAL)
			print("  %-10s%s\n", difference_name(changes.files.rows[i].difference),
			      changes.files.rows[i].name);
	print("  %-10s%zu file%s, %llu bytes, %zu tensor%s\n", "measured", c->n_files,
	      c->n_files == 1 ? "" : "s", (unsigned long long)checkpoint_size(c),
	      checkpoint_n_tensors(c), checkpoint_n_tensors(c) == 1 ? "" : "s");
	if (s->n_cached > 0)
		print("  %-10s%zu file%s as last measured here, not read again\n", "cached",
		      s->n_cached, s->n_cached == 1 ? "" : "s");
	if (s->n_taken > 0)
		print("  %-10s%zu file%s that git-lfs pointers name, as they were signed\n",
		      "pointers", s->n_taken, s->n_taken == 1 ? "" : "s");
	for (size_t i = 0; i < s->embedding.n_files; i++)
		n_embedded += !s->embedding.files[i].unchanged;
	if (s->embedding.n_files > 0)
		print("  %-10s%zu file%s, %zu as they were\n", "embedded", n_embedded,
		      n_embedded == 1 ? "" : "s", s->embedding.n_files - n_embedded);
	print("  %-10s%s\n", "issuer", s->issuer);
	print("  %-10s%s\n", "sidecar", s->sidecar_path);
	print_recording(&s->recording);
	return WM_OK;
}

/* Verifiers refuse what would run code: who signs it should hear so before they do. */
static void warn_code(const struct checkpoint *c)
{
	const struct checkpoint_file *where = NULL;
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n_files; i++)
		for (size_t k = 0; k < c->files[i].layout.n_imports; k++) {
			const struct import *name = &c->files[i].layout.imports[k];

			if (name->allowed)
				continue;
			where = first ? where : &c->files[i];
			first = first ? first : name->name;
			n++;
		}
	if (n > 0)
		warning("%s: loading it would use '%s', the first of %zu name%s: 'weightmark "
			"verify' refuses that as code-not-allowed unless --allow-code names it",
			where->path, first, n, n == 1 ? "" : "s");
}

enum wm_code signed_report(const struct signing *s, bool dry_run, struct wm_error *err)
{
	slots_warn(&s->embedding);
	warn_recording(&s->recording);
	warn_without_tensors(s->checkpoint);
	warn_code(s->checkpoint);
	if (output_is_json())
		return print_tree(s, dry_run, err);
	TRY(print_summary(s, dry_run, err));
	if (!dry_run)
		return WM_OK;
	print("  ids will differ: nonce and time are those of signing\n");
	return each_statement(s, print_payload, NULL, err);
}
