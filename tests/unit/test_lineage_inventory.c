/* SPDX-License-Identifier: Apache-2.0 */
/* Inventories and lists of sums. */
#include <stdio.h>

#include "harness.h"

#include "lineage/inventory.h"
#include "util/file.h"

#define HEX  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BASE "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void test_digest(void **state)
{
	static const char *const good[] = { HEX, BASE, "sha256:" HEX, "SHA256:" BASE,
					    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA49599"
					    "1B7852B855" };
	static const char *const bad[] = { "", "sha256:", HEX "0", BASE "-2", "sha256:sha256:" HEX,
					   "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
					   "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
					   "7852b855" };
	uint8_t first[SHA256_BYTES], digest[SHA256_BYTES];

	(void)state;
	assert_true(inventory_digest(first, HEX));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(inventory_digest(digest, good[i]));
		assert_memory_equal(digest, first, SHA256_BYTES);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(inventory_digest(digest, bad[i]));
}

static enum wm_code note(void *context, const struct listed_copy *row, struct wm_error *err)
{
	return buf_printf(context, err, "%s:%s:%lld:%d/", row->bucket ? row->bucket : "-", row->key,
			  row->has_size ? (long long)row->size : -1, row->has_sha256);
}

struct given {
	const char *path, *text;
	bool sums;
};

static enum wm_code read_given(struct buf *out, const struct given *g, struct wm_error *err)
{
	return g->sums ? sums_read(g->path, note, out, err) :
			 inventory_read(g->path, note, out, err);
}

static void test_lists(void **state)
{
	static const struct {
		bool sums;
		const char *text;
		const char *rows; /* NULL: `reason` */
		enum reason reason;
	} cases[] = {
		{ false, "key,sha256\n", "", 0 },
		{ false, "Size,SHA-256,Object Key\n7," BASE ",a/b\n,,c\n", "-:a/b:7:1/-:c:-1:0/", 0 },
		{ false, "name,key,checksum,sha256,bucket\nx,k,," HEX ",b\n", "b:k:-1:1/", 0 },
		{ false, "", NULL, REASON_TABLE_COLUMNS },
		{ false, "key,etag\n", NULL, REASON_TABLE_COLUMNS },
		{ false, "sha256\n", NULL, REASON_TABLE_COLUMNS },
		{ false, "key,key,sha256\n", NULL, REASON_TABLE_MALFORMED },
		{ false, "key,sha256,size\na,,-1\n", NULL, REASON_TABLE_MALFORMED },
		{ false, "key,sha256,size\na,,18446744073709551616\n", NULL,
		  REASON_TABLE_MALFORMED },
		{ false, "key,sha256,size\na,,18446744073709551615\n", "-:a:-1:0/", 0 },
		{ true, HEX "  a\n" HEX " *b\n# c\n", "-:a:-1:1/-:b:-1:1/", 0 },
		{ true, "SHA256 (a) = b) = " HEX "\n", "-:a) = b:-1:1/", 0 },
		{ true, "\\" HEX "  a\\nb\\\\c\\rd\n", "-:a\nb\\c\rd:-1:1/", 0 },
		{ true, "\\SHA256 (a\\nb) = " HEX "\n", "-:a\nb:-1:1/", 0 },
		{ true, "\\" HEX "  a\\x\n", NULL, REASON_TABLE_MALFORMED },
		{ true, "\\" HEX "  a\\\n", NULL, REASON_TABLE_MALFORMED },
		{ true, HEX "  \n", NULL, REASON_TABLE_MALFORMED },
		{ true, HEX " x\n", NULL, REASON_TABLE_MALFORMED },
		{ true, "SHA256 () = " HEX "\n", NULL, REASON_TABLE_MALFORMED },
		{ true, "SHA256 (" HEX "\n", NULL, REASON_TABLE_MALFORMED },
		{ true, "MD5 (a) = " HEX "\n", NULL, REASON_TABLE_MALFORMED },
	};
	char *dir = scratch_new(), path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/list", dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct given g = { path, cases[i].text, cases[i].sums };
		cleanup_buf struct buf out = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		enum wm_code code;

		assert_ok(file_write(path, g.text, strlen(g.text), 0600, FILE_REPLACE, &err), &err);
		code = read_given(&out, &g, &err);
		if (!cases[i].rows) {
			assert_int_not_equal(code, WM_OK);
			assert_int_equal(error_reason(&err), cases[i].reason);
			continue;
		}
		assert_ok(code, &err);
		/* The largest size fits. */
		if (!strstr(g.text, "18446744073709551615"))
			assert_string_equal(buf_str(&out), cases[i].rows);
	}
	scratch_remove(dir);
}

static enum wm_code read_once(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);

	return read_given(&out, context, err);
}

static void test_allocations(void **state)
{
	char *dir = scratch_new(), path[4096];
	struct given g = { path, "key,sha256\na," HEX "\n", false };
	struct wm_error err = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "%s/list", dir);
	assert_ok(file_write(path, g.text, strlen(g.text), 0600, FILE_REPLACE, &err), &err);
	with_every_allocation_failing(read_once, &g);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_allocations),
	};

	return run_tests(tests);
}
