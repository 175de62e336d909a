/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the statements, then reads each from the ledger once more, for its signature. */
#include "attest/vouch.h"

#include <stdlib.h>
#include <string.h>

#include "index/index.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/limits.h"

#define cleanup_gathered __attribute__((cleanup(gathered_list_release)))

/* --- which ------------------------------------------------------------------------------- */

static enum wm_code add(struct gathered_list *out, const struct said *said, struct wm_error *err)
{
	struct counted *c;

	if (!said)
		return WM_OK;
	TRY(gathered_add(&c, out, sizeof(*c), err));
	*c = (struct counted){ said->statement->header->object->text, said->statement->id,
			       said->keyid };
	return WM_OK;
}

static int compare_counted(const void *x, const void *y)
{
	const struct counted *a = x, *b = y;
	const int order = memcmp(a->statement, b->statement, SHA256_BYTES);

	return order ? order : memcmp(a->keyid, b->keyid, SHA256_BYTES);
}

/* Whose digest it is that a deed names, statements about the object say. */
static enum wm_code add_described(struct gathered_list *out, const struct graph *g,
				  const struct account *a, struct wm_error *err)
{
	cleanup_free bool *wanted = calloc((size_t)g->n_nodes + 1, sizeof(*wanted));
	struct counted *c;

	if (!wanted)
		return fail_nomem(err);
	for (size_t i = 0; i < a->n_deeds; i++)
		wanted[a->deeds[i].node] |= a->deeds[i].by_digest;
	for (uint32_t i = 0; i < g->n_statements; i++) {
		const struct graph_statement *s = &g->statements[i];

		if (!wanted[s->node])
			continue;
		TRY(gathered_add(&c, out, sizeof(*c), err));
		*c = (struct counted){ g->nodes[s->node].id, s->id, s->keyid };
	}
	return WM_OK;
}

/* All that is counted on, some of it several times, in order. */
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
	TRY(add_described(out, s->orders->graph, a, err));
	if (out->n > 0)
		qsort(out->list, out->n, sizeof(struct counted), compare_counted);
	return WM_OK;
}

/* --- by whom ----------------------------------------------------------------------------- */

struct verifying {
	const struct counted *counted;
	const struct public_key *key;
	struct index *index;
	bool found;
};

static enum wm_code verify_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct verifying *v = context;
	cleanup_arena struct arena a = ARENA_INIT(2 * (size_t)LIMIT_ENTRY);
	struct envelope envelope;

	if (memcmp(e->keyid, v->counted->keyid, SHA256_BYTES) != 0)
		return WM_OK;
	v->found = true;
	TRY(index_read_entry(&envelope, &a, v->index, e, err));
	return envelope_verify(&envelope, v->key, err);
}

static enum wm_code verify(const struct counted *counted, const struct orders *o,
			   const struct public_key *key, struct wm_error *err)
{
	struct verifying v = { .counted = counted, .key = key };
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(hex, counted->statement, SHA256_BYTES);
	for (size_t i = 0; i < o->n_indexes; i++) {
		v.index = o->indexes[i];
		TRY(fail_context(index_query(v.index, QUERY_STATEMENT, hex, o->origins,
					     LIMIT_ORDERS, verify_entry, &v, err),
				 err, "%.96s", counted->object));
	}
	return v.found ? WM_OK :
			 fail(err, REASON_INDEX_STALE, "%s: the statement is in no ledger any more",
			      counted->object);
}

static const struct public_key *key_of(const uint8_t id[SHA256_BYTES], const struct keyring *keys,
				       const struct public_key *own)
{
	char keyid[2 * SHA256_BYTES + 1];

	hex_encode(keyid, id, SHA256_BYTES);
	if (own && strcmp(keyid, public_key_id(own)) == 0)
		return own;
	return keys ? keyring_find(keys, keyid) : NULL;
}

enum wm_code vouch(struct gathered_list *unknown, const struct order_state *s,
		   const struct account *a, const struct keyring *keys,
		   const struct public_key *own, struct wm_error *err)
{
	cleanup_gathered struct gathered_list all = { 0 };
	const struct counted *list;
	struct counted *at;

	TRY(list_counted(&all, s, a, err));
	list = all.list;
	for (size_t i = 0; i < all.n; i++) {
		const struct public_key *key = key_of(list[i].keyid, keys, own);

		if (i > 0 && compare_counted(&list[i], &list[i - 1]) == 0)
			continue;
		if (key) {
			TRY(verify(&list[i], s->orders, key, err));
			continue;
		}
		TRY(gathered_add(&at, unknown, sizeof(*at), err));
		*at = list[i];
	}
	return WM_OK;
}
