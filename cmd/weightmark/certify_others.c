/* SPDX-License-Identifier: Apache-2.0 */
/* `certify --clean` and `certify --check`. */
#include <stdlib.h>
#include <string.h>

#include "attest/carriers.h"
#include "certify.h"
#include "keys.h"
#include "lineage/fingerprint.h"
#include "output.h"
#include "statement/statement.h"
#include "trace_seeds.h"
#include "util/limits.h"

/* --- clean ------------------------------------------------------------------------------- */

static enum wm_code find_named(uint32_t *out, const struct certifying *c, struct call *call,
			       const char *what, enum graph_kind kind, struct wm_error *err)
{
	cleanup_seeds struct seeds seeds = {
		.graph = c->graph,
		.ledgers = &c->view.ledgers,
		.origins = c->view.origins,
		.call = call,
		.kind = &kind,
	};

	return find_thing(out, &seeds, what, err);
}

enum { FROM_MAX = 4096 };

/* The datasets of --from, each once, and all that descends from them. */
static enum wm_code trace_data(struct trace *t, uint32_t *from, size_t *n,
			       const struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_free struct trace_seed *seeds = NULL;
	size_t given = 0, kept = 0;
	const char *id;

	for (; (id = options_nth(&call->options, "from", given)); given++) {
		if (given == FROM_MAX)
			return fail(err, REASON_USAGE, "more than %d times --from", FROM_MAX);
		TRY(find_named(&from[given], c, call, id, GRAPH_DATASET, err));
	}
	qsort(from, given, sizeof(*from), graph_compare_nodes);
	seeds = calloc(given + 1, sizeof(*seeds));
	if (!seeds)
		return fail_nomem(err);
	for (size_t i = 0; i < given; i++)
		if (i == 0 || from[i] != from[kept - 1]) {
			from[kept] = from[i];
			seeds[kept++].node = from[i];
		}
	*n = kept;
	return trace_from(t, c->graph, seeds, kept, &(struct trace_options){ .roles = 0 }, err);
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
	TRY(find_named(&checkpoint, c, call, options_get(&call->options, "clean"),
		       GRAPH_CHECKPOINT, err));
	TRY(trace_data(&t, from, &n, c, call, err));
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

/* Lists what may descend from the data and is not among what the certificate let pass. */
static enum wm_code list_unknown(struct node *list, struct tree *t, const struct certifying *c,
				 const certificate *cert, struct wm_error *err)
{
	struct node *row;

	for (uint32_t i = 0; i < c->graph->n_nodes; i++) {
		const char *id = c->graph->nodes[i].id;

		if (!order_may_reach(&c->state, i) ||
		    (cert->n_unknown_allowed > 0 &&
		     bsearch(id, cert->unknown_allowed, cert->n_unknown_allowed,
			     sizeof(*cert->unknown_allowed), compare_texts)))
			continue;
		TRY(node_shown(&row, t, id, err));
		node_append(list, row);
	}
	return WM_OK;
}

static void print_certificate(const char *object, const struct statement *s, bool current)
{
	char id[STATEMENT_ID_TEXT + 1];

	statement_id_text(id, s->id);
	print("%s %s\n", current ? "covers" : "no longer covers", object);
	print("  %-12s%s, by %s; its signature is not verified here\n", "certificate", id,
	      s->header->issuer);
}

static void print_check(const struct certifying *c, const struct statement *s,
			const struct tree *t, bool current)
{
	const struct node *list = node_find(t->root, "new");

	print_certificate(c->order->object, s, current);
	for (const struct node *n = list->first; n; n = n->next)
		print("  %-12s%s\n", "new", n->text);
	if (!current && list->len == 0)
		print("  %-12severything is named, and hangs together otherwise than then\n",
		      "changed");
	list = node_find(t->root, "unknown");
	for (const struct node *n = list->first; n; n = n->next)
		print("  %-12s%s: an ancestor is of unknown origin\n", "unknown", n->text);
	if (c->account.n_open > 0)
		print("  %-12s%zu; 'weightmark certify' lists what\n", "open", c->account.n_open);
}

static enum wm_code check_order(struct certifying *c, struct call *call,
				const struct statement *s, struct wm_error *err)
{
	const certificate *cert = (const certificate *)s->message;
	const struct options *o = &call->options;
	cleanup_tree struct tree t = TREE_INIT;
	struct node *list, *unknown;
	bool current;
	size_t n_open;

	TRY(certify_assess(c, o->n_operands ? o->operands[0] : cert->order->object->text, true, o,
			   err));
	if (strcmp(cert->order->object->text, c->order->object) != 0)
		return fail(err, REASON_USAGE, "the certificate is about another order: %.160s",
			    cert->order->object->text);
	TRY(certify_check_heads(c, cert, err));
	TRY(certificate_is_current(&current, &c->state, cert, err));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "order", c->order->object, err));
	TRY(node_set_bool(t.root, &t, "current", current, err));
	TRY(node_set_new(&list, t.root, &t, "new", NODE_LIST, err));
	TRY(list_new(list, &t, c, cert, err));
	TRY(node_set_new(&unknown, t.root, &t, "unknown", NODE_LIST, err));
	if (!options_has(o, "allow-unknown"))
		TRY(list_unknown(unknown, &t, c, cert, err));
	n_open = c->account.n_open + (unknown->len > 0);
	TRY(node_set_integer(t.root, &t, "open", n_open, err));
	TRY(ledgers_tree(t.root, &t, &c->view.ledgers, c->view.origins, err));
	call->status = current && n_open == 0 ? 0 : 1;
	if (output_is_json())
		print_json(t.root);
	else
		print_check(c, s, &t, current);
	return WM_OK;
}

/* --- check of --clean -------------------------------------------------------------------- */

/* The nodes that references of a certificate mean; each has to be known here. */
static enum wm_code find_referred(struct gathered_list *nodes, const struct certifying *c,
				  Weightmark__V1__Reference *const *list, size_t n,
				  struct wm_error *err)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);
		const size_t before = nodes->n;

		TRY(resolve_reference(nodes, c->view.orders, list[i], err));
		if (nodes->n > before)
			continue;
		TRY(reference_text(&text, list[i], err));
		return fail(err, REASON_THING_UNKNOWN, "the certificate is about %.160s, which no "
						       "ledger at hand has", buf_str(&text));
	}
	if (nodes->n > 0)
		qsort(nodes->list, nodes->n, sizeof(uint32_t), graph_compare_nodes);
	return WM_OK;
}

/* What the call names besides has to be what the certificate is about. */
static enum wm_code check_named(const struct certifying *c, struct call *call, const char *option,
				enum graph_kind kind, const struct gathered_list *nodes,
				struct wm_error *err)
{
	const char *what;
	uint32_t node;

	for (size_t i = 0; (what = options_nth(&call->options, option, i)); i++) {
		TRY(find_named(&node, c, call, what, kind, err));
		if (nodes->n == 0 ||
		    !bsearch(&node, nodes->list, nodes->n, sizeof(node), graph_compare_nodes))
			return fail(err, REASON_USAGE, "--%s %.160s: the certificate is not about "
						       "it", option, what);
	}
	return WM_OK;
}

static enum wm_code trace_nodes(struct trace *t, const struct graph *g,
				const struct gathered_list *nodes, struct wm_error *err)
{
	cleanup_free struct trace_seed *seeds = calloc(nodes->n + 1, sizeof(*seeds));
	const uint32_t *list = nodes->list;
	size_t n = 0;

	if (!seeds)
		return fail_nomem(err);
	for (size_t i = 0; i < nodes->n; i++)
		if (i == 0 || list[i] != list[i - 1])
			seeds[n++].node = list[i];
	return trace_from(t, g, seeds, n, &(struct trace_options){ .roles = 0 }, err);
}

static enum wm_code show_clean(const struct certifying *c, const struct statement *s,
			       uint32_t checkpoint, bool changed, const struct wm_error *why,
			       struct wm_error *err)
{
	const char *object = c->graph->nodes[checkpoint].id;
	cleanup_tree struct tree t = TREE_INIT;

	if (!output_is_json()) {
		print_certificate(object, s, why->code == WM_OK);
		if (why->code != WM_OK)
			print("  %-12s%s\n", "unproven", why->message);
		else if (changed)
			print("  %-12sother things descend from the data than then; still no "
			      "declared path leads there\n", "changed");
		return WM_OK;
	}
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(node_set_shown(t.root, &t, "checkpoint", object, err));
	TRY(node_set_bool(t.root, &t, "current", why->code == WM_OK, err));
	TRY(node_set_bool(t.root, &t, "changed", changed, err));
	if (why->code != WM_OK)
		TRY(node_set_shown(t.root, &t, "message", why->message, err));
	TRY(ledgers_tree(t.root, &t, &c->view.ledgers, c->view.origins, err));
	print_json(t.root);
	return WM_OK;
}

static enum wm_code check_clean(struct certifying *c, struct call *call,
				const struct statement *s, struct wm_error *err)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list clean = { 0 };
	__attribute__((cleanup(gathered_list_release))) struct gathered_list from = { 0 };
	const certificate *cert = (const certificate *)s->message;
	cleanup_trace struct trace t = { 0 };
	struct wm_error why = { 0 };
	uint8_t digest[SHA256_BYTES];
	const uint32_t *nodes;
	bool changed;

	if (call->options.n_operands > 0)
		return fail(err, REASON_USAGE, "the certificate is about no order, but about a "
					       "checkpoint: leave ORDER out");
	TRY(find_referred(&clean, c, cert->clean, cert->n_clean, err));
	TRY(find_referred(&from, c, cert->tainted_by, cert->n_tainted_by, err));
	TRY(check_named(c, call, "clean", GRAPH_CHECKPOINT, &clean, err));
	TRY(check_named(c, call, "from", GRAPH_DATASET, &from, err));
	TRY(certify_check_heads(c, cert, err));
	TRY(trace_nodes(&t, c->graph, &from, err));
	TRY(lineage_digest(digest, c->graph, &t, err));
	changed = !cert->graph_digest ||
		  memcmp(digest, cert->graph_digest->sha256.data, SHA256_BYTES) != 0;
	nodes = clean.list;
	for (size_t i = 0; i < clean.n && why.code == WM_OK; i++)
		if (certify_check_clean(c->graph, &t, nodes[i], &why) != WM_OK &&
		    error_reason(&why) != REASON_CLEAN_UNPROVEN)
			return fail_again(err, &why);
	call->status = why.code == WM_OK ? 0 : 1;
	return show_clean(c, s, nodes[0], changed, &why, err);
}

enum wm_code certify_run_check(struct certifying *c, struct call *call, struct wm_error *err)
{
	cleanup_statement struct statement *s = NULL;
	const certificate *cert;

	TRY(load_certificate(&s, options_get(&call->options, "check"), err));
	cert = (const certificate *)s->message;
	if (cert->n_clean > 0)
		return check_clean(c, call, s, err);
	if (!cert->order || !cert->order->object || options_has(&call->options, "clean"))
		return fail(err, REASON_USAGE, "the certificate is about %s",
			    cert->order ? "an order: leave --clean out" :
					  "neither an order nor a checkpoint");
	return check_order(c, call, s, err);
}
