/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/key.c: verifier keys of logs, and the set of those that are pinned. */
#include "keys.h"
#include "logs.h"

#include <stdio.h>

#include "util/base64.h"
#include "util/file.h"

#define BASE64 "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

/* Of the tests of golang.org/x/mod/sumdb/note. */
static void published_key_ids(void **state)
{
	static const struct {
		const char *name, *base64;
		uint8_t id[LOG_KEY_ID];
	} rows[] = {
		{ "PeterNeumann", BASE64, { 0xc7, 0x4f, 0x20, 0xa3 } },
		{ "EnochRoot", "ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
		  { 0xaf, 0x0c, 0xfe, 0x78 } },
	};
	uint8_t typed[33], id[LOG_KEY_ID];
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(base64_decode(typed, rows[i].base64, strlen(rows[i].base64)));
		assert_ok(note_key_id(id, rows[i].name, typed + 1, &err), &err);
		assert_memory_equal(id, rows[i].id, LOG_KEY_ID);
	}
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

/* The key ids fit, each made by hand: so the only fault of a row is the one that it shows. */
static void one_form(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "peterneumann+6d0b60b3+" BASE64, true },
		{ "peterneumann+6d0b60b3+" BASE64 "\n", true },
		{ "peterneumann+6d0b60b3+" BASE64 "\n\n", false },
		{ "peterneumann+6d0b60b3+" BASE64 "\r\n", false },
		{ "\npeterneumann+6d0b60b3+" BASE64, false },
		{ "peterneumann+6D0B60B3+" BASE64, false },
		{ "peterneumann+6d0b60b4+" BASE64, false },
		{ "peterneumann 6d0b60b3+" BASE64, false },
		{ "peterneumann+6d0b60b3 " BASE64, false },
		{ "PeterNeumann+c74f20a3+" BASE64, false },
		{ "peter neumann+ad40307b+" BASE64, false },
		{ "+f63234e3+" BASE64, false },
		/* A key of 33 and of 31 bytes. */
		{ "peterneumann+149def78+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAQ==", false },
		{ "peterneumann+223062e9+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=", false },
		/* Other types of signature. */
		{ "peterneumann+0097e870+ABpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
		{ "peterneumann+47b09038+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
		{ "peterneumann+610f38aa+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_log_key struct log_key *key = NULL;
		struct wm_error err = { 0 };

		if (rows[i].good) {
			assert_ok(parse(&key, rows[i].text, &err), &err);
			continue;
		}
		if (parse(&key, rows[i].text, &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "row %zu is taken", i);
		assert_int_equal(error_reason(&err), REASON_LOG_KEY_MALFORMED);
		assert_null(key);
	}
}

/* What the tests of golang.org/x/mod/sumdb/note do to a key: no part of it is one. */
static void every_part_of_one(void **state)
{
	static const char text[] = "peterneumann+6d0b60b3+" BASE64;
	const size_t len = sizeof(text) - 1;
	char copy[sizeof(text)];

	(void)state;
	for (size_t from = 0; from <= len; from++)
		for (size_t to = from; to <= len; to++) {
			cleanup_log_key struct log_key *key = NULL;
			struct wm_error err = { 0 };
			const bool whole = from == 0 && to == len;

			assert_int_equal(log_key_parse(&key, text + from, to - from, "key", &err),
					 whole ? WM_OK : WM_INVALID);
		}
	for (size_t i = 0; i < len; i++) {
		struct log_key *key = NULL;
		struct wm_error err = { 0 };

		memcpy(copy, text, sizeof(text));
		copy[i]++;
		assert_int_not_equal(parse(&key, copy, &err), WM_OK);
		copy[i] = '\0';
		assert_reason(log_key_parse(&key, copy, len, "key", &err), &err,
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

static void loads(void **state)
{
	static const char text[] = "peterneumann+6d0b60b3+" BASE64 "\n";
	cleanup_log_key struct log_key *key = NULL;
	cleanup_buf struct buf large = BUF_INIT(2 * LIMIT_KEY_FILE);
	struct wm_error err = { 0 };
	char *dir = scratch_new(), path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/log.pub", dir);
	assert_reason(log_key_load(&key, path, &err), &err, NOT_FOUND);
	assert_ok(file_write(path, text, sizeof(text) - 1, 0600, FILE_REPLACE, &err), &err);
	assert_ok(log_key_load(&key, path, &err), &err);
	assert_string_equal(log_key_origin(key), "peterneumann");
	log_key_free(take_ptr(&key));
	while (large.len <= LIMIT_KEY_FILE)
		assert_ok(buf_append_byte(&large, 'a', &err), &err);
	assert_ok(file_write(path, large.data, large.len, 0600, FILE_REPLACE, &err), &err);
	assert_reason(log_key_load(&key, path, &err), &err, LOG_KEY_MALFORMED);
	assert_null(key);
	scratch_remove(dir);
}

static void longest_origin(void **state)
{
	cleanup_made_log struct made_log log = { .origin = NULL };
	struct wm_error err = { 0 };
	char origin[LIMIT_ORIGIN + 2];

	(void)state;
	made_log_init(&log, "a.b");
	for (size_t len = LIMIT_ORIGIN - 1; len <= LIMIT_ORIGIN + 1; len++) {
		cleanup_log_key struct log_key *key = NULL, *again = NULL;
		cleanup_buf struct buf text = BUF_INIT(4096);

		memset(origin, 'a', len);
		origin[len] = '\0';
		if (len > LIMIT_ORIGIN) {
			assert_reason(log_key_new(&key, origin, log_key_raw(log.key), &err), &err,
				      ORIGIN_INVALID);
			continue;
		}
		assert_ok(log_key_new(&key, origin, log_key_raw(log.key), &err), &err);
		assert_ok(log_key_encode(&text, key, &err), &err);
		assert_ok(parse(&again, buf_str(&text), &err), &err);
		assert_true(log_key_same(again, key));
		/* With one letter more it is refused, whatever its key id says. */
		assert_ok(buf_append_str(&text, "=", &err), &err);
		assert_reason(parse(&again, buf_str(&text), &err), &err, LOG_KEY_MALFORMED);
	}
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

static enum wm_code parse_and_pin(void *context, struct wm_error *err)
{
	cleanup_log_keys struct log_keys keys = LOG_KEYS_INIT;
	cleanup_buf struct buf again = BUF_INIT(4096);
	struct log_key *key = NULL;

	TRY(parse(&key, context, err));
	TRY(log_keys_add(&keys, key, err));
	return log_key_encode(&again, keys.list[0], err);
}

static void memory(void **state)
{
	char text[] = "peterneumann+6d0b60b3+" BASE64;

	(void)state;
	with_every_allocation_failing(parse_and_pin, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_key_ids),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(one_form),
		cmocka_unit_test(every_part_of_one),
		cmocka_unit_test(malformed),
		cmocka_unit_test(loads),
		cmocka_unit_test(longest_origin),
		cmocka_unit_test(pinned),
		cmocka_unit_test(memory),
	};

	return run_tests(tests);
}
