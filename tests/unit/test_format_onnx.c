/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/onnx*.c: what they take, where they find tensors, and the reason for which they
 * refuse each file of testdata/bad/onnx.
 */
#include "harness.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crypto/sha256.h"
#include "made_onnx.h"
#include "util/hex.h"

#define ONNX_BUF BUF_INIT((size_t)1 << 28)

static void parse_bytes(struct layout *l, const struct buf *bytes)
{
	struct wm_error err = { 0 };

	assert_ok(made_parse(l, bytes->data, bytes->len, "m.onnx", &err), &err);
	assert_ptr_equal(l->format, &format_onnx);
}

static void check_file(const char *path, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_verdict(made_parse_path(&l, path, &err), &err, path, reason);
}

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	assert_true(each_bad("expect-onnx.tsv", check_file) > 120);
}

/* --- what is found ------------------------------------------------------------------- */

/* Appends the lines of tensors.tsv that are about this file. */
static void append_lines(struct buf *out, const char *name)
{
	cleanup_buf struct buf bytes = ONNX_BUF, path = BUF_INIT(4096);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_ok(buf_printf(&path, &err, "testdata/good/onnx/%s", name), &err);
	read_file(&bytes, buf_str(&path));
	parse_bytes(&l, &bytes);
	for (size_t i = 0; i < l.n_tensors; i++) {
		const struct tensor *t = &l.tensors[l.by_name[i]];
		cleanup_buf struct buf data = ONNX_BUF;
		uint8_t digest[SHA256_BYTES];

		assert_ok(made_bytes(&data, &l, t, &bytes, &err), &err);
		assert_ok(sha256_of(digest, data.data, data.len, &err), &err);
		assert_ok(buf_printf(out, &err, "%s\t", name), &err);
		assert_ok(buf_append_hex(out, (const uint8_t *)t->name, t->name_len, &err), &err);
		assert_ok(buf_printf(out, &err, "\t%s\t", dtype_info(t->dtype)->name), &err);
		for (unsigned j = 0; j < t->rank; j++)
			assert_ok(buf_printf(out, &err, "%s%llu", j ? "," : "",
					     (unsigned long long)t->dims[j]), &err);
		assert_ok(buf_append_byte(out, '\t', &err), &err);
		assert_ok(buf_append_hex(out, digest, sizeof(digest), &err), &err);
		assert_ok(buf_append_byte(out, '\n', &err), &err);
	}
}

static void finds_what_the_onnx_package_finds(void **state)
{
	static const char *const names[] = { "perceptron.onnx", "numbers.onnx", "raw.onnx",
					     "nested.onnx", "external.onnx" };
	cleanup_buf struct buf lines = ONNX_BUF, want = ONNX_BUF;

	(void)state;
	read_file(&want, "testdata/good/onnx/tensors.tsv");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		append_lines(&lines, names[i]);
	assert_string_equal(buf_str(&lines), strchr(buf_str(&want), '\n') + 1);
}

static void finds_tensors_in_other_files(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	read_file(&bytes, "testdata/good/onnx/external.onnx");
	parse_bytes(&l, &bytes);
	assert_int_equal(l.n_externals, 3);
	assert_int_equal(l.n_tensors, 1);
	assert_string_equal(l.tensors[0].name, "fc2.bias");
	assert_string_equal(l.externals[0].tensor.name, "fc1.weight");
	assert_string_equal(l.externals[0].path, "external.data");
	assert_int_equal(l.externals[0].off, 0);
	assert_int_equal(l.externals[0].tensor.len, 512);
	assert_int_equal(l.externals[2].off, 576);
	assert_int_equal(l.externals[2].tensor.len, 256);
	assert_int_equal(l.externals[2].tensor.dims[1], 16);
}

/* What is parsed is kept, and as it stands in the file; only values are left out. */
static void keeps_all_but_values(void **state)
{
	static const char *const names[] = { "good/onnx/perceptron.onnx", "good/onnx/raw.onnx",
					     "good/onnx/numbers.onnx", "fuzz/onnx/good-kinds" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF, path = BUF_INIT(4096);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		uint64_t at = 0, kept = 0;

		assert_ok(buf_printf(&path, &err, "testdata/%s", names[i]), &err);
		read_file(&bytes, buf_str(&path));
		parse_bytes(&l, &bytes);
		for (size_t j = 0; j < l.n_pieces; j++) {
			const struct piece *p = &l.pieces[j];

			assert_true(p->off >= at && p->len > 0);
			assert_memory_equal(p->data, bytes.data + p->off, p->len);
			at = p->off + p->len;
			kept += p->len;
		}
		assert_true(at <= bytes.len && kept == l.head.len);
		at = 0;
		for (size_t j = 0; j < l.n_segments; j++) {
			assert_int_equal(l.segments[j].off, at);
			at += l.segments[j].len;
			if (l.segments[j].tensor)
				kept += l.segments[j].len;
		}
		assert_true(at == bytes.len && l.size == at && kept <= at);
		assert_true(l.zone.from == at && l.zone.to == at && l.slot_len == 0);
	}
}

static void lists_operators_of_unknown_domains(void **state)
{
	static const struct {
		const char *domain, *op, *import;
	} rows[] = {
		{ "", "Conv", NULL },
		{ "ai.onnx", "Conv", NULL },
		{ "ai.onnx.ml", "Scaler", NULL },
		{ "ai.onnx.training", "Adam", NULL },
		{ "ai.onnx.preview.training", "Adam", NULL },
		{ "com.microsoft", "Gelu", NULL },
		{ "com.microsoft", "PythonOp", "onnx:com.microsoft.PythonOp" },
		{ "com.microsoft", "EPContext", "onnx:com.microsoft.EPContext" },
		{ "com.microsoft.nchwc", "Conv", "onnx:com.microsoft.nchwc.Conv" },
		{ "ai.onnx.contrib", "PyOp", "onnx:ai.onnx.contrib.PyOp" },
		{ "com.acme", "Local", "onnx:com.acme.Local" },
		{ "local", "Scale", NULL },
		{ "local", "Other", "onnx:local.Other" },
		{ "loc", "al.Scale", "onnx:loc.al.Scale" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf node = ONNX_BUF, graph = ONNX_BUF, bytes = ONNX_BUF;
		cleanup_buf struct buf function = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;

		made_text(&node, 4, rows[i].op);
		made_text(&node, 7, rows[i].domain);
		for (unsigned j = 0; j < 200; j++)
			made_field(&graph, 1, &node);
		made_model(&bytes, &graph);
		made_text(&function, 1, "Scale");
		made_text(&function, 10, "local");
		made_field(&bytes, 25, &function);
		parse_bytes(&l, &bytes);
		assert_int_equal(l.n_imports, rows[i].import ? 1 : 0);
		if (rows[i].import)
			assert_string_equal(l.imports[0].name, rows[i].import);
		assert_true(!rows[i].import || !l.imports[0].allowed);
	}
}

static void is_claimed_by_name(void **state)
{
	static const struct {
		const char *name, *grammar;
	} rows[] = {
		{ "model.onnx", "onnx/1" },
		{ "MODEL.ONNX", "onnx/1" },
		{ "model.bin", "raw/1" },
		{ "onnx", "raw/1" },
		{ "model.onnx.bak", "raw/1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_onnx_good(&bytes);
		assert_ok(made_parse(&l, bytes.data, bytes.len, rows[i].name, &err), &err);
		assert_string_equal(l.format->grammar, rows[i].grammar);
	}
}

/* Names of metadata are kept for drafts. */
static void keeps_metadata(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	read_file(&bytes, "testdata/good/onnx/perceptron.onnx");
	parse_bytes(&l, &bytes);
	assert_int_equal(l.metadata.root->len, 2);
	assert_string_equal(node_find(l.metadata.root, "author")->text, "nobody");
}

/* --- limits -------------------------------------------------------------------------- */

static void check_limit(const struct buf *bytes, bool over, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	enum wm_code code = made_parse(&l, bytes->data, bytes->len, "m.onnx", &err);

	if (!over)
		assert_ok(code, &err);
	else
		assert_string_equal(code == WM_OK ? "accepted" : err.reason, reason);
}

static void bounds_what_it_keeps(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = ONNX_BUF, doc = ONNX_BUF;
		struct wm_error err = { 0 };

		made_onnx_good(&bytes);
		assert_ok(buf_reserve(&doc, LIMIT_HEADER, &err), &err);
		/* All but the four bytes of the tensor; a tag and four bytes of length. */
		doc.len = LIMIT_HEADER - (bytes.len - 4) - 5 + over;
		memset(doc.data, 'd', doc.len);
		made_field(&bytes, 6, &doc);
		check_limit(&bytes, over, "header-too-large");
	}
}

static void bounds_names(void **state)
{
	cleanup_free char *name = calloc(1, LIMIT_NAME + 2);

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = ONNX_BUF, tensor = ONNX_BUF;

		memset(name, 'n', LIMIT_NAME + over);
		made_tensor(&tensor, name, 2, 0);
		made_onnx(&bytes, &tensor, 1);
		check_limit(&bytes, over, "limit");
	}
}

static void bounds_the_number_of_tensors(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = ONNX_BUF;
		double start;

		made_onnx_many(&bytes, LIMIT_TENSORS + over);
		start = seconds();
		check_limit(&bytes, over, "limit");
		print_message("# %zu tensors: %.3f s\n", LIMIT_TENSORS + over, seconds() - start);
	}
}

static void bounds_metadata(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = ONNX_BUF;

		made_onnx_good(&bytes);
		for (size_t i = 0; i < LIMIT_METADATA + over; i++) {
			cleanup_buf struct buf entry = ONNX_BUF;
			char key[32];

			snprintf(key, sizeof(key), "key-%zu", i);
			made_text(&entry, 1, key);
			made_field(&bytes, 14, &entry);
		}
		check_limit(&bytes, over, "limit");
	}
}

static void bounds_operators(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = ONNX_BUF, graph = ONNX_BUF;

		for (size_t i = 0; i < 3 * (LIMIT_IMPORTS + over); i++) {
			cleanup_buf struct buf node = ONNX_BUF;
			char op[32];

			snprintf(op, sizeof(op), "Op%zu", i % (LIMIT_IMPORTS + over));
			made_text(&node, 4, op);
			made_text(&node, 7, "d");
			made_field(&graph, 1, &node);
		}
		made_model(&bytes, &graph);
		check_limit(&bytes, over, "limit");
	}
}

/* A file of 2^31 - 1 bytes, nearly all of them a tensor, without reading these. */
static void takes_up_to_2_gib(void **state)
{
	(void)state;
	for (uint64_t over = 0; over < 2; over++) {
		const uint64_t size = (UINT64_C(1) << 31) - 1 + over;
		cleanup_buf struct buf head = ONNX_BUF, tensor = ONNX_BUF, out = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_fd int fd = -1;
		struct wm_error err = { 0 };
		enum wm_code code;

		/* Lengths of five bytes each: graph, initializer, raw_data. */
		made_int(&head, 1, 2);
		made_varint(&head, 7 << 3 | 2);
		made_varint(&head, size - head.len - 5);
		made_varint(&head, 5 << 3 | 2);
		made_varint(&head, size - head.len - 5);
		made_tensor(&tensor, "a", 2, size - head.len - 6 - 6 - 2 - 3);
		made_varint(&tensor, 9 << 3 | 2);
		made_varint(&tensor, size - head.len - tensor.len - 5);
		assert_ok(buf_append(&head, tensor.data, tensor.len, &err), &err);
		fd = made_file(head.data, head.len);
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		code = format_parse(&l, fd, size, "m.onnx", &err);
		if (over) {
			assert_reason(code, &err, ONNX_TOO_LARGE);
			continue;
		}
		assert_ok(code, &err);
		assert_int_equal(l.segments[1].len, size - head.len);
		assert_reason(format_onnx.embed(&out, &l, "x", 1, "m", &err), &err,
			      ONNX_TOO_LARGE);
		assert_int_equal(out.len, 0);
	}
}

/* A field again and again, up to a MiB. */
static void repeat(struct buf *out, const struct buf *field)
{
	struct wm_error err = { 0 };

	while (out->len < 1 << 20)
		assert_ok(buf_append(out, field->data, field->len, &err), &err);
}

static void answers_hostile_files_in_time(void **state)
{
	static const struct {
		unsigned number, type; /* of a field in a tensor */
		const char *value;
	} rows[] = {
		{ 5, 0, "\x01" },		   /* single numbers */
		{ 5, 2, "\x01\x01" },		   /* runs of one */
		{ 4, 5, "1234" }, { 6, 2, "\x01x" }, /* floats, strings */
		{ 1, 0, "\x01" },		   /* dims */
		{ 16, 2, "\x02\x0a\x00" },	   /* metadata */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF, tensor = ONNX_BUF, field = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_varint(&field, rows[i].number << 3 | rows[i].type);
		assert_ok(buf_append(&field, rows[i].value, i == 5 ? 3 : strlen(rows[i].value),
				     &err), &err);
		made_tensor(&tensor, "a", rows[i].number == 4 ? 1 : rows[i].number == 6 ? 8 : 2, 1);
		repeat(&tensor, &field);
		made_onnx(&bytes, &tensor, 1);
		assert_int_not_equal(made_parse(&l, bytes.data, bytes.len, "m.onnx", &err), WM_OK);
	}
}

/* Many small messages, each of them whole. */
static void takes_many_small_messages(void **state)
{
	static const char *const texts[] = { "numbers", "nodes", "functions" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF, graph = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		double start;
		enum wm_code code;

		for (unsigned j = 0; graph.len < 1 << 20; j++) {
			cleanup_buf struct buf message = ONNX_BUF, tensor = ONNX_BUF;
			char name[16];

			snprintf(name, sizeof(name), "%x", i == 2 ? j : j % 5000);
			made_text(&message, i == 2 ? 1 : 4, name);
			made_text(&message, i == 2 ? 10 : 7, "d");
			snprintf(name, sizeof(name), "%x", j);
			made_tensor(&tensor, name, 2, 1);
			made_int(&tensor, 5, 1);
			made_field(&graph, i == 0 ? 5 : i == 1 ? 1 : 25, i == 0 ? &tensor : &message);
		}
		if (i == 2)
			made_onnx_good(&bytes);
		if (i == 2)
			assert_ok(buf_append(&bytes, graph.data, graph.len, &err), &err);
		else
			made_model(&bytes, &graph);
		start = seconds();
		code = made_parse(&l, bytes.data, bytes.len, "m.onnx", &err);
		print_message("# 1 MiB of %s: %.3f s, %s\n", texts[i], seconds() - start,
			      code == WM_OK ? "accepted" : err.reason);
	}
}

/* --- failures ------------------------------------------------------------------------ */

static void survives_failing_allocations(void **state)
{
	static const char *const paths[] = {
		"testdata/good/onnx/perceptron.onnx", "testdata/good/onnx/nested.onnx",
		"testdata/good/onnx/external.onnx", "testdata/fuzz/onnx/good-kinds",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF;

		read_file(&bytes, paths[i]);
		parse_without_memory(&bytes, "m.onnx");
	}
}

/* Gathering reads the file again: one that was changed since is no danger. */
static void gathers_what_is_there(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF, values = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct sink sink = made_sink(&values);
	struct wm_error err = { 0 };
	size_t n = 0;

	(void)state;
	read_file(&bytes, "testdata/fuzz/onnx/good-kinds");
	parse_bytes(&l, &bytes);
	for (size_t i = 0; i < l.n_tensors; i++) {
		const struct tensor *t = &l.tensors[i];

		for (size_t at = 0; t->source && at < bytes.len; at++) {
			cleanup_fd int fd = -1;
			struct window w = { .fd = -1, .size = bytes.len, .name = "m.onnx" };

			bytes.data[at] ^= 0x81;
			w.fd = fd = made_file(bytes.data, bytes.len);
			bytes.data[at] ^= 0x81;
			buf_truncate(&values, 0);
			if (format_onnx.gather(&l, t, &w, &sink, &err) == WM_OK)
				assert_int_equal(values.len, t->len);
			n++;
		}
	}
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(finds_what_the_onnx_package_finds),
		cmocka_unit_test(finds_tensors_in_other_files),
		cmocka_unit_test(keeps_all_but_values),
		cmocka_unit_test(lists_operators_of_unknown_domains),
		cmocka_unit_test(is_claimed_by_name),
		cmocka_unit_test(keeps_metadata),
		cmocka_unit_test(bounds_what_it_keeps),
		cmocka_unit_test(bounds_names),
		cmocka_unit_test(bounds_the_number_of_tensors),
		cmocka_unit_test(bounds_metadata),
		cmocka_unit_test(bounds_operators),
		cmocka_unit_test(takes_up_to_2_gib),
		cmocka_unit_test(answers_hostile_files_in_time),
		cmocka_unit_test(takes_many_small_messages),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(gathers_what_is_there),
	};

	return run_tests(tests);
}
