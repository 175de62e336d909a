/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/tiles.c and lib/log/tiles_edge.c: growing trees and proofs, against the definition. */
#include "logs.h"

#include "log/tiles.h"

enum { LARGE = 65793, HUGE_SIZE = 100000 };

/* --- where tiles are ------------------------------------------------------------------- */

static void paths(void **state)
{
	static const struct {
		uint64_t n;
		unsigned width;
		const char *path;
	} rows[] = {
		{ 0, 256, "000" },
		{ 0, 1, "000.p/1" },
		{ 7, 255, "007.p/255" },
		{ 999, 256, "999" },
		{ 1000, 256, "x001/000" },
		{ 1234067, 256, "x001/x234/067" },
		{ 1234067, 5, "x001/x234/067.p/5" },
		{ 999999, 256, "x999/999" },
		{ 1000000, 256, "x001/x000/000" },
		{ UINT64_MAX, 256, "x018/x446/x744/x073/x709/x551/615" },
	};
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_buf struct buf b = BUF_INIT(64);

		assert_ok(tile_path(&b, rows[i].n, rows[i].width, &err), &err);
		assert_string_equal(buf_str(&b), rows[i].path);
	}
}

static void widths(void **state)
{
	static const struct {
		uint64_t size;
		unsigned level;
		uint64_t n;
		unsigned width;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 1, 0, 0, 1 },
		{ 1, 0, 1, 0 },
		{ 1, 1, 0, 0 },
		{ 255, 0, 0, 255 },
		{ 255, 1, 0, 0 },
		{ 256, 0, 0, 256 },
		{ 256, 0, 1, 0 },
		{ 256, 1, 0, 1 },
		{ 257, 0, 1, 1 },
		/* the example of tlog-tiles */
		{ 70000, 0, 272, 256 },
		{ 70000, 0, 273, 112 },
		{ 70000, 0, 274, 0 },
		{ 70000, 1, 0, 256 },
		{ 70000, 1, 1, 17 },
		{ 70000, 2, 0, 1 },
		{ 70000, 2, 1, 0 },
		{ 70000, 3, 0, 0 },
		{ 65535, 1, 0, 255 },
		{ 65536, 1, 0, 256 },
		{ 65536, 2, 0, 1 },
		{ UINT64_MAX, 7, 0, 255 },
		{ UINT64_MAX, 8, 0, 0 },
		{ UINT64_MAX, 63, 0, 0 },
		{ UINT64_MAX, 0, UINT64_MAX / 256, 255 },
		{ UINT64_MAX, 0, UINT64_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(tile_width(rows[i].level, rows[i].n, rows[i].size),
				 rows[i].width);
}

/* --- growing --------------------------------------------------------------------------- */

/* What the edge has to fill, and how often it did. */
struct filling {
	const struct made_tree *tree;
	size_t n_full[MADE_LEVELS];
	bool refuse_level_1;
};

static enum wm_code full(void *context, unsigned level, uint64_t n, const tile_hashes hashes,
			 struct wm_error *err)
{
	struct filling *f = context;

	assert_true(level < MADE_LEVELS);
	if (level == 1 && f->refuse_level_1)
		return fail(err, REASON_WRITE_FAILED, "no");
	assert_int_equal(n, f->n_full[level]++);
	assert_memory_equal(hashes, f->tree->hashes[level][n * TILE_WIDTH],
			    TILE_WIDTH * SHA256_BYTES);
	return WM_OK;
}

/* The root of the first `size` leaves, where the first 65,536 have the root `half`. */
static void large_root(uint8_t out[SHA256_BYTES], const struct made_tree *t, uint64_t size,
		       const uint8_t half[SHA256_BYTES])
{
	uint8_t both[1 + 2 * SHA256_BYTES] = { 1 };
	struct wm_error err = { 0 };

	if (size < 65536) {
		naive_tree(out, made_leaves(t), size);
		return;
	}
	if (size == 65536) {
		memcpy(out, half, SHA256_BYTES);
		return;
	}
	memcpy(both + 1, half, SHA256_BYTES);
	naive_tree(both + 1 + SHA256_BYTES, made_leaves(t) + 65536, size - 65536);
	assert_ok(sha256_of(out, both, sizeof(both), &err), &err);
}

static void edge_grows(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_free struct tile_edge *edge = calloc(1, sizeof(*edge));
	struct filling f = { .tree = &t };
	uint8_t half[SHA256_BYTES], root[SHA256_BYTES], want[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(edge);
	made_tree_init(&t, LARGE, UINT64_MAX);
	naive_tree(half, made_leaves(&t), 65536);
	for (uint64_t size = 0;; size++) {
		assert_int_equal(edge->size, size);
		if (size <= 1000 || size >= 65535) {
			tile_edge_root(root, edge);
			large_root(want, &t, size, half);
			assert_memory_equal(root, want, SHA256_BYTES);
			for (unsigned l = 0; l < MADE_LEVELS; l++)
				assert_int_equal(f.n_full[l], size >> (8 * (l + 1)));
		}
		if (size == LARGE)
			break;
		assert_ok(tile_edge_append(edge, t.hashes[0][size], full, &f, &err), &err);
	}
}

/* An entry whose tile could not be kept was not appended. */
static void edge_stays_on_failure(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_free struct tile_edge *edge = calloc(1, sizeof(*edge));
	struct filling f = { .tree = &t };
	uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(edge);
	made_tree_init(&t, 65536, UINT64_MAX);
	for (uint64_t i = 0; i < 65535; i++)
		assert_ok(tile_edge_append(edge, t.hashes[0][i], full, &f, &err), &err);
	tile_edge_root(before, edge);
	f.refuse_level_1 = true;
	assert_reason(tile_edge_append(edge, t.hashes[0][65535], full, &f, &err), &err,
		      WRITE_FAILED);
	assert_int_equal(edge->size, 65535);
	tile_edge_root(after, edge);
	assert_memory_equal(before, after, SHA256_BYTES);
	f.refuse_level_1 = false;
	f.n_full[0]--;
	assert_ok(tile_edge_append(edge, t.hashes[0][65535], full, &f, &err), &err);
	tile_edge_root(after, edge);
	assert_memory_equal(after, t.hashes[2][0], SHA256_BYTES);
	assert_int_equal(f.n_full[1], 1);
}

/* --- proofs ---------------------------------------------------------------------------- */

static const uint64_t sizes[] = { 1, 2, 3, 7, 8, 129, 254, 255, 256, 257, 258, 511, 512, 513,
				  1000 };

enum { N_SIZES = sizeof(sizes) / sizeof(*sizes) };

static void check_inclusion(struct tiles *tiles, const struct made_tree *t, uint64_t i,
			    uint64_t size)
{
	struct inclusion p, want = { 0 };
	struct wm_error err = { 0 };

	assert_ok(tiles_inclusion(&p, tiles, i, size, &err), &err);
	naive_inclusion(&want, made_leaves(t), i, size);
	assert_int_equal(p.n, want.n);
	assert_int_equal(p.index, i);
	assert_memory_equal(p.hashes, want.hashes, want.n * SHA256_BYTES);
}

static void check_consistency(struct tiles *tiles, const struct made_tree *t, uint64_t m,
			      uint64_t n)
{
	struct consistency p, want = { 0 };
	struct wm_error err = { 0 };

	assert_ok(tiles_consistency(&p, tiles, m, n, &err), &err);
	if (m > 0)
		naive_consistency(&want, made_leaves(t), m, n);
	assert_int_equal(p.n, want.n);
	assert_memory_equal(p.hashes, want.hashes, want.n * SHA256_BYTES);
}

static void small_proofs(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SIZES; i++) {
		cleanup_made_tree struct made_tree t = { 0 };
		cleanup_tiles struct tiles *tiles = NULL;
		uint8_t root[SHA256_BYTES], want[SHA256_BYTES];
		struct wm_error err = { 0 };
		uint64_t n = sizes[i], step = n < 260 ? 1 : 17;

		made_tree_init(&t, n, UINT64_MAX);
		tiles = made_tiles(&t);
		for (uint64_t m = 0; m <= n; m += step) {
			assert_ok(tiles_root(root, tiles, m, &err), &err);
			naive_tree(want, made_leaves(&t), m);
			assert_memory_equal(root, want, SHA256_BYTES);
			check_consistency(tiles, &t, m, n);
			if (m < n)
				check_inclusion(tiles, &t, m, n);
		}
		check_inclusion(tiles, &t, n - 1, n);
		check_consistency(tiles, &t, n - 1, n);
	}
}

/* Of a tree that has more entries, its beginnings have proofs of their own. */
static void proofs_of_beginnings(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;

	(void)state;
	made_tree_init(&t, 1000, UINT64_MAX);
	tiles = made_tiles(&t);
	for (size_t i = 0; i < N_SIZES; i++) {
		uint64_t n = sizes[N_SIZES - 1 - (i * 7 % N_SIZES)];

		for (size_t j = 0; j < N_SIZES; j++) {
			if (sizes[j] <= n)
				check_consistency(tiles, &t, sizes[j], n);
			if (sizes[j] < n)
				check_inclusion(tiles, &t, sizes[j], n);
		}
		check_inclusion(tiles, &t, 0, n);
	}
}

static void large_proofs(void **state)
{
	static const uint64_t at[] = { 0, 1, 255, 256, 32767, 32768, 65279, 65280, 65534, 65535,
				       65536, 65537, 65791, 65792 };
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;

	(void)state;
	made_tree_init(&t, LARGE, UINT64_MAX);
	tiles = made_tiles(&t);
	for (uint64_t n = 65535; n <= LARGE; n += n == 65537 ? 65791 - 65537 : 1) {
		for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
			if (at[i] < n)
				check_inclusion(tiles, &t, at[i], n);
			if (at[i] <= n)
				check_consistency(tiles, &t, at[i], n);
		}
	}
}

/* Nothing that was read wrongly or not at all is kept as if it had been read. */
static void failed_reads(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;
	uint8_t root[SHA256_BYTES] = { 3 };
	struct inclusion p = { .n = 5 };
	struct consistency c = { .n = 5 };
	struct wm_error err = { 0 };

	(void)state;
	made_tree_init(&t, 300, UINT64_MAX);
	tiles = made_tiles(&t);
	t.unreadable = true;
	assert_reason(tiles_root(root, tiles, 300, &err), &err, READ_FAILED);
	assert_reason(tiles_inclusion(&p, tiles, 4, 300, &err), &err, READ_FAILED);
	assert_reason(tiles_consistency(&c, tiles, 4, 300, &err), &err, READ_FAILED);
	assert_int_equal(root[0], 3);
	assert_int_equal(p.n, 5);
	assert_int_equal(c.n, 5);
	t.unreadable = false;
	check_inclusion(tiles, &t, 4, 300);
	check_inclusion(tiles, &t, 299, 300);
	check_consistency(tiles, &t, 4, 300);
}

/* A partial tile that grew is read again. */
static void grown_tiles(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;

	(void)state;
	made_tree_init(&t, 600, UINT64_MAX);
	tiles = made_tiles(&t);
	for (uint64_t size = 1; size <= 600; size++)
		check_inclusion(tiles, &t, size / 2, size);
	for (uint64_t size = 600; size > 0; size--)
		check_inclusion(tiles, &t, size / 2, size);
}

static void neighbours_cost_one_reading(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;
	struct wm_error err = { 0 };

	(void)state;
	made_tree_init(&t, HUGE_SIZE, UINT64_MAX);
	tiles = made_tiles(&t);
	for (uint64_t i = 40000; i < 50000; i++) {
		struct inclusion p;

		assert_ok(tiles_inclusion(&p, tiles, i, HUGE_SIZE, &err), &err);
	}
	/* 40 of the leaves, the last one, and two and one above. */
	assert_in_range(t.n_reads, 40, 46);
	check_inclusion(tiles, &t, 49999, HUGE_SIZE);
}

static enum wm_code make_tiles(void *context, struct wm_error *err)
{
	cleanup_tiles struct tiles *tiles = NULL;
	struct inclusion p;

	TRY(tiles_new(&tiles, made_tree_read, context, err));
	return tiles_inclusion(&p, tiles, 3, 300, err);
}

static void survives_failed_allocations(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };

	(void)state;
	made_tree_init(&t, 300, UINT64_MAX);
	with_every_allocation_failing(make_tiles, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(widths),
		cmocka_unit_test(edge_grows),
		cmocka_unit_test(edge_stays_on_failure),
		cmocka_unit_test(small_proofs),
		cmocka_unit_test(proofs_of_beginnings),
		cmocka_unit_test(large_proofs),
		cmocka_unit_test(failed_reads),
		cmocka_unit_test(grown_tiles),
		cmocka_unit_test(neighbours_cost_one_reading),
		cmocka_unit_test(survives_failed_allocations),
	};

	return run_tests(tests);
}
