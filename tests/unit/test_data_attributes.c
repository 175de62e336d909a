/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/attributes.c: which tags records get, and which files are refused. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"
#include "data/attributes.h"
#include "util/limits.h"

static enum wm_code read_text(struct attributes **out, const char *text, size_t len,
			      struct wm_error *err)
{
	cleanup_free char *dir = scratch_new();
	struct record_key k;
	enum wm_code code;
	char path[300];

	committed_key(&k);
	snprintf(path, sizeof(path), "%s/a.csv", dir);
	code = file_write(path, text, len, 0600, FILE_REPLACE, err);
	if (code == WM_OK)
		code = attributes_read(out, path, &k, err);
	scratch_remove(take_ptr(&dir));
	return code;
}

static const struct {
	const char *text;
	enum reason reason;
} texts[] = {
	{ "record,subject\na,x\n", REASON_NONE },
	{ "subject,record\r\nx,a\r\n", REASON_NONE },
	{ "record\n", REASON_NONE },
	{ "record,subject,source,licence,consent\na,b,c,d,e\n", REASON_NONE },
	{ "record,subject\na,\n", REASON_NONE },
	{ "", REASON_ATTRIBUTES_MALFORMED },
	{ "subject\nx\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,name\na,x\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,record\na,x\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,subject,source,licence,consent,consent\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,subject\na\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,subject\na,b,c\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,subject\n,x\n", REASON_ATTRIBUTES_MALFORMED },
	{ "record,subject\n\na,x\n", REASON_RECORD_EMPTY },
	{ "record,subject\na,\"x\n", REASON_CSV_MALFORMED },
};

static void reads_or_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_attributes struct attributes *a = NULL;
		struct wm_error err = { 0 };

		if (read_text(&a, texts[i].text, strlen(texts[i].text), &err) != WM_OK)
			assert_string_equal(err.reason, reason_info(texts[i].reason)->id);
		else
			assert_int_equal(texts[i].reason, REASON_NONE);
	}
}

static void values_have_a_limit(void **state)
{
	char text[64 + LIMIT_ATTRIBUTE];
	int head = snprintf(text, sizeof(text), "record,subject\na,");

	(void)state;
	memset(text + head, 'x', LIMIT_ATTRIBUTE + 1);
	for (size_t more = 0; more < 2; more++) {
		cleanup_attributes struct attributes *a = NULL;
		struct wm_error err = { 0 };

		if (more)
			assert_reason(read_text(&a, text, (size_t)head + LIMIT_ATTRIBUTE + 1, &err),
				      &err, LIMIT);
		else
			assert_ok(read_text(&a, text, (size_t)head + LIMIT_ATTRIBUTE, &err), &err);
	}
}

static void note(struct attributes *a, const char *name, uint64_t number, unsigned record)
{
	uint8_t d[SHA256_BYTES];
	struct wm_error err = { 0 };

	committed_digest(d, record);
	assert_ok(attributes_note(a, name, number, d, &err), &err);
}

static bool has_tag(const struct tag_row *tags, uint64_t n, const struct record_set *set,
		    const char *name, const char *value, unsigned record)
{
	uint8_t tag[RECORD_TAG_BYTES], d[SHA256_BYTES];
	struct wm_error err = { 0 };
	struct commitment c;
	struct record_key k;

	committed_key(&k);
	committed_digest(d, record);
	record_commit(&c, &k, d);
	assert_ok(record_tag(tag, &k, name, value, strlen(value), &err), &err);
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *r = tags[i].row;
		const size_t row = (size_t)r[0] << 24 | (size_t)r[1] << 16 | (size_t)r[2] << 8 | r[3];

		assert_true(i == 0 || memcmp(&tags[i - 1], &tags[i], TAG_BYTES) < 0);
		if (memcmp(tags[i].tag, tag, RECORD_TAG_BYTES) == 0 &&
		    memcmp(set->rows[row].digest, c.leaf, SHA256_BYTES) == 0)
			return true;
	}
	return false;
}

/* A record with two subjects, equal records with one, a number, a quoted value. */
static void tags_what_was_noted(void **state)
{
	static const char text[] = "record,subject,licence\n"
				   "a,s-17,\n"
				   "a,s-18,CC0-1.0\n"
				   "b,s-17,\n"
				   "3,\"c,\"\"d\",\n";
	cleanup_record_set struct record_set set = { .n = 0 };
	cleanup_attributes struct attributes *a = NULL;
	cleanup_free struct tag_row *tags = NULL;
	struct wm_error err = { 0 };
	struct record_key k;
	uint64_t n = 0;

	(void)state;
	committed_key(&k);
	committed_set(&set, 10);
	assert_ok(read_text(&a, text, sizeof(text) - 1, &err), &err);
	note(a, "a", 0, 0);
	note(a, "b", 0, 0);
	note(a, "nobody", 0, 1);
	assert_reason(attributes_tags(&tags, &n, a, &set, &k, &err), &err, ATTRIBUTES_MALFORMED);
	attributes_free(take_ptr(&a));
	assert_ok(read_text(&a, text, sizeof(text) - 1, &err), &err);
	note(a, "a", 0, 0);
	note(a, "b", 0, 0);
	note(a, NULL, 3, 5);
	assert_ok(attributes_tags(&tags, &n, a, &set, &k, &err), &err);
	assert_int_equal(n, 4);
	assert_true(has_tag(tags, n, &set, "subject", "s-17", 0));
	assert_true(has_tag(tags, n, &set, "subject", "s-18", 0));
	assert_true(has_tag(tags, n, &set, "licence", "CC0-1.0", 0));
	assert_true(has_tag(tags, n, &set, "subject", "c,\"d", 5));
	assert_false(has_tag(tags, n, &set, "consent", "s-17", 0));
	assert_false(has_tag(tags, n, &set, "subject", "s-17", 5));
}

static enum wm_code read_and_tag(void *context, struct wm_error *err)
{
	cleanup_attributes struct attributes *a = NULL;
	cleanup_record_set struct record_set set = { .n = 0 };
	cleanup_free struct tag_row *tags = NULL;
	uint8_t d[1][SHA256_BYTES] = { { 7 } };
	struct record_key k;
	uint64_t n = 0;

	committed_key(&k);
	TRY(attributes_read(&a, context, &k, err));
	TRY(attributes_note(a, "a", 0, d[0], err));
	TRY(record_set_add(&set, (const uint8_t (*)[SHA256_BYTES])d, 1, err));
	TRY(record_set_commit(&set, &k, 1, err));
	return attributes_tags(&tags, &n, a, &set, &k, err);
}

static void survives_want_of_memory(void **state)
{
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.csv", dir);
	assert_ok(file_write(path, "record,subject\na,x\n", 19, 0600, FILE_REPLACE, &err), &err);
	with_every_allocation_failing(read_and_tag, path);
	scratch_remove(take_ptr(&dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_or_refuses),
		cmocka_unit_test(values_have_a_limit),
		cmocka_unit_test(tags_what_was_noted),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
