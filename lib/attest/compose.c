/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what an author wrote, and completing it. */
#include "attest/compose.h"

#include <string.h>

#include "statement/mapping.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "text/yaml.h"
#include "util/limits.h"
#include "util/nearest.h"
#include "weightmark/v1/dataset.pb-c.h"

void composition_release(struct composition *c)
{
	arena_release(&c->arena);
}

const char *composed_local_id(const char *object)
{
	const char *slash = strrchr(object, '/');

	return slash ? slash + 1 : object;
}

/* --- headers ------------------------------------------------------------------------- */

/* Authors may say as of when; sealed values were put there by reading. */
static enum wm_code check_typed_header(const struct composition *c,
				       const Weightmark__V1__Header *h, struct wm_error *err)
{
	if (h && (h->issuer || h->object || h->has_sequence || h->previous || h->reason ||
		  h->issued_at || h->nonce || h->has_schema_minor))
		return fail(err, REASON_YAML_FIELD,
			    "%s: header: only as_of may be written; sign fills in the rest",
			    c->name);
	return WM_OK;
}

/* The local id is what follows the last slash, so it has none itself. */
static enum wm_code check_local_id(struct composition *c, const struct composed *s,
				   const char *id, struct wm_error *err)
{
	const struct scalar *scalar = scalar_find(&weightmark__v1__id__descriptor);
	ProtobufCMessage *m = NULL;

	if (!*id)
		return fail(err, REASON_YAML_FIELD, "%s: the %s has no %s", c->name, s->kind->name,
			    s->kind->local_id_field);
	TRY(scalar_read(&m, scalar, id, strlen(id), &c->arena, err));
	if (!m)
		return fail(err, REASON_YAML_FIELD, "%s: '%.128s' is not %s%s", c->name, id,
			    scalar->form,
			    c->manifest && s->message == &c->manifest->base
				    ? "; give a model.model_id"
				    : "");
	return WM_OK;
}

enum wm_code compose_own_header(struct composition *c, struct composed *s, struct wm_error *err)
{
	cleanup_buf struct buf local = BUF_INIT(LIMIT_OBJECT);

	TRY(check_typed_header(c, statement_header(s->message), err));
	TRY(s->kind->local_id(&local, s->message, err));
	TRY(check_local_id(c, s, buf_str(&local), err));
	return compose_header(c, s, buf_str(&local), err);
}

/* --- reading ------------------------------------------------------------------------- */

static enum wm_code append_names(struct buf *out, const char *const *names, struct wm_error *err)
{
	for (size_t i = 0; names[i]; i++)
		TRY(buf_printf(out, err, "%s%s", i ? ", " : "", names[i]));
	return WM_OK;
}

/* Takes the key `kind` out of the document and finds its row; it must be a wanted one. */
static enum wm_code take_kind(const struct kind **out, struct node *document, const char *name,
			      const char *const *wanted, struct wm_error *err)
{
	cleanup_buf struct buf names = BUF_INIT(LIMIT_MESSAGE);
	const struct node *kind;

	if (document->kind != NODE_MAP)
		return fail(err, REASON_YAML_FIELD,
			    "%s: line %u: a document is %s, not a map of fields", name,
			    document->line, node_kind_name(document->kind));
	kind = node_take(document, "kind");
	if (!kind)
		return fail(err, REASON_YAML_FIELD,
			    "%s: line %u: a document does not say its kind; write 'kind: %s'",
			    name, document->line, wanted[0]);
	for (size_t i = 0; wanted[i]; i++)
		if (kind->kind == NODE_TEXT && strcmp(kind->text, wanted[i]) == 0) {
			*out = kind_find(kind->text);
			return WM_OK;
		}
	TRY(append_names(&names, wanted, err));
	return fail(err, REASON_YAML_FIELD, "%s: line %u: kind '%.32s' is not %s%s", name,
		    kind->line, kind->kind == NODE_TEXT ? kind->text : "",
		    wanted[1] ? "one of " : "", buf_str(&names));
}

/* Documents of `kind`, and for runs those that the manifest's training_run holds. */
static enum wm_code add_statements(struct composition *c, const ProtobufCMessageDescriptor *d,
				   ProtobufCMessage *const *messages, size_t n,
				   struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct composed *s = &c->statements[c->n_statements];

		if (messages[i]->descriptor != d)
			continue;
		s->kind = kind_of_message(d);
		s->message = messages[i];
		TRY(compose_own_header(c, s, err));
		for (size_t j = 0; j < c->n_statements; j++)
			if (strcmp(c->statements[j].object, s->object) == 0)
				return fail(err, REASON_YAML_FIELD,
					    "%s: two statements are about '%s'", c->name,
					    composed_local_id(s->object));
		c->n_statements++;
	}
	return WM_OK;
}

static const char *const of_checkpoints[] = { "manifest", "dataset", "run", NULL };

static enum wm_code read_documents(ProtobufCMessage ***out, struct composition *c,
				   struct tree *t, struct wm_error *err)
{
	struct mapping mapping = { c->name, REASON_YAML_FIELD, true, false, &c->arena };
	ProtobufCMessage **messages;
	void *list = NULL;
	size_t n = 0;

	TRY(arena_alloc(&list, &c->arena, (t->root->len + 1) * sizeof(*messages), err));
	messages = list;
	for (struct node *d = t->root->first; d; d = d->next) {
		const struct kind *kind = NULL;

		TRY(take_kind(&kind, d, c->name, of_checkpoints, err));
		TRY(mapping_read(&messages[n], kind->descriptor, d, &mapping, err));
		TRY(compose_check(d, messages[n], c->name, err));
		if (kind->descriptor == &weightmark__v1__manifest__descriptor) {
			if (c->manifest)
				return fail(err, REASON_YAML_FIELD,
					    "%s: line %u: a second manifest", c->name, d->line);
			c->manifest = (Weightmark__V1__Manifest *)messages[n];
		}
		n++;
	}
	*out = messages;
	return WM_OK;
}

static enum wm_code check_manifest(const struct composition *c, struct wm_error *err)
{
	if (!c->manifest)
		return fail(err, REASON_YAML_FIELD, "%s: has no document of 'kind: manifest'",
			    c->name);
	if (c->manifest->checkpoint || c->manifest->n_run)
		return fail(err, REASON_YAML_FIELD,
			    "%s: %s is measured or made by sign, never written", c->name,
			    c->manifest->checkpoint ? "checkpoint" : "run");
	if (c->manifest->checkpoint_of && c->manifest->checkpoint_of->run &&
	    c->manifest->checkpoint_of->run->statement)
		return fail(err, REASON_YAML_FIELD,
			    "%s: checkpoint_of: name the training run by run_id", c->name);
	return WM_OK;
}

/* What an author's file has too much of is the author's to correct. */
static enum wm_code read_yaml(struct tree *t, const struct composition *c, const void *yaml,
			      size_t len, struct wm_error *err)
{
	struct wm_error why = { 0 };
	enum wm_code code = yaml_read(t, yaml, len, c->name, &why);

	if (code == WM_LIMIT && strncmp(why.message, c->name, strlen(c->name)) == 0)
		return fail(err, REASON_YAML_MALFORMED, "%s", why.message);
	if (code == WM_LIMIT)
		return fail(err, REASON_YAML_MALFORMED, "%s: %.200s", c->name, why.message);
	return code == WM_OK ? WM_OK : fail_again(err, &why);
}

static enum wm_code compose_into(struct composition *c, const void *yaml, size_t len,
				 struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	ProtobufCMessage **messages = NULL, *manifest;
	ProtobufCMessage *const *runs;
	void *list = NULL;

	TRY(read_yaml(&t, c, yaml, len, err));
	TRY(read_documents(&messages, c, &t, err));
	TRY(check_manifest(c, err));
	if (t.root->len + c->manifest->n_training_run > LIMIT_ENVELOPES)
		return fail(err, REASON_YAML_FIELD, "%s: more than %d statements", c->name,
			    LIMIT_ENVELOPES);
	TRY(arena_alloc(&list, &c->arena,
			(t.root->len + c->manifest->n_training_run) * sizeof(*c->statements), err));
	c->statements = list;
	manifest = &c->manifest->base;
	memcpy(&runs, &c->manifest->training_run, sizeof(runs));
	TRY(add_statements(c, &weightmark__v1__dataset__descriptor, messages, t.root->len, err));
	TRY(add_statements(c, &weightmark__v1__run__descriptor, messages, t.root->len, err));
	TRY(add_statements(c, &weightmark__v1__run__descriptor, runs, c->manifest->n_training_run,
			   err));
	c->manifest->n_training_run = 0;
	c->manifest->training_run = NULL;
	TRY(add_statements(c, &weightmark__v1__manifest__descriptor, &manifest, 1, err));
	return WM_OK;
}

enum wm_code compose(struct composition *out, const void *yaml, size_t len, const char *name,
		     const char *issuer, int64_t now, struct wm_error *err)
{
	cleanup_composition struct composition c = {
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.issuer = issuer,
		.now = now,
		.name = name,
		.reason = REASON_YAML_FIELD,
	};

	TRY(compose_into(&c, yaml, len, err));
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}

/*
 * Orders, events and revocations have a kind of their own, which authors write as order_kind and so
 * on: the document's key `kind` says what the document is.
 */
static enum wm_code rename_kind(struct node *document, struct tree *t, const struct kind *kind,
				struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_ID);
	struct node *own;

	if (!protobuf_c_message_descriptor_get_field_by_name(kind->descriptor, "kind"))
		return WM_OK;
	TRY(buf_printf(&key, err, "%s_kind", kind->name));
	own = node_take(document, buf_str(&key));
	return own ? node_set(document, t, "kind", own, err) : WM_OK;
}

static enum wm_code read_one(struct composition *c, const void *yaml, size_t len,
			     const char *const *wanted, struct wm_error *err)
{
	const struct mapping mapping = { c->name, REASON_YAML_FIELD, true, false, &c->arena };
	cleanup_tree struct tree t = TREE_INIT;
	const struct kind *kind = NULL;
	void *list = NULL;

	TRY(read_yaml(&t, c, yaml, len, err));
	if (t.root->len != 1)
		return fail(err, REASON_YAML_FIELD, "%s: has %zu documents, not one", c->name,
			    t.root->len);
	TRY(take_kind(&kind, t.root->first, c->name, wanted, err));
	TRY(rename_kind(t.root->first, &t, kind, err));
	TRY(arena_alloc(&list, &c->arena, sizeof(*c->statements), err));
	c->statements = list;
	c->statements[0].kind = kind;
	c->n_statements = 1;
	TRY(mapping_read(&c->statements[0].message, kind->descriptor, t.root->first, &mapping,
			 err));
	return compose_check(t.root->first, c->statements[0].message, c->name, err);
}

enum wm_code compose_alone(struct composition *out, const void *yaml, size_t len,
			   const char *name, const char *const *wanted, struct wm_error *err)
{
	cleanup_composition struct composition c = {
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.name = name,
		.reason = REASON_YAML_FIELD,
	};

	TRY(read_one(&c, yaml, len, wanted, err));
	*out = c;
	c.arena.chunks = NULL;
	return WM_OK;
}

/* --- references ---------------------------------------------------------------------- */

static bool names(const char *id, const char *object)
{
	return strcmp(id, object) == 0 || strcmp(id, composed_local_id(object)) == 0;
}

static enum wm_code dataset_unknown(const struct composition *c, const char *id,
				    struct wm_error *err)
{
	const char *candidates[LIMIT_CANDIDATES], *near;
	size_t n = 0;

	for (size_t i = 0; i < c->n_statements && n < LIMIT_CANDIDATES; i++)
		if (c->statements[i].kind->descriptor == &weightmark__v1__dataset__descriptor)
			candidates[n++] = composed_local_id(c->statements[i].object);
	near = nearest(id, candidates, n);
	return fail(err, REASON_DATASET_UNKNOWN, "%s: nobody provides the dataset '%.64s'%s%s%s",
		    c->name, id, near ? "; the nearest is '" : "", near ? near : "",
		    near ? "'" : "");
}

/*
 * The statement of type `d` that `id` names: an author's own first, then those given, among
 * which it must be the only one.
 */
static enum wm_code refer(Weightmark__V1__Reference **out, struct composition *c, const char *id,
			  const ProtobufCMessageDescriptor *d, struct statement *const *given,
			  size_t n_given, struct wm_error *err)
{
	const struct statement *found = NULL;

	for (size_t i = 0; i < c->n_statements; i++)
		if (c->statements[i].kind->descriptor == d && names(id, c->statements[i].object)) {
			c->statements[i].used = true;
			return compose_reference(out, c, c->statements[i].object,
						 c->statements[i].id, err);
		}
	for (size_t i = 0; i < n_given; i++) {
		if (given[i]->kind->descriptor != d || !names(id, given[i]->header->object->text))
			continue;
		if (found && memcmp(found->id, given[i]->id, SHA256_BYTES) != 0)
			return fail(err, REASON_YAML_FIELD,
				    "%s: '%.128s' may be %.128s or %.128s; write the one in full",
				    c->name, id, found->header->object->text,
				    given[i]->header->object->text);
		found = given[i];
	}
	if (found)
		return compose_reference(out, c, found->header->object->text, found->id, err);
	if (d == &weightmark__v1__run__descriptor)
		return fail(err, REASON_YAML_FIELD,
			    "%s: checkpoint_of: no training run has the id '%s'", c->name, id);
	return dataset_unknown(c, id, err);
}

/* A dataset that was referred to by statement must be given, or verifying would miss it. */
static enum wm_code check_given(const struct composition *c, const Weightmark__V1__Reference *r,
				struct statement *const *given, size_t n_given,
				struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	if (!r->statement)
		return WM_OK;
	for (size_t i = 0; i < n_given; i++)
		if (memcmp(given[i]->id, r->statement->sha256.data, SHA256_BYTES) == 0)
			return WM_OK;
	statement_id_text(id, r->statement->sha256.data);
	return fail(err, REASON_DATASET_UNKNOWN, "%s: nobody provides the dataset %s", c->name, id);
}

static enum wm_code refer_to_datasets(struct composition *c, Weightmark__V1__Run *run,
				      struct statement *const *given, size_t n_given,
				      struct wm_error *err)
{
	for (size_t i = 0; i < run->n_uses; i++) {
		Weightmark__V1__DatasetUse *use = run->uses[i];

		if (!use->dataset == !use->dataset_id)
			return fail(err, REASON_YAML_FIELD,
				    "%s: a use names its data by one of dataset_id and dataset",
				    c->name);
		if (!use->dataset_id) {
			TRY(check_given(c, use->dataset, given, n_given, err));
			continue;
		}
		TRY(refer(&use->dataset, c, use->dataset_id, &weightmark__v1__dataset__descriptor,
			  given, n_given, err));
		use->dataset_id = NULL;
	}
	return WM_OK;
}

static enum wm_code refer_to_runs(struct composition *c, struct wm_error *err)
{
	Weightmark__V1__Manifest *m = c->manifest;
	ProtobufCMessage *made = NULL;
	void *list = NULL;

	TRY(arena_alloc(&list, &c->arena, c->n_statements * sizeof(*m->run), err));
	m->run = list;
	for (size_t i = 0; i < c->n_statements; i++)
		if (c->statements[i].kind->descriptor == &weightmark__v1__run__descriptor) {
			TRY(compose_reference(&m->run[m->n_run], c, c->statements[i].object,
					      c->statements[i].id, err));
			m->n_run++;
		}
	if (m->n_run > 0 && !m->checkpoint_of) {
		TRY(message_new(&made, &weightmark__v1__checkpoint_of__descriptor, &c->arena, err));
		m->checkpoint_of = (Weightmark__V1__CheckpointOf *)made;
	}
	if (!m->checkpoint_of || m->checkpoint_of->run)
		return WM_OK;
	if (m->checkpoint_of->run_id)
		TRY(refer(&m->checkpoint_of->run, c, m->checkpoint_of->run_id,
			  &weightmark__v1__run__descriptor, NULL, 0, err));
	else if (m->n_run > 0)
		m->checkpoint_of->run = m->run[m->n_run - 1];
	m->checkpoint_of->run_id = NULL;
	return WM_OK;
}

/* A dataset that no run names could not be connected to the manifest. */
static enum wm_code check_used(const struct composition *c, struct wm_error *err)
{
	for (size_t i = 0; i < c->n_statements; i++)
		if (c->statements[i].kind->descriptor == &weightmark__v1__dataset__descriptor &&
		    !c->statements[i].used)
			return fail(err, REASON_DATASET_UNUSED, "%s: no run uses the dataset '%s'",
				    c->name, composed_local_id(c->statements[i].object));
	return WM_OK;
}

enum wm_code compose_references(struct composition *c, size_t i, struct statement *const *given,
				size_t n_given, struct wm_error *err)
{
	const ProtobufCMessageDescriptor *d = c->statements[i].kind->descriptor;

	if (d == &weightmark__v1__run__descriptor)
		return refer_to_datasets(c, (Weightmark__V1__Run *)c->statements[i].message, given,
					 n_given, err);
	if (d != &weightmark__v1__manifest__descriptor)
		return WM_OK;
	TRY(check_used(c, err));
	return refer_to_runs(c, err);
}
