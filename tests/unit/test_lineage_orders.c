/* SPDX-License-Identifier: Apache-2.0 */
/* lib/lineage/orders.c and its like: orders over a small ledger. */
#include "committed.h"
#include "lineages.h"

#include <stdio.h>

#include "lineage/clean.h"
#include "lineage/orders.h"
#include "lineage/plan.h"
#include "statement/scalar.h"
#include "util/hex.h"

#define HEADER(local, sequence, more)                                                          \
	"\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\"," \
	"\"issuer\":\"" SHELF_ISSUER "\",\"nonce\":\"00112233445566778899aabbccddeeff\","        \
	"\"object\":\"" SHELF_ISSUER "/" local "\",\"schema_minor\":0,\"sequence\":" sequence more \
	"}"
#define PARTIES "\"party\":[{\"id\":\"a\",\"legal_name\":\"Authority\"},{\"id\":\"b\"}]"
#define OBJECT(local) "{\"object\":\"" SHELF_ISSUER "/" local "\"}"
#define ORDER_HEAD(local, sequence, more)                                                      \
	"{" HEADER(local, sequence, more) "," PARTIES ",\"id\":\"" local "\","                     \
	"\"kind\":\"agency_order\",\"authority\":\"a\",\"trigger_date\":\"2024-03-08\","
#define OBLIGATIONS                                                                            \
	",\"obligation\":[{\"id\":\"models\",\"kind\":\"delete_models\",\"days\":45},"             \
	"{\"id\":\"data\",\"kind\":\"delete_data\",\"days\":20},"                                  \
	"{\"id\":\"tell\",\"kind\":\"instruct_recipients\",\"days\":60},"                          \
	"{\"id\":\"sworn\",\"kind\":\"sworn_statement\",\"days\":60}]}"
#define ORDER(local, sequence, more, scope) ORDER_HEAD(local, sequence, more) scope OBLIGATIONS
#define EVENT(local, kind, day, more)                                                          \
	"{" HEADER(local, "1", "") "," PARTIES ",\"id\":\"" local "\",\"kind\":\"" kind "\","       \
	"\"at\":\"" day "T12:00:00Z\"" more "}"
#define OF_ORDER ",\"order\":" OBJECT("o-1")
#define PREVIOUS ",\"previous\":\"wm:" SHELF_HEX "\""
#define SHELF_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { PAYLOAD_MAX = 65536 };

static void add(struct shelf *s, const char *kind, const char *json)
{
	cleanup_buf struct buf payload = BUF_INIT(PAYLOAD_MAX), text = BUF_INIT(PAYLOAD_MAX);
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&text, json, &err), &err);
	shelf_encode(&payload, kind, &text);
	shelf_add_payload(s, &payload);
}

/* A ledger, and all that is read of it. */
struct desk {
	struct shelf shelf;
	struct index *index;
	struct graph *graph;
	struct orders *orders;
};

static void desk_close(struct desk *d)
{
	if (d->orders)
		orders_free(d->orders);
	if (d->graph)
		graph_free(d->graph);
	index_close(d->index);
	shelf_close(&d->shelf);
}
#define cleanup_desk __attribute__((cleanup(desk_close)))

/* What the shelf holds. */
static void desk_read(struct desk *d)
{
	struct wm_error err = { 0 };

	shelf_append(&d->shelf, SHELF_ORIGIN, 100);
	d->index = shelf_index(&d->shelf);
	shelf_sync(d->index);
	assert_ok(graph_load(&d->graph, &d->index, 1, NULL, &err), &err);
	assert_ok(orders_load(&d->orders, d->graph, &d->index, 1, NULL, &err), &err);
}

/* Models 1 to 3, each with a dataset and a run; then what `more` adds. */
static void desk_open(struct desk *d, const char *const (*more)[2])
{
	shelf_open(&d->shelf);
	shelf_fill(&d->shelf, SHELF_ORIGIN, 1, 3);
	for (; (*more)[0]; more++)
		add(&d->shelf, (*more)[0], (*more)[1]);
	desk_read(d);
}

static const struct order *order_named(const struct desk *d, const char *id)
{
	const struct order *o = NULL;
	struct wm_error err = { 0 };
	size_t n;

	assert_ok(orders_find(&o, &n, d->orders, id, &err), &err);
	assert_int_equal(n, 1);
	return o;
}

static void assess(struct order_state *out, const struct desk *d, int month, int day)
{
	struct wm_error err = { 0 };

	assert_ok(order_assess(out, d->orders, order_named(d, "o-1"),
			       (int32_t)days_from_civil(2024, month, day), 0, &err),
		  &err);
}

static const struct order_obligation *obligation(const struct order_state *s, const char *id)
{
	for (size_t i = 0; i < s->n_obligations; i++)
		if (strcmp(s->obligations[i].said->id->text, id) == 0)
			return &s->obligations[i];
	test_failed(__FILE__, __LINE__, "no obligation %s", id);
}

static const char *item_id(const struct order_state *s, size_t i)
{
	return s->orders->graph->nodes[s->items[i].node].id;
}

/* --- what is read ------------------------------------------------------------------------ */

static const char *const one_order[][2] = {
	{ "order", ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
	{ NULL, NULL },
};

static void test_days(void **state)
{
	static const struct {
		int month, day;
		int32_t left; /* of "models" */
		bool overdue;
	} rows[] = { { 3, 8, 45, false }, { 3, 28, 25, false }, { 3, 29, 24, true },
		     { 4, 22, 0, true },  { 4, 23, -1, true } };
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d, one_order);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_order_state struct order_state s = { 0 };

		assess(&s, &d, rows[i].month, rows[i].day);
		assert_int_equal(obligation(&s, "models")->left, rows[i].left);
		assert_int_equal(s.overdue, rows[i].overdue);
		assert_false(s.closed);
		assert_string_equal(s.obligations[0].said->id->text, "data");
		assert_int_equal(order_next_due(&s), s.obligations[0].due);
	}
}

static void test_reach(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };

	(void)state;
	desk_open(&d, one_order);
	assess(&s, &d, 3, 8);
	assert_int_equal(s.n_items, 2);
	assert_string_equal(item_id(&s, 0), SHELF_ISSUER "/faces-1");
	assert_string_equal(item_id(&s, 1), SHELF_ISSUER "/llm-1@1.0");
	assert_int_equal(s.n_tainted, 1);
	assert_ptr_equal(order_item(&s, s.items[1].node), &s.items[1]);
	/* The others, and the unknown parents of all three. */
	assert_int_equal(s.n_unknown, 5);
	assert_true(order_is_undecided(&s));
}

/* What nobody says anything of, data and runs too, may be what the order is about. */
static void test_unknown_is_not_clean(void **state)
{
	static const char *const unknown[] = { "of-data", "of-run", "of-parent" };
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };
	cleanup_clean struct clean c = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&d.shelf);
	lineage_dataset(&d.shelf, "d", "");
	lineage_dataset(&d.shelf, "other", "");
	lineage_run(&d.shelf, "r", ",\"uses\":[{\"dataset\":@nowhere@}]");
	lineage_run(&d.shelf, "q", ",\"uses\":[{\"dataset\":@other@}]");
	lineage_checkpoint(&d.shelf, "of-data", ",\"run\":[@r@]");
	lineage_checkpoint(&d.shelf, "of-run", ",\"run\":[@lost@]");
	lineage_checkpoint(&d.shelf, "of-parent",
			   ",\"derivation\":[{\"kind\":\"prune\",\"parent\":[@gone@]}]");
	lineage_checkpoint(&d.shelf, "clean", ",\"run\":[@q@]");
	add(&d.shelf, "order",
	    ORDER("o-1", "1", "", "\"scope_dataset\":[{\"object\":\"acme/d\"}]"));
	desk_read(&d);
	assess(&s, &d, 3, 8);
	assert_ok(clean_make(&c, &s, &err), &err);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.list[0], lineage_node(d.graph, "clean"));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_true(d.orders->unknown[lineage_node(d.graph, unknown[i])]);
}

static void test_names(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	const struct order *o = NULL;
	char id[STATEMENT_ID_TEXT + 1];
	struct wm_error err = { 0 };
	size_t n;

	(void)state;
	desk_open(&d, one_order);
	o = order_named(&d, SHELF_ISSUER "/o-1");
	assert_ptr_equal(order_named(&d, "o-1"), o);
	statement_id_text(id, o->versions[0].statement->id);
	assert_ptr_equal(order_named(&d, id), o);
	assert_reason(orders_find(&o, &n, d.orders, "o-2", &err), &err, ORDER_UNKNOWN);
	assert_reason(orders_find(&o, &n, d.orders, "", &err), &err, ORDER_UNKNOWN);
}

#define KEYID(digit)                                                                           \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit
#define KEYID_OF(digit) KEYID(digit) KEYID(digit) KEYID(digit) KEYID(digit)

/* One statement by two keys, and between them in the list another one by a third. */
static void test_statement_by_two_keys(void **state)
{
	static const char one[] = ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("a") "]");
	static const char other[] = ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("b") "]");
	static const char *const rows[][2] = { { KEYID_OF("1"), one },
					       { KEYID_OF("2"), other },
					       { KEYID_OF("3"), one } };
	cleanup_desk struct desk d = { .index = NULL };
	char id[STATEMENT_ID_TEXT + 1];
	const struct order *o = NULL;
	struct wm_error err = { 0 };
	size_t n;

	(void)state;
	shelf_open(&d.shelf);
	for (size_t i = 0; i < 3; i++) {
		add(&d.shelf, "order", rows[i][1]);
		d.shelf.pending[i].keyid = rows[i][0];
	}
	statement_id_text(id, d.shelf.pending[0].statement);
	desk_read(&d);
	assert_int_equal(d.orders->n, 3);
	assert_ok(orders_find(&o, &n, d.orders, id, &err), &err);
	assert_ptr_equal(o, &d.orders->list[0]);
	assert_int_equal(n, 3);
	statement_id_text(id, d.orders->list[1].versions[0].statement->id);
	assert_ptr_equal(order_named(&d, id), &d.orders->list[1]);
}

/* --- versions ---------------------------------------------------------------------------- */

static void test_versions_unite(void **state)
{
	static const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
		{ "order", ORDER("o-1", "2", PREVIOUS, "\"scope_dataset\":[" OBJECT("faces-2") ","
						       OBJECT("faces-9") "]") },
		{ NULL, NULL },
	};
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };

	(void)state;
	desk_open(&d, more);
	assess(&s, &d, 3, 8);
	assert_int_equal(d.orders->n, 1);
	assert_int_equal(s.order->n_versions, 2);
	assert_int_equal(s.n_seeds, 2);
	assert_int_equal(s.n_tainted, 2);
	assert_int_equal(s.n_missing, 1);
	assert_string_equal(s.missing[0].text, SHELF_ISSUER "/faces-9");
}

/* Adds version `sequence` of the order, with a digest in its scope. */
static void add_version(struct shelf *s, const char *const parts[2],
			const uint8_t digest[SHA256_BYTES])
{
	cleanup_buf struct buf json = BUF_INIT(PAYLOAD_MAX);
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&json, parts[0], &err), &err);
	assert_ok(buf_append_hex(&json, digest, SHA256_BYTES, &err), &err);
	assert_ok(buf_append_str(&json, parts[1], &err), &err);
	add(s, "order", buf_str(&json));
}

enum { WHOLE = 10, PART = 5 };

/* Opens commitments of the first `n` numbers, and has them asked. */
static struct commitments *at_hand(struct subsets *out, const struct shelf *s, unsigned n)
{
	struct commitments *c = NULL;
	struct wm_error err = { 0 };
	char path[300];

	snprintf(path, sizeof(path), "%s/%u.wmc", s->scratch, n);
	committed_write(path, n);
	assert_ok(subsets_add(out, path, &err), &err);
	assert_ok(commitments_open(&c, path, &err), &err);
	return c;
}

/*
 * A version names a record. The next one names a subset that has it not, or the same data under
 * another id as a whole: then uses of the subset count.
 */
static void test_record_and_more(void **state)
{
	static const char *const parts[][2] = {
		{ ORDER_HEAD("o-1", "1", "") "\"scope_dataset\":[{\"object\":\"acme/d\"}],"
					     "\"scope_record\":[\"", "\"]" OBLIGATIONS },
		{ ORDER_HEAD("o-1", "2", PREVIOUS) "\"scope_subset_root\":[\"",
		  "\"]" OBLIGATIONS },
		{ ORDER_HEAD("o-1", "2", PREVIOUS) "\"scope_dataset\":[{\"object\":\"acme/same\"}],"
						   "\"docket\":\"", "\"" OBLIGATIONS },
	};

	(void)state;
	for (size_t second = 0; second < sizeof(parts) / sizeof(parts[0]); second++) {
		cleanup_desk struct desk d = { .index = NULL };
		cleanup_order_state struct order_state s = { 0 };
		cleanup_subsets struct subsets subsets = { .files = { 0 } };
		cleanup_commitments struct commitments *whole = NULL, *part = NULL;
		char use[256], hex[2 * SHA256_BYTES + 1];
		uint8_t leaf[SHA256_BYTES];

		shelf_open(&d.shelf);
		whole = at_hand(&subsets, &d.shelf, WHOLE);
		part = at_hand(&subsets, &d.shelf, PART);
		committed_leaf(leaf, PART);
		hex_encode(hex, part->header.root, SHA256_BYTES);
		snprintf(use, sizeof(use),
			 ",\"uses\":[{\"dataset\":@d@,\"subset_root\":\"%s\"}]", hex);
		lineage_dataset(&d.shelf, "d", ",\"content_root\":\"$content$\"");
		lineage_dataset(&d.shelf, "same", ",\"content_root\":\"$content$\"");
		lineage_run(&d.shelf, "r", use);
		add_version(&d.shelf, parts[0], leaf);
		if (second > 0)
			add_version(&d.shelf, parts[second], part->header.root);
		desk_read(&d);
		d.orders->subsets = &subsets;
		assess(&s, &d, 3, 8);
		assert_int_equal(s.order->n_versions, second > 0 ? 2 : 1);
		assert_int_equal(trace_has(&s.trace, lineage_node(d.graph, "r")), second > 0);
		assert_int_equal(order_item(&s, lineage_node(d.graph, "d"))->in_part, second < 2);
	}
}

/* --- events ------------------------------------------------------------------------------ */

#define GONE(what, day)                                                                        \
	",\"destroyed\":[{\"subject\":" what ",\"method\":\"purge\",\"at\":\"" day "T12:00:00Z\"}]"

static void test_events(void **state)
{
	static const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
		{ "order", ORDER("o-2", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
		/* By local id; of no order; of an order that is nowhere. */
		{ "event", EVENT("e-1", "deleted", "2024-03-20", ",\"order_id\":\"o-1\""
				 GONE(OBJECT("faces-1"), "2024-03-20")) },
		{ "event", EVENT("e-2", "deleted", "2024-03-01",
				 GONE(OBJECT("llm-1@1.0"), "2024-03-01")) },
		{ "event", EVENT("e-3", "deleted", "2024-03-01", ",\"order_id\":\"o-9\""
				 GONE(OBJECT("faces-1"), "2024-03-01")) },
		{ "event", EVENT("e-4", "fulfilled", "2024-03-25", OF_ORDER
				 ",\"obligation_id\":\"sworn\"") },
		{ "event", EVENT("e-5", "fulfilled", "2024-03-26", OF_ORDER
				 ",\"obligation_id\":\"tell\"") },
		{ NULL, NULL },
	};
	static const struct {
		int day; /* of March */
		size_t n_open_data, n_open_models;
		bool closed;
	} rows[] = { { 1, 1, 0, false }, { 19, 1, 0, false }, { 20, 0, 0, false },
		     { 25, 0, 0, false }, { 26, 0, 0, true } };
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d, more);
	assert_int_equal(d.orders->n_stray, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_order_state struct order_state s = { 0 }, other = { 0 };
		struct wm_error err = { 0 };

		assess(&s, &d, 3, rows[i].day);
		assert_int_equal(s.n_open_data, rows[i].n_open_data);
		assert_int_equal(s.n_open_models, rows[i].n_open_models);
		assert_int_equal(s.closed, rows[i].closed);
		assert_ok(order_assess(&other, d.orders, order_named(&d, "o-2"), s.today, 0, &err),
			  &err);
		assert_int_equal(other.n_open_data, 1);
		assert_false(other.closed);
	}
}

/* --- recipients -------------------------------------------------------------------------- */

#define TRANSFER(local, related)                                                               \
	"{" HEADER(local, "1", "") "," PARTIES ",\"id\":\"" local "\",\"from\":\"a\",\"to\":\"b\","  \
	"\"subject\":" OBJECT("llm-1@1.0") ",\"related_party\":{\"exists\":\"" related "\"}}"

static void test_recipients(void **state)
{
	static const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
		{ "transfer", TRANSFER("t-1", "no") },
		{ "event", EVENT("e-1", "notified_recipient", "2024-03-20", OF_ORDER
				 ",\"recipient\":\"b\"") },
		{ NULL, NULL },
	};
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state before = { 0 }, after = { 0 };

	(void)state;
	desk_open(&d, more);
	assess(&before, &d, 3, 19);
	assess(&after, &d, 3, 20);
	assert_int_equal(before.n_recipients, 1);
	assert_string_equal(before.recipients[0].name, "b");
	assert_int_equal(before.n_untold, 1);
	assert_false(obligation(&before, "tell")->done);
	assert_int_equal(after.n_untold, 0);
	assert_int_equal(after.n_unconfirmed, 1);
	assert_true(obligation(&after, "tell")->done);
}

static void test_respondent_is_no_recipient(void **state)
{
	static const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"respondent\":[\"b\"],\"scope_dataset\":["
				 OBJECT("faces-1") "]") },
		{ "transfer", TRANSFER("t-1", "no") },
		{ NULL, NULL },
	};
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };

	(void)state;
	desk_open(&d, more);
	assess(&s, &d, 3, 19);
	assert_int_equal(s.n_recipients, 0);
	assert_int_equal(s.n_untold, 0);
	assert_false(obligation(&s, "tell")->done);
}

#define OTHERS_TRANSFER(related)                                                               \
	"{\"header\":{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\"," \
	"\"issuer\":\"b.example\",\"nonce\":\"00112233445566778899aabbccddeeff\","               \
	"\"object\":\"b.example/t-1\",\"schema_minor\":0,\"sequence\":1}," PARTIES                \
	",\"id\":\"t-1\",\"from\":\"a\",\"to\":\"b\",\"subject\":" OBJECT("llm-1@1.0")              \
	",\"related_party\":{\"exists\":\"" related "\"}}"

static void assert_conflicts(const char *theirs, size_t n)
{
	const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"scope_dataset\":[" OBJECT("faces-1") "]") },
		{ "transfer", TRANSFER("t-1", "no") },
		{ "transfer", theirs },
		{ NULL, NULL },
	};
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };
	__attribute__((cleanup(gathered_list_release))) struct gathered_list found = { 0 };
	struct wm_error err = { 0 };

	desk_open(&d, more);
	assess(&s, &d, 3, 19);
	assert_int_equal(s.n_conflicts, n);
	assert_ok(orders_conflicts(&found, d.orders, &s.trace, &err), &err);
	assert_int_equal(found.n, n);
	if (n > 0)
		assert_string_equal(((const struct order_conflict *)found.list)->field,
				    "related_party");
}

static void test_two_sides(void **state)
{
	(void)state;
	assert_conflicts(OTHERS_TRANSFER("no"), 0);
	assert_conflicts(OTHERS_TRANSFER("yes"), 1);
}

/* --- the plan, and memory ---------------------------------------------------------------- */

static void test_plan(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };
	cleanup_plan struct plan p = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	desk_open(&d, one_order);
	assess(&s, &d, 3, 8);
	assert_ok(plan_make(&p, &s, &err), &err);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.steps[0].node, s.items[1].node);
	assert_string_equal(d.graph->nodes[p.steps[0].run].id, SHELF_ISSUER "/run-1");
	assert_int_equal(p.steps[0].start, GRAPH_NONE);
	assert_int_equal(p.total.n_runs, 1);
	assert_int_equal(p.total.n_without, 1);
}

/* The step that counts is the one in the run, whoever says it. */
static void test_plan_begins_with_the_last_clean(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_order_state struct order_state s = { 0 };
	cleanup_plan struct plan p = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&d.shelf);
	lineage_dataset(&d.shelf, "d", "");
	lineage_run(&d.shelf, "r", ",\"uses\":[{\"dataset\":@d@,\"from_step\":100}],"
				   "\"output_model\":@a50@,\"output_step\":50");
	lineage_checkpoint(&d.shelf, "a50", "");
	lineage_checkpoint(&d.shelf, "b80", ",\"checkpoint_of\":{\"run\":@r@,\"step\":80}");
	lineage_checkpoint(&d.shelf, "c60", ",\"checkpoint_of\":{\"run\":@r@,\"step\":60}");
	lineage_checkpoint(&d.shelf, "m", ",\"run\":[@r@]");
	add(&d.shelf, "order",
	    ORDER("o-1", "1", "", "\"scope_dataset\":[{\"object\":\"acme/d\"}]"));
	desk_read(&d);
	assess(&s, &d, 3, 8);
	assert_ok(plan_make(&p, &s, &err), &err);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.steps[0].node, lineage_node(d.graph, "m"));
	assert_int_equal(p.steps[0].start, lineage_node(d.graph, "b80"));
}

static void test_verbs(void **state)
{
	(void)state;
	assert_string_equal(order_verb(WEIGHTMARK__V1__ORDER__KIND__VALUE__court_order), "ordered");
	assert_string_equal(order_verb(WEIGHTMARK__V1__ORDER__KIND__VALUE__agency_order), "ordered");
	for (int kind = WEIGHTMARK__V1__ORDER__KIND__VALUE__voluntary_undertaking;
	     kind <= WEIGHTMARK__V1__ORDER__KIND__VALUE__data_subject_request + 1; kind++) {
		assert_string_not_equal(order_verb((Weightmark__V1__Order__Kind__Value)kind),
					"ordered");
	}
}

static enum wm_code read_and_assess(void *context, struct wm_error *err)
{
	const struct desk *d = context;
	cleanup_order_state struct order_state s = { 0 };
	cleanup_orders struct orders *o = NULL;
	cleanup_plan struct plan p = { 0 };
	cleanup_clean struct clean c = { 0 };

	TRY(orders_load(&o, d->graph, &d->index, 1, NULL, err));
	TRY(order_assess(&s, o, &o->list[0], DAY_NONE, 0, err));
	TRY(clean_make(&c, &s, err));
	return plan_make(&p, &s, err);
}

static void test_memory(void **state)
{
	static const char *const more[][2] = {
		{ "order", ORDER("o-1", "1", "", "\"scope_subset_root\":[\"" SHELF_HEX "\"],"
				 "\"scope_party\":[\"a\"],\"scope_dataset\":["
				 OBJECT("faces-1") "]") },
		{ "transfer", TRANSFER("t-1", "no") },
		{ "transfer", OTHERS_TRANSFER("yes") },
		{ "event", EVENT("e-1", "deleted", "1969-03-20", OF_ORDER
				 GONE(OBJECT("faces-1"), "1969-03-20")) },
		{ NULL, NULL },
	};
	cleanup_desk struct desk d = { .index = NULL };

	(void)state;
	desk_open(&d, more);
	with_every_allocation_failing(read_and_assess, &d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),	   cmocka_unit_test(test_reach),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_versions_unite),
		cmocka_unit_test(test_events),	   cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_plan),	   cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_unknown_is_not_clean),
		cmocka_unit_test(test_statement_by_two_keys),
		cmocka_unit_test(test_record_and_more),
		cmocka_unit_test(test_plan_begins_with_the_last_clean),
		cmocka_unit_test(test_memory),	   cmocka_unit_test(test_two_sides),
		cmocka_unit_test(test_respondent_is_no_recipient),
	};

	return run_tests(tests);
}
