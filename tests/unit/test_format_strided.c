/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/strided.c: elements in row-major order, against the definition. */
#include "harness.h"

#include <stdio.h>

#include "format/strided.h"
#include "made.h"
#include "naive.h"
#include "util/file.h"

enum { FILE_BYTES = 3 << 20, RANK = 5 };

static uint8_t *bytes;
static int fd;

static int set_up(void **state)
{
	(void)state;
	bytes = malloc(FILE_BYTES);
	if (!bytes)
		return -1;
	for (size_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = (uint8_t)random_number();
	fd = made_file(bytes, FILE_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	free(bytes);
	return 0;
}

static void tells_runs(void **state)
{
	static const struct {
		unsigned rank;
		uint64_t dims[RANK], strides[RANK], span;
		bool contiguous;
	} rows[] = {
		{ 0, { 0 }, { 0 }, 1, true },
		{ 1, { 5 }, { 1 }, 5, true },
		{ 1, { 5 }, { 2 }, 9, false },
		{ 1, { 5 }, { 0 }, 1, false },
		{ 1, { 1 }, { 77 }, 1, true },
		{ 1, { 0 }, { 1 }, 0, true },
		{ 2, { 3, 4 }, { 4, 1 }, 12, true },
		{ 2, { 3, 4 }, { 1, 3 }, 12, false },
		{ 2, { 3, 4 }, { 5, 1 }, 14, false },
		{ 3, { 3, 1, 4 }, { 4, 99, 1 }, 12, true },
		{ 3, { 1, 3, 4 }, { 0, 4, 1 }, 12, true },
		{ 3, { 2, 0, 4 }, { UINT64_MAX, UINT64_MAX, 1 }, 0, false },
		{ 2, { 2, 2 }, { INT64_MAX, INT64_MAX }, UINT64_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tensor t = { .rank = rows[i].rank, .dims = rows[i].dims };
		uint64_t span = 7;

		assert_true(strided_span(&span, &t, rows[i].strides));
		assert_true(span == rows[i].span);
		if (span > 0)
			assert_int_equal(strided_is_contiguous(&t, rows[i].strides),
					 rows[i].contiguous);
	}
}

static void counts_no_more_than_64_bits(void **state)
{
	static const struct {
		uint64_t dims[RANK], strides[RANK];
	} rows[] = {
		{ { 3, 1 }, { UINT64_MAX / 2 + 1, 1 } },
		{ { 2, 2 }, { UINT64_MAX, 1 } },
		{ { UINT64_MAX, UINT64_MAX }, { 1, 1 } },
		{ { 2, 3 }, { INT64_MAX, INT64_MAX } },
	};
	uint64_t span;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tensor t = { .rank = 2, .dims = rows[i].dims };

		assert_false(strided_span(&span, &t, rows[i].strides));
	}
}

static void check(const uint64_t *dims, const uint64_t *strides, unsigned rank, unsigned element,
		  uint64_t off, uint64_t window_off)
{
	const struct strided s = { off, element, strides };
	struct tensor t = { .rank = rank, .dims = dims };
	cleanup_buf struct buf found = BUF_INIT(FILE_BYTES);
	const struct window w = { .fd = fd, .off = window_off, .size = FILE_BYTES - window_off,
				  .name = "w" };
	const struct sink sink = made_sink(&found);
	uint64_t index[RANK] = { 0 }, n = 1;
	struct wm_error err = { 0 };

	for (unsigned i = 0; i < rank; i++)
		n *= dims[i];
	t.len = n * element;
	assert_ok(strided_gather(&s, &t, &w, &sink, &err), &err);
	assert_int_equal(found.len, t.len);
	for (uint64_t k = 0; k < n; k++) {
		uint64_t left = k, at = window_off + off;

		for (unsigned i = rank; i-- > 0; left /= dims[i])
			index[i] = left % dims[i];
		for (unsigned i = 0; i < rank; i++)
			at += index[i] * strides[i] * element;
		assert_memory_equal(found.data + k * element, bytes + at, element);
	}
}

static void gathers_in_row_major_order(void **state)
{
	static const unsigned elements[] = { 1, 2, 4, 8, 16 };

	(void)state;
	for (int k = 0; k < 400; k++) {
		uint64_t dims[RANK], strides[RANK], span = 0;
		const unsigned rank = random_number() % (RANK + 1);
		const unsigned element = elements[random_number() % 5];
		const struct tensor t = { .rank = rank, .dims = dims };
		const uint64_t front = random_number() % 5000;
		uint64_t room;

		for (unsigned i = 0; i < rank; i++) {
			dims[i] = 1 + random_number() % (rank < 3 ? 60 : 9);
			strides[i] = random_number() % 3 ? random_number() % 700 :
							   random_number() % 2 * 4096 / element;
		}
		assert_true(strided_span(&span, &t, strides));
		room = FILE_BYTES - front;
		if (span * element > room)
			continue;
		check(dims, strides, rank, element, random_number() % (room - span * element + 1),
		      front);
	}
}

/* More blocks than are kept, each read many times over; elements across blocks. */
static void gathers_large_matrices(void **state)
{
	static const uint64_t dims[] = { 37, 6000 }, strides[] = { 1, 40 };
	static const uint64_t tall[] = { 700, 700 }, turned[] = { 1, 701 };

	(void)state;
	check(dims, strides, 2, 8, 3, 0);
	check(tall, turned, 2, 4, 4094, 1);
	/* To the last byte of the window. */
	check(dims, strides, 2, 8, FILE_BYTES - 8 * (36 + 5999 * 40 + 1), 0);
}

static enum wm_code refuse(void *context, const void *data, size_t len, struct wm_error *err)
{
	(void)context;
	(void)data;
	(void)len;
	return fail(err, REASON_WRITE_FAILED, "full");
}

static enum wm_code drop(void *context, const void *data, size_t len, struct wm_error *err)
{
	(void)context;
	(void)data;
	(void)len;
	(void)err;
	return WM_OK;
}

static enum wm_code gather_some(void *context, struct wm_error *err)
{
	static const uint64_t dims[] = { 2, 3 }, strides[] = { 1, 2 };
	const struct strided s = { 0, 2, strides };
	const struct tensor t = { .rank = 2, .dims = dims, .len = 12 };
	const struct window w = { .fd = fd, .size = FILE_BYTES, .name = "w" };

	(void)context;
	return strided_gather(&s, &t, &w, &(struct sink){ drop, NULL }, err);
}

static void fails_as_its_sink_and_file_do(void **state)
{
	static const uint64_t dims[] = { 2, 3 }, strides[] = { 1, 2 };
	const struct tensor t = { .rank = 2, .dims = dims, .len = 12 };
	const struct strided s = { 0, 2, strides };
	struct window w = { .fd = fd, .size = FILE_BYTES, .name = "w" };
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(strided_gather(&s, &t, &w, &(struct sink){ refuse, NULL }, &err), &err,
		      WRITE_FAILED);
	/* The file became shorter than it was when it was opened. */
	w.size = 2 * FILE_BYTES;
	assert_reason(strided_gather(&(struct strided){ FILE_BYTES, 2, strides }, &t, &w,
				     &(struct sink){ refuse, NULL }, &err), &err, FILE_CHANGED);
	with_every_allocation_failing(gather_some, NULL);
}

/* Calls of read() and its like so far; 0 where that is not told. */
static unsigned long n_reads(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	unsigned long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "syscr: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* A transposed matrix of more rows than there are blocks of the longest kind. */
static void reads_each_block_about_once(void **state)
{
	static const uint64_t dims[] = { 2048, 8192 }, strides[] = { 1, 2048 };
	const struct tensor t = { .rank = 2, .dims = dims, .len = 32 << 20 };
	const struct strided s = { 0, 2, strides };
	cleanup_fd int sparse = made_file("", 0);
	const struct window w = { .fd = sparse, .size = 32 << 20, .name = "w" };
	struct wm_error err = { 0 };
	unsigned long before;

	(void)state;
	assert_int_equal(ftruncate(sparse, 32 << 20), 0);
	before = n_reads();
	if (before == 0)
		skip();
	assert_ok(strided_gather(&s, &t, &w, &(struct sink){ drop, NULL }, &err), &err);
	/* Blocks of 512 bytes. */
	assert_in_range(n_reads() - before, 65536, 2 * 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_runs),
		cmocka_unit_test(counts_no_more_than_64_bits),
		cmocka_unit_test(gathers_in_row_major_order),
		cmocka_unit_test(gathers_large_matrices),
		cmocka_unit_test(reads_each_block_about_once),
		cmocka_unit_test(fails_as_its_sink_and_file_do),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
