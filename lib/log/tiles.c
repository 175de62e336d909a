/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs that follow from tiles. */
#include "log/tiles.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest/tree.h"

/*
 * Two tiles a level are kept: a proof needs the tile on the way from its leaf, and the last one
 * of the tree.
 */
enum { TILE_HEIGHT = 8, KEPT = 2 };

/* A tile with the nodes above its hashes: the pairs, the pairs of pairs ... */
struct expanded {
	uint64_t n;
	unsigned width; /* 0: nothing is here */
	tile_hashes hashes;
	uint8_t above[TILE_HEIGHT][TILE_WIDTH / 2][SHA256_BYTES];
};

struct tiles {
	tile_read_fn *read;
	void *context;
	struct expanded kept[TILE_LEVELS][KEPT];
	unsigned recent[TILE_LEVELS]; /* the one that was used last */
};

enum wm_code tiles_new(struct tiles **out, tile_read_fn *read, void *context,
		       struct wm_error *err)
{
	struct tiles *t = calloc(1, sizeof(*t));

	if (!t)
		return fail_nomem(err);
	t->read = read;
	t->context = context;
	*out = t;
	return WM_OK;
}

void tiles_free(struct tiles *t)
{
	free(t);
}

/* The node `at` of height `height` above the hashes. */
static uint8_t *node_at(struct expanded *e, unsigned height, unsigned at)
{
	return height == 0 ? e->hashes[at] : e->above[height - 1][at];
}

static void expand(struct expanded *e)
{
	for (unsigned height = 1; height < TILE_HEIGHT; height++) {
		for (unsigned i = 0; i < e->width >> height; i++)
			tree_node(node_at(e, height, i), node_at(e, height - 1, 2 * i),
				  node_at(e, height - 1, 2 * i + 1));
	}
}

/* Stores tile `n` of `level` with at least `width` hashes. Borrowed until the next call. */
static enum wm_code get_tile(struct expanded **out, struct tiles *t, unsigned level, uint64_t n,
			     unsigned width, struct wm_error *err)
{
	struct expanded *e = NULL;

	for (unsigned i = 0; i < KEPT; i++) {
		if (t->kept[level][i].width > 0 && t->kept[level][i].n == n) {
			e = &t->kept[level][i];
			t->recent[level] = i;
		}
	}
	if (!e) {
		t->recent[level] = (t->recent[level] + 1) % KEPT;
		e = &t->kept[level][t->recent[level]];
		e->width = 0;
	}
	if (e->width < width) {
		e->width = 0;
		TRY(t->read(t->context, e->hashes, level, n, width, err));
		e->n = n;
		e->width = width;
		expand(e);
	}
	*out = e;
	return WM_OK;
}

/* The root of the complete subtree of the 2^height leaves from `start` on. */
static enum wm_code complete(uint8_t out[SHA256_BYTES], struct tiles *t, unsigned height,
			     uint64_t start, uint64_t size, struct wm_error *err)
{
	unsigned level = height / TILE_HEIGHT;
	uint64_t at = start >> (TILE_HEIGHT * level);
	struct expanded *e = NULL;

	height %= TILE_HEIGHT;
	TRY(get_tile(&e, t, level, at / TILE_WIDTH, tile_width(level, at / TILE_WIDTH, size),
		     err));
	memcpy(out, node_at(e, height, (unsigned)(at % TILE_WIDTH) >> height), SHA256_BYTES);
	return WM_OK;
}

/* Leaves [start, end) of a tree, as RFC 6962 splits it. */
struct range {
	uint64_t start, end;
};

/* The root over a range, of a tree of `size` entries. */
static enum wm_code range_root(uint8_t out[SHA256_BYTES], struct tiles *t, struct range r,
			       uint64_t size, struct wm_error *err)
{
	struct tree_frontier f;

	f.n_leaves = 0;
	while (r.start < r.end) {
		unsigned height = 63 - (unsigned)__builtin_clzll(r.end - r.start);
		uint8_t node[SHA256_BYTES];

		TRY(complete(node, t, height, r.start, size, err));
		tree_append(&f, height, node);
		r.start += UINT64_C(1) << height;
	}
	tree_root(out, &f);
	return WM_OK;
}

enum wm_code tiles_root(uint8_t root[SHA256_BYTES], struct tiles *t, uint64_t size,
			struct wm_error *err)
{
	return range_root(root, t, (struct range){ 0, size }, size, err);
}

/* The ranges that a proof has the roots of, from the top down. */
struct ranges {
	struct range list[PROOF_HASHES];
	size_t n;
};

static void add_range(struct ranges *r, uint64_t start, uint64_t end)
{
	assert(r->n < PROOF_HASHES);
	r->list[r->n++] = (struct range){ start, end };
}

/* The first leaf of the right subtree of a range of two leaves or more. */
static uint64_t split(const struct range *r)
{
	return r->start + (UINT64_C(1) << (63 - __builtin_clzll(r->end - r->start - 1)));
}

/* Halves `in` towards where `left` says; the other part becomes one of the ranges. */
static void descend(struct range *in, bool left, struct ranges *r)
{
	uint64_t middle = split(in);

	if (left) {
		add_range(r, middle, in->end);
		in->end = middle;
	} else {
		add_range(r, in->start, middle);
		in->start = middle;
	}
}

/* The roots, from the bottom up. */
static enum wm_code range_roots(uint8_t (*out)[SHA256_BYTES], struct tiles *t,
				const struct ranges *r, uint64_t size, struct wm_error *err)
{
	for (size_t i = 0; i < r->n; i++)
		TRY(range_root(out[i], t, r->list[r->n - 1 - i], size, err));
	return WM_OK;
}

enum wm_code tiles_inclusion(struct inclusion *out, struct tiles *t, uint64_t index,
			     uint64_t size, struct wm_error *err)
{
	struct inclusion p = { .index = index };
	struct range in = { 0, size };
	struct ranges r;

	assert(index < size);
	r.n = 0;
	while (in.end - in.start > 1)
		descend(&in, index < split(&in), &r);
	TRY(range_roots(p.hashes, t, &r, size, err));
	p.n = r.n;
	*out = p;
	return WM_OK;
}

enum wm_code tiles_consistency(struct consistency *out, struct tiles *t, uint64_t old_size,
			       uint64_t new_size, struct wm_error *err)
{
	struct consistency p = { 0 };
	struct range in = { 0, new_size };
	struct ranges r;

	assert(old_size <= new_size);
	r.n = 0;
	/* The old tree ends where `in` ends at last. */
	while (old_size > 0 && in.end != old_size)
		descend(&in, old_size <= split(&in), &r);
	if (in.start > 0)
		add_range(&r, in.start, in.end);
	TRY(range_roots(p.hashes, t, &r, new_size, err));
	p.n = r.n;
	*out = p;
	return WM_OK;
}
