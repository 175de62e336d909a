/* SPDX-License-Identifier: Apache-2.0 */
/* Finding manifests of ancestors in slots. */
#include "attest/inherited.h"

#include <stdlib.h>
#include <string.h>

static const Weightmark__V1__Manifest *manifest_of(const struct statement *s)
{
	return (const Weightmark__V1__Manifest *)s->message;
}

void inherited_release(struct inherited *i)
{
	for (size_t j = 0; j < i->n; j++)
		statement_free(i->list[j].statement);
	free(i->list);
	*i = (struct inherited){ 0 };
}

static bool refers_to(const Weightmark__V1__Reference *r, const struct statement *s)
{
	if (r->statement)
		return memcmp(r->statement->sha256.data, s->id, SHA256_BYTES) == 0;
	return r->object && strcmp(r->object->text, s->header->object->text) == 0;
}

static bool is_parent_of(const struct statement *parent, const struct statement *child)
{
	const Weightmark__V1__Manifest *m = manifest_of(child);

	for (size_t i = 0; i < m->n_derivation; i++)
		for (size_t j = 0; j < m->derivation[i]->n_parent; j++)
			if (refers_to(m->derivation[i]->parent[j], parent))
				return true;
	return false;
}

/* A child stands before its parent, a correction before what it corrects, the later first. */
static bool comes_before(const struct statement *a, const struct statement *b)
{
	if (is_parent_of(b, a) || is_parent_of(a, b))
		return is_parent_of(b, a);
	if (a->header->sequence != b->header->sequence)
		return a->header->sequence > b->header->sequence;
	return a->header->issued_at->seconds > b->header->issued_at->seconds;
}

/* The foremost manifest of the carrier, or NULL; statement_free() it. */
static enum wm_code find_foremost(struct statement **out, const struct carrier *c,
				  struct wm_error *err)
{
	cleanup_statement struct statement *foremost = NULL;

	for (size_t i = 0; i < c->sidecar.n_envelopes; i++) {
		const struct envelope *e = &c->sidecar.envelopes[i];
		cleanup_statement struct statement *s = NULL;
		struct wm_error wrong = { 0 };
		enum wm_code code =
			statement_decode(&s, e->payload, e->payload_len, c->place, &wrong);

		if (error_is_untold(code))
			return fail_again(err, &wrong);
		if (!s || s->kind->descriptor != &weightmark__v1__manifest__descriptor ||
		    (foremost && !comes_before(s, foremost)))
			continue;
		statement_free(foremost);
		foremost = take_ptr(&s);
	}
	*out = take_ptr(&foremost);
	return WM_OK;
}

static bool is_known(const struct inherited *i, const struct statement *s)
{
	for (size_t j = 0; j < i->n; j++)
		if (memcmp(i->list[j].statement->id, s->id, SHA256_BYTES) == 0)
			return true;
	return false;
}

static const uint8_t *weights_of(const Weightmark__V1__Checkpoint *c)
{
	const uint8_t *digest = NULL;

	for (size_t i = 0; i < c->n_part; i++)
		if (c->part[i]->weights_digest) {
			if (digest)
				return NULL;
			digest = c->part[i]->weights_digest->sha256.data;
		}
	return digest;
}

static enum wm_code find_all(struct inherited *out, const struct carriers *carriers,
			     struct wm_error *err)
{
	out->list = calloc(carriers->n + 1, sizeof(*out->list));
	if (!out->list)
		return fail_nomem(err);
	for (size_t i = 0; i < carriers->n; i++) {
		const struct carrier *c = &carriers->list[i];
		cleanup_statement struct statement *s = NULL;

		if (c->kind == CARRIER_SIDECAR || c->err.code != WM_OK)
			continue;
		TRY(find_foremost(&s, c, err));
		if (!s || carrier_speaks_of(c, manifest_of(s)->checkpoint) || is_known(out, s))
			continue;
		out->list[out->n].path = c->files[0]->path;
		out->list[out->n].weights_digest = weights_of(manifest_of(s)->checkpoint);
		out->list[out->n++].statement = take_ptr(&s);
	}
	return WM_OK;
}

enum wm_code inherited_find(struct inherited *out, const struct checkpoint *c,
			    struct wm_error *err)
{
	cleanup_inherited struct inherited found = { 0 };
	cleanup_carriers struct carriers carriers = { 0 };
	cleanup_free char *sidecar = NULL;

	TRY(carrier_sidecar_path(&sidecar, c->path, err));
	TRY(carriers_gather(&carriers, c, sidecar, err));
	TRY(find_all(&found, &carriers, err));
	*out = found;
	found = (struct inherited){ 0 };
	return WM_OK;
}
