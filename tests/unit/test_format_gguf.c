/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/gguf.c, gguf_read.c: what they take, and the reason for which they refuse each
 * kind of bad file. testdata/bad/gguf and testdata/fuzz/gguf are the rows of `gguf_refusals`;
 * they are written by this test when GOLDEN is set, and compared otherwise.
 */
#include "harness.h"

#include <stdio.h>

#include "bad_gguf.h"
#include "util/file.h"

#define BAD_FOLDER "testdata/bad/gguf/"
#define FUZZ_FOLDER "testdata/fuzz/gguf/"

static void check_row(const char *name, const char *suffix, const char *text, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	enum wm_code code;
	char path[256];

	made_gguf(&bytes, text);
	snprintf(path, sizeof(path), BAD_FOLDER "%s%s.gguf", name, suffix);
	check_recorded(path, &bytes);
	if (reason) {
		snprintf(path, sizeof(path), FUZZ_FOLDER "%s", name);
		check_recorded(path, &bytes);
	}
	code = made_parse(&l, bytes.data, bytes.len, "m.gguf", &err);
	if ((code == WM_OK) != !reason || (reason && strcmp(err.reason, reason) != 0))
		test_failed(__FILE__, __LINE__, "%s: %s: %s", name,
			    code == WM_OK ? "accepted" : err.reason, err.message);
	if (code == WM_OK)
		assert_string_equal(l.format->grammar, "gguf/1");
}

static void refuses_each_defect_for_its_reason(void **state)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_append_str(&table, "# file\treason\ttwin that passes\n", &err), &err);
	for (size_t i = 0; i < N_GGUF_REFUSALS; i++) {
		const struct gguf_refusal *r = &gguf_refusals[i];

		check_row(r->name, "", r->bad, r->reason);
		check_row(r->name, ".twin", r->twin, NULL);
		assert_ok(buf_printf(&table, &err, "gguf/%s.gguf\t%s\tgguf/%s.twin.gguf\n",
				     r->name, r->reason, r->name), &err);
	}
	check_recorded("testdata/bad/expect-gguf.tsv", &table);
}

static void parse_text(struct layout *l, struct buf *bytes, const char *text)
{
	struct wm_error err = { 0 };

	made_gguf(bytes, text);
	assert_ok(made_parse(l, bytes->data, bytes->len, "m.gguf", &err), &err);
}

static void lays_tensors_out(void **state)
{
	static const struct segment expected[] = {
		{ .off = 0, .len = 256 },
		{ .off = 256, .len = 18, .tensor = true },
		{ .off = 274, .len = 14 },
		{ .off = 288, .len = 64, .tensor = true },
		{ .off = 352, .len = 4, .tensor = true },
	};
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	parse_text(&l, &bytes, GGUF_HEAD("4", "1") "s:general.name w:8 s:\xc3\xa8 "
		   "s:z w:4 q:32 q:1 q:1 q:1 w:2 q:0 s:empty w:2 q:0 q:3 w:0 q:32 "
		   "s:b w:3 q:2 q:4 q:1 w:28 q:32 s:a w:0 w:0 q:96 "
		   "p:32 r:18 p:32 r:64 m:abcd");
	assert_int_equal(l.n_segments, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < l.n_segments; i++) {
		assert_int_equal(l.segments[i].off, expected[i].off);
		assert_int_equal(l.segments[i].len, expected[i].len);
		assert_int_equal(l.segments[i].tensor, expected[i].tensor);
	}
	assert_int_equal(l.size, bytes.len);
	assert_int_equal(l.head.len, 256);
	assert_memory_equal(l.head.data, bytes.data, 256);
	assert_true(l.has_tensors && l.slot_len == 0 && !l.displaced && l.carried.len == 0);
	assert_int_equal(l.n_tensors, 4);
	assert_int_equal(l.tensors[0].rank, 4);
	assert_int_equal(l.tensors[0].dims[3], 32);
	assert_int_equal(l.tensors[0].segment, 1);
	assert_int_equal(l.tensors[0].dtype, DTYPE_GGUF_Q4_0);
	assert_string_equal(l.tensors[1].name, "empty");
	assert_true(l.tensors[1].segment == SIZE_MAX && l.tensors[1].len == 0);
	assert_int_equal(l.tensors[2].rank, 3);
	assert_int_equal(l.tensors[2].dims[0], 1);
	assert_int_equal(l.tensors[2].dims[1], 4);
	assert_int_equal(l.tensors[2].dims[2], 2);
	assert_int_equal(l.tensors[3].rank, 0);
	assert_int_equal(l.tensors[3].segment, 4);
	assert_int_equal(l.by_name[0], 3);
	assert_int_equal(l.by_name[3], 0);
}

static void bounds_dimensions(void **state)
{
	(void)state;
	for (unsigned over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;
		char text[100];

		snprintf(text, sizeof(text), ONE_INFO("s:a w:2 q:0 q:%llu w:24 q:0 ", ""),
			 (unsigned long long)INT64_MAX + over);
		made_gguf(&bytes, text);
		code = made_parse(&l, bytes.data, bytes.len, "m", &err);
		if (over)
			assert_reason(code, &err, GGUF_SHAPE);
		else
			assert_ok(code, &err);
	}
}

static void takes_every_type(void **state)
{
	static const struct {
		unsigned id;
		const char *name;
		unsigned elements, bytes;
	} rows[] = {
		{ 0, "F32", 1, 4 },		{ 1, "F16", 1, 2 },
		{ 2, "gguf:Q4_0", 32, 18 },	{ 3, "gguf:Q4_1", 32, 20 },
		{ 6, "gguf:Q5_0", 32, 22 },	{ 7, "gguf:Q5_1", 32, 24 },
		{ 8, "gguf:Q8_0", 32, 34 },	{ 9, "gguf:Q8_1", 32, 36 },
		{ 10, "gguf:Q2_K", 256, 84 },	{ 11, "gguf:Q3_K", 256, 110 },
		{ 12, "gguf:Q4_K", 256, 144 },	{ 13, "gguf:Q5_K", 256, 176 },
		{ 14, "gguf:Q6_K", 256, 210 },	{ 15, "gguf:Q8_K", 256, 292 },
		{ 16, "gguf:IQ2_XXS", 256, 66 }, { 17, "gguf:IQ2_XS", 256, 74 },
		{ 18, "gguf:IQ3_XXS", 256, 98 }, { 19, "gguf:IQ1_S", 256, 50 },
		{ 20, "gguf:IQ4_NL", 32, 18 },	{ 21, "gguf:IQ3_S", 256, 110 },
		{ 22, "gguf:IQ2_S", 256, 82 },	{ 23, "gguf:IQ4_XS", 256, 136 },
		{ 24, "I8", 1, 1 },		{ 25, "I16", 1, 2 },
		{ 26, "I32", 1, 4 },		{ 27, "I64", 1, 8 },
		{ 28, "F64", 1, 8 },		{ 29, "gguf:IQ1_M", 256, 56 },
		{ 30, "BF16", 1, 2 },		{ 34, "gguf:TQ1_0", 256, 54 },
		{ 35, "gguf:TQ2_0", 256, 66 },	{ 39, "gguf:MXFP4", 32, 17 },
		{ 40, "gguf:NVFP4", 64, 36 },	{ 41, "gguf:Q1_0", 128, 18 },
		{ 42, "gguf:Q2_0", 64, 18 },
	};
	size_t known = 0;

	(void)state;
	for (unsigned id = 0; id < 64; id++) {
		const bool is_known = known < sizeof(rows) / sizeof(rows[0]) &&
				      rows[known].id == id;
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		char text[200];

		snprintf(text, sizeof(text), ONE_INFO("s:a w:2 q:%u q:3 w:%u q:0 ", "r:%u"),
			 is_known ? 2 * rows[known].elements : 1, id,
			 is_known ? 6 * rows[known].bytes : 3);
		if (!is_known) {
			made_gguf(&bytes, text);
			assert_reason(made_parse(&l, bytes.data, bytes.len, "m", &err), &err,
				      GGUF_TYPE);
			continue;
		}
		parse_text(&l, &bytes, text);
		assert_string_equal(dtype_info(l.tensors[0].dtype)->name, rows[known].name);
		assert_int_equal(l.tensors[0].len, 6 * rows[known].bytes);
		known++;
	}
	assert_int_equal(known, sizeof(rows) / sizeof(rows[0]));
}

static void takes_every_kind_of_metadata(void **state)
{
	static const char *const values[] = {
		"w:0 b:1", "w:1 b:1", "w:2 h:1", "w:3 h:1", "w:4 w:1", "w:5 w:1", "w:6 w:1",
		"w:7 b:0", "w:7 b:1", "w:8 s:", "w:8 q:4 x:0a0dc3a8", "w:10 q:1", "w:11 q:-1",
		"w:12 q:1", "w:9 w:0 q:3 r:3", "w:9 w:1 q:3 r:3", "w:9 w:2 q:3 r:6",
		"w:9 w:3 q:3 r:6", "w:9 w:4 q:3 r:12", "w:9 w:5 q:3 r:12", "w:9 w:6 q:3 r:12",
		"w:9 w:7 q:2 b:0 b:1", "w:9 w:8 q:3 s:a s: q:2 x:00ff", "w:9 w:10 q:3 r:24",
		"w:9 w:11 q:3 r:24", "w:9 w:12 q:3 r:24", "w:9 w:12 q:0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (unsigned version = 2; version <= 3; version++) {
			cleanup_layout struct layout l = LAYOUT_INIT;
			cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
			char text[200];

			snprintf(text, sizeof(text), GGUF_HEAD_OF("%u", "1", "2")
				 "s:k %s s:general.alignment w:4 w:8 " FOUR_I8("a") "p:8 r:4",
				 version, values[i]);
			parse_text(&l, &bytes, text);
			assert_int_equal(l.segments[1].off, bytes.len - 4);
		}
	}
}

static void keeps_what_describes_the_file(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT, without = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);

	(void)state;
	parse_text(&l, &bytes, GGUF_HEAD("0", "5") "s:general.name w:8 s:tiny "
		   "s:llama.text w:8 s:x s:general.file_type w:4 w:7 "
		   "s:split.count w:2 h:3 s:general.license w:8 s:mit");
	assert_int_equal(l.metadata.root->kind, NODE_MAP);
	assert_int_equal(l.metadata.root->len, 2);
	assert_string_equal(node_find(l.metadata.root, "general.name")->text, "tiny");
	assert_string_equal(node_find(l.metadata.root, "general.license")->text, "mit");
	assert_int_equal(l.n_segments, 1);
	assert_int_equal(l.n_tensors, 0);
	assert_true(l.has_tensors);
	parse_text(&without, &other, GGUF_HEAD("0", "1") "s:general.x w:0 b:1");
	assert_null(without.metadata.root);
}

static void takes_every_alignment(void **state)
{
	(void)state;
	for (unsigned alignment = 1; alignment <= 1 << 21; alignment *= 2) {
		for (unsigned last_pad = 0; last_pad < 2; last_pad++) {
			cleanup_layout struct layout l = LAYOUT_INIT;
			cleanup_buf struct buf bytes = BUF_INIT(1 << 24);
			struct wm_error err = { 0 };
			enum wm_code code;
			char text[300];

			snprintf(text, sizeof(text), GGUF_HEAD("2", "1")
				 "s:general.alignment w:4 w:%u " FOUR_I8("a")
				 INFO1("s:b", "4", "24", "%u") "p:%u r:4 p:%u r:4 p:%u",
				 alignment, alignment < 4 ? 4 : alignment, alignment, alignment,
				 last_pad ? alignment : 1);
			made_gguf(&bytes, text);
			code = made_parse(&l, bytes.data, bytes.len, "m", &err);
			if (alignment > 1 << 20) {
				assert_reason(code, &err, GGUF_ALIGNMENT);
				continue;
			}
			assert_ok(code, &err);
			assert_int_equal(l.size, bytes.len);
			assert_int_equal(l.n_segments,
					 alignment <= 4 ? 3 : last_pad ? 5 : 4);
		}
	}
}

static void is_claimed_by_name_or_magic(void **state)
{
	static const struct {
		const char *name, *text, *grammar; /* NULL: claimed, and refused */
	} rows[] = {
		{ "model.gguf", GOOD_GGUF, "gguf/1" },
		{ "MODEL.GGUF", GOOD_GGUF, "gguf/1" },
		{ "blob", GOOD_GGUF, "gguf/1" },
		{ "model.gguf", "m:GGU", NULL },
		{ "model.gguf", "m:ggjt w:3 z:16", NULL },
		{ "model.bin", "m:GGUF", NULL },
		{ "model.bin", "m:GGU", "raw/1" },
		{ "model.bin", "m:ggml z:20", "raw/1" },
		{ "model.bin", "m:ggmf w:1 z:20", "raw/1" },
		{ "model.bin", "m:ggjt w:3 z:20", "raw/1" },
		{ "model.bin", "m:ggla w:1 z:20", "raw/1" },
		{ "model.gguf.part", "m:x", "raw/1" },
		{ "gguf", "m:x", "raw/1" },
		{ "model.safetensors", GOOD_GGUF, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		enum wm_code code;

		made_gguf(&bytes, rows[i].text);
		code = made_parse(&l, bytes.data, bytes.len, rows[i].name, &err);
		assert_int_equal(code == WM_OK, rows[i].grammar != NULL);
		if (rows[i].grammar)
			assert_string_equal(l.format->grammar, rows[i].grammar);
		else
			assert_true(code == WM_FORMAT || code == WM_LIMIT);
	}
}

static void refuses_every_shorter_file(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_gguf(&bytes, GGUF_HEAD("2", "3") "s:k w:8 s:text s:l w:9 w:8 q:2 s:a s:b "
		  "s:m w:9 w:7 q:2 b:0 b:1 " FOUR_I8("a") INFO1("s:b", "4", "0", "32")
		  "p:32 r:4 p:32 r:16");
	for (size_t len = 1; len < bytes.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_reason(made_parse(&l, bytes.data, len, "m.gguf", &err), &err,
			      GGUF_TRUNCATED);
	}
}

static void bounds_the_header(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER + 64);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_gguf_header(&bytes, LIMIT_HEADER + over);
		code = made_parse(&l, bytes.data, bytes.len, "m.gguf", &err);
		if (over)
			assert_reason(code, &err, HEADER_TOO_LARGE);
		else
			assert_ok(code, &err);
	}
}

static void bounds_keys(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;
		char text[100];

		snprintf(text, sizeof(text), ONE_KV("n:%zu w:0 b:1"), LIMIT_NAME + over);
		made_gguf(&bytes, text);
		code = made_parse(&l, bytes.data, bytes.len, "m.gguf", &err);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
}

static void bounds_the_number_of_pairs(void **state)
{
	(void)state;
	for (size_t over = 0; over < 3; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_gguf_pairs(&bytes, LIMIT_METADATA + over % 2, over == 2);
		code = made_parse(&l, bytes.data, bytes.len, "m.gguf", &err);
		if (over == 0)
			assert_ok(code, &err);
		else if (over == 1)
			assert_reason(code, &err, LIMIT);
		else
			assert_reason(code, &err, GGUF_DUPLICATE);
	}
}

static void takes_many_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	double start;

	(void)state;
	made_gguf_many(&bytes, 100000);
	fd = made_file(bytes.data, bytes.len);
	start = seconds();
	assert_ok(format_parse(&l, fd, bytes.len, "m.gguf", &err), &err);
	print_message("# 100000 tensors, %zu bytes of header: %.3f s, %zu bytes in the arena\n",
		      l.head.len, seconds() - start, l.arena.used);
	assert_int_equal(l.n_tensors, 100000);
	assert_int_equal(l.n_segments, 200001);
	for (size_t i = 0; i < l.n_tensors; i++)
		assert_int_equal(l.segments[l.tensors[i].segment].off, l.head.len + 32 * i);
}

static void bounds_the_number_of_tensors(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(2 * LIMIT_HEADER);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_gguf_many(&bytes, LIMIT_TENSORS + over);
		code = made_parse(&l, bytes.data, bytes.len, "m.gguf", &err);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
}

static void takes_random_files(void **state)
{
	unsigned n_seeds = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_gguf_random(&bytes, seed);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m", &err), &err);
		assert_int_equal(l.size, bytes.len);
		if (bytes.len < 1500 && l.n_tensors > 1 && n_seeds < 8) {
			char path[64];

			snprintf(path, sizeof(path), FUZZ_FOLDER "good-%u", n_seeds++);
			check_recorded(path, &bytes);
		}
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20);

	(void)state;
	made_gguf(&bytes, GGUF_HEAD("1", "2") "s:general.name w:8 s:x s:k w:4 w:1 " FOUR_I8("a")
		  "p:32 r:4");
	parse_without_memory(&bytes, "m.gguf");
	made_gguf_many(&many, 2000);
	parse_without_memory(&many, "m.gguf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(lays_tensors_out),
		cmocka_unit_test(bounds_dimensions),
		cmocka_unit_test(takes_every_type),
		cmocka_unit_test(takes_every_kind_of_metadata),
		cmocka_unit_test(keeps_what_describes_the_file),
		cmocka_unit_test(takes_every_alignment),
		cmocka_unit_test(is_claimed_by_name_or_magic),
		cmocka_unit_test(refuses_every_shorter_file),
		cmocka_unit_test(bounds_the_header),
		cmocka_unit_test(bounds_keys),
		cmocka_unit_test(bounds_the_number_of_pairs),
		cmocka_unit_test(takes_many_tensors),
		cmocka_unit_test(bounds_the_number_of_tensors),
		cmocka_unit_test(takes_random_files),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
