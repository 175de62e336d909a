/* SPDX-License-Identifier: Apache-2.0 */
/* Every named check, and the table that runs them. */
#include "attest/checks.h"

#include <string.h>

#include "attest/checks_files.h"
#include "attest/checks_lineage.h"
#include "attest/connected.h"
#include "attest/logged.h"
#include "attest/pool.h"
#include "statement/message.h"
#include "statement/scalar.h"
#include "text/json.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/run.pb-c.h"

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
	if (v->carriers_err.code != WM_OK)
		return WM_OK;
	/* What stands elsewhere in a file's metadata, and cannot be read, says nothing. */
	for (size_t i = 0; i < v->carriers.n; i++)
		if (v->carriers.list[i].kind != CARRIER_DISPLACED ||
		    v->carriers.list[i].err.code == WM_OK)
			return WM_OK;
	return fail(err, REASON_SIDECAR_MISSING,
		    "%s: there is no such file, and no slot in the checkpoint", v->sidecar_path);
}

static enum wm_code carriers_canonical(const struct verification *v, struct wm_error *err)
{
	TRY(hand_on(&v->carriers_err, err));
	for (size_t i = 0; i < v->carriers.n; i++) {
		const struct carrier *c = &v->carriers.list[i];

		/* What stands elsewhere in a file's metadata is anybody's, and is measured. */
		if (c->kind != CARRIER_DISPLACED)
			TRY(hand_on(&c->err, err));
		if (c->kind != CARRIER_SIDECAR && c->sidecar.n_openings > 0)
			return fail(err, REASON_SIDECAR_MALFORMED, "%s: a slot with openings",
				    c->place);
	}
	return WM_OK;
}

static enum wm_code keyids_computed(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].keyid_wrong)
			return fail(err, REASON_KEYID_MISMATCH,
				    "%s: an envelope names key %s, and another signed it",
				    v->carried[i].carrier->place, v->carried[i].envelope->keyid);
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

/* Where all that was carried came along from an ancestor, say so. */
static enum wm_code manifest_present(const struct verification *v, struct wm_error *err)
{
	if (v->head)
		return WM_OK;
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;

		if (s && s->kind->descriptor == &weightmark__v1__manifest__descriptor)
			return fail(err, REASON_INHERITED,
				    "%s: carries a manifest of its ancestor %s",
				    v->carried[i].carrier->place, s->header->object->text);
	}
	return fail(err, REASON_MANIFEST_MISSING,
		    "%s: carries no manifest and no admission by a pinned key", v->path);
}

static enum wm_code manifest_single(const struct verification *v, struct wm_error *err)
{
	if (v->n_objects > 1)
		return fail(err, REASON_CARRIERS_DISAGREE,
			    "%s: carries statements of %zu chains about the same bytes", v->path,
			    v->n_objects);
	return WM_OK;
}

static enum wm_code admission_current(const struct verification *v, struct wm_error *err)
{
	char at[TIME_TEXT + 1];

	if (!v->admission || v->admission->expires->seconds > v->now)
		return WM_OK;
	time_text(at, v->admission->expires->seconds);
	return fail(err, REASON_ADMISSION_EXPIRED, "%s: was admitted until %s", v->path, at);
}

static enum wm_code issuers_bound(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;

		if (s && strncmp(s->header->issuer, "key:", 4) == 0 &&
		    strcmp(s->header->issuer + 4, public_key_id(v->carried[i].key)) != 0)
			return fail(err, REASON_ISSUER_MISMATCH,
				    "%s: issuer %s, signed by key %s", v->carried[i].carrier->place,
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
	return fail(err, REASON_REFERENCE_MISSING, "%s: does not carry %s of %s", v->path,
		    id, r->object ? r->object->text : "an unnamed object");
}

/* The runs of the manifest and the datasets of runs; ancestors are other checkpoints' affair. */
static enum wm_code references_carried(const struct verification *v, struct wm_error *err)
{
	if (!v->head)
		return nothing_to_judge(err);
	for (size_t i = 0; v->manifest && i < v->manifest->n_run; i++)
		TRY(is_carried(v, v->manifest->run[i], err));
	if (v->manifest && v->manifest->checkpoint_of)
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
	if (!v->head)
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
	return v->manifest ? runs_agree(v, v->manifest, err) : WM_OK;
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

	for (size_t i = 0; i < v->carriers.n; i++)
		for (size_t j = 0; j < v->carriers.list[i].sidecar.n_openings; j++) {
			const struct opening *o = &v->carriers.list[i].sidecar.openings[j];

			TRY(opening_digest(digest, o, err));
			TRY(value_canonical(&canonical, o, err));
			if (!canonical || !opening_matches(v, o, digest))
				return fail(err, REASON_OPENING_MISMATCH, "%s: the opening of %s",
					    v->carriers.list[i].place, o->pointer);
		}
	return WM_OK;
}

static enum wm_code schema_known(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;

		if (s && s->newer_schema)
			return fail(err, REASON_NEWER_SCHEMA, "%s: %s uses schema 1.%u",
				    v->carried[i].carrier->place, s->header->object->text,
				    s->header->schema_minor);
	}
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

/*
 * How a row counts: a no refuses; so, but run only with --full; a no asks for review; a no refuses,
 * or asks for review, where lineage was asked for. Each row is one line, for tests/mutate.
 */
#define REFUSES CHECK_ALWAYS, false
#define FULL	CHECK_FULL, false
#define REVIEWS CHECK_ALWAYS, true
#define GRAPH	CHECK_LINEAGE, false
#define GRAPH_ASKS CHECK_LINEAGE, true

const struct check checks[] = {
	/* checks: begin */
	{ "checkpoint-parsed", "the file keeps its strict grammar", checkpoint_parsed, REFUSES },
	{ "carrier-found", "statements are carried", carrier_found, REFUSES },
	{ "carriers-canonical", "no byte of a carrier is free", carriers_canonical, REFUSES },
	{ "proofs-consistent", "proofs lead where they say", proofs_consistent, REFUSES },
	{ "keyids-computed", "keyids are those of the signing keys", keyids_computed, REFUSES },
	{ "signatures-valid", "signatures by pinned keys verify", signatures_valid, REFUSES },
	{ "signer-pinned", "a pinned key signed", signer_pinned, REFUSES },
	{ "statements-strict", "statements follow the schema", statements_strict, REFUSES },
	{ "logs-unforked", "no pinned log has two histories", logs_unforked, REFUSES },
	{ "manifest-present", "a manifest or admission is of this", manifest_present, REFUSES },
	{ "manifest-single", "one chain is about these bytes", manifest_single, REFUSES },
	{ "statements-chained", "corrections form chains", all_chained, REFUSES },
	{ "issuers-bound", "issuers that are keys signed", issuers_bound, REFUSES },
	{ "statements-connected", "statements are connected", all_connected, REFUSES },
	{ "references-carried", "runs and datasets are carried", references_carried, REFUSES },
	{ "references-agree", "references mean what they name", references_agree, REFUSES },
	{ "openings-match", "opened values match their digests", openings_match, REFUSES },
	{ "admission-current", "an admission has not expired", admission_current, REFUSES },
	{ "files-listed", "nothing to load is unlisted", files_listed, REFUSES },
	{ "files-present", "what is to be loaded is there", files_present, REFUSES },
	{ "parts-whole", "a part is whole", parts_whole, REFUSES },
	{ "grammars-equal", "grammars are the signed ones", grammars_equal, REFUSES },
	{ "pointers-agree", "pointers name the signed bytes", pointers_agree, REFUSES },
	{ "file-digests-equal", "file digests are the signed", file_digests_equal, REFUSES },
	{ "weights-equal", "the weights digests are the signed", weights_equal, REFUSES },
	{ "sha256-equal", "plain SHA-256s are the signed ones", sha256_equal, FULL },
	{ "code-allowed", "loading it runs no unknown code", code_allowed, REFUSES },
	{ "ancestors-untainted", "no order or undertaking reaches it", ancestors_untainted, GRAPH },
	{ "records-standing", "no run used what was withdrawn", records_standing, GRAPH },
	{ "withdrawals-answered", "nothing was withdrawn later", withdrawals_answered, GRAPH_ASKS },
	{ "ancestors-known", "its ancestors are known", ancestors_known, GRAPH_ASKS },
	{ "declarations-agree", "declarations agree", declarations_agree, GRAPH_ASKS },
	{ "bytes-fetched", "the bytes themselves are here", bytes_fetched, REVIEWS },
	{ "set-judged", "all files of a set were judged", set_judged, REVIEWS },
	{ "schema-known", "the schema version is known", schema_known, REVIEWS },
	/* checks: end */
};

const size_t n_checks = sizeof(checks) / sizeof(checks[0]);
