/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/error.c and limits.c: codes, messages, exit statuses, tables. */
#include "harness.h"

#include <errno.h>

#include "util/limits.h"

static void reasons_have_all_they_need(void **state)
{
	(void)state;
	for (int i = REASON_NONE + 1; i < N_REASONS; i++) {
		const struct reason_info *info = reason_info((enum reason)i);

		assert_int_equal(reason_find(info->id), i);
		assert_int_not_equal(info->code, WM_OK);
		assert_true(strlen(info->sentence) > 10);
		assert_true(strlen(info->remedy) > 5);
		assert_int_equal(strspn(info->id, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(info->id));
	}
	assert_int_equal(reason_find("no such reason"), REASON_NONE);
	assert_int_equal(reason_find(""), REASON_NONE);
	assert_ptr_equal(reason_info(N_REASONS), reason_info(REASON_INTERNAL));
}

static void classes_have_their_exit_status(void **state)
{
	static const struct {
		enum wm_code code;
		int status;
	} rows[] = {
		{ WM_OK, 0 },	      { WM_FORMAT, 1 }, { WM_LIMIT, 1 },    { WM_MISMATCH, 1 },
		{ WM_SIGNATURE, 1 },  { WM_POLICY, 1 }, { WM_NOTFOUND, 1 }, { WM_INVALID, 2 },
		{ WM_IO, 3 },	      { WM_NOMEM, 3 },	{ WM_INTERNAL, 3 }, { (enum wm_code)99, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(exit_status(rows[i].code), rows[i].status);
}

static void failures_are_filled_in(void **state)
{
	struct wm_error err = { 0 };

	(void)state;
	errno = ENOSPC;
	assert_int_equal(fail(&err, REASON_WRITE_FAILED, "%s: %d", "a", 7), WM_IO);
	assert_int_equal(err.code, WM_IO);
	assert_int_equal(err.saved_errno, ENOSPC);
	assert_string_equal(err.message, "a: 7");
	assert_int_equal(error_reason(&err), REASON_WRITE_FAILED);
	assert_int_equal(fail(&err, REASON_LIMIT, "x"), WM_LIMIT);
	assert_int_equal(err.saved_errno, 0);
	assert_int_equal(fail(NULL, REASON_LIMIT, "x"), WM_LIMIT);
	assert_int_equal(fail_nomem(&err), WM_NOMEM);
	assert_string_equal(err.reason, "no-memory");
	assert_int_equal(fail_nomem(NULL), WM_NOMEM);
	memset(&err, 0, sizeof(err));
	assert_int_equal(error_reason(&err), REASON_NONE);
}

static void messages_and_contexts_are_cut(void **state)
{
	char text[2 * LIMIT_MESSAGE];
	struct wm_error err = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int len = LIMIT_MESSAGE - 2; len <= LIMIT_MESSAGE + 1; len++) {
		(void)fail(&err, REASON_LIMIT, "%.*s", len, text);
		assert_int_equal(strlen(err.message),
				 len < LIMIT_MESSAGE ? len : LIMIT_MESSAGE - 1);
		assert_int_equal(fail_context(WM_LIMIT, &err, "shard %d", 3), WM_LIMIT);
		assert_int_equal(strlen(err.message), LIMIT_MESSAGE - 1);
		assert_memory_equal(err.message, "shard 3: xxx", 12);
	}
	(void)fail(&err, REASON_LIMIT, "inner");
	(void)fail_context(WM_LIMIT, &err, "%s", text);
	assert_int_equal(strlen(err.message), LIMIT_MESSAGE - 1);
	(void)fail(&err, REASON_LIMIT, "inner");
	(void)fail_context(WM_LIMIT, &err, "outer");
	assert_string_equal(err.message, "outer: inner");
	assert_string_equal(err.reason, "limit");
	assert_int_equal(fail_context(WM_FORMAT, NULL, "outer"), WM_FORMAT);
}

static void limits_are_listed(void **state)
{
	bool found = false;

	(void)state;
	for (const struct limit *l = limit_table; l->name; l++) {
		assert_true(l->value > 0);
		assert_true(*l->unit && *l->what);
		if (strcmp(l->name, "STATEMENT") == 0)
			found = l->value == LIMIT_STATEMENT;
	}
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_have_all_they_need),
		cmocka_unit_test(classes_have_their_exit_status),
		cmocka_unit_test(failures_are_filled_in),
		cmocka_unit_test(messages_and_contexts_are_cut),
		cmocka_unit_test(limits_are_listed),
	};

	return run_tests(tests);
}
