/* SPDX-License-Identifier: Apache-2.0 */
/* Reusing, correcting and keeping statements. */
#include "attest/chain.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/lock.h"
#include "weightmark/v1/run.pb-c.h"

enum wm_code authors_mistake(const struct composition *c, const struct composed *s,
			     const struct wm_error *why, struct wm_error *err)
{
	if (error_reason(why) == REASON_STATEMENT_INVALID)
		return fail(err, c->reason, "%s: %s: %s", c->name, s->kind->name, why->message);
	return fail_again(err, why);
}

static enum wm_code encode(struct buf *payload, const struct composition *c,
			   const struct composed *s, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (statement_encode(payload, s->kind, s->message, &why) != WM_OK)
		return authors_mistake(c, s, &why, err);
	return WM_OK;
}

/*
 * Of a run that is said again from a later copy of the records, the copy that was signed stays:
 * what it says is there still. Stores what `s` had, or NULL.
 */
static Weightmark__V1__DocumentRef *keep_copy(struct composed *s, const struct prior *before)
{
	Weightmark__V1__Run *now = (Weightmark__V1__Run *)s->message;
	Weightmark__V1__DocumentRef *had;

	if (s->kind->descriptor != &weightmark__v1__run__descriptor)
		return NULL;
	had = now->imported_from;
	if (had)
		now->imported_from =
			((const Weightmark__V1__Run *)before->statement->message)->imported_from;
	return had;
}

/*
 * Whether `s` says what `before` says but for nonce and times. If so it takes those over,
 * so that its payload, and every id that rests on it, is the same.
 */
static enum wm_code take_over(struct composed *s, const struct prior *before,
			      const struct composition *c, struct buf *payload,
			      struct wm_error *err)
{
	Weightmark__V1__Header *h = statement_header(s->message), kept = *h;
	const Weightmark__V1__Header *old = before->statement->header;
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_STATEMENT);
	Weightmark__V1__DocumentRef *copy;

	if (before->statement->newer_schema)
		return WM_OK;
	copy = keep_copy(s, before);
	if (h->as_of->seconds == h->issued_at->seconds)
		h->as_of = old->as_of;
	h->issued_at = old->issued_at;
	h->nonce = old->nonce;
	h->sequence = old->sequence;
	h->previous = old->previous;
	h->reason = old->reason;
	TRY(encode(&bytes, c, s, err));
	if (bytes.len != before->envelope->payload_len ||
	    memcmp(bytes.data, before->envelope->payload, bytes.len) != 0) {
		*h = kept;
		if (copy)
			((Weightmark__V1__Run *)s->message)->imported_from = copy;
		return WM_OK;
	}
	s->reused = true;
	s->envelope = *before->envelope;
	memcpy(s->id, before->statement->id, SHA256_BYTES);
	return buf_append(payload, bytes.data, bytes.len, err);
}

static enum wm_code correct(struct composition *c, struct composed *s, const struct prior *before,
			    const char *reason, struct wm_error *err)
{
	Weightmark__V1__Header *h = statement_header(s->message);

	h->sequence = before->statement->header->sequence + 1;
	TRY(compose_statement_id(&h->previous, c, before->statement->id, err));
	return reason ? arena_copy(&h->reason, &c->arena, reason, strlen(reason), err) : WM_OK;
}

enum wm_code chain_make(struct composition *c, size_t i, struct buf *payload,
			const struct chain *how, struct wm_error *err)
{
	struct composed *s = &c->statements[i];
	struct wm_error why = { 0 };
	const struct prior *before = priors_newest(how->priors, s->kind, s->object);

	if (before)
		TRY(take_over(s, before, c, payload, err));
	if (s->reused)
		return WM_OK;
	if (before && !how->extend && how->alone)
		return fail(err, REASON_SAID_OTHERWISE, "%s: says something else of %s '%.128s'",
			    before->carrier ? before->carrier->place : "the ledger", s->kind->name,
			    s->object);
	if (before && !how->extend)
		return fail(err, REASON_ALREADY_SIGNED, "%s: carries another %s '%.128s'%s",
			    before->carrier ? before->carrier->place : "the ledger", s->kind->name,
			    composed_local_id(s->object),
			    s->kind->descriptor == &weightmark__v1__manifest__descriptor
				    ? ""
				    : "; if this is not the same, give it another id");
	if (statement_check_dates(s->message, &why) != WM_OK)
		return authors_mistake(c, s, &why, err);
	if (before)
		TRY(correct(c, s, before, how->reason, err));
	TRY(encode(payload, c, s, err));
	return statement_id(s->id, payload->data, payload->len, err);
}

enum wm_code chain_sign(struct composition *c, const struct buf *payloads, struct signer *signer,
			struct wm_error *err)
{
	for (size_t i = 0; i < c->n_statements; i++) {
		struct composed *s = &c->statements[i];

		if (!s->reused)
			TRY(envelope_sign(&s->envelope, &c->arena, signer, payloads[i].data,
					  payloads[i].len, err));
	}
	return WM_OK;
}

/* --- the sidecar --------------------------------------------------------------------- */

/* Whether the file still has the bytes of the sidecar that was read from it. */
static enum wm_code check_present(const char *path, const struct buf *bytes,
				  struct wm_error *err)
{
	cleanup_buf struct buf now = BUF_INIT(LIMIT_SIDECAR);

	TRY(file_read(&now, path, err));
	if (now.len != bytes->len || memcmp(now.data, bytes->data, now.len) != 0)
		return fail(err, REASON_FILE_CHANGED, "%s: somebody else wrote it meanwhile",
			    path);
	return WM_OK;
}

/* Appends the sidecar of what both hold, `present` first; it must decode. */
static enum wm_code encode_sidecar(struct buf *out, const char *path,
				   const struct sidecar *present, const struct sidecar *more,
				   struct wm_error *err)
{
	const size_t n_envelopes = present->n_envelopes + more->n_envelopes;
	const size_t n_proofs = present->n_proofs + more->n_proofs;
	cleanup_free struct envelope *envelopes = calloc(n_envelopes + 1, sizeof(*envelopes));
	cleanup_free struct proof *proofs = calloc(n_proofs + 1, sizeof(*proofs));
	cleanup_sidecar struct sidecar check = { 0 };
	const struct sidecar all = {
		.envelopes = envelopes,
		.n_envelopes = n_envelopes,
		.openings = present->openings,
		.n_openings = present->n_openings,
		.proofs = proofs,
		.n_proofs = n_proofs,
	};

	if (!envelopes || !proofs)
		return fail_nomem(err);
	for (size_t i = 0; i < n_envelopes; i++)
		envelopes[i] = i < present->n_envelopes ?
				       present->envelopes[i] :
				       more->envelopes[i - present->n_envelopes];
	for (size_t i = 0; i < n_proofs; i++)
		proofs[i] = i < present->n_proofs ? present->proofs[i] :
						    more->proofs[i - present->n_proofs];
	TRY(sidecar_encode_all(out, &all, err));
	return sidecar_decode(&check, out->data, out->len, path, err);
}

enum wm_code sidecar_extend(const char *path, const struct sidecar *present,
			    const struct sidecar *more, struct wm_error *err)
{
	static const struct sidecar none = { 0 };
	cleanup_buf struct buf before = BUF_INIT(LIMIT_SIDECAR), after = BUF_INIT(LIMIT_SIDECAR);
	cleanup_fd int lock = -1;

	TRY(encode_sidecar(&after, path, present ? present : &none, more, err));
	if (!present)
		return file_write(path, after.data, after.len, 0644, FILE_EXCLUSIVE, err);
	TRY(encode_sidecar(&before, path, present, &none, err));
	if (before.len == after.len && memcmp(before.data, after.data, before.len) == 0)
		return WM_OK;
	/* Nobody may replace it between the comparison and the renaming. */
	TRY(lock_take(&lock, path, err));
	TRY(check_present(path, &before, err));
	return file_write(path, after.data, after.len, 0644, FILE_REPLACE, err);
}
