/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering the facts of a verification, in an order that parses nothing unverified. */
#include "attest/verify.h"

#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "util/limits.h"

void verification_release(struct verification *v)
{
	for (size_t i = 0; i < v->n_carried; i++)
		statement_free(v->carried[i].statement);
	free(v->carried);
	free(v->sidecar_path);
	sidecar_release(&v->sidecar);
	checkpoint_free(v->checkpoint);
	*v = (struct verification){ 0 };
}

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

static enum wm_code examine(struct carried *c, const char *name, const struct keyring *keys,
			    struct wm_error *err)
{
	enum wm_code code;

	TRY(verify_signature(c, keys, err));
	if (c->signature.code != WM_OK)
		return WM_OK;
	code = statement_decode(&c->statement, c->envelope->payload, c->envelope->payload_len, name,
				&c->decoded);
	return error_is_untold(code) ? fail_again(err, &c->decoded) : WM_OK;
}

bool statement_verified(const struct verification *v, const struct carried *c)
{
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].signature.code == WM_OK &&
		    memcmp(v->carried[i].envelope->statement, c->envelope->statement,
			   SHA256_BYTES) == 0)
			return true;
	return false;
}

/*
 * The manifest of the highest sequence. Every other one must be an earlier one of the same
 * object; those that are not are counted with it.
 */
static void find_head(struct verification *v)
{
	for (size_t i = 0; i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement;

		if (!s || s->kind->descriptor != &weightmark__v1__manifest__descriptor)
			continue;
		if (!v->head || s->header->sequence > v->head->statement->header->sequence)
			v->head = &v->carried[i];
	}
	for (size_t i = 0; v->head && i < v->n_carried; i++) {
		const struct statement *s = v->carried[i].statement, *head = v->head->statement;

		if (!s || s->kind != head->kind)
			continue;
		if (&v->carried[i] == v->head ||
		    (memcmp(s->id, head->id, SHA256_BYTES) != 0 &&
		     (s->header->sequence == head->header->sequence ||
		      strcmp(s->header->object->text, head->header->object->text) != 0)))
			v->n_heads++;
	}
	if (v->head)
		v->manifest = (const Weightmark__V1__Manifest *)v->head->statement->message;
}

/* Whether strangers' envelopes would make us try more signatures than one verification may. */
static bool too_many_tries(const struct sidecar *s, const struct keyring *keys)
{
	size_t n_strangers = 0;

	for (size_t i = 0; i < s->n_envelopes; i++)
		n_strangers += keyring_find(keys, s->envelopes[i].keyid) == NULL;
	return n_strangers * keyring_count(keys) > LIMIT_TRIES;
}

static enum wm_code gather_carriers(struct verification *v, const struct verify_options *options,
				    struct wm_error *err)
{
	enum wm_code code = carrier_load(&v->sidecar, v->sidecar_path, &v->sidecar_err);

	if (error_is_untold(code))
		return fail_again(err, &v->sidecar_err);
	if (code == WM_OK && too_many_tries(&v->sidecar, options->keys))
		code = fail(&v->sidecar_err, REASON_LIMIT,
			    "%s: too many envelopes by keys that are not pinned", v->sidecar_path);
	if (code != WM_OK)
		return WM_OK;
	v->carried = calloc(v->sidecar.n_envelopes, sizeof(*v->carried));
	if (!v->carried)
		return fail_nomem(err);
	v->n_carried = v->sidecar.n_envelopes;
	for (size_t i = 0; i < v->n_carried; i++) {
		v->carried[i].envelope = &v->sidecar.envelopes[i];
		TRY(examine(&v->carried[i], v->sidecar_path, options->keys, err));
	}
	find_head(v);
	return WM_OK;
}

static bool has_signed_size(const struct verification *v)
{
	return v->manifest && v->manifest->checkpoint->n_file == 1 &&
	       v->manifest->checkpoint->file[0]->size == v->checkpoint->files[0].layout.size;
}

/* Opens the checkpoint first, so that a lease covers all that follows; measures it last. */
enum wm_code verification_gather(struct verification *out, const char *path,
				 const struct verify_options *options, struct wm_error *err)
{
	const struct checkpoint_measure_options measuring = {
		.sha256 = options->full,
		.workers = options->workers,
		.progress = options->progress,
	};
	struct verification *v = out;
	enum wm_code code;

	v->full = options->full;
	if (options->sidecar) {
		v->sidecar_path = strdup(options->sidecar);
		if (!v->sidecar_path)
			return fail_nomem(err);
	} else {
		TRY(carrier_sidecar_path(&v->sidecar_path, path, err));
	}
	code = checkpoint_open(&v->checkpoint, path, &(struct checkpoint_open_options){ NULL }, &v->checkpoint_err);
	if (!error_is_untold(code))
		TRY(gather_carriers(v, options, err));
	/* Bytes are read only where something signed speaks of a file of this size. */
	if (code == WM_OK && has_signed_size(v) && (code = checkpoint_find_parts(v->checkpoint, &v->checkpoint_err)) == WM_OK)
		code = checkpoint_measure(v->checkpoint, &measuring, &v->checkpoint_err);
	return error_is_untold(code) ? fail_again(err, &v->checkpoint_err) : WM_OK;
}
