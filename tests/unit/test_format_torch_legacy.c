/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/torch_legacy.c: what is refused of PyTorch's older files. What is read in good ones
 * (testdata/good/torch-legacy) tests/unit/test_format_torch_zip.c compares.
 */
#include "harness.h"

#include "made.h"

#define GOOD "testdata/good/torch-legacy/"

/* One tensor "w" of two F32 over the storage "0". */
#define MAGIC "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define VERSION "\x80\2M\xe9\3."
#define SYSTEM "\x80\2}X\x0d\0\0\0little_endian\x88s."
#define ID(type, key, numel, view) \
	"(X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0" key "X\3\0\0\0cpuK" numel view "tQ"
#define TENSOR(id) "ctorch._utils\n_rebuild_tensor_v2\n(" id "K\0K\2\x85K\1\x85\x89" "ccollections\nOrderedDict\n)RtR"
#define OBJECT(id) "\x80\2}X\1\0\0\0w" TENSOR(id) "s."
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
};

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code = made_parse(&l, rows[i].bytes, rows[i].len, "m.pt", &err);

		if ((code == WM_OK) != !rows[i].reason ||
		    (rows[i].reason && strcmp(err.reason, rows[i].reason) != 0))
			test_failed(__FILE__, __LINE__, "row %zu: %s %s", i,
				    code == WM_OK ? "accepted" : err.reason, err.message);
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

static enum wm_code parse_it(void *bytes, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *b = bytes;

	return made_parse(&l, b->data, b->len, "m.pt", err);
}

static void fails_where_memory_does(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "shared.pt");
	with_every_allocation_failing(parse_it, &bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(names_code_without_running_it),
		cmocka_unit_test(refuses_every_length),
		cmocka_unit_test(fails_where_memory_does),
	};

	return run_tests(tests);
}
