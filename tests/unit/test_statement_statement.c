/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/statement.c: payloads are read in one form, by kind and schema version. */
#include "statements.h"

#include "text/json.h"
#include "util/limits.h"

static const char *const kind_names[] = { "manifest", "dataset", "run", "release", "admission" };

static void each_kind_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_statement struct statement *s = NULL;
		struct wm_error err = { 0 };
		struct node *root = NULL;
		uint8_t id[SHA256_BYTES];

		assert_ok(statements_encode(&payload, kind_names[i], NULL, &err), &err);
		assert_ok(statement_decode(&s, payload.data, payload.len, "s", &err), &err);
		assert_ptr_equal(s->kind, kind_find(kind_names[i]));
		assert_ptr_equal(s->kind, kind_of_message(s->message->descriptor));
		assert_ptr_equal(s->header, statement_header(s->message));
		assert_false(s->newer_schema);
		assert_ok(sha256_of(id, payload.data, payload.len, &err), &err);
		assert_memory_equal(s->id, id, sizeof(id));
		assert_ok(statement_tree(&root, &t, s, &err), &err);
		assert_ok(json_write_canonical(&again, root, &err), &err);
		assert_string_equal(buf_str(&again), buf_str(&payload));
	}
}

struct edit_row {
	struct edit edit;
	enum reason reason;
};

/* Decodes the dataset, and the manifest, with each edit. */
static void check_edits(const char *kind, const struct edit_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_statement struct statement *s = NULL;
		struct wm_error err = { 0 };
		enum wm_code code = statements_decode(&s, kind, &rows[i].edit, &err);

		if (code == WM_OK || error_reason(&err) != rows[i].reason)
			test_failed(__FILE__, __LINE__, "row %zu, %s = %s: %s (%s)", i,
				    rows[i].edit.pointer, rows[i].edit.json,
				    code == WM_OK ? "taken" : err.message, err.reason);
		assert_null(s);
	}
}

static void the_outside_is_checked(void **state)
{
	static const struct edit_row rows[] = {
		{ { "/_type", NULL }, REASON_STATEMENT_MALFORMED },
		{ { "/_type", "1" }, REASON_STATEMENT_MALFORMED },
		{ { "/_type", "\"https://in-toto.io/Statement/v0.1\"" },
		  REASON_STATEMENT_MALFORMED },
		{ { "/_type", "\"https://in-toto.io/Statement/V1\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate", NULL }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate", "null" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate", "[]" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate", "\"x\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate", "{}" }, REASON_STATEMENT_INVALID },
		{ { "/predicate", "{\"sealed\":\"" HEX32 "\"}" }, REASON_STATEMENT_MALFORMED },
		{ { "/subject", NULL }, REASON_STATEMENT_MALFORMED },
		{ { "/extra", "1" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicateType", NULL }, REASON_STATEMENT_MALFORMED },
		{ { "/predicateType", "7" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicateType", "\"\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"urn:weightmark:Dataset:v1\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"URN:weightmark:dataset:v1\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"urn:weightmark:dataset:v1 \"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\" urn:weightmark:dataset:v1\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"urn:weightmark:dataset:v2\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"dataset\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"https://slsa.dev/provenance/v1\"" }, REASON_KIND_UNKNOWN },
		{ { "/predicateType", "\"urn:weightmark:decision:v1\"" }, REASON_KIND_RESERVED },
		{ { "/predicateType", "\"urn:weightmark:receipt:v1\"" }, REASON_KIND_RESERVED },
		/* A dataset presented as a manifest (attack 12). */
		{ { "/predicateType", "\"urn:weightmark:manifest:v1\"" },
		  REASON_STATEMENT_MALFORMED },
		{ { "/predicateType", "\"urn:weightmark:run:v1\"" }, REASON_STATEMENT_MALFORMED },
	};

	(void)state;
	check_edits("dataset", rows, sizeof(rows) / sizeof(rows[0]));
}

static void the_inside_is_checked(void **state)
{
	static const struct edit_row rows[] = {
		{ { "/predicate/titel", "\"x\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/header/sealed", "[]" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/title", "1" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/title", "true" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/title", "null" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/title", "[\"x\"]" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/title", "{}" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/record_count", "\"1\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/record_count", "-1" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/record_count", "true" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/header/schema_minor", "-1" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/header/schema_minor", "\"1\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/header", "[]" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/known_bias", "\"x\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/known_bias", "[1]" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/known_bias", "[]" }, REASON_STATEMENT_NOT_CANONICAL },
		{ { "/predicate/has_personal_info", "\"No\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/has_personal_info", "2" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/licence", "\"MIT or ISC\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/content_root", "\"" HEX16 "\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/predicate/modality", "[\"text\",\"text \"]" }, REASON_STATEMENT_MALFORMED },
	};

	(void)state;
	check_edits("dataset", rows, sizeof(rows) / sizeof(rows[0]));
}

static void subjects_are_those_implied(void **state)
{
	static const struct edit_row manifest[] = {
		{ { "/subject", "[]" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject", "{}" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject", "null" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/0", NULL }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/3", NULL }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/-",
		    "{\"digest\":{\"sha256\":\"" HEX32 "\"},\"name\":\"tokenizer.json\"}" },
		  REASON_SUBJECT_MISMATCH },
		{ { "/subject/0/name", "\"b.st\"" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/0/uri", "\"x\"" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/0/digest/sha512", "\"" HEX32 "\"" }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/0/digest/wmFileV1", NULL }, REASON_SUBJECT_MISMATCH },
		{ { "/subject/0/digest/sha256", "\"0" HEX16 "0112233445566778899aabbccddeeff\"" },
		  REASON_SUBJECT_MISMATCH },
		{ { "/subject/3/name", "\"part:vae\"" }, REASON_SUBJECT_MISMATCH },
		{ { "/predicate/checkpoint/file/0/path", "\"A.st\"" }, REASON_STATEMENT_INVALID },
		{ { "/predicate/checkpoint/part/0/name", "\"Main\"" }, REASON_SUBJECT_MISMATCH },
		{ { "/predicate/checkpoint/part/0/path/1", NULL }, REASON_SUBJECT_MISMATCH },
	};
	static const struct edit_row dataset[] = {
		{ { "/subject/0/digest", "{\"sha256\":\"" HEX32 "\"}" }, REASON_SUBJECT_MISMATCH },
		{ { "/predicate/content_root", NULL }, REASON_SUBJECT_MISMATCH },
		{ { "/predicate/header/object", "\"acme.example/other\"" },
		  REASON_SUBJECT_MISMATCH },
	};
	static const struct edit_row release[] = {
		{ { "/predicate/checkpoint", "{\"object\":\"a/b\"}" }, REASON_SUBJECT_MISMATCH },
		{ { "/predicate/checkpoint/object", "\"a/b\"" }, REASON_SUBJECT_MISMATCH },
	};

	(void)state;
	check_edits("manifest", manifest, sizeof(manifest) / sizeof(manifest[0]));
	check_edits("dataset", dataset, sizeof(dataset) / sizeof(dataset[0]));
	check_edits("release", release, sizeof(release) / sizeof(release[0]));
}

static void a_manifest_names_weights_alone(void **state)
{
	static const char *const names[] = { "a.st", "b.st", "c/d.st", "part:main" };
	cleanup_tree struct tree t = TREE_INIT;
	const struct node *subject = node_find(statements_root(&t, "manifest"), "subject");
	size_t i = 0;

	(void)state;
	assert_int_equal(subject->len, 4);
	for (const struct node *s = subject->first; s; s = s->next, i++) {
		const struct node *digest = node_find(s, "digest");

		assert_string_equal(node_find(s, "name")->text, names[i]);
		assert_int_equal(node_find(digest, "sha256") != NULL, i < 3);
		assert_int_equal(node_find(digest, "wmFileV1") != NULL, i < 3);
		assert_int_equal(node_find(digest, "wmWeightsV1") != NULL, i == 3);
		assert_int_equal(node_find(digest, "wmTensorSetV1") != NULL, i == 3);
	}
}

static void other_subjects(void **state)
{
	static const struct {
		const char *kind;
		struct edit edit;
		const char *key;
	} rows[] = {
		{ "dataset", { NULL, NULL }, "wmContentV1" },
		{ "dataset", { "/content_root", NULL }, "wmObjectV1" },
		{ "run", { NULL, NULL }, "wmObjectV1" },
		{ "release", { NULL, NULL }, "wmStatementV1" },
		{ "release", { "/checkpoint", "{\"object\":\"a/b\"}" }, "wmObjectV1" },
		{ "admission", { NULL, NULL }, "sha256" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		struct wm_error err = { 0 };
		const struct node *first;

		assert_ok(statements_encode(&payload, rows[i].kind, &rows[i].edit, &err), &err);
		assert_ok(json_read(&t, payload.data, payload.len, "s", &err), &err);
		first = node_find(t.root, "subject")->first;
		assert_non_null(node_find(node_find(first, "digest"), rows[i].key));
	}
}

/* --- bytes ------------------------------------------------------------------------------- */

/* The run's payload with the first `old` in it replaced. */
static enum reason replaced(const char *old, const char *new)
{
	cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT), b = BUF_INIT(LIMIT_STATEMENT);
	cleanup_statement struct statement *s = NULL;
	struct wm_error err = { 0 };
	const char *at;

	assert_ok(statements_encode(&payload, "run", NULL, &err), &err);
	at = strstr(buf_str(&payload), old);
	assert_non_null(at);
	assert_ok(buf_append(&b, payload.data, (size_t)(at - buf_str(&payload)), &err), &err);
	assert_ok(buf_append_str(&b, new, &err), &err);
	assert_ok(buf_append_str(&b, at + strlen(old), &err), &err);
	if (statement_decode(&s, b.data, b.len, "s", &err) == WM_OK)
		return REASON_NONE;
	return error_reason(&err);
}

static void bytes_have_one_form(void **state)
{
	static const struct {
		const char *old, *new;
		enum reason reason;
	} rows[] = {
		{ "{", "{", REASON_NONE },
		{ "{", "{ ", REASON_STATEMENT_NOT_CANONICAL },
		{ "{", "\n{", REASON_STATEMENT_NOT_CANONICAL },
		{ "]}", "]}\n", REASON_STATEMENT_NOT_CANONICAL },
		{ "\"from_step\":1", "\"from_step\": 1", REASON_STATEMENT_NOT_CANONICAL },
		{ "\"from_step\":1,\"role\":\"pretrain\"", "\"role\":\"pretrain\",\"from_step\":1",
		  REASON_STATEMENT_NOT_CANONICAL },
		{ "pretrain", "\\u0070retrain", REASON_STATEMENT_NOT_CANONICAL },
		{ "pretrain", "pretraining", REASON_STATEMENT_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":1,\"from_step\":1", REASON_JSON_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":1.0", REASON_JSON_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":1e0", REASON_JSON_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":01", REASON_JSON_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":-0", REASON_JSON_MALFORMED },
		{ "\"from_step\":1", "\"from_step\":9007199254740992", REASON_JSON_MALFORMED },
		{ "\"to_step\":5", "\"to_step\":9007199254740991", REASON_NONE },
		{ "\"id\":\"run-1\"", "\"id\":\"run-\\u0000\"", REASON_JSON_MALFORMED },
		{ "\"id\":\"run-1\"", "\"id\":\"run-\xff\"", REASON_JSON_MALFORMED },
		{ "]}", "]}}", REASON_JSON_MALFORMED },
		{ "]}", "]", REASON_JSON_MALFORMED },
		{ "{", "\xef\xbb\xbf{", REASON_JSON_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum reason got = replaced(rows[i].old, rows[i].new);

		if (got != rows[i].reason)
			test_failed(__FILE__, __LINE__, "%s: %s", rows[i].new,
				    reason_info(got)->id);
	}
}

static void other_documents_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum reason reason;
	} rows[] = {
		{ "", REASON_JSON_MALFORMED },
		{ "not JSON", REASON_JSON_MALFORMED },
		{ "null", REASON_STATEMENT_MALFORMED },
		{ "[]", REASON_STATEMENT_MALFORMED },
		{ "{}", REASON_STATEMENT_MALFORMED },
		{ "\"_type\"", REASON_STATEMENT_MALFORMED },
	};
	cleanup_free uint8_t *large = calloc(1, LIMIT_STATEMENT + 1);
	cleanup_statement struct statement *s = NULL;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_not_equal(
			statement_decode(&s, rows[i].text, strlen(rows[i].text), "s", &err), WM_OK);
		assert_int_equal(error_reason(&err), rows[i].reason);
	}
	assert_non_null(large);
	assert_reason(statement_decode(&s, large, LIMIT_STATEMENT + 1, "s", &err), &err, LIMIT);
	assert_reason(statement_decode(&s, large, LIMIT_STATEMENT, "s", &err), &err,
		      JSON_MALFORMED);
}

/* --- newer schemas ----------------------------------------------------------------------- */

static void newer_schemas_are_read_as_far_as_known(void **state)
{
	static const char *const unknown[][2] = {
		{ "/predicate/zeta", "{\"a\":[1,2]}" },
		{ "/predicate/header/zeta", "true" },
		{ "/predicate/uses/0/zeta", "null" },
		{ "/predicate/zeta", "{\"sealed\":\"" HEX32 "\"}" },
		{ "/predicate/uses/0/role", "\"zeta\"" },
		{ "/predicate/party/0/role", "[\"zeta\"]" },
		{ "/predicate/party/0/role", "[\"trainer\",\"zeta\",\"owner\"]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		for (int newer = 0; newer <= 1; newer++) {
			const struct edit minor = { "/predicate/header/schema_minor",
						    newer ? "1" : "0" };
			const struct edit e = { unknown[i][0], unknown[i][1] };
			cleanup_tree struct tree t = TREE_INIT;
			cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
			cleanup_statement struct statement *s = NULL;
			struct wm_error err = { 0 };
			struct node *root = statements_root(&t, "run");

			statements_edit(root, &t, &minor);
			statements_edit(root, &t, &e);
			assert_ok(json_write_canonical(&payload, root, &err), &err);
			if (newer) {
				assert_ok(
					statement_decode(&s, payload.data, payload.len, "s", &err),
					&err);
				assert_true(s->newer_schema);
				assert_int_equal(s->header->n_sealed, 0);
			} else {
				assert_reason(
					statement_decode(&s, payload.data, payload.len, "s", &err),
					&err, STATEMENT_MALFORMED);
			}
		}
}

/* A newer version is no way around a rule. */
static void newer_schemas_keep_the_rules(void **state)
{
	static const struct edit_row rows[] = {
		{ { "/predicate/uses/0/to_step", "0" }, REASON_STATEMENT_INVALID },
		{ { "/predicate/header/nonce", NULL }, REASON_STATEMENT_INVALID },
		{ { "/predicate/uses/0/from_step", "\"1\"" }, REASON_STATEMENT_MALFORMED },
		{ { "/subject", "[]" }, REASON_SUBJECT_MISMATCH },
		{ { "/extra", "1" }, REASON_STATEMENT_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct edit minor = { "/predicate/header/schema_minor", "1" };
		cleanup_tree struct tree t = TREE_INIT;
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		cleanup_statement struct statement *s = NULL;
		struct wm_error err = { 0 };
		struct node *root = statements_root(&t, "run");

		statements_edit(root, &t, &minor);
		statements_edit(root, &t, &rows[i].edit);
		assert_ok(json_write_canonical(&payload, root, &err), &err);
		assert_int_not_equal(statement_decode(&s, payload.data, payload.len, "s", &err),
				     WM_OK);
		assert_int_equal(error_reason(&err), rows[i].reason);
	}
}

/* --- kinds and ids ----------------------------------------------------------------------- */

static void kinds_are_found(void **state)
{
	(void)state;
	for (const struct kind *k = kinds; k->name; k++) {
		assert_ptr_equal(kind_find(k->name), k);
		assert_ptr_equal(kind_of_predicate(k->predicate_type), k);
		assert_int_equal(k->descriptor == NULL, k->subjects == NULL);
	}
	assert_null(kind_find("Manifest"));
	assert_null(kind_find(""));
	assert_null(kind_of_predicate("urn:weightmark:manifest:v1 "));
}

static void local_ids_come_from_the_message(void **state)
{
	static const struct {
		const char *kind;
		struct edit edit;
		const char *id;
	} rows[] = {
		{ "manifest", { NULL, NULL }, "llm@1" },
		{ "manifest", { "/predicate/model/version", NULL }, "llm" },
		{ "manifest", { "/predicate/model/name", NULL }, "" },
		{ "manifest", { "/predicate/model/model_id", "\"m\"" }, "m" },
		{ "manifest", { "/predicate/model", NULL }, "" },
		{ "dataset", { NULL, NULL }, "faces" },
		{ "dataset", { "/predicate/dataset_id", NULL }, "" },
		{ "run", { NULL, NULL }, "run-1" },
	};

	(void)state;
	assert_null(kind_find("release")->local_id_field);
	assert_null(kind_find("admission")->local_id_field);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_statement struct statement *s = NULL;
		cleanup_buf struct buf id = BUF_INIT(LIMIT_ID);
		struct wm_error err = { 0 };

		assert_ok(statements_decode(&s, rows[i].kind, &rows[i].edit, &err), &err);
		assert_ok(s->kind->local_id(&id, s->message, &err), &err);
		assert_string_equal(buf_str(&id), rows[i].id);
	}
}

static void ids_have_a_text(void **state)
{
	struct wm_error err = { 0 };
	char text[STATEMENT_ID_TEXT + 1];
	uint8_t id[SHA256_BYTES];

	(void)state;
	assert_ok(statement_id(id, "abc", 3, &err), &err); /* FIPS 180-4, example B.1 */
	statement_id_text(text, id);
	assert_string_equal(text, "wm:ba7816bf8f01cfea414140de5dae2223"
				  "b00361a396177a9cb410ff61f20015ad");
}

static enum wm_code decode_and_show(void *context, struct wm_error *err)
{
	const struct buf *payload = context;
	cleanup_statement struct statement *s = NULL;
	cleanup_tree struct tree t = TREE_INIT;
	struct node *root = NULL;

	TRY(statement_decode(&s, payload->data, payload->len, "s", err));
	return statement_tree(&root, &t, s, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
		cleanup_buf struct buf payload = BUF_INIT(LIMIT_STATEMENT);
		struct wm_error err = { 0 };

		assert_ok(statements_encode(&payload, kind_names[i], NULL, &err), &err);
		with_every_allocation_failing(decode_and_show, &payload);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_round_trips),
		cmocka_unit_test(the_outside_is_checked),
		cmocka_unit_test(the_inside_is_checked),
		cmocka_unit_test(subjects_are_those_implied),
		cmocka_unit_test(a_manifest_names_weights_alone),
		cmocka_unit_test(other_subjects),
		cmocka_unit_test(bytes_have_one_form),
		cmocka_unit_test(other_documents_are_refused),
		cmocka_unit_test(newer_schemas_are_read_as_far_as_known),
		cmocka_unit_test(newer_schemas_keep_the_rules),
		cmocka_unit_test(kinds_are_found),
		cmocka_unit_test(local_ids_come_from_the_message),
		cmocka_unit_test(ids_have_a_text),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
