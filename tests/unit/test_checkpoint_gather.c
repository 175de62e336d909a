/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/gather.c: a tensor that is no run has the digest of one that is. */
#include "harness.h"

#include "checkpoint/gather.h"
#include "made.h"
#include "naive.h"
#include "util/file.h"

#define GOOD "testdata/good/torch/"

static int given(struct layout *l, const char *path)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	int fd;

	read_file(&bytes, path);
	fd = made_file(bytes.data, bytes.len);
	assert_ok(format_parse(l, fd, bytes.len, path, &err), &err);
	return fd;
}

/* transposed.pt: m = 0 to 23 as six rows of four floats, t its transpose. */
static void digests_the_logical_bytes(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = given(&l, GOOD "transposed.pt");
	struct progress progress = { 0 };
	struct wm_error err = { 0 };
	uint8_t expected[SHA256_BYTES];
	float turned[24];

	(void)state;
	for (size_t row = 0; row < 4; row++)
		for (size_t column = 0; column < 6; column++)
			turned[row * 6 + column] = (float)(column * 4 + row);
	naive_root(expected, (const uint8_t *)turned, sizeof(turned));
	assert_true(gather_wanted(&l));
	assert_int_equal(gather_size(&l), 96 + 96);
	assert_ok(gather_tensors(&l, fd, "m", &progress, &err), &err);
	assert_int_equal(progress.done, 96 + 96);
	assert_memory_equal(find_tensor(&l, "t")->digest, expected, SHA256_BYTES);
	assert_non_null(find_tensor(&l, "p")->digest);
	assert_null(find_tensor(&l, "m")->digest);
	/* Once is enough. */
	assert_false(gather_wanted(&l));
	assert_int_equal(gather_size(&l), 0);
	assert_ok(gather_tensors(&l, -1, "m", &progress, &err), &err);
}

static void nothing_to_gather_in_runs(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = given(&l, GOOD "ordered.pt");
	struct progress progress = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_false(gather_wanted(&l));
	assert_int_equal(gather_size(&l), 0);
	assert_ok(gather_tensors(&l, fd, "m", &progress, &err), &err);
	for (size_t i = 0; i < l.n_tensors; i++)
		assert_null(l.tensors[i].digest);
}

/* A format that gives less than it should. */
static enum wm_code give_little(const struct layout *l, const struct tensor *t,
				const struct window *w, const struct sink *sink,
				struct wm_error *err)
{
	(void)l;
	(void)w;
	return sink->take(sink->context, "0123456789", (size_t)t->len - 1, err);
}

static void formats_have_to_give_all(void **state)
{
	const struct format little = { .gather = give_little };
	struct tensor t = { .name = "t", .len = 4, .source = "", .segment = SIZE_MAX };
	struct layout l = { .format = &little, .tensors = &t, .n_tensors = 1 };
	struct progress progress = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(gather_tensors(&l, -1, "m", &progress, &err), &err, INTERNAL);
	assert_null(t.digest);
}

static void files_can_become_shorter(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = given(&l, GOOD "transposed.pt");
	struct progress progress = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	assert_int_equal(ftruncate(fd, 300), 0);
	assert_reason(gather_tensors(&l, fd, "m", &progress, &err), &err, FILE_CHANGED);
}

static enum wm_code gather_some(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct progress progress = { 0 };
	const struct buf *file = context;
	cleanup_fd int fd = made_file(file->data, file->len);

	TRY(format_parse(&l, fd, file->len, "m.pt", err));
	return gather_tensors(&l, fd, "m", &progress, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "fortran.pt");
	with_every_allocation_failing(gather_some, &bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_the_logical_bytes),
		cmocka_unit_test(nothing_to_gather_in_runs),
		cmocka_unit_test(formats_have_to_give_all),
		cmocka_unit_test(files_can_become_shorter),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
