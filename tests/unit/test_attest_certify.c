/* SPDX-License-Identifier: Apache-2.0 */
/* Accounting for an order, and the certificate that is composed of it, over a small ledger. */
#include "lineages.h"

#include <stdio.h>

#include "attest/certify.h"
#include "attest/retire.h"
#include "attest/vouch.h"
#include "lineage/seen.h"
#include "report/certificate.h"
#include "util/file.h"
#include "util/limits.h"

#define PARTIES ",\"party\":[{\"id\":\"a\",\"legal_name\":\"Authority\"},{\"id\":\"s\"}]"
#define ORDER(obligations)                                                                     \
	PARTIES ",\"id\":\"o\",\"kind\":\"agency_order\",\"authority\":\"a\",\"respondent\":"   \
		"[\"s\"],\"trigger_date\":\"2024-03-08\",\"scope_dataset\":[@d@],"              \
		"\"obligation\":[" obligations "]"
#define DELETE                                                                                 \
	"{\"id\":\"data\",\"kind\":\"delete_data\",\"days\":20},"                               \
	"{\"id\":\"models\",\"kind\":\"delete_models\",\"days\":20}"
#define DESTROYED(what, place)                                                                 \
	"{\"subject\":@" what "@,\"location\":[\"" place "\"],\"method\":\"purge\","            \
	"\"operator\":\"s\",\"at\":\"2024-03-20T00:00:00Z\"}"
#define EVENT(id, more)                                                                        \
	PARTIES ",\"id\":\"" id "\",\"kind\":\"deleted\",\"at\":\"2024-03-20T00:00:00Z\","      \
		"\"order\":@o@" more

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { SEEN_BEFORE = 1709251200 }; /* 2024-03-01 */

/* A ledger with an order, and where that stands. */
struct desk {
	struct shelf shelf;
	struct index *index;
	struct graph *graph;
	struct orders *orders;
	struct order_state state;
};

static void desk_close(struct desk *d)
{
	order_state_release(&d->state);
	orders_free(d->orders);
	graph_free(d->graph);
	index_close(d->index);
	shelf_close(&d->shelf);
}
#define cleanup_desk __attribute__((cleanup(desk_close)))

/* d -> r -> m -> q, an order about d, and an event of these members, or none. */
static void desk_open(struct desk *d, const char *order, const char *event)
{
	struct wm_error err = { 0 };

	shelf_open(&d->shelf);
	lineage_dataset(&d->shelf, "d", "");
	lineage_run(&d->shelf, "r", ",\"uses\":[{\"dataset\":@d@}],\"output_model\":@m@");
	lineage_checkpoint(&d->shelf, "m", "");
	lineage_checkpoint(&d->shelf, "q",
			   ",\"derivation\":[{\"kind\":\"quantise\",\"parent\":[@m@]}]");
	lineage_say(&d->shelf, "order", "acme", "o", 1, order);
	if (event)
		lineage_say(&d->shelf, "event", "acme", "e", 1, event);
	shelf_append(&d->shelf, SHELF_ORIGIN, 100);
	d->index = shelf_index(&d->shelf);
	shelf_sync(d->index);
	assert_ok(graph_load(&d->graph, &d->index, 1, NULL, &err), &err);
	assert_ok(orders_load(&d->orders, d->graph, &d->index, 1, NULL, &err), &err);
	assert_int_equal(d->orders->n, 1);
	assert_ok(order_assess(&d->state, d->orders, d->orders->list, DAY_NONE, 1767225600, &err),
		  &err);
}

static const char all_gone[] = EVENT("e", ",\"destroyed\":[" DESTROYED("d", "/data/d/") ","
					  DESTROYED("m", "/m") "," DESTROYED("q", "/q") "]");

static void make(struct account *a, const struct desk *d, const struct seen_copy *seen, size_t n)
{
	struct wm_error err = { 0 };

	assert_ok(account_make(a, &d->state, seen, n, false, &err), &err);
}

static void assert_open(const struct account *a, size_t i, enum open_kind kind, const char *place)
{
	assert_true(i < a->n_open);
	assert_int_equal(a->open[i].kind, kind);
	assert_string_equal(a->open[i].place ? a->open[i].place : "", place);
}

/* --- accounting -------------------------------------------------------------------------- */

static void things_are_open_as_far_as_they_are_to_go(void **state)
{
	static const struct {
		const char *order;
		size_t n;
		enum open_kind first;
		unsigned demands;
	} cases[] = {
		{ ORDER(DELETE), 3, OPEN_CHECKPOINT, DEMANDS_DATA | DEMANDS_MODELS },
		{ ORDER("{\"id\":\"x\",\"kind\":\"delete_models\",\"days\":1}"), 2,
		  OPEN_CHECKPOINT, DEMANDS_MODELS },
		{ ORDER("{\"id\":\"x\",\"kind\":\"delete_derived_features\",\"days\":1}"), 1,
		  OPEN_DATASET, DEMANDS_DATA },
		{ ORDER("{\"id\":\"x\",\"kind\":\"other\",\"days\":1},"
			"{\"id\":\"y\",\"kind\":\"sworn_statement\",\"days\":1}"), 1,
		  OPEN_OBLIGATION, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_desk struct desk d = { .index = NULL };
		cleanup_account struct account a = { 0 };

		desk_open(&d, cases[i].order, NULL);
		make(&a, &d, NULL, 0);
		assert_int_equal(order_demands(&d.state), cases[i].demands);
		assert_int_equal(a.n_open, cases[i].n);
		assert_int_equal(a.open[0].kind, cases[i].first);
	}
}

static void copies_are_settled_by_place_and_folder(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_account struct account a = { 0 };
	struct seen_copy seen[] = {
		{ 0, "/data/d", SEEN_BEFORE },	    { 0, "/data/d/a/b", SEEN_BEFORE },
		{ 0, "/data/d//c", SEEN_BEFORE },   { 0, "/data/dd", SEEN_BEFORE },
		{ 0, "/data", SEEN_BEFORE },	    { 0, "data/d/a", SEEN_BEFORE },
		{ 0, "/", SEEN_BEFORE },	    { 0, "/data/d/late", 1800000000 },
	};
	const size_t n = sizeof(seen) / sizeof(seen[0]);

	(void)state;
	desk_open(&d, ORDER(DELETE), all_gone);
	for (size_t i = 0; i < n; i++)
		seen[i].node = lineage_node(d.graph, "d");
	make(&a, &d, seen, n);
	assert_int_equal(a.n_deeds, 3);
	assert_int_equal(a.n_open, 5);
	assert_open(&a, 0, OPEN_COPY, "/");
	assert_open(&a, 1, OPEN_COPY, "/data");
	assert_open(&a, 2, OPEN_COPY, "/data/dd");
	assert_open(&a, 3, OPEN_COPY, "data/d/a");
	assert_open(&a, 4, OPEN_SEEN_AFTER, "/data/d/late");
}

/* --- composing --------------------------------------------------------------------------- */

static enum wm_code write_all(struct composition *c, struct buf *text, const struct desk *d,
			      const struct account *a, struct wm_error *err)
{
	const struct certified_log log = { .origin = SHELF_ORIGIN, .size = 6 };
	const struct certify_options options = { .logs = &log, .n_logs = 1,
						 .declarant = "A Person", .basis = "staff" };
	struct certificate_report r = { .statement = "wm:", .issuer = "acme", .keyid = "00",
					.state = &d->state, .account = a };

	TRY(certify_order(c, &d->state, a, &options, err));
	r.certificate = (const Weightmark__V1__DeletionCertificate *)c->statements[0].message;
	TRY(certificate_text(text, &r, err));
	return certificate_html(text, &r, err);
}

static void the_text_has_names_and_blanks(void **state)
{
	struct composition c = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY) };
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_account struct account a = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	desk_open(&d, ORDER(DELETE), all_gone);
	make(&a, &d, NULL, 0);
	assert_int_equal(a.n_open, 0);
	assert_ok(write_all(&c, &text, &d, &a, &err), &err);
	assert_non_null(strstr(buf_str(&text), "I am A Person, ____________________ of s. "));
	assert_non_null(strstr(buf_str(&text), "  Full name   A Person\n"));
	assert_non_null(strstr(buf_str(&text), "  Title       ____"));
	assert_non_null(strstr(buf_str(&text), "or from staff on whom"));
	composition_release(&c);
}

static void signatures_are_verified_or_told(void **state)
{
	__attribute__((cleanup(gathered_list_release))) struct gathered_list unknown = { 0 };
	cleanup_desk struct desk d = { .index = NULL };
	cleanup_account struct account a = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	desk_open(&d, ORDER(DELETE), all_gone);
	make(&a, &d, NULL, 0);
	assert_ok(vouch(&unknown, &d.state, &a, NULL, signer_public(d.shelf.signer), &err), &err);
	assert_int_equal(unknown.n, 0);
	assert_ok(vouch(&unknown, &d.state, &a, NULL, NULL, &err), &err);
	assert_int_equal(unknown.n, 2); /* the order, and the event once */
}

/* --- memory ------------------------------------------------------------------------------ */

static enum wm_code account_and_compose(void *context, struct wm_error *err)
{
	const struct desk *d = context;
	__attribute__((cleanup(gathered_list_release))) struct gathered_list unknown = { 0 };
	cleanup_composition struct composition c = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY) };
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	cleanup_account struct account a = { 0 };
	const struct open_point more = { .kind = OPEN_UNVERIFIED, .node = GRAPH_NONE };
	const struct seen_copy seen = { 0, "/m/a", SEEN_BEFORE };

	TRY(account_make(&a, &d->state, &seen, 1, false, err));
	TRY(vouch(&unknown, &d->state, &a, NULL, signer_public(d->shelf.signer), err));
	a.n_open = 0;
	TRY(write_all(&c, &text, d, &a, err));
	return account_add_open(&a, &more, 1, err);
}

struct file_read {
	const struct desk *d;
	char path[4096];
};

static enum wm_code load_seen(void *context, struct wm_error *err)
{
	const struct file_read *f = context;
	cleanup_seen struct seen seen = SEEN_INIT;

	TRY(seen_load(&seen, f->path, f->d->graph, &f->d->state.trace, err));
	assert_int_equal(seen.list.n, 2);
	return WM_OK;
}

static enum wm_code retire(void *context, struct wm_error *err)
{
	const struct file_read *f = context;
	cleanup_composition struct composition c = { .arena = ARENA_INIT(LIMIT_DECODE_MEMORY),
						     .name = f->path };
	static const uint8_t keyid[SHA256_BYTES] = { 0 };
	const struct retire_options o = { .graph = f->d->graph, .orders = f->d->orders,
					  .keyid = keyid, .now = 1767225600 };
	struct retired counts;

	TRY(retire_compose(&c, &counts, f->path, &o, err));
	assert_int_equal(counts.n_destroyed, 2);
	assert_int_equal(counts.n_withdrawn, 1);
	return WM_OK;
}

static void write_text(struct file_read *f, const char *dir, const char *text)
{
	struct wm_error err = { 0 };

	snprintf(f->path, sizeof(f->path), "%s/file", dir);
	assert_ok(file_write(f->path, text, strlen(text), 0600, FILE_REPLACE, &err), &err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_desk struct desk d = { .index = NULL };
	struct file_read f = { .d = &d };
	char *dir = scratch_new(), hex[2 * SHA256_BYTES + 1], text[2048];

	(void)state;
	desk_open(&d, ORDER(DELETE), all_gone);
	with_every_allocation_failing(account_and_compose, &d);
	shelf_hex(hex, "sha256 q", 0);
	snprintf(text, sizeof(text),
		 "{\"scanned_at\":\"2024-03-01T00:00:00Z\",\"places\":[{\"place\":\"a\",\"state\":"
		 "\"tainted\",\"object\":\"acme/d\"},{\"place\":\"b\",\"state\":\"unknown\","
		 "\"sha256\":\"%s\"},{\"place\":\"c\",\"state\":\"failed\"}]}", hex);
	write_text(&f, dir, text);
	with_every_allocation_failing(load_seen, &f);
	write_text(&f, dir, "object\twhen\thow\tevidence_uri\tevidence_sha256\n"
			    "acme/m\t2024-03-01\tpurge\thttps://x.example/1\t" HEX "\n"
			    "acme/q\t2024-03-01\tdestroy\thttps://x.example/2\t" HEX "\n"
			    "acme/d\t2024-03-01\twithdrawn\thttps://x.example/3\t" HEX "\n");
	with_every_allocation_failing(retire, &f);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_are_open_as_far_as_they_are_to_go),
		cmocka_unit_test(copies_are_settled_by_place_and_folder),
		cmocka_unit_test(the_text_has_names_and_blanks),
		cmocka_unit_test(signatures_are_verified_or_told),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
