/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying what carriers hold, in an order that parses nothing unverified. */
#include "attest/pool.h"

#include <stdlib.h>
#include <string.h>

#include "attest/checks_files.h"
#include "statement/message.h"
#include "util/limits.h"

size_t first_carried(const struct verification *v, const uint8_t id[SHA256_BYTES])
{
	size_t low = 0, high = v->n_carried;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(v->carried[middle].envelope->statement, id, SHA256_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool carried_has_id(const struct verification *v, size_t i, const uint8_t id[SHA256_BYTES])
{
	return i < v->n_carried &&
	       memcmp(v->carried[i].envelope->statement, id, SHA256_BYTES) == 0;
}

const struct carried *find_carried(const struct verification *v, const uint8_t id[SHA256_BYTES])
{
	size_t first = first_carried(v, id);

	/* Envelopes of strangers may stand before the one that was verified and decoded. */
	for (size_t i = first; carried_has_id(v, i, id); i++)
		if (v->carried[i].statement)
			return &v->carried[i];
	return carried_has_id(v, first, id) ? &v->carried[first] : NULL;
}

bool statement_verified(const struct verification *v, const struct carried *c)
{
	const uint8_t *id = c->envelope->statement;

	for (size_t i = first_carried(v, id); carried_has_id(v, i, id); i++)
		if (v->carried[i].signature.code == WM_OK)
			return true;
	return false;
}

bool statement_superseded(const struct verification *v, const struct statement *s)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *c = v->carried[i].statement;

		if (c && c->header->previous &&
		    memcmp(c->header->previous->sha256.data, s->id, SHA256_BYTES) == 0)
			return true;
	}
	return false;
}

/* --- filling ------------------------------------------------------------------------- */

/*
 * Verifies under the pinned key that the envelope names. Where it names none, every pinned
 * key is tried, so that a wrong keyid shows.
 */
static enum wm_code verify_signature(struct carried *c, const struct keyring *keys,
				     struct wm_error *err)
{
	struct wm_error said;

	c->key = keyring_find(keys, c->envelope->keyid);
	if (c->key)
		return envelope_try(&c->signature, c->envelope, c->key, err);
	(void)fail(&c->signature, REASON_KEY_UNTRUSTED, "signed by key %s, which is not pinned",
		   c->envelope->keyid);
	for (size_t i = 0; i < keyring_count(keys) && !c->keyid_wrong; i++) {
		TRY(envelope_try(&said, c->envelope, keyring_at(keys, i), err));
		c->keyid_wrong = said.code == WM_OK;
	}
	return WM_OK;
}

static enum wm_code examine(struct carried *c, const struct keyring *keys, struct wm_error *err)
{
	enum wm_code code;

	TRY(verify_signature(c, keys, err));
	if (c->signature.code != WM_OK)
		return WM_OK;
	code = statement_decode(&c->statement, c->envelope->payload, c->envelope->payload_len,
				c->carrier->place, &c->decoded);
	return error_is_untold(code) ? fail_again(err, &c->decoded) : WM_OK;
}

/* Sidecars come first, so that of equal envelopes theirs is kept. */
static int compare_carried(const void *a, const void *b)
{
	const struct carried *x = a, *y = b;
	int order = envelope_compare(x->envelope, y->envelope);

	if (!order)
		order = (x->envelope->sig_len > y->envelope->sig_len) -
			(x->envelope->sig_len < y->envelope->sig_len);
	if (!order)
		order = memcmp(x->envelope->sig, y->envelope->sig, x->envelope->sig_len);
	return order ? order : (x->carrier > y->carrier) - (x->carrier < y->carrier);
}

static bool same_envelope(const struct envelope *a, const struct envelope *b)
{
	return envelope_compare(a, b) == 0 && a->sig_len == b->sig_len &&
	       memcmp(a->sig, b->sig, a->sig_len) == 0;
}

static enum wm_code collect(struct verification *v, struct wm_error *err)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < v->carriers.n; i++)
		n += v->carriers.list[i].sidecar.n_envelopes;
	v->carried = calloc(n + 1, sizeof(*v->carried));
	if (!v->carried)
		return fail_nomem(err);
	n = 0;
	for (size_t i = 0; i < v->carriers.n; i++)
		for (size_t j = 0; j < v->carriers.list[i].sidecar.n_envelopes; j++) {
			v->carried[n].carrier = &v->carriers.list[i];
			v->carried[n++].envelope = &v->carriers.list[i].sidecar.envelopes[j];
		}
	qsort(v->carried, n, sizeof(*v->carried), compare_carried);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 ||
		    !same_envelope(v->carried[kept - 1].envelope, v->carried[i].envelope))
			v->carried[kept++] = v->carried[i];
	v->n_carried = kept;
	return WM_OK;
}

/* Whether strangers' envelopes would make us try more signatures than one verification may. */
static bool too_many_tries(const struct verification *v, const struct keyring *keys)
{
	size_t n_strangers = 0;

	for (size_t i = 0; i < v->n_carried; i++)
		n_strangers += keyring_find(keys, v->carried[i].envelope->keyid) == NULL;
	return n_strangers * keyring_count(keys) > LIMIT_TRIES;
}

enum wm_code pool_fill(struct verification *v, const struct keyring *keys, struct wm_error *err)
{
	TRY(collect(v, err));
	if (v->n_carried > LIMIT_ENVELOPES) {
		(void)fail(&v->carriers_err, REASON_LIMIT, "%s: carries more than %d envelopes",
			   v->path, LIMIT_ENVELOPES);
		v->n_carried = 0;
		return WM_OK;
	}
	if (too_many_tries(v, keys)) {
		(void)fail(&v->carriers_err, REASON_LIMIT,
			   "%s: too many envelopes by keys that are not pinned", v->path);
		v->n_carried = 0;
		return WM_OK;
	}
	for (size_t i = 0; i < v->n_carried; i++)
		TRY(examine(&v->carried[i], keys, err));
	return WM_OK;
}

/* --- the head ------------------------------------------------------------------------ */

/* What a manifest or an admission says was measured; NULL for other kinds. */
static const Weightmark__V1__Checkpoint *record_of(const struct statement *s)
{
	const ProtobufCMessage *m = s ? s->message : NULL;

	if (m && m->descriptor == &weightmark__v1__manifest__descriptor)
		return ((const Weightmark__V1__Manifest *)m)->checkpoint;
	if (m && m->descriptor == &weightmark__v1__admission__descriptor)
		return ((const Weightmark__V1__Admission *)m)->checkpoint;
	return NULL;
}

static bool holds(const struct carrier *c, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = 0; i < c->sidecar.n_envelopes; i++)
		if (memcmp(c->sidecar.envelopes[i].statement, id, SHA256_BYTES) == 0)
			return true;
	return false;
}

static bool speaks(const struct verification *v, const struct carried *c)
{
	const Weightmark__V1__Checkpoint *record = record_of(c->statement);

	for (size_t i = 0; record && i < v->carriers.n; i++)
		if (holds(&v->carriers.list[i], c->envelope->statement) &&
		    carrier_speaks_of(&v->carriers.list[i], record))
			return true;
	return false;
}

static bool has_digest(const Weightmark__V1__Checkpoint *record, const Weightmark__V1__Reference *r)
{
	for (size_t i = 0; r->weights_digest && i < record->n_part; i++)
		if (digest_is(record->part[i]->weights_digest, r->weights_digest->sha256.data))
			return true;
	for (size_t i = 0; r->sha256 && i < record->n_file; i++)
		if (digest_is(record->file[i]->sha256, r->sha256->sha256.data))
			return true;
	return false;
}

static bool names(const Weightmark__V1__Reference *r, const struct statement *s)
{
	if (r->statement && memcmp(r->statement->sha256.data, s->id, SHA256_BYTES) == 0)
		return true;
	if (r->object)
		return strcmp(r->object->text, s->header->object->text) == 0;
	return has_digest(record_of(s), r);
}

static bool same_chain(const struct carried *a, const struct carried *b)
{
	return a->statement && b->statement && a->statement->kind == b->statement->kind &&
	       strcmp(a->statement->header->object->text, b->statement->header->object->text) == 0;
}

/* Whether another manifest that speaks, of another object, was derived from the one of `c`. */
static bool is_parent(const struct verification *v, const struct carried *c)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *child = v->carried[i].statement;
		const Weightmark__V1__Manifest *m;

		if (!v->carried[i].speaks || same_chain(&v->carried[i], c) ||
		    child->kind->descriptor != &weightmark__v1__manifest__descriptor)
			continue;
		m = (const Weightmark__V1__Manifest *)child->message;
		for (size_t j = 0; j < m->n_derivation; j++)
			for (size_t k = 0; k < m->derivation[j]->n_parent; k++)
				if (names(m->derivation[j]->parent[k], c->statement))
					return true;
	}
	return false;
}

/*
 * Marks what speaks of the bytes at hand. Where one of a chain does, so do its corrections,
 * for they say what holds now; and of a chain that is a parent's none does.
 */
static void find_speakers(struct verification *v)
{
	for (size_t i = 0; i < v->n_carried; i++)
		v->carried[i].speaks = speaks(v, &v->carried[i]);
	for (size_t i = 0; i < v->n_carried; i++)
		for (size_t j = 0; record_of(v->carried[i].statement) && j < v->n_carried; j++)
			v->carried[i].speaks |= v->carried[j].speaks &&
						same_chain(&v->carried[i], &v->carried[j]);
	for (size_t i = 0; i < v->n_carried; i++)
		v->carried[i].is_parent = v->carried[i].speaks && is_parent(v, &v->carried[i]);
	for (size_t i = 0; i < v->n_carried; i++)
		for (size_t j = 0; v->carried[i].is_parent && j < v->n_carried; j++)
			if (same_chain(&v->carried[i], &v->carried[j]))
				v->carried[j].speaks = false;
}

static bool is_later(const struct carried *a, const struct carried *b)
{
	return a->statement->header->sequence > b->statement->header->sequence;
}

/* The newest manifest among those that speak. */
static const struct carried *newest_manifest(struct verification *v)
{
	const struct carried *head = NULL;

	v->n_objects = 0;
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct carried *c = &v->carried[i];
		bool seen = false;

		if (!c->speaks ||
		    c->statement->kind->descriptor != &weightmark__v1__manifest__descriptor)
			continue;
		if (!head || is_later(c, head))
			head = c;
		for (size_t j = 0; j < i && !seen; j++)
			seen = v->carried[j].speaks && same_chain(&v->carried[j], c);
		v->n_objects += !seen;
	}
	return head;
}

static const Weightmark__V1__Admission *admission_of(const struct carried *c)
{
	return (const Weightmark__V1__Admission *)c->statement->message;
}

/* Whether sizes tell that the admission is of what is at hand, where several are carried. */
static bool fits(const struct verification *v, const struct carried *c)
{
	const Weightmark__V1__Checkpoint *r = admission_of(c)->checkpoint;
	const struct checkpoint *at_hand = v->checkpoint;

	for (size_t i = 0, j = 0; at_hand && i < at_hand->n_files; i++) {
		const struct checkpoint_file *f = &at_hand->files[i];

		while (at_hand->is_directory && j < r->n_file &&
		       strcmp(r->file[j]->path, f->path) < 0)
			j++;
		if (f->role == ROLE_LOAD && !f->is_pointer &&
		    (j == r->n_file || r->file[j]->size != f->layout.size))
			return false;
	}
	return true;
}

/* Whether `a` is rather to be judged than `b`, both the newest of their chains. */
static bool is_better(const struct verification *v, const struct carried *a,
		      const struct carried *b)
{
	const bool fits_a = fits(v, a), fits_b = fits(v, b);
	const bool current_a = admission_of(a)->expires->seconds > v->now,
		   current_b = admission_of(b)->expires->seconds > v->now;

	if (fits_a != fits_b)
		return fits_a;
	if (current_a != current_b)
		return current_a;
	return admission_of(a)->expires->seconds > admission_of(b)->expires->seconds;
}

/* Each of several operators answers for himself: one whose admission holds is enough. */
static const struct carried *best_admission(struct verification *v)
{
	const struct carried *head = NULL;

	for (size_t i = 0; i < v->n_carried; i++) {
		const struct carried *c = &v->carried[i];
		bool corrected = false;

		if (!c->speaks ||
		    c->statement->kind->descriptor != &weightmark__v1__admission__descriptor)
			continue;
		for (size_t j = 0; j < v->n_carried && !corrected; j++)
			corrected = same_chain(&v->carried[j], c) && is_later(&v->carried[j], c);
		if (!corrected && (!head || is_better(v, c, head)))
			head = c;
	}
	v->n_objects = head != NULL;
	return head;
}

void pool_find_head(struct verification *v)
{
	v->manifest = NULL;
	v->admission = NULL;
	find_speakers(v);
	v->head = newest_manifest(v);
	if (v->head)
		v->manifest = (const Weightmark__V1__Manifest *)v->head->statement->message;
	else
		v->head = best_admission(v);
	if (v->head && !v->manifest)
		v->admission = admission_of(v->head);
	v->record = v->head ? record_of(v->head->statement) : NULL;
}
