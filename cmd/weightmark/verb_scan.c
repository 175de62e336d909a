/* SPDX-License-Identifier: Apache-2.0 */
/* `weightmark scan`: finds copies of tainted, clean and unknown weights and data. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataset.h"
#include "lineage/orders.h"
#include "lineage/scan.h"
#include "order_verbs.h"
#include "output.h"
#include "private_ledger.h"
#include "progress_view.h"
#include "text/json.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/limits.h"

enum { PATH_SHOWN = 64 };

/* A scan, and what it has found so far. */
struct found {
	const struct taints *taints;
	const struct order_states *orders; /* its sources, in their order: due first, first */
	uint64_t n[TAINT_UNKNOWN + 1];
	uint64_t n_passed, n_failed;
};

/* --- as JSON: one place at a time, so that their number does not matter ------------------- */

static enum wm_code path_tree(struct node *map, struct tree *t, const struct found *f,
			      uint32_t node, struct wm_error *err)
{
	uint32_t path[PATH_SHOWN];
	const size_t n = taint_path(path, PATH_SHOWN, f->taints, node);
	struct node *list, *step;

	TRY(node_set_new(&list, map, t, "path", NODE_LIST, err));
	for (size_t i = 0; i < n; i++) {
		TRY(node_shown(&step, t, f->taints->g->nodes[path[i]].id, err));
		node_append(list, step);
	}
	return WM_OK;
}

static const char *order_name(const struct found *f, size_t source)
{
	return f->orders->list[source].order->object;
}

/* All orders that reach the node, not the one alone by which it is told to be tainted. */
static enum wm_code orders_list(struct node *map, struct tree *t, const struct found *f,
				uint32_t node, struct wm_error *err)
{
	struct node *list, *name;

	TRY(node_set_new(&list, map, t, "orders", NODE_LIST, err));
	for (size_t i = 0; i < f->orders->n; i++) {
		if (!order_item(&f->orders->list[i], node))
			continue;
		TRY(node_shown(&name, t, order_name(f, i), err));
		node_append(list, name);
	}
	return WM_OK;
}

static const char *state_of(const struct scanned *s)
{
	return s->kind == SCANNED_COPY	 ? taint_state_name(s->answer.state) :
	       s->kind == SCANNED_PASSED ? "passed-over" :
					   "failed";
}

static enum wm_code place_tree(struct tree *t, const struct found *f, const struct scanned *s,
			       struct wm_error *err)
{
	const struct graph *g = f->taints->g;

	TRY(node_new(&t->root, t, NODE_MAP, err));
	TRY(node_set_shown(t->root, t, "place", s->place, err));
	TRY(node_set_text(t->root, t, "state", state_of(s), err));
	if (s->message)
		TRY(node_set_shown(t->root, t, "message", s->message, err));
	if (s->kind != SCANNED_COPY)
		return WM_OK;
	if (s->has_size && s->size <= NODE_INTEGER_MAX)
		TRY(node_set_integer(t->root, t, "size", s->size, err));
	if (s->has_sha256)
		TRY(node_set_hex(t->root, t, "sha256", s->sha256, SHA256_BYTES, err));
	if (s->is_pointer)
		TRY(node_set_bool(t->root, t, "pointer", true, err));
	if (s->answer.node == GRAPH_NONE)
		return WM_OK;
	TRY(node_set_shown(t->root, t, "object", g->nodes[s->answer.node].id, err));
	TRY(node_set_text(t->root, t, "kind", graph_kind_name(g->nodes[s->answer.node].kind),
			  err));
	if (s->is_record)
		TRY(node_set_bool(t->root, t, "record", true, err));
	if (s->answer.state == TAINT_OPEN)
		TRY(node_set_bool(t->root, t, "open_ended", true, err));
	if (s->answer.state != TAINT_TAINTED)
		return WM_OK;
	TRY(node_set_shown(t->root, t, "order", order_name(f, s->answer.source), err));
	TRY(orders_list(t->root, t, f, s->answer.node, err));
	return path_tree(t->root, t, f, s->answer.node, err);
}

static enum wm_code print_place_json(const struct found *f, const struct scanned *s, bool first,
				     struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf text = BUF_INIT(LIMIT_STATEMENT);

	TRY(place_tree(&t, f, s, err));
	TRY(json_write_canonical(&text, t.root, err));
	print_text(first ? "\n    " : ",\n    ");
	print_text(buf_str(&text));
	return WM_OK;
}

/* --- as text ----------------------------------------------------------------------------- */

static void print_path(const struct found *f, const struct taint_answer *a)
{
	uint32_t path[PATH_SHOWN];
	const size_t n = taint_path(path, PATH_SHOWN, f->taints, a->node);
	size_t more = 0;

	for (size_t i = 0; i < f->orders->n; i++)
		more += i != a->source && order_item(&f->orders->list[i], a->node);
	print("    under %s", order_name(f, a->source));
	if (more > 0)
		print(" and %zu more", more);
	print(":");
	for (size_t i = 0; i < n; i++)
		print("%s%s", i ? " > " : " ", f->taints->g->nodes[path[i]].id);
	print("\n");
}

/* Weights by their id alone, as most are. */
static void print_what(const struct found *f, const struct scanned *s)
{
	const struct graph_node *n =
		s->answer.node == GRAPH_NONE ? NULL : &f->taints->g->nodes[s->answer.node];

	if (n)
		print("  = %s%s%s",
		      s->is_record		? "a record of " : "",
		      n->kind == GRAPH_DATASET ? "dataset " : "", n->id);
}

static void print_place(const struct found *f, const struct scanned *s)
{
	char size[16] = "-";

	if (s->kind == SCANNED_FAILED)
		warning("%s: could not be read: %s", s->place, s->message);
	if (s->kind == SCANNED_PASSED)
		print("passed   %10s  %s: %s\n", "-", s->place, s->message);
	if (s->kind != SCANNED_COPY)
		return;
	if (s->answer.state == TAINT_TAINTED)
		print_word(COLOUR_BAD, taint_state_name(s->answer.state));
	else
		print("%-7s", taint_state_name(s->answer.state));
	print("  %10s  %s", s->has_size ? format_bytes(size, s->size) : size, s->place);
	print_what(f, s);
	if (s->answer.state == TAINT_OPEN)
		print(", whose lineage ends where nobody declared it");
	if (s->message)
		print(": %s", s->message);
	print("\n");
	if (s->answer.state == TAINT_TAINTED)
		print_path(f, &s->answer);
}

static enum wm_code tell(void *context, const struct scanned *s, struct wm_error *err)
{
	struct found *f = context;
	const uint64_t before = f->n_failed + f->n_passed + f->n[0] + f->n[1] + f->n[2] + f->n[3];

	f->n_passed += s->kind == SCANNED_PASSED;
	f->n_failed += s->kind == SCANNED_FAILED;
	f->n[s->answer.state] += s->kind == SCANNED_COPY;
	if (output_is_json())
		return print_place_json(f, s, before == 0, err);
	print_place(f, s);
	return WM_OK;
}

/* --- what is tainted --------------------------------------------------------------------- */

/* The orders that --order names, or all; of several that reach a thing the one due first counts. */
static enum wm_code add_orders(struct taints *t, struct order_states *states,
			       const struct orders *orders, const struct call *call,
			       struct wm_error *err)
{
	const char *id = options_get(&call->options, "order");
	const struct order *list = orders->list;
	const int64_t now = time(NULL);
	size_t n = orders->n;

	if (id)
		TRY(orders_find(&list, &n, orders, id, err));
	states->list = calloc(n + 1, sizeof(*states->list));
	if (!states->list)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		TRY(order_assess(&states->list[states->n++], orders, &list[i], DAY_NONE, now,
				 err));
	order_states_sort(states);
	for (size_t i = 0; i < n; i++)
		taints_add(t, &states->list[i].trace);
	return WM_OK;
}

/* --- scanning ---------------------------------------------------------------------------- */

static bool is_sums(const char *path)
{
	return strncmp(file_name(path), "SHA256SUMS", 10) == 0 ||
	       file_has_suffix(path, ".sha256") || file_has_suffix(path, ".sha256sum");
}

/* What cannot be read of a list is counted like a file that cannot be. */
static enum wm_code scan_as_list(const struct scan *s, const char *path, enum scan_list form,
				 struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (scan_list(s, path, form, &why) == WM_OK)
		return WM_OK;
	if (why.code == WM_NOMEM || why.code == WM_INTERNAL)
		return fail_again(err, &why);
	return s->visit(s->context,
			&(struct scanned){ .kind = SCANNED_FAILED, .place = path,
					   .message = why.message }, err);
}

static enum wm_code scan_all(const struct scan *s, const struct options *o, struct wm_error *err)
{
	const char *path;

	for (size_t i = 0; i < o->n_operands; i++) {
		path = o->operands[i];
		if (file_has_suffix(path, ".csv"))
			TRY(scan_as_list(s, path, SCAN_INVENTORY, err));
		else if (is_sums(path))
			TRY(scan_as_list(s, path, SCAN_SUMS, err));
		else
			TRY(scan_path(s, path, err));
	}
	for (size_t i = 0; (path = options_nth(o, "inventory", i)); i++)
		TRY(scan_as_list(s, path, SCAN_INVENTORY, err));
	for (size_t i = 0; (path = options_nth(o, "sums", i)); i++)
		TRY(scan_as_list(s, path, SCAN_SUMS, err));
	return WM_OK;
}

static int status_of(const struct found *f)
{
	if (f->n[TAINT_TAINTED] > 0)
		return 1;
	if (f->n_failed > 0)
		return 3;
	return f->n[TAINT_OPEN] + f->n[TAINT_UNKNOWN] > 0 ? 4 : 0;
}

static void print_end(const struct found *f)
{
	const unsigned long long tainted = f->n[TAINT_TAINTED], clean = f->n[TAINT_CLEAN];
	const unsigned long long unknown = f->n[TAINT_OPEN] + f->n[TAINT_UNKNOWN];
	const unsigned long long passed = f->n_passed, failed = f->n_failed;

	if (output_is_json())
		print("\n  ],\n  \"tainted\": %llu,\n  \"clean\": %llu,\n  \"unknown\": %llu,\n"
		      "  \"passed_over\": %llu,\n  \"failed\": %llu\n}\n",
		      tainted, clean, unknown, passed, failed);
	else
		print("%llu tainted, %llu clean, %llu unknown; %llu passed over, %llu could not "
		      "be read\n", tainted, clean, unknown, passed, failed);
}

static enum wm_code add_root(struct node *list, struct tree *t, const char *path,
			     struct wm_error *err)
{
	struct node *root;

	TRY(node_shown(&root, t, path, err));
	node_append(list, root);
	return WM_OK;
}

/* What is scanned, as it was named. */
static enum wm_code roots_tree(struct node *map, struct tree *t, const struct options *o,
			       struct wm_error *err)
{
	static const char *const lists[] = { "inventory", "sums" };
	struct node *list;
	const char *path;

	TRY(node_set_new(&list, map, t, "scanned", NODE_LIST, err));
	for (size_t i = 0; i < o->n_operands; i++)
		TRY(add_root(list, t, o->operands[i], err));
	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		for (size_t i = 0; (path = options_nth(o, lists[k], i)); i++)
			TRY(add_root(list, t, path, err));
	return WM_OK;
}

/* The beginning of the one object; its places follow as they are found. */
static enum wm_code print_begin(const struct order_view *v, const struct options *o,
				struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_GRAPH_MEMORY);
	cleanup_tree struct tree t = TREE_INIT;
	char at[TIME_TEXT + 1];

	if (!output_is_json())
		return WM_OK;
	time_text(at, time(NULL));
	TRY(node_new(&t.root, &t, NODE_MAP, err));
	TRY(ledgers_tree(t.root, &t, &v->ledgers, v->origins, err));
	TRY(roots_tree(t.root, &t, o, err));
	TRY(json_write_canonical(&text, node_find(t.root, "ledgers"), err));
	print("{\n  \"scanned_at\": \"%s\",\n  \"ledgers\": ", at);
	print_text(buf_str(&text));
	buf_truncate(&text, 0);
	TRY(json_write_canonical(&text, node_find(t.root, "scanned"), err));
	print(",\n  \"scanned\": ");
	print_text(buf_str(&text));
	print(",\n  \"places\": [");
	return WM_OK;
}

/* --- records ----------------------------------------------------------------------------- */

/* Datasets whose commitments and keys are at hand. */
struct records {
	struct opened *opened;
	size_t n;
	struct gathered_list list; /* struct scan_records: newest and earlier ones */
};

static void records_release(struct records *r)
{
	for (size_t i = 0; i < r->n; i++)
		opened_release(&r->opened[i]);
	free(r->opened);
	gathered_list_release(&r->list);
}

/* The dataset must be that of the ledgers: the same object, of the same content. */
static enum wm_code find_dataset(uint32_t *node, const struct opened *o, const struct graph *g,
				 const char *path, struct wm_error *err)
{
	const char *object = o->dataset.statement->header->object->text;
	const struct graph_digest *d;
	uint32_t n = 0;

	*node = graph_find(g, object);
	d = graph_find_digest(&n, g, o->commitments->header.content_root);
	for (uint32_t i = 0; i < n; i++)
		if (d[i].node == *node)
			return WM_OK;
	return fail(err, REASON_THING_UNKNOWN, "%s: no ledger has the dataset %.128s with these "
					       "records", path, object);
}

static enum wm_code add_records(struct records *out, const struct opened *o,
				const struct commitments *c, uint32_t node, struct wm_error *err)
{
	struct scan_records *r;

	TRY(gathered_add(&r, &out->list, sizeof(*r), err));
	*r = (struct scan_records){ .commitments = c, .key = &o->key, .node = node };
	return WM_OK;
}

static enum wm_code open_records(struct records *out, const struct graph *g,
				 const struct options *o, struct wm_error *err)
{
	const char *path;
	size_t room = 0;

	while (options_nth(o, "dataset", room))
		room++;
	out->opened = calloc(room + 1, sizeof(*out->opened));
	if (!out->opened)
		return fail_nomem(err);
	for (size_t i = 0; (path = options_nth(o, "dataset", i)); i++) {
		struct opened *at = &out->opened[out->n++];
		cleanup_buf struct buf key = BUF_INIT(LIMIT_PATH);
		const struct opened_earlier *e;
		uint32_t node;

		TRY(sibling_path(&key, path, RECORD_KEY_SUFFIX, err));
		TRY(open_dataset_at(at, path, buf_str(&key), err));
		TRY(find_dataset(&node, at, g, path, err));
		TRY(add_records(out, at, at->commitments, node, err));
		e = at->earlier.list;
		for (size_t k = 0; k < at->earlier.n; k++)
			TRY(add_records(out, at, e[k].commitments, node, err));
	}
	return WM_OK;
}

static enum wm_code scan_with(struct call *call, const struct order_view *v,
			      const struct taints *t, const struct order_states *orders,
			      const struct records *records, struct wm_error *err)
{
	struct found f = { .taints = t, .orders = orders };
	struct progress progress = { 0 };
	struct scan s = { .taints = t, .visit = tell, .context = &f, .progress = &progress,
			  .records = records->list.list,
			  .n_records = records->list.n };
	enum wm_code code;

	TRY(settings_jobs(&s.workers, &call->settings, &call->options, err));
	TRY(print_begin(v, &call->options, err));
	progress_view_start(&progress);
	code = scan_all(&s, &call->options, err);
	progress_view_end();
	TRY(code);
	print_end(&f);
	if (t->has_data && records->n == 0 && f.n[TAINT_UNKNOWN] > 0)
		message("single records of a dataset are known only with --dataset NAME.wmk: "
			"without it, files that are records are among the unknown");
	call->status = status_of(&f);
	return WM_OK;
}

static enum wm_code run(struct call *call, struct wm_error *err)
{
	__attribute__((cleanup(order_view_release))) struct order_view v = { .graph = NULL };
	__attribute__((cleanup(records_release))) struct records records = { .n = 0 };
	cleanup_order_states struct order_states states = { .n = 0 };
	cleanup_taints struct taints t = { 0 };

	if (call->options.n_operands == 0 && !options_has(&call->options, "inventory") &&
	    !options_has(&call->options, "sums"))
		return fail(err, REASON_USAGE, "give a PATH, or a list with --inventory or --sums");
	TRY(order_view_open(&v, call, err));
	TRY(taints_init(&t, v.graph, err));
	TRY(add_orders(&t, &states, v.orders, call, err));
	TRY(open_records(&records, v.graph, &call->options, err));
	return scan_with(call, &v, &t, &states, &records, err);
}

static const struct option_spec options[] = {
	PRIVATE_OPTIONS,
	{ .name = "order", .argument = "ID",
	  .help = "what descends from what this order is about; default: from any order" },
	{ .name = "dataset", .argument = "NAME.wmk", .kind = VALUE_FILE, .repeatable = true,
	  .help = "find single records of this dataset too, by NAME.wmc and NAME.wmck beside it" },
	{ .name = "inventory", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "look up the rows of this CSV, whatever its name" },
	{ .name = "sums", .argument = "FILE", .kind = VALUE_FILE, .repeatable = true,
	  .help = "look up the lines of this list of sha256sum, whatever its name" },
};

const struct verb verb_scan = {
	.name = "scan",
	.summary = "find copies by digest: tainted, clean, unknown",
	.operands = "[PATH...]",
	.description =
		"Reads every regular file below each PATH once and looks it up in the ledgers by "
		"SHA-256, and what is a checkpoint by its weights too, so that a copy under "
		"another name or in another container is found. A git-lfs pointer stands for "
		"the file that it names. A copy of a dataset is found where the file is its one "
		"record, and where its name ends in .tar, .jsonl, .ndjson or .csv and its records "
		"are all those of the dataset; a file that is a single record with --dataset. "
		"A PATH that ends in .csv is an inventory of an object "
		"store, with a row of column names (key, bucket, size, sha256 or checksum; an "
		"e_tag is no digest); one that is called SHA256SUMS or ends in .sha256 is a list "
		"of sha256sum. Symbolic links are named and not followed.\n\n"
		"Tainted is what descends from what an order is about, as the statements "
		"declare it; clean what is known, is not tainted, and whose lineage was declared "
		"to its end. All else is unknown, and unknown is not clean. With --json the "
		"answer is what 'weightmark certify --scan' reads.",
	.examples = "weightmark scan /srv/models inventory.csv --ledger ledger.git\n"
		    "weightmark scan /backup --order ftc-2026 --json > backup.json",
	.exits = "0 all known and clean; 1 something is tainted; 3 something could not be read, "
		 "nothing is tainted; 4 something is unknown, nothing tainted.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
	.min = 0,
	.max = 4096,
	.measures = true,
};
