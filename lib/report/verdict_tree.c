/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as trees, for JSON. */
#include "report/verdict_report.h"

#include <string.h>

#include "statement/scalar.h"
#include "util/limits.h"

static enum wm_code tree_checks(struct node *root, struct tree *t, const struct wm_verdict *v,
				struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, root, t, "checks", NODE_LIST, err));
	for (size_t i = 0; i < v->n_checks; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "name", v->checks[i].name, err));
		TRY(node_set_text(row, t, "outcome", outcome_name(v->checks[i].outcome), err));
		TRY(node_set_text(row, t, "what", v->checks[i].what, err));
		if (v->checks[i].why_not)
			TRY(node_set_text(row, t, "why_not", v->checks[i].why_not, err));
	}
	TRY(node_set_new(&row, root, t, "counts", NODE_MAP, err));
	for (enum outcome o = OUTCOME_NOT_RUN; o <= OUTCOME_REVIEW; o++)
		TRY(node_set_integer(row, t, outcome_name(o), verdict_count(v, o), err));
	return WM_OK;
}

static enum wm_code tree_statements(struct node *root, struct tree *t, const struct verification *f,
				    bool payloads, struct wm_error *err)
{
	struct node *list = NULL, *row = NULL, *payload = NULL;
	char id[STATEMENT_ID_TEXT + 1], at[TIME_TEXT + 1];

	TRY(node_set_new(&list, root, t, "statements", NODE_LIST, err));
	for (size_t i = 0; i < f->n_carried; i++) {
		const struct carried *c = &f->carried[i];

		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		statement_id_text(id, c->envelope->statement);
		TRY(node_set_text(row, t, "statement", id, err));
		TRY(node_set_text(row, t, "keyid", c->envelope->keyid, err));
		TRY(node_set_text(row, t, "signature", carried_state(c), err));
		if (!c->statement)
			continue;
		time_text(at, c->statement->header->issued_at->seconds);
		TRY(node_set_text(row, t, "kind", c->statement->kind->name, err));
		TRY(node_set_text(row, t, "object", c->statement->header->object->text, err));
		TRY(node_set_text(row, t, "issuer", c->statement->header->issuer, err));
		TRY(node_set_text(row, t, "issued_at", at, err));
		TRY(node_set_text(row, t, "assurance", "asserted", err));
		TRY(node_set_integer(row, t, "sequence", c->statement->header->sequence, err));
		TRY(node_set_bool(row, t, "superseded", statement_superseded(f, c->statement),
				  err));
		TRY(node_set_integer(row, t, "withheld", c->statement->header->n_sealed, err));
		if (!payloads)
			continue;
		TRY(statement_tree(&payload, t, c->statement, err));
		TRY(node_set(row, t, "payload", payload, err));
	}
	return WM_OK;
}

static enum wm_code set_digest(struct node *map, struct tree *t, const char *key,
			       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	return node_set_hex(map, t, key, digest, SHA256_BYTES, err);
}

enum wm_code imports_tree(struct node *map, struct tree *t, const struct layout *l,
			  struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "code", NODE_LIST, err));
	for (size_t i = 0; i < l->n_imports; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_shown(row, t, "name", l->imports[i].name, err));
		TRY(node_set_bool(row, t, "allowed", l->imports[i].allowed, err));
	}
	return WM_OK;
}

static enum wm_code tree_file(struct node *map, struct tree *t, const struct checkpoint_file *f,
			      struct wm_error *err)
{
	TRY(node_set_shown(map, t, "path", f->path, err));
	TRY(node_set_text(map, t, "role", f->role == ROLE_LOAD ? "load" : "document", err));
	TRY(node_set_text(map, t, "grammar", f->layout.format->grammar, err));
	TRY(node_set_integer(map, t, "size", f->layout.size, err));
	if (f->layout.slot_len > 0)
		TRY(node_set_integer(map, t, "slot", f->layout.slot_len, err));
	if (f->is_pointer)
		TRY(set_digest(map, t, "pointer_sha256", f->pointer.sha256, err));
	if (f->measured)
		TRY(set_digest(map, t, "file_digest", f->file_digest, err));
	if (f->has_sha256)
		TRY(set_digest(map, t, "sha256", f->sha256, err));
	return f->layout.n_imports > 0 ? imports_tree(map, t, &f->layout, err) : WM_OK;
}

static enum wm_code tree_part(struct node *map, struct tree *t, const struct checkpoint *c,
			      const struct checkpoint_part *p, struct wm_error *err)
{
	struct node *paths = NULL, *path = NULL;

	TRY(node_set_shown(map, t, "name", p->name, err));
	TRY(node_set_bool(map, t, "whole", part_is_whole(c, p), err));
	TRY(node_set_new(&paths, map, t, "path", NODE_LIST, err));
	for (size_t i = 0; i < p->n_paths; i++) {
		TRY(node_shown(&path, t, p->paths[i], err));
		node_append(paths, path);
	}
	if (!p->has_weights)
		return WM_OK;
	TRY(set_digest(map, t, "weights_digest", p->weights_digest, err));
	TRY(set_digest(map, t, "tensor_set_digest", p->tensor_set_digest, err));
	TRY(node_set_integer(map, t, "tensor_count", p->n_tensors, err));
	TRY(node_set_integer(map, t, "parameter_count", p->n_parameters, err));
	return node_set_integer(map, t, "tensor_bytes", p->n_tensor_bytes, err);
}

enum wm_code measured_tree(struct node *map, struct tree *t, const struct checkpoint *c,
			   struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, map, t, "file", NODE_LIST, err));
	for (size_t i = 0; i < c->n_files; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(tree_file(row, t, &c->files[i], err));
	}
	TRY(node_set_new(&list, map, t, "part", NODE_LIST, err));
	for (size_t i = 0; i < c->n_parts; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(tree_part(row, t, c, &c->parts[i], err));
	}
	TRY(node_set_new(&list, map, t, "passed_over", NODE_LIST, err));
	for (size_t i = 0; i < c->n_passed_over; i++) {
		TRY(node_shown(&row, t, c->passed_over[i], err));
		node_append(list, row);
	}
	return node_set_bool(map, t, "writers_excluded", checkpoint_excluded_writers(c), err);
}

static enum wm_code tree_logs(struct node *root, struct tree *t, const struct verification *f,
			      struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, root, t, "logs", NODE_LIST, err));
	for (size_t i = 0; i < f->logs.n; i++) {
		cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
		const struct logged *l = &f->logs.list[i];

		if (l->n_notes == 0)
			continue;
		TRY(log_key_encode(&key, l->key, err));
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "origin", log_key_origin(l->key), err));
		TRY(node_set_text(row, t, "log_key", buf_str(&key), err));
		TRY(node_set_bool(row, t, "pinned", l->pinned, err));
		TRY(node_set_integer(row, t, "statements", l->n_statements, err));
		TRY(node_set_integer(row, t, "size", l->notes[l->n_notes - 1].head.size, err));
		if (!l->pinned)
			continue;
		TRY(node_set_text(row, t, "linkage", linkage_name(l->linkage), err));
		TRY(node_set_bool(row, t, "remembered", l->remembered, err));
		if (l->evidence)
			TRY(node_set_shown(row, t, "evidence", l->evidence, err));
	}
	return WM_OK;
}

static enum wm_code tree_notes(struct node *root, struct tree *t, const struct wm_verdict *v,
			       struct wm_error *err)
{
	struct node *list = NULL, *row = NULL;

	TRY(node_set_new(&list, root, t, "notes", NODE_LIST, err));
	for (size_t i = 0; i < v->n_notes; i++) {
		TRY(node_append_new(&row, list, t, NODE_MAP, err));
		TRY(node_set_text(row, t, "code", v->notes[i].code, err));
		TRY(node_set_shown(row, t, "text", v->notes[i].text, err));
	}
	return WM_OK;
}

enum wm_code verdict_tree(struct node **out, struct tree *t, const struct wm_verdict *v,
			  bool payloads, struct wm_error *err)
{
	const struct check_result *decider = verdict_decider(v);
	const struct checkpoint *c = v->facts.checkpoint;
	struct node *root = NULL, *map = NULL;

	TRY(node_new(&root, t, NODE_MAP, err));
	TRY(node_set_text(root, t, "verdict", decision_name(v->decision), err));
	TRY(node_set_text(root, t, "policy", "integrity", err));
	TRY(node_set_integer(root, t, "exit", (uint64_t)verdict_exit_status(v), err));
	if (decider) {
		TRY(node_set_text(root, t, "check", decider->name, err));
		TRY(node_set_text(root, t, "reason", decider->err.reason, err));
		TRY(node_set_shown(root, t, "message", decider->err.message, err));
		TRY(node_set_text(root, t, "fix", reason_info(error_reason(&decider->err))->remedy,
				  err));
	}
	if (c)
		TRY(node_set_shown(root, t, "path", c->path, err));
	if (v->facts.admission) {
		char until[TIME_TEXT + 1];

		time_text(until, v->facts.admission->expires->seconds);
		TRY(node_set_new(&map, root, t, "admission", NODE_MAP, err));
		TRY(node_set_text(map, t, "issuer", v->facts.head->statement->header->issuer, err));
		TRY(node_set_text(map, t, "until", until, err));
	}
	TRY(tree_checks(root, t, v, err));
	TRY(tree_statements(root, t, &v->facts, payloads, err));
	TRY(tree_logs(root, t, &v->facts, err));
	if (c && v->facts.listed) {
		TRY(node_set_new(&map, root, t, "measured", NODE_MAP, err));
		TRY(measured_tree(map, t, c, err));
	}
	TRY(tree_notes(root, t, v, err));
	*out = root;
	return WM_OK;
}
