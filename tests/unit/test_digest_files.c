/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/digest/measure.c, shared.c, batch.c: many files at once, by any number of workers
 * and every kernel, against the definition. All views are ranges of one file, each with
 * its own shift.
 */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>

#include "digest/measure.h"
#include "naive.h"
#include "util/file.h"

enum { BACKING = 24 << 20, HEAD_MAX = 2 << 20, FILES_MAX = 5100, SEGMENTS_MAX = 16384 };

static uint8_t *backing;     /* the bytes of the file */
static uint8_t *head, *view; /* the bytes that heads are taken from; one view, assembled */
static char *scratch;
static char path[4096];
static int fd = -1;

static struct measure_file files[FILES_MAX];
static struct piece pieces[FILES_MAX];
static struct segment segments[SEGMENTS_MAX];
static uint8_t roots[SEGMENTS_MAX][SHA256_BYTES];
static uint8_t sha256[FILES_MAX][SHA256_BYTES], plain[FILES_MAX][SHA256_BYTES];
static char names[FILES_MAX][16];
static size_t n_files, n_segments;
static uint64_t n_bytes;

static int set_up(void **state)
{
	struct wm_error err = { 0 };
	uint64_t size;

	(void)state;
	scratch = scratch_new();
	snprintf(path, sizeof(path), "%s/file", scratch);
	backing = malloc(BACKING);
	head = malloc(HEAD_MAX);
	view = malloc(BACKING);
	if (!backing || !head || !view)
		return -1;
	for (size_t i = 0; i < BACKING; i++)
		backing[i] = (uint8_t)random_number();
	for (size_t i = 0; i < HEAD_MAX; i++)
		head[i] = (uint8_t)random_number();
	assert_ok(file_write(path, backing, BACKING, 0644, FILE_REPLACE, &err), &err);
	assert_ok(file_open(&fd, &size, path, &err), &err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	scratch_remove(scratch);
	free(backing);
	free(head);
	free(view);
	return 0;
}

static void forget_files(void)
{
	n_files = n_segments = 0;
	n_bytes = 0;
}

/* One more file: `size` bytes in segments of up to `most`, the first `head_len` from memory. */
static struct measure_file *add(size_t size, size_t most, size_t head_len)
{
	struct measure_file *f = &files[n_files];
	size_t shift = random_number() % (BACKING - size + 1), off = 0;
	struct wm_error err = { 0 };

	assert_true(n_files < FILES_MAX && head_len <= HEAD_MAX && size <= BACKING);
	snprintf(names[n_files], sizeof(names[0]), "file %zu", n_files);
	pieces[n_files] = (struct piece){ 0, head_len, head };
	*f = (struct measure_file){ .view = { fd, names[n_files], &pieces[n_files], head_len > 0,
					      head_len, shift, size },
				    .segments = &segments[n_segments] };
	memcpy(view, backing + shift, size);
	memcpy(view, head, head_len < size ? head_len : size);
	for (; off < size; off += segments[n_segments++].len) {
		size_t len = most == 1 ? 1 : most / 2 + random_number() % (most / 2);

		assert_true(n_segments < SEGMENTS_MAX);
		len = len < size - off ? len : size - off;
		segments[n_segments] = (struct segment){ off, len, true, { 0 } };
		naive_root(roots[n_segments], view + off, len);
	}
	f->n_segments = (size_t)(&segments[n_segments] - f->segments);
	assert_ok(sha256_of(plain[n_files++], view, size, &err), &err);
	n_bytes += size;
	return f;
}

static enum wm_code measure_by(unsigned workers, struct progress *progress, struct wm_error *err)
{
	const struct measure m = { files, n_files, workers, progress };

	return measure(&m, err);
}

static void check(unsigned workers)
{
	static const uint8_t none[SHA256_BYTES];
	struct progress progress = { 0 };
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n_segments; i++)
		memset(segments[i].digest, 0, SHA256_BYTES);
	memset(sha256, 0, sizeof(sha256));
	progress_start(&progress, n_bytes);
	assert_ok(measure_by(workers, &progress, &err), &err);
	assert_int_equal(progress.done, n_bytes);
	for (size_t i = 0; i < n_segments; i++)
		assert_memory_equal(segments[i].digest, roots[i], SHA256_BYTES);
	for (size_t i = 0; i < n_files; i++)
		assert_memory_equal(sha256[i], files[i].sha256 ? plain[i] : none, SHA256_BYTES);
}

/* The plain SHA-256 of every `nth` file from the `first` on. */
static void want_plain(size_t first, size_t nth)
{
	for (size_t i = 0; i < n_files; i++)
		files[i].sha256 = i >= first && (i - first) % nth == 0 ? sha256[i] : NULL;
}

/* By several numbers of workers, with the plain SHA-256 of no file, of all, and of some. */
static void check_all(void)
{
	static const unsigned workers[] = { 0, 1, 2, 3, 8 };

	for (size_t w = 0; w < sizeof(workers) / sizeof(*workers); w++) {
		want_plain(n_files, 1);
		check(workers[w]);
		want_plain(0, 1);
		check(workers[w]);
		want_plain(w % 2, 2);
		check(workers[w]);
	}
}

/* All kinds: none, one byte, around a unit, large ones; heads of all lengths. */
static void add_mixed(void)
{
	static const struct {
		size_t size, most, head_len;
	} shapes[] = {
		{ 0, 1 << 20, 0 },
		{ 1, 1 << 20, 0 },
		{ 5000, 300, 70 },
		{ 3 << 20, 1 << 20, 1000 },
		{ 65536, 1 << 20, 65536 },
		{ 65537, 1 << 20, 100000 },
		{ 0, 1 << 20, 10 },
		{ (1 << 20) - 1, 1 << 20, 1 },
		{ 1 << 20, 4 << 20, 0 },
		{ (1 << 20) + 1, 4 << 20, 65 },
		{ 4000000, 70000, HEAD_MAX },
		{ 300, 20, 299 },
		{ 700000, 100000, 0 },
		{ 700000, 1000, 0 },
		{ 9000000, 16 << 20, 0 },
		{ 5000, 2, 0 },
		{ 2, 1, 0 },
	};

	forget_files();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		add(shapes[i].size, shapes[i].most, shapes[i].head_len);
}

static void measures_files_of_mixed_sizes(void **state)
{
	(void)state;
	add_mixed();
	check_all();
}

/* More of them than workers, so that each of these has several after one another. */
static void measures_many_large_files(void **state)
{
	(void)state;
	forget_files();
	for (size_t i = 0; i < 12; i++)
		add((1 << 20) + 1 + random_number() % (2 << 20), 1 << 20, i % 3 * 1000);
	check_all();
}

static void measures_many_tiny_files(void **state)
{
	(void)state;
	forget_files();
	for (size_t i = 0; i < 5000; i++)
		add(i % 50 ? 1 + random_number() % 200 : 0, 200, i % 7);
	add(5 << 20, 1 << 20, 0);
	check_all();
}

/* As many messages as a unit holds, one fewer and one more, alone and between others. */
static void measures_around_the_limits_of_a_batch(void **state)
{
	(void)state;
	for (size_t n = 1022; n <= 1026; n++) {
		forget_files();
		add(n, 1, 0);
		check_all();
		add(n, 1, 0);
		add(1, 1, 0);
		add(n / 2, 1, 0);
		add(n - n / 2, 1, 0);
		check_all();
	}
	for (size_t len = (1 << 19) - 1; len <= (1 << 19) + 1; len++) {
		forget_files();
		for (size_t i = 0; i < 4; i++)
			add(len, 1 << 20, 0);
		add(1, 1, 0);
		check_all();
	}
}

static void measures_cold_files(void **state)
{
	(void)state;
	add_mixed();
	for (unsigned workers = 1; workers <= 3; workers++) {
		want_plain(0, workers);
		assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		check(workers);
	}
}

static void measures_no_files(void **state)
{
	(void)state;
	forget_files();
	check_all();
}

/* What needs no byte of a file asks for none. */
static void needs_no_descriptor_without_bytes(void **state)
{
	(void)state;
	add_mixed();
	for (size_t i = 0; i < n_files; i++)
		if (pieces[i].len >= files[i].view.size)
			files[i].view.fd = -1;
	check_all();
}

/* Whichever file it is, the message names it. */
static void stops_at_the_first_failure(void **state)
{
	(void)state;
	add_mixed();
	for (size_t i = 0; i < n_files; i++) {
		struct view good = files[i].view;

		if (pieces[i].len >= good.size)
			continue;
		for (unsigned workers = 1; workers <= 8; workers += i % 2 ? 1 : 3) {
			struct wm_error err = { 0 };

			want_plain(workers % 2, 1 + workers % 3);
			files[i].view.fd = -1;
			assert_reason(measure_by(workers, NULL, &err), &err, READ_FAILED);
			assert_memory_equal(err.message, good.name, strlen(good.name));
			assert_int_equal(err.message[strlen(good.name)], ':');
			files[i].view = good;
			files[i].view.shift = BACKING - good.size + 1;
			assert_reason(measure_by(workers, NULL, &err), &err, FILE_CHANGED);
			assert_memory_equal(err.message, good.name, strlen(good.name));
			files[i].view = good;
		}
	}
	check(3);
}

static void refuses_segments_that_do_not_tile_the_view(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	add_mixed();
	for (size_t i = 0; i < n_files; i++) {
		struct view *v = &files[i].view;

		v->size++;
		assert_reason(measure_by(2, NULL, &err), &err, INTERNAL);
		v->size -= 2;
		assert_reason(measure_by(2, NULL, &err), &err, INTERNAL);
		v->size++;
	}
}

static enum wm_code measure_it(void *workers, struct wm_error *err)
{
	return measure_by(*(const unsigned *)workers, NULL, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	/* With "evp", digests of nodes survive a failing allocation; the harness wants failure. */
	if (strcmp(digest_kernel_name(), "evp") == 0)
		skip();
	add_mixed();
	want_plain(0, 1);
	for (unsigned workers = 1; workers <= 3; workers++)
		with_every_allocation_failing(measure_it, &workers);
}

static void works_with_every_kernel(void **state)
{
	(void)state;
	run_again_with_every_kernel();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures_files_of_mixed_sizes),
		cmocka_unit_test(measures_many_large_files),
		cmocka_unit_test(measures_many_tiny_files),
		cmocka_unit_test(measures_around_the_limits_of_a_batch),
		cmocka_unit_test(measures_cold_files),
		cmocka_unit_test(measures_no_files),
		cmocka_unit_test(needs_no_descriptor_without_bytes),
		cmocka_unit_test(stops_at_the_first_failure),
		cmocka_unit_test(refuses_segments_that_do_not_tile_the_view),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(works_with_every_kernel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
