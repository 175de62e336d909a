/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/origin.c, lib/log/key.c: names of logs, and their verifier keys. */
#include "keys.h"
#include "logs.h"

#include <stdio.h>

#include "log/origin.h"
#include "util/base64.h"

static void origins(void **state)
{
	static const char *const good[] = { "a", "0", "acme.example/models", "a-b_c.d/e", "a.b/c/d",
					    "a.loc", "locks" };
	static const char *const bad[] = { "", "/", "a/", "/a", "a//b", "A", "a b", "a+b", ".a", "-a",
					   "_a", "a.", "a/b.", "a..b", "a.lock", "a/b.lock/c", "a\n",
					   "\xc3\xa9", "a:b", "a\\b", "a~1", "a^", "a@{" };
	char longest[LIMIT_ORIGIN + 2];
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(origin_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(origin_valid(bad[i]));
		assert_reason(origin_check(bad[i], &err), &err, ORIGIN_INVALID);
	}
	memset(longest, 'a', sizeof(longest));
	longest[LIMIT_ORIGIN] = '\0';
	assert_true(origin_valid(longest));
	longest[LIMIT_ORIGIN] = 'a';
	longest[LIMIT_ORIGIN + 1] = '\0';
	assert_false(origin_valid(longest));
}

/* Of the tests of golang.org/x/mod/sumdb/note: PeterNeumann+c74f20a3+ARpc2Qc... */
static void published_key_id(void **state)
{
	static const char base64[] = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const uint8_t expected[LOG_KEY_ID] = { 0xc7, 0x4f, 0x20, 0xa3 };
	uint8_t typed[33], id[LOG_KEY_ID];
	struct wm_error err = { 0 };

	(void)state;
	assert_true(base64_decode(typed, base64, sizeof(base64) - 1));
	assert_ok(note_key_id(id, "PeterNeumann", typed + 1, &err), &err);
	assert_memory_equal(id, expected, LOG_KEY_ID);
}

static enum wm_code parse(struct log_key **out, const char *text, struct wm_error *err)
{
	return log_key_parse(out, text, strlen(text), "key", err);
}

static void round_trip(void **state)
{
	cleanup_made_log struct made_log log = { .origin = NULL };
	cleanup_buf struct buf text = BUF_INIT(4096), again = BUF_INIT(4096);
	cleanup_log_key struct log_key *key = NULL;
	struct wm_error err = { 0 };

	(void)state;
	made_log_init(&log, "acme.example/models");
	assert_ok(log_key_encode(&text, log.key, &err), &err);
	assert_ok(parse(&key, buf_str(&text), &err), &err);
	assert_true(log_key_same(key, log.key));
	assert_string_equal(log_key_origin(key), "acme.example/models");
	assert_ok(log_key_encode(&again, key, &err), &err);
	assert_string_equal(buf_str(&again), buf_str(&text));
	/* One newline may follow; every other byte counts. */
	assert_ok(buf_append_str(&text, "\n", &err), &err);
	log_key_free(take_ptr(&key));
	assert_ok(parse(&key, buf_str(&text), &err), &err);
	for (size_t i = 0; i + 1 < text.len; i++) {
		struct log_key *other = NULL;

		text.data[i] ^= 1;
		assert_int_not_equal(parse(&other, buf_str(&text), &err), WM_OK);
		text.data[i] ^= 1;
	}
	for (size_t len = 0; len + 1 < text.len; len++) {
		struct log_key *other = NULL;

		assert_reason(log_key_parse(&other, text.data, len, "key", &err), &err,
			      LOG_KEY_MALFORMED);
	}
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"", "a", "a+b", "a+b+c", "++", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"-----BEGIN PUBLIC KEY-----\n",
	};
	static const uint8_t identity[LOG_KEY_BYTES] = { 1 };
	struct log_key *key = NULL;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_reason(parse(&key, bad[i], &err), &err, LOG_KEY_MALFORMED);
	assert_reason(log_key_new(&key, "a.b", identity, &err), &err, KEY_WEAK);
	assert_reason(log_key_new(&key, "A", identity, &err), &err, ORIGIN_INVALID);
	assert_null(key);
}

static void pinned(void **state)
{
	cleanup_log_keys struct log_keys keys = LOG_KEYS_INIT;
	cleanup_made_log struct made_log log = { .origin = NULL };
	struct wm_error err = { 0 };
	struct log_key *copy;

	(void)state;
	made_log_init(&log, "a.b");
	for (int i = 0; i < 2; i++) {
		assert_ok(log_key_new(&copy, "a.b", log_key_raw(log.key), &err), &err);
		assert_ok(log_keys_add(&keys, copy, &err), &err);
	}
	assert_int_equal(keys.n, 1);
	assert_non_null(log_keys_find(&keys, "a.b", log_key_raw(log.key)));
	assert_null(log_keys_find(&keys, "a.c", log_key_raw(log.key)));
	assert_true(log_keys_know(&keys, "a.b"));
	assert_false(log_keys_know(&keys, "a.c"));
	for (size_t i = 1; i < LIMIT_LOG_KEYS; i++) {
		char origin[16];

		snprintf(origin, sizeof(origin), "n%zu", i);
		assert_ok(log_key_new(&copy, origin, log_key_raw(log.key), &err), &err);
		assert_ok(log_keys_add(&keys, copy, &err), &err);
	}
	assert_ok(log_key_new(&copy, "too.many", log_key_raw(log.key), &err), &err);
	assert_reason(log_keys_add(&keys, copy, &err), &err, LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins),	  cmocka_unit_test(published_key_id),
		cmocka_unit_test(round_trip), cmocka_unit_test(malformed),
		cmocka_unit_test(pinned),
	};

	return run_tests(tests);
}
