/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/validate.c: each rule with what breaks it and a twin that keeps it. */
#include "statements.h"

#include "statement/mapping.h"
#include "util/limits.h"

#define SEALED "{\"sealed\":\"" HEX32 "\"}"
#define T(bytes, first) "{\"bytes\":" bytes ",\"digest\":\"" #first DIGITS "\"}"
#define DIGITS "f112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TENSORS(list) "[" list "]"
#define FILE_OF(path, rest)                                                                      \
	"{\"path\":\"" path                                                                      \
	"\",\"size\":7,\"role\":\"load\",\"grammar\":\"g/1\",\"file_digest\":\"" HEX32 "\"" rest \
	"}"
#define SUM ",\"sha256\":\"" HEX32 "\""

static const struct {
	const char *kind, *pointer;
	const char *bad;     /* what breaks the rule; NULL: absence does */
	const char *message; /* what is said of it */
	const char *good;    /* what keeps it; NULL: the statement as it is */
} rows[] = {
	/* the header */
	{ "run", "/header", NULL, "lacks a field", NULL },
	{ "run", "/header/issuer", NULL, "lacks a field", NULL },
	{ "run", "/header/object", NULL, "lacks a field", "\"acme.example/x\"" },
	{ "run", "/header/sequence", NULL, "lacks a field", NULL },
	{ "run", "/header/issued_at", NULL, "lacks a field", "\"0001-01-01T00:00:00Z\"" },
	{ "run", "/header/as_of", NULL, "lacks a field", "\"9999-01-01T00:00:00Z\"" },
	{ "run", "/header/nonce", NULL, "lacks a field", NULL },
	{ "run", "/header/schema_minor", NULL, "lacks a field", NULL },
	{ "run", "/header/issuer", "\"\"", "printable ASCII", NULL },
	{ "run", "/header/issuer", "\"acme example\"", "printable ASCII", NULL },
	{ "run", "/header/issuer", "\"acme\\u007f\"", "printable ASCII", NULL },
	{ "run", "/header/issuer",
	  "\"\xc3\xa4"
	  "cme\"",
	  "printable ASCII", NULL },
	{ "run", "/header/issuer", "\"acme\"", "the object id is not", NULL },
	{ "run", "/header/issuer", "\"acme.example/a\"", "the object id is not", NULL },
	{ "run", "/header/object", "\"acme-evil/llm@1\"", "the object id is not", NULL },
	{ "run", "/header/object", "\"acme.example/a/b\"", "the object id is not",
	  "\"acme.example/b\"" },
	{ "run", "/header/object", "\"acme.examples/b\"", "the object id is not", NULL },
	{ "run", "/header/sequence", "0", "do not agree", "1" },
	{ "run", "/header/sequence", "2", "do not agree", "1" },
	{ "run", "/header/previous", "\"wm:" HEX32 "\"", "do not agree", NULL },
	{ "run", "/header/reason", "\"typo\"", "a reason for a correction", NULL },
	/* what must be open */
	{ "run", "/header", SEALED, "the header lacks a field", NULL },
	{ "run", "/header/reason", SEALED, "header cannot be sealed", NULL },
	{ "manifest", "/checkpoint", SEALED, "checkpoint cannot be sealed", NULL },
	{ "manifest", "/checkpoint/file/0/sha256", SEALED, "checkpoint cannot be sealed", NULL },
	{ "manifest", "/party/0", SEALED, "party cannot be sealed", NULL },
	{ "manifest", "/party/0/legal_name", SEALED, "party cannot be sealed", "\"Acme\"" },
	{ "manifest", "/training_run", SEALED, "training_run cannot be sealed", NULL },
	{ "manifest", "/training_run", "[" SEALED "]", "training_run cannot be sealed", "[]" },
	{ "manifest", "/checkpoint_of/run_id", SEALED, "run_id cannot be sealed", NULL },
	{ "release", "/file", SEALED, "file cannot be sealed", NULL },
	{ "release", "/file/0/size", SEALED, "file cannot be sealed", "1" },
	{ "dataset", "/dataset_id", SEALED, "dataset_id cannot be sealed", "\"other\"" },
	{ "dataset", "/title", "{\"sealed\":\"" HEX16 "\"}", "is not a SHA-256", SEALED },
	{ "run", "/id", SEALED, "id cannot be sealed", "\"other\"" },
	{ "run", "/uses/0/dataset_id", SEALED, "dataset_id cannot be sealed", NULL },
	{ "run", "/uses/0/dataset/sha256", SEALED, "refers to nothing", "\"" HEX32 "\"" },
	{ "admission", "/source", SEALED, "lacks its source", NULL },
	/* parties and references */
	{ "manifest", "/model/supplier", "\"nobody\"", "'nobody' is not the id of a party",
	  "\"lab\"" },
	{ "release", "/recipient", "\"Lab\"", "'Lab' is not the id of a party", "\"acme\"" },
	{ "dataset", "/party", NULL, "'lab' is not the id of a party", "[{\"id\":\"lab\"}]" },
	{ "manifest", "/party/1/id", "\"acme\"", "two parties have the id 'acme'", "\"Acme\"" },
	{ "manifest", "/party/1/id", NULL, "a party has no id", NULL },
	{ "manifest", "/run/-", "{}", "refers to nothing", "{\"uri\":\"x\"}" },
	{ "manifest", "/derivation", "[{\"parent\":[{}]}]", "refers to nothing",
	  "[{\"parent\":[{\"weights_digest\":\"" HEX32 "\"}]}]" },
	{ "run", "/uses/0/dataset", "{}", "refers to nothing", "{\"statement\":\"wm:" HEX32 "\"}" },
	/* what is for authors */
	{ "run", "/uses/0/dataset_id", "\"faces\"", "uses.dataset_id is for authors", NULL },
	{ "manifest", "/training_run", "[{}]", "training_run is for authors", "[]" },
	{ "manifest", "/checkpoint_of/run_id", "\"r\"", "checkpoint_of.run_id is for authors",
	  NULL },
	{ "run", "/uses/0/to_step", "0", "from_step is after to_step", "1" },
	/* what was measured */
	{ "manifest", "/checkpoint", NULL, "no file or part", NULL },
	{ "manifest", "/checkpoint/file", NULL, "no file or part", NULL },
	{ "manifest", "/checkpoint/part", NULL, "no file or part", NULL },
	{ "manifest", "/checkpoint/file/0/path", NULL, "file record lacks", NULL },
	{ "manifest", "/checkpoint/file/0/size", NULL, "file record lacks", "0" },
	{ "manifest", "/checkpoint/file/0/role", NULL, "file record lacks", "\"load\"" },
	{ "manifest", "/checkpoint/file/0/role", "\"document\"", "not listed as one to load", "\"load\"" },
	{ "manifest", "/checkpoint/file/0/grammar", NULL, "file record lacks", "\"raw/1\"" },
	{ "manifest", "/checkpoint/file/0/file_digest", NULL, "file record lacks", NULL },
	{ "manifest", "/checkpoint/file/0/sha256", NULL, "file record lacks", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"../c\"", "not plain and relative",
	  "\"c/d.st\"" },
	{ "manifest", "/checkpoint/file/2/path", "\"/c\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"c//d\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"c/./d\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"c\\\\d\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"c\\u0007\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/2/path", "\"\"", "not plain and relative", NULL },
	{ "manifest", "/checkpoint/file/1/path", "\"a.st\"", "files are not in order", NULL },
	{ "manifest", "/checkpoint/file/1/path", "\"z\"", "files are not in order", NULL },
	{ "manifest", "/checkpoint/file/-", FILE_OF("b", SUM), "files are not in order",
	  FILE_OF("z", SUM) },
	{ "manifest", "/checkpoint/file/-", FILE_OF("z", ""), "file record lacks",
	  FILE_OF("z", SUM) },
	{ "manifest", "/checkpoint/part/0/name", NULL, "lacks its name", "\"a\"" },
	{ "manifest", "/checkpoint/part/0/path", NULL, "lacks its name or its files",
	  "[\"a.st\"]" },
	{ "manifest", "/checkpoint/part/1/name", "\"main\"", "parts are not in order",
	  "\"mainz\"" },
	{ "manifest", "/checkpoint/part/0/name", "\"w\"", "parts are not in order", "\"u\"" },
	{ "manifest", "/checkpoint/part/0/weights_digest", NULL, "one of its two digests", NULL },
	{ "manifest", "/checkpoint/part/1/weights_digest", "\"" HEX32 "\"",
	  "one of its two digests", NULL },
	{ "manifest", "/checkpoint/part/0/path/1", "\"a.st\"", "of a part are not in order", NULL },
	{ "manifest", "/checkpoint/part/0/path", "[\"b.st\",\"a.st\"]",
	  "of a part are not in order", "[\"a.st\",\"c/d.st\"]" },
	{ "manifest", "/checkpoint/part/0/path", "[\"a\"]", "names a file that is not listed",
	  "[\"b.st\"]" },
	{ "manifest", "/checkpoint/part/0/path", "[\"zz\"]", "names a file that is not listed",
	  "[\"c/d.st\"]" },
	/* listed tensors; the manifest's first part has weights, the second has none */
	{ "manifest", "/checkpoint/part/0/tensor", TENSORS(T("65535", 1)), "too small",
	  TENSORS(T("65536", 1)) },
	{ "manifest", "/checkpoint/part/0/tensor", TENSORS(T("0", 1)), "too small", NULL },
	{ "manifest", "/checkpoint/part/0/tensor", TENSORS(T("65536", 2) "," T("65536", 1)),
	  "not in order", TENSORS(T("65536", 1) "," T("65536", 2)) },
	{ "manifest", "/checkpoint/part/0/tensor", TENSORS(T("65536", 1) "," T("65537", 1)),
	  "not in order", TENSORS(T("65537", 1) "," T("65536", 2)) },
	{ "manifest", "/checkpoint/part/0/tensor", "[{\"bytes\":65536}]", "lacks its digest",
	  NULL },
	{ "manifest", "/checkpoint/part/0/tensor", "[{\"digest\":\"" HEX32 "\"}]",
	  "lacks its digest", NULL },
	{ "manifest", "/checkpoint/part/1/tensor", TENSORS(T("65536", 1)),
	  "without weights digest", NULL },
	/* admissions and releases */
	{ "admission", "/source", NULL, "lacks its source", "\"\"" },
	{ "admission", "/reason", NULL, "lacks its source", "\"\"" },
	{ "admission", "/expires", NULL, "lacks its source", "\"2027-01-02T00:00:00Z\"" },
	{ "admission", "/checkpoint", NULL, "no file or part", NULL },
	{ "admission", "/checkpoint/part/0/path", "[\"zz\"]", "not listed", "[\"b.st\"]" },
	{ "admission", "/checkpoint/part/0/tensor", TENSORS(T("1", 1)), "too small",
	  TENSORS(T("65536", 1)) },
	{ "release", "/checkpoint", NULL, "a release lacks", "{\"object\":\"a/b\"}" },
	{ "release", "/file", NULL, "a release lacks", NULL },
	{ "release", "/file/0/path", NULL, "a released file lacks", NULL },
	{ "release", "/file/0/size", NULL, "a released file lacks", "0" },
	{ "release", "/file/0/sha256", NULL, "a released file lacks", NULL },
	{ "release", "/file/0/path", "\"../a\"", "a released file lacks", "\"a\"" },
	{ "release", "/file/1/path", "\"a.st\"", "released files are not in order", "\"a.st2\"" },
	/* transfers, orders and what follows */
	{ "transfer", "/id", NULL, "id is missing", NULL },
	{ "transfer", "/subject", NULL, "subject is missing", NULL },
	{ "transfer", "/subject", SEALED, "subject cannot be sealed", NULL },
	{ "transfer", "/from", NULL, "from is missing", "\"lab\"" },
	{ "transfer", "/to", SEALED, "to cannot be sealed", "\"acme\"" },
	{ "transfer", "/related_party", NULL, "related_party is missing", SEALED },
	{ "transfer", "/related_party/exists", NULL, "exists is missing", "\"yes\"" },
	{ "transfer", "/related_party/exists", "\"no_assertion\"", "exists is missing", NULL },
	{ "transfer", "/related_party/exists", SEALED, "exists cannot be sealed", NULL },
	{ "order", "/id", NULL, "id is missing", "\"x\"" },
	{ "order", "/kind", NULL, "kind is missing", "\"court_order\"" },
	{ "order", "/kind", "\"no_assertion\"", "kind is missing", NULL },
	{ "order", "/trigger_date", NULL, "trigger_date is missing", "\"0001-01-01\"" },
	{ "order", "/obligation", NULL, "obligation is missing", NULL },
	{ "order", "/title", SEALED, "nothing of a statement of kind order", "\"t\"" },
	{ "order", "/scope_dataset", NULL, "has no scope", NULL },
	{ "order", "/scope_dataset", "[]", "has no scope", NULL },
	{ "order", "/obligation/0/id", NULL, "id is missing", "\"c\"" },
	{ "order", "/obligation/0/id", "\"b\"", "two obligations have the id 'b'", "\"c\"" },
	{ "order", "/obligation/0/kind", NULL, "kind is missing", "\"other\"" },
	{ "order", "/obligation/0/days", NULL, "neither days, months nor due", "0" },
	{ "event", "/kind", NULL, "kind is missing", "\"recalled\"" },
	{ "event", "/at", NULL, "at is missing", NULL },
	{ "event", "/day", "\"2026-01-02\"", "says both at and day", NULL },
	{ "event", "/destroyed/0/day", "\"2026-01-02\"", "says both at and day", NULL },
	{ "event", "/reason", SEALED, "nothing of a statement of kind event", NULL },
	{ "event", "/destroyed/0/subject", NULL, "subject is missing", NULL },
	{ "event", "/destroyed/0/method", NULL, "method is missing", "\"clear\"" },
	{ "event", "/destroyed/0/at", NULL, "at is missing", NULL },
	{ "event", "/kept/0/authority", NULL, "authority is missing", "\"x\"" },
	{ "event", "/kept/0/reason", NULL, "reason is missing", "\"statute\"" },
	{ "certificate", "/order", NULL, "one of order and clean", NULL },
	{ "certificate", "/clean", "[{\"object\":\"a/b\"}]", "one of order and clean", "[]" },
	{ "certificate", "/graph_digest", NULL, "graph_digest is missing", NULL },
	{ "certificate", "/log", NULL, "log is missing", NULL },
	{ "certificate", "/log/0/root", NULL, "root is missing", NULL },
	{ "certificate", "/sworn_text", SEALED, "nothing of a statement of kind certificate", NULL },
	{ "revocation", "/kind", NULL, "kind is missing", "\"erasure_request\"" },
	{ "revocation", "/effective_at", NULL, "effective_at is missing", NULL },
	{ "revocation", "/effective_day", "\"2026-01-02\"", "says both effective_at and", NULL },
	{ "revocation", "/dataset", NULL, "names no dataset", NULL },
	{ "revocation", "/record", SEALED, "nothing of a statement of kind revocation", NULL },
};

/* What encoding and decoding say of the statement with one edit. */
static void check(size_t i, const char *json, const char *message)
{
	const struct edit e = { rows[i].pointer, json };
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };
	enum wm_code code = statements_encode(&payload, rows[i].kind, &e, &err);

	if (!message && code != WM_OK)
		test_failed(__FILE__, __LINE__, "row %zu, %s: %s", i, rows[i].pointer, err.message);
	if (message && (code == WM_OK || !strstr(err.message, message)))
		test_failed(__FILE__, __LINE__, "row %zu, %s: %s", i, rows[i].pointer,
			    code == WM_OK ? "taken" : err.message);
	if (message)
		assert_true(error_reason(&err) == REASON_STATEMENT_INVALID ||
			    error_reason(&err) == REASON_STATEMENT_MALFORMED);
}

static void what_breaks_a_rule_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(i, rows[i].bad, rows[i].message);
}

static void what_keeps_it_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		struct wm_error err = { 0 };

		if (rows[i].good)
			check(i, rows[i].good, NULL);
		else
			assert_ok(statements_encode(&payload, rows[i].kind, NULL, &err), &err);
	}
}

/* The same rules hold for what was signed elsewhere. */
static void decoding_keeps_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_statement struct statement *s = NULL;
		struct wm_error err = { 0 };
		char pointer[128] = "/predicate";
		const struct edit e = { strcat(pointer, rows[i].pointer), rows[i].bad };

		if (statements_decode(&s, rows[i].kind, &e, &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "row %zu, %s: taken", i, rows[i].pointer);
		if (!strstr(err.message, rows[i].message))
			test_failed(__FILE__, __LINE__, "row %zu, %s: %s", i, rows[i].pointer,
				    err.message);
	}
}

static void corrections_name_what_they_correct(void **state)
{
	const struct edit e = {
		"/header",
		"{\"as_of\":\"2026-01-02T03:04:05Z\",\"issued_at\":\"2026-01-02T03:04:06Z\","
		"\"issuer\":\"i\",\"nonce\":\"" HEX16 "\",\"object\":\"i/o\",\"schema_minor\":0,"
		"\"sequence\":2,\"previous\":\"wm:" HEX32 "\",\"reason\":\"typo\"}"
	};
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(statements_encode(&payload, "run", &e, &err), &err);
}

static void lists_of_tensors_have_a_limit(void **state)
{
	(void)state;
	for (unsigned n = LIMIT_PART_TENSORS - 1; n <= LIMIT_PART_TENSORS + 1; n++) {
		cleanup_buf struct buf json = BUF_INIT(1 << 20);
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		struct edit e = { "/checkpoint/part/0/tensor", NULL };
		struct wm_error err = { 0 };

		for (unsigned i = 0; i < n; i++)
			assert_ok(buf_printf(&json, &err, "%c{\"bytes\":4294967296,\"digest\":"
					     "\"%04x%060x\"}", i ? ',' : '[', i, 0), &err);
		assert_ok(buf_append_byte(&json, ']', &err), &err);
		e.json = buf_str(&json);
		if (n > LIMIT_PART_TENSORS)
			assert_reason(statements_encode(&payload, "manifest", &e, &err), &err,
				      LIMIT);
		else
			assert_ok(statements_encode(&payload, "manifest", &e, &err), &err);
		/* Twice in a slot, for it was corrected or countersigned. */
		assert_true(payload.len < LIMIT_SLOT / 2);
	}
}

static void issuers_and_parties_have_limits(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		cleanup_buf struct buf json = BUF_INIT(1 << 20),
				       payload = BUF_INIT(LIMIT_STATEMENT);
		struct edit e = { "/party", NULL };
		struct wm_error err = { 0 };

		(void)state;
		for (size_t i = 0; i < LIMIT_PARTIES + more; i++)
			assert_ok(buf_printf(&json, &err, "%s{\"id\":\"p%zu\"}", i ? "," : "[", i),
				  &err);
		assert_ok(buf_append_str(&json, "]", &err), &err);
		e.json = buf_str(&json);
		if (more)
			assert_reason(statements_encode(&payload, "run", &e, &err), &err, LIMIT);
		else
			assert_ok(statements_encode(&payload, "run", &e, &err), &err);
	}
}

static void messages_are_of_their_kind(void **state)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const struct mapping mapping = { "test", REASON_STATEMENT_MALFORMED, false, false, &a };
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;

	(void)state;
	assert_ok(mapping_read(&m, kind_find("run")->descriptor, statements_predicate(&t, "run"),
			       &mapping, &err),
		  &err);
	assert_reason(statement_validate(kind_find("dataset"), m, &err), &err, INTERNAL);
	assert_ok(statement_validate(kind_find("run"), m, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_breaks_a_rule_is_refused),
		cmocka_unit_test(what_keeps_it_is_taken),
		cmocka_unit_test(decoding_keeps_the_rules),
		cmocka_unit_test(corrections_name_what_they_correct),
		cmocka_unit_test(lists_of_tensors_have_a_limit),
		cmocka_unit_test(issuers_and_parties_have_limits),
		cmocka_unit_test(messages_are_of_their_kind),
	};

	return run_tests(tests);
}
