/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs of inclusion: one that is read is written as the same bytes; the root that it leads to
 * changes with each of its hashes. Nothing that is read verifies under a key that nobody used.
 */
#include <stdlib.h>
#include <string.h>

#include "log/proof.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

static void check_hashes(struct inclusion *p, uint64_t size)
{
	static const uint8_t leaf[SHA256_BYTES] = { 1 };
	uint8_t root[SHA256_BYTES], other[SHA256_BYTES];

	if (!inclusion_root(root, p, leaf, size))
		return;
	REQUIRE(p->index < size);
	for (size_t i = 0; i < p->n; i++) {
		p->hashes[i][0] ^= 1;
		REQUIRE(inclusion_root(other, p, leaf, size));
		REQUIRE(memcmp(root, other, SHA256_BYTES) != 0);
		p->hashes[i][0] ^= 1;
	}
	p->index = size;
	REQUIRE(!inclusion_root(other, p, leaf, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct private_key *secret;
	cleanup_log_key struct log_key *nobody = NULL;
	cleanup_log_proof struct log_proof p = { 0 };
	cleanup_buf struct buf again = BUF_INIT(LIMIT_PROOF);
	uint8_t raw[LOG_KEY_BYTES], leaf[SHA256_BYTES] = { 0 };
	struct wm_error err = { 0 };

	if (log_proof_parse(&p, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		REQUIRE(!p.note.text);
		return 0;
	}
	REQUIRE(log_proof_encode(&again, &p.inclusion, p.note.text, p.note.len, &err) == WM_OK);
	REQUIRE(again.len == size && memcmp(again.data, data, size) == 0);
	if (!secret)
		REQUIRE(private_key_new(&secret, KEY_ED25519, &err) == WM_OK);
	REQUIRE(public_key_ed25519(raw, private_key_public(secret)));
	REQUIRE(log_key_new(&nobody, p.note.head.origin, raw, &err) == WM_OK);
	REQUIRE(log_proof_verify(&p, nobody, leaf, &err) == WM_SIGNATURE);
	check_hashes(&p.inclusion, p.note.head.size);
	return 0;
}
