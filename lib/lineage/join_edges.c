/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From references to edges.
 *
 * A reference means all that it names: its object, what has its weights, what has its SHA-256. Of
 * equal weights and contents the first one will do, since those are linked; a file that several
 * checkpoints have is a node of its own, which all of them lead to, so that the number of edges
 * stays that of references and digests.
 */
#include "lineage/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"
#include "weightmark/v1/manifest.pb-c.h"

/* Roles in which a digest that a reference gives may be known. */
static const enum digest_role roles[] = { DIGEST_SHA256, DIGEST_WEIGHTS, DIGEST_TENSOR_SET,
					  DIGEST_CONTENT_ROOT };
enum { N_ROLES = sizeof(roles) / sizeof(roles[0]) };

/* By object, by each digest in each role, and what nobody has. */
enum { TARGETS_MAX = 2 + 2 * N_ROLES, STRANGER_ID = 8 + 2 * SHA256_BYTES + 1 };

/* The nodes that a reference means. */
struct targets {
	uint32_t nodes[TARGETS_MAX];
	size_t n;
};

uint32_t join_named(const struct join *j, const struct gathered_edge *e)
{
	const struct gathered_object *o =
		e->said.object ? join_object(j->from, e->ledger, e->said.object) : NULL;

	if (o)
		return o->node;
	return e->said.statement ? join_by_statement(j, e->said.statement) : GRAPH_NONE;
}

/* --- strangers --------------------------------------------------------------------------- */

static int compare_strangers(const void *a, const void *b)
{
	const struct join_stranger *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* By what a reference is known where it names no object. */
static void stranger_id(char out[STRANGER_ID], const struct gathered_edge *e)
{
	const uint8_t *digest = e->said.weights ? e->said.weights :
				e->said.sha256	? e->said.sha256 :
						  e->said.statement;
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(hex, digest, SHA256_BYTES);
	snprintf(out, STRANGER_ID, "%s:%s",
		 e->said.weights ? "weights" :
		 e->said.sha256	 ? "sha256" :
				   "wm",
		 hex);
}

static enum graph_kind kind_referred(enum edge_kind kind)
{
	switch (kind) {
	case EDGE_USES:
		return GRAPH_DATASET;
	case EDGE_RUN:
	case EDGE_CHECKPOINT_OF:
		return GRAPH_RUN;
	default:
		return GRAPH_CHECKPOINT;
	}
}

static bool is_held(const struct join *j, const uint8_t *digest)
{
	bool shared;

	for (size_t i = 0; digest && i < N_ROLES; i++)
		if (join_holder(&shared, j, digest, roles[i]) != GRAPH_NONE)
			return true;
	return false;
}

/* Whether a node of its own has to stand for what nobody has. */
static bool is_strange(const struct join *j, const struct gathered_edge *e)
{
	return join_named(j, e) == GRAPH_NONE && !is_held(j, e->said.weights) &&
	       !is_held(j, e->said.sha256) &&
	       (e->said.weights || e->said.sha256 || e->said.statement);
}

/* Whether the digest is that of a file that several checkpoints have. */
static bool is_shared_file(const struct join *j, const uint8_t *digest)
{
	bool shared = false;

	return digest && join_holder(&shared, j, digest, DIGEST_SHA256) != GRAPH_NONE && shared;
}

static void file_id(char out[STRANGER_ID], const uint8_t sha256[SHA256_BYTES])
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(hex, sha256, SHA256_BYTES);
	snprintf(out, STRANGER_ID, "sha256:%s", hex);
}

static enum wm_code add_stranger(struct join *j, const char *id, enum edge_kind kind,
				 struct wm_error *err)
{
	struct join_stranger *s;

	TRY(gathered_add(&s, &j->strangers, sizeof(*s), err));
	s->kinds = 1U << kind_referred(kind);
	return arena_copy(&s->id, &j->out->arena, id, strlen(id), err);
}

static enum wm_code list_strangers(struct join *j, struct wm_error *err)
{
	const struct gathered_edge *e = j->from->edges.list;

	for (size_t i = 0; i < j->from->edges.n; i++) {
		const uint8_t *const digests[] = { e[i].said.weights, e[i].said.sha256 };
		char id[STRANGER_ID];

		if (e[i].said.kind == EDGE_RELEASED)
			continue;
		for (size_t k = 0; k < 2; k++) {
			if (!is_shared_file(j, digests[k]))
				continue;
			file_id(id, digests[k]);
			TRY(add_stranger(j, id, e[i].said.kind, err));
		}
		if (!is_strange(j, &e[i]))
			continue;
		stranger_id(id, &e[i]);
		TRY(add_stranger(j, id, e[i].said.kind, err));
	}
	return WM_OK;
}

static enum wm_code add_edge(struct join *j, const struct graph_edge *edge, struct wm_error *err)
{
	struct graph_edge *place;

	if (edge->from == edge->to)
		return WM_OK;
	TRY(gathered_add(&place, &j->edges, sizeof(*place), err));
	*place = *edge;
	return WM_OK;
}

static const struct graph_edge blank_edge = {
	.from_step = STEP_NONE,
	.to_step = STEP_NONE,
	.step = STEP_NONE,
	.statement = GRAPH_NONE,
};

/* Leads every checkpoint that has the file to the node that stands for it. */
static enum wm_code lead_to_file(struct join *j, const struct join_stranger *s,
				 struct wm_error *err)
{
	const size_t prefix = strlen("sha256:");
	const struct graph_digest *d;
	struct graph_edge edge = blank_edge;
	uint8_t digest[SHA256_BYTES];
	uint32_t n;

	if (strncmp(s->id, "sha256:", prefix) != 0 ||
	    !hex_decode(digest, s->id + prefix, 2 * SHA256_BYTES))
		return WM_OK;
	d = graph_find_digest(&n, j->out, digest);
	edge.relation = GRAPH_HAS_FILE;
	edge.to = s->node;
	for (uint32_t i = 0; i < n; i++) {
		edge.from = d[i].node;
		TRY(add_edge(j, &edge, err));
	}
	return WM_OK;
}

static struct graph_node *node_at(const struct join *j, uint32_t i)
{
	return (struct graph_node *)j->nodes.list + i;
}

static void note_kinds(struct graph_node *node, unsigned called)
{
	for (enum graph_kind kind = GRAPH_CHECKPOINT; kind < GRAPH_OTHER; kind++)
		if (called >> kind & 1)
			join_note_kind(node, kind);
}

static enum wm_code make_strangers(struct join *j, struct wm_error *err)
{
	struct join_stranger *s;
	size_t n = 0;

	TRY(list_strangers(j, err));
	s = j->strangers.list;
	if (j->strangers.n > 0)
		qsort(s, j->strangers.n, sizeof(*s), compare_strangers);
	for (size_t i = 0; i < j->strangers.n; i++) {
		struct graph_node *node;

		if (n > 0 && strcmp(s[n - 1].id, s[i].id) == 0) {
			note_kinds(node_at(j, s[n - 1].node), s[i].kinds);
			continue;
		}
		s[n] = s[i];
		TRY(join_add_node(&node, j, s[n].id, err));
		note_kinds(node, s[n].kinds);
		s[n].node = (uint32_t)j->nodes.n - 1;
		TRY(lead_to_file(j, &s[n], err));
		n++;
	}
	j->strangers.n = n;
	return WM_OK;
}

static uint32_t stranger_of(const struct join *j, char *id)
{
	struct join_stranger wanted = { .id = id }, *found;

	found = j->strangers.n ? bsearch(&wanted, j->strangers.list, j->strangers.n,
					 sizeof(wanted), compare_strangers) :
				 NULL;
	return found ? found->node : GRAPH_NONE;
}

/* --- targets ----------------------------------------------------------------------------- */

static void add_target(struct targets *t, uint32_t node)
{
	if (node != GRAPH_NONE)
		t->nodes[t->n++] = node;
}

/* A reference of `statement` names a node by object, and by a digest another that has it. */
static enum wm_code add_conflict(struct join *j, uint32_t named, uint32_t holder,
				 uint32_t statement, struct wm_error *err)
{
	struct graph_finding *f;

	TRY(gathered_add(&f, &j->findings, sizeof(*f), err));
	*f = (struct graph_finding){ FINDING_CONFLICT, named, holder, statement, GRAPH_NONE };
	return WM_OK;
}

/* What has the digest: of those that are linked, being equal, the first, unless one was named. */
static enum wm_code add_holders(struct targets *t, struct join *j, const uint8_t *digest,
				uint32_t named, uint32_t statement, struct wm_error *err)
{
	uint32_t holder = GRAPH_NONE;
	bool is_its = named == GRAPH_NONE;
	char id[STRANGER_ID];

	for (size_t i = 0; digest && i < N_ROLES; i++) {
		bool shared;
		const uint32_t node = join_holder(&shared, j, digest, roles[i]);
		const bool has = named != GRAPH_NONE &&
				 join_has_digest(j, digest, roles[i], named);

		is_its = is_its || has;
		holder = holder == GRAPH_NONE ? node : holder;
		if (roles[i] == DIGEST_SHA256 && shared) {
			file_id(id, digest);
			add_target(t, stranger_of(j, id));
		} else if (!has) {
			add_target(t, node);
		}
	}
	return holder == GRAPH_NONE || is_its ? WM_OK :
						add_conflict(j, named, holder, statement, err);
}

/* What `e` refers to: the object that it names, and all that has a digest that it gives. */
static enum wm_code find_targets(struct targets *t, struct join *j, const struct gathered_edge *e,
				 uint32_t statement, struct wm_error *err)
{
	const uint32_t named = join_named(j, e);
	char id[STRANGER_ID];

	t->n = 0;
	if (named != GRAPH_NONE)
		join_note_kind(node_at(j, named), kind_referred(e->said.kind));
	add_target(t, named);
	TRY(add_holders(t, j, e->said.weights, named, statement, err));
	TRY(add_holders(t, j, e->said.sha256, named, statement, err));
	if (is_strange(j, e)) {
		stranger_id(id, e);
		add_target(t, stranger_of(j, id));
	}
	return WM_OK;
}

/* --- edges ------------------------------------------------------------------------------- */

static bool set_relation(struct graph_edge *edge, const struct indexed_edge *e)
{
	switch (e->kind) {
	case EDGE_USES:
		edge->relation = GRAPH_USED;
		edge->role = e->detail == NO_NUMBER ? 0 : (int)e->detail;
		edge->from_step = e->from_step == NO_NUMBER ? STEP_NONE : (uint64_t)e->from_step;
		edge->to_step = e->to_step == NO_NUMBER ? STEP_NONE : (uint64_t)e->to_step;
		edge->subset = e->subset;
		return true;
	case EDGE_RUN:
		edge->relation = GRAPH_MADE;
		return true;
	case EDGE_OUTPUT_MODEL:
	case EDGE_CHECKPOINT_OF:
		edge->relation = GRAPH_MADE;
		edge->step = e->detail == NO_NUMBER ? STEP_NONE : (uint64_t)e->detail;
		return true;
	case EDGE_PARENT:
		edge->relation = GRAPH_DERIVED;
		edge->derivation = e->detail == NO_NUMBER ? 0 : (int)e->detail;
		/* Nothing of the parent is in weights that were trained anew. */
		return e->detail != WEIGHTMARK__V1__DERIVATION__KIND__retrain_from_scratch;
	case EDGE_PARENT_MODEL:
		edge->relation = GRAPH_STARTED_FROM;
		return true;
	case EDGE_GENERATED:
		edge->relation = GRAPH_GENERATED;
		return true;
	default:
		return false;
	}
}

/* The references of one statement, in a row. */
struct group {
	const struct gathered_edge *first, *end;
	const struct gathered_edge *checkpoint_of; /* or NULL */
	uint32_t statement;
	int64_t derivation; /* that `children` is of */
	struct targets children;
};

/* The checkpoint that the derivation of `e` made: another one than ours where it says so. */
static enum wm_code find_children(struct join *j, struct group *g, const struct gathered_edge *e,
				  struct wm_error *err)
{
	if (g->derivation == e->said.derivation)
		return WM_OK;
	g->derivation = e->said.derivation;
	for (; e < g->end && e->said.derivation == g->derivation; e++)
		if (e->said.kind == EDGE_CHILD)
			return find_targets(&g->children, j, e, g->statement, err);
	g->children = (struct targets){ { j->statements[g->statement].node }, 1 };
	return WM_OK;
}

static enum wm_code add_reference(struct join *j, struct group *g, const struct gathered_edge *e,
				  struct wm_error *err)
{
	const struct targets self = { { j->statements[g->statement].node }, 1 };
	const struct targets *own = e->said.kind == EDGE_PARENT ? &g->children : &self;
	const bool out = e->said.kind == EDGE_OUTPUT_MODEL;
	struct graph_edge edge = blank_edge;
	struct targets other;

	if (!set_relation(&edge, &e->said))
		return WM_OK;
	edge.statement = g->statement;
	TRY(find_targets(&other, j, e, g->statement, err));
	if (e->said.kind == EDGE_PARENT)
		TRY(find_children(j, g, e, err));
	for (size_t i = 0; i < other.n; i++)
		for (size_t k = 0; k < own->n; k++) {
			edge.from = out ? own->nodes[k] : other.nodes[i];
			edge.to = out ? other.nodes[i] : own->nodes[k];
			TRY(add_edge(j, &edge, err));
		}
	return WM_OK;
}

/* The newest statement about a checkpoint says at which step of its run it was. */
static void note_step(struct join *j, const struct group *g)
{
	struct graph_node *node = node_at(j, j->statements[g->statement].node);

	if (g->checkpoint_of && g->checkpoint_of->said.detail != NO_NUMBER &&
	    node->statement == g->statement)
		node->step = (uint64_t)g->checkpoint_of->said.detail;
}

/* The run of checkpoint_of stands in the list of runs too: where it says the step counts. */
static bool is_said_again(const struct group *g, const struct gathered_edge *e)
{
	const struct gathered_edge *of = g->checkpoint_of;

	if (e->said.kind != EDGE_RUN || !of || of->said.object != e->said.object)
		return false;
	return e->said.object || (of->said.statement && e->said.statement &&
				  memcmp(of->said.statement, e->said.statement, SHA256_BYTES) == 0);
}

static enum wm_code add_references(struct join *j, struct wm_error *err)
{
	const struct gathered_edge *list = j->from->edges.list;
	const struct gathered_edge *const end = list ? list + j->from->edges.n : NULL;
	struct group g = { .end = list };

	for (const struct gathered_edge *first = list; first < end; first = g.end) {
		g = (struct group){ .first = first, .end = first, .derivation = NO_NUMBER };
		g.statement = join_statement(j, first->ledger, first->said.entry);
		for (; g.end < end && g.end->said.entry == first->said.entry &&
		       g.end->ledger == first->ledger;
		     g.end++)
			if (g.end->said.kind == EDGE_CHECKPOINT_OF)
				g.checkpoint_of = g.end;
		if (g.statement == GRAPH_NONE || j->first[g.statement] != g.statement)
			continue;
		note_step(j, &g);
		for (const struct gathered_edge *e = first; e < g.end; e++)
			if (!is_said_again(&g, e))
				TRY(add_reference(j, &g, e, err));
	}
	return WM_OK;
}

static enum wm_code link_equal(struct join *j, enum graph_relation relation, uint32_t a, uint32_t b,
			       struct wm_error *err)
{
	struct graph_edge edge = blank_edge;

	edge.relation = relation;
	edge.from = a;
	edge.to = b;
	TRY(add_edge(j, &edge, err));
	edge.from = b;
	edge.to = a;
	return add_edge(j, &edge, err);
}

/* Of n equal ones each is linked with the next. */
static enum wm_code add_equalities(struct join *j, struct wm_error *err)
{
	const struct graph_digest *const whole = j->wholes;
	static const struct {
		enum digest_role role;
		enum graph_relation relation;
	} rows[] = {
		{ DIGEST_WEIGHTS, GRAPH_EQUAL_WEIGHTS },
		{ DIGEST_TENSOR_SET, GRAPH_EQUAL_TENSORS },
		{ DIGEST_CONTENT_ROOT, GRAPH_EQUAL_CONTENT },
	};
	const struct graph_digest *d = j->out->digests;

	for (uint32_t i = 1; i < j->out->n_digests; i++)
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			if (d[i].role == rows[r].role && d[i - 1].role == d[i].role &&
			    memcmp(d[i - 1].digest, d[i].digest, SHA256_BYTES) == 0)
				TRY(link_equal(j, rows[r].relation, d[i - 1].node, d[i].node,
					       err));
	for (uint32_t i = 1; i < j->n_wholes; i++)
		if (memcmp(whole[i - 1].digest, whole[i].digest, SHA256_BYTES) == 0)
			TRY(link_equal(j, GRAPH_EQUAL_FILES, whole[i - 1].node, whole[i].node,
				       err));
	return WM_OK;
}

enum wm_code join_edges(struct join *j, struct wm_error *err)
{
	TRY(make_strangers(j, err));
	TRY(add_references(j, err));
	return add_equalities(j, err);
}
