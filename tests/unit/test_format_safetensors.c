/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/safetensors.c: what it takes, and the reason for which it refuses each kind
 * of bad file. The files of testdata/bad/safetensors are the rows of `refusals`; they are
 * written by this test when GOLDEN is set, and compared otherwise.
 */
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

#include "bad_safetensors.h"
#include "made.h"
#include "text/json.h"
#include "util/file.h"

#define BAD_FOLDER "testdata/bad/safetensors/"

static void check_row(const char *name, const char *suffix, const struct made *made,
		      const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	enum wm_code code;
	char path[256];

	made_append(&bytes, made);
	snprintf(path, sizeof(path), BAD_FOLDER "%s%s.safetensors", name, suffix);
	check_recorded(path, &bytes);
	code = made_parse(&l, bytes.data, bytes.len, file_name(path), &err);
	if ((code == WM_OK) != !reason || (reason && strcmp(err.reason, reason) != 0))
		test_failed(__FILE__, __LINE__, "%s: %s: %s", path,
			    code == WM_OK ? "accepted" : err.reason, err.message);
	if (code == WM_OK)
		assert_string_equal(l.format->grammar, "safetensors/1");
}

static void refuses_each_defect_for_its_reason(void **state)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_append_str(&table, "# file\treason\ttwin that passes\n", &err), &err);
	for (size_t i = 0; i < N_REFUSALS; i++) {
		const struct refusal *r = &refusals[i];

		check_row(r->name, "", &r->bad, r->reason);
		check_row(r->name, ".twin", &r->twin, NULL);
		assert_ok(buf_printf(&table, &err,
				     "safetensors/%s.safetensors\t%s\t"
				     "safetensors/%s.twin.safetensors\n", r->name,
				     r->reason, r->name),
			  &err);
	}
	check_recorded("testdata/bad/expect.tsv", &table);
}

static void parse_made(struct layout *l, const struct made *m)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	made_append(&bytes, m);
	assert_ok(made_parse(l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	assert_int_equal(l->head.len, bytes.len - m->buffer);
	assert_memory_equal(l->head.data, bytes.data, l->head.len);
}

static void lays_tensors_out(void **state)
{
	static const struct made made = {
		HEADER("{\"\xc3\xa8.c\":{\"data_offsets\":[2,10],\"shape\":[2,1,2],"
		       "\"dtype\":\"BF16\"},"
		       "\"z\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[2,2]},"
		       "\"\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[1,2]},"
		       "\"__metadata__\":{\"format\":\"pt\",\"\":\"\"},"
		       "\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}"), 10, 0
	};
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	parse_made(&l, &made);
	assert_int_equal(l.n_segments, 4);
	assert_int_equal(l.segments[0].len, l.head.len);
	assert_false(l.segments[0].tensor);
	for (size_t i = 1; i < 4; i++) {
		assert_true(l.segments[i].tensor);
		assert_int_equal(l.segments[i].off, l.segments[i - 1].off + l.segments[i - 1].len);
	}
	assert_int_equal(l.segments[3].len, 8);
	assert_true(l.has_tensors);
	assert_int_equal(l.n_tensors, 4);
	assert_string_equal(l.tensors[0].name, "a");
	assert_int_equal(l.tensors[0].dtype, DTYPE_F4);
	assert_int_equal(l.tensors[1].rank, 0);
	assert_int_equal(l.tensors[1].segment, 2);
	assert_string_equal(l.tensors[2].name, "z");
	assert_true(l.tensors[2].segment == SIZE_MAX);
	assert_int_equal(l.tensors[3].rank, 3);
	assert_int_equal(l.tensors[3].dims[2], 2);
	assert_int_equal(l.by_name[0], 1);
	assert_int_equal(l.by_name[1], 0);
	assert_int_equal(l.by_name[2], 2);
	assert_int_equal(l.by_name[3], 3);
	assert_string_equal(node_find(l.metadata.root, "format")->text, "pt");
	assert_int_equal(l.metadata.root->len, 2);
	assert_false(l.loose_spaces);
}

static void takes_every_dtype(void **state)
{
	static const char others[] = " U2 I2 U4 I4 C128 ";

	(void)state;
	for (unsigned i = 0; i < N_DTYPES; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		const struct dtype_info *info = dtype_info((enum dtype)i);
		const unsigned bytes = 8 / info->elements * info->bytes;
		char header[128];
		int len;

		if (strncmp(info->name, "gguf:", 5) == 0 || strstr(others, info->name))
			continue;
		len = snprintf(header, sizeof(header), "{\"a\":{\"dtype\":\"%s\",\"shape\":[8],"
			       "\"data_offsets\":[0,%u]}}", info->name, bytes);
		parse_made(&l, &(struct made){ header, (size_t)len, bytes, 0 });
		assert_int_equal(l.tensors[0].dtype, i);
	}
}

static void notes_loose_spaces(void **state)
{
	static const struct {
		struct made made;
		bool loose;
	} rows[] = {
		{ { HEADER("{}"), 0, 0 }, false },	 { { HEADER("{}    "), 0, 0 }, false },
		{ { HEADER("{ \n\t}"), 0, 0 }, false },	 { { HEADER(" {}"), 0, 0 }, true },
		{ { HEADER("\n\r\t {}"), 0, 0 }, true }, { { HEADER("{}\n"), 0, 0 }, true },
		{ { HEADER("{} \t "), 0, 0 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;

		parse_made(&l, &rows[i].made);
		assert_int_equal(l.loose_spaces, rows[i].loose);
		assert_int_equal(l.n_segments, 1);
		assert_null(l.metadata.root);
	}
}

static void refuses_every_shorter_file(void **state)
{
	static const struct made made = { GOOD, 4, 0 };
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_append(&bytes, &made);
	for (size_t len = 1; len < bytes.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_reason(made_parse(&l, bytes.data, len, "m.SafeTensors", &err), &err,
			      SAFETENSORS_TRUNCATED);
	}
}

/* A header that is `prefix`, then `unit` over and over, `len` bytes in all. */
static void check_bomb(const char *prefix, const char *unit, const char *reason)
{
	cleanup_buf struct buf header = BUF_INIT(1 << 21), bytes = BUF_INIT(1 << 22);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&header, prefix, &err), &err);
	while (header.len < 1 << 20)
		assert_ok(buf_append_str(&header, unit, &err), &err);
	made_append(&bytes, &(struct made){ buf_str(&header), header.len, 0, 0 });
	assert_int_not_equal(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), WM_OK);
	assert_string_equal(err.reason, reason);
}

static void answers_bombs_at_once(void **state)
{
	(void)state;
	check_bomb("", "[", "safetensors-malformed");
	check_bomb("", "{\"a\":", "safetensors-malformed");
	check_bomb("{\"a\":{\"shape\":", "[", "safetensors-malformed");
	check_bomb("{\"a\":{\"shape\":[", "1,", "limit");
	check_bomb("{\"", "a", "safetensors-malformed");
	check_bomb("{\"__metadata__\":{", "\"k\":\"v\",", "limit");
	check_bomb("{\"__metadata__\":{", "\"\":\"0123456789012345\",", "safetensors-malformed");
	check_bomb("{\"__metadata__\":{\"k\":\"", "\\u0041", "safetensors-malformed");
}

static void bounds_name_and_header(void **state)
{
	cleanup_buf struct buf header = BUF_INIT(LIMIT_HEADER), bytes = BUF_INIT(LIMIT_HEADER + 8);
	struct wm_error err = { 0 };

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		enum wm_code code;

		header.len = bytes.len = 0;
		assert_ok(buf_append_str(&header, "{\"", &err), &err);
		for (size_t i = 0; i < LIMIT_NAME + over; i++)
			assert_ok(buf_append_byte(&header, 'n', &err), &err);
		assert_ok(buf_append_str(&header, "\":" U8X("[0]", "[0,0]") "}", &err), &err);
		made_append(&bytes, &(struct made){ buf_str(&header), header.len, 0, 0 });
		code = made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
	assert_ok(buf_reserve(&header, LIMIT_HEADER - header.len, &err), &err);
	header.len = bytes.len = 0;
	assert_ok(buf_append_str(&header, "{}", &err), &err);
	memset(header.data + 2, ' ', LIMIT_HEADER - 2);
	made_append(&bytes, &(struct made){ buf_str(&header), LIMIT_HEADER, 0, 0 });
	{
		cleanup_layout struct layout l = LAYOUT_INIT;

		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	}
}

static void takes_many_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	double start;

	(void)state;
	made_many(&bytes, 100000);
	start = seconds();
	assert_ok(made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err), &err);
	print_message("# 100000 tensors, %zu bytes of header: %.3f s, %zu bytes in the arena\n",
		      l.head.len, seconds() - start, l.arena.used);
	assert_int_equal(l.n_tensors, 100000);
	for (size_t i = 0; i < l.n_tensors; i++)
		assert_int_equal(l.segments[l.tensors[i].segment].off, l.head.len + i);
	for (size_t i = 1; i < l.n_tensors; i++)
		assert_true(strcmp(l.tensors[l.by_name[i - 1]].name,
				   l.tensors[l.by_name[i]].name) < 0);
}

static void bounds_the_number_of_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER + LIMIT_TENSORS);
	struct wm_error err = { 0 };

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		enum wm_code code;

		bytes.len = 0;
		made_many(&bytes, LIMIT_TENSORS + over);
		code = made_parse(&l, bytes.data, bytes.len, "m.safetensors", &err);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
}

static void survives_failing_allocations(void **state)
{
	static const struct made made = {
		HEADER("{\"__metadata__\":{\"k\":\"1\",\"\\u006c\":\"2\"},"
		"\"\\u0061\":" FOUR("U8", "0,4") ",\"b\":" FOUR("U8", "4,8") "}"), 8, 0 };
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20);

	(void)state;
	made_append(&bytes, &made);
	parse_without_memory(&bytes, "m.safetensors");
	made_many(&many, 500);
	parse_without_memory(&many, "m.safetensors");
}

static void reads_files_of_others(void **state)
{
	static const char *const paths[] = {
		"../shared/fixtures/safetensors/jfk-codes.safetensors",
		"../shared/fixtures/safetensors/multi_layer.safetensors",
	};
	bool any = false;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_fd int fd = -1;
		struct wm_error err = { 0 };
		uint64_t size;

		if (!file_exists(paths[i]))
			continue;
		any = true;
		assert_ok(file_open(&fd, &size, paths[i], &err), &err);
		assert_ok(format_parse(&l, fd, size, "blob", &err), &err);
		assert_string_equal(l.format->grammar, "safetensors/1");
		assert_true(l.n_tensors > 0);
		assert_false(l.loose_spaces);
	}
	if (!any)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(lays_tensors_out),
		cmocka_unit_test(takes_every_dtype),
		cmocka_unit_test(notes_loose_spaces),
		cmocka_unit_test(refuses_every_shorter_file),
		cmocka_unit_test(answers_bombs_at_once),
		cmocka_unit_test(bounds_name_and_header),
		cmocka_unit_test(takes_many_tensors),
		cmocka_unit_test(bounds_the_number_of_tensors),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(reads_files_of_others),
	};

	return run_tests(tests);
}
