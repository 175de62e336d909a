/* SPDX-License-Identifier: Apache-2.0 */
/* The order of signing: read, complete, measure, reuse or sign, write once. */
#include "attest/sign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/carriers.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/relpath.h"
#include "weightmark/v1/dataset.pb-c.h"

/* A verified statement that was there before, and the envelope around it. */
struct prior {
	struct statement *statement;
	const struct envelope *envelope;
};

/* What other sidecars say: the present one of the checkpoint, and those given to refer to. */
struct priors {
	struct sidecar *sidecars;
	size_t n_sidecars;
	struct prior *list;
	struct statement **statements; /* of `list`, as compose_references() takes them */
	size_t n, n_own; /* the first n_own are of the checkpoint's own sidecar */
	bool signed_already;
};

static void priors_free(struct priors *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		statement_free(p->list[i].statement);
	for (size_t i = 0; i < p->n_sidecars; i++)
		sidecar_release(&p->sidecars[i]);
	free(p->sidecars);
	free(p->list);
	free(p->statements);
	free(p);
}

void signing_release(struct signing *s)
{
	for (size_t i = 0; i < s->n_payloads; i++)
		buf_release(&s->payloads[i]);
	free(s->payloads);
	composition_release(&s->composition);
	priors_free(s->priors);
	checkpoint_free(s->checkpoint);
	free(s->sidecar_path);
	free(s->issuer);
	*s = (struct signing){ 0 };
}

static enum wm_code add_prior(struct priors *p, const struct envelope *e, const char *name,
			      struct wm_error *err)
{
	struct prior *list = reallocarray(p->list, p->n + 1, sizeof(*list));
	struct statement **statements;

	if (!list)
		return fail_nomem(err);
	p->list = list;
	statements = reallocarray(p->statements, p->n + 1, sizeof(*statements));
	if (!statements)
		return fail_nomem(err);
	p->statements = statements;
	TRY(statement_decode(&statements[p->n], e->payload, e->payload_len, name, err));
	list[p->n] = (struct prior){ statements[p->n], e };
	p->n++;
	return WM_OK;
}

/* Of the checkpoint's own sidecar: what the signer's key made, for that can be reused. */
static enum wm_code add_own(struct priors *p, const struct sidecar *sidecar, const char *name,
			    const struct public_key *key, struct wm_error *err)
{
	struct wm_error said;

	for (size_t i = 0; i < sidecar->n_envelopes; i++) {
		TRY(envelope_try(&said, &sidecar->envelopes[i], key, err));
		if (said.code == WM_OK)
			TRY(add_prior(p, &sidecar->envelopes[i], name, err));
	}
	return WM_OK;
}

/* Of a given sidecar: everything, and all of it must be signed by a steward's key. */
static enum wm_code add_given(struct priors *p, const struct sidecar *sidecar, const char *name,
			      const struct keyring *stewards, struct wm_error *err)
{
	for (size_t i = 0; i < sidecar->n_envelopes; i++) {
		const struct envelope *e = &sidecar->envelopes[i];
		const struct public_key *key = stewards ? keyring_find(stewards, e->keyid) : NULL;

		if (!key)
			return fail(err, REASON_STEWARD_UNTRUSTED, "%s: signed by key %s", name,
				    e->keyid);
		TRY(envelope_verify(e, key, err));
		TRY(add_prior(p, e, name, err));
	}
	return WM_OK;
}

static enum wm_code load_priors(struct priors *p, const char *own, const struct sign_options *o,
				struct wm_error *err)
{
	struct wm_error missing = { 0 };
	enum wm_code code;

	p->sidecars = calloc(o->n_statements + 1, sizeof(*p->sidecars));
	if (!p->sidecars)
		return fail_nomem(err);
	code = carrier_load(&p->sidecars[0], own, &missing);
	if (code == WM_OK) {
		p->n_sidecars = 1;
		p->signed_already = true;
		TRY(add_own(p, &p->sidecars[0], own, signer_public(o->signer), err));
		p->n_own = p->n;
		if (p->n_own == 0)
			return fail(err, REASON_ALREADY_SIGNED,
				    "%s: carries statements by other keys than the one that signs",
				    own);
	} else if (error_reason(&missing) != REASON_SIDECAR_MISSING) {
		return fail_again(err, &missing);
	}
	for (size_t i = 0; i < o->n_statements; i++) {
		struct sidecar *s = &p->sidecars[p->n_sidecars];

		TRY(carrier_load(s, o->statements[i], err));
		p->n_sidecars++;
		TRY(add_given(p, s, o->statements[i], o->stewards, err));
	}
	return WM_OK;
}

/* A rule that what the author wrote breaks is the author's to correct. */
static enum wm_code authors_mistake(const struct wm_error *why, const struct composed *s,
				    const char *name, struct wm_error *err)
{
	if (error_reason(why) == REASON_STATEMENT_INVALID)
		return fail(err, REASON_YAML_FIELD, "%s: %s: %s", name, s->kind->name,
			    why->message);
	return fail_again(err, why);
}

static enum wm_code encode(struct buf *payload, const struct composed *s, const char *name,
			   struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (statement_encode(payload, s->kind, s->message, &why) != WM_OK)
		return authors_mistake(&why, s, name, err);
	return WM_OK;
}

/*
 * Whether `s` says what `before` says but for nonce and times. If so it takes those over,
 * so that its payload, and every id that rests on it, is the same.
 */
static enum wm_code take_over(bool *same, struct composed *s, const struct prior *before,
			      const char *name, struct buf *payload, struct wm_error *err)
{
	Weightmark__V1__Header *h = statement_header(s->message), kept = *h;
	const Weightmark__V1__Header *old = before->statement->header;
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_STATEMENT);

	*same = false;
	if (before->statement->kind != s->kind || before->statement->newer_schema ||
	    strcmp(old->object->text, s->object) != 0)
		return WM_OK;
	if (h->as_of->seconds == h->issued_at->seconds)
		h->as_of = old->as_of;
	h->issued_at = old->issued_at;
	h->nonce = old->nonce;
	h->sequence = old->sequence;
	h->previous = old->previous;
	h->reason = old->reason;
	TRY(encode(&bytes, s, name, err));
	*same = bytes.len == before->envelope->payload_len &&
		memcmp(bytes.data, before->envelope->payload, bytes.len) == 0;
	if (!*same) {
		*h = kept;
		return WM_OK;
	}
	s->reused = true;
	s->envelope = *before->envelope;
	memcpy(s->id, before->statement->id, SHA256_BYTES);
	return buf_append(payload, bytes.data, bytes.len, err);
}

/* The payload and the id of statement `i`: those that it had, if it says the same. */
static enum wm_code make_statement(struct signing *out, size_t i, const struct sign_options *o,
				   struct wm_error *err)
{
	struct composed *s = &out->composition.statements[i];
	const struct priors *p = out->priors;
	struct buf *payload = &out->payloads[i];

	for (size_t j = 0; j < p->n_own && !s->reused; j++) {
		bool same;

		TRY(take_over(&same, s, &p->list[j], o->yaml_name, payload, err));
	}
	if (s->reused)
		return WM_OK;
	TRY(encode(payload, s, o->yaml_name, err));
	return statement_id(s->id, payload->data, payload->len, err);
}

/* Everything that can be made and checked without the bytes of the checkpoint. */
static enum wm_code make_authored(struct signing *out, const struct sign_options *o,
				  struct wm_error *err)
{
	struct composition *c = &out->composition;
	const struct priors *p = out->priors;
	const struct composed *manifest = &c->statements[c->n_statements - 1];
	struct wm_error why = { 0 };

	out->payloads = calloc(c->n_statements, sizeof(*out->payloads));
	if (!out->payloads)
		return fail_nomem(err);
	for (; out->n_payloads < c->n_statements; out->n_payloads++)
		out->payloads[out->n_payloads] = (struct buf)BUF_INIT(LIMIT_STATEMENT);
	for (size_t i = 0; i < c->n_statements; i++) {
		TRY(compose_references(c, i, p->n ? p->statements + p->n_own : NULL,
				       p->n - p->n_own, err));
		if (&c->statements[i] != manifest)
			TRY(make_statement(out, i, o, err));
	}
	if (statement_validate_authored(manifest->kind, manifest->message, &why) != WM_OK)
		return authors_mistake(&why, manifest, o->yaml_name, err);
	return WM_OK;
}

static enum wm_code sign_statements(struct signing *out, const struct sign_options *o,
				    struct wm_error *err)
{
	struct composition *c = &out->composition;

	for (size_t i = 0; i < c->n_statements; i++) {
		struct composed *s = &c->statements[i];

		if (!s->reused)
			TRY(envelope_sign(&s->envelope, &c->arena, o->signer,
					  out->payloads[i].data, out->payloads[i].len, err));
	}
	return WM_OK;
}

/* Envelopes of given sidecars that a statement of ours refers to travel along. */
static size_t add_referred(struct envelope *envelopes, size_t n, const struct composition *c,
			   const struct priors *p)
{
	for (size_t i = p->n_own; i < p->n; i++) {
		bool referred = false;

		for (size_t j = 0; j < c->n_statements; j++) {
			const Weightmark__V1__Run *run =
				(const Weightmark__V1__Run *)c->statements[j].message;

			if (run->base.descriptor != &weightmark__v1__run__descriptor)
				continue;
			for (size_t k = 0; k < run->n_uses; k++)
				referred |= run->uses[k]->dataset &&
					    run->uses[k]->dataset->statement &&
					    memcmp(run->uses[k]->dataset->statement->sha256.data,
						   p->list[i].statement->id, SHA256_BYTES) == 0;
		}
		if (referred)
			envelopes[n++] = *p->list[i].envelope;
	}
	return n;
}

static enum wm_code write_sidecar(const struct signing *out, struct wm_error *err)
{
	const struct composition *c = &out->composition;
	const struct priors *p = out->priors;
	cleanup_free struct envelope *envelopes =
		calloc(c->n_statements + p->n, sizeof(*envelopes));
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct sidecar check = { 0 };
	size_t n = 0;

	if (!envelopes)
		return fail_nomem(err);
	for (; n < c->n_statements; n++)
		envelopes[n] = c->statements[n].envelope;
	n = add_referred(envelopes, n, c, p);
	TRY(sidecar_encode(&bytes, envelopes, n, err));
	TRY(sidecar_decode(&check, bytes.data, bytes.len, out->sidecar_path, err));
	sidecar_release(&check);
	return file_write(out->sidecar_path, bytes.data, bytes.len, 0644, FILE_EXCLUSIVE, err);
}

static enum wm_code choose_names(struct signing *out, const char *path,
				 const struct sign_options *o, struct wm_error *err)
{
	cleanup_free char *own = NULL;

	if (asprintf(&own, "key:%s", public_key_id(signer_public(o->signer))) < 0) {
		own = NULL;
		return fail_nomem(err);
	}
	if (o->issuer && strncmp(o->issuer, "key:", 4) == 0 && strcmp(o->issuer, own) != 0)
		return fail(err, REASON_USAGE,
			    "the issuer %s is another key than the one that signs", o->issuer);
	out->issuer = o->issuer ? strdup(o->issuer) : take_ptr(&own);
	if (!out->issuer)
		return fail_nomem(err);
	if (!o->sidecar)
		return carrier_sidecar_path(&out->sidecar_path, path, err);
	out->sidecar_path = strdup(o->sidecar);
	return out->sidecar_path ? WM_OK : fail_nomem(err);
}

/* A checkpoint whose name can stand in a statement. */
static enum wm_code open_checkpoint(struct signing *out, const char *path, struct wm_error *err)
{
	const struct checkpoint_open_options opening = { NULL };

	TRY(checkpoint_open(&out->checkpoint, path, &opening, err));
	for (size_t i = 0; i < out->checkpoint->n_files; i++)
		if (!relpath_valid(out->checkpoint->files[i].path))
			return fail(err, REASON_FILE_NAME, "%s: its name cannot be signed",
				    out->checkpoint->files[i].place);
	return checkpoint_find_parts(out->checkpoint, err);
}

enum wm_code checkpoint_sign(struct signing *out, const char *path,
			     const struct sign_options *options, struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = true,
		.workers = options->workers,
		.progress = options->progress,
	};
	const struct composition *c = &out->composition;

	out->priors = calloc(1, sizeof(*out->priors));
	if (!out->priors)
		return fail_nomem(err);
	TRY(choose_names(out, path, options, err));
	TRY(compose(&out->composition, options->yaml, options->yaml_len, options->yaml_name,
		    out->issuer, time(NULL), err));
	TRY(load_priors(out->priors, out->sidecar_path, options, err));
	TRY(make_authored(out, options, err));
	TRY(open_checkpoint(out, path, err));
	TRY(checkpoint_measure(out->checkpoint, &measuring, err));
	TRY(compose_checkpoint(&out->composition, out->checkpoint, err));
	TRY(make_statement(out, c->n_statements - 1, options, err));
	out->unchanged = c->statements[c->n_statements - 1].reused;
	if (out->unchanged)
		return WM_OK;
	if (out->priors->signed_already)
		return fail(err, REASON_ALREADY_SIGNED, "%s: carries another manifest by this key",
			    out->sidecar_path);
	if (options->dry_run)
		return WM_OK;
	TRY(sign_statements(out, options, err));
	return write_sidecar(out, err);
}
