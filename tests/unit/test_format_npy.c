/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/npy.c, arrays.c, npz.c, keras_zip.c: what they take, as NumPy reads it, and the
 * reason for which they refuse each file of testdata/bad/expect-npy.tsv.
 */
#include "harness.h"

#include <stdio.h>

#include "crypto/sha256.h"
#include "made_npy.h"
#include "util/file.h"

#define GOOD_FOLDER "testdata/good/npy/"

/* Cuts the next field or line off. */
static char *cut(char **text, char end)
{
	char *start = *text, *stop = strchr(start, end);

	assert_non_null(stop);
	*stop = 0;
	*text = stop + 1;
	return start;
}

static void check_file(const char *path, const char *reason)
{
	cleanup_made_npy struct made_npy m = MADE_NPY_INIT;
	struct wm_error err = { 0 };
	enum wm_code code = made_npy_read(&m, path, &err);

	if (code == WM_OK) {
		made_npy_check(&m);
		code = made_npy_gather(&m, &err);
	}
	assert_verdict(code, &err, path, reason);
}

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	assert_true(each_bad("expect-npy.tsv", check_file) > 150);
}

/* A line of tensors.tsv without its file. */
static void check_tensor(const struct made_npy *m, char *line)
{
	const struct tensor *t = find_tensor(&m->layout, cut(&line, '\t'));
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), dims = BUF_INIT(200);
	cleanup_buf struct buf hex = BUF_INIT(200);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	assert_string_equal(dtype_info(t->dtype)->name, cut(&line, '\t'));
	for (unsigned i = 0; i < t->rank; i++)
		assert_ok(buf_printf(&dims, &err, "%s%llu", i ? "," : "",
				     (unsigned long long)t->dims[i]), &err);
	assert_string_equal(buf_str(&dims), cut(&line, '\t'));
	assert_ok(made_npy_tensor(&bytes, m, t, &err), &err);
	assert_ok(sha256_of(digest, bytes.data, bytes.len, &err), &err);
	for (size_t i = 0; i < sizeof(digest); i++)
		assert_ok(buf_printf(&hex, &err, "%02x", digest[i]), &err);
	assert_string_equal(buf_str(&hex), line);
}

static void reads_what_numpy_does(void **state)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	size_t n = 0;
	char *rest;

	(void)state;
	read_file(&table, GOOD_FOLDER "tensors.tsv");
	rest = (char *)table.data;
	for (cut(&rest, '\n'); *rest; n++) {
		cleanup_made_npy struct made_npy m = MADE_NPY_INIT;
		char path[100], *line = cut(&rest, '\n');
		struct wm_error err = { 0 };

		snprintf(path, sizeof(path), GOOD_FOLDER "%s", cut(&line, '\t'));
		assert_ok(made_npy_read(&m, path, &err), &err);
		made_npy_check(&m);
		assert_true(m.layout.has_tensors);
		check_tensor(&m, line);
	}
	assert_int_equal(n, 17 + 3 * 8 + 3);
}

static void picks_by_magic_and_name(void **state)
{
	static const struct {
		const char *file, *name, *grammar;
	} rows[] = {
		{ "turned.npy", "weights", "npy/1" },	 { "turned.npy", "a.npz", "npz/1" },
		{ "turned.npy", "a.h5", "hdf5/1" },	 { "turned.npy", "a.b/c", "npy/1" },
		{ "turned.npy", "a.dat", "npy/1" },	 { "turned.npy", "a.onnx", "onnx/1" },
		{ "turned.npy", "a.NPY", "npy/1" },	 { "turned.npy", "a.keras", "keras-zip/1" },
		{ "stored.npz", "weights", "npz/1" },	 { "stored.npz", "a.npz", "npz/1" },
		{ "stored.npz", "a.pt", "torch-zip/1" }, { "empty.npz", "a.NPZ", "npz/1" },
		{ "stored.npz", "a.keras", "keras-zip/1" }, { "stored.npz", "a.npy", "npy/1" },
		{ "stored.npz", "a.zip", "npz/1" },
		{ "model.keras", "a.Keras", "keras-zip/1" }, { "model.keras", "a.npz", "npz/1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		char path[100];

		snprintf(path, sizeof(path), GOOD_FOLDER "%s", rows[i].file);
		read_file(&bytes, path);
		assert_string_equal(
			format_pick(rows[i].name, bytes.len, bytes.data, bytes.len)->grammar,
			rows[i].grammar);
	}
}

/* An array of version 1.0 with this header and `data` bytes. */
static void append_array(struct buf *out, const char *header, size_t data)
{
	const uint8_t start[] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)strlen(header),
				  (uint8_t)(strlen(header) >> 8) };
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, start, sizeof(start), &err), &err);
	assert_ok(buf_append_str(out, header, &err), &err);
	for (size_t i = 0; i < data; i++)
		assert_ok(buf_append_byte(out, (uint8_t)(i * 7), &err), &err);
}

static void takes_any_order_and_spaces(void **state)
{
	static const char *const headers[] = {
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}\n",
		"{'shape':(2,3),'descr':'<f4','fortran_order':False}\n",
		"  { 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , 'descr' : '<f4' , } \n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		append_array(&bytes, headers[i], 24);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.npy", &err), &err);
		assert_int_equal(l.n_tensors, 1);
		assert_string_equal(l.tensors[0].name, "array");
		assert_int_equal(l.tensors[0].rank, 2);
		assert_int_equal(l.tensors[0].dims[1], 3);
		assert_int_equal(l.segments[l.tensors[0].segment].off, bytes.len - 24);
		assert_int_equal(l.pieces[0].len, bytes.len - 24);
		assert_null(l.format->embed);
	}
}

/* Fortran order of one axis that is not of one element is a run. */
static void turns_columns_into_rows(void **state)
{
	static const uint8_t expected[] = { 0, 14, 28, 7, 21, 35 };
	cleanup_made_npy struct made_npy m = MADE_NPY_INIT, run = MADE_NPY_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(100);
	struct wm_error err = { 0 };

	(void)state;
	append_array(&m.bytes, "{'descr':'|i1','fortran_order':True,'shape':(2,3)}\n", 6);
	assert_ok(made_parse(&m.layout, m.bytes.data, m.bytes.len, "m.npy", &err), &err);
	made_npy_check(&m);
	assert_ok(made_npy_tensor(&bytes, &m, &m.layout.tensors[0], &err), &err);
	assert_int_equal(bytes.len, sizeof(expected));
	assert_memory_equal(bytes.data, expected, sizeof(expected));
	append_array(&run.bytes, "{'descr':'|i1','fortran_order':True,'shape':(1,6,1)}\n", 6);
	assert_ok(made_parse(&run.layout, run.bytes.data, run.bytes.len, "m.npy", &err), &err);
	assert_int_equal(run.layout.tensors[0].segment, 1);
}

/* Bytes that are not there any more, or are others, when a deflated array is gathered. */
static void notices_changes_before_gathering(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t at = 0; at < 1300; at++) {
		cleanup_made_npy struct made_npy m = MADE_NPY_INIT;
		struct wm_error err = { 0 };

		assert_ok(made_npy_read(&m, GOOD_FOLDER "compressed.npz", &err), &err);
		m.bytes.data[at] ^= 0x10;
		if (made_npy_gather(&m, &err) == WM_OK)
			continue;
		assert_string_not_equal(err.reason, "internal");
		seen++;
	}
	assert_true(seen > 800);
}

struct parsing {
	const char *name;
	struct buf bytes;
};

static enum wm_code parse_and_gather(void *context, struct wm_error *err)
{
	const struct parsing *p = context;
	cleanup_fd int fd = made_file(p->bytes.data, p->bytes.len);
	cleanup_layout struct layout l = LAYOUT_INIT;

	TRY(format_parse(&l, fd, p->bytes.len, p->name, err));
	for (size_t i = 0; i < l.n_tensors; i++) {
		cleanup_buf struct buf out = BUF_INIT(1 << 20);
		struct made_npy m = { p->bytes, l };

		TRY(made_npy_tensor(&out, &m, &l.tensors[i], err));
	}
	return WM_OK;
}

/* As with_every_allocation_failing(), which does not see those that the child of HDF5 counts. */
static void with_each_failing(struct parsing *p)
{
	enum wm_code code = WM_NOMEM;

	for (size_t n = 1; code != WM_OK; n++) {
		struct wm_error err = { 0 };

		fail_allocation(n);
		code = parse_and_gather(p, &err);
		fail_allocation(0);
		assert_true(code == WM_OK || code == WM_NOMEM);
	}
}

static void survives_failing_allocations(void **state)
{
	static const char *const files[] = { "turned.npy", "stored.npz", "compressed.npz",
					     "model-npz.keras", "model.keras" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		char path[100];

		snprintf(path, sizeof(path), GOOD_FOLDER "%s", files[i]);
		read_file(&bytes, path);
		if (i == 4)
			with_each_failing(&(struct parsing){ files[i], bytes });
		else
			with_every_allocation_failing(parse_and_gather,
						      &(struct parsing){ files[i], bytes });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(reads_what_numpy_does),
		cmocka_unit_test(picks_by_magic_and_name),
		cmocka_unit_test(takes_any_order_and_spaces),
		cmocka_unit_test(turns_columns_into_rows),
		cmocka_unit_test(notices_changes_before_gathering),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
