/* SPDX-License-Identifier: Apache-2.0 */
/* The order of signing: read, complete, measure, reuse or sign, write once. */
#include "attest/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/amend.h"
#include "attest/chain.h"
#include "attest/release.h"
#include "attest/signable.h"
#include "checkpoint/cache.h"
#include "util/limits.h"
#include "util/lock.h"
#include "util/utf8.h"
#include "weightmark/v1/dataset.pb-c.h"

void signing_release(struct signing *s)
{
	for (size_t i = 0; i < s->n_payloads; i++)
		buf_release(&s->payloads[i]);
	free(s->payloads);
	if (s->release_payload.data)
		buf_release(&s->release_payload);
	recording_release(&s->recording);
	composition_release(&s->release);
	composition_release(&s->composition);
	embedding_release(&s->embedding);
	priors_free(s->then);
	checkpoint_free(s->distributed);
	priors_free(s->priors);
	checkpoint_free(s->checkpoint);
	free(s->sidecar_path);
	free(s->issuer);
	*s = (struct signing){ 0 };
}

enum wm_code choose_issuer(char **out, const char *wanted, const char *carried,
			   const struct public_key *key, struct wm_error *err)
{
	cleanup_free char *own = NULL;

	if (asprintf(&own, "key:%s", public_key_id(key)) < 0) {
		own = NULL;
		return fail_nomem(err);
	}
	if (!wanted)
		wanted = carried;
	if (wanted && strncmp(wanted, "key:", 4) == 0 && strcmp(wanted, own) != 0)
		return fail(err, REASON_USAGE,
			    "the issuer %s is another key than the one that signs", wanted);
	*out = wanted ? strdup(wanted) : take_ptr(&own);
	return *out ? WM_OK : fail_nomem(err);
}

/* --- what was signed before ---------------------------------------------------------- */

static enum wm_code load_priors(struct signing *out, const char *path,
				const struct sign_options *o, struct wm_error *err)
{
	bool answered;
	struct priors *p;

	if (o->sidecar) {
		out->sidecar_path = strdup(o->sidecar);
		if (!out->sidecar_path)
			return fail_nomem(err);
	} else {
		TRY(carrier_sidecar_path(&out->sidecar_path, path, err));
	}
	TRY(priors_load(&out->priors, out->checkpoint, out->sidecar_path,
			signer_public(o->signer), err));
	p = out->priors;
	if (o->amend && p->n_own == 0)
		return fail(err, REASON_USAGE,
			    "%s: carries nothing by this key to amend; to sign it by this key, "
			    "move the sidecar away and strip slots",
			    path);
	TRY(priors_answered(&answered, p, err));
	if (answered && p->n_own == 0)
		return fail(err, REASON_ALREADY_SIGNED,
			    "%s: carries statements by other keys than the one that signs",
			    out->sidecar_path);
	for (size_t i = 0; i < o->n_statements; i++)
		TRY(priors_add_given(p, o->statements[i], o->stewards, err));
	return WM_OK;
}

/* What is said: by the author, else by the manifest that is carried. */
static enum wm_code compose_all(struct signing *out, const char *path,
				const struct sign_options *o, struct wm_error *err)
{
	const struct prior *carried = priors_manifest(out->priors);
	const Weightmark__V1__Header *h = carried ? carried->statement->header : NULL;
	const struct composed *manifest;

	if (!o->yaml && !carried)
		return fail(err, REASON_USAGE,
			    "%s: carries no manifest by this key; give one with --manifest FILE",
			    path);
	TRY(choose_issuer(&out->issuer, o->issuer, h && (o->amend || !o->yaml) ? h->issuer : NULL,
			  signer_public(o->signer), err));
	if (o->yaml)
		TRY(compose(&out->composition, o->yaml, o->yaml_len, o->yaml_name, out->issuer,
			    time(NULL), err));
	else
		TRY(compose_carried(&out->composition, carried->statement, carried->carrier->place,
				    out->issuer, time(NULL), err));
	manifest = &out->composition.statements[out->composition.n_statements - 1];
	if (h && (o->amend || !o->yaml) && strcmp(manifest->object, h->object->text) != 0)
		return fail(err, REASON_USAGE,
			    "what is carried is about %s; an amendment is not about %s",
			    h->object->text, manifest->object);
	return WM_OK;
}

static struct chain chain_of(const struct signing *s, const struct sign_options *o)
{
	return (struct chain){ .priors = s->priors, .extend = o->amend, .reason = o->reason };
}

/* Everything that can be made and checked without the bytes of the checkpoint. */
static enum wm_code make_authored(struct signing *out, const struct sign_options *o,
				  struct wm_error *err)
{
	const struct chain chain = chain_of(out, o);
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
		if (o->yaml)
			TRY(compose_references(c, i, p->n ? p->statements + p->n_own : NULL,
					       p->n - p->n_own, err));
		if (&c->statements[i] != manifest)
			TRY(chain_make(c, i, &out->payloads[i], &chain, err));
	}
	if (statement_validate_authored(manifest->kind, manifest->message, &why) != WM_OK)
		return authors_mistake(c, manifest, &why, err);
	return WM_OK;
}

/* --- measuring ----------------------------------------------------------------------- */

static enum wm_code load_cached(struct signing *out, struct wm_error *err)
{
	for (size_t i = 0; i < out->checkpoint->n_files; i++) {
		struct checkpoint_file *f = &out->checkpoint->files[i];

		if (f->is_pointer)
			continue;
		TRY(cache_load(f, err));
		out->n_cached += f->from_cache;
	}
	return WM_OK;
}

/* Keeps what was measured for the next time. */
static enum wm_code store_measured(struct checkpoint *c, struct wm_error *err)
{
	for (size_t i = 0; i < c->n_files; i++)
		if (!c->files[i].is_pointer)
			TRY(cache_store(&c->files[i], err));
	return WM_OK;
}

static enum wm_code measure_all(struct signing *out, const struct sign_options *o,
				struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = true,
		.gather = true,
		.workers = o->workers,
		.progress = o->progress,
	};
	struct checkpoint *c = out->checkpoint;
	const bool pointers = has_pointers(c);

	if (pointers)
		TRY(take_pointers(&out->taken, c, out->priors, err));
	else
		TRY(checkpoint_find_parts(c, err));
	if (!o->no_cache)
		TRY(load_cached(out, err));
	TRY(checkpoint_measure(c, &measuring, err));
	if (!o->no_cache)
		TRY(store_measured(c, err));
	if (!pointers)
		return WM_OK;
	for (size_t i = 0; i < c->n_files; i++)
		out->n_taken += c->files[i].is_pointer;
	return take_parts(&out->taken, c, out->priors, err);
}

static enum wm_code make_manifest(struct signing *out, const struct sign_options *o,
				  struct wm_error *err)
{
	const struct chain chain = chain_of(out, o);
	struct composition *c = &out->composition;
	const size_t last = c->n_statements - 1;
	const struct prior *found;

	TRY(compose_measured(&out->record, c, out->checkpoint, out->n_taken ? &out->taken : NULL,
			     err));
	if (!o->yaml && o->amend)
		TRY(check_same_weights(priors_manifest(out->priors), out->record, err));
	c->manifest->checkpoint = out->record;
	TRY(chain_make(c, last, &out->payloads[last], &chain, err));
	found = c->statements[last].reused ? priors_find(out->priors, c->statements[last].id) :
					     NULL;
	out->unchanged = found && found->carrier->kind == CARRIER_SIDECAR;
	if (priors_manifest(out->priors) && !c->statements[last].reused && !o->amend)
		return fail(err, REASON_ALREADY_SIGNED, "%s: carries another manifest by this key",
			    out->sidecar_path);
	return WM_OK;
}

/* --- writing ------------------------------------------------------------------------- */

/* Whether a run of ours refers to this statement. */
static bool is_referred(const struct composition *c, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = 0; i < c->n_statements; i++) {
		const Weightmark__V1__Run *run =
			(const Weightmark__V1__Run *)c->statements[i].message;

		if (run->base.descriptor != &weightmark__v1__run__descriptor)
			continue;
		for (size_t j = 0; j < run->n_uses; j++)
			if (run->uses[j]->dataset && run->uses[j]->dataset->statement &&
			    memcmp(run->uses[j]->dataset->statement->sha256.data, id,
				   SHA256_BYTES) == 0)
				return true;
	}
	return false;
}

static void add_envelope(struct sidecar *more, const struct envelope *e)
{
	for (size_t i = 0; i < more->n_envelopes; i++)
		if (envelope_compare(&more->envelopes[i], e) == 0)
			return;
	more->envelopes[more->n_envelopes++] = *e;
}

/* Adds proofs of what the sidecar will hold under this id and key; its own come last, to stay. */
static enum wm_code add_proofs(struct proof_list *out, const struct priors *p,
			       const struct envelope *e, struct wm_error *err)
{
	const struct envelope *present = p->sidecar ? sidecar_find(p->sidecar, e) : NULL;

	if (present)
		e = present;
	for (size_t i = 0; i < p->n_given; i++)
		TRY(proof_list_add(out, &p->given[i], e, err));
	for (size_t i = p->carriers.n; i-- > 0;)
		if (p->carriers.list[i].kind != CARRIER_DISPLACED)
			TRY(proof_list_add(out, &p->carriers.list[i].sidecar, e, err));
	return WM_OK;
}

/*
 * What is to be in the sidecar: our statements; those of given sidecars that they refer to;
 * and where slots alone carry what is amended, what they carry. With all of them their proofs.
 */
static enum wm_code write_sidecar(const struct signing *out, struct wm_error *err)
{
	const struct composition *c = &out->composition;
	const struct priors *p = out->priors;
	const struct prior *own = priors_manifest(p);
	const bool in_slot = own && own->carrier->kind == CARRIER_SLOT;
	const struct sidecar *slot = in_slot ? &own->carrier->sidecar : &(struct sidecar){ 0 };
	const size_t n = c->n_statements + p->n + slot->n_envelopes;
	cleanup_proof_list struct proof_list proofs = { 0 };
	cleanup_free struct envelope *envelopes = calloc(n, sizeof(*envelopes));
	struct sidecar more = { .envelopes = envelopes };

	if (!envelopes)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_statements; i++)
		add_envelope(&more, &c->statements[i].envelope);
	for (size_t i = p->n_own; i < p->n; i++)
		if (is_referred(c, p->list[i].statement->id))
			add_envelope(&more, p->list[i].envelope);
	for (size_t i = 0; i < slot->n_envelopes; i++)
		add_envelope(&more, &slot->envelopes[i]);
	for (size_t i = 0; i < more.n_envelopes; i++)
		TRY(add_proofs(&proofs, p, &more.envelopes[i], err));
	more.proofs = proofs.list;
	more.n_proofs = proofs.n;
	return sidecar_extend(out->sidecar_path, p->sidecar, &more, err);
}

enum wm_code signing_record(struct signing *out, const struct record_options *options,
			    struct wm_error *err)
{
	const char *path = out->sidecar_path;
	const bool rewritten = out->recording.rewritten;
	size_t n_before = out->recording.n_appended;

	if (!options)
		return WM_OK;
	recording_release(&out->recording);
	out->recording = (struct recording){ .n_appended = 0 };
	TRY(record_sidecars(&out->recording, &path, 1, options, err));
	out->recording.n_appended += n_before;
	out->recording.rewritten |= rewritten;
	return WM_OK;
}

/* --- embedding and release ----------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Composes the release of `now`, and signs and keeps it unless that is not wanted. What is
 * carried is read anew: embedding changed it, and may have given others their turn.
 */
static enum wm_code make_release(struct signing *out, struct checkpoint *now,
				 const struct sign_options *o, struct wm_error *err)
{
	const struct composition *c = &out->composition;
	struct chain chain = { .extend = true };
	struct release_options releasing = {
		.manifest = &c->statements[c->n_statements - 1],
		.record = out->record,
		.before = out->checkpoint,
		.uri = o->uri,
		.workers = o->workers,
		.progress = o->progress,
	};
	int64_t start = now_ms();

	TRY(priors_load(&out->then, now, out->sidecar_path, signer_public(o->signer), err));
	chain.priors = releasing.priors = out->then;
	out->release = (struct composition){
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.issuer = out->issuer,
		.now = c->now,
		.name = "release",
		.reason = REASON_USAGE,
	};
	out->release_payload = (struct buf)BUF_INIT(LIMIT_STATEMENT);
	TRY(release_compose(&out->release, now, &releasing, err));
	out->release_ms = now_ms() - start;
	TRY(chain_make(&out->release, 0, &out->release_payload, &chain, err));
	if (o->dry_run)
		return WM_OK;
	TRY(chain_sign(&out->release, &out->release_payload, o->signer, err));
	TRY(sidecar_extend(out->sidecar_path, out->then->sidecar,
			   &(struct sidecar){ .envelopes = &out->release.statements[0].envelope,
					      .n_envelopes = 1 }, err));
	return signing_record(out, o->record, err);
}

static enum wm_code embed_and_release(struct signing *out, const char *path, int *lock,
				      const struct sign_options *o, struct wm_error *err)
{
	const struct checkpoint_open_options opening = { o->links_within };
	const struct embed_options embedding = {
		.sidecar = out->sidecar_path,
		.in_place = o->in_place,
		.opening = &opening,
		.progress = o->progress,
	};

	if (!o->embed)
		return o->release ? make_release(out, out->checkpoint, o, err) : WM_OK;
	if (o->dry_run)
		return WM_OK;
	/* Our leases, and our lock of a lone file, would keep the files from being changed. */
	if (!out->checkpoint->is_directory)
		lock_release(lock);
	checkpoint_close_files(out->checkpoint);
	TRY(checkpoint_embed(&out->embedding, path, &embedding, err));
	TRY(checkpoint_open(&out->distributed, path, &opening, err));
	return make_release(out, out->distributed, o, err);
}

static enum wm_code check_options(const struct sign_options *o, struct wm_error *err)
{
	const char *texts[] = { o->reason, o->uri };

	if (o->reason && !o->amend)
		return fail(err, REASON_USAGE, "a reason is that of an amendment");
	if (o->in_place && !o->embed)
		return fail(err, REASON_USAGE, "in place is how to embed");
	if (o->uri && !o->embed && !o->release)
		return fail(err, REASON_USAGE, "a URI is that of a release");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] && (!*texts[i] || !utf8_valid((const uint8_t *)texts[i],
							    strlen(texts[i]))))
			return fail(err, REASON_USAGE, "a reason or URI is empty or not UTF-8");
	return WM_OK;
}

enum wm_code checkpoint_sign(struct signing *out, const char *path,
			     const struct sign_options *options, struct wm_error *err)
{
	const struct signable_options opening = { options->links_within, options->key_file,
						  options->amend || !options->yaml };
	cleanup_fd int lock = -1;

	TRY(check_options(options, err));
	if (options->record)
		TRY(record_check(&out->recording, options->record, !options->dry_run, err));
	TRY(lock_take(&lock, path, err));
	TRY(signable_open(&out->checkpoint, path, &opening, err));
	TRY(load_priors(out, path, options, err));
	TRY(compose_all(out, path, options, err));
	TRY(make_authored(out, options, err));
	TRY(measure_all(out, options, err));
	TRY(make_manifest(out, options, err));
	if (!options->dry_run && !out->unchanged) {
		TRY(chain_sign(&out->composition, out->payloads, options->signer, err));
		TRY(write_sidecar(out, err));
	}
	if (!options->dry_run)
		TRY(signing_record(out, options->record, err));
	return embed_and_release(out, path, &lock, options, err);
}
