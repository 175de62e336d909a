/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/pointer.c: the one form of a pointer, and every change of it. */
#include "harness.h"

#include <stdio.h>

#include "checkpoint/pointer.h"
#include "util/hex.h"

#define VERSION "version https://git-lfs.github.com/spec/v1\n"
#define DIGITS "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define OID "oid sha256:" DIGITS "\n"
#define EXT(key) "ext-" key " sha256:" DIGITS "\n"

static const char good[] = VERSION OID "size 12345\n";
static const char extended[] = VERSION EXT("0-foo") EXT("1-bar.b-9") OID "size 12345\n";

static bool reads(struct pointer *out, const char *text)
{
	return pointer_read(out, text, strlen(text));
}

static void reads_what_git_lfs_writes(void **state)
{
	struct pointer p = { 0 };
	char digits[sizeof(DIGITS)];

	(void)state;
	assert_true(reads(&p, good));
	hex_encode(digits, p.sha256, sizeof(p.sha256));
	assert_string_equal(digits, DIGITS);
	assert_int_equal(p.size, 12345);
	assert_false(p.extended);
	assert_true(reads(&p, extended));
	assert_int_equal(p.size, 12345);
	assert_true(p.extended);
	assert_true(reads(&p, VERSION EXT("0-a") EXT("9-a") OID "size 0\n"));
	assert_int_equal(p.size, 0);
	assert_true(reads(&p, VERSION OID "size 9223372036854775807\n"));
	assert_int_equal(p.size, INT64_MAX);
}

static const char *const bad[] = {
	"",
	"\n",
	VERSION,
	VERSION OID,
	VERSION "size 12345\n",
	VERSION "size 12345\n" OID,
	VERSION OID OID "size 12345\n",
	VERSION OID "size 12345\nsize 12345\n",
	VERSION OID "size 12345",
	VERSION OID "size 12345\r\n",
	VERSION OID "size 12345\n\n",
	VERSION OID "size 12345 \n",
	VERSION OID "size \n",
	VERSION OID "size\n",
	VERSION OID "size  1\n",
	VERSION OID "size 012345\n",
	VERSION OID "size 00\n",
	VERSION OID "size -1\n",
	VERSION OID "size +1\n",
	VERSION OID "size 0x1\n",
	VERSION OID "size 9223372036854775808\n",
	VERSION OID "size 18446744073709551616\n",
	VERSION OID "size 99999999999999999999\n",
	VERSION OID "size 12345\nx-other 1\n",
	VERSION "a-other 1\n" OID "size 12345\n",
	"\xef\xbb\xbf" VERSION OID "size 12345\n",
	" " VERSION OID "size 12345\n",
	OID VERSION "size 12345\n",
	"version https://hawser.github.com/spec/v1\n" OID "size 12345\n",
	"version http://git-media.io/v/2\n" OID "size 12345\n",
	"version https://git-lfs.github.com/spec/v2\n" OID "size 12345\n",
	"version https://git-lfs.github.com/spec/v1 \n" OID "size 12345\n",
	VERSION "oid sha256:4D7A214614AB2935C943F9E0FF69D22EADBB8F32B1258DAAA5E2CA24D17E2393\n"
		"size 12345\n",
	VERSION "oid sha512:" DIGITS "\nsize 12345\n",
	VERSION "oid " DIGITS "\nsize 12345\n",
	VERSION "oid sha256:" DIGITS "00\nsize 12345\n",
	VERSION OID EXT("0-foo") "size 12345\n",
	VERSION EXT("1-bar") EXT("0-foo") OID "size 12345\n",
	VERSION EXT("0-foo") EXT("0-goo") OID "size 12345\n",
	VERSION EXT("0-") OID "size 12345\n",
	VERSION EXT("0") OID "size 12345\n",
	VERSION EXT("-foo") OID "size 12345\n",
	VERSION EXT("a-foo") OID "size 12345\n",
	VERSION EXT("10-foo") OID "size 12345\n",
	VERSION EXT("0-Foo") OID "size 12345\n",
	VERSION EXT("0-f_o") OID "size 12345\n",
	VERSION EXT("0-foo ") OID "size 12345\n",
	VERSION "ext-0-foo sha256:12\n" OID "size 12345\n",
};

static void refuses_every_other_form(void **state)
{
	struct pointer p = { .size = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reads(&p, bad[i]))
			test_failed(__FILE__, __LINE__, "accepted: %s", bad[i]);
	assert_int_equal(p.size, 7);
}

static void refuses_every_truncation(void **state)
{
	const char *const texts[] = { good, extended };
	struct pointer p;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t len = 0; len < strlen(texts[i]); len++) {
			/* Memory of exactly that size, for the sanitizer. */
			cleanup_free char *cut = malloc(len + !len);

			assert_non_null(cut);
			memcpy(cut, texts[i], len);
			assert_false(pointer_read(&p, cut, len));
		}
}

/* The pointer as git-lfs would write it; extension lines are copied from `text`. */
static void write_again(struct buf *out, const struct pointer *p, const char *text)
{
	const char *oid = strstr(text, "oid ");
	struct wm_error err = { 0 };

	assert_non_null(oid);
	assert_ok(buf_append(out, text, (size_t)(oid - text), &err), &err);
	assert_ok(buf_append_str(out, "oid sha256:", &err), &err);
	assert_ok(buf_append_hex(out, p->sha256, sizeof(p->sha256), &err), &err);
	assert_ok(buf_printf(out, &err, "\nsize %llu\n", (unsigned long long)p->size), &err);
}

/* A changed byte is refused, or what is read says just what is written there. */
static void every_byte_matters(void **state)
{
	const char *const texts[] = { good, extended };
	size_t n_accepted = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t at = 0; at < strlen(texts[i]); at++)
			for (int c = 1; c < 256; c++) {
				cleanup_free char *text = strdup(texts[i]);
				cleanup_buf struct buf again = BUF_INIT(2000);
				struct pointer p;

				assert_non_null(text);
				text[at] = (char)c;
				if (!reads(&p, text))
					continue;
				n_accepted++;
				write_again(&again, &p, text);
				assert_string_equal(buf_str(&again), text);
			}
	/* 16 in place of each digit of an oid, 9 and 10 of the size; names and orders. */
	assert_true(n_accepted > (size_t)4 * 64 * 16);
	assert_true(n_accepted < (size_t)6 * 64 * 16);
}

static void is_shorter_than_its_maximum(void **state)
{
	(void)state;
	for (size_t target = POINTER_BYTES - 2; target <= POINTER_BYTES + 1; target++) {
		cleanup_buf struct buf text = BUF_INIT(2000);
		struct wm_error err = { 0 };
		struct pointer p;

		assert_ok(buf_append_str(&text, VERSION "ext-0-", &err), &err);
		while (text.len < target - strlen(" sha256:" DIGITS "\n" OID "size 1\n"))
			assert_ok(buf_append_byte(&text, 'a', &err), &err);
		assert_ok(buf_append_str(&text, " sha256:" DIGITS "\n" OID "size 1\n", &err), &err);
		assert_int_equal(text.len, target);
		assert_int_equal(pointer_read(&p, text.data, text.len), target < POINTER_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_git_lfs_writes),
		cmocka_unit_test(refuses_every_other_form),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(every_byte_matters),
		cmocka_unit_test(is_shorter_than_its_maximum),
	};

	return run_tests(tests);
}
