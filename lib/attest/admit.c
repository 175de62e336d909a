/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring a checkpoint and answering for it. */
#include "attest/admit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/chain.h"
#include "attest/signable.h"
#include "statement/message.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/lock.h"
#include "util/utf8.h"

enum { YEARS_MAX = 10 };

static bool is_text(const char *text)
{
	return *text && utf8_valid((const uint8_t *)text, strlen(text));
}

static enum wm_code check_options(const struct admit_options *o, int64_t now, struct wm_error *err)
{
	if (!is_text(o->source) || !is_text(o->reason) || (o->revision && !is_text(o->revision)))
		return fail(err, REASON_USAGE,
			    "a source, revision or reason is empty or not UTF-8");
	if (o->expires <= now)
		return fail(err, REASON_USAGE, "an admission that has expired already");
	if (o->expires > now + YEARS_MAX * (int64_t)366 * SECONDS_A_DAY)
		return fail(err, REASON_USAGE, "an admission for more than %d years", YEARS_MAX);
	for (size_t i = 0; i < o->n_waived; i++) {
		if (!is_text(o->waived[i]))
			return fail(err, REASON_USAGE, "a waived rule is empty or not UTF-8");
		for (size_t j = 0; j < i; j++)
			if (strcmp(o->waived[i], o->waived[j]) == 0)
				return fail(err, REASON_USAGE, "the rule %s is waived twice",
					    o->waived[i]);
	}
	return WM_OK;
}

static enum wm_code load_carried(struct signing *out, const char *path,
				 const struct admit_options *o, struct wm_error *err)
{
	if (o->sidecar) {
		out->sidecar_path = strdup(o->sidecar);
		if (!out->sidecar_path)
			return fail_nomem(err);
	} else {
		TRY(carrier_sidecar_path(&out->sidecar_path, path, err));
	}
	TRY(priors_load(&out->priors, out->checkpoint, out->sidecar_path,
			signer_public(o->signer), err));
	if (priors_manifest(out->priors))
		return fail(err, REASON_ALREADY_SIGNED, "%s: carries a manifest by this very key",
			    priors_manifest(out->priors)->carrier->place);
	return WM_OK;
}

/* "admission:NAME@REVISION", of what a local id may hold. */
static enum wm_code local_id(struct buf *out, const char *path, const char *revision,
			     struct wm_error *err)
{
	cleanup_free char *real = realpath(path, NULL);
	const size_t half = (LIMIT_ID - strlen("admission:@")) / 2;

	TRY(buf_append_str(out, "admission:", err));
	TRY(append_local_id(out, file_name(real ? real : path), half, err));
	if (!revision)
		return WM_OK;
	TRY(buf_append_byte(out, '@', err));
	return append_local_id(out, revision, half, err);
}

static enum wm_code copy_text(char **out, struct composition *c, const char *text,
			      struct wm_error *err)
{
	return text ? arena_copy(out, &c->arena, text, strlen(text), err) : WM_OK;
}

static enum wm_code compose_admission(struct signing *out, const char *path,
				      const struct admit_options *o, struct wm_error *err)
{
	struct composition *c = &out->composition;
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	Weightmark__V1__Admission *a;
	ProtobufCMessage *m = NULL;
	struct wm_error why = { 0 };
	void *list = NULL;

	TRY(compose_one(&m, c, &weightmark__v1__admission__descriptor, err));
	a = (Weightmark__V1__Admission *)m;
	TRY(copy_text(&a->source, c, o->source, err));
	TRY(copy_text(&a->revision, c, o->revision, err));
	TRY(copy_text(&a->reason, c, o->reason, err));
	TRY(compose_time(&a->expires, c, o->expires, err));
	TRY(arena_alloc(&list, &c->arena, o->n_waived * sizeof(*a->waived_rule), err));
	a->waived_rule = list;
	for (; a->n_waived_rule < o->n_waived; a->n_waived_rule++)
		TRY(copy_text(&a->waived_rule[a->n_waived_rule], c, o->waived[a->n_waived_rule],
			      err));
	TRY(local_id(&id, path, o->revision, err));
	TRY(compose_header(c, &c->statements[0], buf_str(&id), err));
	if (statement_validate_authored(c->statements[0].kind, m, &why) != WM_OK)
		return authors_mistake(c, &c->statements[0], &why, err);
	out->payloads = calloc(1, sizeof(*out->payloads));
	if (!out->payloads)
		return fail_nomem(err);
	out->payloads[out->n_payloads++] = (struct buf)BUF_INIT(LIMIT_STATEMENT);
	return WM_OK;
}

/* Both digests of every byte: nobody vouches for a pair that he never compared. */
static enum wm_code measure_all(struct checkpoint *c, const struct admit_options *o,
				struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = true,
		.gather = true,
		.workers = o->workers,
		.progress = o->progress,
	};

	TRY(checkpoint_find_parts(c, err));
	return checkpoint_measure(c, &measuring, err);
}

enum wm_code checkpoint_admit(struct signing *out, const char *path,
			      const struct admit_options *options, struct wm_error *err)
{
	const struct signable_options opening = { options->links_within, options->key_file,
						  false };
	struct composition *c = &out->composition;
	struct chain chain = { .extend = true };
	cleanup_fd int lock = -1;

	*c = (struct composition){
		.arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
		.now = time(NULL),
		.name = "admission",
		.reason = REASON_USAGE,
	};
	TRY(check_options(options, c->now, err));
	if (options->record)
		TRY(record_check(&out->recording, options->record, !options->dry_run, err));
	TRY(lock_take(&lock, path, err));
	TRY(signable_open(&out->checkpoint, path, &opening, err));
	TRY(load_carried(out, path, options, err));
	chain.priors = out->priors;
	TRY(choose_issuer(&out->issuer, options->issuer, NULL, signer_public(options->signer),
			  err));
	c->issuer = out->issuer;
	TRY(compose_admission(out, path, options, err));
	TRY(measure_all(out->checkpoint, options, err));
	TRY(compose_measured(&out->record, c, out->checkpoint, NULL, err));
	((Weightmark__V1__Admission *)c->statements[0].message)->checkpoint = out->record;
	TRY(chain_make(c, 0, &out->payloads[0], &chain, err));
	out->unchanged = c->statements[0].reused;
	if (options->dry_run)
		return WM_OK;
	if (!out->unchanged) {
		TRY(chain_sign(c, out->payloads, options->signer, err));
		TRY(sidecar_extend(out->sidecar_path, out->priors->sidecar,
				   &(struct sidecar){ .envelopes = &c->statements[0].envelope,
						      .n_envelopes = 1 }, err));
	}
	return signing_record(out, options->record, err);
}
