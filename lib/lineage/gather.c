/* SPDX-License-Identifier: Apache-2.0 */
/* Reading indexes into lists. */
#include "lineage/gather.h"

#include <stdlib.h>
#include <string.h>

#include "statement/kind.h"
#include "util/limits.h"

void gathered_list_release(struct gathered_list *l)
{
	free(l->list);
	*l = (struct gathered_list){ 0 };
}

void gathering_release(struct gathering *g)
{
	for (size_t i = 0; i < g->n_ledgers; i++)
		free(g->objects[i].list);
	free(g->objects);
	gathered_list_release(&g->statements);
	gathered_list_release(&g->edges);
	gathered_list_release(&g->digests);
}

enum wm_code gathered_add(void *place, struct gathered_list *l, size_t size, struct wm_error *err)
{
	char *at;

	if (l->n >= LIMIT_GRAPH)
		return fail(err, REASON_LIMIT, "lineage of more than %d statements or references",
			    LIMIT_GRAPH);
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		void *list = reallocarray(l->list, room, size);

		if (!list)
			return fail_nomem(err);
		l->list = list;
		l->room = room;
	}
	at = (char *)l->list + l->n++ * size;
	memset(at, 0, size);
	memcpy(place, &at, sizeof(at));
	return WM_OK;
}

void gathered_sort(void *list, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	const char *at = list;
	size_t i = 1;

	while (i < n && compare(at + (i - 1) * size, at + i * size) <= 0)
		i++;
	if (i < n)
		qsort(list, n, size, compare);
}

static enum wm_code copy_text(const char **out, struct gathering *g, const char *text,
			      struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, g->arena, text, strlen(text), err));
	*out = copy;
	return WM_OK;
}

static enum wm_code copy_digest(const uint8_t **digest, struct gathering *g, struct wm_error *err)
{
	char *copy = NULL;

	if (!*digest)
		return WM_OK;
	TRY(arena_copy(&copy, g->arena, *digest, SHA256_BYTES, err));
	*digest = (const uint8_t *)copy;
	return WM_OK;
}

/* --- the visitor ------------------------------------------------------------------------- */

static enum wm_code on_object(void *context, int64_t number, const char *text,
			      struct wm_error *err)
{
	struct gathering *g = context;
	struct gathered_object *o;

	TRY(gathered_add(&o, &g->objects[g->ledger], sizeof(*o), err));
	o->number = number;
	o->node = GRAPH_NONE;
	return copy_text(&o->text, g, text, err);
}

static enum wm_code on_statement(void *context, const struct indexed_statement *said,
				 struct wm_error *err)
{
	struct gathering *g = context;
	const struct kind *kind;
	struct gathered_statement *s;

	progress_add(g->progress, 1);
	TRY(gathered_add(&s, &g->statements, sizeof(*s), err));
	s->said = (struct graph_statement){
		.ledger = g->ledger,
		.entry = said->entry,
		.node = GRAPH_NONE,
		.sequence = said->sequence,
		.issued_at = said->issued_at,
	};
	memcpy(s->said.id, said->statement, SHA256_BYTES);
	memcpy(s->said.keyid, said->keyid, SHA256_BYTES);
	s->object = said->object;
	s->issuer = said->issuer;
	s->begins = said->begins;
	s->ends = said->ends;
	s->flags = said->flags;
	kind = kind_find(said->kind);
	if (!kind)
		return fail(err, REASON_INDEX_FAILED, "an index has a statement of no kind");
	s->said.kind = kind->name;
	return WM_OK;
}

static enum wm_code on_edge(void *context, const struct indexed_edge *said, struct wm_error *err)
{
	struct gathering *g = context;
	struct gathered_edge *e;

	progress_add(g->progress, 1);
	TRY(gathered_add(&e, &g->edges, sizeof(*e), err));
	e->ledger = g->ledger;
	e->said = *said;
	TRY(copy_digest(&e->said.statement, g, err));
	TRY(copy_digest(&e->said.weights, g, err));
	TRY(copy_digest(&e->said.sha256, g, err));
	return copy_digest(&e->said.subset, g, err);
}

static enum wm_code on_digest(void *context, const uint8_t digest[SHA256_BYTES],
			      enum digest_role role, int64_t entry, struct wm_error *err)
{
	struct gathering *g = context;
	struct gathered_digest *d;

	progress_add(g->progress, 1);
	TRY(gathered_add(&d, &g->digests, sizeof(*d), err));
	d->ledger = g->ledger;
	d->entry = entry;
	d->role = role;
	memcpy(d->digest, digest, SHA256_BYTES);
	return WM_OK;
}

enum wm_code gather_lineage(struct gathering *g, struct index *const *indexes, size_t n,
			    const char *const *origins, struct wm_error *err)
{
	const struct lineage_visitor visitor = { on_object, on_statement, on_edge, on_digest, g };

	g->objects = calloc(n + 1, sizeof(*g->objects));
	if (!g->objects)
		return fail_nomem(err);
	g->n_ledgers = n;
	for (size_t i = 0; i < n; i++) {
		g->ledger = (uint32_t)i;
		TRY(index_lineage(indexes[i], origins, &visitor, err));
	}
	return WM_OK;
}
