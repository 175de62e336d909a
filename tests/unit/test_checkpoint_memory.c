/* SPDX-License-Identifier: Apache-2.0 */
/* What opening and measuring takes of memory where a file has all the tensors that it may. */
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"

#include "checkpoint/checkpoint.h"
#include "made_gguf.h"
#include "made_onnx.h"
#include "made_tar.h"

enum { KIB = 1024, MOST = 64 * KIB };

static long peak(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss;
}

/* The KiB by which a process grows that measures the file. */
static long growth(const char *path)
{
	int ends[2];
	long more = 0;
	pid_t child;

	malloc_trim(0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct checkpoint_measure_options measuring = { .workers = 2 };
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };
		const long before = peak();

		if (checkpoint_open(&c, path, &(struct checkpoint_open_options){ 0 }, &err) ||
		    checkpoint_find_parts(c, &err) || checkpoint_measure(c, &measuring, &err))
			_exit(1);
		more = peak() - before;
		_exit(write(ends[1], &more, sizeof(more)) != sizeof(more));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &more, sizeof(more)), sizeof(more));
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return more;
}

static void made_gguf_tar(struct buf *out, size_t n)
{
	cleanup_buf struct buf member = BUF_INIT(1 << 26);

	made_gguf_many(&member, n);
	made_tar_member(out, "m.gguf", '0', member.data, member.len);
	made_tar_zeros(out, 1024);
}

static void is_bounded_with_many_tensors(void **state)
{
	static const struct {
		const char *name;
		void (*make)(struct buf *out, size_t n);
	} rows[] = {
		{ "m.safetensors", made_many },
		{ "m.gguf", made_gguf_many },
		{ "m.onnx", made_onnx_many },
		{ "m.tar", made_gguf_tar },
	};
	char *scratch = scratch_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 26), path = BUF_INIT(LIMIT_PATH);
		struct wm_error err = { 0 };
		FILE *f;
		long more;

		rows[i].make(&bytes, LIMIT_TENSORS);
		assert_ok(buf_printf(&path, &err, "%s/%s", scratch, rows[i].name), &err);
		f = fopen(buf_str(&path), "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
		assert_int_equal(fclose(f), 0);
		buf_release(&bytes);
		more = growth(buf_str(&path));
		print_message("# %s: %ld MiB\n", rows[i].name, more / KIB);
		assert_true(more > KIB);
		if (!SANITIZED)
			assert_true(more <= MOST);
	}
	scratch_remove(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_bounded_with_many_tensors),
	};

	return run_tests(tests);
}
