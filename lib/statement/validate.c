/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of shape that every statement keeps, whoever made it. */
#include "statement/validate.h"

#include <string.h>

#include "statement/message.h"
#include "util/limits.h"
#include "util/relpath.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

/*
 * What cannot be withheld, as the first and the last name of its place; NULL: all below
 * the first. Joins and measuring rest on some, the others are for authors alone.
 */
static const char *const never_sealed[][2] = {
	{ "header", NULL },
	{ "checkpoint", NULL },
	{ "party", NULL },
	{ "file", NULL },
	{ "dataset_id", NULL },
	{ "id", NULL },
	{ "training_run", NULL },
	{ "checkpoint_of", "run_id" },
	{ "uses", "dataset_id" },
	{ "subject", NULL },
	{ "from", NULL },
	{ "to", NULL },
	{ "related_party", "exists" },
};

static enum wm_code invalid(struct wm_error *err, const char *what)
{
	return fail(err, REASON_STATEMENT_INVALID, "%s", what);
}

static bool issuer_valid(const char *issuer)
{
	size_t len = strlen(issuer);

	for (size_t i = 0; i < len; i++)
		if (issuer[i] <= ' ' || issuer[i] > '~')
			return false;
	return len > 0 && len <= LIMIT_ISSUER;
}

static enum wm_code check_header(const Weightmark__V1__Header *h, struct wm_error *err)
{
	size_t issuer;

	if (!h || !h->issuer || !h->object || !h->has_sequence || !h->issued_at || !h->as_of ||
	    !h->nonce || !h->has_schema_minor)
		return invalid(err, "the header lacks a field");
	if (!issuer_valid(h->issuer))
		return invalid(err, "the issuer is not printable ASCII without spaces");
	issuer = strlen(h->issuer);
	if (strncmp(h->object->text, h->issuer, issuer) != 0 || h->object->text[issuer] != '/' ||
	    strchr(h->object->text + issuer + 1, '/'))
		return invalid(err, "the object id is not the issuer, a slash and a local id");
	if (h->sequence == 0 || (h->sequence > 1) != (h->previous != NULL))
		return invalid(err, "sequence and previous do not agree");
	if (h->reason && !h->previous)
		return invalid(err, "a reason for a correction without one");
	return WM_OK;
}

static enum wm_code check_sealed(const Weightmark__V1__Header *h, struct wm_error *err)
{
	for (size_t i = 0; i < h->n_sealed; i++) {
		const char *pointer = h->sealed[i]->pointer;
		const char *last = strrchr(pointer, '/');
		size_t len;

		if (pointer[0] != '/')
			return invalid(err, "a sealed value has no place");
		len = strcspn(pointer + 1, "/");
		for (size_t j = 0; j < sizeof(never_sealed) / sizeof(never_sealed[0]); j++) {
			const char *const *names = never_sealed[j];

			if (strlen(names[0]) == len && strncmp(pointer + 1, names[0], len) == 0 &&
			    (!names[1] || strcmp(last + 1, names[1]) == 0))
				return fail(err, REASON_STATEMENT_INVALID, "%s cannot be sealed",
					    names[names[1] != NULL]);
		}
	}
	return WM_OK;
}

/* --- parties and references, wherever they stand ------------------------------------- */

struct parties {
	Weightmark__V1__Party **list;
	size_t n;
};

static struct parties parties_of(const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "party");

	if (!f)
		return (struct parties){ NULL, 0 };
	return (struct parties){ *(Weightmark__V1__Party ***)field_place(m, f), field_count(m, f) };
}

static bool is_party(const struct parties *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i]->id && strcmp(p->list[i]->id->text, id) == 0)
			return true;
	return false;
}

static enum wm_code check_parties(const struct parties *p, struct wm_error *err)
{
	if (p->n > LIMIT_PARTIES)
		return fail(err, REASON_LIMIT, "%zu parties, more than %d", p->n, LIMIT_PARTIES);
	for (size_t i = 0; i < p->n; i++) {
		struct parties before = { p->list, i };

		if (!p->list[i]->id)
			return invalid(err, "a party has no id");
		if (is_party(&before, p->list[i]->id->text))
			return fail(err, REASON_STATEMENT_INVALID, "two parties have the id '%s'",
				    p->list[i]->id->text);
	}
	return WM_OK;
}

static enum wm_code check_message(const ProtobufCMessage *m, const void *context,
				  struct wm_error *err)
{
	if (m->descriptor == &weightmark__v1__party_id__descriptor) {
		const char *id = ((const Weightmark__V1__PartyId *)m)->id;

		if (!is_party(context, id))
			return fail(err, REASON_STATEMENT_INVALID,
				    "'%s' is not the id of a party of this statement", id);
	}
	if (m->descriptor == &weightmark__v1__reference__descriptor) {
		const Weightmark__V1__Reference *r = (const Weightmark__V1__Reference *)m;

		if (!r->object && !r->statement && !r->weights_digest && !r->sha256 && !r->uri)
			return invalid(err, "a reference refers to nothing");
	}
	if (m->descriptor == &weightmark__v1__dataset_use__descriptor) {
		const Weightmark__V1__DatasetUse *use = (const Weightmark__V1__DatasetUse *)m;

		if (use->dataset_id)
			return invalid(
				err,
				"uses.dataset_id is for authors; a statement has uses.dataset");
		if (use->has_from_step && use->has_to_step && use->from_step > use->to_step)
			return invalid(err, "from_step is after to_step");
	}
	return WM_OK;
}

/* --- what was measured --------------------------------------------------------------- */

static enum wm_code check_file(const Weightmark__V1__File *f, const char *previous,
			       struct wm_error *err)
{
	if (!f->path || !f->has_size || !f->has_role || !f->grammar || !f->file_digest ||
	    !f->sha256)
		return invalid(err, "a file record lacks a field");
	if (!relpath_valid(f->path))
		return invalid(err, "a file's path is not plain and relative");
	if (previous && strcmp(previous, f->path) >= 0)
		return invalid(err, "files are not in order of their paths");
	return WM_OK;
}

static bool has_load_file(const Weightmark__V1__Checkpoint *c, const char *path)
{
	size_t low = 0, high = c->n_file;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(c->file[middle]->path, path);

		if (order == 0)
			return c->file[middle]->role == WEIGHTMARK__V1__FILE__ROLE__load;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static enum wm_code check_tensors(const Weightmark__V1__Part *p, struct wm_error *err)
{
	if (p->n_tensor > LIMIT_PART_TENSORS)
		return fail(err, REASON_LIMIT, "a part lists %zu tensors, more than %d",
			    p->n_tensor, LIMIT_PART_TENSORS);
	if (p->n_tensor > 0 && !p->weights_digest)
		return invalid(err, "a part without weights digest lists tensors");
	for (size_t i = 0; i < p->n_tensor; i++) {
		const Weightmark__V1__TensorDigest *t = p->tensor[i];

		if (!t->digest || !t->has_bytes)
			return invalid(err, "a listed tensor lacks its digest or its size");
		if (t->bytes < LIMIT_TENSOR_LISTED)
			return invalid(err, "a listed tensor is too small to be listed");
		if (i > 0 && memcmp(p->tensor[i - 1]->digest->sha256.data, t->digest->sha256.data,
				    SHA256_BYTES) >= 0)
			return invalid(err, "listed tensors are not in order of their digests");
	}
	return WM_OK;
}

static enum wm_code check_part(const Weightmark__V1__Checkpoint *c, const Weightmark__V1__Part *p,
			       const char *previous, struct wm_error *err)
{
	if (!p->name || p->n_path == 0)
		return invalid(err, "a part lacks its name or its files");
	if (previous && strcmp(previous, p->name) >= 0)
		return invalid(err, "parts are not in order of their names");
	if (!p->weights_digest != !p->tensor_set_digest)
		return invalid(err, "a part has one of its two digests");
	for (size_t i = 0; i < p->n_path; i++) {
		if (i > 0 && strcmp(p->path[i - 1], p->path[i]) >= 0)
			return invalid(err, "the files of a part are not in order");
		if (!has_load_file(c, p->path[i]))
			return invalid(err,
				       "a part names a file that is not listed as one to load");
	}
	return check_tensors(p, err);
}

static enum wm_code check_checkpoint(const Weightmark__V1__Checkpoint *c, struct wm_error *err)
{
	if (!c || c->n_file == 0 || c->n_part == 0)
		return invalid(err, "no file or part was measured");
	for (size_t i = 0; i < c->n_file; i++)
		TRY(check_file(c->file[i], i ? c->file[i - 1]->path : NULL, err));
	for (size_t i = 0; i < c->n_part; i++)
		TRY(check_part(c, c->part[i], i ? c->part[i - 1]->name : NULL, err));
	return WM_OK;
}

static enum wm_code check_release(const Weightmark__V1__Release *r, struct wm_error *err)
{
	if (!r->checkpoint || r->n_file == 0)
		return invalid(err, "a release lacks its checkpoint or its files");
	for (size_t i = 0; i < r->n_file; i++) {
		const Weightmark__V1__ReleasedFile *f = r->file[i];

		if (!f->path || !f->has_size || !f->sha256 || !relpath_valid(f->path))
			return invalid(err, "a released file lacks a field or has a bad path");
		if (i > 0 && strcmp(r->file[i - 1]->path, f->path) >= 0)
			return invalid(err, "released files are not in order");
	}
	return WM_OK;
}

static enum wm_code check_manifest(const Weightmark__V1__Manifest *m, struct wm_error *err)
{
	if (m->n_training_run > 0)
		return invalid(err, "training_run is for authors; a manifest has run");
	if (m->checkpoint_of && m->checkpoint_of->run_id)
		return invalid(err, "checkpoint_of.run_id is for authors; a manifest has "
				    "checkpoint_of.run");
	return WM_OK;
}

static enum wm_code check_kind(const ProtobufCMessage *m, struct wm_error *err)
{
	if (m->descriptor == &weightmark__v1__manifest__descriptor)
		return check_checkpoint(((const Weightmark__V1__Manifest *)m)->checkpoint, err);
	if (m->descriptor == &weightmark__v1__admission__descriptor) {
		const Weightmark__V1__Admission *a = (const Weightmark__V1__Admission *)m;

		if (!a->source || !a->reason || !a->expires)
			return invalid(err, "an admission lacks its source, reason or expiry");
		return check_checkpoint(a->checkpoint, err);
	}
	if (m->descriptor == &weightmark__v1__release__descriptor)
		return check_release((const Weightmark__V1__Release *)m, err);
	if (m->descriptor == &weightmark__v1__run__descriptor) {
		const Weightmark__V1__Run *r = (const Weightmark__V1__Run *)m;

		return r->has_output_step && !r->output_model ?
			       invalid(err, "output_step without output_model") : WM_OK;
	}
	return validate_orders(m, err);
}

enum wm_code statement_validate_authored(const struct kind *kind, const ProtobufCMessage *message,
					 struct wm_error *err)
{
	struct parties parties = parties_of(message);
	const Weightmark__V1__Header *header = statement_header(message);

	if (kind->descriptor != message->descriptor)
		return fail(err, REASON_INTERNAL, "a message of another kind than %s", kind->name);
	TRY(check_header(header, err));
	TRY(check_sealed(header, err));
	TRY(check_parties(&parties, err));
	TRY(message_walk(message, check_message, &parties, err));
	if (kind->descriptor == &weightmark__v1__manifest__descriptor)
		return check_manifest((const Weightmark__V1__Manifest *)message, err);
	return WM_OK;
}

enum wm_code statement_validate(const struct kind *kind, const ProtobufCMessage *message,
				struct wm_error *err)
{
	TRY(statement_validate_authored(kind, message, err));
	return check_kind(message, err);
}
