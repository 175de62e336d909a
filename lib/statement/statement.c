/* SPDX-License-Identifier: Apache-2.0 */
/* In-toto statements as canonical JSON, written and read in one form only. */
#include "statement/statement.h"

#include <string.h>

#include "statement/mapping.h"
#include "statement/message.h"
#include "text/json.h"
#include "util/hex.h"
#include "util/limits.h"

static const char statement_type[] = "https://in-toto.io/Statement/v1";

void statement_free(struct statement *s)
{
	if (!s)
		return;
	arena_release(&s->arena);
	free(s);
}

Weightmark__V1__Header *statement_header(const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *f = header_field(message->descriptor);

	return f ? *(Weightmark__V1__Header **)field_place(message, f) : NULL;
}

enum wm_code statement_id(uint8_t out[SHA256_BYTES], const void *payload, size_t len,
			  struct wm_error *err)
{
	return sha256_of(out, payload, len, err);
}

void statement_id_text(char out[STATEMENT_ID_TEXT + 1], const uint8_t id[SHA256_BYTES])
{
	memcpy(out, STATEMENT_PREFIX, strlen(STATEMENT_PREFIX));
	hex_encode(out + strlen(STATEMENT_PREFIX), id, SHA256_BYTES);
}

static enum wm_code build(struct node **out, struct tree *t, const struct kind *kind,
			  const ProtobufCMessage *message, struct wm_error *err)
{
	struct node *root = NULL, *predicate = NULL, *subjects = NULL;

	TRY(node_new(&root, t, NODE_MAP, err));
	TRY(node_set_text(root, t, "_type", statement_type, err));
	TRY(node_set_text(root, t, "predicateType", kind->predicate_type, err));
	TRY(node_set_new(&subjects, root, t, "subject", NODE_LIST, err));
	TRY(kind->subjects(subjects, t, message, err));
	TRY(mapping_write(&predicate, t, message, err));
	TRY(node_set(root, t, "predicate", predicate, err));
	*out = root;
	return WM_OK;
}

enum wm_code statement_encode(struct buf *payload, const struct kind *kind,
			      const ProtobufCMessage *message, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct node *root = NULL;

	TRY(statement_validate(kind, message, err));
	TRY(build(&root, &t, kind, message, err));
	return json_write_canonical(payload, root, err);
}

enum wm_code statement_tree(struct node **out, struct tree *t, const struct statement *s,
			    struct wm_error *err)
{
	return build(out, t, s->kind, s->message, err);
}

/* Finds the four members and nothing else, and the kind. */
static enum wm_code take_apart(const struct kind **kind, const struct node **predicate,
			       const struct node *root, const char *name, struct wm_error *err)
{
	const struct node *type, *predicate_type;

	if (root->kind != NODE_MAP || root->len != 4 || !(type = node_find(root, "_type")) ||
	    !(predicate_type = node_find(root, "predicateType")) ||
	    !node_find(root, "subject") || !(*predicate = node_find(root, "predicate")))
		return fail(err, REASON_STATEMENT_MALFORMED,
			    "%s: is not an in-toto statement of _type, subject, predicateType and "
			    "predicate", name);
	if (type->kind != NODE_TEXT || strcmp(type->text, statement_type) != 0)
		return fail(err, REASON_STATEMENT_MALFORMED, "%s: _type is not '%s'", name,
			    statement_type);
	if (predicate_type->kind != NODE_TEXT)
		return fail(err, REASON_STATEMENT_MALFORMED, "%s: predicateType is not text", name);
	*kind = kind_of_predicate(predicate_type->text);
	if (!*kind)
		return fail(err, REASON_KIND_UNKNOWN, "%s: predicateType '%.64s'", name,
			    predicate_type->text);
	if (!(*kind)->descriptor)
		return fail(err, REASON_KIND_RESERVED, "%s: predicateType '%s'", name,
			    (*kind)->predicate_type);
	return WM_OK;
}

static bool is_newer(const struct node *predicate)
{
	const struct node *header =
		predicate->kind == NODE_MAP ? node_find(predicate, "header") : NULL;
	const struct node *minor =
		header && header->kind == NODE_MAP ? node_find(header, "schema_minor") : NULL;

	return minor && minor->kind == NODE_INTEGER && minor->integer > SCHEMA_MINOR;
}

static enum wm_code same_bytes(const struct node *n, const void *payload, size_t len,
			       enum reason reason, const char *name, const char *what,
			       struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT + 1);

	TRY(json_write_canonical(&again, n, err));
	if (again.len != len || memcmp(again.data, payload, len) != 0)
		return fail(err, reason, "%s: %s", name, what);
	return WM_OK;
}

static enum wm_code same_subjects(const struct statement *s, const struct node *root,
				  const char *name, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf signed_ones = BUF_INIT(LIMIT_STATEMENT + 1);
	struct node *implied = NULL;

	TRY(json_write_canonical(&signed_ones, node_find(root, "subject"), err));
	TRY(node_new(&implied, &t, NODE_LIST, err));
	TRY(s->kind->subjects(implied, &t, s->message, err));
	return same_bytes(implied, signed_ones.data, signed_ones.len, REASON_SUBJECT_MISMATCH, name,
			  "a statement's predicate implies other subjects", err);
}

enum wm_code statement_decode(struct statement **out, const void *payload, size_t len,
			      const char *name, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_tree struct tree rebuilt = TREE_INIT; /* apart: each is as large as one may be */
	cleanup_statement struct statement *s = calloc(1, sizeof(*s));
	struct mapping mapping = { .name = name, .reason = REASON_STATEMENT_MALFORMED };
	const struct node *predicate = NULL;
	struct node *again = NULL;
	enum wm_code code;

	if (!s)
		return fail_nomem(err);
	s->arena = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	if (len > LIMIT_STATEMENT)
		return fail(err, REASON_LIMIT, "%s: a payload of more than %d bytes", name,
			    LIMIT_STATEMENT);
	TRY(statement_id(s->id, payload, len, err));
	TRY(json_read(&t, payload, len, name, err));
	TRY(take_apart(&s->kind, &predicate, t.root, name, err));
	TRY(same_bytes(t.root, payload, len, REASON_STATEMENT_NOT_CANONICAL, name,
		       "a statement is not written as canonical JSON", err));
	s->newer_schema = is_newer(predicate);
	mapping.ignore_unknown = s->newer_schema;
	mapping.arena = &s->arena;
	TRY(mapping_read(&s->message, s->kind->descriptor, predicate, &mapping, err));
	code = statement_validate(s->kind, s->message, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	TRY(same_subjects(s, t.root, name, err));
	if (!s->newer_schema) {
		TRY(build(&again, &rebuilt, s->kind, s->message, err));
		TRY(same_bytes(again, payload, len, REASON_STATEMENT_NOT_CANONICAL, name,
			       "a statement's fields are written otherwise", err));
	}
	s->header = statement_header(s->message);
	*out = take_ptr(&s);
	return WM_OK;
}
