/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/sidecar.c: proofs of inclusion, each of an envelope that is there. */
#include "wire.h"

#include <stdio.h>
#include <time.h>

#include "statement/sidecar.h"
#include "statement/statement.h"
#include "util/limits.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "f0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_C "a0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { MAX = 1 << 26 };

static const char *payloads[2] = { "a", "b" }; /* in the order of their ids */

static int sort_payloads(void **state)
{
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(statement_id(a, payloads[0], 1, &err), &err);
	assert_ok(statement_id(b, payloads[1], 1, &err), &err);
	if (memcmp(a, b, sizeof(a)) > 0) {
		const char *first = payloads[1];

		payloads[1] = payloads[0];
		payloads[0] = first;
	}
	return 0;
}

/* The magic and three envelopes: of the first payload by both keys, of the second by the first. */
static void add_envelopes(struct buf *out, const char *sig)
{
	static const struct {
		int payload;
		const char *keyid;
	} rows[] = { { 0, KEY_A }, { 0, KEY_B }, { 1, KEY_A } };

	wire_text(out, 1, "weightmark/1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf e = BUF_INIT(4096), s = BUF_INIT(4096);

		wire_text(&s, 1, sig);
		wire_text(&s, 2, rows[i].keyid);
		wire_text(&e, 1, payloads[rows[i].payload]);
		wire_text(&e, 2, envelope_payload_type);
		wire_buf(&e, 3, &s);
		wire_buf(out, 2, &e);
	}
}

/* What a proof says, as it is written. */
struct row {
	int payload; /* 2: one that no envelope has */
	const char *keyid;
	uint8_t log; /* the first byte of the log's key */
	size_t log_len, text_len;
};

static void add_proof(struct buf *out, const struct row *r)
{
	const char *payload = r->payload < 2 ? payloads[r->payload] : "c";
	cleanup_buf struct buf p = BUF_INIT(MAX), s = BUF_INIT(4096);
	cleanup_free char *text = calloc(1, r->text_len + 1);
	uint8_t id[SHA256_BYTES], log[64] = { r->log };
	struct wm_error err = { 0 };

	assert_non_null(text);
	memset(text, 't', r->text_len);
	assert_ok(statement_id(id, payload, 1, &err), &err);
	wire_bytes(&s, 1, id, sizeof(id));
	wire_buf(&p, 1, &s);
	wire_text(&p, 2, r->keyid);
	wire_bytes(&p, 3, log, r->log_len);
	wire_bytes(&p, 4, text, r->text_len);
	wire_buf(out, 4, &p);
}

static enum wm_code decode(const struct buf *b, struct wm_error *err)
{
	cleanup_sidecar struct sidecar s = { 0 };

	return sidecar_decode(&s, b->data, b->len, "m.wmk", err);
}

static const struct row good[] = {
	{ 0, KEY_A, 1, 32, 10 }, { 0, KEY_A, 2, 32, 0 }, { 0, KEY_B, 1, 32, 11 },
	{ 1, KEY_A, 0, 32, LIMIT_PROOF },
};
enum { N_GOOD = sizeof(good) / sizeof(good[0]) };

static void add_good(struct buf *out)
{
	add_envelopes(out, "signature");
	for (size_t i = 0; i < N_GOOD; i++)
		add_proof(out, &good[i]);
}

static void proofs_are_read(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	add_good(&b);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_int_equal(s.n_proofs, N_GOOD);
	for (size_t i = 0; i < N_GOOD; i++) {
		uint8_t id[SHA256_BYTES], log[KEY_ED25519_BYTES] = { good[i].log };

		assert_ok(statement_id(id, payloads[good[i].payload], 1, &err), &err);
		assert_memory_equal(s.proofs[i].statement, id, sizeof(id));
		assert_string_equal(s.proofs[i].keyid, good[i].keyid);
		assert_memory_equal(s.proofs[i].log_key, log, sizeof(log));
		assert_int_equal(s.proofs[i].text_len, good[i].text_len);
		assert_true(good[i].text_len == 0 || s.proofs[i].text[0] == 't');
	}
	assert_ok(sidecar_encode_all(&again, &s, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
}

/* Two proofs, of which the second is not as it should be, and their good twins. */
static void proofs_have_one_form(void **state)
{
	static const struct {
		struct row rows[2];
		enum reason reason;
	} cases[] = {
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 32, 1 } }, REASON_NONE },
		{ { { 0, KEY_A, 2, 32, 1 }, { 0, KEY_A, 1, 32, 1 } }, REASON_SIDECAR_ORDER },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 1, 32, 1 } }, REASON_SIDECAR_ORDER },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 1, 32, 2 } }, REASON_SIDECAR_ORDER },
		{ { { 0, KEY_A, 2, 32, 1 }, { 0, KEY_B, 1, 32, 1 } }, REASON_NONE },
		{ { { 0, KEY_B, 1, 32, 1 }, { 0, KEY_A, 2, 32, 1 } }, REASON_SIDECAR_ORDER },
		{ { { 0, KEY_B, 2, 32, 1 }, { 1, KEY_A, 1, 32, 1 } }, REASON_NONE },
		{ { { 1, KEY_A, 1, 32, 1 }, { 0, KEY_B, 2, 32, 1 } }, REASON_SIDECAR_ORDER },
		/* Of nothing that is there: no such pair, key, statement. */
		{ { { 0, KEY_B, 2, 32, 1 }, { 1, KEY_B, 1, 32, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_C, 1, 32, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 2, KEY_A, 1, 32, 1 }, { 2, KEY_B, 1, 32, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 31, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 33, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 0, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, "", 2, 32, 1 } }, REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A "0", 2, 32, 1 } },
		  REASON_SIDECAR_MALFORMED },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 32, LIMIT_PROOF } }, REASON_NONE },
		{ { { 0, KEY_A, 1, 32, 1 }, { 0, KEY_A, 2, 32, LIMIT_PROOF + 1 } }, REASON_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);
		struct wm_error err = { 0 };

		add_envelopes(&b, "signature");
		add_proof(&b, &cases[i].rows[0]);
		add_proof(&b, &cases[i].rows[1]);
		if (decode(&b, &err) == WM_OK && cases[i].reason == REASON_NONE)
			continue;
		if (error_reason(&err) != cases[i].reason)
			test_failed(__FILE__, __LINE__, "case %zu: %s", i, err.message);
		assert_non_null(strstr(err.message, "m.wmk"));
	}
}

/* Before openings and envelopes there are none, and a field must be there once. */
static void proofs_have_one_place(void **state)
{
	cleanup_buf struct buf early = BUF_INIT(MAX), empty = BUF_INIT(MAX);
	struct wm_error err = { 0 };

	(void)state;
	add_proof(&early, &good[0]);
	add_envelopes(&early, "signature");
	assert_reason(decode(&early, &err), &err, SIDECAR_MALFORMED);
	add_envelopes(&empty, "signature");
	assert_ok(decode(&empty, &err), &err);
	wire_text(&empty, 4, "");
	assert_reason(decode(&empty, &err), &err, SIDECAR_MALFORMED);
}

/* --- limits -------------------------------------------------------------------------------- */

static void many_proofs_are_bounded(void **state)
{
	(void)state;
	for (unsigned n = LIMIT_PROOFS - 1; n <= LIMIT_PROOFS + 1; n++) {
		cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
		cleanup_sidecar struct sidecar s = { 0 };
		struct wm_error err = { 0 };
		uint8_t id[SHA256_BYTES];
		clock_t start;

		add_envelopes(&b, "signature");
		assert_ok(statement_id(id, payloads[0], 1, &err), &err);
		for (unsigned i = 0; i < n; i++) {
			cleanup_buf struct buf p = BUF_INIT(4096), inner = BUF_INIT(64);
			uint8_t log[KEY_ED25519_BYTES] = { (uint8_t)(i >> 8), (uint8_t)i };

			wire_bytes(&inner, 1, id, sizeof(id));
			wire_buf(&p, 1, &inner);
			wire_text(&p, 2, KEY_A);
			wire_bytes(&p, 3, log, sizeof(log));
			wire_text(&p, 4, "");
			wire_buf(&b, 4, &p);
		}
		start = clock();
		if (n > LIMIT_PROOFS) {
			assert_reason(decode(&b, &err), &err, LIMIT);
			continue;
		}
		assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
		assert_int_equal(s.n_proofs, n);
		assert_ok(sidecar_encode_all(&again, &s, &err), &err);
		assert_int_equal(again.len, b.len);
		assert_true(clock() - start < CLOCKS_PER_SEC);
	}
}

/* Empty messages are the cheapest way to make a decoder allocate. */
static void expansion_is_bounded(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	clock_t start;

	(void)state;
	wire_text(&b, 1, "weightmark/1");
	while (b.len + 2 <= b.max)
		wire_bytes(&b, 4, "", 0);
	start = clock();
	assert_int_not_equal(decode(&b, &err), WM_OK);
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

/* --- writing ------------------------------------------------------------------------------- */

/* Any order gives the same bytes; a later proof in the list takes an earlier one's place. */
static void encoding_sorts_and_renews(void **state)
{
	static const size_t order[] = { 3, 1, 2, 0 };
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	struct proof list[N_GOOD + 2];
	struct envelope envelopes[3];
	struct wm_error err = { 0 };
	struct sidecar lists;

	(void)state;
	add_good(&b);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	list[0] = s.proofs[2];
	list[0].text = (const uint8_t *)"old";
	list[0].text_len = 3;
	for (size_t i = 0; i < N_GOOD; i++)
		list[1 + i] = s.proofs[order[i]];
	list[N_GOOD + 1] = s.proofs[1];
	for (size_t i = 0; i < 3; i++)
		envelopes[i] = s.envelopes[2 - i];
	lists = (struct sidecar){ .envelopes = envelopes, .n_envelopes = 3, .proofs = list,
				  .n_proofs = N_GOOD + 2 };
	assert_ok(sidecar_encode_all(&again, &lists, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	/* The lists stay as they were. */
	assert_ptr_equal(list[0].text_len, 3);
	assert_memory_equal(&envelopes[0], &s.envelopes[2], sizeof(envelopes[0]));
}

/* Of one statement and key the first signature is written. */
static void the_first_signature_stays(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), c = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 }, other = { 0 };
	struct envelope envelopes[6];
	struct wm_error err = { 0 };

	(void)state;
	add_envelopes(&b, "signature");
	add_envelopes(&c, "another");
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_ok(sidecar_decode(&other, c.data, c.len, "m.wmk", &err), &err);
	memcpy(envelopes, s.envelopes, sizeof(envelopes) / 2);
	memcpy(envelopes + 3, other.envelopes, sizeof(envelopes) / 2);
	assert_ok(sidecar_encode(&again, envelopes, 6, &err), &err);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
}

/* What would not be read is not written. */
static void encoding_keeps_the_rules(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup_free struct proof *many = calloc(LIMIT_PROOFS + 2, sizeof(*many));
	cleanup_free uint8_t *logs = calloc(LIMIT_PROOFS + 2, KEY_ED25519_BYTES);
	cleanup_sidecar struct sidecar s = { 0 };
	struct wm_error err = { 0 };
	struct sidecar lists;

	(void)state;
	assert_true(many && logs);
	add_good(&b);
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	lists = (struct sidecar){ .envelopes = s.envelopes, .n_envelopes = 2, .proofs = s.proofs,
				  .n_proofs = N_GOOD };
	assert_reason(sidecar_encode_all(&again, &lists, &err), &err, SIDECAR_MALFORMED);
	lists.n_proofs = N_GOOD - 1;
	assert_ok(sidecar_encode_all(&again, &lists, &err), &err);
	buf_truncate(&again, 0);
	s.proofs[0].text_len = LIMIT_PROOF + 1;
	assert_reason(sidecar_encode_all(&again, &lists, &err), &err, LIMIT);
	s.proofs[0].text_len = 1;
	for (size_t i = 0; i < LIMIT_PROOFS + 2; i++) {
		many[i] = s.proofs[0];
		many[i].log_key = logs + i * KEY_ED25519_BYTES;
		logs[i * KEY_ED25519_BYTES] = (uint8_t)(i >> 8);
		logs[i * KEY_ED25519_BYTES + 1] = (uint8_t)i;
	}
	lists.proofs = many;
	lists.n_proofs = LIMIT_PROOFS + 1;
	assert_reason(sidecar_encode_all(&again, &lists, &err), &err, LIMIT);
	assert_int_equal(again.len, 0);
	/* Equal ones count once. */
	many[LIMIT_PROOFS].log_key = logs;
	assert_ok(sidecar_encode_all(&again, &lists, &err), &err);
}

/* --- finding ------------------------------------------------------------------------------- */

static void proofs_are_found(void **state)
{
	static const size_t expected[] = { 2, 1, 1 };
	cleanup_buf struct buf b = BUF_INIT(MAX), c = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 }, other = { 0 };
	cleanup_proof_list struct proof_list list = { 0 };
	const struct sidecar none = { 0 };
	struct wm_error err = { 0 };
	size_t n = 9;

	(void)state;
	add_good(&b);
	add_envelopes(&c, "another");
	assert_ok(sidecar_decode(&s, b.data, b.len, "m.wmk", &err), &err);
	assert_ok(sidecar_decode(&other, c.data, c.len, "m.wmk", &err), &err);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(sidecar_find(&s, &other.envelopes[i]), &s.envelopes[i]);
		assert_non_null(sidecar_proofs(&n, &s, &s.envelopes[i]));
		assert_int_equal(n, expected[i]);
		/* A proof is of one signature. */
		assert_null(sidecar_proofs(&n, &s, &other.envelopes[i]));
		assert_int_equal(n, 0);
		assert_null(sidecar_proofs(&n, &other, &other.envelopes[i]));
		assert_null(sidecar_find(&none, &s.envelopes[i]));
		assert_ok(proof_list_add(&list, &s, &s.envelopes[i], &err), &err);
		assert_ok(proof_list_add(&list, &s, &other.envelopes[i], &err), &err);
		assert_ok(proof_list_add(&list, &none, &s.envelopes[i], &err), &err);
	}
	assert_int_equal(list.n, N_GOOD);
	assert_memory_equal(list.list, s.proofs, sizeof(*list.list) * N_GOOD);
}

static enum wm_code decode_and_encode(void *context, struct wm_error *err)
{
	const struct buf *bytes = context;
	cleanup_buf struct buf again = BUF_INIT(MAX);
	cleanup_sidecar struct sidecar s = { 0 };
	cleanup_proof_list struct proof_list proofs = { 0 };
	struct sidecar lists;

	TRY(sidecar_decode(&s, bytes->data, bytes->len, "m.wmk", err));
	for (size_t i = 0; i < s.n_envelopes; i++)
		TRY(proof_list_add(&proofs, &s, &s.envelopes[i], err));
	lists = s;
	lists.proofs = proofs.list;
	lists.n_proofs = proofs.n;
	return sidecar_encode_all(&again, &lists, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(MAX);

	(void)state;
	add_good(&b);
	with_every_allocation_failing(decode_and_encode, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(proofs_are_read, sort_payloads),
		cmocka_unit_test_setup(proofs_have_one_form, sort_payloads),
		cmocka_unit_test_setup(proofs_have_one_place, sort_payloads),
		cmocka_unit_test_setup(many_proofs_are_bounded, sort_payloads),
		cmocka_unit_test_setup(expansion_is_bounded, sort_payloads),
		cmocka_unit_test_setup(encoding_sorts_and_renews, sort_payloads),
		cmocka_unit_test_setup(the_first_signature_stays, sort_payloads),
		cmocka_unit_test_setup(encoding_keeps_the_rules, sort_payloads),
		cmocka_unit_test_setup(proofs_are_found, sort_payloads),
		cmocka_unit_test_setup(survives_failing_allocations, sort_payloads),
	};

	return run_tests(tests);
}
