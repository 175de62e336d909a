/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing sidecar files in their one canonical form. */
#include "statement/sidecar.h"

#include <stdlib.h>
#include <string.h>

#include "statement/envelope_wire.h"
#include "statement/message.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"
#include "weightmark/v1/envelope.pb-c.h"

/*
 * Decoding may take this many bytes a byte of input, and as many as LIMIT_SEALED openings
 * of short values need: a real sidecar is mostly payload, and of a proof keys and id alone
 * are 141 bytes, so more is an attempt to blow it up.
 */
enum { DECODE_FACTOR = 4, DECODE_EXTRA = 262144 };

static const char magic[] = "weightmark/1";
static const char opening_domain[] = "wmSealedV1"; /* with its zero byte */

bool sidecar_begins(const uint8_t start[SIDECAR_START])
{
	static const uint8_t tag_and_len[] = { 0x0a, sizeof(magic) - 1 };

	return memcmp(start, tag_and_len, sizeof(tag_and_len)) == 0 &&
	       memcmp(start + sizeof(tag_and_len), magic, sizeof(magic) - 1) == 0;
}

void sidecar_release(struct sidecar *s)
{
	arena_release(&s->arena);
}

static enum wm_code take_envelopes(struct sidecar *s, const Weightmark__V1__Sidecar *message,
				   const char *name, struct wm_error *err)
{
	void *list = NULL;

	if (message->n_envelope == 0)
		return fail(err, REASON_UNSIGNED, "%s: carries no statement", name);
	if (message->n_envelope > LIMIT_ENVELOPES)
		return fail(err, REASON_LIMIT, "%s: %zu envelopes, more than %d", name,
			    message->n_envelope, LIMIT_ENVELOPES);
	TRY(arena_alloc(&list, &s->arena, message->n_envelope * sizeof(*s->envelopes), err));
	s->envelopes = list;
	s->n_envelopes = message->n_envelope;
	for (size_t i = 0; i < s->n_envelopes; i++) {
		TRY(envelope_take(&s->envelopes[i], message->envelope[i],
				  REASON_SIDECAR_MALFORMED, name, err));
		if (i > 0 && envelope_compare(&s->envelopes[i - 1], &s->envelopes[i]) >= 0)
			return fail(err, REASON_SIDECAR_ORDER,
				    "%s: envelope %zu is not in its place", name, i + 1);
	}
	return WM_OK;
}

static int opening_compare(const struct opening *a, const struct opening *b)
{
	int order = memcmp(a->statement, b->statement, SHA256_BYTES);

	return order ? order : strcmp(a->pointer, b->pointer);
}

static enum wm_code take_openings(struct sidecar *s, const Weightmark__V1__Sidecar *message,
				  const char *name, struct wm_error *err)
{
	void *list = NULL;

	if (message->n_opening > LIMIT_SEALED)
		return fail(err, REASON_LIMIT, "%s: %zu openings, more than %d", name,
			    message->n_opening, LIMIT_SEALED);
	TRY(arena_alloc(&list, &s->arena, message->n_opening * sizeof(*s->openings), err));
	s->openings = list;
	s->n_openings = message->n_opening;
	for (size_t i = 0; i < s->n_openings; i++) {
		const Weightmark__V1__Opening *o = message->opening[i];

		if (o->salt.len != OPENING_SALT)
			return fail(err, REASON_SIDECAR_MALFORMED, "%s: a salt of %zu bytes", name,
				    o->salt.len);
		memcpy(s->openings[i].statement, o->statement->sha256.data, SHA256_BYTES);
		s->openings[i].pointer = o->pointer;
		s->openings[i].salt = o->salt.data;
		s->openings[i].value = o->value.data;
		s->openings[i].value_len = o->value.len;
		if (i > 0 && opening_compare(&s->openings[i - 1], &s->openings[i]) >= 0)
			return fail(err, REASON_SIDECAR_ORDER,
				    "%s: opening %zu is not in its place", name, i + 1);
	}
	return WM_OK;
}

/* --- proofs -------------------------------------------------------------------------- */

static int proof_compare(const struct proof *a, const struct proof *b)
{
	int order = memcmp(a->statement, b->statement, SHA256_BYTES);

	if (!order)
		order = strcmp(a->keyid, b->keyid);
	return order ? order : memcmp(a->log_key, b->log_key, KEY_ED25519_BYTES);
}

/* The order of an envelope and of a proof of it: 0 where one is of the other. */
static int envelope_compare_proof(const struct envelope *e, const struct proof *p)
{
	int order = memcmp(e->statement, p->statement, SHA256_BYTES);

	return order ? order : strcmp(e->keyid, p->keyid);
}

static enum wm_code take_proof(struct proof *out, const Weightmark__V1__Proof *p,
			       const char *name, struct wm_error *err)
{
	if (!keyid_valid(p->keyid))
		return fail(err, REASON_SIDECAR_MALFORMED,
			    "%s: the keyid of a proof is not 64 hex digits", name);
	if (p->log_key.len != KEY_ED25519_BYTES)
		return fail(err, REASON_SIDECAR_MALFORMED, "%s: a log's key of %zu bytes", name,
			    p->log_key.len);
	if (p->proof.len > LIMIT_PROOF)
		return fail(err, REASON_LIMIT, "%s: a proof of %zu bytes", name, p->proof.len);
	memcpy(out->statement, p->statement->sha256.data, SHA256_BYTES);
	out->keyid = p->keyid;
	out->log_key = p->log_key.data;
	out->text = p->proof.data;
	out->text_len = p->proof.len;
	return WM_OK;
}

/* Both ascend, so that one pass tells whether each proof is of an envelope. */
static enum wm_code take_proofs(struct sidecar *s, const Weightmark__V1__Sidecar *message,
				const char *name, struct wm_error *err)
{
	void *list = NULL;

	if (message->n_proof > LIMIT_PROOFS)
		return fail(err, REASON_LIMIT, "%s: %zu proofs, more than %d", name,
			    message->n_proof, LIMIT_PROOFS);
	TRY(arena_alloc(&list, &s->arena, message->n_proof * sizeof(*s->proofs), err));
	s->proofs = list;
	s->n_proofs = message->n_proof;
	for (size_t i = 0, at = 0; i < s->n_proofs; i++) {
		struct proof *p = &s->proofs[i];

		TRY(take_proof(p, message->proof[i], name, err));
		if (i > 0 && proof_compare(p - 1, p) >= 0)
			return fail(err, REASON_SIDECAR_ORDER,
				    "%s: proof %zu is not in its place", name, i + 1);
		while (at < s->n_envelopes && envelope_compare_proof(&s->envelopes[at], p) < 0)
			at++;
		if (at == s->n_envelopes || envelope_compare_proof(&s->envelopes[at], p) != 0)
			return fail(err, REASON_SIDECAR_MALFORMED,
				    "%s: proof %zu is of no envelope that it holds", name, i + 1);
	}
	return WM_OK;
}

static enum wm_code decode(struct sidecar *s, const void *data, size_t len, const char *name,
			   struct wm_error *err)
{
	const Weightmark__V1__Sidecar *message;
	ProtobufCMessage *m = NULL;
	enum wm_code code;

	code = message_decode(&m, &weightmark__v1__sidecar__descriptor, &s->arena, data, len,
			      REASON_SIDECAR_MALFORMED, err);
	if (code != WM_OK)
		return fail_context(code, err, "%s", name);
	message = (const Weightmark__V1__Sidecar *)m;
	if (strcmp(message->magic, magic) != 0)
		return fail(err, REASON_SIDECAR_MALFORMED, "%s: does not begin with '%s'", name,
			    magic);
	TRY(take_envelopes(s, message, name, err));
	TRY(take_openings(s, message, name, err));
	return take_proofs(s, message, name, err);
}

enum wm_code sidecar_decode(struct sidecar *out, const void *data, size_t len, const char *name,
			    struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { .arena = ARENA_INIT(len * DECODE_FACTOR +
								 DECODE_EXTRA) };

	if (len > LIMIT_SIDECAR)
		return fail(err, REASON_LIMIT, "%s: %zu bytes, more than %d", name, len,
			    LIMIT_SIDECAR);
	TRY(decode(&s, data, len, name, err));
	*out = s;
	s.arena.chunks = NULL;
	return WM_OK;
}

static enum wm_code make_opening(Weightmark__V1__Opening **out, struct arena *a,
				 const struct opening *o, struct wm_error *err)
{
	ProtobufCMessage *m = NULL, *id = NULL;

	TRY(message_new(&m, &weightmark__v1__opening__descriptor, a, err));
	TRY(message_new(&id, &weightmark__v1__statement_id__descriptor, a, err));
	*out = (Weightmark__V1__Opening *)m;
	(*out)->statement = (Weightmark__V1__StatementId *)id;
	TRY(copy_bytes(&(*out)->statement->sha256, a, o->statement, SHA256_BYTES, err));
	TRY(arena_copy(&(*out)->pointer, a, o->pointer, strlen(o->pointer), err));
	TRY(copy_bytes(&(*out)->salt, a, o->salt, OPENING_SALT, err));
	return copy_bytes(&(*out)->value, a, o->value, o->value_len, err);
}

static enum wm_code make_proof(Weightmark__V1__Proof **out, struct arena *a,
			       const struct proof *p, struct wm_error *err)
{
	ProtobufCMessage *m = NULL, *id = NULL;

	TRY(message_new(&m, &weightmark__v1__proof__descriptor, a, err));
	TRY(message_new(&id, &weightmark__v1__statement_id__descriptor, a, err));
	*out = (Weightmark__V1__Proof *)m;
	(*out)->statement = (Weightmark__V1__StatementId *)id;
	TRY(copy_bytes(&(*out)->statement->sha256, a, p->statement, SHA256_BYTES, err));
	TRY(arena_copy(&(*out)->keyid, a, p->keyid, strlen(p->keyid), err));
	TRY(copy_bytes(&(*out)->log_key, a, p->log_key, KEY_ED25519_BYTES, err));
	return copy_bytes(&(*out)->proof, a, p->text, p->text_len, err);
}

/* Equal things stand in the order of their places in the list, which is what decides among them. */
static int compare_places(const void *a, const void *b, int order)
{
	return order ? order : (a > b) - (a < b);
}

static int compare_envelopes(const void *a, const void *b)
{
	const struct envelope *const *x = a, *const *y = b;

	return compare_places(*x, *y, envelope_compare(*x, *y));
}

static int compare_openings(const void *a, const void *b)
{
	const struct opening *const *x = a, *const *y = b;

	return compare_places(*x, *y, opening_compare(*x, *y));
}

static int compare_proofs(const void *a, const void *b)
{
	const struct proof *const *x = a, *const *y = b;

	return compare_places(*x, *y, proof_compare(*x, *y));
}

/* Stores room for `n` pointers twice: those that are sorted, those of the message. */
static enum wm_code reserve(void **sorted, void **made, struct arena *a, size_t n,
			    struct wm_error *err)
{
	TRY(arena_alloc(sorted, a, n * sizeof(void *), err));
	return arena_alloc(made, a, n * sizeof(void *), err);
}

/* Stores all envelopes in their order, equal ones too. */
static enum wm_code add_envelopes(Weightmark__V1__Sidecar *message,
				  const struct envelope ***out, struct arena *a,
				  const struct sidecar *s, struct wm_error *err)
{
	const struct envelope **sorted;
	void *list = NULL, *made = NULL;

	if (s->n_envelopes == 0)
		return fail(err, REASON_INTERNAL, "a sidecar without envelopes");
	if (s->n_envelopes > LIMIT_ENVELOPES)
		return fail(err, REASON_LIMIT, "%zu envelopes, more than %d", s->n_envelopes,
			    LIMIT_ENVELOPES);
	TRY(reserve(&list, &made, a, s->n_envelopes, err));
	sorted = list;
	message->envelope = made;
	for (size_t i = 0; i < s->n_envelopes; i++)
		sorted[i] = &s->envelopes[i];
	qsort(sorted, s->n_envelopes, sizeof(*sorted), compare_envelopes);
	for (size_t i = 0; i < s->n_envelopes; i++) {
		if (i > 0 && envelope_compare(sorted[i - 1], sorted[i]) == 0)
			continue;
		TRY(envelope_make(&message->envelope[message->n_envelope], a, sorted[i], err));
		message->n_envelope++;
	}
	*out = sorted;
	return WM_OK;
}

static enum wm_code add_openings(Weightmark__V1__Sidecar *message, struct arena *a,
				 const struct sidecar *s, struct wm_error *err)
{
	const struct opening **sorted;
	void *list = NULL, *made = NULL;

	if (s->n_openings > LIMIT_SEALED)
		return fail(err, REASON_LIMIT, "%zu openings, more than %d", s->n_openings,
			    LIMIT_SEALED);
	TRY(reserve(&list, &made, a, s->n_openings, err));
	sorted = list;
	message->opening = made;
	for (size_t i = 0; i < s->n_openings; i++)
		sorted[i] = &s->openings[i];
	qsort(sorted, s->n_openings, sizeof(*sorted), compare_openings);
	for (size_t i = 0; i < s->n_openings; i++) {
		if (i > 0 && opening_compare(sorted[i - 1], sorted[i]) == 0)
			continue;
		TRY(make_opening(&message->opening[message->n_opening], a, sorted[i], err));
		message->n_opening++;
	}
	return WM_OK;
}

/* The first envelope from `at` on that does not stand before the proof. */
static size_t pass_before(const struct envelope *const *envelopes, size_t at, size_t n,
			  const struct proof *p)
{
	while (at < n && envelope_compare_proof(envelopes[at], p) < 0)
		at++;
	return at;
}

static enum wm_code add_proofs(Weightmark__V1__Sidecar *message,
			       const struct envelope *const *envelopes, struct arena *a,
			       const struct sidecar *s, struct wm_error *err)
{
	const struct proof **sorted;
	void *list = NULL, *made = NULL;
	size_t at = 0;

	TRY(reserve(&list, &made, a, s->n_proofs, err));
	sorted = list;
	message->proof = made;
	for (size_t i = 0; i < s->n_proofs; i++)
		sorted[i] = &s->proofs[i];
	qsort(sorted, s->n_proofs, sizeof(*sorted), compare_proofs);
	for (size_t i = 0; i < s->n_proofs; i++) {
		if (i + 1 < s->n_proofs && proof_compare(sorted[i], sorted[i + 1]) == 0)
			continue;
		if (message->n_proof == LIMIT_PROOFS)
			return fail(err, REASON_LIMIT, "more than %d proofs", LIMIT_PROOFS);
		if (sorted[i]->text_len > LIMIT_PROOF)
			return fail(err, REASON_LIMIT, "a proof of %zu bytes",
				    sorted[i]->text_len);
		at = pass_before(envelopes, at, s->n_envelopes, sorted[i]);
		if (at == s->n_envelopes || envelope_compare_proof(envelopes[at], sorted[i]) != 0)
			return fail(err, REASON_SIDECAR_MALFORMED, "a proof is of no envelope");
		TRY(make_proof(&message->proof[message->n_proof], a, sorted[i], err));
		message->n_proof++;
	}
	return WM_OK;
}

enum wm_code sidecar_encode_all(struct buf *out, const struct sidecar *s, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	Weightmark__V1__Sidecar message = WEIGHTMARK__V1__SIDECAR__INIT;
	const struct envelope **envelopes = NULL;

	TRY(arena_copy(&message.magic, &a, magic, sizeof(magic) - 1, err));
	TRY(add_envelopes(&message, &envelopes, &a, s, err));
	TRY(add_openings(&message, &a, s, err));
	TRY(add_proofs(&message, envelopes, &a, s, err));
	return message_encode(out, &message.base, err);
}

enum wm_code sidecar_encode(struct buf *out, struct envelope *envelopes, size_t n,
			    struct wm_error *err)
{
	return sidecar_encode_all(out, &(struct sidecar){ .envelopes = envelopes,
							  .n_envelopes = n }, err);
}

/* --- what is in it ------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return envelope_compare(a, b);
}

const struct envelope *sidecar_find(const struct sidecar *s, const struct envelope *e)
{
	return s->n_envelopes > 0 ? bsearch(e, s->envelopes, s->n_envelopes, sizeof(*e), compare) :
				    NULL;
}

static size_t first_proof(const struct sidecar *s, const struct envelope *e)
{
	size_t low = 0, high = s->n_proofs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (envelope_compare_proof(e, &s->proofs[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct proof *sidecar_proofs(size_t *n, const struct sidecar *s, const struct envelope *e)
{
	const struct envelope *found = sidecar_find(s, e);
	size_t first, end;

	*n = 0;
	if (!found || found->sig_len != e->sig_len ||
	    (e->sig_len > 0 && memcmp(found->sig, e->sig, e->sig_len) != 0))
		return NULL;
	first = end = first_proof(s, e);
	while (end < s->n_proofs && envelope_compare_proof(e, &s->proofs[end]) == 0)
		end++;
	*n = end - first;
	return *n > 0 ? &s->proofs[first] : NULL;
}

void proof_list_release(struct proof_list *list)
{
	free(list->list);
	*list = (struct proof_list){ 0 };
}

enum wm_code proof_list_add(struct proof_list *to, const struct sidecar *from,
			    const struct envelope *e, struct wm_error *err)
{
	size_t n = 0;
	const struct proof *proofs = sidecar_proofs(&n, from, e);
	struct proof *list;

	if (n == 0)
		return WM_OK;
	list = reallocarray(to->list, to->n + n, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	memcpy(list + to->n, proofs, n * sizeof(*list));
	to->list = list;
	to->n += n;
	return WM_OK;
}

enum wm_code opening_digest(uint8_t out[SHA256_BYTES], const struct opening *o,
			    struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(sizeof(opening_domain) + OPENING_SALT + o->value_len);

	TRY(buf_append(&b, opening_domain, sizeof(opening_domain), err));
	TRY(buf_append(&b, o->salt, OPENING_SALT, err));
	TRY(buf_append(&b, o->value, o->value_len, err));
	return sha256_of(out, b.data, b.len, err);
}
