/* SPDX-License-Identifier: Apache-2.0 */
/* Where tiles are, and how a tree grows in them. */
#include "log/tiles.h"

#include <assert.h>
#include <string.h>

#include "digest/tree.h"

enum { TILE_HEIGHT = 8 };

enum wm_code tile_path(struct buf *out, uint64_t n, unsigned width, struct wm_error *err)
{
	uint64_t above = UINT64_C(1000000000000000000);

	assert(width > 0 && width <= TILE_WIDTH);
	for (; above > 1; above /= 1000) {
		if (n >= above)
			TRY(buf_printf(out, err, "x%03u/", (unsigned)(n / above % 1000)));
	}
	TRY(buf_printf(out, err, "%03u", (unsigned)(n % 1000)));
	return width < TILE_WIDTH ? buf_printf(out, err, ".p/%u", width) : WM_OK;
}

unsigned tile_width(unsigned level, uint64_t n, uint64_t size)
{
	uint64_t hashes;

	if (level >= TILE_LEVELS)
		return 0;
	hashes = size >> (TILE_HEIGHT * level);
	if (n < hashes / TILE_WIDTH)
		return TILE_WIDTH;
	return n == hashes / TILE_WIDTH ? (unsigned)(hashes % TILE_WIDTH) : 0;
}

/* The root over the hashes of a full tile. */
static void full_root(uint8_t root[SHA256_BYTES], const tile_hashes hashes)
{
	struct tree_frontier t = TREE_FRONTIER_INIT;

	for (unsigned i = 0; i < TILE_WIDTH; i++)
		tree_append(&t, 0, hashes[i]);
	tree_root(root, &t);
}

enum wm_code tile_edge_append(struct tile_edge *edge, const uint8_t leaf[SHA256_BYTES],
			      tile_full_fn *full, void *context, struct wm_error *err)
{
	uint8_t node[SHA256_BYTES];
	uint64_t n = edge->size; /* of the node in its level */

	assert(edge->size < UINT64_MAX);
	memcpy(node, leaf, sizeof(node));
	/* Until the size changes, no node that is written here counts. */
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		memcpy(edge->levels[level][n % TILE_WIDTH], node, sizeof(node));
		if (n % TILE_WIDTH < TILE_WIDTH - 1)
			break;
		n /= TILE_WIDTH;
		TRY(full(context, level, n, (const uint8_t(*)[SHA256_BYTES])edge->levels[level],
			 err));
		full_root(node, (const uint8_t(*)[SHA256_BYTES])edge->levels[level]);
	}
	edge->size++;
	return WM_OK;
}

void tile_edge_root(uint8_t root[SHA256_BYTES], const struct tile_edge *edge)
{
	struct tree_frontier t = TREE_FRONTIER_INIT;

	for (unsigned level = TILE_LEVELS; level-- > 0;) {
		uint64_t n = (edge->size >> (TILE_HEIGHT * level)) % TILE_WIDTH;

		for (uint64_t i = 0; i < n; i++)
			tree_append(&t, TILE_HEIGHT * level, edge->levels[level][i]);
	}
	tree_root(root, &t);
}
