/* SPDX-License-Identifier: Apache-2.0 */
/* Finding where a walk begins. */
#include "trace_seeds.h"

#include <stdlib.h>
#include <string.h>

#include "data/membership.h"
#include "data/records_read.h"
#include "dataset.h"
#include "measured.h"
#include "output.h"
#include "statement/statement.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"

#define PARTY "party:"
#define PROOF "{\"_type\":\"urn:weightmark:record-"

enum { CANDIDATES = 20 };

void seeds_release(struct seeds *s)
{
	free(s->list);
	free(s->taken);
}

static void add_seed(struct seeds *s, uint32_t node)
{
	if (node == GRAPH_NONE || s->taken[node] || s->graph->nodes[node].kind == GRAPH_OTHER)
		return;
	if (s->kind && s->graph->nodes[node].kind != *s->kind)
		return;
	if (s->datasets && s->graph->nodes[node].kind != GRAPH_DATASET)
		return;
	s->taken[node] = true;
	s->list[s->n++] = (struct trace_seed){ .node = node };
}

static enum wm_code add_entry(void *context, const struct indexed *e, struct wm_error *err)
{
	struct seeds *s = context;
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_statement struct statement *said = NULL;
	struct envelope envelope;

	TRY(index_read_entry(&envelope, &a, s->index, e, err));
	TRY(statement_decode(&said, envelope.payload, envelope.payload_len, "entry", err));
	add_seed(s, graph_find(s->graph, said->header->object->text));
	return WM_OK;
}

static enum wm_code ask(struct seeds *s, enum query_kind kind, const char *value,
			struct wm_error *err)
{
	for (size_t i = 0; i < s->ledgers->n; i++) {
		s->index = s->ledgers->indexes[i];
		TRY(index_query(s->index, kind, value, s->origins, s->graph->n_statements,
				add_entry, s, err));
	}
	return WM_OK;
}

static void add_digest(struct seeds *s, const uint8_t digest[SHA256_BYTES])
{
	const struct graph_digest *d;
	uint32_t n;

	d = graph_find_digest(&n, s->graph, digest);
	for (uint32_t i = 0; i < n; i++)
		add_seed(s, d[i].node);
}

static void add_hex(struct seeds *s, const char *hex)
{
	uint8_t digest[SHA256_BYTES];

	if (strlen(hex) == 2 * SHA256_BYTES && hex_decode(digest, hex, 2 * SHA256_BYTES))
		add_digest(s, digest);
}

/* Of several that a name may mean, none is chosen. */
static enum wm_code refuse_several(const struct seeds *s, const char *what, struct wm_error *err)
{
	for (size_t i = 0; i < s->n && i < CANDIDATES; i++)
		message("'%s' may be %s", what, s->graph->nodes[s->list[i].node].id);
	return fail(err, REASON_USAGE, "'%.100s' names %zu things; give one of the ids above", what,
		    s->n);
}

/* --- proofs ------------------------------------------------------------------------------ */

/* Whether the file begins as a proof does. What cannot be read is none. */
static bool is_proof(struct buf *bytes, const char *path)
{
	struct wm_error unread = { 0 };

	return file_read(bytes, path, &unread) == WM_OK && bytes->len >= strlen(PROOF) &&
	       memcmp(bytes->data, PROOF, strlen(PROOF)) == 0;
}

/* The statement of this id in the ledgers, or NULL. */
static const struct graph_statement *find_statement(const struct graph *g,
						    const uint8_t id[SHA256_BYTES])
{
	for (uint32_t i = 0; i < g->n_statements; i++)
		if (memcmp(g->statements[i].id, id, SHA256_BYTES) == 0)
			return &g->statements[i];
	return NULL;
}

/* Verifies the proof by the root that the statement it names has. */
static enum wm_code check_proof(const struct seeds *s, const struct membership *m,
				const struct graph_statement *said, const char *path,
				struct wm_error *err)
{
	cleanup_statement struct statement *statement = NULL;
	const Weightmark__V1__Dataset *d;

	TRY(graph_read_statement(&statement, said, s->ledgers->indexes, err));
	if (!statement)
		return fail(err, REASON_INDEX_STALE, "%s: its statement is gone", path);
	d = (const Weightmark__V1__Dataset *)statement->message;
	if (statement->message->descriptor != &weightmark__v1__dataset__descriptor ||
	    !d->record_commitment_root ||
	    strcmp(statement->header->object->text, m->dataset) != 0)
		return fail(err, REASON_RECORD_PROOF_MISMATCH,
			    "%s: names a statement that has no records of %.128s", path,
			    m->dataset);
	return membership_verify(m, d->record_commitment_root->sha256.data, d->distinct_count,
				 NULL, err);
}

/* The dataset of the record: which subset has it, nobody can tell, so that each is undecided. */
static enum wm_code add_member(struct seeds *s, const struct membership *m, const char *path,
			       struct wm_error *err)
{
	static const uint8_t no_subset[SHA256_BYTES];
	static const uint8_t *const subsets[] = { no_subset };
	const struct graph_statement *said = find_statement(s->graph, m->statement);

	if (!said)
		return WM_OK;
	TRY(check_proof(s, m, said, path, err));
	add_seed(s, graph_find(s->graph, m->dataset));
	for (size_t i = 0; i < s->n; i++) {
		s->list[i].subsets = subsets;
		s->list[i].n_subsets = 1;
	}
	return WM_OK;
}

static enum wm_code add_proof(struct seeds *s, const struct buf *bytes, const char *path,
			      struct wm_error *err)
{
	struct membership m;

	TRY(membership_parse(&m, bytes->data, bytes->len, path, err));
	if (m.absent)
		return fail(err, REASON_USAGE,
			    "%s: says that the record is not among those of %.128s: nothing "
			    "descends from it", path, m.dataset);
	return add_member(s, &m, path, err);
}

/* A record itself, which the commitments of --dataset, and their key, find. */
static enum wm_code add_record(struct seeds *s, const char *path, struct wm_error *err)
{
	cleanup_opened struct opened o = { .commitments = NULL };
	uint8_t digest[SHA256_BYTES];
	struct membership m;

	TRY(record_digest(digest, path, err));
	TRY(open_dataset(&o, s->call, err));
	TRY(opened_prove(&m, &o, digest, false, err));
	return add_member(s, &m, path, err);
}

/* --- paths ------------------------------------------------------------------------------- */

/* By weights, whatever contains them; else by files. */
static enum wm_code add_checkpoint(struct seeds *s, const char *path, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(measure_path(&c, s->call, path, true, err));
	for (size_t i = 0; i < c->n_parts; i++)
		if (c->parts[i].measured && c->parts[i].has_weights)
			add_digest(s, c->parts[i].weights_digest);
	for (size_t i = 0; s->n == 0 && i < c->n_files; i++)
		if (c->files[i].role == ROLE_LOAD && c->files[i].has_sha256)
			add_digest(s, c->files[i].sha256);
	return WM_OK;
}

static enum wm_code add_path(struct seeds *s, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_RECORD_PROOF);

	if (is_proof(&bytes, path))
		return add_proof(s, &bytes, path, err);
	return s->kind && *s->kind != GRAPH_CHECKPOINT ? WM_OK : add_checkpoint(s, path, err);
}

static bool is_path_alone(const char *what)
{
	return *what == '/' || strncmp(what, "./", 2) == 0 || strncmp(what, "../", 3) == 0;
}

enum wm_code find_seeds(struct seeds *s, const char *what, struct wm_error *err)
{
	s->list = calloc((size_t)s->graph->n_nodes + 1, sizeof(*s->list));
	s->taken = calloc((size_t)s->graph->n_nodes + 1, sizeof(*s->taken));
	if (!s->list || !s->taken)
		return fail_nomem(err);
	if (s->records && options_has(&s->call->options, "dataset"))
		return add_record(s, what, err);
	if (is_path_alone(what))
		return add_path(s, what, err);
	s->datasets = strncmp(what, PARTY, strlen(PARTY)) == 0;
	if (s->datasets)
		return ask(s, QUERY_PARTY, what + strlen(PARTY), err);
	add_seed(s, graph_find(s->graph, what));
	if (s->n == 0)
		add_hex(s, what);
	if (s->n > 0)
		return WM_OK;
	TRY(ask(s, QUERY_NAME, what, err));
	if (s->n > 1)
		return refuse_several(s, what, err);
	return s->n == 0 && file_exists(what) ? add_path(s, what, err) : WM_OK;
}

enum wm_code find_thing(uint32_t *out, struct seeds *s, const char *what, struct wm_error *err)
{
	TRY(find_seeds(s, what, err));
	if (s->n > 1)
		return refuse_several(s, what, err);
	if (s->n == 0)
		return fail(err, REASON_THING_UNKNOWN, "no %s of these ledgers is '%.128s', by id, "
						       "name, digest%s",
			    graph_kind_name(*s->kind), what,
			    *s->kind == GRAPH_CHECKPOINT ? ", or path" : "");
	*out = s->list[0].node;
	return WM_OK;
}
