/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/torch_legacy.c: what is refused of PyTorch's older files. What is read in good ones
 * (testdata/good/torch-legacy) tests/unit/test_format_torch_zip.c compares.
 */
#include "harness.h"

#include <stdio.h>

#include "made.h"

#define GOOD "testdata/good/torch-legacy/"

/* One tensor "w" of two F32 over the storage "0". */
#define MAGIC "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define VERSION "\x80\2M\xe9\3."
#define SYSTEM "\x80\2}X\x0d\0\0\0little_endian\x88s."
#define ID(type, key, numel, view) \
	"(X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0" key "X\3\0\0\0cpuK" numel view "tQ"
#define TENSOR(id) "ctorch._utils\n_rebuild_tensor_v2\n(" id "K\0K\2\x85K\1\x85\x89" \
	"ccollections\nOrderedDict\n)RtR"
#define OBJECT(id) "\x80\2}X\1\0\0\0w" TENSOR(id) "s."
#define BESIDE(item) "\x80\2}(X\1\0\0\0w" TENSOR(PLAIN) item "u."
#define TEN "K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1"
#define PARAMETER(grad, hooks) \
	"ctorch._utils\n_rebuild_parameter\n(" TENSOR(PLAIN) grad "}" hooks "tR"
#define SIZED(size) "\x80\2}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" PLAIN "K\0" size \
	"K\1\x85\x89" "ccollections\nOrderedDict\n)RtRs."
#define COLUMNS "ctorch._utils\n_rebuild_tensor_v2\n(" \
	"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuM\0\x40NtQ" \
	"K\0K\x80K\x80\x86K\1K\x80\x86\x89" "ccollections\nOrderedDict\n)RtR"
#define KEYS(keys) "\x80\2](" keys "e."
#define KEY0 "X\1\0\0\0000"
#define TWO "\2\0\0\0\0\0\0\0"
#define BYTES "abcdefgh"
#define PLAIN ID("FloatStorage", "0", "\2", "N")

/* The five pickles, what follows them, and the reason; NULL where it is taken. */
#define ROW(object, keys, rest, reason) \
	{ MAGIC VERSION SYSTEM object keys rest, \
	  sizeof(MAGIC VERSION SYSTEM object keys rest) - 1, reason }

static const struct {
	const char *bytes;
	size_t len;
	const char *reason;
} rows[] = {
	ROW(OBJECT(PLAIN), KEYS(KEY0), TWO BYTES, NULL),
	ROW(OBJECT(PLAIN), KEYS(KEY0), TWO BYTES "x", "torch-malformed"),
	ROW(OBJECT(PLAIN), KEYS(KEY0), "\3\0\0\0\0\0\0\0" BYTES "abcd", "torch-malformed"),
	ROW(OBJECT(PLAIN), KEYS(KEY0), TWO, "torch-malformed"),
	ROW(OBJECT(PLAIN), KEYS(""), "", "torch-malformed"),
	ROW(OBJECT(PLAIN), KEYS(KEY0 KEY0), TWO BYTES TWO BYTES, "torch-malformed"),
	ROW(OBJECT(PLAIN), KEYS("X\1\0\0\0001"), TWO BYTES, "torch-malformed"),
	ROW(OBJECT(PLAIN), "\x80\2K\1.", TWO BYTES, "torch-malformed"),
	ROW(OBJECT(PLAIN), "\x80\2]K\1a.", TWO BYTES, "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\3", "N")), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\1", "N")), KEYS(KEY0),
	    "\1\0\0\0\0\0\0\0" "abcd", "torch-malformed"),
	ROW(OBJECT(ID("QInt8Storage", "0", "\2", "N")), KEYS(KEY0), TWO "ab", "torch-dtype"),
	ROW(OBJECT(ID("FloatStorage", "0", "\2", "")), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	/* Views, whatever they are of. */
	ROW(OBJECT(ID("FloatStorage", "0", "\3", "(X\1\0\0\0vK\1K\2t")), KEYS(KEY0),
	    "\3\0\0\0\0\0\0\0" "abcd" BYTES, "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\2", "(X\1\0\0\0vK\1K\1t")), KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\2", "(X\1\0\0\0vK\3K\1t")), KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\2", "(K\1K\1t")), KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	ROW(OBJECT(ID("FloatStorage", "0", "\2", "K\1")), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW("\x80\2K\1Q.", KEYS(""), "", "torch-malformed"),
	ROW("\x80\2(Rt.", KEYS(""), "", "pickle-malformed"),
	ROW("\x80\2cos\nsystem\n(X\2\0\0\0idtR.", KEYS(""), "", NULL), /* named, not run */
	{ MAGIC "\x80\2M\xea\3." SYSTEM, sizeof(MAGIC "\x80\2M\xea\3." SYSTEM) - 1,
	  "torch-malformed" },
	{ MAGIC VERSION "\x80\2}." OBJECT(PLAIN) KEYS(KEY0) TWO BYTES,
	  sizeof(MAGIC VERSION "\x80\2}." OBJECT(PLAIN) KEYS(KEY0) TWO BYTES) - 1,
	  "torch-malformed" },
	{ MAGIC VERSION "\x80\2}X\x0d\0\0\0little_endian\x89s." OBJECT(PLAIN) KEYS(KEY0) TWO BYTES,
	  sizeof(MAGIC VERSION "\x80\2}X\x0d\0\0\0little_endian\x89s." OBJECT(PLAIN) KEYS(KEY0)
			 TWO BYTES) - 1, "torch-malformed" },
	/* Code beside the object, where nobody lists it. */
	{ MAGIC VERSION "\x80\2}(X\x0d\0\0\0little_endian\x88K\1cos\nsystem\nu." OBJECT(PLAIN)
		KEYS(KEY0) TWO BYTES,
	  sizeof(MAGIC VERSION "\x80\2}(X\x0d\0\0\0little_endian\x88K\1cos\nsystem\nu."
			 OBJECT(PLAIN) KEYS(KEY0) TWO BYTES) - 1, "torch-malformed" },
	{ MAGIC VERSION SYSTEM OBJECT(PLAIN) KEYS(KEY0 "cos\nsystem\n") TWO BYTES,
	  sizeof(MAGIC VERSION SYSTEM OBJECT(PLAIN) KEYS(KEY0 "cos\nsystem\n") TWO BYTES) - 1,
	  "torch-malformed" },
	{ MAGIC, sizeof(MAGIC) - 1, "torch-malformed" },
	ROW(OBJECT("(X\7\0\0\0storagectorch\nFloatStorage\nK\0X\3\0\0\0cpuK\2NtQ"), KEYS(KEY0),
	    TWO BYTES, "torch-malformed"),
	ROW(OBJECT("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpu"
		   "J\xff\xff\xff\xffNtQ"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	/* Two tensors of one storage, which they agree on or not. */
	ROW(BESIDE("X\1\0\0\0v" TENSOR(PLAIN)), KEYS(KEY0), TWO BYTES, NULL),
	ROW(BESIDE("X\1\0\0\0v" TENSOR(ID("FloatStorage", "0", "\3", "N"))), KEYS(KEY0),
	    TWO BYTES, "torch-malformed"),
	ROW(BESIDE("X\1\0\0\0v" TENSOR(ID("IntStorage", "0", "\2", "N"))), KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	/* Keys that hold others, or none that Python takes. */
	ROW(BESIDE("K\1K\2\x86K\3"), KEYS(KEY0), TWO BYTES, NULL),
	ROW(BESIDE("K\1]\x86K\3"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(BESIDE("K\1\x85\x85K\3"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(BESIDE("]K\3"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(BESIDE("ccollections\nOrderedDict\n)RK\3"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(BESIDE("(" TEN TEN TEN TEN TEN TEN "K\1K\1K\1K\1" "tK\3"), KEYS(KEY0), TWO BYTES, NULL),
	ROW(BESIDE("(" TEN TEN TEN TEN TEN TEN "K\1K\1K\1K\1K\1" "tK\3"), KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	/* Parameters, whose hooks would be called. */
	ROW("\x80\2}X\1\0\0\0w" PARAMETER("\x88", "") "s.", KEYS(KEY0), TWO BYTES, NULL),
	ROW("\x80\2}X\1\0\0\0w" PARAMETER("\x88", "K\1K\2s") "s.", KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	ROW("\x80\2}X\1\0\0\0w" PARAMETER("K\1", "") "s.", KEYS(KEY0), TWO BYTES,
	    "torch-malformed"),
	/* Sizes, as tuples or what the type makes of them. */
	ROW(SIZED("ctorch\nSize\nK\2\x85\x85R"), KEYS(KEY0), TWO BYTES, NULL),
	ROW(SIZED("ctorch\nSize\nK\2\x85K\2\x85\x86R"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
	ROW(SIZED("ctorch\ndevice\nX\3\0\0\0cpu\x85R"), KEYS(KEY0), TWO BYTES, "torch-malformed"),
};

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code = made_parse(&l, rows[i].bytes, rows[i].len, "m.pt", &err);
		char row[20];

		snprintf(row, sizeof(row), "row %zu", i);
		assert_verdict(code, &err, row, rows[i].reason);
		if (code == WM_OK)
			assert_string_equal(l.format->grammar, "torch-legacy/1");
	}
}

static void names_code_without_running_it(void **state)
{
	static const char evil[] = MAGIC VERSION SYSTEM
		"\x80\2cos\nsystem\n(X\2\0\0\0idtR." KEYS("");
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(made_parse(&l, evil, sizeof(evil) - 1, "m.bin", &err), &err);
	assert_int_equal(l.n_imports, 1);
	assert_string_equal(l.imports[0].name, "os.system");
	assert_false(l.imports[0].allowed);
}

static void refuses_every_length(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "sliced.pt");
	for (size_t len = sizeof(MAGIC) - 1; len < bytes.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_int_not_equal(made_parse(&l, bytes.data, len, "m.pt", &err), WM_OK);
	}
}

/* Files whose first 512 bytes have the sum that makes them a tar for PyTorch. */
static void refuses_what_is_a_tar_too(void **state)
{
	static const struct {
		const char *name, *front, *behind, *reason;
		size_t front_len, behind_len;
	} files[] = {
		{ "m.pkl", "\x80\2X\x20\3\0\0", ".", "tar-malformed", 7, 1 },
		{ "m.pt", MAGIC VERSION SYSTEM "\x80\2}(X\1\0\0\0tX\x20\3\0\0",
		  "X\1\0\0\0w" TENSOR(PLAIN) "u." KEYS(KEY0) TWO BYTES, "torch-malformed",
		  sizeof(MAGIC VERSION SYSTEM "\x80\2}(X\1\0\0\0tX\x20\3\0\0") - 1,
		  sizeof("X\1\0\0\0w" TENSOR(PLAIN) "u." KEYS(KEY0) TWO BYTES) - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT, tar = LAYOUT_INIT;
		struct wm_error err = { 0 };
		unsigned sum = 8 * ' ';
		char text[801], octal[8];

		memset(text, 'x', sizeof(text) - 1);
		text[800] = 0;
		assert_ok(buf_append(&bytes, files[i].front, files[i].front_len, &err), &err);
		assert_ok(buf_append_str(&bytes, text, &err), &err);
		assert_ok(buf_append(&bytes, files[i].behind, files[i].behind_len, &err), &err);
		assert_ok(made_parse(&l, bytes.data, bytes.len, files[i].name, &err), &err);
		for (size_t k = 0; k < 512; k++)
			sum += k >= 148 && k < 156 ? 0 : bytes.data[k];
		snprintf(octal, sizeof(octal), "%06o ", sum);
		memcpy(bytes.data + 148, octal, 7);
		assert_verdict(made_parse(&tar, bytes.data, bytes.len, files[i].name, &err), &err,
			       files[i].name, files[i].reason);
	}
}

/* Tensors that are columns of one storage: what is gathered is out of proportion at last. */
static void bounds_what_is_gathered(void **state)
{
	enum { NUMEL = 128 * 128, LEN = 4 * NUMEL };
	static uint8_t storage[LEN];

	(void)state;
	for (unsigned n = 100; n <= 200; n += 100) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 24);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(buf_append(&bytes, MAGIC VERSION SYSTEM, sizeof(MAGIC VERSION SYSTEM) - 1,
				     &err), &err);
		assert_ok(buf_append(&bytes, "\x80\2}(", 4, &err), &err);
		for (unsigned i = 0; i < n; i++) {
			const uint8_t key[] = { 'X', 2, 0, 0, 0, (uint8_t)(' ' + i % 64),
						(uint8_t)(' ' + i / 64) };

			assert_ok(buf_append(&bytes, key, sizeof(key), &err), &err);
			assert_ok(buf_append(&bytes, COLUMNS, sizeof(COLUMNS) - 1, &err), &err);
		}
		assert_ok(buf_append(&bytes, "u." KEYS(KEY0) "\0\x40\0\0\0\0\0\0",
				     sizeof("u." KEYS(KEY0) "\0\x40\0\0\0\0\0\0") - 1, &err), &err);
		assert_ok(buf_append(&bytes, storage, LEN, &err), &err);
		assert_verdict(made_parse(&l, bytes.data, bytes.len, "m.pt", &err), &err, "columns",
			       n == 100 ? NULL : "limit");
		if (n == 100)
			assert_true(l.n_tensors == n && l.tensors[n - 1].source);
	}
}

static void fails_where_memory_does(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "shared.pt");
	parse_without_memory(&bytes, "m.pt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(names_code_without_running_it),
		cmocka_unit_test(refuses_every_length),
		cmocka_unit_test(refuses_what_is_a_tar_too),
		cmocka_unit_test(bounds_what_is_gathered),
		cmocka_unit_test(fails_where_memory_does),
	};

	return run_tests(tests);
}
