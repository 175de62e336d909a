/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays what tests/interop computed with openssl and Python from docs/format.md:
 * testdata/golden/interop/ holds sidecars of ours and the facts about them.
 */
#include "harness.h"

#include <stdio.h>

#include "checkpoint/checkpoint.h"
#include "statement/sidecar.h"
#include "statement/statement.h"
#include "util/hex.h"

#define GOLDEN "testdata/golden/interop/"
#define MODEL  "testdata/good/digits-mlp/model.safetensors"

static void append_hex(struct buf *out, const char *before, const uint8_t digest[SHA256_BYTES],
		       const char *after)
{
	char hex[2 * SHA256_BYTES + 1];
	struct wm_error err = { 0 };

	hex_encode(hex, digest, SHA256_BYTES);
	assert_ok(buf_printf(out, &err, "%s%s%s", before, hex, after), &err);
}

static void append_facts(struct buf *out, const struct envelope *e, const struct public_key *key)
{
	cleanup_buf struct buf pae = BUF_INIT(1 << 20);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_ok(envelope_verify(e, key, &err), &err);
	assert_ok(envelope_pae(&pae, e->payload, e->payload_len, &err), &err);
	assert_ok(sha256_of(digest, pae.data, pae.len, &err), &err);
	append_hex(out, "wm:", e->statement, "\t");
	append_hex(out, "", digest, "\t");
	assert_ok(buf_printf(out, &err, "%s\n", public_key_id(key)), &err);
}

/* Statement ids, digests of the PAE and keyids are those that Python computed. */
static void envelopes_are_the_recorded_ones(void **state)
{
	static const char *const keys[] = { "p256", "ed25519" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cleanup_public_key struct public_key *key = NULL;
		cleanup_sidecar struct sidecar s = { 0 };
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
		cleanup_buf struct buf facts = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		char path[128];

		snprintf(path, sizeof(path), "testdata/keys/%s.pub", keys[i]);
		assert_ok(public_key_load(&key, path, &err), &err);
		snprintf(path, sizeof(path), GOLDEN "%s.wmk", keys[i]);
		read_file(&bytes, path);
		assert_ok(sidecar_decode(&s, bytes.data, bytes.len, path, &err), &err);
		assert_int_equal(s.n_envelopes, 3);
		for (size_t j = 0; j < s.n_envelopes; j++)
			append_facts(&facts, &s.envelopes[j], key);
		snprintf(path, sizeof(path), GOLDEN "%s.tsv", keys[i]);
		read_file(&want, path);
		assert_string_equal(buf_str(&facts), buf_str(&want));
		assert_ok(sidecar_encode(&again, s.envelopes, s.n_envelopes, &err), &err);
		assert_int_equal(again.len, bytes.len);
		assert_memory_equal(again.data, bytes.data, bytes.len);
	}
}

/* Old sidecars stay valid: the whole verification of each accepts. */
static void recorded_sidecars_are_accepted(void **state)
{
	static const char *const keys[] = { "p256", "ed25519" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(keys) / sizeof(keys[0]); i++) {
		bool other = i >= sizeof(keys) / sizeof(keys[0]);
		struct wm_verify_options options = WM_VERIFY_OPTIONS_INIT;
		struct wm_verdict *verdict = NULL;
		struct wm_keys *pinned = NULL;
		struct wm_error err = { 0 };
		char sidecar[128], key[128];

		snprintf(sidecar, sizeof(sidecar), GOLDEN "%s.wmk", keys[i % 2]);
		snprintf(key, sizeof(key), "testdata/keys/%s.pub", keys[(i + other) % 2]);
		assert_ok(wm_keys_new(&pinned, &err), &err);
		assert_ok(wm_keys_add_file(pinned, key, &err), &err);
		options.keys = pinned;
		options.sidecar = sidecar;
		options.full = true;
		assert_ok(wm_verify(&verdict, MODEL, &options, &err), &err);
		assert_int_equal(wm_verdict_decision(verdict), other ? WM_REFUSE : WM_ACCEPT);
		assert_int_equal(wm_verdict_exit_status(verdict), other ? 1 : 0);
		if (other)
			assert_string_equal(wm_verdict_reason(verdict), "key-untrusted");
		wm_verdict_free(verdict);
		wm_keys_free(pinned);
	}
}

/* File, weights and tensor set digests of real checkpoints are those that Python computed. */
static void digests_are_the_recorded_ones(void **state)
{
	static const char *const models[] = { "digits-mlp", "digits-transformer" };
	cleanup_buf struct buf facts = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
	struct checkpoint_measure_options options = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };
		char path[128];

		snprintf(path, sizeof(path), "testdata/good/%s/model.safetensors", models[i]);
		assert_ok(checkpoint_open(&c, path, &(struct checkpoint_open_options){ NULL }, &err), &err);
		assert_ok(checkpoint_find_parts(c, &err), &err);
		assert_ok(checkpoint_measure(c, &options, &err), &err);
		assert_ok(buf_append_str(&facts, path, &err), &err);
		append_hex(&facts, "\t", c->files[0].file_digest, "");
		append_hex(&facts, "\t", c->parts[0].weights_digest, "");
		append_hex(&facts, "\t", c->parts[0].tensor_set_digest, "\n");
	}
	read_file(&want, GOLDEN "digests.tsv");
	assert_string_equal(buf_str(&facts), buf_str(&want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes_are_the_recorded_ones),
		cmocka_unit_test(recorded_sidecars_are_accepted),
		cmocka_unit_test(digests_are_the_recorded_ones),
	};

	return run_tests(tests);
}
