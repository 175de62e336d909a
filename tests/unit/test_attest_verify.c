/* SPDX-License-Identifier: Apache-2.0 */
/* lib/attest/checks.c, what is carried: for each check a sidecar that only it refuses. */
#include "publisher.h"

#include <limits.h>
#include <stdio.h>

#include "util/hex.h"
#include "util/limits.h"

static struct publisher p;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

/* The three statements with one text of one payload replaced. */
static void make(int which, const char *from, const char *to)
{
	publisher_make(&p, (struct edit[]){ { which, from, to }, { 0, NULL, NULL } });
	publisher_write(&p);
}

static void make_honest(void)
{
	publisher_make(&p, NULL);
	publisher_write(&p);
}

static const char *own_keyid(void)
{
	return public_key_id(signer_public(p.signer));
}

static const char *strange_keyid(void)
{
	return public_key_id(signer_public(p.stranger));
}

/* --- carriers ------------------------------------------------------------------------ */

static void carrier_found(void **state)
{
	(void)state;
	assert_refused(&p, "carrier-found", SIDECAR_MISSING);
	make_honest();
	assert_accepted(&p);
	assert_accepted_full(&p);
}

/* Only what is not there is missing; of what cannot be read nothing can be told. */
static void sidecar_unreadable(void **state)
{
	char name[NAME_MAX + 8];
	const struct verify_options options = { .keys = p.pinned, .sidecar = name, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	(void)state;
	make_honest();
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_reason(verdict_reach(&v, p.path, &options, &err), &err, READ_FAILED);
	assert_int_equal(exit_status(err.code), 3);
	assert_null(v);
}

/* How every sidecar begins. */
static const char magic[] = "\x0a\x0cweightmark/1";

static void write_raw(const struct buf *bytes, size_t len)
{
	write_bytes(p.sidecar, bytes->data, len);
}

static void sidecar_canonical(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };

	(void)state;
	publisher_make(&p, NULL);
	publisher_encode(&bytes, &p);
	write_raw(&bytes, bytes.len);
	assert_accepted(&p);
	write_raw(&bytes, bytes.len - 1);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	write_raw(&bytes, 0);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	assert_ok(buf_append_byte(&bytes, 0, &err), &err);
	write_raw(&bytes, bytes.len);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
	bytes.len--;
	assert_memory_equal(bytes.data, magic, sizeof(magic) - 1);
	bytes.data[13] = '2';
	write_raw(&bytes, bytes.len);
	assert_refused(&p, "carriers-canonical", SIDECAR_MALFORMED);
}

/* Attack 6: a sidecar without statements is unsigned, not accepted for want of a no. */
static void sidecar_without_statements(void **state)
{
	(void)state;
	write_bytes(p.sidecar, magic, sizeof(magic) - 1);
	assert_refused(&p, "carriers-canonical", UNSIGNED);
	make_honest();
	assert_accepted(&p);
}

static void sidecar_doubled(void **state)
{
	cleanup_buf struct buf one = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };

	(void)state;
	publisher_make(&p, NULL);
	p.n_envelopes = 1;
	publisher_encode(&one, &p);
	assert_ok(buf_reserve(&one, one.len, &err), &err);
	assert_ok(buf_append(&one, one.data + sizeof(magic) - 1, one.len - sizeof(magic) + 1, &err),
		  &err);
	write_raw(&one, one.len);
	assert_refused(&p, "carriers-canonical", SIDECAR_ORDER);
	make_honest();
	assert_accepted(&p);
}

/* --- signatures ---------------------------------------------------------------------- */

static void keyids_computed(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	p.envelopes[DATASET].keyid = strange_keyid();
	publisher_write(&p);
	assert_refused(&p, "keyids-computed", KEYID_MISMATCH);
	/* Attack 8: a second envelope with the same signature under another id. */
	publisher_make(&p, NULL);
	p.envelopes[p.n_envelopes] = p.envelopes[MANIFEST];
	p.envelopes[p.n_envelopes++].keyid = strange_keyid();
	publisher_write(&p);
	assert_refused(&p, "keyids-computed", KEYID_MISMATCH);
	/* The stranger's own signature is what belongs under that id. */
	p.n_envelopes--;
	publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	publisher_write(&p);
	assert_accepted(&p);
}

/* Puts bytes in the place of the manifest's signature; empty where `len` is 0. */
static void with_signature(const uint8_t *sig, size_t len)
{
	p.envelopes[MANIFEST].sig = sig;
	p.envelopes[MANIFEST].sig_len = len;
	publisher_write(&p);
}

/* Adds the group order L (RFC 8032) to S: attack 3. */
static void add_order(uint8_t sig[64])
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10,
	};
	unsigned carry = 0;

	for (int i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void signatures_valid(void **state)
{
	uint8_t honest[64], sig[65] = { 0 };

	(void)state;
	publisher_make(&p, NULL);
	assert_int_equal(p.envelopes[MANIFEST].sig_len, 64);
	memcpy(honest, p.envelopes[MANIFEST].sig, 64);
	memcpy(sig, honest, 64);
	add_order(sig);
	with_signature(sig, 64);
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
	memcpy(sig, honest, 64);
	with_signature(sig, 63); /* attack 5 */
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
	with_signature(sig, 65);
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
	with_signature(sig, 0);
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
	with_signature(p.envelopes[RUN].sig, 64); /* attack 11 */
	assert_refused(&p, "signatures-valid", SIGNATURE_INVALID);
	with_signature(sig, 64);
	assert_accepted(&p);
}

/* A dataset that only a signature check protects: without it, the rest still verifies. */
static void dataset_signature_valid(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	p.envelopes[DATASET].sig = p.envelopes[RUN].sig;
	publisher_write(&p);
	assert_refused(&p, "signatures-valid", SIGNATURE_INVALID);
	publisher_make(&p, NULL);
	publisher_write(&p);
	assert_accepted(&p);
}

/* Attack 4, with P-256: libcrypto answers -1, not 0, to truncated DER. */
static void der_signature_whole(void **state)
{
	struct envelope *e;

	(void)state;
	publisher_pin_stranger(&p);
	p.issuer = "acme";
	publisher_make(&p, NULL);
	publisher_resign(&p, MANIFEST, p.stranger, buf_str(&p.payloads[MANIFEST]));
	publisher_write(&p);
	assert_accepted(&p);
	e = &p.envelopes[MANIFEST];
	e->sig_len--;
	publisher_write(&p);
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
	e->sig_len = 1;
	publisher_write(&p);
	assert_refused(&p, "signatures-valid", SIGNATURE_MALFORMED);
}

/* Attack 10: who signs himself is not pinned by it. */
static void signer_pinned(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)state;
	p.issuer = "acme";
	publisher_make(&p, NULL);
	for (size_t i = 0; i < N_MADE; i++)
		publisher_resign(&p, i, p.stranger, buf_str(&p.payloads[i]));
	publisher_write(&p);
	assert_refused(&p, "signer-pinned", KEY_UNTRUSTED);
	v = publisher_verify(&p, false);
	assert_false(has_note(v, "key-not-pinned")); /* the refusal says it */
	publisher_pin_stranger(&p);
	assert_accepted(&p);
}

/* Attack 17: several signatures over one payload. */
static void one_signature_of_two_holds(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;
	struct envelope *second;

	(void)state;
	publisher_pin_stranger(&p);
	p.issuer = "acme";
	publisher_make(&p, NULL);
	second = publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	publisher_write(&p);
	assert_accepted(&p);
	second->sig = publisher_sign(&p, p.stranger, "else", 4)->sig;
	second->sig_len = p.envelopes[--p.n_envelopes].sig_len;
	publisher_write(&p);
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_true(has_note(v, "signature-invalid"));
	p.envelopes[MANIFEST] = p.envelopes[--p.n_envelopes];
	publisher_write(&p);
	assert_refused(&p, "signatures-valid", SIGNATURE_INVALID);
}

/* --- statements ---------------------------------------------------------------------- */

static void statements_strict(void **state)
{
	static const struct {
		int which;
		const char *from, *to;
		enum reason reason;
	} cases[] = {
		/* Attack 12: a dataset's predicate presented as a manifest, and the reverse. */
		{ DATASET, "urn:weightmark:dataset:v1", "urn:weightmark:manifest:v1",
		  REASON_STATEMENT_MALFORMED },
		{ MANIFEST, "urn:weightmark:manifest:v1", "urn:weightmark:dataset:v1",
		  REASON_STATEMENT_MALFORMED },
		/* Attack 13. */
		{ MANIFEST, "urn:weightmark:manifest:v1", "urn:weightmark:Manifest:v1",
		  REASON_KIND_UNKNOWN },
		{ MANIFEST, "urn:weightmark:manifest:v1", "urn:weightmark:manifest:v1 ",
		  REASON_KIND_UNKNOWN },
		{ DATASET, "urn:weightmark:dataset:v1", "urn:weightmark:trust:v1",
		  REASON_KIND_RESERVED },
		{ MANIFEST, "in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1",
		  REASON_STATEMENT_MALFORMED },
		{ MANIFEST, "\"sequence\":1", "\"sequence\": 1", REASON_STATEMENT_NOT_CANONICAL },
		{ MANIFEST, "\"sequence\":1", "\"sequence\":1,\"sequence\":1", REASON_JSON_MALFORMED },
		{ MANIFEST, "\"sequence\":1", "\"sequence\":1,\"zeal\":1", REASON_STATEMENT_MALFORMED },
		{ MANIFEST, "\"sequence\":1", "\"sequence\":0", REASON_STATEMENT_INVALID },
		{ MANIFEST, "\"sequence\":1", "\"sequence\":2", REASON_STATEMENT_INVALID },
		{ MANIFEST, "\"path\":\"model.safetensors\"", "\"path\":\"../model.safetensors\"",
		  REASON_STATEMENT_INVALID },
		{ MANIFEST, "\"role\":\"load\"", "\"role\":\"Load\"", REASON_STATEMENT_MALFORMED },
		{ MANIFEST, "\"name\":\"part:model.safetensors\"", "\"name\":\"part:other\"",
		  REASON_SUBJECT_MISMATCH },
		{ RUN, "\"wmObjectV1\":\"", "\"wmObjectV1\":\"00", REASON_SUBJECT_MISMATCH },
		{ DATASET, "\"record_count\":1797", "\"record_count\":-1", REASON_STATEMENT_MALFORMED },
		{ DATASET, "\"has_personal_info\":\"no\"", "\"has_personal_info\":{\"sealed\":\"no\"}",
		  REASON_STATEMENT_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(cases[i].which, cases[i].from, cases[i].to);
		assert_decided_(&p, false, WM_REFUSE, "statements-strict",
				reason_info(cases[i].reason)->id, cases[i].to, (int)i);
	}
	make(DATASET, "\"record_count\":1797", "\"record_count\":1798");
	assert_accepted(&p);
}

/* Attack 16: the signature holds, and there is nothing to read. */
static void payload_unreadable(void **state)
{
	static const char *const texts[] = { "", "{", "null", "[]", "\xff", "{}" };
	static const enum reason reasons[] = {
		REASON_JSON_MALFORMED, REASON_JSON_MALFORMED, REASON_STATEMENT_MALFORMED,
		REASON_STATEMENT_MALFORMED, REASON_JSON_MALFORMED, REASON_STATEMENT_MALFORMED,
	};

	(void)state;
	publisher_make(&p, NULL);
	p.n_envelopes++;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		publisher_resign(&p, N_MADE, p.signer, texts[i]);
		publisher_write(&p);
		assert_decided_(&p, false, WM_REFUSE, "statements-strict",
				reason_info(reasons[i])->id, __FILE__, (int)i);
	}
	p.n_envelopes--;
	publisher_write(&p);
	assert_accepted(&p);
}

static void manifest_present(void **state)
{
	(void)state;
	publisher_make(&p, NULL);
	p.n_envelopes = MANIFEST;
	publisher_write(&p);
	assert_refused(&p, "manifest-present", MANIFEST_MISSING);
	/* By a key that nobody pinned it is none either. */
	publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	publisher_write(&p);
	assert_refused(&p, "manifest-present", MANIFEST_MISSING);
	publisher_pin_stranger(&p);
	publisher_sign(&p, p.signer, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	p.envelopes[MANIFEST] = p.envelopes[--p.n_envelopes];
	publisher_write(&p);
	assert_accepted(&p);
}

static void manifest_single(void **state)
{
	cleanup_buf struct buf other = BUF_INIT(65536);
	char id[STATEMENT_ID_TEXT + 1], correction[256];
	struct wm_error err = { 0 };

	(void)state;
	publisher_make(&p, NULL);
	assert_ok(buf_append(&other, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len, &err), &err);
	replace_all(&other, "\"version\":\"1.0.0\"", "\"version\":\"1.0.1\"");
	publisher_sign(&p, p.signer, other.data, other.len);
	publisher_write(&p);
	assert_refused(&p, "statements-chained", MANIFEST_CONFLICT);
	/* A correction is the newest. */
	statement_id_text(id, p.envelopes[MANIFEST].statement);
	snprintf(correction, sizeof(correction),
		 "\"previous\":\"%s\",\"reason\":\"typo\",\"schema_minor\":0,\"sequence\":2", id);
	replace_all(&other, "\"schema_minor\":0,\"sequence\":1", correction);
	publisher_resign(&p, N_MADE, p.signer, buf_str(&other));
	publisher_write(&p);
	assert_accepted(&p);
	/* Of another object it is no correction, and conflicts. */
	replace_all(&other, "/digits-mlp@1.0.0\"", "/digits-mlp@1.0.1\"");
	publisher_resign(&p, N_MADE, p.signer, buf_str(&other));
	publisher_write(&p);
	assert_refused(&p, "manifest-single", CARRIERS_DISAGREE);
	replace_all(&other, "/digits-mlp@1.0.1\"", "/digits-mlp@1.0.0\"");
	/* And it is what counts: it names other bytes. */
	replace_all(&other, "\"size\":10008", "\"size\":10009");
	publisher_resign(&p, N_MADE, p.signer, buf_str(&other));
	publisher_write(&p);
	assert_refused(&p, "file-digests-equal", FILE_MISMATCH);
}

static void issuers_bound(void **state)
{
	char other[5 + KEYID_HEX], own[5 + KEYID_HEX];

	(void)state;
	snprintf(other, sizeof(other), "key:%s", strange_keyid());
	snprintf(own, sizeof(own), "key:%s", own_keyid());
	p.issuer = other;
	make_honest();
	assert_refused(&p, "issuers-bound", ISSUER_MISMATCH);
	p.issuer = own;
	make_honest();
	assert_accepted(&p);
	p.issuer = "acme";
	make_honest();
	assert_accepted(&p);
}

/* A dataset that nothing refers to. */
static void make_stray(struct buf *stray)
{
	struct wm_error err = { 0 };

	publisher_make(&p, NULL);
	assert_ok(buf_append(stray, p.payloads[DATASET].data, p.payloads[DATASET].len, &err), &err);
	replace_all(stray, "\"title\":\"Optical", "\"title\":\"Acoustic");
	replace_all(stray, "\"schema_minor\":0,\"sequence\":1",
		    "\"previous\":\"wm:"
		    "0000000000000000000000000000000000000000000000000000000000000000\","
		    "\"schema_minor\":0,\"sequence\":3");
}

static void statements_connected(void **state)
{
	cleanup_buf struct buf stray = BUF_INIT(65536);

	(void)state;
	make_stray(&stray);
	publisher_sign(&p, p.signer, stray.data, stray.len);
	publisher_write(&p);
	assert_refused(&p, "statements-connected", STATEMENT_UNCONNECTED);
	/* What only other keys signed is not read: another issuer's chain may be there. */
	publisher_resign(&p, N_MADE, p.stranger, buf_str(&stray));
	publisher_write(&p);
	assert_accepted(&p);
	publisher_resign(&p, N_MADE, p.stranger, "no statement at all");
	publisher_write(&p);
	assert_accepted(&p);
	p.n_envelopes--;
	publisher_write(&p);
	assert_accepted(&p);
}

/* Leaves out the `i`th statement. */
static void write_without(size_t i)
{
	publisher_make(&p, NULL);
	p.envelopes[i] = p.envelopes[--p.n_envelopes];
	publisher_write(&p);
}

/* Whoever takes a statement out takes away what a buyer should know. */
static void references_carried(void **state)
{
	(void)state;
	write_without(DATASET);
	assert_refused(&p, "references-carried", REFERENCE_MISSING);
	publisher_make(&p, NULL);
	p.envelopes[0] = p.envelopes[MANIFEST];
	p.n_envelopes = 1;
	publisher_write(&p);
	assert_refused(&p, "references-carried", REFERENCE_MISSING);
	write_without(RUN);
	assert_refused(&p, "statements-connected", STATEMENT_UNCONNECTED);
	make_honest();
	assert_accepted(&p);
}

/* A countersignature, and a steward's statement that a run names, by keys nobody pinned. */
static void others_may_sign_too(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;
	int n_too = 0, n_alone = 0;

	(void)state;
	publisher_make(&p, NULL);
	publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len);
	publisher_resign(&p, DATASET, p.stranger, buf_str(&p.payloads[DATASET]));
	publisher_write(&p);
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_true(has_note(v, "key-not-pinned"));
	for (size_t i = 0; i < v->facts.n_carried; i++)
		assert_true(!v->facts.carried[i].statement == !v->facts.carried[i].key);
	for (size_t i = 0; i < v->n_notes; i++) {
		n_too += strstr(v->notes[i].text, " too, not checked") != NULL;
		n_alone += strstr(v->notes[i].text, ", which is not pinned: not checked") != NULL;
	}
	assert_int_equal(n_too, 1);
	assert_int_equal(n_alone, 1);
}

static void references_agree(void **state)
{
	(void)state;
	make(RUN, "/digits\",\"statement\":", "/faces\",\"statement\":");
	assert_refused(&p, "references-agree", REFERENCE_MISMATCH);
	/* An envelope of nobody's around the same payload does not hide that. */
	publisher_sign(&p, p.stranger, p.envelopes[DATASET].payload, p.envelopes[DATASET].payload_len)
		->keyid = "0000000000000000000000000000000000000000000000000000000000000000";
	publisher_write(&p);
	assert_refused(&p, "references-agree", REFERENCE_MISMATCH);
	/* A digest that is not the target's. */
	make(RUN, "\"statement\":\"wm:",
	     "\"sha256\":\"dd9a34dad3c40449c0495c192c6f9433971f3b217579333f49cab44f456a62b4\","
	     "\"statement\":\"wm:");
	assert_refused(&p, "references-agree", REFERENCE_MISMATCH);
	make(RUN, "\"role\":\"pretrain\"", "\"role\":\"finetune\"");
	assert_accepted(&p);
}

/* A reference to a statement of another kind than belongs there. */
static void references_are_of_their_kind(void **state)
{
	cleanup_buf struct buf run = BUF_INIT(65536);
	char dataset[STATEMENT_ID_TEXT + 1], own[STATEMENT_ID_TEXT + 1];
	struct wm_error err = { 0 };

	(void)state;
	publisher_make(&p, NULL);
	statement_id_text(dataset, p.envelopes[DATASET].statement);
	statement_id_text(own, p.envelopes[RUN].statement);
	assert_ok(buf_append(&run, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len, &err), &err);
	replace_all(&run, own, dataset);
	replace_all(&run, "/run-1\"", "/digits\"");
	publisher_resign(&p, MANIFEST, p.signer, buf_str(&run));
	p.envelopes[RUN] = p.envelopes[--p.n_envelopes];
	publisher_write(&p);
	assert_refused(&p, "references-agree", REFERENCE_MISMATCH);
	make_honest();
	assert_accepted(&p);
}

/* What strangers add can neither crowd out what matters nor make us work without bound. */
static void strangers_are_bounded(void **state)
{
	cleanup_verdict struct wm_verdict *v = NULL;
	char keyids[ENVELOPES_MAX][KEYID_HEX + 1];

	(void)state;
	publisher_make(&p, NULL);
	while (p.n_envelopes < ENVELOPES_MAX) {
		char *keyid = keyids[p.n_envelopes];

		snprintf(keyid, KEYID_HEX + 1, "%064zx", p.n_envelopes);
		publisher_sign(&p, p.stranger, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len)
			->keyid = keyid;
	}
	publisher_write(&p);
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_string_equal(v->notes[v->n_notes - 1].code, "key-not-pinned");
	assert_true(has_note(v, "sha256-not-recomputed"));
}

/* Signs a dataset whose record count is sealed, and the opening of `value` at `pointer`. */
static void seal(const uint8_t salt[OPENING_SALT], const char *pointer, const char *value)
{
	static const uint8_t true_salt[OPENING_SALT] = "sixteen bytes...";
	const struct opening o = { .salt = true_salt, .value = (const uint8_t *)"1797", .value_len = 4 };
	char hex[2 * SHA256_BYTES + 1], sealed[128];
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(opening_digest(digest, &o, &err), &err);
	hex_encode(hex, digest, SHA256_BYTES);
	snprintf(sealed, sizeof(sealed), "\"record_count\":{\"sealed\":\"%s\"}", hex);
	publisher_make(&p, (struct edit[]){ { DATASET, "\"record_count\":1797", sealed },
					    { 0, NULL, NULL } });
	p.openings.len = 0;
	if (value)
		publisher_add_opening(&p, p.envelopes[DATASET].statement, pointer, salt, value);
	publisher_write(&p);
}

static void openings_match(void **state)
{
	static const uint8_t salt[OPENING_SALT] = "sixteen bytes...";
	static const uint8_t wrong[OPENING_SALT] = "sixteen bytes,,,";
	cleanup_verdict struct wm_verdict *v = NULL;

	(void)state;
	seal(salt, "/record_count", NULL);
	assert_accepted(&p);
	v = publisher_verify(&p, false);
	assert_true(has_note(v, "withheld"));
	seal(salt, "/record_count", "1797");
	assert_accepted(&p);
	seal(wrong, "/record_count", "1797");
	assert_refused(&p, "openings-match", OPENING_MISMATCH);
	seal(salt, "/record_count", "1798");
	assert_refused(&p, "openings-match", OPENING_MISMATCH);
	seal(salt, "/title", "1797");
	assert_refused(&p, "openings-match", OPENING_MISMATCH);
	/* An opening of a statement that is not carried. */
	p.openings.len = 0;
	publisher_add_opening(&p, (uint8_t[SHA256_BYTES]){ 1 },
			      "/record_count", salt, "1797");
	publisher_write(&p);
	assert_refused(&p, "openings-match", OPENING_MISMATCH);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(carrier_found),
		CASE(sidecar_unreadable),
		CASE(sidecar_canonical),
		CASE(sidecar_without_statements),
		CASE(sidecar_doubled),
		CASE(keyids_computed),
		CASE(signatures_valid),
		CASE(dataset_signature_valid),
		CASE(der_signature_whole),
		CASE(signer_pinned),
		CASE(one_signature_of_two_holds),
		CASE(statements_strict),
		CASE(payload_unreadable),
		CASE(manifest_present),
		CASE(manifest_single),
		CASE(issuers_bound),
		CASE(statements_connected),
		CASE(references_carried),
		CASE(others_may_sign_too),
		CASE(references_agree),
		CASE(references_are_of_their_kind),
		CASE(strangers_are_bounded),
		CASE(openings_match),
	};

	return run_tests(tests);
}
