/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs about records: one that is read is written as the same bytes; none holds against a root
 * that nobody computed, and one that holds does not with another hash in its path.
 */
#include <stdlib.h>
#include <string.h>

#include "data/membership.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)               \
	do {                             \
		if (!(condition))        \
			abort();         \
	} while (0)

static void check_path(struct membership *m)
{
	struct inclusion *p = &m->at[0].path;

	if (m->absent || membership_verify(m, m->root, m->size, NULL, NULL) != WM_OK)
		return;
	for (size_t i = 0; i < p->n; i++) {
		p->hashes[i][31] ^= 1;
		REQUIRE(membership_verify(m, m->root, m->size, NULL, NULL) == WM_MISMATCH);
		p->hashes[i][31] ^= 1;
	}
	p->index ^= 1;
	REQUIRE(membership_verify(m, m->root, m->size, NULL, NULL) == WM_MISMATCH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_RECORD_PROOF);
	struct wm_error err = { 0 };
	struct membership m;
	uint8_t root[SHA256_BYTES];

	if (membership_parse(&m, data, size, "fuzz", &err) != WM_OK) {
		REQUIRE(err.reason && err.code != WM_INTERNAL);
		return 0;
	}
	REQUIRE(membership_encode(&again, &m, &err) == WM_OK);
	REQUIRE(again.len == size && memcmp(again.data, data, size) == 0);
	memcpy(root, m.root, sizeof(root));
	root[0] ^= 1;
	REQUIRE(membership_verify(&m, root, m.size, NULL, &err) == WM_MISMATCH);
	check_path(&m);
	return 0;
}
