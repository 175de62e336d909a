/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sidecars: one that is decoded is encoded to the same bytes; every proof is found with one of
 * its envelopes; whatever its payloads are, reading them ends well. Nothing that is read verifies
 * under a key that nobody used.
 */
#include <stdlib.h>
#include <string.h>

#include "statement/sidecar.h"
#include "statement/statement.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

static void check_envelope(const struct envelope *e, const struct public_key *nobody)
{
	cleanup_statement struct statement *s = NULL;
	cleanup_buf struct buf again = BUF_INIT(LIMIT_STATEMENT);
	struct wm_error err = { 0 };

	REQUIRE(envelope_verify(e, nobody, &err) == WM_SIGNATURE);
	if (statement_decode(&s, e->payload, e->payload_len, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		return;
	}
	REQUIRE(memcmp(s->id, e->statement, SHA256_BYTES) == 0);
	REQUIRE(statement_encode(&again, s->kind, s->message, &err) == WM_OK);
	if (!s->newer_schema)
		REQUIRE(again.len == e->payload_len &&
			memcmp(again.data, e->payload, again.len) == 0);
}

static size_t count_proofs(const struct sidecar *s, const struct envelope *e)
{
	size_t n;
	const struct proof *p = sidecar_proofs(&n, s, e);

	REQUIRE(!p == (n == 0));
	for (size_t i = 0; i < n; i++)
		REQUIRE(memcmp(p[i].statement, e->statement, SHA256_BYTES) == 0 &&
			strcmp(p[i].keyid, e->keyid) == 0 && p[i].text_len <= LIMIT_PROOF);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct private_key *nobody;
	cleanup_sidecar struct sidecar s = { 0 };
	cleanup_buf struct buf again = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };
	uint8_t digest[SHA256_BYTES];
	size_t n_proofs = 0;

	if (!nobody)
		REQUIRE(private_key_new(&nobody, KEY_ED25519, &err) == WM_OK);
	if (sidecar_decode(&s, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		REQUIRE(!s.arena.chunks && !s.envelopes);
		return 0;
	}
	REQUIRE(s.n_envelopes > 0);
	for (size_t i = 0; i < s.n_envelopes; i++) {
		check_envelope(&s.envelopes[i], private_key_public(nobody));
		REQUIRE(sidecar_find(&s, &s.envelopes[i]) == &s.envelopes[i]);
		n_proofs += count_proofs(&s, &s.envelopes[i]);
	}
	REQUIRE(n_proofs == s.n_proofs);
	for (size_t i = 0; i < s.n_openings; i++)
		REQUIRE(opening_digest(digest, &s.openings[i], &err) == WM_OK);
	REQUIRE(sidecar_encode_all(&again, &s, &err) == WM_OK);
	REQUIRE(again.len == size && memcmp(again.data, data, size) == 0);
	return 0;
}
