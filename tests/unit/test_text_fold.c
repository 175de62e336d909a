/* SPDX-License-Identifier: Apache-2.0 */
/* lib/text/fold.c: which names are one where case and Unicode form are ignored. */
#include "harness.h"

#include "text/fold.h"
#include "text/library.h"

static void fold(struct buf *out, const char *text)
{
	struct wm_error err = { 0 };

	assert_ok(fold_append(out, text, strlen(text), &err), &err);
}

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "", "", true },
	{ "model.safetensors", "model.safetensors", true },
	{ "README.md", "readme.MD", true },
	{ "AZ[`{@", "az[`{@", true },
	{ "a", "b", false },
	{ "a_b", "a-b", false },
	{ "@", "`", false },
	{ "caf\u00e9", "cafe\u0301", true },	 /* NFC and NFD */
	{ "CAF\u00c9", "cafe\u0301", true },
	{ "caf\u00e9", "cafe", false },
	{ "q\u0323\u0307", "q\u0307\u0323", true }, /* order of marks */
	{ "stra\u00dfe", "STRASSE", true },
	{ "\u212a", "k", true },			 /* the sign of kelvin */
	{ "\u03a3", "\u03c2", true },		 /* the sigma at the end of words */
	{ "\u1e9e", "ss", true },
	{ "i", "\u0131", false }, /* Turkish has no rules of its own */
	{ "\u4e2d\u6587", "\u4e2d\u6587", true },
	{ "\u4e2d", "\u6587", false },
	{ "\ufb01", "fi", true },	 /* by case folding alone */
	{ "\u00b2", "2", false },	 /* compatibility is not looked at */
	{ "\u1100\u1161", "\uac00", true }, /* Hangul */
	{ "\u0345\u0301", "\u03b9\u0301", false },
	{ "\u03b1\u0345\u0301", "\u03b1\u0301\u0345", true },
	{ "\U00010400", "\U00010428", true },
};

static void names_that_are_one_have_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cleanup_buf struct buf a = BUF_INIT(100), b = BUF_INIT(100);

		fold(&a, pairs[i].a);
		fold(&b, pairs[i].b);
		if ((strcmp(buf_str(&a), buf_str(&b)) == 0) != pairs[i].same)
			test_failed(__FILE__, __LINE__, "'%s' and '%s': '%s', '%s'", pairs[i].a,
				    pairs[i].b, buf_str(&a), buf_str(&b));
	}
}

static void forms_are_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cleanup_buf struct buf once = BUF_INIT(100), twice = BUF_INIT(100);

		fold(&once, pairs[i].a);
		fold(&twice, buf_str(&once));
		assert_string_equal(buf_str(&once), buf_str(&twice));
	}
}

static void plain_names_are_their_own_form(void **state)
{
	char text[2] = "";

	(void)state;
	assert_true(fold_is_plain("model-00001-of-00002.safetensors", 32));
	for (int c = 1; c < 256; c++) {
		text[0] = (char)c;
		assert_int_equal(fold_is_plain(text, 1), c < 128 && !(c >= 'A' && c <= 'Z'));
	}
}

static void appends_and_keeps_the_maximum(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(8);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_append_str(&b, "ABC", &err), &err);
	fold(&b, "DE");
	fold(&b, "\u00c9");
	assert_string_equal(buf_str(&b), "ABCde\u00e9");
	fold(&b, "X");
	assert_reason(fold_append(&b, "Y", 1, &err), &err, LIMIT);
	assert_reason(fold_append(&b, "\u00c9", 2, &err), &err, LIMIT);
	assert_string_equal(buf_str(&b), "ABCde\u00e9x");
}

static enum wm_code fold_some(void *context, struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(100);

	(void)context;
	TRY(fold_append(&b, "README", 6, err));
	return fold_append(&b, "\u00c9", 2, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(fold_some, NULL);
}

static void says_which_library(void **state)
{
	struct library_version v;

	(void)state;
	fold_library(&v);
	assert_string_equal(v.name, "libunistring");
	assert_true(strcmp(v.compiled, "0.9.4") >= 0);
	assert_true(strcmp(v.running, "0.9.4") >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_one_have_one_form),
		cmocka_unit_test(forms_are_their_own),
		cmocka_unit_test(plain_names_are_their_own_form),
		cmocka_unit_test(appends_and_keeps_the_maximum),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(says_which_library),
	};

	return run_tests(tests);
}
