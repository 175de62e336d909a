/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is indexed of an entry: everywhere in a statement its digests, parties and texts, found by
 * descriptor; names and edges, kind by kind. A payload that is no statement of ours is indexed by
 * its ids alone.
 */
#include "index/extract.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "util/hex.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

/* --- anywhere in a statement ---------------------------------------------------------- */

static enum wm_code digests_of(struct extract *e, const ProtobufCMessage *m, struct wm_error *err)
{
	static const struct {
		const ProtobufCMessageDescriptor *of;
		const char *field;
		enum digest_role role;
	} rows[] = {
		{ &weightmark__v1__file__descriptor, "sha256", DIGEST_SHA256 },
		{ &weightmark__v1__file__descriptor, "file_digest", DIGEST_FILE },
		{ &weightmark__v1__part__descriptor, "weights_digest", DIGEST_WEIGHTS },
		{ &weightmark__v1__part__descriptor, "tensor_set_digest", DIGEST_TENSOR_SET },
		{ &weightmark__v1__tensor_digest__descriptor, "digest", DIGEST_TENSOR },
		{ &weightmark__v1__released_file__descriptor, "sha256", DIGEST_SHA256 },
		{ &weightmark__v1__dataset__descriptor, "content_root", DIGEST_CONTENT_ROOT },
		{ &weightmark__v1__dataset__descriptor, "record_commitment_root",
		  DIGEST_RECORDS_ROOT },
		{ &weightmark__v1__dataset_use__descriptor, "subset_root", DIGEST_SUBSET_ROOT },
		{ &weightmark__v1__reference__descriptor, "sha256", DIGEST_REFERENCE_SHA256 },
		{ &weightmark__v1__reference__descriptor, "weights_digest",
		  DIGEST_REFERENCE_WEIGHTS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const ProtobufCFieldDescriptor *f;

		if (m->descriptor != rows[i].of)
			continue;
		f = protobuf_c_message_descriptor_get_field_by_name(rows[i].of, rows[i].field);
		if (field_count(m, f) > 0)
			TRY(extract_digest(e, rows[i].role,
					   (const Weightmark__V1__Digest *)value_message(
						   field_value(m, f, 0)),
					   err));
	}
	return WM_OK;
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, (*(Weightmark__V1__File *const *)file)->path);
}

static enum wm_code add_files(struct buf *all, const Weightmark__V1__Checkpoint *c,
			      const Weightmark__V1__Part *part, struct wm_error *err)
{
	for (size_t i = 0; i < part->n_path; i++) {
		Weightmark__V1__File *const *file =
			c->n_file ? bsearch(part->path[i], c->file, c->n_file, sizeof(*c->file),
					    compare_path) :
				    NULL;

		if (file && (*file)->sha256)
			TRY(buf_append(all, (*file)->sha256->sha256.data, SHA256_BYTES, err));
	}
	return WM_OK;
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

/* The bytes of a checkpoint in which no tensors are told apart, by whatever names. */
static enum wm_code whole_of(struct extract *e, const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Checkpoint *c = (const Weightmark__V1__Checkpoint *)m;
	Weightmark__V1__Digest whole = WEIGHTMARK__V1__DIGEST__INIT;
	cleanup_buf struct buf all = BUF_INIT(LIMIT_STATEMENT);
	uint8_t digest[SHA256_BYTES];

	if (m->descriptor != &weightmark__v1__checkpoint__descriptor)
		return WM_OK;
	for (size_t i = 0; i < c->n_part; i++) {
		if (c->part[i]->weights_digest)
			return WM_OK;
		TRY(add_files(&all, c, c->part[i], err));
	}
	if (all.len == 0)
		return WM_OK;
	qsort(all.data, all.len / SHA256_BYTES, SHA256_BYTES, compare_digests);
	TRY(sha256_of(digest, all.data, all.len, err));
	whole.sha256.len = SHA256_BYTES;
	whole.sha256.data = all.len == SHA256_BYTES ? all.data : digest;
	return extract_digest(e, DIGEST_WHOLE, &whole, err);
}

static enum wm_code party_of(struct extract *e, const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Party *p = (const Weightmark__V1__Party *)m;

	if (m->descriptor != &weightmark__v1__party__descriptor)
		return WM_OK;
	TRY(extract_name(e, NAME_PARTY, p->id ? p->id->text : NULL, err));
	TRY(extract_name(e, NAME_PARTY, p->legal_name, err));
	for (size_t i = 0; i < p->n_identifier; i++)
		TRY(extract_name(e, NAME_PARTY, p->identifier[i], err));
	return WM_OK;
}

/* Where a value is withheld is no text of the statement. */
static enum wm_code texts_of(struct extract *e, const ProtobufCMessage *m, struct wm_error *err)
{
	if (m->descriptor == &weightmark__v1__sealed__descriptor)
		return WM_OK;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		size_t n = f->type == PROTOBUF_C_TYPE_STRING ? field_count(m, f) : 0;

		for (size_t j = 0; j < n; j++) {
			TRY(fold_words(e->text, *(char *const *)field_value(m, f, j), err));
			TRY(buf_append_byte(e->text, '\n', err));
		}
	}
	return WM_OK;
}

static enum wm_code visit(const ProtobufCMessage *m, const void *context, struct wm_error *err)
{
	struct extract *e = *(struct extract *const *)context;

	TRY(digests_of(e, m, err));
	TRY(whole_of(e, m, err));
	TRY(party_of(e, m, err));
	return texts_of(e, m, err);
}

/* --- kind by kind --------------------------------------------------------------------- */

/* name, and name@version. */
static enum wm_code add_names(struct extract *e, const char *name, const char *version,
			      struct wm_error *err)
{
	cleanup_buf struct buf both = BUF_INIT(LIMIT_STATEMENT);

	TRY(extract_name(e, NAME_THING, name, err));
	if (!name || !version)
		return WM_OK;
	TRY(buf_printf(&both, err, "%s@%s", name, version));
	return extract_name(e, NAME_THING, buf_str(&both), err);
}

static enum wm_code derivation(struct extract *e, const Weightmark__V1__Derivation *d,
			       uint64_t place, struct wm_error *err)
{
	const uint64_t kind = d->has_kind ? (uint64_t)d->kind : 0;
	const uint64_t *detail = d->has_kind ? &kind : NULL;

	for (size_t i = 0; i < d->n_parent; i++)
		TRY(extract_edge(e,
				 &(struct extract_edge){ .kind = EDGE_PARENT,
							 .detail = detail,
							 .derivation = &place },
				 d->parent[i], err));
	return extract_edge(e,
			    &(struct extract_edge){
				    .kind = EDGE_CHILD, .detail = detail, .derivation = &place },
			    d->child, err);
}

static enum wm_code manifest(struct extract *e, const Weightmark__V1__Manifest *m,
			     struct wm_error *err)
{
	const Weightmark__V1__CheckpointOf *of = m->checkpoint_of;

	if (m->model) {
		TRY(add_names(e, m->model->name, m->model->version, err));
		TRY(extract_name(e, NAME_THING,
				 m->model->model_id ? m->model->model_id->text : NULL, err));
	}
	for (size_t i = 0; i < m->n_run; i++)
		TRY(extract_edge(e, &(struct extract_edge){ .kind = EDGE_RUN }, m->run[i], err));
	if (of)
		TRY(extract_edge(
			e,
			&(struct extract_edge){ .kind = EDGE_CHECKPOINT_OF,
						.detail = of->has_step ? &of->step : NULL },
			of->run, err));
	for (size_t i = 0; i < m->n_derivation; i++)
		TRY(derivation(e, m->derivation[i], i, err));
	return WM_OK;
}

/* An object id, or a local one of the dataset's issuer. */
static enum wm_code generator(struct extract *e, char *id, struct wm_error *err)
{
	const char *own = e->statement->header->object->text, *slash = strrchr(own, '/');
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
	Weightmark__V1__ObjectId object = WEIGHTMARK__V1__OBJECT_ID__INIT;
	Weightmark__V1__Reference model = WEIGHTMARK__V1__REFERENCE__INIT;

	if (slash && !strchr(id, '/'))
		TRY(buf_append(&text, own, (size_t)(slash - own) + 1, err));
	TRY(buf_append_str(&text, id, err));
	object.text = text.data ? (char *)text.data : id;
	model.object = &object;
	return extract_edge(e, &(struct extract_edge){ .kind = EDGE_GENERATED }, &model, err);
}

static enum wm_code dataset(struct extract *e, const Weightmark__V1__Dataset *d,
			    struct wm_error *err)
{
	const char *id = d->dataset_id ? d->dataset_id->text : NULL;

	TRY(add_names(e, d->title, d->version, err));
	TRY(extract_name(e, NAME_THING, id, err));
	TRY(extract_name(e, NAME_DATASET, id, err));
	for (size_t i = 0; i < d->n_generator_model_id; i++)
		TRY(generator(e, d->generator_model_id[i], err));
	return extract_name(e, NAME_DATASET, d->title, err);
}

static enum wm_code run(struct extract *e, const Weightmark__V1__Run *r, struct wm_error *err)
{
	TRY(extract_name(e, NAME_THING, r->id ? r->id->text : NULL, err));
	for (size_t i = 0; i < r->n_uses; i++) {
		const Weightmark__V1__DatasetUse *u = r->uses[i];
		const uint64_t role = u->has_role ? (uint64_t)u->role : 0;
		const struct extract_edge edge = {
			.kind = EDGE_USES,
			.detail = u->has_role ? &role : NULL,
			.from_step = u->has_from_step ? &u->from_step : NULL,
			.to_step = u->has_to_step ? &u->to_step : NULL,
			.subset = u->subset_root,
		};

		TRY(extract_edge(e, &edge, u->dataset, err));
	}
	for (size_t i = 0; i < r->n_parent_model; i++)
		TRY(extract_edge(e, &(struct extract_edge){ .kind = EDGE_PARENT_MODEL },
				 r->parent_model[i], err));
	return extract_edge(e,
			    &(struct extract_edge){
				    .kind = EDGE_OUTPUT_MODEL,
				    .detail = r->has_output_step ? &r->output_step : NULL },
			    r->output_model, err);
}

static enum wm_code by_kind(struct extract *e, const ProtobufCMessage *m, struct wm_error *err)
{
	if (m->descriptor == &weightmark__v1__manifest__descriptor)
		return manifest(e, (const Weightmark__V1__Manifest *)m, err);
	if (m->descriptor == &weightmark__v1__dataset__descriptor)
		return dataset(e, (const Weightmark__V1__Dataset *)m, err);
	if (m->descriptor == &weightmark__v1__run__descriptor)
		return run(e, (const Weightmark__V1__Run *)m, err);
	if (m->descriptor == &weightmark__v1__release__descriptor)
		return extract_edge(e, &(struct extract_edge){ .kind = EDGE_RELEASED },
				    ((const Weightmark__V1__Release *)m)->checkpoint, err);
	return WM_OK;
}

/* The local id of what the statement is about: what follows the issuer. */
static enum wm_code local_id(struct extract *e, struct wm_error *err)
{
	const ProtobufCMessageDescriptor *d = e->statement->message->descriptor;
	const char *slash = strrchr(e->statement->header->object->text, '/');

	if (!slash || !e->statement->kind->local_id)
		return WM_OK;
	if (d == &weightmark__v1__dataset__descriptor)
		TRY(extract_name(e, NAME_DATASET, slash + 1, err));
	return extract_name(e, NAME_THING, slash + 1, err);
}

static enum wm_code add_text(struct extract *e, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, e->x, SQL_TEXT_ADD, err));
	sql_int(&q, e->entry);
	sql_text_of(&q, e->text->data, e->text->len);
	return sql_run(&q, err);
}

static enum wm_code content(struct extract *e, struct wm_error *err)
{
	const struct extract *context = e;

	buf_truncate(e->text, 0);
	TRY(extract_name(e, NAME_PARTY, e->statement->header->issuer, err));
	TRY(message_walk(e->statement->message, visit, &context, err));
	TRY(by_kind(e, e->statement->message, err));
	TRY(local_id(e, err));
	return add_text(e, err);
}

/* --- the entry ------------------------------------------------------------------------ */

static void optional_time(struct sql *q, const Weightmark__V1__Time *time)
{
	if (time)
		sql_int(q, time->seconds);
	else
		sql_null(q);
}

/* When a run began and ended, and what else lineage rests on. */
static void bind_lineage(struct sql *q, const ProtobufCMessage *m)
{
	const Weightmark__V1__Run *r = (const Weightmark__V1__Run *)m;
	const Weightmark__V1__Model *model;
	int64_t flags = 0;

	if (m->descriptor == &weightmark__v1__run__descriptor) {
		optional_time(q, r->start);
		optional_time(q, r->end);
		if (r->has_retrospective && r->retrospective == WEIGHTMARK__V1__TRI__VALUE__yes)
			flags |= STATEMENT_RETROSPECTIVE;
	} else {
		sql_null(q);
		sql_null(q);
	}
	if (m->descriptor == &weightmark__v1__manifest__descriptor) {
		model = ((const Weightmark__V1__Manifest *)m)->model;
		if (model && model->has_lineage_complete &&
		    model->lineage_complete == WEIGHTMARK__V1__TRI__VALUE__yes)
			flags |= STATEMENT_LINEAGE_COMPLETE;
	}
	sql_int(q, flags);
}

static void bind_said(struct sql *q, const struct statement *s, int64_t object, int64_t issuer)
{
	const Weightmark__V1__Header *h = s->header;

	sql_text(q, s->kind->name);
	sql_int(q, object);
	if (h->issuer)
		sql_int(q, issuer);
	else
		sql_null(q);
	sql_number(q, h->has_sequence ? &h->sequence : NULL);
	if (h->previous)
		sql_data(q, h->previous->sha256.data, h->previous->sha256.len);
	else
		sql_null(q);
	optional_time(q, h->issued_at);
	bind_lineage(q, s->message);
}

/* A NULL `s`: what the payload says is not known. */
static enum wm_code add_row(struct index *x, int64_t id, const struct ledger_entry *e,
			    const struct statement *s, struct wm_error *err)
{
	int64_t object = 0, issuer = 0;
	uint8_t keyid[SHA256_BYTES];
	cleanup_sql struct sql q = SQL_INIT;

	if (strlen(e->envelope.keyid) != KEYID_HEX ||
	    !hex_decode(keyid, e->envelope.keyid, KEYID_HEX))
		return fail(err, REASON_LEDGER_MALFORMED, "a keyid is not %d hexadecimal digits",
			    KEYID_HEX);
	if (s)
		TRY(extract_number(&object, x, s->header->object->text, err));
	if (s && s->header->issuer)
		TRY(extract_number(&issuer, x, s->header->issuer, err));
	TRY(sql_start(&q, x, SQL_ENTRY_ADD, err));
	sql_int(&q, id);
	sql_data(&q, &e->blob, sizeof(e->blob));
	sql_data(&q, &e->commit, sizeof(e->commit));
	sql_data(&q, e->envelope.statement, SHA256_BYTES);
	sql_data(&q, keyid, sizeof(keyid));
	sql_data(&q, e->leaf, SHA256_BYTES);
	if (s)
		bind_said(&q, s, object, issuer);
	return sql_run(&q, err);
}

enum wm_code extract_entry(struct index *x, int64_t id, const struct ledger_entry *e,
			   struct buf *text, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	struct extract extract = { .x = x, .entry = id, .text = text };
	struct wm_error said = { 0 };
	enum wm_code code = statement_decode(&s, e->envelope.payload, e->envelope.payload_len,
					     "entry", &said);

	if (code != WM_OK && error_is_untold(code))
		return fail_again(err, &said);
	TRY(add_row(x, id, e, code == WM_OK ? s : NULL, err));
	if (code != WM_OK)
		return WM_OK;
	extract.statement = s;
	return content(&extract, err);
}
