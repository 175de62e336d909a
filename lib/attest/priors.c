/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what was signed before. */
#include "attest/priors.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "attest/chained.h"
#include "util/array.h"
#include "util/limits.h"

/* --- finding among the own ones ---------------------------------------------------------- */

/* An element of the trees: a statement, and its place in the list. */
struct placed {
	const uint8_t *id;
	const struct kind *kind;
	const char *object;
	size_t place;
};

static int compare_ids(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return memcmp(x->id, y->id, SHA256_BYTES);
}

static int compare_objects(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	const int order = strcmp(x->object, y->object);

	return order ? order : strcmp(x->kind->name, y->kind->name);
}

static void keep_element(void *element)
{
	(void)element; /* it is the arena's */
}

/* The last of the list is an own one from now on. */
static enum wm_code place_own(struct priors *p, struct wm_error *err)
{
	const struct statement *s = p->list[p->n - 1].statement;
	struct placed *element, **found;
	void *room = NULL;

	TRY(arena_alloc(&room, &p->entries, sizeof(*element), err));
	element = room;
	*element = (struct placed){ s->id, s->kind, s->header->object->text, p->n - 1 };
	if (!tsearch(element, &p->by_id, compare_ids))
		return fail_nomem(err);
	found = (struct placed **)tsearch(element, &p->by_object, compare_objects);
	if (!found)
		return fail_nomem(err);
	if (s->header->sequence > p->list[(*found)->place].statement->header->sequence)
		*found = element;
	p->n_own = p->n;
	return WM_OK;
}

static const struct prior *find_in(const struct priors *p, void *const *tree,
				   const struct placed *wanted,
				   int (*compare)(const void *, const void *))
{
	struct placed *const *found = (struct placed *const *)tfind(wanted, tree, compare);

	return found ? &p->list[(*found)->place] : NULL;
}

const struct prior *priors_newest(const struct priors *p, const struct kind *kind,
				  const char *object)
{
	return find_in(p, &p->by_object,
		       &(struct placed){ .kind = kind, .object = object }, compare_objects);
}

const struct prior *priors_find(const struct priors *p, const uint8_t id[SHA256_BYTES])
{
	return find_in(p, &p->by_id, &(struct placed){ .id = id }, compare_ids);
}

/* --- reading ----------------------------------------------------------------------------- */

void priors_free(struct priors *p)
{
	if (!p)
		return;
	tdestroy(p->by_id, keep_element);
	tdestroy(p->by_object, keep_element);
	for (size_t i = 0; i < p->n; i++)
		statement_free(p->statements[i]);
	for (size_t i = 0; i < p->n_given; i++)
		sidecar_release(&p->given[i]);
	carriers_release(&p->carriers);
	arena_release(&p->entries);
	free(p->given);
	free(p->list);
	free(p->statements);
	free(p);
}

static enum wm_code add_prior(struct priors *p, const struct envelope *e,
			      const struct carrier *carrier, const char *name,
			      struct wm_error *err)
{
	struct prior *list = array_grow(p->list, p->n, sizeof(*list));
	struct statement **statements;

	if (!list)
		return fail_nomem(err);
	p->list = list;
	statements = array_grow(p->statements, p->n, sizeof(*statements));
	if (!statements)
		return fail_nomem(err);
	p->statements = statements;
	TRY(statement_decode(&statements[p->n], e->payload, e->payload_len, name, err));
	list[p->n] = (struct prior){ statements[p->n], e, carrier };
	p->n++;
	return WM_OK;
}

/* What the key made: that can be reused or corrected. */
static enum wm_code add_own(struct priors *p, const struct carrier *carrier,
			    const struct public_key *key, struct wm_error *err)
{
	struct wm_error said;

	for (size_t i = 0; i < carrier->sidecar.n_envelopes; i++) {
		const struct envelope *e = &carrier->sidecar.envelopes[i];

		TRY(envelope_try(&said, e, key, err));
		if (said.code != WM_OK || priors_find(p, e->statement))
			continue;
		TRY(add_prior(p, e, carrier, carrier->place, err));
		TRY(place_own(p, err));
	}
	return WM_OK;
}

static const struct buf *slot_of(const struct carrier *c)
{
	return c->n_files > 0 ? &c->files[0]->layout.carried : NULL;
}

/* Shards carry the same slot: the bytes of one that was read are not read again. */
static bool is_copy(const struct carriers *c, size_t i)
{
	const struct buf *a = slot_of(&c->list[i]);

	for (size_t j = 0; a && j < i; j++) {
		const struct buf *b = slot_of(&c->list[j]);

		if (b && c->list[j].kind == c->list[i].kind && a->len == b->len &&
		    memcmp(a->data, b->data, a->len) == 0)
			return true;
	}
	return false;
}

static enum wm_code load(struct priors *p, const struct checkpoint *c, const char *sidecar_path,
			 const struct public_key *key, struct wm_error *err)
{
	TRY(carriers_gather(&p->carriers, c, sidecar_path, err));
	for (size_t i = 0; i < p->carriers.n; i++) {
		struct carrier *carrier = &p->carriers.list[i];
		struct wm_error wrong = carrier->err;
		enum wm_code code = wrong.code;

		if (code == WM_OK && !is_copy(&p->carriers, i))
			code = add_own(p, carrier, key, &wrong);
		if (code != WM_OK &&
		    (carrier->kind != CARRIER_DISPLACED || error_is_untold(code)))
			return fail_again(err, &wrong);
		if (carrier->kind == CARRIER_SIDECAR)
			p->sidecar = &carrier->sidecar;
	}
	return WM_OK;
}

/* On top of a fork nothing that is signed would verify. */
static enum wm_code check_chained(const struct priors *p, struct wm_error *err)
{
	cleanup_free const struct statement **list = calloc(p->n_own + 1, sizeof(*list));
	enum wm_code code;

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < p->n_own; i++)
		list[i] = p->list[i].statement;
	code = statements_chained(list, p->n_own, err);
	if (code != WM_OK)
		return fail_context(code, err, "what is carried by this key does not chain");
	return WM_OK;
}

enum wm_code priors_load(struct priors **out, const struct checkpoint *c,
			 const char *sidecar_path, const struct public_key *key,
			 struct wm_error *err)
{
	cleanup_priors struct priors *p = calloc(1, sizeof(*p));

	if (!p)
		return fail_nomem(err);
	p->entries = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	TRY(load(p, c, sidecar_path, key, err));
	TRY(check_chained(p, err));
	*out = take_ptr(&p);
	return WM_OK;
}

enum wm_code priors_add_entry(struct priors *p, struct index *x, const struct indexed *e,
			      const struct public_key *key, struct wm_error *err)
{
	struct envelope *envelope;
	void *room = NULL;

	assert(p->n == p->n_own);
	if (priors_find(p, e->statement))
		return WM_OK;
	TRY(arena_alloc(&room, &p->entries, sizeof(*envelope), err));
	envelope = room;
	TRY(index_read_entry(envelope, &p->entries, x, e, err));
	TRY(envelope_verify(envelope, key, err));
	TRY(add_prior(p, envelope, NULL, e->origin, err));
	return place_own(p, err);
}

/* All of a given sidecar must be signed by a steward's key. */
static enum wm_code add_all(struct priors *p, const struct sidecar *sidecar, const char *name,
			    const struct keyring *stewards, struct wm_error *err)
{
	for (size_t i = 0; i < sidecar->n_envelopes; i++) {
		const struct envelope *e = &sidecar->envelopes[i];
		const struct public_key *key = stewards ? keyring_find(stewards, e->keyid) : NULL;

		if (!key)
			return fail(err, REASON_STEWARD_UNTRUSTED, "%s: signed by key %s", name,
				    e->keyid);
		TRY(envelope_verify(e, key, err));
		TRY(add_prior(p, e, NULL, name, err));
	}
	return WM_OK;
}

enum wm_code priors_add_given(struct priors *p, const char *path, const struct keyring *stewards,
			      struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { 0 };
	struct sidecar *given = reallocarray(p->given, p->n_given + 1, sizeof(*given));

	if (!given)
		return fail_nomem(err);
	p->given = given;
	TRY(carrier_load(&s, path, err));
	given[p->n_given++] = s;
	s = (struct sidecar){ 0 };
	return add_all(p, &given[p->n_given - 1], path, stewards, err);
}

const struct prior *priors_manifest(const struct priors *p)
{
	const struct prior *newest = NULL;

	for (size_t i = 0; i < p->n_own; i++) {
		const struct statement *s = p->list[i].statement;

		if (s->kind->descriptor != &weightmark__v1__manifest__descriptor ||
		    !carrier_speaks_of(p->list[i].carrier,
				       ((const Weightmark__V1__Manifest *)s->message)->checkpoint))
			continue;
		if (!newest || s->header->sequence > newest->statement->header->sequence)
			newest = &p->list[i];
	}
	return newest;
}

enum wm_code priors_answered(bool *out, const struct priors *p, struct wm_error *err)
{
	*out = false;
	for (size_t i = 0; p->sidecar && i < p->sidecar->n_envelopes && !*out; i++) {
		const struct envelope *e = &p->sidecar->envelopes[i];
		cleanup_statement struct statement *s = NULL;
		struct wm_error why = { 0 };
		enum wm_code code;

		code = statement_decode(&s, e->payload, e->payload_len, "sidecar", &why);
		if (error_is_untold(code))
			return fail_again(err, &why);
		*out = code != WM_OK ||
		       s->kind->descriptor != &weightmark__v1__admission__descriptor;
	}
	return WM_OK;
}
