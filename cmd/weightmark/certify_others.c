/* SPDX-License-Identifier: Apache-2.0 */
/* `certify --clean` and `certify --check`. */
#include <string.h>

#include "attest/carriers.h"
#include "certify.h"
#include "keys.h"
#include "lineage/fingerprint.h"
#include "lineage/inventory.h"
#include "output.h"
#include "statement/statement.h"
#include "util/limits.h"

/* --- clean ------------------------------------------------------------------------------- */

/* The thing of this object id, digest, or local id where only one has it. */
static enum wm_code find_thing(uint32_t *out, const struct graph *g, const char *id,
			       enum graph_kind kind, struct wm_error *err)
{
	const struct graph_digest *d;
	uint8_t digest[SHA256_BYTES];
	uint32_t n = 0;

	*out = graph_find(g, id);
	if (*out == GRAPH_NONE && inventory_digest(digest, id)) {
		d = graph_find_digest(&n, g, digest);
		for (uint32_t i = 0; i < n; i++)
			if (g->nodes[d[i].node].kind == kind)
				*out = d[i].node;
		n = 0;
	}
	for (uint32_t i = 0; *out == GRAPH_NONE && i < g->n_objects; i++)
		if (g->nodes[i].kind == kind &&
		    strcmp(composed_local_id(g->nodes[i].id), id) == 0 && n++ == 0)
			*out = i;
	if (n > 1)
		return fail(err, REASON_USAGE, "%.128s: several things are called so; give the "
					       "whole object id", id);
	if (*out == GRAPH_NONE || g->nodes[*out].kind != kind)
		return fail(err, REASON_THING_UNKNOWN, "no statement is about a %s '%.128s'",
			    graph_kind_name(kind), id);
	return WM_OK;
}

enum { FROM_MAX = 4096 };

static int compare_nodes(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The datasets of --from, each once, and all that descends from them. */
static enum wm_code trace_data(struct trace *t, uint32_t *from, size_t *n, const struct graph *g,
			       const struct options *o, struct wm_error *err)
{
	cleanup_free struct trace_seed *seeds = NULL;
	size_t given = 0, kept = 0;
	const char *id;

	for (; (id = options_nth(o, "from", given)); given++) {
		if (given == FROM_MAX)
			return fail(err, REASON_USAGE, "more than %d times --from", FROM_MAX);
		TRY(find_thing(&from[given], g, id, GRAPH_DATASET, err));
	}
	qsort(from, given, sizeof(*from), compare_nodes);
	seeds = calloc(given + 1, sizeof(*seeds));
	if (!seeds)
		return fail_nomem(err);
	for (size_t i = 0; i < given; i++)
		if (i == 0 || from[i] != from[kept - 1]) {
			from[kept] = from[i];
			seeds[kept++].node = from[i];
		}
	*n = kept;
	return trace_from(t, g, seeds, kept, &(struct trace_options){ .roles = 0 }, err);
}

/* What was certified before is certified again over the same heads, unless it is amended. */
static enum wm_code take_heads(struct certifying *c, const struct trace *t, uint32_t checkpoint,
			       const struct signer *signer, const struct options *o,
			       struct wm_error *err)
{
	cleanup_buf struct buf id = BUF_INIT(LIMIT_OBJECT);
	uint8_t digest[SHA256_BYTES];

	if (options_has(o, "amend"))
		return WM_OK;
	TRY(certify_id(&id, true, c->graph->nodes[checkpoint].id, options_get(o, "id"), err));
	TRY(lineage_digest(digest, c->graph, t, err));
	return certify_take_heads(c, buf_str(&id), digest, signer, err);
}

enum wm_code certify_run_clean(struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_trace struct trace t = { 0 };
	cleanup_free uint32_t *from = calloc(FROM_MAX, sizeof(*from));
	cleanup_issued struct issued done = {
		.composition = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY), .name = "certificate",
				 .reason = REASON_USAGE },
	};
	cleanup_signer struct signer *signer = NULL;
	struct certify_options options;
	const char *key_file;
	uint32_t checkpoint;
	size_t n = 0;

	if (!from)
		return fail_nomem(err);
	TRY(find_thing(&checkpoint, c->graph, options_get(&call->options, "clean"),
		       GRAPH_CHECKPOINT, err));
	TRY(trace_data(&t, from, &n, c->graph, &call->options, err));
	TRY(certify_check_clean(c->graph, &t, checkpoint, err));
	TRY(load_signer(&signer, &key_file, call, err));
	TRY(take_heads(c, &t, checkpoint, signer, &call->options, err));
	options = certify_options(c, &call->options);
	TRY(certify_clean(&done.composition, c->graph, &t, checkpoint, from, n, &options, err));
	return certify_issue(c, &done, signer, call, err);
}

/* --- check ------------------------------------------------------------------------------- */

typedef Weightmark__V1__DeletionCertificate certificate;

/* The certificate of the highest sequence in the sidecar. */
static enum wm_code load_certificate(struct statement **out, const char *path,
				     struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { .n_envelopes = 0 };
	cleanup_statement struct statement *best = NULL;

	TRY(carrier_load(&s, path, err));
	for (size_t i = 0; i < s.n_envelopes; i++) {
		cleanup_statement struct statement *one = NULL;

		TRY(statement_decode(&one, s.envelopes[i].payload, s.envelopes[i].payload_len,
				     path, err));
		if (strcmp(one->kind->name, "certificate") != 0 ||
		    (best && best->header->sequence >= one->header->sequence))
			continue;
		statement_free(best);
		best = take_ptr(&one);
	}
	if (!best)
		return fail(err, REASON_USAGE, "%s: carries no certificate", path);
	*out = take_ptr(&best);
	return WM_OK;
}

static int compare_texts(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

/* Lists what the certificate does not name; it names all by id, ascending. */
static enum wm_code list_new(struct node *list, struct tree *t, const struct certifying *c,
			     const certificate *cert, struct wm_error *err)
{
	cleanup_free uint32_t *nodes = NULL;
	struct node *row;

	TRY(traced_by_id(&nodes, &c->state.trace, c->graph, err));
	for (uint32_t i = 0; i < c->state.trace.n; i++) {
		const char *id = c->graph->nodes[nodes[i]].id;

		if (cert->n_descendant_checked > 0 &&
		    bsearch(id, cert->descendant_checked, cert->n_descendant_checked,
			    sizeof(*cert->descendant_checked), compare_texts))
			continue;
		TRY(node_shown(&row, t, id, err));
		node_append(list, row);
	}
	return WM_OK;
}

static enum wm_code print_check(const struct certifying *c, const struct statement *s,
				const struct tree *t, bool current)
{
	const struct node *list = node_find(t->root, "new");
	char id[STATEMENT_ID_TEXT + 1];

	if (output_is_json()) {
		print_json(t->root);
		return WM_OK;
	}
	statement_id_text(id, s->id);
	print("%s %s\n", current ? "covers" : "no longer covers", c->order->object);
	print("  %-12s%s, by %s; its signature is not verified here\n", "certificate", id,
	      s->header->issuer);
	for (const struct node *n = list->first; n; n = n->next)
		print("  %-12s%s\n", "new", n->text);
	if (!current && list->len == 0)
		print("  %-12severything is named, and hangs together otherwise than then\n",
		      "changed");
	if (c->account.n_open > 0)
		print("  %-12s%zu; 'weightmark certify' lists what\n", "open", c->account.n_open);
	return WM_OK;
}

enum wm_code certify_run_check(struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_tree struct tree t = TREE_INIT;
	const certificate *cert;
	struct node *list;
	bool current;

	TRY(load_certificate(&s, options_get(&call->options, "check"), err));
	cert = (const certificate *)s->message;
	if (!cert->order || !cert->order->object ||
	    strcmp(cert->order->object->text, c->order->object) != 0)
		return fail(err, REASON_USAGE, "the certificate is about another order");
	TRY(certify_check_heads(c, cert, err));
	TRY(certificate_is_current(&current, &c->state, cert, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "order", c->order->object, err));
	TRY(node_set_bool(t.root, &t, "current", current, err));
	TRY(node_set_integer(t.root, &t, "open", c->account.n_open, err));
	TRY(node_set_new(&list, t.root, &t, "new", NODE_LIST, err));
	TRY(list_new(list, &t, c, cert, err));
	TRY(ledgers_tree(t.root, &t, &c->view.ledgers, c->view.origins, err));
	call->status = current && c->account.n_open == 0 ? 0 : 1;
	return print_check(c, s, &t, current);
}
