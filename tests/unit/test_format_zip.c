/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/zip.c, zip_members.c: the members of archives, and the limits. Malformed archives
 * are those of testdata/bad/zip (test_format_torch_zip.c).
 */
#include "harness.h"

#include <stdio.h>

#include "format/zip_internal.h"
#include "made_zip.h"

static enum wm_code read_zip(struct zip *z, struct layout *l, struct window *w,
			     const struct buf *bytes, struct wm_error *err)
{
	*w = (struct window){ .fd = made_file(bytes->data, bytes->len), .size = bytes->len,
			       .name = "z" };
	TRY(zip_read(z, l, w, err));
	return zip_close(z, l, err);
}

static const struct made_member few[] = {
	{ "a/b", "hello", 5, 0 }, { "a/", "", 0, 0 }, { "a/B2", "", 0, 30 }, { "c", "0123456789", 10, 4 },
};
enum { N_FEW = sizeof(few) / sizeof(few[0]) };

static void lists_members(void **state)
{
	(void)state;
	for (int zip64 = 0; zip64 < 2; zip64++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_zip struct zip z = { 0 };
		struct wm_error err = { 0 };
		struct window w;

		made_zip(&bytes, few, N_FEW, zip64);
		assert_ok(read_zip(&z, &l, &w, &bytes, &err), &err);
		assert_int_equal(z.n_members, N_FEW);
		for (size_t i = 0; i < N_FEW; i++) {
			const struct zip_member *m = &z.members[i];
			struct window part = zip_window(m, &w, "part");

			assert_string_equal(m->name, few[i].name);
			assert_true(m->name_len == strlen(few[i].name) && !m->deflated);
			assert_true(m->len == few[i].len && m->stored_len == few[i].len);
			assert_memory_equal(bytes.data + m->off, few[i].data, few[i].len);
			assert_ptr_equal(zip_find(&z, few[i].name), m);
			assert_true(part.off == m->off && part.size == m->len && part.fd == w.fd);
		}
		assert_null(zip_find(&z, "a/b2"));
		assert_null(zip_find(&z, "A/B"));
		assert_null(zip_find(&z, ""));
		assert_int_equal(l.size, bytes.len);
		assert_int_equal(l.zone.to, bytes.len);
		assert_int_equal(l.zone.from, z.directory_off);
		assert_memory_equal(bytes.data + l.zone.from, "PK\1\2", 4);
		for (size_t i = 0; i < l.n_pieces; i++)
			assert_memory_equal(l.pieces[i].data, bytes.data + l.pieces[i].off,
					    l.pieces[i].len);
		close(w.fd);
	}
}

static void an_archive_can_be_empty(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	struct wm_error err = { 0 };
	struct window w;

	(void)state;
	made_zip(&bytes, few, 0, false);
	assert_ok(read_zip(&z, &l, &w, &bytes, &err), &err);
	assert_true(z.n_members == 0 && !zip_find(&z, "a"));
	close(w.fd);
}

static void tells_names_but_for_case(void **state)
{
	(void)state;
	assert_true(zip_same_name("", ""));
	assert_true(zip_same_name("aZ/0[", "Az/0["));
	assert_false(zip_same_name("a", "ab"));
	assert_false(zip_same_name("ab", "a"));
	assert_false(zip_same_name("[", "{")); /* 0x20 apart, and no letters */
	assert_false(zip_same_name("@", "`"));
	assert_false(zip_same_name("\xc3\x84", "\xc3\xa4"));
}

static void end_records_are_parsed_of_any_length(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_zip(&bytes, few, N_FEW, true);
	for (size_t len = 0; len <= ZIP_ENDS_BYTES; len++) {
		cleanup_free uint8_t *tail = malloc(len + !len);
		struct zip_end e;

		assert_non_null(tail);
		memcpy(tail, bytes.data + bytes.len - len, len);
		if (zip_parse_end(&e, tail, len))
			assert_true(len >= ZIP_END_BYTES);
		else
			assert_true(len < ZIP_END_BYTES);
	}
}

/* A member is loaded up to a limit, and where it is stored. */
static void loads_small_members(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	const uint8_t *data = NULL;
	struct wm_error err = { 0 };
	struct window w = { .name = "z" };
	size_t n_pieces;

	(void)state;
	made_zip(&bytes, few, N_FEW, false);
	w.fd = made_file(bytes.data, bytes.len);
	w.size = bytes.len;
	assert_ok(zip_read(&z, &l, &w, &err), &err);
	n_pieces = l.n_pieces;
	assert_ok(zip_load(&data, &l, zip_find(&z, "c"), 10, &w, &err), &err);
	assert_memory_equal(data, "0123456789", 10);
	assert_int_equal(l.n_pieces, n_pieces + 1);
	assert_reason(zip_load(&data, &l, zip_find(&z, "c"), 9, &w, &err), &err, LIMIT);
	z.members[0].deflated = true;
	assert_reason(zip_load(&data, &l, &z.members[0], 10, &w, &err), &err, ZIP_METHOD);
	close(w.fd);
}

/* An archive within a file is one by itself. */
static void reads_a_window(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	struct wm_error err = { 0 };
	struct window w = { .off = 7, .name = "z" };

	(void)state;
	assert_ok(buf_append(&bytes, "before:", 7, &err), &err);
	made_zip(&bytes, few, 1, false);
	/* The offsets are those of the archive. */
	assert_memory_equal(bytes.data + bytes.len - 22 + 16, "\x2d", 1);
	bytes.data[bytes.len - 22 + 16] -= 7;
	bytes.data[bytes.len - 22 - 3 - 4] -= 7;
	w.size = bytes.len - 7;
	assert_ok(buf_append(&bytes, "behind", 6, &err), &err);
	w.fd = made_file(bytes.data, bytes.len);
	assert_ok(zip_read(&z, &l, &w, &err), &err);
	assert_int_equal(zip_window(&z.members[0], &w, "b").off, 7 + 30 + 3);
	close(w.fd);
}

/* `n` members of names of `name_len` bytes, with extra fields of `extra`. */
static enum wm_code read_many(size_t n, size_t name_len, size_t extra, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 27);
	cleanup_free struct made_member *members = calloc(n, sizeof(*members));
	cleanup_free char *names = calloc(n, name_len + 1);
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	struct window w;
	enum wm_code code;

	assert_true(members && names);
	for (size_t i = 0; i < n; i++) {
		char *name = names + i * (name_len + 1);

		memset(name, 'n', name_len);
		snprintf(name, name_len + 1, "%0*zu", (int)name_len, i);
		members[i] = (struct made_member){ name, "", 0, extra };
	}
	made_zip(&bytes, members, n, true);
	code = read_zip(&z, &l, &w, &bytes, err);
	close(w.fd);
	return code;
}

static void keeps_to_the_limits(void **state)
{
	const size_t n_names = LIMIT_DIRECTORY / (46 + 4050);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(read_many(LIMIT_MEMBERS, 6, 0, &err), &err);
	assert_reason(read_many(LIMIT_MEMBERS + 1, 6, 0, &err), &err, LIMIT);
	assert_ok(read_many(n_names, 4050, 0, &err), &err);
	assert_reason(read_many(n_names + 1, 4050, 0, &err), &err, HEADER_TOO_LARGE);
	assert_ok(read_many(LIMIT_LOCALS / 65536, 6, 65500, &err), &err);
	assert_reason(read_many(LIMIT_LOCALS / 65536 + 1, 6, 65500, &err), &err, HEADER_TOO_LARGE);
	assert_ok(read_many(1, LIMIT_PATH, 0, &err), &err);
	assert_reason(read_many(1, LIMIT_PATH + 1, 0, &err), &err, ZIP_NAME);
}

/* No bit of an archive can change what is there unnoticed, but for dates and the like. */
static void notices_changed_bits(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	size_t n_taken = 0;

	(void)state;
	made_zip(&bytes, few, N_FEW, true);
	for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_zip struct zip z = { 0 };
		struct wm_error err = { 0 };
		struct window w;

		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (read_zip(&z, &l, &w, &bytes, &err) == WM_OK) {
			assert_int_equal(z.n_members, N_FEW);
			for (size_t i = 0; i < N_FEW; i++) {
				assert_string_equal(z.members[i].name, few[i].name);
				assert_int_equal(z.members[i].len, few[i].len);
			}
			n_taken++;
		}
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		close(w.fd);
	}
	/* Bytes of members, versions, dates, attributes, the inside of extra fields. */
	assert_true(n_taken > 8 * 15 && n_taken < 8 * bytes.len / 3);
}

static enum wm_code read_again(void *context, struct wm_error *err)
{
	const struct buf *bytes = context;
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_zip struct zip z = { 0 };
	struct window w = { .fd = -1 };
	enum wm_code code = read_zip(&z, &l, &w, bytes, err);

	close(w.fd);
	return code;
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_zip(&bytes, few, N_FEW, false);
	with_every_allocation_failing(read_again, &bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_members),
		cmocka_unit_test(an_archive_can_be_empty),
		cmocka_unit_test(tells_names_but_for_case),
		cmocka_unit_test(end_records_are_parsed_of_any_length),
		cmocka_unit_test(loads_small_members),
		cmocka_unit_test(reads_a_window),
		cmocka_unit_test(keeps_to_the_limits),
		cmocka_unit_test(notices_changed_bits),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
