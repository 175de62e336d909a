/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/commitments.c: what is written is found again; what is damaged is refused. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"

static const unsigned sizes[] = { 1, 2, 3, 7, 1023, 1024, 1025, 2048, 3000 };

static char *file_in(char out[300], const char *dir)
{
	snprintf(out, 300, "%s/a.wmc", dir);
	return out;
}

static void finds_and_proves_each(void **state)
{
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		cleanup_commitments struct commitments *c = NULL;
		const unsigned step = sizes[s] > 100 ? 97 : 1;

		committed_write(file_in(path, dir), sizes[s]);
		assert_ok(commitments_open(&c, path, &err), &err);
		assert_int_equal(c->header.n_rows, sizes[s]);
		for (unsigned i = 0; i < sizes[s] + 20; i += step) {
			uint8_t leaf[SHA256_BYTES], got[SHA256_BYTES], root[SHA256_BYTES];
			struct inclusion p;
			uint64_t row = 0;
			bool found = false;

			committed_leaf(leaf, i);
			assert_ok(commitments_find(&row, &found, c, leaf, &err), &err);
			assert_int_equal(found, i < sizes[s]);
			if (!found)
				continue;
			assert_ok(commitments_prove(&p, got, c, row, &err), &err);
			assert_memory_equal(got, leaf, SHA256_BYTES);
			assert_true(inclusion_root(root, &p, leaf, sizes[s]));
			assert_memory_equal(root, c->header.root, SHA256_BYTES);
		}
	}
	scratch_remove(take_ptr(&dir));
}

static void finds_all_of_a_tag(void **state)
{
	cleanup_record_key struct record_key k = { .id = { 0 } };
	cleanup_commitments struct commitments *c = NULL;
	cleanup_buf struct buf leaves = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	uint8_t tag[RECORD_TAG_BYTES], leaf[SHA256_BYTES];
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	committed_key(&k);
	committed_write(file_in(path, dir), 50);
	assert_ok(commitments_open(&c, path, &err), &err);
	assert_ok(record_tag(tag, &k, "subject", "1", 1, &err), &err);
	assert_ok(commitments_tagged(&leaves, c, tag, &err), &err);
	assert_int_equal(leaves.len, 13 * SHA256_BYTES); /* 1, 5 ... 49 */
	for (unsigned i = 1; i < 50; i += 4) {
		committed_leaf(leaf, i);
		assert_non_null(memmem(leaves.data, leaves.len, leaf, SHA256_BYTES));
	}
	buf_truncate(&leaves, 0);
	assert_ok(record_tag(tag, &k, "subject", "7", 1, &err), &err);
	assert_ok(commitments_tagged(&leaves, c, tag, &err), &err);
	assert_int_equal(leaves.len, 0);
	scratch_remove(take_ptr(&dir));
}

static void counts_what_came_and_went(void **state)
{
	/* From 10 numbers, which are 1 + 2 + 3 + 1 ... = 19 records, to others. */
	static const struct {
		unsigned to;
		uint64_t added, removed;
	} rows[] = { { 10, 0, 0 }, { 11, 2, 0 }, { 9, 0, 1 }, { 1, 0, 18 }, { 13, 6, 0 } };
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_commitments struct commitments *c = NULL;
		cleanup_record_set struct record_set now = { .n = 0 };
		cleanup_buf struct buf removed = BUF_INIT((size_t)9 * SHA256_BYTES);
		struct commitments_change change = { .removed = &removed };

		committed_set(&now, rows[i].to);
		assert_ok(commitments_open(&c, path, &err), &err);
		assert_ok(commitments_check(&change, c, &now, &err), &err);
		assert_int_equal(change.n_added, rows[i].added);
		assert_int_equal(change.n_removed, rows[i].removed);
		assert_int_equal(removed.len / SHA256_BYTES, rows[i].to < 10 ? 10 - rows[i].to : 0);
		for (unsigned j = rows[i].to; j < 10; j++) {
			uint8_t leaf[SHA256_BYTES];

			committed_leaf(leaf, j);
			assert_non_null(memmem(removed.data, removed.len, leaf, SHA256_BYTES));
		}
	}
	scratch_remove(take_ptr(&dir));
}

/* --- damage ------------------------------------------------------------------------------ */

static enum wm_code read_whole(const char *path, struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;
	struct commitments_change change = { .removed = NULL };

	TRY(commitments_open(&c, path, err));
	return commitments_check(&change, c, NULL, err);
}

static void write_bytes(const char *path, const uint8_t *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(path, data, len, 0600, FILE_REPLACE, &err), &err);
}

static void refuses_every_other_length(void **state)
{
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	struct wm_error err = { 0 };
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 3);
	read_file(&whole, path);
	assert_ok(read_whole(path, &err), &err);
	for (size_t n = 0; n < whole.len; n++) {
		write_bytes(path, whole.data, n);
		if (n < 25)
			assert_reason(read_whole(path, &err), &err, COMMITMENTS_MALFORMED);
		else
			assert_reason(read_whole(path, &err), &err, COMMITMENTS_TRUNCATED);
	}
	assert_ok(buf_append_byte(&whole, 0, &err), &err);
	write_bytes(path, whole.data, whole.len);
	assert_reason(read_whole(path, &err), &err, COMMITMENTS_PADDED);
	scratch_remove(take_ptr(&dir));
}

static void refuses_every_other_bit(void **state)
{
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 3);
	read_file(&whole, path);
	for (size_t i = 0; i < whole.len * 8; i++) {
		struct wm_error err = { 0 };

		whole.data[i / 8] ^= (uint8_t)(1 << i % 8);
		write_bytes(path, whole.data, whole.len);
		assert_int_not_equal(read_whole(path, &err), WM_OK);
		assert_memory_equal(err.reason, "commitments-", 12);
		whole.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	scratch_remove(take_ptr(&dir));
}

/* Two rows change places: who reads all of it says so, and no proof comes of them. */
static void refuses_another_order(void **state)
{
	enum { HEADER = 25 + 24 + 96 };
	cleanup_commitments struct commitments *c = NULL;
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	uint8_t row[ROW_BYTES], leaf[SHA256_BYTES], *at;
	struct wm_error err = { 0 };
	struct inclusion p;
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 40);
	read_file(&whole, path);
	at = whole.data + HEADER + 20 * ROW_BYTES;
	memcpy(row, at, ROW_BYTES);
	memcpy(at, at + ROW_BYTES, ROW_BYTES);
	memcpy(at + ROW_BYTES, row, ROW_BYTES);
	write_bytes(path, whole.data, whole.len);
	assert_reason(read_whole(path, &err), &err, COMMITMENTS_UNSORTED);
	assert_ok(commitments_open(&c, path, &err), &err);
	assert_reason(commitments_prove(&p, leaf, c, 3, &err), &err, COMMITMENTS_UNSORTED);
	scratch_remove(take_ptr(&dir));
}

static void refuses_rows_of_another_tree(void **state)
{
	enum { HEADER = 25 + 24 + 96 };
	cleanup_commitments struct commitments *c = NULL;
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	uint8_t leaf[SHA256_BYTES];
	struct wm_error err = { 0 };
	struct inclusion p;
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 40);
	read_file(&whole, path);
	whole.data[HEADER + 20 * ROW_BYTES + 31] ^= 1;
	write_bytes(path, whole.data, whole.len);
	assert_ok(commitments_open(&c, path, &err), &err);
	assert_reason(commitments_prove(&p, leaf, c, 3, &err), &err, COMMITMENTS_DAMAGED);
	assert_reason(commitments_prove(&p, leaf, c, 20, &err), &err, COMMITMENTS_DAMAGED);
	scratch_remove(take_ptr(&dir));
}

/* Puts the sum right that ends the file. */
static void seal(struct buf *file)
{
	struct wm_error err = { 0 };
	const size_t len = file->len - SHA256_BYTES;

	assert_ok(sha256_of(file->data + len, file->data, len, &err), &err);
}

/* What was made wrongly, and not damaged later, has the right sum. */
static void refuses_what_was_made_wrongly(void **state)
{
	enum { HEADER = 25 + 24 + 96, N = 3000, COUNT = HEADER + SHA256_BYTES + 3 };
	/* A bit of each top; a row of no record, and the next of as many more. */
	static const struct {
		size_t at;
		uint8_t flip;
		const char *why;
	} rows[] = {
		{ HEADER + (size_t)N * ROW_BYTES, 1, "of their subtree" },
		{ HEADER + (size_t)N * ROW_BYTES + SHA256_BYTES, 1, "of their subtree" },
		{ HEADER + (size_t)N * ROW_BYTES + 2 * SHA256_BYTES, 1, "of their subtree" },
		{ COUNT, 0, "counts no record" },
	};
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), N);
	read_file(&whole, path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t kept = whole.data[rows[i].at];
		struct wm_error err = { 0 };

		if (rows[i].flip) {
			whole.data[rows[i].at] ^= rows[i].flip;
		} else {
			whole.data[rows[i].at] = 0;
			whole.data[rows[i].at + ROW_BYTES] =
				(uint8_t)(whole.data[rows[i].at + ROW_BYTES] + kept);
		}
		seal(&whole);
		write_bytes(path, whole.data, whole.len);
		assert_reason(read_whole(path, &err), &err, COMMITMENTS_DAMAGED);
		assert_non_null(strstr(err.message, rows[i].why));
		whole.data[rows[i].at] = kept;
	}
	scratch_remove(take_ptr(&dir));
}

static enum wm_code open_and_prove(void *context, struct wm_error *err)
{
	cleanup_commitments struct commitments *c = NULL;
	struct commitments_change change = { .removed = NULL };
	uint8_t leaf[SHA256_BYTES];
	struct inclusion p;

	TRY(commitments_open(&c, context, err));
	TRY(commitments_prove(&p, leaf, c, 1, err));
	return commitments_check(&change, c, NULL, err);
}

static void survives_want_of_memory(void **state)
{
	cleanup_free char *dir = scratch_new();
	char path[300];

	(void)state;
	committed_write(file_in(path, dir), 5);
	with_every_allocation_failing(open_and_prove, path);
	scratch_remove(take_ptr(&dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_proves_each),
		cmocka_unit_test(finds_all_of_a_tag),
		cmocka_unit_test(counts_what_came_and_went),
		cmocka_unit_test(refuses_every_other_length),
		cmocka_unit_test(refuses_every_other_bit),
		cmocka_unit_test(refuses_another_order),
		cmocka_unit_test(refuses_rows_of_another_tree),
		cmocka_unit_test(refuses_what_was_made_wrongly),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
