/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the statements, then reads each from the ledger once more, for its signature. */
#include "attest/vouch.h"

#include <string.h>

#include "index/index.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

/* --- which ------------------------------------------------------------------------------- */

static enum wm_code add(struct gathered_list *out, const struct said *said, struct wm_error *err)
{
	const struct said **at;

	if (!said)
		return WM_OK;
	TRY(gathered_add(&at, out, sizeof(*at), err));
	*at = said;
	return WM_OK;
}

static int compare_said(const void *x, const void *y)
{
	const struct said *a = *(const struct said *const *)x;
	const struct said *b = *(const struct said *const *)y;

	return (a > b) - (a < b);
}

/* All that is counted on, some of it several times, in the order of the orders' list. */
static enum wm_code list_counted(struct gathered_list *out, const struct order_state *s,
				 const struct account *a, struct wm_error *err)
{
	for (size_t i = 0; i < s->order->n_versions; i++)
		TRY(add(out, &s->order->versions[i], err));
	for (size_t i = 0; i < a->n_deeds; i++)
		TRY(add(out, a->deeds[i].said, err));
	for (size_t i = 0; i < s->n_holds; i++)
		TRY(add(out, s->holds[i].event, err));
	for (size_t i = 0; i < s->n_obligations; i++)
		TRY(add(out, s->obligations[i].by, err));
	for (size_t i = 0; i < s->n_recipients; i++) {
		TRY(add(out, s->recipients[i].told, err));
		TRY(add(out, s->recipients[i].confirmed, err));
	}
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(const struct said *), compare_said);
	return WM_OK;
}

/* --- by whom ----------------------------------------------------------------------------- */

struct verifying {
	const struct said *said;
	const struct public_key *key;
	struct index *index;
	bool found;
};

static enum wm_code verify_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct verifying *v = context;
	cleanup_arena struct arena a = ARENA_INIT(2 * (size_t)LIMIT_ENTRY);
	struct envelope envelope;

	if (memcmp(e->keyid, v->said->keyid, SHA256_BYTES) != 0)
		return WM_OK;
	v->found = true;
	TRY(index_read_entry(&envelope, &a, v->index, e, err));
	return envelope_verify(&envelope, v->key, err);
}

static enum wm_code verify(const struct said *said, const struct orders *o,
			   const struct public_key *key, struct wm_error *err)
{
	struct verifying v = { .said = said, .key = key };
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(hex, said->statement->id, SHA256_BYTES);
	for (size_t i = 0; i < o->n_indexes; i++) {
		v.index = o->indexes[i];
		TRY(fail_context(index_query(v.index, QUERY_STATEMENT, hex, o->origins,
					     LIMIT_ORDERS, verify_entry, &v, err),
				 err, "%.96s", said->statement->header->object->text));
	}
	return v.found ? WM_OK :
			 fail(err, REASON_INDEX_STALE, "%s: the statement is in no ledger any more",
			      said->statement->header->object->text);
}

static const struct public_key *key_of(const struct said *said, const struct keyring *keys,
				       const struct public_key *own)
{
	char keyid[2 * SHA256_BYTES + 1];

	hex_encode(keyid, said->keyid, SHA256_BYTES);
	if (own && strcmp(keyid, public_key_id(own)) == 0)
		return own;
	return keys ? keyring_find(keys, keyid) : NULL;
}

enum wm_code vouch(struct gathered_list *unknown, const struct order_state *s,
		   const struct account *a, const struct keyring *keys,
		   const struct public_key *own, struct wm_error *err)
{
	cleanup_gathered struct gathered_list all = { 0 };
	const struct said *const *list;

	TRY(list_counted(&all, s, a, err));
	list = all.list;
	for (size_t i = 0; i < all.n; i++) {
		const struct public_key *key = key_of(list[i], keys, own);

		if (i > 0 && list[i] == list[i - 1])
			continue;
		if (key)
			TRY(verify(list[i], s->orders, key, err));
		else
			TRY(add(unknown, list[i], err));
	}
	return WM_OK;
}
