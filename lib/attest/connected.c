/* SPDX-License-Identifier: Apache-2.0 */
/* A union-find over carried statements; edges are references and corrections. */
#include "attest/connected.h"

#include <stdlib.h>
#include <string.h>

#include "statement/message.h"

struct groups {
	const struct verification *v;
	size_t *up;   /* towards the representative of each envelope's group */
	size_t from;  /* the envelope whose references are walked */
};

static size_t group_of(const struct groups *g, size_t i)
{
	while (g->up[i] != i) {
		g->up[i] = g->up[g->up[i]];
		i = g->up[i];
	}
	return i;
}

/* Envelopes are sorted by statement id: a binary search finds the first of one id. */
static size_t first_of(const struct verification *v, const uint8_t id[SHA256_BYTES])
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

static bool has_id(const struct verification *v, size_t i, const uint8_t id[SHA256_BYTES])
{
	return i < v->n_carried &&
	       memcmp(v->carried[i].envelope->statement, id, SHA256_BYTES) == 0;
}

const struct carried *find_carried(const struct verification *v, const uint8_t id[SHA256_BYTES])
{
	size_t first = first_of(v, id);

	/* Envelopes of strangers may stand before the one that was verified and decoded. */
	for (size_t i = first; has_id(v, i, id); i++)
		if (v->carried[i].statement)
			return &v->carried[i];
	return has_id(v, first, id) ? &v->carried[first] : NULL;
}

static void join_id(const struct groups *g, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = first_of(g->v, id); has_id(g->v, i, id); i++)
		g->up[group_of(g, i)] = group_of(g, g->from);
}

/* Message visitor: every statement id that a statement holds is an edge. */
static enum wm_code join_references(const ProtobufCMessage *m, const void *context,
				    struct wm_error *err)
{
	const struct groups *g = context;

	(void)err;
	if (m->descriptor == &weightmark__v1__statement_id__descriptor)
		join_id(g, ((const Weightmark__V1__StatementId *)m)->sha256.data);
	return WM_OK;
}

enum wm_code all_connected(const struct verification *v, struct wm_error *err)
{
	cleanup_free size_t *up = calloc(v->n_carried + 1, sizeof(*up));
	struct groups g = { v, up, 0 };
	char id[STATEMENT_ID_TEXT + 1];

	if (!up)
		return fail_nomem(err);
	for (size_t i = 0; i < v->n_carried; i++)
		up[i] = i;
	for (g.from = 0; g.from < v->n_carried; g.from++) {
		join_id(&g, v->carried[g.from].envelope->statement);
		if (v->carried[g.from].statement)
			TRY(message_walk(v->carried[g.from].statement->message, join_references, &g,
					 err));
	}
	for (size_t i = 0; i < v->n_carried; i++) {
		if (v->head && group_of(&g, i) == group_of(&g, (size_t)(v->head - v->carried)))
			continue;
		statement_id_text(id, v->carried[i].envelope->statement);
		return fail(err, REASON_STATEMENT_UNCONNECTED,
			    "%s: nothing connects %s with the manifest", v->sidecar_path, id);
	}
	return WM_OK;
}
