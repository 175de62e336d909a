/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of commitments, as they are and with the sum that they should have: what is found and
 * proved leads to the root in the header; of what was read whole each row is found where it
 * stands. One byte less, or more, is no such file.
 */
#include <stdlib.h>
#include <string.h>

#include "data/commitments.h"
#include "memory_file.h"

enum { FEW = 64 }; /* rows that are looked at */

static void check_row(const struct commitments *c, uint64_t row, bool whole)
{
	uint8_t leaf[SHA256_BYTES], root[SHA256_BYTES];
	struct wm_error err = { 0 };
	struct inclusion p;
	bool found = false;
	uint64_t at = 0;

	if (commitments_prove(&p, leaf, c, row, &err) != WM_OK) {
		require(!whole && refused_well(&err));
		return;
	}
	require(inclusion_root(root, &p, leaf, c->header.n_rows));
	require(memcmp(root, c->header.root, SHA256_BYTES) == 0);
	if (commitments_find(&at, &found, c, leaf, &err) == WM_OK)
		require(!whole || (found && at == row));
	else
		require(!whole && refused_well(&err));
	leaf[SHA256_BYTES - 1] ^= 1;
	if (commitments_find(&at, &found, c, leaf, &err) == WM_OK && found)
		require(at != row && at < c->header.n_rows);
}

static void check_open(const struct commitments *c)
{
	cleanup_buf struct buf leaves = BUF_INIT(1 << 20);
	static const uint8_t tag[RECORD_TAG_BYTES];
	struct commitments_change change = { .removed = NULL };
	struct wm_error err = { 0 };
	const bool whole = commitments_check(&change, c, NULL, &err) == WM_OK;

	require(whole || refused_well(&err));
	require(!whole || change.n_removed == c->header.n_records);
	for (uint64_t row = 0; row < c->header.n_rows && row < FEW; row++)
		check_row(c, row, whole);
	require(commitments_tagged(&leaves, c, tag, &err) == WM_OK || refused_well(&err));
	require(leaves.len % SHA256_BYTES == 0);
}

/* Whether it can be opened. */
static bool check(const uint8_t *data, size_t size)
{
	cleanup_commitments struct commitments *c = NULL;
	cleanup_fd int fd = -1;
	struct wm_error err = { 0 };
	char path[MEMORY_PATH];

	memory_file(&fd, path, data, size);
	if (commitments_open(&c, path, &err) != WM_OK) {
		require(refused_well(&err));
		return false;
	}
	check_open(c);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free uint8_t *repaired = malloc(size + 1);
	struct wm_error err = { 0 };

	require(repaired != NULL);
	if (!check(data, size))
		return 0;
	memcpy(repaired, data, size);
	require(!check(repaired, size - 1));
	repaired[size] = 0;
	require(!check(repaired, size + 1));
	require(sha256_of(repaired + size - SHA256_BYTES, data, size - SHA256_BYTES, &err) ==
		WM_OK);
	require(check(repaired, size));
	return 0;
}
