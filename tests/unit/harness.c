/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test shares; see harness.h. */
#include "harness.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>
#include <time.h>

#include "util/file.h"

void test_failed(const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint_error(format, args);
	va_end(args);
	print_error("\n");
	_fail(file, line);
	abort();
}

static size_t fail_at, n_allocations;

static bool next_fails(void)
{
	return fail_at && __atomic_add_fetch(&n_allocations, 1, __ATOMIC_RELAXED) >= fail_at;
}

/* The linker's --wrap sends our calls here; __real_X is the C library's. */
#define WRAP(type, name, parameters, arguments)           \
	type __real_##name parameters;                    \
	type __wrap_##name parameters;                    \
	type __wrap_##name parameters                     \
	{                                                 \
		return next_fails() ? NULL : __real_##name arguments; \
	}
WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t size), (p, size))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

void fail_allocation(size_t n)
{
	n_allocations = 0;
	fail_at = n;
}

void with_every_allocation_failing(enum wm_code (*body)(void *context, struct wm_error *err),
				   void *context)
{
	for (size_t n = 1;; n++) {
		struct wm_error err = { 0 };
		enum wm_code code;

		fail_allocation(n);
		code = body(context, &err);
		fail_at = 0;
		if (n_allocations < n) {
			assert_ok(code, &err);
			return;
		}
		assert_int_equal(code, WM_NOMEM);
	}
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void read_file(struct buf *out, const char *path)
{
	struct wm_error err = { 0 };

	assert_ok(file_read(out, path, &err), &err);
}

void check_recorded(const char *path, const struct buf *expected)
{
	cleanup_buf struct buf found = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	if (getenv("GOLDEN") && *getenv("GOLDEN"))
		assert_ok(file_write(path, expected->data, expected->len, 0644, FILE_REPLACE, &err),
			  &err);
	read_file(&found, path);
	assert_int_equal(found.len, expected->len);
	assert_memory_equal(found.data, expected->data, found.len);
}

char *scratch_new(void)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/weightmark-test-XXXXXX",
			     getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") > 0);
	assert_non_null(mkdtemp(path));
	return path;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st, (void)flag, (void)where;
	return remove(path);
}

void scratch_remove(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}
