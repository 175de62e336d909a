/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds, and the subjects of each. */
#include "statement/kind.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/sha256.h"
#include "statement/message.h"
#include "statement/statement.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/order.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"
#include "weightmark/v1/run.pb-c.h"
#include "weightmark/v1/transfer.pb-c.h"

/* Adds {name, digest: {KEY: hex}} and hands out the digest map for further keys. */
static enum wm_code add_subject(struct node **digests, struct node *subjects, struct tree *t,
				const char *name, struct wm_error *err)
{
	struct node *subject = NULL;

	TRY(node_append_new(&subject, subjects, t, NODE_MAP, err));
	TRY(node_set_text(subject, t, "name", name, err));
	return node_set_new(digests, subject, t, "digest", NODE_MAP, err);
}

static enum wm_code set_digest(struct node *digests, struct tree *t, const char *key,
			       const Weightmark__V1__Digest *digest, struct wm_error *err)
{
	if (!digest)
		return WM_OK;
	return node_set_hex(digests, t, key, digest->sha256.data, SHA256_BYTES, err);
}

static int compare_path(const void *path, const void *element)
{
	Weightmark__V1__File *const *file = element;

	return strcmp(path, (*file)->path);
}

/* Files are in order of their paths, or statement_validate() would have refused. */
static const Weightmark__V1__File *file_at(const Weightmark__V1__Checkpoint *c, const char *path)
{
	Weightmark__V1__File **found =
		bsearch(path, c->file, c->n_file, sizeof(*c->file), compare_path);

	return found ? *found : NULL;
}

/* The files of parts by sha256, then the parts' roots: never tokenizers or documents. */
static enum wm_code checkpoint_subjects(struct node *subjects, struct tree *t,
					const Weightmark__V1__Checkpoint *c, struct wm_error *err)
{
	struct node *digests = NULL;

	for (size_t i = 0; c && i < c->n_part; i++)
		for (size_t j = 0; j < c->part[i]->n_path; j++) {
			const Weightmark__V1__File *file = file_at(c, c->part[i]->path[j]);

			if (!file)
				continue;
			TRY(add_subject(&digests, subjects, t, file->path, err));
			TRY(set_digest(digests, t, "sha256", file->sha256, err));
			TRY(set_digest(digests, t, "wmFileV1", file->file_digest, err));
		}
	for (size_t i = 0; c && i < c->n_part; i++) {
		cleanup_buf struct buf name = BUF_INIT(LIMIT_PATH);
		const Weightmark__V1__Part *part = c->part[i];

		if (!part->weights_digest)
			continue;
		TRY(buf_printf(&name, err, "part:%s", part->name ? part->name : ""));
		TRY(add_subject(&digests, subjects, t, buf_str(&name), err));
		TRY(set_digest(digests, t, "wmTensorSetV1", part->tensor_set_digest, err));
		TRY(set_digest(digests, t, "wmWeightsV1", part->weights_digest, err));
	}
	return WM_OK;
}

static enum wm_code object_subject(struct node *subjects, struct tree *t,
				   const Weightmark__V1__Header *h, struct wm_error *err)
{
	const char *object = h && h->object ? h->object->text : "";
	struct node *digests = NULL;
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_of(digest, object, strlen(object), err));
	TRY(add_subject(&digests, subjects, t, object, err));
	return node_set_hex(digests, t, "wmObjectV1", digest, SHA256_BYTES, err);
}

static enum wm_code manifest_subjects(struct node *subjects, struct tree *t,
				      const ProtobufCMessage *m, struct wm_error *err)
{
	return checkpoint_subjects(subjects, t, ((const Weightmark__V1__Manifest *)m)->checkpoint,
				   err);
}

static enum wm_code admission_subjects(struct node *subjects, struct tree *t,
				       const ProtobufCMessage *m, struct wm_error *err)
{
	return checkpoint_subjects(subjects, t, ((const Weightmark__V1__Admission *)m)->checkpoint,
				   err);
}

static enum wm_code dataset_subjects(struct node *subjects, struct tree *t,
				     const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Dataset *d = (const Weightmark__V1__Dataset *)m;
	struct node *digests = NULL;

	if (!d->content_root)
		return object_subject(subjects, t, d->header, err);
	TRY(add_subject(&digests, subjects, t,
			d->header && d->header->object ? d->header->object->text : "", err));
	return set_digest(digests, t, "wmContentV1", d->content_root, err);
}

static enum wm_code own_subjects(struct node *subjects, struct tree *t, const ProtobufCMessage *m,
				 struct wm_error *err)
{
	return object_subject(subjects, t, statement_header(m), err);
}

static enum wm_code release_subjects(struct node *subjects, struct tree *t,
				     const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Release *r = (const Weightmark__V1__Release *)m;
	struct node *digests = NULL;

	if (!r->checkpoint || !r->checkpoint->statement)
		return object_subject(subjects, t, r->header, err);
	TRY(add_subject(&digests, subjects, t,
			r->checkpoint->object ? r->checkpoint->object->text : "", err));
	return node_set_hex(digests, t, "wmStatementV1", r->checkpoint->statement->sha256.data,
			    SHA256_BYTES, err);
}

static enum wm_code manifest_local_id(struct buf *out, const ProtobufCMessage *m,
				      struct wm_error *err)
{
	const Weightmark__V1__Model *model = ((const Weightmark__V1__Manifest *)m)->model;

	if (model && model->model_id)
		return buf_append_str(out, model->model_id->text, err);
	if (!model || !model->name)
		return WM_OK;
	TRY(buf_append_str(out, model->name, err));
	return model->version ? buf_printf(out, err, "@%s", model->version) : WM_OK;
}

static enum wm_code dataset_local_id(struct buf *out, const ProtobufCMessage *m,
				     struct wm_error *err)
{
	const Weightmark__V1__Id *id = ((const Weightmark__V1__Dataset *)m)->dataset_id;

	return id ? buf_append_str(out, id->text, err) : WM_OK;
}

/* Of the kinds that have it in the field `id`. */
static enum wm_code own_local_id(struct buf *out, const ProtobufCMessage *m, struct wm_error *err)
{
	const Weightmark__V1__Id *id = *(Weightmark__V1__Id *const *)field_place(
		m, protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "id"));

	return id ? buf_append_str(out, id->text, err) : WM_OK;
}

#define PREDICATE(kind) "urn:weightmark:" kind ":v1"
#define OWN(kind, d)	{ kind, PREDICATE(kind), &(d), "id", own_local_id, own_subjects }
#define RESERVED(kind)	{ kind, PREDICATE(kind), NULL, NULL, NULL, NULL }

const struct kind kinds[] = {
	{ "manifest", PREDICATE("manifest"), &weightmark__v1__manifest__descriptor, "model.name",
	  manifest_local_id, manifest_subjects },
	{ "dataset", PREDICATE("dataset"), &weightmark__v1__dataset__descriptor, "dataset_id",
	  dataset_local_id, dataset_subjects },
	OWN("run", weightmark__v1__run__descriptor),
	{ "release", PREDICATE("release"), &weightmark__v1__release__descriptor, NULL, NULL,
	  release_subjects },
	{ "admission", PREDICATE("admission"), &weightmark__v1__admission__descriptor, NULL, NULL,
	  admission_subjects },
	OWN("transfer", weightmark__v1__transfer__descriptor),
	OWN("order", weightmark__v1__order__descriptor),
	OWN("event", weightmark__v1__lifecycle_event__descriptor),
	OWN("certificate", weightmark__v1__deletion_certificate__descriptor),
	OWN("revocation", weightmark__v1__revocation__descriptor),
	RESERVED("decision"),
	RESERVED("trust"),
	RESERVED("receipt"),
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

const struct kind *kind_find(const char *name)
{
	for (const struct kind *k = kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

const struct kind *kind_of_predicate(const char *predicate_type)
{
	for (const struct kind *k = kinds; k->name; k++)
		if (strcmp(k->predicate_type, predicate_type) == 0)
			return k;
	return NULL;
}

const struct kind *kind_of_message(const ProtobufCMessageDescriptor *descriptor)
{
	const struct kind *k = kinds;

	while (k->name && k->descriptor != descriptor)
		k++;
	return k;
}
