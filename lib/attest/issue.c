/* SPDX-License-Identifier: Apache-2.0 */
/* The order of issuing: lock, find what was said before, chain, sign, write, record. */
#include "attest/issue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/chain.h"
#include "attest/sign.h"
#include "util/hex.h"
#include "util/limits.h"
#include "util/lock.h"

void issued_release(struct issued *i)
{
	for (size_t k = 0; k < i->n_payloads; k++)
		buf_release(&i->payloads[k]);
	free(i->payloads);
	recording_release(&i->recording);
	composition_release(&i->composition);
	priors_free(i->priors);
	free(i->issuer);
	*i = (struct issued){ 0 };
}

/* --- what was said before ---------------------------------------------------------------- */

/* What looking through a log for own statements needs. */
struct finding {
	struct priors *priors;
	struct index *index;
	const struct public_key *key;
	uint8_t keyid[SHA256_BYTES];
};

static enum wm_code add_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	const struct finding *f = context;

	if (memcmp(e->keyid, f->keyid, sizeof(f->keyid)) != 0)
		return WM_OK;
	return priors_add_entry(f->priors, f->index, e, f->key, err);
}

/* The entries by this key about the objects that are spoken of; the newest are enough. */
static enum wm_code find_recorded(struct issued *out, const struct issue_options *o,
				  struct wm_error *err)
{
	struct finding f = { out->priors, NULL, signer_public(o->signer), { 0 } };
	const char *origins[] = { out->recording.origin, NULL };
	cleanup_ledger struct ledger *l = NULL;
	cleanup_index struct index *x = NULL;

	if (!hex_decode(f.keyid, public_key_id(f.key), KEYID_HEX))
		return fail(err, REASON_INTERNAL, "a keyid is not hexadecimal");
	TRY(ledger_open(&l, o->record->ledger, err));
	TRY(index_open(&x, l, o->record->index, err));
	TRY(index_sync(x, out->recording.origin, NULL, o->record->progress, err));
	f.index = x;
	for (size_t i = 0; i < out->composition.n_statements; i++)
		TRY(index_query(x, QUERY_OBJECT, out->composition.statements[i].object, origins,
				LIMIT_CHAIN_READ, add_entry, &f, err));
	return WM_OK;
}

/* --- making ------------------------------------------------------------------------------ */

static enum wm_code fill_headers(struct issued *out, const struct issue_options *o,
				 struct wm_error *err)
{
	struct composition *c = &out->composition;

	TRY(choose_issuer(&out->issuer, o->issuer, NULL, signer_public(o->signer), err));
	c->issuer = out->issuer;
	c->now = c->now ? c->now : time(NULL);
	for (size_t i = 0; i < c->n_statements; i++)
		TRY(compose_own_header(c, &c->statements[i], err));
	return WM_OK;
}

static enum wm_code make(struct issued *out, const struct issue_options *o, struct wm_error *err)
{
	const struct chain chain = { .priors = out->priors, .extend = o->amend, .alone = true,
				     .reason = o->reason };
	struct composition *c = &out->composition;

	out->payloads = calloc(c->n_statements + 1, sizeof(*out->payloads));
	if (!out->payloads)
		return fail_nomem(err);
	for (; out->n_payloads < c->n_statements; out->n_payloads++)
		out->payloads[out->n_payloads] = (struct buf)BUF_INIT(LIMIT_STATEMENT);
	for (size_t i = 0; i < c->n_statements; i++) {
		TRY(chain_make(c, i, &out->payloads[i], &chain, err));
		out->n_reused += c->statements[i].reused;
	}
	return WM_OK;
}

static enum wm_code list_envelopes(struct envelope **out, const struct composition *c,
				   struct wm_error *err)
{
	*out = calloc(c->n_statements + 1, sizeof(**out));
	if (!*out)
		return fail_nomem(err);
	for (size_t i = 0; i < c->n_statements; i++)
		(*out)[i] = c->statements[i].envelope;
	return WM_OK;
}

/* What a failure leaves behind are whole batches, which issuing again completes. */
static enum wm_code record_batches(struct recording *r, struct envelope *list, size_t n,
				   const struct record_options *how, struct wm_error *err)
{
	size_t n_appended = 0, n_present = 0;
	bool rewritten = false;

	for (size_t from = 0; from == 0 || from < n; from += LIMIT_ISSUED) {
		const size_t rest = n - from;

		recording_release(r);
		*r = (struct recording){ .n_appended = 0 };
		TRY(record_envelopes(r, list + from, rest < LIMIT_ISSUED ? rest : LIMIT_ISSUED,
				     how, err));
		n_appended += r->n_appended;
		n_present += r->n_present;
		rewritten |= r->rewritten;
	}
	r->n_appended = n_appended;
	r->n_present = n_present;
	r->rewritten = rewritten;
	return WM_OK;
}

static enum wm_code put(struct issued *out, const struct issue_options *o, struct wm_error *err)
{
	const struct composition *c = &out->composition;
	cleanup_free struct envelope *envelopes = NULL;
	struct recording *r = &out->recording;
	const char *path = o->sidecar;

	TRY(list_envelopes(&envelopes, c, err));
	if (path)
		TRY(sidecar_extend(path, out->priors->sidecar,
				   &(struct sidecar){ .envelopes = envelopes,
						      .n_envelopes = c->n_statements }, err));
	if (!o->record)
		return WM_OK;
	*r = (struct recording){ .n_appended = 0 };
	return path ? record_sidecars(r, &path, 1, o->record, err) :
		      record_batches(r, envelopes, c->n_statements, o->record, err);
}

enum wm_code issue(struct issued *out, const struct issue_options *options, struct wm_error *err)
{
	cleanup_fd int lock = -1;

	if (!options->sidecar && !options->record && !options->dry_run)
		return fail(err, REASON_USAGE,
			    "nowhere to put the statement: name a file with --out or a ledger");
	if (options->reason && !options->amend)
		return fail(err, REASON_USAGE, "a reason is that of an amendment");
	if (options->record)
		TRY(lock_take(&lock, options->record->ledger, err));
	if (options->record)
		TRY(record_check(&out->recording, options->record, !options->dry_run, err));
	TRY(fill_headers(out, options, err));
	TRY(priors_load(&out->priors, NULL, options->sidecar, signer_public(options->signer),
			err));
	if (options->record)
		TRY(find_recorded(out, options, err));
	TRY(make(out, options, err));
	if (options->dry_run)
		return WM_OK;
	TRY(chain_sign(&out->composition, out->payloads, options->signer, err));
	return put(out, options, err);
}
