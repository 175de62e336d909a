/* SPDX-License-Identifier: Apache-2.0 */
/* From carried proofs to logs, and what is remembered of them. */
#include "attest/logged.h"

#include <stdlib.h>
#include <string.h>

#include "attest/pool.h"
#include "log/document.h"
#include "log/entry.h"
#include "log/kept.h"
#include "util/limits.h"

void logs_release(struct logs *logs)
{
	for (size_t i = 0; i < logs->n; i++) {
		struct logged *l = &logs->list[i];

		for (size_t j = 0; j < l->n_notes; j++)
			note_release(&l->notes[j]);
		free(l->notes);
		free(l->counted);
		free(l->evidence);
		log_key_free(l->key);
	}
	free(logs->list);
	*logs = (struct logs){ .list = NULL };
}

/* --- from proofs to logs ----------------------------------------------------------------- */

/* The log of `key`, which moves in; made where it is new. */
static enum wm_code take_log(struct logged **out, struct verification *v,
			     const struct log_keys *pinned, struct log_key *key,
			     struct wm_error *err)
{
	cleanup_log_key struct log_key *owned = key;
	struct logs *logs = &v->logs;
	struct logged *l = NULL;
	void *more;

	for (size_t i = 0; i < logs->n; i++)
		if (log_key_same(logs->list[i].key, key)) {
			*out = &logs->list[i];
			return WM_OK;
		}
	more = reallocarray(logs->list, logs->n + 1, sizeof(*logs->list));
	if (!more)
		return fail_nomem(err);
	logs->list = more;
	l = &logs->list[logs->n];
	*l = (struct logged){ .pinned = pinned && log_keys_find(pinned, log_key_origin(key),
								log_key_raw(key)) };
	if (l->pinned) {
		l->counted = calloc(v->n_carried + 1, sizeof(bool));
		if (!l->counted)
			return fail_nomem(err);
	}
	l->key = take_ptr(&owned);
	logs->n++;
	*out = l;
	return WM_OK;
}

/* Keeps `note`, which moves out then, in the place of a smaller one. */
static enum wm_code keep_newest(struct logged *l, struct note *note, struct wm_error *err)
{
	if (l->n_notes > 0 && l->notes[0].head.size >= note->head.size)
		return WM_OK;
	if (l->n_notes == 0) {
		l->notes = calloc(1, sizeof(*l->notes));
		if (!l->notes)
			return fail_nomem(err);
		l->n_notes = 1;
	}
	note_release(&l->notes[0]);
	l->notes[0] = *note;
	*note = (struct note){ .text = NULL };
	return WM_OK;
}

/*
 * Keeps `note`, which moves out where it is a new one, in its place by size and root. Of those that
 * strangers signed there may be too many to be sorted so.
 */
static enum wm_code keep_note(struct logged *l, struct note *note, struct wm_error *err)
{
	size_t at = 0;
	void *more;

	if (!l->pinned)
		return keep_newest(l, note, err);
	for (; at < l->n_notes; at++) {
		const struct tree_head *head = &l->notes[at].head;
		int order = memcmp(head->root, note->head.root, SHA256_BYTES);

		if (head->size != note->head.size)
			order = head->size < note->head.size ? -1 : 1;
		if (order == 0)
			return WM_OK;
		if (order > 0)
			break;
	}
	more = reallocarray(l->notes, l->n_notes + 1, sizeof(*l->notes));
	if (!more)
		return fail_nomem(err);
	l->notes = more;
	memmove(&l->notes[at + 1], &l->notes[at], (l->n_notes - at) * sizeof(*l->notes));
	l->notes[at] = *note;
	*note = (struct note){ .text = NULL };
	l->n_notes++;
	return WM_OK;
}

/* Counts the envelope once, where a pinned key signed it: an entry is one with its signature. */
static void count(struct logged *l, const struct verification *v, const struct envelope *e)
{
	for (size_t i = first_carried(v, e->statement); carried_has_id(v, i, e->statement); i++) {
		const struct carried *c = &v->carried[i];

		if (c->signature.code != WM_OK || l->counted[i] ||
		    envelope_compare(c->envelope, e) != 0 ||
		    c->envelope->sig_len != e->sig_len ||
		    memcmp(c->envelope->sig, e->sig, e->sig_len) != 0)
			continue;
		l->counted[i] = true;
		l->n_statements++;
	}
}

/* The proof of `e`, whose leaf digest is `leaf`. */
static enum wm_code take_proof(struct verification *v, const struct log_keys *pinned,
			       const struct proof *p, const struct envelope *e,
			       const uint8_t leaf[SHA256_BYTES], const char *place,
			       struct wm_error *err)
{
	cleanup_log_proof struct log_proof proof = { .note = { .text = NULL } };
	struct log_key *key = NULL;
	struct wm_error why = { 0 };
	struct logged *l = NULL;

	TRY(log_proof_parse(&proof, p->text, p->text_len, place, err));
	if (proof.note.n_signatures != 1)
		return fail(err, REASON_PROOF_MALFORMED, "%s: a proof with %zu signatures", place,
			    proof.note.n_signatures);
	/* No user gave this key: one that is none is the carrier's fault. */
	if (log_key_new(&key, proof.note.head.origin, p->log_key, &why) != WM_OK)
		return fail_as(err, REASON_PROOF_MALFORMED, &why);
	TRY(take_log(&l, v, pinned, key, err));
	TRY(log_proof_verify(&proof, l->key, leaf, err));
	if (l->pinned)
		count(l, v, e);
	return keep_note(l, &proof.note, err);
}

static enum wm_code take_carrier(struct verification *v, const struct log_keys *pinned,
				 const struct carrier *c, struct wm_error *err)
{
	for (size_t i = 0; i < c->sidecar.n_envelopes; i++) {
		const struct envelope *e = &c->sidecar.envelopes[i];
		size_t n;
		const struct proof *list = sidecar_proofs(&n, &c->sidecar, e);
		uint8_t leaf[SHA256_BYTES];

		if (n > 0)
			TRY(entry_leaf(leaf, e, err));
		for (size_t j = 0; j < n; j++)
			TRY(take_proof(v, pinned, &list[j], e, leaf, c->place, err));
	}
	return WM_OK;
}

/* --- what is remembered ------------------------------------------------------------------ */

static enum wm_code keep_evidence(struct logged *l, const char *state, const struct buf *evidence,
				  struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };

	l->linkage = LINK_FORK;
	TRY(evidence_check(&e, evidence->data, evidence->len, "evidence", err));
	l->sizes[0] = e.first.head.size;
	l->sizes[1] = e.second.head.size;
	return state && !l->evidence ?
		       evidence_store(&l->evidence, state, evidence, err) :
		       WM_OK;
}

/* Two heads of one size that are carried together. */
static enum wm_code compare_carried(struct logged *l, const char *state, struct wm_error *err)
{
	for (size_t i = 1; i < l->n_notes; i++) {
		cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);

		if (l->notes[i - 1].head.size != l->notes[i].head.size)
			continue;
		TRY(evidence_encode(&evidence, l->key, &l->notes[i - 1], &l->notes[i], NULL, err));
		TRY(keep_evidence(l, state, &evidence, err));
	}
	return WM_OK;
}

/* The newest comes first, so that of a log never seen before it is the one that others link to. */
static enum wm_code compare_remembered(struct logged *l, const char *state, struct wm_error *err)
{
	cleanup_log_memory struct log_memory *m = NULL;

	TRY(log_memory_load(&m, state, l->key, err));
	for (size_t i = l->n_notes; i-- > 0;) {
		cleanup_buf struct buf evidence = BUF_INIT(LIMIT_EVIDENCE);
		enum linkage linkage;

		TRY(log_memory_compare(&linkage, m, &l->notes[i], NULL, 0, &evidence, err));
		if (linkage == LINK_FORK)
			return keep_evidence(l, state, &evidence, err);
		/* A proof may well be older than what was seen since: that is no sign of anything.
		 */
		if (linkage == LINK_BEHIND)
			linkage = LINK_UNLINKED;
		if (i == l->n_notes - 1)
			l->linkage = linkage;
		TRY(log_memory_add(m, &l->notes[i], linkage != LINK_UNLINKED, err));
	}
	TRY(log_memory_store(m, err));
	l->remembered = true;
	return WM_OK;
}

/* A log that forked once is not trusted again, whichever of its histories is carried. */
static enum wm_code find_kept(struct logged *l, const char *state, struct wm_error *err)
{
	cleanup_evidence struct evidence e = { .key = NULL };

	TRY(evidence_find(&l->evidence, &e, state, l->key, err));
	if (!l->evidence)
		return WM_OK;
	l->linkage = LINK_FORK;
	l->sizes[0] = e.first.head.size;
	l->sizes[1] = e.second.head.size;
	return WM_OK;
}

/* What cannot be remembered is no reason to refuse: a verdict says so. */
static enum wm_code compare(struct logged *l, const char *state, struct wm_error *err)
{
	struct wm_error why = { 0 };
	enum wm_code code;

	l->linkage = LINK_UNLINKED;
	code = compare_carried(l, state, &why);
	if (code == WM_OK && state && l->linkage != LINK_FORK)
		code = find_kept(l, state, &why);
	if (code == WM_OK && state && l->linkage != LINK_FORK)
		code = compare_remembered(l, state, &why);
	return code == WM_NOMEM || code == WM_INTERNAL ? fail_again(err, &why) : WM_OK;
}

enum wm_code logs_gather(struct verification *v, const struct log_keys *pinned, const char *state,
			 struct wm_error *err)
{
	struct logs *logs = &v->logs;
	enum wm_code code = WM_OK;

	logs_release(logs);
	for (size_t i = 0; i < v->carriers.n && code == WM_OK; i++)
		if (v->carriers.list[i].kind != CARRIER_DISPLACED)
			code = take_carrier(v, pinned, &v->carriers.list[i], &logs->proofs_err);
	if (error_is_untold(code))
		return fail_again(err, &logs->proofs_err);
	for (size_t i = 0; i < logs->n && code == WM_OK; i++)
		if (logs->list[i].pinned)
			TRY(compare(&logs->list[i], state, err));
	return WM_OK;
}

/* --- checks ------------------------------------------------------------------------------ */

enum wm_code proofs_consistent(const struct verification *v, struct wm_error *err)
{
	return v->logs.proofs_err.code == WM_OK ? WM_OK : fail_again(err, &v->logs.proofs_err);
}

enum wm_code logs_unforked(const struct verification *v, struct wm_error *err)
{
	for (size_t i = 0; i < v->logs.n; i++) {
		const struct logged *l = &v->logs.list[i];

		if (l->pinned && l->linkage == LINK_FORK)
			return fail(err, REASON_LOG_FORK,
				    "%s: its key signed two histories, of %llu and %llu entries; "
				    "evidence: %s",
				    log_key_origin(l->key), (unsigned long long)l->sizes[0],
				    (unsigned long long)l->sizes[1],
				    l->evidence ? l->evidence : "not kept");
	}
	return WM_OK;
}
