/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, and the statements and digests that are theirs; join_edges.c has what is between them. */
#include "lineage/join.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"

/* --- objects ----------------------------------------------------------------------------- */

struct gathered_object *join_object(const struct gathering *g, uint32_t ledger, int64_t number)
{
	struct gathered_object *list = g->objects[ledger].list;
	size_t low = 0, high = g->objects[ledger].n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].number == number)
			return &list[middle];
		if (list[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int compare_objects(const void *a, const void *b)
{
	const struct gathered_object *const *x = a, *const *y = b;

	return strcmp((*x)->text, (*y)->text);
}

/* Lists the objects that statements are about or refer to. */
static enum wm_code list_objects(struct gathered_list *out, struct gathering *g,
				 struct wm_error *err)
{
	struct gathered_statement *s = g->statements.list;
	struct gathered_edge *e = g->edges.list;

	for (size_t i = 0; i < g->statements.n + g->edges.n; i++) {
		const bool is_edge = i >= g->statements.n;
		const size_t j = is_edge ? i - g->statements.n : i;
		const int64_t number = is_edge ? e[j].said.object : s[j].object;
		struct gathered_object *o, **place;

		if (number == 0 && is_edge)
			continue;
		o = join_object(g, is_edge ? e[j].ledger : s[j].said.ledger, number);
		if (!o)
			return fail(err, REASON_INDEX_FAILED, "an index lacks the id of an object");
		if (o->node != GRAPH_NONE)
			continue;
		o->node = 0;
		TRY(gathered_add(&place, out, sizeof(o), err));
		*place = o;
	}
	return WM_OK;
}

static enum wm_code make_nodes(struct join *j, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list list = { 0 };
	struct gathered_object **objects;
	struct graph_node *node = NULL;

	TRY(list_objects(&list, j->from, err));
	objects = list.list;
	if (list.n > 0)
		qsort(objects, list.n, sizeof(*objects), compare_objects);
	for (size_t i = 0; i < list.n; i++) {
		if (i == 0 || strcmp(objects[i - 1]->text, objects[i]->text) != 0)
			TRY(join_add_node(&node, j, objects[i]->text, err));
		objects[i]->node = (uint32_t)j->nodes.n - 1;
	}
	j->n_objects = (uint32_t)j->nodes.n;
	return WM_OK;
}

enum wm_code join_add_node(struct graph_node **out, struct join *j, const char *id,
			   struct wm_error *err)
{
	TRY(gathered_add(out, &j->nodes, sizeof(**out), err));
	**out = (struct graph_node){
		.id = id,
		.kind = GRAPH_OTHER,
		.begins = INT64_MIN,
		.begins_last = INT64_MIN,
		.ends = INT64_MIN,
		.backwards = GRAPH_NONE,
		.step = STEP_NONE,
		.statement = GRAPH_NONE,
	};
	return WM_OK;
}

/* --- statements -------------------------------------------------------------------------- */

static int compare_statements(const void *a, const void *b)
{
	const struct gathered_statement *x = a, *y = b;

	if (x->said.ledger != y->said.ledger)
		return x->said.ledger < y->said.ledger ? -1 : 1;
	return (x->said.entry > y->said.entry) - (x->said.entry < y->said.entry);
}

enum graph_kind join_kind_of(const char *kind)
{
	if (strcmp(kind, "manifest") == 0 || strcmp(kind, "admission") == 0)
		return GRAPH_CHECKPOINT;
	if (strcmp(kind, "dataset") == 0)
		return GRAPH_DATASET;
	return strcmp(kind, "run") == 0 ? GRAPH_RUN : GRAPH_OTHER;
}

void join_note_kind(struct graph_node *node, enum graph_kind kind)
{
	node->said_to_be |= 1U << kind;
	/* The rows are in this order: what is anything else besides is no run. */
	if (!node->stated && kind < node->kind)
		node->kind = kind;
}

static void note_kind(struct graph_node *node, enum graph_kind kind)
{
	join_note_kind(node, kind);
	if (kind == GRAPH_OTHER)
		return;
	if (!node->stated || kind < node->kind)
		node->kind = kind;
	node->stated = true;
	node->stated_as |= 1U << kind;
}

static void note_times(struct graph_node *node, const struct gathered_statement *s, uint32_t i)
{
	if (s->begins != INT64_MIN && s->ends != INT64_MIN && s->ends < s->begins &&
	    node->backwards == GRAPH_NONE)
		node->backwards = i;
	if (s->begins > node->begins_last)
		node->begins_last = s->begins;
	if (s->begins != INT64_MIN && (node->begins == INT64_MIN || s->begins < node->begins))
		node->begins = s->begins;
	if (s->ends > node->ends)
		node->ends = s->ends;
}

static void note_statement(struct join *j, const struct gathered_statement *s, uint32_t i)
{
	const struct graph_statement *newest;
	struct graph_node *node;

	assert(s->said.node < j->nodes.n);
	node = (struct graph_node *)j->nodes.list + s->said.node;
	newest = node->statement == GRAPH_NONE ? NULL : &j->statements[node->statement];

	note_kind(node, join_kind_of(s->said.kind));
	node->flags |= s->flags;
	note_times(node, s, i);
	if (!newest || s->said.sequence > newest->sequence)
		node->statement = i;
}

static enum wm_code make_statements(struct join *j, struct wm_error *err)
{
	struct gathered_statement *s = j->from->statements.list;
	const size_t n = j->from->statements.n;
	void *list = NULL;

	gathered_sort(s, n, sizeof(*s), compare_statements);
	TRY(arena_alloc(&list, &j->out->arena, (n + 1) * sizeof(*j->statements), err));
	j->statements = j->out->statements = list;
	j->out->n_statements = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		const struct gathered_object *o =
			join_object(j->from, s[i].said.ledger, s[i].object);
		const struct gathered_object *issuer =
			s[i].issuer ? join_object(j->from, s[i].said.ledger, s[i].issuer) : NULL;

		s[i].said.node = o->node;
		s[i].said.issuer = issuer ? issuer->text : NULL;
		j->statements[i] = s[i].said;
		note_statement(j, &s[i], (uint32_t)i);
	}
	return WM_OK;
}

/* Entries of a log are numbered in a row: the next one asked for lies where the last one did. */
uint32_t join_statement(struct join *j, uint32_t ledger, int64_t entry)
{
	const struct gathered_statement wanted = { .said = { .ledger = ledger, .entry = entry } };
	const struct gathered_statement *list = j->from->statements.list, *found;
	const uint64_t likely = (uint64_t)entry - j->shift;

	if (likely < j->from->statements.n && compare_statements(&wanted, &list[likely]) == 0)
		return (uint32_t)likely;
	found = list ? bsearch(&wanted, list, j->from->statements.n, sizeof(wanted),
			       compare_statements) :
		       NULL;
	if (!found)
		return GRAPH_NONE;
	j->shift = (uint64_t)entry - (uint64_t)(found - list);
	return (uint32_t)(found - list);
}

static int compare_id(const void *a, const void *b)
{
	const struct join_id *x = a, *y = b;

	return memcmp(x->id, y->id, SHA256_BYTES);
}

static int compare_ids(const void *a, const void *b)
{
	const struct join_id *x = a, *y = b;
	const int order = compare_id(x, y);

	return order ? order : (x->statement > y->statement) - (x->statement < y->statement);
}

static enum wm_code list_ids(struct join *j, struct wm_error *err)
{
	struct join_id *id;

	j->first = calloc((size_t)j->out->n_statements + 1, sizeof(*j->first));
	j->place = calloc((size_t)j->out->n_statements + 1, sizeof(*j->place));
	j->bytes = calloc((size_t)j->out->n_statements + 1, sizeof(*j->bytes));
	if (!j->first || !j->place || !j->bytes)
		return fail_nomem(err);
	for (uint32_t i = 0; i < j->out->n_statements; i++) {
		TRY(gathered_add(&id, &j->ids, sizeof(*id), err));
		id->id = j->statements[i].id;
		id->statement = i;
		j->bytes[i] = j->statements[i].node;
	}
	id = j->ids.list;
	if (j->ids.n > 0)
		qsort(id, j->ids.n, sizeof(*id), compare_ids);
	for (uint32_t i = 0; i < j->ids.n; i++) {
		const bool is_copy = i > 0 && compare_id(&id[i - 1], &id[i]) == 0;

		j->first[id[i].statement] = is_copy ? j->first[id[i - 1].statement] :
						      id[i].statement;
		if (!is_copy)
			j->place[id[i].statement] = i;
	}
	return WM_OK;
}

uint32_t join_by_statement(const struct join *j, const uint8_t id[SHA256_BYTES])
{
	const struct join_id wanted = { id, GRAPH_NONE }, *found;

	found = j->ids.n ? bsearch(&wanted, j->ids.list, j->ids.n, sizeof(wanted), compare_id) :
			   NULL;
	return found ? j->statements[found->statement].node : GRAPH_NONE;
}

/* --- digests ----------------------------------------------------------------------------- */

static int compare_digests(const void *a, const void *b)
{
	const struct graph_digest *x = a, *y = b;
	const int order = memcmp(x->digest, y->digest, SHA256_BYTES);

	if (order || x->role != y->role)
		return order ? order : x->role < y->role ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

/* What a release lists are bytes of the checkpoint that it distributes. */
static void name_released(struct join *j)
{
	const struct gathered_edge *e = j->from->edges.list;

	for (size_t i = 0; i < j->from->edges.n; i++) {
		uint32_t s, to;

		if (e[i].said.kind != EDGE_RELEASED)
			continue;
		s = join_statement(j, e[i].ledger, e[i].said.entry);
		to = join_named(j, &e[i]);
		if (s != GRAPH_NONE && to != GRAPH_NONE)
			j->bytes[s] = to;
	}
}

/* Puts them in order, each once. */
static uint32_t order_digests(struct graph_digest *list, uint32_t n)
{
	uint32_t kept = 0;

	gathered_sort(list, n, sizeof(*list), compare_digests);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || compare_digests(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

/* Wholes are for comparing alone: what has one has the digests of its files too. */
static enum wm_code make_digests(struct join *j, struct wm_error *err)
{
	const struct gathered_digest *d = j->from->digests.list;
	struct graph *g = j->out;
	void *list = NULL, *wholes = NULL;
	size_t n_wholes = 0;

	for (size_t i = 0; i < j->from->digests.n; i++)
		n_wholes += d[i].role == DIGEST_WHOLE;
	TRY(arena_alloc(&wholes, &g->arena, (n_wholes + 1) * sizeof(*g->digests), err));
	TRY(arena_alloc(&list, &g->arena,
			(j->from->digests.n - n_wholes + 1) * sizeof(*g->digests), err));
	j->wholes = wholes;
	g->digests = list;
	for (size_t i = 0; i < j->from->digests.n; i++) {
		const uint32_t s = join_statement(j, d[i].ledger, d[i].entry);
		struct graph_digest *out;

		if (s == GRAPH_NONE)
			continue;
		out = d[i].role == DIGEST_WHOLE ? &j->wholes[j->n_wholes++] :
						  &g->digests[g->n_digests++];
		memcpy(out->digest, d[i].digest, SHA256_BYTES);
		out->role = d[i].role;
		out->node = j->bytes[s];
	}
	g->n_digests = order_digests(g->digests, g->n_digests);
	j->n_wholes = order_digests(j->wholes, j->n_wholes);
	return WM_OK;
}

/* The place of the first that is not before (digest, role, node). */
static uint32_t place_of(const struct join *j, const uint8_t digest[SHA256_BYTES],
			 enum digest_role role, uint32_t node)
{
	uint32_t low = 0, high = j->out->n_digests;
	struct graph_digest key = { .role = role, .node = node };

	memcpy(key.digest, digest, SHA256_BYTES);
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (compare_digests(&j->out->digests[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct join *j, uint32_t i, const uint8_t digest[SHA256_BYTES],
		  enum digest_role role)
{
	return i < j->out->n_digests && j->out->digests[i].role == role &&
	       memcmp(j->out->digests[i].digest, digest, SHA256_BYTES) == 0;
}

uint32_t join_holder(bool *shared, const struct join *j, const uint8_t digest[SHA256_BYTES],
		     enum digest_role role)
{
	const uint32_t i = place_of(j, digest, role, 0);

	*shared = is_at(j, i, digest, role) && is_at(j, i + 1, digest, role);
	return is_at(j, i, digest, role) ? j->out->digests[i].node : GRAPH_NONE;
}

bool join_has_digest(const struct join *j, const uint8_t digest[SHA256_BYTES],
		     enum digest_role role, uint32_t node)
{
	const uint32_t i = place_of(j, digest, role, node);

	return is_at(j, i, digest, role) && j->out->digests[i].node == node;
}

/* --- all --------------------------------------------------------------------------------- */

static void join_release(struct join *j)
{
	gathered_list_release(&j->nodes);
	gathered_list_release(&j->edges);
	gathered_list_release(&j->ids);
	gathered_list_release(&j->strangers);
	gathered_list_release(&j->findings);
	free(j->first);
	free(j->place);
	free(j->bytes);
}

static int compare_findings(const void *a, const void *b)
{
	const struct graph_finding *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->other != y->other)
		return x->other < y->other ? -1 : 1;
	return (x->statement > y->statement) - (x->statement < y->statement);
}

static bool is_same_finding(const struct graph_finding *a, const struct graph_finding *b)
{
	return a->kind == b->kind && a->node == b->node && a->other == b->other;
}

/* Each once, of the first statement that it is about. */
static enum wm_code take_findings(struct join *j, struct wm_error *err)
{
	struct graph_finding *from = j->findings.list, *to;
	void *list = NULL;

	TRY(arena_alloc(&list, &j->out->arena, (j->findings.n + 1) * sizeof(*to), err));
	to = j->out->findings = list;
	if (j->findings.n > 0)
		qsort(from, j->findings.n, sizeof(*from), compare_findings);
	for (size_t i = 0; i < j->findings.n; i++)
		if (i == 0 || !is_same_finding(&from[i - 1], &from[i]))
			to[j->out->n_findings++] = from[i];
	return WM_OK;
}

static enum wm_code take_nodes(struct join *j, struct wm_error *err)
{
	void *list = NULL;

	TRY(arena_alloc(&list, &j->out->arena, (j->nodes.n + 1) * sizeof(struct graph_node), err));
	if (j->nodes.n > 0)
		memcpy(list, j->nodes.list, j->nodes.n * sizeof(struct graph_node));
	j->out->nodes = list;
	j->out->n_nodes = (uint32_t)j->nodes.n;
	j->out->n_objects = j->n_objects;
	return WM_OK;
}

enum wm_code join_lineage(struct graph *out, struct gathering *g, struct wm_error *err)
{
	__attribute__((cleanup(join_release))) struct join j = { .out = out, .from = g };

	TRY(make_nodes(&j, err));
	TRY(make_statements(&j, err));
	TRY(list_ids(&j, err));
	name_released(&j);
	TRY(make_digests(&j, err));
	TRY(join_edges(&j, err));
	TRY(join_origins(&j, err));
	TRY(take_nodes(&j, err));
	TRY(join_order_edges(&j, err));
	TRY(find_contradictions(out, &j.findings, err));
	return take_findings(&j, err);
}
