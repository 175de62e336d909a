/* SPDX-License-Identifier: Apache-2.0 */
/* Composing what is said of datasets with record commitments, and finding it again. */
#include "attest/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "statement/message.h"
#include "util/limits.h"
#include "weightmark/v1/order.pb-c.h"

static void set_u64(uint64_t *value, protobuf_c_boolean *has, uint64_t n)
{
	*value = n;
	*has = 1;
}

enum wm_code dataset_fill(struct composition *c, const struct dataset_measured *m,
			  struct wm_error *err)
{
	Weightmark__V1__Dataset *d = (Weightmark__V1__Dataset *)c->statements[0].message;
	const struct commitments_header *h = m->commitments;

	if (d->content_root || d->record_commitment_root || d->has_record_count ||
	    d->has_distinct_count || d->record_grammar || d->commitment_key_id)
		return fail(err, REASON_YAML_FIELD,
			    "%s: content_root, record_commitment_root, record_count, "
			    "distinct_count, record_grammar and commitment_key_id are measured, "
			    "never written", c->name);
	if (!d->dataset_id)
		return fail(err, REASON_YAML_FIELD, "%s: dataset_id is missing", c->name);
	TRY(compose_digest(&d->content_root, c, h->content_root, err));
	TRY(compose_digest(&d->record_commitment_root, c, h->root, err));
	TRY(compose_digest(&d->commitment_key_id, c, h->key_id, err));
	TRY(compose_text(&d->record_grammar, c, m->grammar, err));
	set_u64(&d->record_count, &d->has_record_count, h->n_records);
	set_u64(&d->distinct_count, &d->has_distinct_count, h->n_rows);
	if (!d->has_size_value && !d->has_size_unit) {
		set_u64(&d->size_value, &d->has_size_value, m->n_bytes);
		d->size_unit = WEIGHTMARK__V1__DATASET__SIZE_UNIT__VALUE__bytes;
		d->has_size_unit = 1;
	}
	return WM_OK;
}

/* --- finding ----------------------------------------------------------------------------- */

void dataset_release(struct dataset *d)
{
	statement_free(d->statement);
	sidecar_release(&d->sidecar);
	gathered_list_release(&d->versions);
	*d = (struct dataset){ .statement = NULL };
}

/* What is looked for in a sidecar. */
struct wanted {
	const char *path;
	const uint8_t *id;
	const struct public_key *key;
	bool untrusted; /* something was passed over for want of a signature by the key */
	char object[LIMIT_OBJECT + 1]; /* of the datasets that were looked at; "": none yet */
};

static enum wm_code check_signer(bool *counts, const struct envelope *e, struct wanted *w,
				 struct wm_error *err)
{
	*counts = !w->key || strcmp(e->keyid, public_key_id(w->key)) == 0;
	if (!*counts)
		w->untrusted = true;
	return w->key && *counts ? envelope_verify(e, w->key, err) : WM_OK;
}

/* A statement that names a key as its issuer must be signed by that key. */
static enum wm_code check_issuer(const struct statement *s, const struct wanted *w,
				 struct wm_error *err)
{
	const char *issuer = s->header->issuer;

	if (w->key && issuer && strncmp(issuer, "key:", 4) == 0 &&
	    strcmp(issuer + 4, public_key_id(w->key)) != 0)
		return fail(err, REASON_ISSUER_MISMATCH, "%s: a statement by %.80s", w->path,
			    issuer);
	return WM_OK;
}

static enum wm_code add_version(struct dataset *d, const struct statement *s,
				struct wm_error *err)
{
	const Weightmark__V1__Dataset *m = (const Weightmark__V1__Dataset *)s->message;
	struct dataset_version *v;

	if (!m->record_commitment_root || !m->commitment_key_id || !m->content_root)
		return WM_OK;
	TRY(gathered_add(&v, &d->versions, sizeof(*v), err));
	memcpy(v->statement, s->id, SHA256_BYTES);
	memcpy(v->root, m->record_commitment_root->sha256.data, SHA256_BYTES);
	memcpy(v->key_id, m->commitment_key_id->sha256.data, SHA256_BYTES);
	memcpy(v->content_root, m->content_root->sha256.data, SHA256_BYTES);
	v->sequence = s->header->sequence;
	return WM_OK;
}

static int compare_roots(const void *x, const void *y)
{
	const struct dataset_version *a = x, *b = y;
	const int order = memcmp(a->root, b->root, SHA256_BYTES);

	return order ? order : (a->sequence < b->sequence) - (a->sequence > b->sequence);
}

static int compare_versions(const void *x, const void *y)
{
	const struct dataset_version *a = x, *b = y;

	return (a->sequence < b->sequence) - (a->sequence > b->sequence);
}

/* Of one root the newest, then all by age. */
static void sort_versions(struct gathered_list *l)
{
	struct dataset_version *v = l->list;
	size_t n = 0;

	if (l->n == 0)
		return;
	qsort(v, l->n, sizeof(*v), compare_roots);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || memcmp(v[n - 1].root, v[i].root, SHA256_BYTES) != 0)
			v[n++] = v[i];
	l->n = n;
	qsort(v, n, sizeof(*v), compare_versions);
}

/* Takes `s` over where it is the one wanted, or newer than the one there is. */
static enum wm_code consider(struct dataset *d, struct statement **s, struct wanted *w,
			     struct wm_error *err)
{
	const char *object = (*s)->header->object->text;
	const struct statement *had = d->statement;

	if ((*s)->kind->descriptor != &weightmark__v1__dataset__descriptor)
		return WM_OK;
	TRY(check_issuer(*s, w, err));
	if (!*w->object)
		snprintf(w->object, sizeof(w->object), "%s", object);
	if (strcmp(w->object, object) != 0)
		return fail(err, REASON_DATASET_UNKNOWN,
			    "%s: holds several datasets, %.64s and %.64s", w->path, w->object,
			    object);
	if ((*s)->header->sequence > d->newest)
		d->newest = (*s)->header->sequence;
	TRY(add_version(d, *s, err));
	if ((w->id && memcmp((*s)->id, w->id, SHA256_BYTES) != 0) ||
	    (had && had->header->sequence >= (*s)->header->sequence))
		return WM_OK;
	statement_free(d->statement);
	d->statement = take_ptr(s);
	return WM_OK;
}

static enum wm_code search(struct dataset *d, struct wanted *w, struct wm_error *err)
{
	TRY(carrier_load(&d->sidecar, w->path, err));
	for (size_t i = 0; i < d->sidecar.n_envelopes; i++) {
		const struct envelope *e = &d->sidecar.envelopes[i];
		cleanup_statement struct statement *s = NULL;
		bool counts = false;

		TRY(check_signer(&counts, e, w, err));
		if (!counts)
			continue;
		TRY(statement_decode(&s, e->payload, e->payload_len, w->path, err));
		TRY(consider(d, &s, w, err));
	}
	sort_versions(&d->versions);
	if (!d->statement && w->untrusted)
		return fail(err, REASON_KEY_UNTRUSTED, "%s: nothing of it is signed by %.16s...",
			    w->path, public_key_id(w->key));
	if (!d->statement && d->newest > 0)
		return fail(err, REASON_RECORD_PROOF_MISMATCH,
			    "%s: is of another dataset than the proof", w->path);
	if (!d->statement)
		return fail(err, REASON_DATASET_UNKNOWN, "%s: does not hold a dataset", w->path);
	d->message = (const Weightmark__V1__Dataset *)d->statement->message;
	if (!d->message->record_commitment_root || !d->message->has_distinct_count ||
	    !d->message->commitment_key_id)
		return fail(err, REASON_DATASET_UNKNOWN,
			    "%s: %.128s has no record commitments: 'dataset record' makes them",
			    w->path, d->statement->header->object->text);
	return WM_OK;
}

enum wm_code dataset_load(struct dataset *out, const char *path, const uint8_t *id,
			  const struct public_key *key, struct wm_error *err)
{
	struct dataset d = { .statement = NULL };
	struct wanted w = { .path = path, .id = id, .key = key };
	enum wm_code code = search(&d, &w, err);

	if (code == WM_OK)
		*out = d;
	else
		dataset_release(&d);
	return code;
}

/* --- withdrawing ------------------------------------------------------------------------- */

/* "WORD-" and 16 digits of a digest over what makes it this statement and no other. */
static enum wm_code make_id(Weightmark__V1__Id **out, struct composition *c, const char *word,
			    const struct dataset *d, const void *what, size_t len,
			    struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_ID);
	cleanup_sha256 struct sha256 *s = NULL;
	const char *object = d->statement->header->object->text;
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_new(&s, err));
	TRY(sha256_start(s, err));
	TRY(sha256_update(s, word, strlen(word) + 1, err));
	TRY(sha256_update(s, object, strlen(object) + 1, err));
	TRY(sha256_update(s, what, len, err));
	TRY(sha256_finish(s, digest, err));
	TRY(buf_printf(&text, err, "%s-", word));
	TRY(buf_append_hex(&text, digest, 8, err));
	return compose_scalar(out, c, &weightmark__v1__id__descriptor, buf_str(&text), err);
}

static enum wm_code refer(Weightmark__V1__Reference **out, struct composition *c,
			  const struct dataset *d, struct wm_error *err)
{
	return compose_reference(out, c, d->statement->header->object->text, d->statement->id, err);
}

/* Sorts the leaves and leaves each once. */
static void sort_leaves(struct withdrawing *w)
{
	size_t to = 0;

	sort_bytes(w->leaves, w->n, SHA256_BYTES, SHA256_BYTES);
	for (size_t i = 0; i < w->n; i++)
		if (to == 0 || memcmp(w->leaves[to - 1], w->leaves[i], SHA256_BYTES) != 0)
			memmove(w->leaves[to++], w->leaves[i], SHA256_BYTES);
	w->n = to;
}

enum wm_code dataset_withdraw(struct composition *c, struct withdrawing *w, struct wm_error *err)
{
	const char *word = w->kind == WEIGHTMARK__V1__REVOCATION__KIND__erasure_request ?
				   "erasure" :
				   "withdrawal";
	Weightmark__V1__Revocation *r;
	ProtobufCMessage *m = NULL;
	void *list = NULL;

	sort_leaves(w);
	if (w->n > LIMIT_WITHDRAWN)
		return fail(err, REASON_LIMIT, "%zu records, and one statement names at most %d",
			    w->n, LIMIT_WITHDRAWN);
	TRY(compose_one(&m, c, &weightmark__v1__revocation__descriptor, err));
	r = (Weightmark__V1__Revocation *)m;
	r->kind = w->kind;
	r->has_kind = 1;
	TRY(make_id(&r->id, c, word, w->dataset, w->leaves, w->n * SHA256_BYTES, err));
	TRY(refer(&r->dataset, c, w->dataset, err));
	TRY(compose_when(&r->effective_at, &r->effective_day, c, &w->effective, err));
	TRY(arena_alloc(&list, &c->arena, (w->n + 1) * sizeof(*r->record), err));
	r->record = list;
	for (; r->n_record < w->n; r->n_record++)
		TRY(compose_digest(&r->record[r->n_record], c, w->leaves[r->n_record], err));
	return WM_OK;
}

enum wm_code dataset_key_destroyed(struct composition *c, const struct dataset *d,
				   const uint8_t key_id[SHA256_BYTES], int64_t now,
				   struct wm_error *err)
{
	cleanup_buf struct buf reason = BUF_INIT(LIMIT_MESSAGE);
	Weightmark__V1__LifecycleEvent *e;
	ProtobufCMessage *m = NULL;

	TRY(buf_append_str(&reason, "commitment key destroyed: ", err));
	TRY(buf_append_hex(&reason, key_id, SHA256_BYTES, err));
	TRY(compose_one(&m, c, &weightmark__v1__lifecycle_event__descriptor, err));
	e = (Weightmark__V1__LifecycleEvent *)m;
	e->kind = WEIGHTMARK__V1__LIFECYCLE_EVENT__KIND__deleted;
	e->has_kind = 1;
	TRY(make_id(&e->id, c, "key-destroyed", d, key_id, SHA256_BYTES, err));
	TRY(refer(&e->subject, c, d, err));
	TRY(compose_time(&e->at, c, now, err));
	return compose_text(&e->reason, c, buf_str(&reason), err);
}
