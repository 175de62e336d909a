/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/hdf5_take.c: that nothing of a list is believed. */
#include "harness.h"

#include <stdio.h>

#include "format/hdf5_internal.h"
#include "made_gguf.h"

enum { FILE_BYTES = 1000 };

/* Takes a list that `text` describes in the words of made_gguf(), of a file of FILE_BYTES. */
static enum wm_code take(struct layout *l, const char *text, uint64_t base, struct wm_error *err)
{
	cleanup_buf struct buf list = BUF_INIT(1 << 24);

	made_gguf(&list, text);
	l->size = FILE_BYTES;
	return hdf5_take_list(l, base, list.data, list.len, "m.h5", err);
}

/* dtype U8 is 1, F32 is 17 and so on: the numbers of enum dtype. */
#define RECORD(dtype, rank, stored, length, off) \
	"m:d b:" dtype " b:" rank " b:" stored " w:" length " q:" off " "
#define BYTES4(name, off) RECORD("1", "1", "1", "1", off) "q:4 m:" name

static void refuses_bad_lists(void **state)
{
	static const struct {
		const char *text, *reason; /* NULL: accepted */
	} rows[] = {
		{ BYTES4("a", "0"), NULL },
		{ BYTES4("a", "996"), NULL },
		{ BYTES4("a", "997"), "hdf5-storage" },
		{ BYTES4("a", "0xffffffffffffffff"), "hdf5-storage" },
		{ "m:x", "hdf5-unreadable" },
		{ "m:d", "hdf5-unreadable" },
		{ "m:d b:1 b:1 b:1", "hdf5-unreadable" },
		{ "m:d b:1 b:1 b:1 w:1 q:0", "hdf5-unreadable" },
		{ "m:d b:1 b:1 b:1 w:1 q:0 q:4", "hdf5-unreadable" },
		{ RECORD("200", "1", "1", "1", "0") "q:4 m:a", "hdf5-unreadable" },
		{ RECORD("27", "1", "1", "1", "0") "q:32 m:a", "hdf5-unreadable" }, /* blocks */
		{ RECORD("1", "33", "1", "1", "0") "z:264 m:a", "hdf5-unreadable" },
		{ RECORD("1", "32", "1", "1", "0") "z:256 m:a", NULL },
		{ RECORD("1", "1", "2", "1", "0") "q:4 m:a", "hdf5-unreadable" },
		{ RECORD("1", "1", "1", "65536", "0") "q:4 r:65536", "hdf5-unreadable" },
		{ RECORD("1", "1", "1", "0xffffffff", "0") "q:4 m:a", "hdf5-unreadable" },
		{ RECORD("1", "1", "1", "0", "0") "q:4", "hdf5-name" },
		{ RECORD("1", "1", "1", "2", "0") "q:4 x:c328", "hdf5-name" },
		{ RECORD("1", "1", "1", "2", "0") "q:4 x:6107", "hdf5-name" },
		{ RECORD("1", "1", "1", "2", "0") "q:4 x:6100", "hdf5-name" },
		{ RECORD("1", "2", "0", "1", "0") "q:0x100000000 q:0x100000000 m:a",
		  "hdf5-storage" },
		{ RECORD("26", "1", "0", "1", "0") "q:0x2000000000000000 m:a", "hdf5-storage" },
		{ RECORD("1", "1", "0", "1", "0") "q:100000 m:a", NULL },
		{ RECORD("1", "1", "0", "1", "0") "q:100001 m:a", "hdf5-expansion" },
		{ RECORD("1", "1", "0", "1", "0") "q:50001 m:a " RECORD("1", "1", "0", "1", "0")
		  "q:50000 m:b", "hdf5-expansion" },
		{ RECORD("1", "1", "0", "1", "0") "q:0xffffffffffffffff m:a "
		  RECORD("1", "1", "0", "1", "0") "q:1 m:b", "hdf5-expansion" },
		{ BYTES4("a", "0") " " BYTES4("a", "4"), "hdf5-duplicate" },
		{ BYTES4("a", "0") " " BYTES4("b", "4"), NULL },
		{ "m:c w:2 m:{}", NULL },
		{ "m:c w:3 m:{}", "hdf5-unreadable" },
		{ "m:c w:1 m:{", "keras-malformed" },
		{ "m:c w:0xffffffff m:{}", "hdf5-unreadable" },
		{ "z:1", "hdf5-unreadable" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code = take(&l, rows[i].text, 0, &err);

		if ((code == WM_OK) != !rows[i].reason ||
		    (rows[i].reason && strcmp(rows[i].reason, err.reason) != 0))
			test_failed(__FILE__, __LINE__, "row %zu: %s: %s", i,
				    code == WM_OK ? "accepted" : err.reason, err.message);
	}
}

static void tiles_the_view(void **state)
{
	/* Behind a block of 100 bytes; b and c share d's place or a part of it. */
	static const struct segment expected[] = {
		{ .off = 0, .len = 110 },
		{ .off = 110, .len = 8, .tensor = true },
		{ .off = 118, .len = 4, .tensor = true },
		{ .off = 122, .len = 878 },
	};
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(take(&l, RECORD("1", "1", "1", "1", "10") "q:8 m:d " BYTES4("b", "14") " "
		       RECORD("1", "2", "1", "1", "10") "q:2 q:4 m:c " BYTES4("e", "18") " "
		       RECORD("1", "1", "1", "1", "12") "q:0 m:f", 100, &err), &err);
	assert_int_equal(l.n_segments, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < l.n_segments; i++) {
		assert_int_equal(l.segments[i].off, expected[i].off);
		assert_int_equal(l.segments[i].len, expected[i].len);
		assert_int_equal(l.segments[i].tensor, expected[i].tensor);
	}
	assert_int_equal(l.tensors[0].segment, 1);
	assert_int_equal(l.tensors[2].segment, 1);
	assert_int_equal(l.tensors[3].segment, 2);
	assert_true(l.tensors[1].segment == SIZE_MAX && l.tensors[4].segment == SIZE_MAX);
	assert_non_null(l.tensors[1].source);
	assert_null(l.tensors[0].source);
	assert_null(l.tensors[4].source);
	assert_reason(take(&l, BYTES4("a", "897"), 100, &err), &err, HDF5_STORAGE);
}

static enum wm_code append(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

static void gathers_what_overlaps(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(FILE_BYTES), out = BUF_INIT(100);
	const struct sink sink = { append, &out };
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	struct window w = { .off = 0, .size = FILE_BYTES, .name = "m.h5" };

	(void)state;
	made_gguf(&bytes, "z:113 m:here z:883");
	fd = made_file(bytes.data, bytes.len);
	w.fd = fd;
	assert_ok(take(&l, BYTES4("a", "12") " " BYTES4("b", "13"), 100, &err), &err);
	assert_ok(format_hdf5.gather(&l, &l.tensors[1], &w, &sink, &err), &err);
	assert_string_equal(buf_str(&out), "here");
}

static enum wm_code take_some(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *list = context;

	l.size = FILE_BYTES;
	return hdf5_take_list(&l, 0, list->data, list->len, "m.h5", err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf list = BUF_INIT(1 << 20);

	(void)state;
	made_gguf(&list, BYTES4("a", "0") " " BYTES4("b", "2") " m:c w:43 "
		  "m:{\"class_name\":\"Lambda\",\"module\":\"\\u0061bc\"}");
	with_every_allocation_failing(take_some, &list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_lists),
		cmocka_unit_test(tiles_the_view),
		cmocka_unit_test(gathers_what_overlaps),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
