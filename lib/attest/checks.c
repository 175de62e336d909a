/* SPDX-License-Identifier: Apache-2.0 */
/* Every named check, and the table that runs them. */
#include "attest/checks.h"

#include <string.h>

#include "attest/connected.h"
#include "statement/message.h"
#include "text/json.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

/* What comes after a failed check must not be judged; nor crash, should one be missing. */
static enum wm_code nothing_to_judge(struct wm_error *err)
{
	return fail(err, REASON_INTERNAL, "a check ran without the facts that it needs");
}

static bool has_reason(const struct wm_error *e, enum reason reason)
{
	return e->code != WM_OK && error_reason(e) == reason;
}

/* Hands on what a step of gathering said. */
static enum wm_code hand_on(const struct wm_error *from, struct wm_error *err)
{
	return from->code == WM_OK ? WM_OK : fail_again(err, from);
}

static enum wm_code checkpoint_parsed(const struct verification *v, struct wm_error *err)
{
	return hand_on(&v->checkpoint_err, err);
}

static enum wm_code carrier_found(const struct verification *v, struct wm_error *err)
{
	return has_reason(&v->sidecar_err, REASON_SIDECAR_MISSING) ? hand_on(&v->sidecar_err, err) :
								     WM_OK;
}

static enum wm_code sidecar_canonical(const struct verification *v, struct wm_error *err)
{
	return has_reason(&v->sidecar_err, REASON_SIDECAR_MISSING) ? WM_OK :
								     hand_on(&v->sidecar_err, err);
}

static enum wm_code keyids_computed(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].keyid_wrong)
			return fail(err, REASON_KEYID_MISMATCH,
				    "%s: an envelope names key %s, and another signed it",
				    v->sidecar_path, v->carried[i].envelope->keyid);
	return WM_OK;
}

static enum wm_code signatures_valid(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].key && v->carried[i].signature.code != WM_OK &&
		    !statement_verified(v, &v->carried[i]))
			return hand_on(&v->carried[i].signature, err);
	return WM_OK;
}

static enum wm_code signer_pinned(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].signature.code == WM_OK)
			return WM_OK;
	return v->n_carried ? hand_on(&v->carried[0].signature, err) : nothing_to_judge(err);
}

static enum wm_code statements_strict(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		TRY(hand_on(&v->carried[i].decoded, err));
	return WM_OK;
}

static enum wm_code manifest_present(const struct verification *v, struct wm_error *err)
{
	if (!v->manifest)
		return fail(err, REASON_MANIFEST_MISSING, "%s: carries no manifest by a pinned key",
			    v->sidecar_path);
	return WM_OK;
}

static enum wm_code manifest_single(const struct verification *v, struct wm_error *err)
{
	if (v->n_heads > 1)
		return fail(err, REASON_MANIFEST_CONFLICT,
			    "%s: carries %zu manifests of sequence %llu", v->sidecar_path,
			    v->n_heads, (unsigned long long)v->head->statement->header->sequence);
	return WM_OK;
}

static enum wm_code issuers_bound(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;

		if (s && strncmp(s->header->issuer, "key:", 4) == 0 &&
		    strcmp(s->header->issuer + 4, public_key_id(v->carried[i].key)) != 0)
			return fail(err, REASON_ISSUER_MISMATCH,
				    "%s: issuer %s, signed by key %s", v->sidecar_path,
				    s->header->issuer, public_key_id(v->carried[i].key));
	}
	return WM_OK;
}

static enum wm_code is_carried(const struct verification *v, const Weightmark__V1__Reference *r,
			       struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	if (!r || !r->statement || find_carried(v, r->statement->sha256.data))
		return WM_OK;
	statement_id_text(id, r->statement->sha256.data);
	return fail(err, REASON_REFERENCE_MISSING, "%s: does not carry %s of %s", v->sidecar_path,
		    id, r->object ? r->object->text : "an unnamed object");
}

/* The runs of the manifest and the datasets of runs; ancestors are other checkpoints' affair. */
static enum wm_code references_carried(const struct verification *v, struct wm_error *err)
{
	if (!v->manifest)
		return nothing_to_judge(err);
	for (size_t i = 0; i < v->manifest->n_run; i++)
		TRY(is_carried(v, v->manifest->run[i], err));
	if (v->manifest->checkpoint_of)
		TRY(is_carried(v, v->manifest->checkpoint_of->run, err));
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;
		const Weightmark__V1__Run *run;

		if (!s || s->kind->descriptor != &weightmark__v1__run__descriptor)
			continue;
		run = (const Weightmark__V1__Run *)s->message;
		for (size_t j = 0; j < run->n_uses; j++)
			TRY(is_carried(v, run->uses[j]->dataset, err));
	}
	return WM_OK;
}

static bool digest_is(const Weightmark__V1__Digest *d, const uint8_t digest[SHA256_BYTES])
{
	return d && memcmp(d->sha256.data, digest, SHA256_BYTES) == 0;
}

static bool same_id(const Weightmark__V1__StatementId *a, const Weightmark__V1__StatementId *b)
{
	return memcmp(a->sha256.data, b->sha256.data, SHA256_BYTES) == 0;
}

/* Whether one of the parts or files of `m` has the digest `d`. */
static bool has_weights(const Weightmark__V1__Manifest *m, const Weightmark__V1__Digest *d)
{
	for (size_t i = 0; i < m->checkpoint->n_part; i++)
		if (digest_is(m->checkpoint->part[i]->weights_digest, d->sha256.data))
			return true;
	return false;
}

static bool has_file(const Weightmark__V1__Manifest *m, const Weightmark__V1__Digest *d)
{
	for (size_t i = 0; i < m->checkpoint->n_file; i++)
		if (digest_is(m->checkpoint->file[i]->sha256, d->sha256.data))
			return true;
	return false;
}

/* Whether all that `r` says of the statement `s`, which it names, holds. */
static bool describes(const Weightmark__V1__Reference *r, const struct statement *s)
{
	const Weightmark__V1__Manifest *m = NULL;

	if (s->kind->descriptor == &weightmark__v1__manifest__descriptor)
		m = (const Weightmark__V1__Manifest *)s->message;
	if (r->object && strcmp(s->header->object->text, r->object->text) != 0)
		return false;
	return (!r->weights_digest || (m && has_weights(m, r->weights_digest))) &&
	       (!r->sha256 || (m && has_file(m, r->sha256)));
}

static enum wm_code mismatch(const Weightmark__V1__Reference *r, const char *what,
			     struct wm_error *err)
{
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, r->statement->sha256.data);
	return fail(err, REASON_REFERENCE_MISMATCH, "%s: %s", id, what);
}

/* Message visitor: a reference that names a carried statement describes it. */
static enum wm_code reference_agrees(const ProtobufCMessage *m, const void *context,
				     struct wm_error *err)
{
	const Weightmark__V1__Reference *r = (const Weightmark__V1__Reference *)m;
	const struct carried *target;

	if (m->descriptor != &weightmark__v1__reference__descriptor || !r->statement)
		return WM_OK;
	target = find_carried(context, r->statement->sha256.data);
	if (target && target->statement && !describes(r, target->statement))
		return mismatch(r, "is not what the reference says that it is", err);
	return WM_OK;
}

/* Whether `r` names a carried statement, if any, of the kind that belongs there. */
static enum wm_code refers_to(const struct verification *v, const Weightmark__V1__Reference *r,
			      const ProtobufCMessageDescriptor *d, struct wm_error *err)
{
	const struct carried *target =
		r && r->statement ? find_carried(v, r->statement->sha256.data) : NULL;

	if (target && target->statement && target->statement->kind->descriptor != d)
		return mismatch(r, "is of another kind than belongs there", err);
	return WM_OK;
}

/* The training runs are runs, and the one that the checkpoint is of is among them. */
static enum wm_code runs_agree(const struct verification *v, const Weightmark__V1__Manifest *m,
			       struct wm_error *err)
{
	const Weightmark__V1__Reference *of = m->checkpoint_of ? m->checkpoint_of->run : NULL;
	bool found = !of || !of->statement;

	for (size_t i = 0; i < m->n_run; i++) {
		TRY(refers_to(v, m->run[i], &weightmark__v1__run__descriptor, err));
		found |= of && of->statement && m->run[i]->statement &&
			 same_id(of->statement, m->run[i]->statement);
	}
	return found ? WM_OK : mismatch(of, "is not one of the runs of the manifest", err);
}

static enum wm_code references_agree(const struct verification *v, struct wm_error *err)
{
	if (!v->manifest)
		return nothing_to_judge(err);
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;
		const Weightmark__V1__Run *run;

		if (!s)
			continue;
		TRY(message_walk(s->message, reference_agrees, v, err));
		if (s->kind->descriptor != &weightmark__v1__run__descriptor)
			continue;
		run = (const Weightmark__V1__Run *)s->message;
		for (size_t j = 0; j < run->n_uses; j++)
			TRY(refers_to(v, run->uses[j]->dataset,
				      &weightmark__v1__dataset__descriptor, err));
	}
	return runs_agree(v, v->manifest, err);
}

static bool opening_matches(const struct verification *v, const struct opening *o,
			    const uint8_t digest[SHA256_BYTES])
{
	const struct carried *c = find_carried(v, o->statement);
	const Weightmark__V1__Header *h = c && c->statement ? c->statement->header : NULL;

	for (size_t i = 0; h && i < h->n_sealed; i++)
		if (strcmp(h->sealed[i]->pointer, o->pointer) == 0)
			return memcmp(h->sealed[i]->digest->sha256.data, digest, SHA256_BYTES) == 0;
	return false;
}

/* A value is what a statement could have carried: JSON in canonical form. */
static enum wm_code value_canonical(bool *canonical, const struct opening *o, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
	cleanup_tree struct tree t = TREE_INIT;
	enum wm_code code = json_read(&t, o->value, o->value_len, o->pointer, err);

	if (code == WM_OK)
		code = json_write_canonical(&again, t.root, err);
	*canonical = code == WM_OK && again.len == o->value_len &&
		     memcmp(again.data, o->value, again.len) == 0;
	return error_is_untold(code) ? code : WM_OK;
}

static enum wm_code openings_match(const struct verification *v, struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];
	bool canonical = false;

	for (size_t i = 0; i < v->sidecar.n_openings; i++) {
		const struct opening *o = &v->sidecar.openings[i];

		TRY(opening_digest(digest, o, err));
		TRY(value_canonical(&canonical, o, err));
		if (!canonical || !opening_matches(v, o, digest))
			return fail(err, REASON_OPENING_MISMATCH, "%s: the opening of %s",
				    v->sidecar_path, o->pointer);
	}
	return WM_OK;
}

/* The record of the one file of a checkpoint, or NULL where facts are missing. */
static const Weightmark__V1__File *the_file(const struct verification *v)
{
	return v->manifest && v->checkpoint && v->manifest->checkpoint->n_file == 1 ?
		       v->manifest->checkpoint->file[0] :
		       NULL;
}

static enum wm_code files_closed(const struct verification *v, struct wm_error *err)
{
	if (!v->manifest)
		return nothing_to_judge(err);
	if (v->manifest->checkpoint->n_file != 1 || v->manifest->checkpoint->n_part != 1)
		return fail(err, REASON_NOT_WHOLE,
			    "%s: the manifest lists %zu files in %zu parts", v->sidecar_path,
			    v->manifest->checkpoint->n_file, v->manifest->checkpoint->n_part);
	return WM_OK;
}

static enum wm_code grammar_equal(const struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__File *f = the_file(v);

	if (!f)
		return nothing_to_judge(err);
	if (strcmp(f->grammar, v->checkpoint->files[0].layout.format->grammar) != 0)
		return fail(err, REASON_GRAMMAR_MISMATCH, "%s: signed as %s, found to be %s",
			    v->checkpoint->path, f->grammar, v->checkpoint->files[0].layout.format->grammar);
	return WM_OK;
}

static enum wm_code file_digest_equal(const struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__File *f = the_file(v);

	if (!f)
		return nothing_to_judge(err);
	if (f->size != v->checkpoint->files[0].layout.size)
		return fail(err, REASON_FILE_MISMATCH, "%s: has %llu bytes, %llu were signed",
			    v->checkpoint->path, (unsigned long long)v->checkpoint->files[0].layout.size,
			    (unsigned long long)f->size);
	if (!v->checkpoint->files[0].measured)
		return nothing_to_judge(err);
	if (!digest_is(f->file_digest, v->checkpoint->files[0].file_digest))
		return fail(err, REASON_FILE_MISMATCH, "%s: its file digest is not the signed one",
			    v->checkpoint->path);
	return WM_OK;
}

static enum wm_code weights_equal(const struct verification *v, struct wm_error *err)
{
	const struct checkpoint_part *c;
	const Weightmark__V1__Part *p;

	if (!the_file(v) || v->checkpoint->n_parts == 0 || v->manifest->checkpoint->n_part == 0)
		return nothing_to_judge(err);
	c = &v->checkpoint->parts[0];
	p = v->manifest->checkpoint->part[0];
	if (!c->has_weights) {
		if (p->weights_digest || p->tensor_set_digest || p->has_tensor_count ||
		    p->has_parameter_count || p->has_tensor_bytes)
			return fail(err, REASON_WEIGHTS_MISMATCH,
				    "%s: was signed with tensors, and has none that can be told",
				    c->name);
		return WM_OK;
	}
	if (!digest_is(p->weights_digest, c->weights_digest) ||
	    !digest_is(p->tensor_set_digest, c->tensor_set_digest) ||
	    p->tensor_count != c->n_tensors || p->parameter_count != c->n_parameters ||
	    p->tensor_bytes != c->n_tensor_bytes)
		return fail(err, REASON_WEIGHTS_MISMATCH,
			    "%s: the digests of its tensors are not the signed ones", c->name);
	return WM_OK;
}

static enum wm_code sha256_equal(const struct verification *v, struct wm_error *err)
{
	const Weightmark__V1__File *f = the_file(v);

	if (!f || !v->checkpoint->files[0].has_sha256)
		return nothing_to_judge(err);
	if (!digest_is(f->sha256, v->checkpoint->files[0].sha256))
		return fail(err, REASON_SHA256_MISMATCH, "%s: its SHA-256 is not the signed one",
			    v->checkpoint->path);
	return WM_OK;
}

static enum wm_code schema_known(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].statement && v->carried[i].statement->newer_schema)
			return fail(err, REASON_NEWER_SCHEMA, "%s: %s uses schema 1.%u",
				    v->sidecar_path, v->carried[i].statement->header->object->text,
				    v->carried[i].statement->header->schema_minor);
	return WM_OK;
}

#ifdef MUTATE
/* What `make mutate` puts in the place of each check in turn. */
__attribute__((unused)) static enum wm_code check_removed(const struct verification *v,
							  struct wm_error *err)
{
	(void)v, (void)err;
	return WM_OK;
}
#endif

/* How a row counts: a no refuses; so, but run only with --full; a no asks for review. */
#define REFUSES false, false
#define FULL	true, false
#define REVIEWS false, true

const struct check checks[] = {
	/* checks: begin */
	{ "checkpoint-parsed", "the file keeps its strict grammar", checkpoint_parsed, REFUSES },
	{ "carrier-found", "a sidecar was found", carrier_found, REFUSES },
	{ "sidecar-canonical", "no byte of the sidecar is free", sidecar_canonical, REFUSES },
	{ "keyids-computed", "keyids are those of the signing keys", keyids_computed, REFUSES },
	{ "signatures-valid", "signatures by pinned keys verify", signatures_valid, REFUSES },
	{ "signer-pinned", "a pinned key signed", signer_pinned, REFUSES },
	{ "statements-strict", "statements follow the schema", statements_strict, REFUSES },
	{ "manifest-present", "a manifest is among them", manifest_present, REFUSES },
	{ "manifest-single", "one manifest is the newest", manifest_single, REFUSES },
	{ "issuers-bound", "issuers that are keys signed", issuers_bound, REFUSES },
	{ "statements-connected", "statements are connected", all_connected, REFUSES },
	{ "references-carried", "runs and datasets are carried", references_carried, REFUSES },
	{ "references-agree", "references mean what they name", references_agree, REFUSES },
	{ "openings-match", "opened values match their digests", openings_match, REFUSES },
	{ "files-closed", "the manifest lists just this file", files_closed, REFUSES },
	{ "grammar-equal", "the grammar is the signed one", grammar_equal, REFUSES },
	{ "file-digest-equal", "the file digest is the signed one", file_digest_equal, REFUSES },
	{ "weights-equal", "the weights digests are the signed", weights_equal, REFUSES },
	{ "sha256-equal", "the plain SHA-256 is the signed one", sha256_equal, FULL },
	{ "schema-known", "the schema version is known", schema_known, REVIEWS },
	/* checks: end */
};

const size_t n_checks = sizeof(checks) / sizeof(checks[0]);
