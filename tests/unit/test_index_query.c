/* SPDX-License-Identifier: Apache-2.0 */
/* lib/index/query.c and extract.c: what is found, and what is not. */
#include "shelf.h"

#include <stdio.h>

#include "util/hex.h"

enum { ALL = 1000, FOUND_MAX = 4096 };

#define FIRST  "a.example/log" /* models 1 and 2 */
#define SECOND "b.example/log" /* model 2 again, and 3 */

/* What a query handed out, as "ORIGIN POSITION" lines; or a failure after so many. */
struct found {
	char text[FOUND_MAX];
	size_t n, fail_after;
};

static enum wm_code note_found(void *context, const struct indexed *e, struct wm_error *err)
{
	struct found *f = context;
	size_t len = strlen(f->text);

	if (f->fail_after && f->n == f->fail_after)
		return fail(err, REASON_CARRIERS_DISAGREE, "enough");
	f->n++;
	snprintf(f->text + len, sizeof(f->text) - len, "%.1s%llu ", e->origin,
		 (unsigned long long)e->position);
	return WM_OK;
}

static struct shelf shelf;
static struct index *x;

static int fill(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&shelf);
	shelf_fill(&shelf, FIRST, 1, 2);
	shelf_add(&shelf, SHELF_UNREADABLE, 1);
	shelf_append(&shelf, FIRST, 1);
	shelf_fill(&shelf, SECOND, 2, 3);
	x = shelf_index(&shelf);
	assert_ok(index_sync(x, NULL, NULL, NULL, &err), &err);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	index_close(x);
	shelf_close(&shelf);
	return 0;
}

/* Asserts that the query finds these; a model's dataset, run, manifest and release are a0 to a3. */
static void assert_found(enum query_kind kind, const char *value, size_t max, const char *expected)
{
	struct found f = { .n = 0 };
	struct wm_error err = { 0 };

	assert_ok(index_query(x, kind, value, NULL, max, note_found, &f, &err), &err);
	if (strcmp(f.text, expected) != 0)
		test_failed(__FILE__, __LINE__, "query %d for '%s': '%s', not '%s'", (int)kind,
			    value, f.text, expected);
}

/* The same of the digest that model's statements have there. */
static void assert_digest_found(enum query_kind kind, const char *what, unsigned model,
				const char *expected)
{
	char hex[2 * SHA256_BYTES + 1];

	shelf_hex(hex, what, model);
	assert_found(kind, hex, ALL, expected);
}

static void test_names(void **state)
{
	static const struct {
		enum query_kind kind;
		const char *value, *expected;
	} rows[] = {
		{ QUERY_OBJECT, SHELF_ISSUER "/llm-1@1.0", "a2 " },
		{ QUERY_OBJECT, SHELF_ISSUER "/llm-2@1.0", "a6 b2 " },
		{ QUERY_OBJECT, SHELF_ISSUER "/run-3", "b5 " },
		{ QUERY_OBJECT, SHELF_ISSUER "/release-1", "a3 " },
		{ QUERY_OBJECT, "acme.example/llm-1@1.0", "" },
		{ QUERY_OBJECT, SHELF_ISSUER "/llm-1", "" },
		{ QUERY_OBJECT, SHELF_ISSUER, "" },
		{ QUERY_OBJECT, "", "" },
		{ QUERY_PARTY, "Steward-1", "a0 " },
		{ QUERY_PARTY, "sTEWARD-1", "a0 " },
		{ QUERY_PARTY, "town of 2", "a4 b0 " },
		{ QUERY_PARTY, "lei-3", "b4 " },
		{ QUERY_PARTY, "acme.EXAMPLE", "a7 a6 a5 a4 a3 a2 a1 a0 b7 b6 b5 b4 b3 b2 b1 b0 " },
		{ QUERY_PARTY, "Town", "" },
		{ QUERY_PARTY, "LLM-1", "" },
		{ QUERY_PARTY, "' OR 1=1 --", "" },
		{ QUERY_NAME, "llm-1", "a2 " },
		{ QUERY_NAME, "LLM-2", "a6 b2 " },
		{ QUERY_NAME, "LLM-1@1.0", "a2 " },
		{ QUERY_NAME, "faces of 1", "a0 " },
		{ QUERY_NAME, "Faces of 1@2", "a0 " },
		{ QUERY_NAME, "faces-3", "b4 " },
		{ QUERY_NAME, "run-3", "b5 " },
		{ QUERY_NAME, "LLM", "" },
		{ QUERY_NAME, "LLM-%", "" },
		{ QUERY_NAME, "release-1", "" },
		{ QUERY_NAME, "", "" },
		{ QUERY_DATASET, SHELF_ISSUER "/faces-1", "a2 a1 a0 " },
		{ QUERY_DATASET, "faces-2", "a6 a5 a4 b2 b1 b0 " },
		{ QUERY_DATASET, "FACES OF 3", "b6 b5 b4 " },
		{ QUERY_DATASET, SHELF_ISSUER "/llm-1@1.0", "" },
		{ QUERY_DATASET, "llm-1", "" },
		{ QUERY_DATASET, "run-1", "" },
		{ QUERY_DATASET, "faces-4", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_found(rows[i].kind, rows[i].value, ALL, rows[i].expected);
}

static void test_words(void **state)
{
	static const struct {
		const char *value, *expected;
	} rows[] = {
		{ "nummer1", "a0 " },
		{ "NUMMER2", "a4 b0 " },
		{ "gesichter", "a4 a0 b4 b0 " },
		{ "faces nummer3", "b4 " },
		{ "  nummer3, of; faces!", "b4 " },
		{ "nummer1 nummer2", "" },
		{ "numm", "" },
		{ "\xc3\x96sterreich nummer1", "a0 " },
		{ "\xc3\xb6STERREICH nummer1", "a0 " },
		{ "O\xcc\x88sterreich nummer1", "a0 " },
		{ "osterreich nummer1", "" },
		{ "\xe2\x80\x9cnummer1\xe2\x80\x9d", "a0 " },
		{ "\xe2\x80\x94nummer1", "a0 " },
		{ "nummer1 OR nummer2", "" },
		{ "nummer*", "" },
		{ "\"nummer1\"", "a0 " },
		{ "text: nummer1", "" },
		{ "NOT nummer1", "" },
		{ "finetune", "" },
		{ "later", "" },
	};
	struct found f = { .n = 0 };
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_found(QUERY_TEXT, rows[i].value, ALL, rows[i].expected);
	assert_reason(index_query(x, QUERY_TEXT, "\xe2\x80\x94", NULL, ALL, note_found, &f, &err),
		      &err, USAGE);
	assert_reason(index_query(x, QUERY_TEXT, " -*\"", NULL, ALL, note_found, &f, &err), &err,
		      USAGE);
	assert_reason(index_query(x, QUERY_TEXT, "", NULL, ALL, note_found, &f, &err), &err, USAGE);
	assert_reason(index_query(x, QUERY_TEXT, "a\xff", NULL, ALL, note_found, &f, &err), &err,
		      USAGE);
}

/* However much is asked for: it is no fault of the index. */
static void test_many_words(void **state)
{
	cleanup_buf struct buf value = BUF_INIT(1 << 24);
	struct wm_error err = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++)
		assert_ok(buf_append_str(&value, "gesichter ", &err), &err);
	assert_found(QUERY_TEXT, buf_str(&value), ALL, "a4 a0 b4 b0 ");
	for (int i = 0; i < 1 << 20; i++)
		assert_ok(buf_append_byte(&value, 'x', &err), &err);
	assert_found(QUERY_TEXT, buf_str(&value), ALL, "");
	assert_false(x->malformed);
}

static void test_digests(void **state)
{
	static const struct {
		enum query_kind kind;
		const char *what, *expected_1, *expected_2;
	} rows[] = {
		{ QUERY_SHA256, "sha256", "a2 ", "a6 b2 " },
		{ QUERY_SHA256, "released", "a3 ", "a7 b3 " },
		{ QUERY_SHA256, "file", "", "" },
		{ QUERY_FILE, "file", "a2 ", "a6 b2 " },
		{ QUERY_FILE, "sha256", "", "" },
		{ QUERY_WEIGHTS, "weights", "a2 ", "a6 b2 " },
		{ QUERY_WEIGHTS, "parent", "", "" },
		{ QUERY_TENSOR_SET, "set", "a2 ", "a6 b2 " },
		{ QUERY_TENSOR, "tensor", "a2 ", "a6 b2 " },
		{ QUERY_TENSOR, "set", "", "" },
		{ QUERY_DATASET, "content", "a2 a1 a0 ", "a6 a5 a4 b2 b1 b0 " },
		{ QUERY_DATASET, "records", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_digest_found(rows[i].kind, rows[i].what, 1, rows[i].expected_1);
		assert_digest_found(rows[i].kind, rows[i].what, 2, rows[i].expected_2);
		assert_digest_found(rows[i].kind, rows[i].what, 9, "");
	}
}

static void test_digests_that_are_none(void **state)
{
	static const enum query_kind kinds_[] = { QUERY_SHA256, QUERY_FILE, QUERY_WEIGHTS,
						  QUERY_TENSOR_SET, QUERY_TENSOR };
	struct found f = { .n = 0 };
	struct wm_error err = { 0 };
	char hex[2 * SHA256_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds_) / sizeof(kinds_[0]); i++) {
		memset(hex, 'a', sizeof(hex));
		hex[65] = '\0';
		assert_reason(index_query(x, kinds_[i], hex, NULL, 1, note_found, &f, &err), &err,
			      USAGE);
		hex[64] = '\0';
		assert_ok(index_query(x, kinds_[i], hex, NULL, 1, note_found, &f, &err), &err);
		hex[10] = 'A';
		assert_reason(index_query(x, kinds_[i], hex, NULL, 1, note_found, &f, &err), &err,
			      USAGE);
		hex[63] = '\0';
		assert_reason(index_query(x, kinds_[i], hex, NULL, 1, note_found, &f, &err), &err,
			      USAGE);
	}
}

static void test_statements(void **state)
{
	static const size_t lengths[] = { 8, 9, 10, 63, 64 };
	cleanup_buf struct buf payload = BUF_INIT(65536);
	char hex[2 * SHA256_BYTES + 2] = "", text[80];
	uint8_t id[SHA256_BYTES];
	struct found f = { .n = 0 };
	struct wm_error err = { 0 };

	(void)state;
	shelf_payload(&payload, SHELF_RUN, 2);
	assert_ok(statement_id(id, payload.data, payload.len, &err), &err);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		hex_encode(hex, id, sizeof(id));
		hex[lengths[i]] = '\0';
		assert_found(QUERY_STATEMENT, hex, ALL, "a5 b1 ");
		snprintf(text, sizeof(text), "wm:%s", hex);
		assert_found(QUERY_STATEMENT, text, ALL, "a5 b1 ");
		hex[lengths[i] - 1] = hex[lengths[i] - 1] == '0' ? '1' : '0';
		assert_found(QUERY_STATEMENT, hex, ALL, "");
	}
	hex_encode(hex, id, sizeof(id));
	hex[7] = '\0';
	assert_reason(index_query(x, QUERY_STATEMENT, hex, NULL, 1, note_found, &f, &err), &err,
		      USAGE);
	assert_reason(index_query(x, QUERY_STATEMENT, "wm:0123456", NULL, 1, note_found, &f, &err),
		      &err, USAGE);
	assert_reason(index_query(x, QUERY_STATEMENT, "wm:0123456g", NULL, 1, note_found, &f, &err),
		      &err, USAGE);
	hex_encode(hex, id, sizeof(id));
	strcpy(hex + 64, "0");
	assert_reason(index_query(x, QUERY_STATEMENT, hex, NULL, 1, note_found, &f, &err), &err,
		      USAGE);
}

/* What is no statement is there by its ids. */
static void test_unreadable(void **state)
{
	cleanup_buf struct buf payload = BUF_INIT(65536);
	uint8_t id[SHA256_BYTES], keyid[SHA256_BYTES];
	const char *key = public_key_id(signer_public(shelf.signer));
	struct indexed e = { .position = 99 };
	struct wm_error err = { 0 };
	bool found = false;

	(void)state;
	shelf_payload(&payload, SHELF_UNREADABLE, 1);
	assert_ok(statement_id(id, payload.data, payload.len, &err), &err);
	assert_true(hex_decode(keyid, key, KEYID_HEX));
	assert_ok(index_find_entry(&e, &found, x, FIRST, id, keyid, &err), &err);
	assert_true(found);
	assert_int_equal(e.position, 8);
	assert_string_equal(e.origin, FIRST);
	assert_memory_equal(e.statement, id, sizeof(id));
	assert_memory_equal(e.keyid, keyid, sizeof(keyid));
	assert_ok(index_find_entry(&e, &found, x, SECOND, id, keyid, &err), &err);
	assert_false(found);
	assert_ok(index_find_entry(&e, &found, x, "none", id, keyid, &err), &err);
	assert_false(found);
	keyid[0] ^= 1;
	assert_ok(index_find_entry(&e, &found, x, FIRST, id, keyid, &err), &err);
	assert_false(found);
	keyid[0] ^= 1;
	id[31] ^= 1;
	assert_ok(index_find_entry(&e, &found, x, FIRST, id, keyid, &err), &err);
	assert_false(found);
}

static void test_limits(void **state)
{
	static const char *const expected[] = { "", "a6 ", "a6 a5 ", "a6 a5 a4 ", "a6 a5 a4 b2 " };

	(void)state;
	for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++)
		assert_found(QUERY_DATASET, "faces-2", max, expected[max]);
	assert_found(QUERY_DATASET, "faces-2", SIZE_MAX, "a6 a5 a4 b2 b1 b0 ");
	assert_found(QUERY_NAME, "llm-2", 1, "a6 ");
	assert_found(QUERY_OBJECT, SHELF_ISSUER "/llm-2@1.0", 1, "a6 ");
	assert_found(QUERY_PARTY, SHELF_ISSUER, 9, "a7 a6 a5 a4 a3 a2 a1 a0 b7 ");
	assert_found(QUERY_TEXT, "gesichter", 3, "a4 a0 b4 ");
}

/* The limit is of what is wanted: what other logs hold does not use it up. */
static void test_origins(void **state)
{
	static const char *const first[] = { FIRST, NULL }, *const second[] = { SECOND, NULL },
			  *const both[] = { SECOND, "c.example/log", FIRST, NULL },
			  *const none[] = { NULL };
	static const struct {
		enum query_kind kind;
		const char *value, *const *origins;
		size_t max;
		const char *expected;
	} rows[] = {
		{ QUERY_PARTY, SHELF_ISSUER, first, 2, "a7 a6 " },
		{ QUERY_PARTY, SHELF_ISSUER, second, 2, "b7 b6 " },
		{ QUERY_PARTY, SHELF_ISSUER, both, 9, "a7 a6 a5 a4 a3 a2 a1 a0 b7 " },
		{ QUERY_PARTY, SHELF_ISSUER, none, 2, "" },
		{ QUERY_TEXT, "gesichter", second, 1, "b4 " },
		{ QUERY_DATASET, "faces-2", first, 2, "a6 a5 " },
		{ QUERY_DATASET, "faces-2", second, 2, "b2 b1 " },
		{ QUERY_DATASET, "faces-2", both, 4, "a6 a5 a4 b2 " },
		{ QUERY_DATASET, "faces-2", none, 2, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct found f = { .n = 0 };
		struct wm_error err = { 0 };

		assert_ok(index_query(x, rows[i].kind, rows[i].value, rows[i].origins, rows[i].max,
				      note_found, &f, &err), &err);
		assert_string_equal(f.text, rows[i].expected);
	}
}

static void test_a_visitor_that_fails(void **state)
{
	struct found f = { .fail_after = 2 };
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(index_query(x, QUERY_PARTY, SHELF_ISSUER, NULL, ALL, note_found, &f, &err),
		      &err, CARRIERS_DISAGREE);
	assert_string_equal(f.text, "a7 a6 ");
	assert_found(QUERY_NAME, "llm-1", 1, "a2 ");
}

/* A visitor may look for more. */
static enum wm_code ask_again(void *context, const struct indexed *e, struct wm_error *err)
{
	(void)e;
	return index_query(x, QUERY_PARTY, SHELF_ISSUER, NULL, 2, note_found, context, err);
}

static void test_queries_within_queries(void **state)
{
	struct found f = { .n = 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(index_query(x, QUERY_PARTY, SHELF_ISSUER, NULL, 2, ask_again, &f, &err), &err);
	assert_string_equal(f.text, "a7 a6 a7 a6 ");
}

static void test_recent(void **state)
{
	static const struct {
		const char *origin;
		uint64_t before;
		size_t max;
		const char *expected;
	} rows[] = {
		{ FIRST, UINT64_MAX, 3, "a8 a7 a6 " },
		{ FIRST, UINT64_MAX, ALL, "a8 a7 a6 a5 a4 a3 a2 a1 a0 " },
		{ FIRST, 9, 1, "a8 " },
		{ FIRST, 8, 1, "a7 " },
		{ FIRST, 2, ALL, "a1 a0 " },
		{ FIRST, 1, ALL, "a0 " },
		{ FIRST, 0, ALL, "" },
		{ FIRST, 9, 0, "" },
		{ SECOND, 1000, 1, "b7 " },
		{ "c.example/log", UINT64_MAX, ALL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct found f = { .n = 0 };
		struct wm_error err = { 0 };

		assert_ok(index_recent(x, rows[i].origin, rows[i].before, rows[i].max, note_found,
				       &f, &err), &err);
		assert_string_equal(f.text, rows[i].expected);
	}
}

static void test_entries_at(void **state)
{
	static const struct {
		const char *origin;
		uint64_t position;
		bool found;
	} rows[] = {
		{ FIRST, 0, true },	      { FIRST, 8, true },  { FIRST, 9, false },
		{ FIRST, UINT64_MAX, false }, { SECOND, 7, true }, { SECOND, 8, false },
		{ "c.example/log", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct indexed e = { .position = 99 };
		struct wm_error err = { 0 };
		bool found;

		assert_ok(index_entry_at(&e, &found, x, rows[i].origin, rows[i].position, &err),
			  &err);
		assert_int_equal(found, rows[i].found);
		assert_int_equal(e.position, found ? rows[i].position : 99);
	}
}

static void test_reading(void **state)
{
	cleanup_buf struct buf payload = BUF_INIT(65536);
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	struct indexed e, other;
	struct envelope read = { 0 };
	struct wm_error err = { 0 };
	bool found;

	(void)state;
	shelf_payload(&payload, SHELF_MANIFEST, 3);
	assert_ok(index_entry_at(&e, &found, x, SECOND, 6, &err), &err);
	assert_ok(index_read_entry(&read, &a, x, &e, &err), &err);
	assert_int_equal(read.payload_len, payload.len);
	assert_memory_equal(read.payload, payload.data, payload.len);
	assert_ok(envelope_verify(&read, signer_public(shelf.signer), &err), &err);

	other = e;
	other.leaf[0] ^= 1;
	assert_reason(index_read_entry(&read, &a, x, &other, &err), &err, INDEX_STALE);
	other = e;
	other.statement[31] ^= 1;
	assert_reason(index_read_entry(&read, &a, x, &other, &err), &err, INDEX_STALE);
	other = e;
	other.keyid[31] ^= 1;
	assert_reason(index_read_entry(&read, &a, x, &other, &err), &err, INDEX_STALE);
	assert_ok(index_entry_at(&other, &found, x, SECOND, 5, &err), &err);
	other.blob = e.blob;
	assert_reason(index_read_entry(&read, &a, x, &other, &err), &err, INDEX_STALE);
	memset(&other.blob, 7, sizeof(other.blob));
	assert_reason(index_read_entry(&read, &a, x, &other, &err), &err, OBJECT_MISSING);
}

/* --- other ways to say a reference ----------------------------------------------------- */

/* Adds a run, or a manifest of it, whose reference is `json`. */
static void add_edited(struct shelf *s, enum shelf_kind kind, unsigned model, const char *object,
		       const char *json)
{
	cleanup_buf struct buf payload = BUF_INIT(65536), edited = BUF_INIT(65536);
	struct wm_error err = { 0 };
	const char *rest, *at;

	shelf_payload(&payload, kind, model);
	for (rest = buf_str(&payload); (at = strstr(rest, object)); rest = at + strlen(object)) {
		assert_ok(buf_append(&edited, rest, (size_t)(at - rest), &err), &err);
		assert_ok(buf_append_str(&edited, json, &err), &err);
	}
	assert_true(edited.len > 0);
	assert_ok(buf_append_str(&edited, rest, &err), &err);
	shelf_add_payload(s, &edited);
	if (kind == SHELF_RUN) {
		uint8_t id[SHA256_BYTES];
		char text[STATEMENT_ID_TEXT + 1], by_id[128];

		assert_ok(statement_id(id, edited.data, edited.len, &err), &err);
		statement_id_text(text, id);
		snprintf(by_id, sizeof(by_id), "{\"statement\":\"%s\"}", text);
		add_edited(s, SHELF_MANIFEST, model, "{\"object\":\"" SHELF_ISSUER "/run-1\"}",
			   by_id);
	}
}

static void find_in(struct shelf *s, const char *value, const char *expected)
{
	cleanup_index struct index *old = x;
	struct wm_error err = { 0 };

	x = shelf_index(s);
	assert_ok(index_sync(x, NULL, NULL, NULL, &err), &err);
	assert_found(QUERY_DATASET, value, ALL, expected);
	index_close(x);
	x = take_ptr(&old);
}

static void test_references_by_statement_alone(void **state)
{
	cleanup_buf struct buf payload = BUF_INIT(65536);
	cleanup_shelf struct shelf s;
	char text[STATEMENT_ID_TEXT + 1], json[128];
	uint8_t id[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	shelf_open(&s);
	shelf_payload(&payload, SHELF_DATASET, 1);
	assert_ok(statement_id(id, payload.data, payload.len, &err), &err);
	statement_id_text(text, id);
	snprintf(json, sizeof(json), "{\"statement\":\"%s\"}", text);
	add_edited(&s, SHELF_RUN, 1, "{\"object\":\"" SHELF_ISSUER "/faces-1\"}", json);
	shelf_add(&s, SHELF_DATASET, 1);
	shelf_append(&s, FIRST, 1);
	find_in(&s, "faces-1", "a2 a1 a0 ");
}

static void test_references_by_content(void **state)
{
	char hex[2 * SHA256_BYTES + 1], json[128];
	cleanup_shelf struct shelf s;

	(void)state;
	shelf_open(&s);
	shelf_hex(hex, "content", 1);
	snprintf(json, sizeof(json), "{\"sha256\":\"%s\"}", hex);
	add_edited(&s, SHELF_RUN, 1, "{\"object\":\"" SHELF_ISSUER "/faces-1\"}", json);
	shelf_append(&s, FIRST, 1);
	find_in(&s, hex, "a1 a0 ");
}

/* A dataset that nobody described is found by those who used it. */
static void test_a_dataset_without_statement(void **state)
{
	cleanup_shelf struct shelf s;

	(void)state;
	shelf_open(&s);
	shelf_add(&s, SHELF_RUN, 1);
	shelf_append(&s, FIRST, 1);
	find_in(&s, SHELF_ISSUER "/faces-1", "a0 ");
	find_in(&s, "faces-1", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_digests_that_are_none),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_a_visitor_that_fails),
		cmocka_unit_test(test_queries_within_queries),
		cmocka_unit_test(test_recent),
		cmocka_unit_test(test_entries_at),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_references_by_statement_alone),
		cmocka_unit_test(test_references_by_content),
		cmocka_unit_test(test_a_dataset_without_statement),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, fill, empty);
}
