/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that tests make; see logs.h. */
#include "logs.h"

#include <stdlib.h>

#include "digest/tree.h"

/* The largest power of two below n. */
static uint64_t largest_power(uint64_t n)
{
	uint64_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

void naive_tree(uint8_t out[SHA256_BYTES], leaf_list leaves, uint64_t n)
{
	uint8_t both[1 + 2 * SHA256_BYTES] = { 1 };
	struct wm_error err = { 0 };
	uint64_t k;

	if (n == 0) {
		assert_ok(sha256_of(out, "", 0, &err), &err);
		return;
	}
	if (n == 1) {
		memcpy(out, leaves[0], SHA256_BYTES);
		return;
	}
	k = largest_power(n);
	naive_tree(both + 1, leaves, k);
	naive_tree(both + 1 + SHA256_BYTES, leaves + k, n - k);
	assert_ok(sha256_of(out, both, sizeof(both), &err), &err);
}

void naive_inclusion(struct inclusion *out, leaf_list leaves, uint64_t m, uint64_t n)
{
	uint64_t k = largest_power(n);

	if (n == 1) {
		out->n = 0;
	} else if (m < k) {
		naive_inclusion(out, leaves, m, k);
		naive_tree(out->hashes[out->n++], leaves + k, n - k);
	} else {
		naive_inclusion(out, leaves + k, m - k, n - k);
		naive_tree(out->hashes[out->n++], leaves, k);
	}
	out->index = m;
}

static void subproof(struct consistency *out, leaf_list leaves, uint64_t m, uint64_t n, bool whole)
{
	uint64_t k = largest_power(n);

	if (m == n) {
		out->n = 0;
		if (!whole)
			naive_tree(out->hashes[out->n++], leaves, n);
	} else if (m <= k) {
		subproof(out, leaves, m, k, whole);
		naive_tree(out->hashes[out->n++], leaves + k, n - k);
	} else {
		subproof(out, leaves + k, m - k, n - k, false);
		naive_tree(out->hashes[out->n++], leaves, k);
	}
}

void naive_consistency(struct consistency *out, leaf_list leaves, uint64_t m, uint64_t n)
{
	subproof(out, leaves, m, n, true);
}

void made_tree_init(struct made_tree *out, uint64_t size, uint64_t fork)
{
	struct wm_error err = { 0 };

	*out = (struct made_tree){ .size = size };
	for (unsigned l = 0; l < MADE_LEVELS; l++) {
		uint64_t n = size >> (8 * l);

		out->hashes[l] = calloc(n + 1, SHA256_BYTES);
		assert_non_null(out->hashes[l]);
		for (uint64_t i = 0; i < n; i++) {
			uint64_t seed[2] = { i, i >= fork ? fork + 1 : 0 };

			if (l == 0)
				assert_ok(sha256_of(out->hashes[0][i], seed, sizeof(seed), &err),
					  &err);
			else
				naive_tree(out->hashes[l][i],
					   (leaf_list)out->hashes[l - 1] + TILE_WIDTH * i,
					   TILE_WIDTH);
		}
	}
}

void made_tree_release(struct made_tree *t)
{
	for (unsigned l = 0; l < MADE_LEVELS; l++)
		free(t->hashes[l]);
}

enum wm_code made_tree_read(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level,
			    uint64_t n, unsigned width, struct wm_error *err)
{
	struct made_tree *t = context;

	assert_true(level < MADE_LEVELS && width > 0 && width <= TILE_WIDTH);
	assert_true(n * TILE_WIDTH + width <= t->size >> (8 * level));
	t->n_reads++;
	if (t->unreadable)
		return fail(err, REASON_READ_FAILED, "tile %llu", (unsigned long long)n);
	memcpy(hashes, t->hashes[level] + n * TILE_WIDTH, (size_t)width * SHA256_BYTES);
	for (unsigned i = 0; t->damaged && i < width; i++)
		hashes[i][0] ^= 1;
	return WM_OK;
}

struct tiles *made_tiles(struct made_tree *t)
{
	struct tiles *tiles = NULL;
	struct wm_error err = { 0 };

	assert_ok(tiles_new(&tiles, made_tree_read, t, &err), &err);
	return tiles;
}

/* --- who signs ------------------------------------------------------------------------- */

void made_log_init(struct made_log *out, const char *origin)
{
	uint8_t raw[LOG_KEY_BYTES];
	struct wm_error err = { 0 };

	*out = (struct made_log){ .origin = origin };
	assert_ok(private_key_new(&out->secret, KEY_ED25519, &err), &err);
	assert_true(public_key_ed25519(raw, private_key_public(out->secret)));
	assert_ok(log_key_new(&out->key, origin, raw, &err), &err);
}

void made_log_release(struct made_log *log)
{
	private_key_free(log->secret);
	log_key_free(log->key);
}

void made_note(struct note *out, const struct made_log *log, const struct made_tree *t,
	       uint64_t size)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	struct tree_head head = { .size = size };
	struct wm_error err = { 0 };

	assert_true(strlen(log->origin) < sizeof(head.origin));
	memcpy(head.origin, log->origin, strlen(log->origin));
	naive_tree(head.root, made_leaves(t), size);
	assert_ok(note_sign(&text, &head, log->secret, &err), &err);
	assert_ok(note_parse(out, text.data, text.len, "note", &err), &err);
}
