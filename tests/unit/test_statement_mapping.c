/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/mapping_read.c: what people write in YAML, and what is said of mistakes. */
#include "statements.h"

#include "statement/mapping.h"
#include "statement/message.h"
#include "text/yaml.h"
#include "util/limits.h"
#include "weightmark/v1/dataset.pb-c.h"
#include "weightmark/v1/manifest.pb-c.h"
#include "weightmark/v1/order.pb-c.h"
#include "weightmark/v1/revocation.pb-c.h"
#include "weightmark/v1/transfer.pb-c.h"

#define D(name) &weightmark__v1__##name##__descriptor

static enum wm_code read_yaml(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
			      const char *yaml, struct arena *a, struct wm_error *err)
{
	const struct mapping mapping = { "m.yaml", REASON_YAML_FIELD, true, false, a };
	cleanup_tree struct tree t = TREE_INIT;

	assert_ok(yaml_read(&t, yaml, strlen(yaml), "m.yaml", err), err);
	return mapping_read(out, d, t.root->first, &mapping, err);
}

/* Each mistake with the whole message. */
static void mistakes_say_where_and_what(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *descriptor;
		const char *yaml, *message;
	} rows[] = {
		{ D(dataset), "title: a\ntitel: b\n",
		  "m.yaml: line 2: unknown field 'titel'; the nearest is 'title'" },
		{ D(manifest), "model:\n  licens: MIT\n",
		  "m.yaml: line 2: model: unknown field 'licens'; the nearest is 'licence'" },
		{ D(manifest), "training_run:\n  - id: a\n  - uses:\n      - rol: pretrain\n",
		  "m.yaml: line 4: training_run[1].uses[0]: unknown field 'rol'; the nearest is "
		  "'role'" },
		{ D(dataset), "quite_another_thing: 1\n",
		  "m.yaml: line 1: unknown field 'quite_another_thing'" },
		{ D(dataset), "header:\n  seald: 1\n",
		  "m.yaml: line 2: header: unknown field 'seald'" },
		{ D(dataset), "has_personal_info: NO\n",
		  "m.yaml: line 1: has_personal_info: 'NO' is not one of its words; the nearest is "
		  "'no'" },
		{ D(dataset), "has_personal_info: Yes\n",
		  "m.yaml: line 1: has_personal_info: 'Yes' is not one of its words; the nearest "
		  "is 'yes'" },
		{ D(dataset), "has_personal_info: false\n",
		  "m.yaml: line 1: has_personal_info: 'false' is not one of no_assertion, yes, no" },
		{ D(manifest), "model:\n  safety_risk: xyzzy\n",
		  "m.yaml: line 2: model.safety_risk: 'xyzzy' is not one of no_assertion, serious, "
		  "high, medium, low" },
		{ D(dataset), "modality: [text, vidoe]\n",
		  "m.yaml: line 1: modality[1]: 'vidoe' is not one of its words; the nearest is "
		  "'video'" },
		{ D(dataset), "has_personal_info: [yes]\n",
		  "m.yaml: line 1: has_personal_info: is a list, not one of the words that it may "
		  "be" },
		{ D(dataset), "origin_country: [Norway]\n",
		  "m.yaml: line 1: origin_country[0]: 'Norway' is not a country code like DE or "
		  "US-CA" },
		{ D(dataset), "origin_country: [no]\n",
		  "m.yaml: line 1: origin_country[0]: 'no' is not a country code like DE or "
		  "US-CA" },
		{ D(dataset), "known_bias: skewed\n",
		  "m.yaml: line 1: known_bias: is text, not a list; write '- ' before each value" },
		{ D(dataset), "title: [a]\n", "m.yaml: line 1: title: is a list, not text" },
		{ D(dataset), "title: {a: b}\n", "m.yaml: line 1: title: is a map, not text" },
		{ D(dataset), "title: a\nversion:\n",
		  "m.yaml: line 2: version: has no value; fill it in or remove the line" },
		{ D(manifest), "model: llm\n",
		  "m.yaml: line 1: model: is text, not a map of fields" },
		{ D(manifest), "model:\n",
		  "m.yaml: line 1: model: has no value; fill it in or remove the line" },
		{ D(dataset), "issue_date: 20.11.2026\n",
		  "m.yaml: line 1: issue_date: '20.11.2026' is not a date like 2026-11-20" },
		{ D(dataset), "issue_date: [1]\n",
		  "m.yaml: line 1: issue_date: is a list, not a date like 2026-11-20" },
		{ D(dataset), "licence: Apache 2\n",
		  "m.yaml: line 1: licence: 'Apache 2' is not an SPDX licence expression like "
		  "Apache-2.0" },
		{ D(dataset), "record_count: +5\n",
		  "m.yaml: line 1: record_count: '+5' is not a whole number like 1000" },
		{ D(dataset), "record_count: -5\n",
		  "m.yaml: line 1: record_count: '-5' is not a whole number like 1000" },
		{ D(dataset), "record_count: 1_000\n",
		  "m.yaml: line 1: record_count: '1_000' is not a whole number like 1000" },
		{ D(dataset), "record_count: 0x10\n",
		  "m.yaml: line 1: record_count: '0x10' is not a whole number like 1000" },
		{ D(dataset), "record_count: 0o17\n",
		  "m.yaml: line 1: record_count: '0o17' is not a whole number like 1000" },
		{ D(dataset), "record_count: 017\n",
		  "m.yaml: line 1: record_count: '017' is not a whole number like 1000" },
		{ D(dataset), "record_count: 1e3\n",
		  "m.yaml: line 1: record_count: '1e3' is not a whole number like 1000" },
		{ D(dataset), "record_count: 1.0\n",
		  "m.yaml: line 1: record_count: '1.0' is not a whole number like 1000" },
		{ D(dataset), "record_count: \"5\"\n",
		  "m.yaml: line 1: record_count: is text, not a whole number" },
		{ D(dataset), "record_count: 9007199254740992\n",
		  "m.yaml: line 1: record_count: is larger than 9007199254740991" },
		{ D(dataset), "record_count: 10000000000000000\n",
		  "m.yaml: line 1: record_count: is larger than 9007199254740991" },
		{ D(dataset), "record_count: 99999999999999999999999\n",
		  "m.yaml: line 1: record_count: is larger than 9007199254740991" },
		{ D(dataset), "title: {sealed: abc}\n",
		  "m.yaml: line 1: title.sealed: 'abc' is not a SHA-256 digest of 64 lower-case "
		  "hexadecimal digits" },
		{ D(dataset), "title: {sealed: [abc]}\n",
		  "m.yaml: line 1: title.sealed: is a list, not a SHA-256 digest of 64 lower-case "
		  "hexadecimal digits" },
		{ D(dataset), "[]\n", "m.yaml: line 1: is a list, not a map of fields" },
		{ D(disclosure), "regime: {sealed: " HEX32 "}\n",
		  "m.yaml: line 1: nothing can be sealed here" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT(1 << 20);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		if (read_yaml(&m, rows[i].descriptor, rows[i].yaml, &a, &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "taken: %s", rows[i].yaml);
		assert_int_equal(error_reason(&err), REASON_YAML_FIELD);
		assert_string_equal(err.message, rows[i].message);
	}
}

/* The schema, not the spelling, decides what a word means. */
static void words_mean_what_the_schema_says(void **state)
{
	static const char yaml[] = "title: no\nversion: 1.10\nhas_personal_info: no\n"
				   "has_copyright: yes\norigin_country: [NO, DE]\n"
				   "description: 2026-11-20\nlanguages: ~x\nrecord_count: 0\n"
				   "size_value: 9007199254740991\nknown_bias: [null_, 007]\n";
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;
	const Weightmark__V1__Dataset *d;

	(void)state;
	assert_ok(read_yaml(&m, D(dataset), yaml, &a, &err), &err);
	d = (const Weightmark__V1__Dataset *)m;
	assert_string_equal(d->title, "no");
	assert_string_equal(d->version, "1.10");
	assert_int_equal(d->has_personal_info, WEIGHTMARK__V1__TRI__VALUE__no);
	assert_int_equal(d->has_copyright, WEIGHTMARK__V1__TRI__VALUE__yes);
	assert_false(d->has_has_trademark);
	assert_string_equal(d->origin_country[0]->code, "NO");
	assert_string_equal(d->description, "2026-11-20");
	assert_true(d->has_record_count);
	assert_int_equal(d->record_count, 0);
	assert_int_equal(d->size_value, 9007199254740991);
	assert_string_equal(d->known_bias[1], "007");
	assert_null(d->header);
}

static void integers_have_their_ranges(void **state)
{
	static const struct {
		const char *yaml;
		bool good;
	} rows[] = {
		{ "days: 0", true }, { "days: 4294967295", true }, { "days: 4294967296", false },
		{ "days: 00", false }, { "days: ''", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT(1 << 20);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		assert_int_equal(read_yaml(&m, D(obligation), rows[i].yaml, &a, &err) == WM_OK,
				 rows[i].good);
	}
}

/* Sealed values stand where they stood, in lists between the open ones. */
static void sealed_values_keep_their_place(void **state)
{
	static const char yaml[] =
		"known_bias:\n  - {sealed: " HEX32 "}\n  - open\n  - {sealed: " HEX32
		"}\ntitle: {sealed: " HEX32 "}\nmodality: [{sealed: " HEX32 "}]\n";
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;
	const Weightmark__V1__Dataset *d;

	(void)state;
	assert_ok(read_yaml(&m, D(dataset), yaml, &a, &err), &err);
	d = (const Weightmark__V1__Dataset *)m;
	assert_null(d->title);
	assert_int_equal(d->n_known_bias, 1);
	assert_int_equal(d->n_modality, 0);
	assert_int_equal(d->header->n_sealed, 4);
	assert_string_equal(d->header->sealed[0]->pointer, "/known_bias/0");
	assert_string_equal(d->header->sealed[1]->pointer, "/known_bias/2");
	assert_string_equal(d->header->sealed[2]->pointer, "/modality/0");
	assert_string_equal(d->header->sealed[3]->pointer, "/title");
}

static void sealed_values_have_a_limit(void **state)
{
	(void)state;
	for (size_t n = LIMIT_SEALED; n <= LIMIT_SEALED + 1; n++) {
		cleanup_arena struct arena a = ARENA_INIT(1 << 24);
		cleanup_buf struct buf yaml = BUF_INIT(1 << 24);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		assert_ok(buf_append_str(&yaml, "known_bias:\n", &err), &err);
		for (size_t i = 0; i < n; i++)
			assert_ok(buf_append_str(&yaml, "- {sealed: " HEX32 "}\n", &err), &err);
		if (n <= LIMIT_SEALED)
			assert_ok(read_yaml(&m, D(dataset), buf_str(&yaml), &a, &err), &err);
		else
			assert_reason(read_yaml(&m, D(dataset), buf_str(&yaml), &a, &err), &err,
				      LIMIT);
	}
}

/* A long document name or key leaves the message cut, never overrun. */
static void messages_are_cut(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	cleanup_tree struct tree t = TREE_INIT;
	struct mapping mapping = { NULL, REASON_YAML_FIELD, true, false, &a };
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;
	char name[1000];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	mapping.name = name;
	assert_ok(yaml_read(&t, "a: b\n", 5, "m.yaml", &err), &err);
	assert_reason(mapping_read(&m, D(dataset), t.root->first, &mapping, &err), &err,
		      YAML_FIELD);
	assert_int_equal(strlen(err.message), LIMIT_MESSAGE - 1);
}

/* Lack of memory is never a mistake in the document, wherever it comes. */
static void small_arenas_are_the_limit(void **state)
{
	static const char yaml[] = "dataset_id: a\nissue_date: 2026-11-20\nlicence: MIT\n"
				   "content_root: " HEX32 "\nknown_bias: [a, b]\n"
				   "title: {sealed: " HEX32 "}\nmodality: [text]\n";
	size_t n_refused = 0;

	(void)state;
	for (size_t max = 0;; max += 16, n_refused++) {
		cleanup_arena struct arena a = ARENA_INIT(max);
		struct wm_error err = { 0 };
		ProtobufCMessage *m = NULL;

		if (read_yaml(&m, D(dataset), yaml, &a, &err) == WM_OK)
			break;
		assert_string_equal(err.reason, "limit");
	}
	assert_true(n_refused > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_say_where_and_what),
		cmocka_unit_test(words_mean_what_the_schema_says),
		cmocka_unit_test(integers_have_their_ranges),
		cmocka_unit_test(sealed_values_keep_their_place),
		cmocka_unit_test(sealed_values_have_a_limit),
		cmocka_unit_test(messages_are_cut),
		cmocka_unit_test(small_arenas_are_the_limit),
	};

	return run_tests(tests);
}
