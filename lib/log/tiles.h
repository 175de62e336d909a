/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashes of a tree in tiles of 256 (C2SP tlog-tiles): where they are, how they grow, and the
 * proofs that follow from them.
 *
 * Tile `n` of level `l` holds the roots of the complete subtrees of 256^l leaves from leaf
 * n * 256^(l+1) on. A tile that is not full is partial, its width 1 to 255. Whatever keeps tiles
 * (a database, a directory, a web server) is a source.
 */
#ifndef LOG_TILES_H
#define LOG_TILES_H

#include "log/proof.h"

enum { TILE_WIDTH = 256, TILE_LEVELS = 8 };

typedef uint8_t tile_hashes[TILE_WIDTH][SHA256_BYTES];

/* Appends "x001/x234/067", or "x001/x234/067.p/5" of a partial tile (width < TILE_WIDTH). */
MUST_USE enum wm_code tile_path(struct buf *out, uint64_t n, unsigned width, struct wm_error *err);

/* How wide tile `n` of level `level` is in a tree of `size` entries: 0 (none) to TILE_WIDTH. */
unsigned tile_width(unsigned level, uint64_t n, uint64_t size);

/* --- growing --------------------------------------------------------------------------- */

/* The last tile of each level. Constant size. */
struct tile_edge {
	uint64_t size; /* entries */
	tile_hashes levels[TILE_LEVELS];
};

/* Keeps a tile that is full now. */
typedef enum wm_code tile_full_fn(void *context, unsigned level, uint64_t n,
				  const tile_hashes hashes, struct wm_error *err);

/* Appends a leaf digest; calls `full` for each tile that it fills. `edge` begins zeroed. */
MUST_USE enum wm_code tile_edge_append(struct tile_edge *edge, const uint8_t leaf[SHA256_BYTES],
				       tile_full_fn *full, void *context, struct wm_error *err);

/* The root over all entries so far. */
void tile_edge_root(uint8_t root[SHA256_BYTES], const struct tile_edge *edge);

/* --- proofs ---------------------------------------------------------------------------- */

/*
 * Reads the first `width` hashes of tile `n` of `level`, of a tree that has them. What is read is
 * not believed: whoever proves with it verifies the proof against a signed root.
 */
typedef enum wm_code tile_read_fn(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level,
				  uint64_t n, unsigned width, struct wm_error *err);

/* A source, and the tiles that were read last, so that proofs of neighbours cost one reading. */
struct tiles;
MUST_USE enum wm_code tiles_new(struct tiles **out, tile_read_fn *read, void *context,
				struct wm_error *err);
void tiles_free(struct tiles *t);
DEFINE_CLEANUP(tiles, struct tiles, tiles_free)
#define cleanup_tiles __attribute__((cleanup(tiles_cleanup_)))

/* The root of the first `size` entries. */
MUST_USE enum wm_code tiles_root(uint8_t root[SHA256_BYTES], struct tiles *t, uint64_t size,
				 struct wm_error *err);

/* That entry `index` is in the tree of the first `size` > index entries. */
MUST_USE enum wm_code tiles_inclusion(struct inclusion *out, struct tiles *t, uint64_t index,
				      uint64_t size, struct wm_error *err);

/* That the tree of `old_size` entries begins that of `new_size` >= old_size. */
MUST_USE enum wm_code tiles_consistency(struct consistency *out, struct tiles *t,
					uint64_t old_size, uint64_t new_size,
					struct wm_error *err);

#endif
