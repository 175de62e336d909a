/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/entry.c: entries in one form, and the records that stand for them. */
#include "keys.h"
#include "logs.h"
#include "wire.h"

#include "log/entry.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

static const char payload[] = "{\"a\":1}";

static struct envelope made(const char keyid[KEYID_HEX + 1])
{
	struct envelope e = { .payload = (const uint8_t *)payload, .payload_len = sizeof(payload) - 1,
			      .sig = (const uint8_t *)"signature", .sig_len = 9, .keyid = keyid };

	if (statement_id(e.statement, payload, sizeof(payload) - 1, NULL) != WM_OK)
		test_failed(__FILE__, __LINE__, "no id");
	return e;
}

static char keyid[KEYID_HEX + 1];

static int fill(void **state)
{
	(void)state;
	memset(keyid, 'a', KEYID_HEX);
	return 0;
}

static void round_trip(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY), again = BUF_INIT(LIMIT_ENTRY);
	struct envelope e = made(keyid), read;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(entry_encode(&entry, &e, &err), &err);
	assert_ok(entry_decode(&read, &a, entry.data, entry.len, "entry", &err), &err);
	assert_memory_equal(read.payload, payload, sizeof(payload) - 1);
	assert_memory_equal(read.statement, e.statement, SHA256_BYTES);
	assert_string_equal(read.keyid, keyid);
	assert_ok(entry_encode(&again, &read, &err), &err);
	assert_int_equal(again.len, entry.len);
	assert_memory_equal(again.data, entry.data, entry.len);
	for (size_t len = 0; len < entry.len; len++)
		assert_int_not_equal(entry_decode(&read, &a, entry.data, len, "entry", &err), WM_OK);
	assert_ok(buf_append_byte(&entry, 0, &err), &err);
	assert_reason(entry_decode(&read, &a, entry.data, entry.len, "entry", &err), &err,
		      ENTRY_MALFORMED);
}

/* The record is computed here from docs/format.md, "Ledgers". */
static void record_and_leaf(void **state)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY), expected = BUF_INIT(1024);
	uint8_t digest[SHA256_BYTES], record[RECORD_BYTES], leaf[SHA256_BYTES], other[SHA256_BYTES],
		key[SHA256_BYTES];
	struct envelope e = made(keyid);
	struct wm_error err = { 0 };

	(void)state;
	assert_int_equal(RECORD_BYTES, 106);
	assert_ok(entry_encode(&entry, &e, &err), &err);
	assert_ok(sha256_of(digest, entry.data, entry.len, &err), &err);
	entry_record(record, &e, digest);
	assert_true(hex_decode(key, keyid, KEYID_HEX));
	assert_ok(buf_append_byte(&expected, 0, &err), &err);
	assert_ok(buf_append(&expected, "wmEntryV1", 10, &err), &err);
	assert_ok(buf_append(&expected, e.statement, SHA256_BYTES, &err), &err);
	assert_ok(buf_append(&expected, key, SHA256_BYTES, &err), &err);
	assert_ok(buf_append(&expected, digest, SHA256_BYTES, &err), &err);
	assert_memory_equal(record, expected.data + 1, RECORD_BYTES);
	record_leaf(leaf, record);
	assert_ok(sha256_of(other, expected.data, expected.len, &err), &err);
	assert_memory_equal(leaf, other, SHA256_BYTES);
	assert_ok(entry_leaf(other, &e, &err), &err);
	assert_memory_equal(leaf, other, SHA256_BYTES);
	/* Another signature is another entry. */
	e.sig = (const uint8_t *)"signaturf";
	assert_ok(entry_leaf(other, &e, &err), &err);
	assert_memory_not_equal(leaf, other, SHA256_BYTES);
}

static void malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "", 0 }, { "\x0a", 1 }, { "\x0a\x00", 2 }, { "\x0a\x01x", 3 },
		{ "\x0a\x01x\x0a\x01x", 6 }, { "\x7a\x01x", 3 }, { "\x0a\x81\x00x", 4 },
	};
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	struct wm_error err = { 0 };
	struct envelope e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_reason(entry_decode(&e, &a, bad[i].bytes, bad[i].len, "entry", &err), &err,
			      ENTRY_MALFORMED);
	keyid[0] = 'A';
	{
		cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY);
		struct envelope wrong = made(keyid);

		assert_ok(entry_encode(&entry, &wrong, &err), &err);
		assert_reason(entry_decode(&e, &a, entry.data, entry.len, "entry", &err), &err,
			      ENTRY_MALFORMED);
	}
	keyid[0] = 'a';
}

/* Entries written by hand, each with one thing that is not as it must be. */
static void one_form(void **state)
{
	static const char type[] = "application/vnd.in-toto+json";
	static const struct {
		const char *type;
		size_t n_signatures;
		bool unknown;
		enum reason reason;
	} rows[] = {
		{ type, 1, false, REASON_NONE },
		{ type, 0, false, REASON_UNSIGNED },
		{ type, 2, false, REASON_ENTRY_MALFORMED },
		{ "application/vnd.in-toto+JSON", 1, false, REASON_PAYLOAD_TYPE },
		{ "", 1, false, REASON_PAYLOAD_TYPE },
		{ type, 1, true, REASON_ENTRY_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
		cleanup_buf struct buf b = BUF_INIT(LIMIT_ENTRY), s = BUF_INIT(LIMIT_ENTRY);
		struct envelope e = { .payload = NULL };
		struct wm_error err = { 0 };

		wire_text(&s, 1, "signature");
		wire_text(&s, 2, keyid);
		wire_text(&b, 1, payload);
		wire_text(&b, 2, rows[i].type);
		for (size_t j = 0; j < rows[i].n_signatures; j++)
			wire_buf(&b, 3, &s);
		if (rows[i].unknown)
			wire_text(&b, 4, "");
		if (rows[i].reason == REASON_NONE) {
			assert_ok(entry_decode(&e, &a, b.data, b.len, "entry 7", &err), &err);
			continue;
		}
		assert_int_not_equal(entry_decode(&e, &a, b.data, b.len, "entry 7", &err), WM_OK);
		assert_int_equal(error_reason(&err), rows[i].reason);
		assert_non_null(strstr(err.message, "entry 7"));
		assert_null(e.payload);
	}
}

/* The largest payload fits an entry; what cannot be one is not looked at. */
static void limits(void **state)
{
	cleanup_free uint8_t *large = calloc(1, LIMIT_ENTRY + 1);
	struct envelope e = { .sig = (const uint8_t *)"s", .sig_len = 1, .keyid = keyid }, read;
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(large);
	e.payload = large;
	for (size_t len = LIMIT_STATEMENT - 1; len <= LIMIT_STATEMENT + 1; len++) {
		cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
		cleanup_buf struct buf b = BUF_INIT(LIMIT_ENTRY);

		e.payload_len = len;
		assert_ok(entry_encode(&b, &e, &err), &err);
		if (len > LIMIT_STATEMENT)
			assert_reason(entry_decode(&read, &a, b.data, b.len, "entry", &err), &err,
				      LIMIT);
		else
			assert_ok(entry_decode(&read, &a, b.data, b.len, "entry", &err), &err);
	}
	for (size_t len = LIMIT_ENTRY; len <= LIMIT_ENTRY + 1; len++) {
		cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);

		assert_int_not_equal(entry_decode(&read, &a, large, len, "entry", &err), WM_OK);
		assert_int_equal(error_reason(&err),
				 len > LIMIT_ENTRY ? REASON_LIMIT : REASON_ENTRY_MALFORMED);
	}
}

static enum wm_code decode_and_encode(void *context, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	cleanup_buf struct buf again = BUF_INIT(LIMIT_ENTRY);
	const struct buf *entry = context;
	uint8_t leaf[SHA256_BYTES];
	struct envelope e;

	TRY(entry_decode(&e, &a, entry->data, entry->len, "entry", err));
	TRY(entry_leaf(leaf, &e, err));
	return entry_encode(&again, &e, err);
}

static void memory(void **state)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY);
	struct envelope e = made(keyid);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(entry_encode(&entry, &e, &err), &err);
	with_every_allocation_failing(decode_and_encode, &entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(round_trip, fill),
		cmocka_unit_test_setup(record_and_leaf, fill),
		cmocka_unit_test_setup(malformed, fill),
		cmocka_unit_test_setup(one_form, fill),
		cmocka_unit_test_setup(limits, fill),
		cmocka_unit_test_setup(memory, fill),
	};

	return run_tests(tests);
}
