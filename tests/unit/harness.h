/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test shares: cmocka in its required order, files of testdata/,
 * scratch directories, and allocations that can be made to fail.
 *
 * Tests run from the top of the checkout.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
/* cmocka has macros of these names; ours are other things. */
#undef fail
#undef run_tests

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Whether this is built with sanitizers, which take memory of their own. */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Fails the test with a message; cmocka's fail_msg() cannot stand beside our fail(). */
_Noreturn void test_failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Asserts success and shows the message of `err` otherwise. */
#define assert_ok(call, err)                                                  \
	do {                                                                  \
		if ((call) != WM_OK)                                          \
			test_failed(__FILE__, __LINE__, "%s: %s (%s)", #call, \
				    (err)->message, (err)->reason);           \
	} while (0)

/* Asserts failure with exactly the reason REASON_`name`. */
#define assert_reason(call, err, name)                                        \
	do {                                                                  \
		enum wm_code got_ = (call);                                   \
		assert_int_not_equal(got_, WM_OK);                            \
		assert_string_equal((err)->reason, reason_info(REASON_##name)->id); \
		assert_int_equal(got_, (err)->code);                          \
	} while (0)

/*
 * Runs `body(context, &err)` with allocation 1, 2, 3 ... failing, until it succeeds
 * without any failing; each failure must be WM_NOMEM and must leak nothing (SAN=1).
 * Counts only our own calls of malloc() and its kin, not those of libraries.
 */
void with_every_allocation_failing(enum wm_code (*body)(void *context, struct wm_error *err),
				   void *context);

/* Makes the `n`th allocation from now fail, and all after it; 0 stops that. */
void fail_allocation(size_t n);

/* Seconds since some moment, for what takes too long. */
double seconds(void);

/* The whole file `path` in `out`. */
void read_file(struct buf *out, const char *path);

/* Compares a file of testdata/ with what is expected; `make golden` writes it. */
void check_recorded(const char *path, const struct buf *expected);

/* A new empty directory, removed with all it holds by scratch_remove(). */
char *scratch_new(void);
void scratch_remove(char *path);

/* Runs the tests of one program and prints TAP. */
#define run_tests(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

#endif
