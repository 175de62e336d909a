/* SPDX-License-Identifier: Apache-2.0 */
/* A union-find over carried statements; edges are references and corrections. */
#include "attest/connected.h"

#include <stdlib.h>
#include <string.h>

#include "attest/chained.h"
#include "attest/pool.h"
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

static void join_id(const struct groups *g, const uint8_t id[SHA256_BYTES])
{
	for (size_t i = first_carried(g->v, id); carried_has_id(g->v, i, id); i++)
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

/* Whether it is what others must be connected with: a manifest or an admission. */
static bool is_anchor(const struct carried *c)
{
	return c->statement &&
	       (c->statement->kind->descriptor == &weightmark__v1__manifest__descriptor ||
		c->statement->kind->descriptor == &weightmark__v1__admission__descriptor);
}

enum wm_code all_connected(const struct verification *v, struct wm_error *err)
{
	cleanup_free size_t *up = calloc(v->n_carried + 1, sizeof(*up));
	cleanup_free bool *anchored = calloc(v->n_carried + 1, sizeof(*anchored));
	struct groups g = { v, up, 0 };
	char id[STATEMENT_ID_TEXT + 1];

	if (!up || !anchored)
		return fail_nomem(err);
	for (size_t i = 0; i < v->n_carried; i++)
		up[i] = i;
	for (g.from = 0; g.from < v->n_carried; g.from++) {
		join_id(&g, v->carried[g.from].envelope->statement);
		if (v->carried[g.from].statement)
			TRY(message_walk(v->carried[g.from].statement->message, join_references, &g,
					 err));
	}
	for (size_t i = 0; i < v->n_carried; i++)
		if (is_anchor(&v->carried[i]))
			anchored[group_of(&g, i)] = true;
	for (size_t i = 0; i < v->n_carried; i++) {
		if (anchored[group_of(&g, i)] || !statement_verified(v, &v->carried[i]))
			continue;
		statement_id_text(id, v->carried[i].envelope->statement);
		return fail(err, REASON_STATEMENT_UNCONNECTED,
			    "%s: nothing connects %s with the manifest",
			    v->carried[i].carrier->place, id);
	}
	return WM_OK;
}

enum wm_code all_chained(const struct verification *v, struct wm_error *err)
{
	cleanup_free const struct statement **list = calloc(v->n_carried + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < v->n_carried; i++)
		if (v->carried[i].statement)
			list[n++] = v->carried[i].statement;
	return statements_chained(list, n, err);
}
