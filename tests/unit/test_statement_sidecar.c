/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/sidecar.c: one form of file, bounded in memory and time. */
#include "keys.h"
#include "wire.h"

#include <stdio.h>

#include "statement/sidecar.h"
#include "statement/statement.h"
#include "util/hex.h"
#include "util/limits.h"

#define MAGIC "weightmark/1"
#define TYPE  "application/vnd.in-toto+json"
#define KEYID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { MAX = 1 << 26 };

/* Appends envelope field 2 as DSSE has it, with `n` signatures. */
static void add_envelope(struct buf *out, const char *payload, const char *type, const char *keyid,
			 size_t n)
{
	cleanup_buf struct buf e = BUF_INIT(MAX), s = BUF_INIT(MAX);

	wire_text(&s, 1, "signature");
	wire_text(&s, 2, keyid);
	wire_text(&e, 1, payload);
	wire_text(&e, 2, type);
	for (size_t i = 0; i < n; i++)
		wire_buf(&e, 3, &s);
	wire_buf(out, 2, &e);
}

static void add_opening(struct buf *out, uint8_t id, const char *pointer, size_t salt_len,
			const char *value)
{
	cleanup_buf struct buf o = BUF_INIT(MAX), s = BUF_INIT(MAX);
	uint8_t statement[32], salt[64] = { 7 };

	memset(statement, id, sizeof(statement));
	wire_bytes(&s, 1, statement, sizeof(statement));
	wire_buf(&o, 1, &s);
	wire_text(&o, 2, pointer);
	wire_bytes(&o, 3, salt, salt_len);
	wire_text(&o, 4, value);
	wire_buf(out, 3, &o);
}

/* Why it is refused; REASON_NONE where it is read. */
static enum reason reason_of(const struct buf *b)
{
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };

	if (sidecar_decode(&s, b->data, b->len, "m.wmk", &err) == WM_OK)
		return REASON_NONE;
	return error_reason(&err);
}

static enum wm_code decode(const struct buf *b, struct wm_error *err)
{
	struct sidecar s = { 0 };

	TRY(sidecar_decode(&s, b->data, b->len, "m.wmk", err));
	sidecar_release(&s);
	return WM_OK;
}

static void one_envelope_is_read(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	uint8_t id[SHA256_BYTES];

	(void)state;
	wire_text(&b, 1, MAGIC);
	add_envelope(&b, "payload", TYPE, KEYID, 1);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_int_equal(s.n_envelopes, 1);
	assert_int_equal(s.n_openings, 0);
	assert_int_equal(s.envelopes[0].payload_len, 7);
	assert_memory_equal(s.envelopes[0].payload, "payload", 7);
	assert_int_equal(s.envelopes[0].sig_len, 9);
	assert_string_equal(s.envelopes[0].keyid, KEYID);
	assert_ok(statement_id(id, "payload", 7, &err), &err);
	assert_memory_equal(s.envelopes[0].statement, id, sizeof(id));
	assert_ok(sidecar_encode(&again, s.envelopes, 1, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
}

static void encoding_sorts(void **state)
{
	struct envelope e[3] = { 0 };
	cleanup_buf struct buf b = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	char other[] = KEYID;

	(void)state;
	other[0] = 'f';
	for (size_t i = 0; i < 3; i++) {
		e[i].payload = (const uint8_t *)(i ? "1" : "2");
		e[i].payload_len = 1;
		e[i].sig = (const uint8_t *)"s";
		e[i].sig_len = 1;
		e[i].keyid = i == 1 ? other : KEYID;
		assert_ok(statement_id(e[i].statement, e[i].payload, 1, &err), &err);
	}
	assert_ok(sidecar_encode(&b, e, 3, &err), &err);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_int_equal(s.n_envelopes, 3);
	assert_true(envelope_compare(&s.envelopes[0], &s.envelopes[1]) < 0);
	assert_true(envelope_compare(&s.envelopes[1], &s.envelopes[2]) < 0);
}

static void openings_are_read(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), hashed = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	uint8_t digest[SHA256_BYTES], expected[SHA256_BYTES], salt[16] = { 7 };

	(void)state;
	wire_text(&b, 1, MAGIC);
	add_envelope(&b, "p", TYPE, KEYID, 1);
	add_opening(&b, 1, "/a", 16, "\"x\"");
	add_opening(&b, 1, "/b", 16, "1");
	add_opening(&b, 2, "/a", 16, "");
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_int_equal(s.n_openings, 3);
	assert_string_equal(s.openings[1].pointer, "/b");
	assert_int_equal(s.openings[0].value_len, 3);
	wire_raw(&hashed, "wmSealedV1\0", 11);
	wire_raw(&hashed, salt, 16);
	wire_raw(&hashed, "\"x\"", 3);
	assert_ok(sha256_of(expected, hashed.data, hashed.len, &err), &err);
	assert_ok(opening_digest(digest, &s.openings[0], &err), &err);
	assert_memory_equal(digest, expected, sizeof(digest));
	assert_ok(opening_digest(digest, &s.openings[2], &err), &err);
	assert_memory_not_equal(digest, expected, sizeof(digest));
}

/* One envelope that differs from a good one in one thing. */
static void envelopes_have_one_form(void **state)
{
	static const struct {
		const char *type, *keyid;
		size_t n_signatures;
		enum reason reason;
	} rows[] = {
		{ TYPE, KEYID, 0, REASON_UNSIGNED },
		{ TYPE, KEYID, 2, REASON_SIDECAR_MALFORMED },
		{ TYPE, KEYID, 100000, REASON_SIDECAR_MALFORMED },
		{ TYPE " ", KEYID, 1, REASON_PAYLOAD_TYPE },
		{ " " TYPE, KEYID, 1, REASON_PAYLOAD_TYPE },
		{ "application/vnd.in-toto+JSON", KEYID, 1, REASON_PAYLOAD_TYPE },
		{ "Application/vnd.in-toto+json", KEYID, 1, REASON_PAYLOAD_TYPE },
		{ "application/vnd.in-toto+jso", KEYID, 1, REASON_PAYLOAD_TYPE },
		{ "", KEYID, 1, REASON_PAYLOAD_TYPE },
		{ TYPE, "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", 1,
		  REASON_SIDECAR_MALFORMED },
		{ TYPE, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef", 1,
		  REASON_SIDECAR_MALFORMED },
		{ TYPE, KEYID "0", 1, REASON_SIDECAR_MALFORMED },
		{ TYPE, "", 1, REASON_SIDECAR_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);
		struct wm_error err = { 0 };

		wire_text(&b, 1, MAGIC);
		add_envelope(&b, "p", rows[i].type, rows[i].keyid, rows[i].n_signatures);
		assert_int_not_equal(decode(&b, &err), WM_OK);
		if (error_reason(&err) != rows[i].reason && error_reason(&err) != REASON_LIMIT)
			test_failed(__FILE__, __LINE__, "row %zu: %s", i, err.message);
		assert_true(rows[i].n_signatures > 64 || error_reason(&err) == rows[i].reason);
		assert_non_null(strstr(err.message, "m.wmk"));
	}
}

static void openings_have_one_form(void **state)
{
	static const struct {
		uint8_t id[2];
		const char *pointer[2];
		size_t salt;
		enum reason reason;
	} rows[] = {
		{ { 1, 1 }, { "/a", "/b" }, 16, REASON_NONE },
		{ { 1, 2 }, { "/b", "/a" }, 16, REASON_NONE },
		{ { 1, 1 }, { "/a", "/a" }, 16, REASON_SIDECAR_ORDER },
		{ { 1, 1 }, { "/b", "/a" }, 16, REASON_SIDECAR_ORDER },
		{ { 2, 1 }, { "/a", "/b" }, 16, REASON_SIDECAR_ORDER },
		{ { 1, 1 }, { "/a", "/b" }, 15, REASON_SIDECAR_MALFORMED },
		{ { 1, 1 }, { "/a", "/b" }, 17, REASON_SIDECAR_MALFORMED },
		{ { 1, 1 }, { "/a", "/b" }, 0, REASON_SIDECAR_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);

		wire_text(&b, 1, MAGIC);
		add_envelope(&b, "p", TYPE, KEYID, 1);
		for (size_t j = 0; j < 2; j++)
			add_opening(&b, rows[i].id[j], rows[i].pointer[j], rows[i].salt, "1");
		assert_int_equal(reason_of(&b), rows[i].reason);
	}
}

static void order_matters(void **state)
{
	cleanup_buf struct buf sorted = BUF_INIT(MAX), turned = BUF_INIT(MAX);
	cleanup_buf struct buf doubled = BUF_INIT(MAX);
	struct wm_error err = { 0 };
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
	const char *first, *second;

	(void)state;
	assert_ok(statement_id(a, "a", 1, &err), &err);
	assert_ok(statement_id(b, "b", 1, &err), &err);
	first = memcmp(a, b, sizeof(a)) < 0 ? "a" : "b";
	second = *first == 'a' ? "b" : "a";
	wire_text(&sorted, 1, MAGIC);
	add_envelope(&sorted, first, TYPE, KEYID, 1);
	add_envelope(&sorted, second, TYPE, KEYID, 1);
	assert_ok(decode(&sorted, &err), &err);
	wire_text(&turned, 1, MAGIC);
	add_envelope(&turned, second, TYPE, KEYID, 1);
	add_envelope(&turned, first, TYPE, KEYID, 1);
	assert_reason(decode(&turned, &err), &err, SIDECAR_ORDER);
	wire_text(&doubled, 1, MAGIC);
	add_envelope(&doubled, first, TYPE, KEYID, 1);
	add_envelope(&doubled, first, TYPE, KEYID, 1);
	assert_reason(decode(&doubled, &err), &err, SIDECAR_ORDER);
}

static void other_files_are_refused(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX);
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(decode(&b, &err), &err, SIDECAR_MALFORMED);
	wire_text(&b, 1, MAGIC);
	assert_reason(decode(&b, &err), &err, UNSIGNED);
	add_envelope(&b, "p", TYPE, KEYID, 1);
	assert_ok(decode(&b, &err), &err);
	b.data[2] ^= 0x20;
	assert_reason(decode(&b, &err), &err, SIDECAR_MALFORMED);
	b.data[2] ^= 0x20;
	wire_text(&b, 4, "");
	assert_reason(decode(&b, &err), &err, SIDECAR_MALFORMED);
	b.len = 0;
	add_envelope(&b, "p", TYPE, KEYID, 1);
	assert_reason(decode(&b, &err), &err, SIDECAR_MALFORMED);
	b.len = 0;
	wire_text(&b, 1, "weightmark/2");
	add_envelope(&b, "p", TYPE, KEYID, 1);
	assert_reason(decode(&b, &err), &err, SIDECAR_MALFORMED);
}

/* --- limits ------------------------------------------------------------------------------ */

static int compare_texts(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

/* Appends `n` different envelopes in order. */
static void many_envelopes(struct buf *out, size_t n)
{
	struct numbered {
		uint8_t id[SHA256_BYTES];
		char payload[24];
	} *rows = calloc(n, sizeof(*rows));
	struct wm_error err = { 0 };

	assert_non_null(rows);
	for (size_t i = 0; i < n; i++) {
		snprintf(rows[i].payload, sizeof(rows[i].payload), "%zu", i);
		assert_ok(statement_id(rows[i].id, rows[i].payload, strlen(rows[i].payload), &err),
			  &err);
	}
	qsort(rows, n, sizeof(*rows), compare_texts);
	wire_text(out, 1, MAGIC);
	for (size_t i = 0; i < n; i++)
		add_envelope(out, rows[i].payload, TYPE, KEYID, 1);
	free(rows);
}

static void many_envelopes_are_bounded(void **state)
{
	static const struct {
		size_t n;
		enum reason reason;
	} rows[] = {
		{ LIMIT_ENVELOPES - 1, REASON_NONE },
		{ LIMIT_ENVELOPES, REASON_NONE },
		{ LIMIT_ENVELOPES + 1, REASON_LIMIT },
		{ 100000, REASON_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);

		many_envelopes(&b, rows[i].n);
		assert_int_equal(reason_of(&b), rows[i].reason);
	}
}

static void many_openings_are_bounded(void **state)
{
	(void)state;
	for (unsigned n = LIMIT_SEALED; n <= LIMIT_SEALED + 1; n++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);

		wire_text(&b, 1, MAGIC);
		add_envelope(&b, "p", TYPE, KEYID, 1);
		for (unsigned i = 0; i < n; i++) {
			char pointer[8] = { '/', (char)('0' + i / 512), (char)('0' + i / 64 % 8),
					    (char)('0' + i % 64), 0 };

			add_opening(&b, 1, pointer, 16, "1");
		}
		assert_int_equal(reason_of(&b), n > LIMIT_SEALED ? REASON_LIMIT : REASON_NONE);
	}
}

/* Empty messages are the cheapest way to make a decoder allocate. */
static void expansion_is_bounded(void **state)
{
	for (uint32_t field = 2; field <= 3; field++) {
		cleanup_buf struct buf b = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };

		(void)state;
		wire_text(&b, 1, MAGIC);
		while (b.len + 2 <= b.max)
			wire_bytes(&b, field, "", 0);
		assert_int_not_equal(decode(&b, &err), WM_OK);
	}
}

static void large_payloads_are_bounded(void **state)
{
	(void)state;
	for (int more = 0; more <= 1; more++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);
		cleanup_free char *payload = malloc(LIMIT_STATEMENT + 2);

		assert_non_null(payload);
		memset(payload, 'p', LIMIT_STATEMENT + 1);
		payload[LIMIT_STATEMENT + more] = '\0';
		wire_text(&b, 1, MAGIC);
		add_envelope(&b, payload, TYPE, KEYID, 1);
		assert_int_equal(reason_of(&b), more ? REASON_LIMIT : REASON_NONE);
	}
}

static void long_files_are_not_looked_at(void **state)
{
	struct sidecar s;
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(sidecar_decode(&s, "", (size_t)LIMIT_SIDECAR + 1, "m.wmk", &err), &err,
		      LIMIT);
	assert_reason(sidecar_decode(&s, "", SIZE_MAX, "m.wmk", &err), &err, LIMIT);
}

/* The same statement may come with several sidecars that were given. */
static void encoding_writes_doubles_once(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	struct envelope e[3];

	(void)state;
	many_envelopes(&b, 2);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	e[0] = s.envelopes[1];
	e[1] = s.envelopes[0];
	e[2] = s.envelopes[1];
	assert_ok(sidecar_encode(&again, e, 3, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
}

/* Openings are sorted, and one of two at the same place is written. */
static void encoding_sorts_openings(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	struct opening o[3];

	(void)state;
	many_envelopes(&b, 2);
	add_opening(&b, 1, "/a", 16, "1");
	add_opening(&b, 1, "/b", 16, "2");
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	o[0] = s.openings[1];
	o[1] = s.openings[0];
	o[2] = s.openings[1];
	s.openings = o;
	s.n_openings = 3;
	assert_ok(sidecar_encode_all(&again, &s, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	s.n_openings = LIMIT_SEALED + 1;
	assert_reason(sidecar_encode_all(&again, &s, &err), &err, LIMIT);
}

/* What would not be read is not written. */
static void encoding_keeps_the_limits(void **state)
{
	struct envelope *e = calloc(LIMIT_ENVELOPES + 1, sizeof(*e));
	cleanup_buf struct buf b = BUF_INIT(MAX);
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(e);
	for (size_t i = 0; i <= LIMIT_ENVELOPES; i++)
		e[i].keyid = KEYID;
	assert_reason(sidecar_encode(&b, e, LIMIT_ENVELOPES + 1, &err), &err, LIMIT);
	assert_int_equal(b.len, 0);
	assert_reason(sidecar_encode(&b, e, 0, &err), &err, INTERNAL);
	free(e);
}

static enum wm_code decode_and_encode(void *context, struct wm_error *err)
{
	const struct buf *bytes = context;
	cleanup_buf struct buf again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	uint8_t digest[SHA256_BYTES];

	TRY(sidecar_decode(&s, bytes->data, bytes->len, "m.wmk", err));
	TRY(opening_digest(digest, &s.openings[0], err));
	return sidecar_encode_all(&again, &s, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX);

	(void)state;
	many_envelopes(&b, 100);
	add_opening(&b, 1, "/a", 16, "1");
	with_every_allocation_failing(decode_and_encode, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_envelope_is_read),
		cmocka_unit_test(encoding_sorts),
		cmocka_unit_test(openings_are_read),
		cmocka_unit_test(envelopes_have_one_form),
		cmocka_unit_test(openings_have_one_form),
		cmocka_unit_test(order_matters),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(many_envelopes_are_bounded),
		cmocka_unit_test(many_openings_are_bounded),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(large_payloads_are_bounded),
		cmocka_unit_test(long_files_are_not_looked_at),
		cmocka_unit_test(encoding_writes_doubles_once),
		cmocka_unit_test(encoding_sorts_openings),
		cmocka_unit_test(encoding_keeps_the_limits),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
