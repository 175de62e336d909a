/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/format.c, raw.c, dtype.c: the table of formats, picking one, the table of types. */
#include "harness.h"

#include <unistd.h>

#include "made.h"

#define SPACES16 "                "
#define SPACES256 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 \
		  SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16
#define SPACES4096 SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 \
		   SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 SPACES256 \
		   SPACES256 SPACES256

static void picks_by_name_and_content(void **state)
{
	static const struct {
		const char *name;
		struct made made;
		const char *grammar; /* NULL: claimed by safetensors, which refuses it */
	} rows[] = {
		{ "model.safetensors", { HEADER("{}"), 0, 0 }, "safetensors/1" },
		{ "MODEL.SAFETENSORS", { HEADER("{}"), 0, 0 }, "safetensors/1" },
		{ "model.bin", { HEADER("{}"), 0, 0 }, "safetensors/1" },
		{ "model.bin", { HEADER(" \t{ \n}"), 0, 0 }, "safetensors/1" },
		{ "model.bin", { HEADER(SPACES4096 "{}"), 0, 0 }, "safetensors/1" },
		{ "model.bin", { HEADER("{" SPACES4096 "}"), 0, 0 }, "safetensors/1" },
		{ "model.bin", { HEADER("{\"a\":1}"), 0, 0 }, NULL },
		{ "model.bin", { HEADER("{}"), 1, 0 }, NULL },
		{ "model.bin", { HEADER("{}"), 1, 3 }, NULL },
		{ "model.bin", { HEADER("{a}"), 0, 0 }, "raw/1" },
		{ "model.bin", { HEADER("[]"), 0, 0 }, "raw/1" },
		{ "model.bin", { HEADER("{}"), 0, 1 }, "raw/1" },
		{ "model.bin", { HEADER("{}"), 0, 3 }, "raw/1" },
		{ "model.bin", { HEADER("{}"), 0, UINT64_MAX }, "raw/1" },
		{ "model.safetensors.bak", { HEADER("x"), 0, 0 }, "raw/1" },
		{ "safetensors", { HEADER("x"), 0, 0 }, "raw/1" },
		{ ".safetensors", { HEADER("x"), 0, 0 }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_append(&bytes, &rows[i].made);
		code = made_parse(&l, bytes.data, bytes.len, rows[i].name, &err);
		if (!rows[i].grammar) {
			assert_int_equal(code, WM_FORMAT);
			assert_null(l.format);
			continue;
		}
		assert_ok(code, &err);
		assert_string_equal(l.format->grammar, rows[i].grammar);
	}
}

static void lays_raw_out(void **state)
{
	static const char bytes[] = "anything";

	(void)state;
	for (size_t len = 1; len < sizeof(bytes); len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(made_parse(&l, bytes, len, "weights", &err), &err);
		assert_ptr_equal(l.format, &format_raw);
		assert_int_equal(l.n_segments, 1);
		assert_int_equal(l.segments[0].off, 0);
		assert_int_equal(l.segments[0].len, len);
		assert_false(l.segments[0].tensor);
		assert_int_equal(l.n_tensors, 0);
		assert_false(l.has_tensors);
		assert_int_equal(l.head.len, 0);
	}
}

static void refuses_empty_files(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(made_parse(&l, "", 0, "weights", &err), &err, EMPTY_FILE);
	assert_reason(made_parse(&l, "", 0, "m.safetensors", &err), &err, EMPTY_FILE);
	assert_null(l.segments);
}

static void notices_a_file_that_ends_early(void **state)
{
	static const uint8_t bytes[] = { 40, 0, 0, 0, 0, 0, 0, 0, '{', '"' };
	cleanup_fd int fd = made_file(bytes, sizeof(bytes));
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(format_parse(&l, fd, 11, "weights", &err), &err, FILE_CHANGED);
	assert_reason(format_parse(&l, fd, 5000, "weights", &err), &err, FILE_CHANGED);
}

static void names_each_type_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_DTYPES; i++) {
		const struct dtype_info *info = dtype_info((enum dtype)i);

		assert_true(info->elements > 0 && info->bytes > 0 && strlen(info->name) > 0 && strlen(info->name) < 256);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(info->name, dtype_info((enum dtype)j)->name);
	}
	assert_int_equal(N_DTYPES, 54);
	assert_string_equal(dtype_info(DTYPE_F8_E5M2FNUZ)->name, "F8_E5M2FNUZ");
	assert_string_equal(dtype_info(DTYPE_GGUF_Q4_K)->name, "gguf:Q4_K");
}

static void sizes_whole_blocks(void **state)
{
	static const struct {
		enum dtype dtype;
		uint64_t n;
		bool whole;
		uint64_t len;
	} rows[] = {
		{ DTYPE_F6_E3M2, 4, true, 3 },
		{ DTYPE_F6_E3M2, 3, false, 0 },
		{ DTYPE_F4, 2, true, 1 },
		{ DTYPE_F4, 1, false, 0 },
		{ DTYPE_C64, 3, true, 24 },
		{ DTYPE_C64, UINT64_MAX / 8, true, UINT64_MAX - 7 },
		{ DTYPE_C64, UINT64_MAX / 8 + 1, false, 0 },
		{ DTYPE_GGUF_Q4_K, 512, true, 288 },
		{ DTYPE_GGUF_Q4_K, 511, false, 0 },
		{ DTYPE_GGUF_Q4_K, 0, true, 0 },
		{ DTYPE_GGUF_Q8_K, UINT64_MAX / 256 * 256, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t len = 0;

		assert_int_equal(dtype_len(&len, rows[i].dtype, rows[i].n), rows[i].whole);
		assert_true(!rows[i].whole || len == rows[i].len);
	}
}

static void counts_elements(void **state)
{
	static const struct {
		unsigned rank;
		uint64_t dims[3];
		bool fits;
		uint64_t n;
	} rows[] = {
		{ 0, { 0 }, true, 1 },
		{ 3, { 2, 3, 4 }, true, 24 },
		{ 2, { 0, UINT64_MAX }, true, 0 },
		{ 2, { UINT64_MAX, 1 }, true, UINT64_MAX },
		{ 2, { UINT64_C(1) << 63, 2 }, false, 0 },
		{ 3, { 0, UINT64_C(1) << 63, 2 }, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tensor t = { .rank = rows[i].rank, .dims = rows[i].dims };
		uint64_t n = 0;

		assert_int_equal(tensor_elements(&t, &n), rows[i].fits);
		assert_true(n == rows[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_by_name_and_content),
		cmocka_unit_test(lays_raw_out),
		cmocka_unit_test(refuses_empty_files),
		cmocka_unit_test(notices_a_file_that_ends_early),
		cmocka_unit_test(names_each_type_once),
		cmocka_unit_test(sizes_whole_blocks),
		cmocka_unit_test(counts_elements),
	};

	return run_tests(tests);
}
