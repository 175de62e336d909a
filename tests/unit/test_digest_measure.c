/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/digest/measure.c, unit.c, reader.c: one file of many shapes, by any number of
 * workers and every kernel, against the definition.
 */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "digest/measure.h"
#include "naive.h"
#include "util/file.h"

enum { FILE_MAX = 24 << 20, SEGMENTS_MAX = 8192, LEAVES_MAX = FILE_MAX / LEAF_BYTES + 1 };

static uint8_t *data; /* FILE_MAX pseudo-random bytes */
static struct segment segments[SEGMENTS_MAX];
static uint8_t expected[SEGMENTS_MAX][SHA256_BYTES];
static char *scratch;
static char path[4096];

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	snprintf(path, sizeof(path), "%s/file", scratch);
	data = malloc(FILE_MAX);
	for (size_t i = 0; data && i < FILE_MAX; i++)
		data[i] = (uint8_t)random_number();
	return data ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(scratch);
	free(data);
	return 0;
}

/* Lays out segments of `lens`, writes the file, computes what to expect; returns the size. */
static size_t lay(const uint32_t *lens, size_t n)
{
	struct wm_error err = { 0 };
	size_t size = 0;

	assert_true(n <= SEGMENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert_true(lens[i] <= FILE_MAX - size);
		segments[i] = (struct segment){ size, lens[i], i % 2, { 0 } };
		naive_root(expected[i], data + size, lens[i]);
		size += lens[i];
	}
	assert_ok(file_write(path, data, size, 0644, FILE_REPLACE, &err), &err);
	return size;
}

static int open_file(void)
{
	struct wm_error err = { 0 };
	uint64_t size;
	int fd = -1;

	assert_ok(file_open(&fd, &size, path, &err), &err);
	return fd;
}

/* Measuring one file, whose view is as long as its segments are. */
struct trial {
	int fd;
	const char *name;
	const uint8_t *head;
	size_t head_len;
	struct segment *segments;
	size_t n_segments;
	uint8_t *sha256;
	unsigned workers;
	struct progress *progress;
};

static enum wm_code measure_trial(const struct trial *t, struct wm_error *err)
{
	const struct piece head = { 0, t->head_len, t->head };
	struct measure_file file = {
		.view = { t->fd, t->name, &head, t->head_len > 0, 0, 0, 0 },
		.segments = t->segments,
		.n_segments = t->n_segments,
		.sha256 = t->sha256,
	};
	const struct measure m = { &file, 1, t->workers, t->progress };

	for (size_t i = 0; i < t->n_segments; i++)
		file.view.size += t->segments[i].len;
	return measure(&m, err);
}

static void check(struct trial *m, size_t size)
{
	uint8_t plain[SHA256_BYTES];
	struct wm_error err = { 0 };

	for (size_t i = 0; i < m->n_segments; i++)
		memset(segments[i].digest, 0, SHA256_BYTES);
	assert_ok(measure_trial(m, &err), &err);
	for (size_t i = 0; i < m->n_segments; i++)
		if (memcmp(segments[i].digest, expected[i], SHA256_BYTES) != 0)
			test_failed(__FILE__, __LINE__, "segment %zu of %zu, %llu bytes, %u workers",
				    i, m->n_segments, (unsigned long long)segments[i].len,
				    m->workers);
	if (!m->sha256)
		return;
	assert_ok(sha256_of(plain, data, size, &err), &err);
	assert_memory_equal(m->sha256, plain, SHA256_BYTES);
}

/* Measures in every way: workers, with and without plain SHA-256, bytes from `head`. */
static void check_all(const uint32_t *lens, size_t n)
{
	static const unsigned workers[] = { 0, 1, 2, 3, 8 };
	static const size_t heads[] = { 0, 3, 70000, 1500000 };
	size_t size = lay(lens, n);
	cleanup_fd int fd = open_file();
	uint8_t sha256[SHA256_BYTES];

	for (size_t w = 0; w < sizeof(workers) / sizeof(*workers); w++) {
		struct progress progress = { 0 };
		struct trial m = { fd, "file", data, heads[w % 4], segments, n,
				     w % 2 ? sha256 : NULL, workers[w], &progress };

		progress_start(&progress, size);
		check(&m, size);
		assert_int_equal(progress.done, size);
		m.sha256 = w % 2 ? NULL : sha256;
		m.progress = NULL;
		check(&m, size);
	}
}

static void measures_one_segment(void **state)
{
	static const uint32_t lens[] = {
		1, 2, 62, 63, 64, 65535, 65536, 65537, 131072, (1 << 20) - 1, 1 << 20,
		(1 << 20) + 1, (2 << 20) - 65536, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 20000000,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		check_all(&lens[i], 1);
}

static void measures_several_segments(void **state)
{
	static const uint32_t shapes[][8] = {
		{ 1, 1, 1 },
		{ 65536, 65536 },
		{ 65535, 65537, 1, 65536 },
		{ 1 << 20, 1 << 20, 1 },
		{ (1 << 20) - 1, 1, (1 << 20) + 1, 1 },
		{ 100, 5 << 20, 7, 65537, 3 << 20, 1 },
		{ 65536 * 15, 65536 * 17, 65536 * 33 + 1, 1, 65536 },
		{ 600000, 600000, 600000, 600000, 600000, 9000000, 600000 },
		{ 1000, 22000000 },
		{ 22000000, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		size_t n = 0;

		while (n < 8 && shapes[i][n])
			n++;
		check_all(shapes[i], n);
	}
}

/* More tiny segments than a unit holds; a thousand with large ones between them. */
static void measures_many_segments(void **state)
{
	static uint32_t lens[SEGMENTS_MAX];

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		lens[i] = 1;
	check_all(lens, 5000);
	for (size_t i = 0; i < 1000; i++)
		lens[i] = i % 100 == 50 ? 1500000 : 1 + random_number() % 300;
	check_all(lens, 1000);
	for (size_t i = 0; i < 200; i++)
		lens[i] = 1 + random_number() % ((i % 2 ? 1u : 200u) << 10);
	check_all(lens, 200);
}

/* Without the page cache, where the file system can drop it. */
static void measures_a_cold_file(void **state)
{
	static const uint32_t lens[] = { 5000, 20 << 20, 70000 };
	size_t size = lay(lens, 3);
	cleanup_fd int fd = open_file();

	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct trial m = { .fd = fd, .name = "file", .segments = segments,
				     .n_segments = 3, .workers = workers };

		assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		check(&m, size);
	}
}

static void measures_nothing(void **state)
{
	uint8_t sha256[SHA256_BYTES], plain[SHA256_BYTES];
	struct trial m = { .fd = -1, .name = "file", .sha256 = sha256 };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(measure_trial(&m, &err), &err);
	assert_ok(sha256_of(plain, "", 0, &err), &err);
	assert_memory_equal(sha256, plain, SHA256_BYTES);
}

/* The head alone is enough where it holds all; no descriptor is read then. */
static void takes_the_head_as_it_was_read(void **state)
{
	static const uint32_t lens[] = { 1000, 3 << 20 };
	size_t size = lay(lens, 2);
	struct trial m = { .fd = -1, .name = "file", .head = data, .head_len = size,
			     .segments = segments, .n_segments = 2 };
	struct wm_error err = { 0 };

	(void)state;
	check(&m, size);
	m.head_len--;
	assert_reason(measure_trial(&m, &err), &err, READ_FAILED);
	assert_int_not_equal(err.saved_errno, 0);
}

static void notices_a_file_that_ends_early(void **state)
{
	static const uint32_t lens[] = { 100, 10 << 20, 70000, 10 << 20 };
	size_t size = lay(lens, 4);
	const size_t cuts[] = { size - 1, size / 2, 1 << 20, 100, 99, 0 };
	uint8_t sha256[SHA256_BYTES];

	(void)state;
	for (size_t c = 0; c < sizeof(cuts) / sizeof(*cuts); c++) {
		assert_int_equal(truncate(path, (off_t)cuts[c]), 0);
		for (unsigned workers = 1; workers <= 8; workers++) {
			cleanup_fd int fd = open_file();
			struct trial m = { .fd = fd, .name = "file", .segments = segments,
					     .n_segments = 4, .workers = workers,
					     .sha256 = workers % 2 ? sha256 : NULL };
			struct wm_error err = { 0 };

			assert_reason(measure_trial(&m, &err), &err, FILE_CHANGED);
			assert_reason(measure_trial(&m, NULL), &err, FILE_CHANGED);
		}
	}
}

static void refuses_segments_that_do_not_tile(void **state)
{
	static const struct segment bad[][2] = {
		{ { 1, 5, false, { 0 } }, { 6, 5, false, { 0 } } },
		{ { 0, 5, false, { 0 } }, { 6, 5, false, { 0 } } },
		{ { 0, 5, false, { 0 } }, { 4, 5, false, { 0 } } },
		{ { 0, 5, false, { 0 } }, { 5, 0, false, { 0 } } },
		{ { 0, 5, false, { 0 } }, { 5, INT64_MAX, false, { 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct trial m = { .fd = -1, .name = "file", .segments = segments,
				     .n_segments = 2 };
		struct wm_error err = { 0 };

		memcpy(segments, bad[i], sizeof(bad[i]));
		assert_reason(measure_trial(&m, &err), &err, INTERNAL);
	}
}

static enum wm_code measure_it(void *context, struct wm_error *err)
{
	return measure_trial(context, err);
}

static void survives_failing_allocations(void **state)
{
	static const uint32_t lens[] = { 100, 8 << 20 };
	uint8_t sha256[SHA256_BYTES];
	int fd = -1;

	(void)state;
	/* With "evp", digests of nodes survive a failing allocation; the harness wants failure. */
	if (strcmp(digest_kernel_name(), "evp") == 0)
		skip();
	lay(lens, 2);
	fd = open_file();
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct trial m = { .fd = fd, .name = "file", .segments = segments,
				     .n_segments = 2, .workers = workers, .sha256 = sha256 };

		with_every_allocation_failing(measure_it, &m);
	}
	close(fd);
}

static void works_with_every_kernel(void **state)
{
	(void)state;
	run_again_with_every_kernel();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures_one_segment),
		cmocka_unit_test(measures_several_segments),
		cmocka_unit_test(measures_many_segments),
		cmocka_unit_test(measures_a_cold_file),
		cmocka_unit_test(measures_nothing),
		cmocka_unit_test(takes_the_head_as_it_was_read),
		cmocka_unit_test(notices_a_file_that_ends_early),
		cmocka_unit_test(refuses_segments_that_do_not_tile),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(works_with_every_kernel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
