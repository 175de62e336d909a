/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/pickle_scan.c, pickle_file.c: names of globals in pickles of every protocol. */
#include "harness.h"

#include "format/pickle.h"
#include "made.h"

/* Names as they come, parted by commas. */
static enum wm_code take(void *context, const char *name, size_t len, struct wm_error *err)
{
	struct buf *out = context;

	if (out->len > 0)
		TRY(buf_append_byte(out, ',', err));
	return buf_append(out, name, len, err);
}

#define ROW(bytes, names) { bytes, sizeof(bytes) - 1, names }

static const struct {
	const char *bytes;
	size_t len;
	const char *names; /* NULL: malformed */
} rows[] = {
	ROW("N.", ""),
	ROW("", NULL),
	ROW(".", NULL),
	ROW("N", NULL),
	ROW("NN.", NULL),
	ROW("(.", NULL),
	/* GLOBAL and INST, by lines. */
	ROW("cos\nsystem\n(S'id'\ntR.", "os.system"),
	ROW("(S'id'\nios\nsystem\n.", "os.system"),
	ROW("cos\nsystem", NULL),
	ROW("cos\nsys\xfftem\n.", "(computed)"),
	ROW("cos\0x\nsystem\n.", "(computed)"),
	/* STACK_GLOBAL, from text on the stack, from the memo, from what is no text. */
	ROW("\x80\4\x8c\2os\x94\x8c\6system\x94\x93.", "os.system"),
	ROW("\x80\4\x8c\2os\x94\x8c\6system\x94\x93\x94h\0h\1\x93\x86.", "os.system,os.system"),
	ROW("\x80\4\x8c\2osN\x93.", "(computed)"),
	ROW("\x80\4\x8c\2osU\6system\x93.", "(computed)"),
	ROW("\x80\4\x8c\6system\x93.", NULL),
	ROW("X\2\0\0\0osq\7""0h\7X\6\0\0\0system\x93.", "os.system"),
	ROW("X\2\0\0\0osr\7\0\0\0""0j\7\0\0\0X\6\0\0\0system\x93.", "os.system"),
	ROW("X\2\0\0\0osp7\n0g7\nX\6\0\0\0system\x93.", "os.system"),
	ROW("\x8d\2\0\0\0\0\0\0\0os\x8d\6\0\0\0\0\0\0\0system\x93.", "os.system"),
	/* MEMOIZE counts what is remembered: putting one number twice moves nothing. */
	ROW("\x80\4\x8c\1a\x94q\0q\0""0\x8c\2os\x94""0\x8c\6system\x94""0h\1h\2\x93.", "os.system"),
	/* Text that a later value hides is not the name. */
	ROW("X\2\0\0\0osX\4\0\0\0mathX\6\0\0\0system\x93\x86.", "math.system"),
	ROW("X\2\0\0\0os2X\6\0\0\0system\x93\x86.", "os.system"),
	ROW("X\4\0\0\0math0X\2\0\0\0osX\6\0\0\0system\x93.", "os.system"),
	ROW("(X\4\0\0\0math1X\2\0\0\0osX\6\0\0\0system\x93.", "os.system"),
	/* copyreg's registry of extensions. */
	ROW("\x82\1.", "(extension)"),
	ROW("\x83\1\0.", "(extension)"),
	ROW("\x84\1\0\0\0.", "(extension)"),
	/* Each opcode with its argument. */
	ROW("F1.5\n.", ""), ROW("I1\n.", ""), ROW("L1L\n.", ""), ROW("P1\n.", ""), ROW("V1\n.", ""),
	ROW("J\1\0\0\0.", ""), ROW("K\1.", ""), ROW("M\1\0.", ""), ROW("G\0\0\0\0\0\0\0\0.", ""),
	ROW("T\1\0\0\0x.", ""), ROW("B\1\0\0\0x.", ""), ROW("C\1x.", ""),
	ROW("\x88.", ""), ROW("\x89.", ""), ROW("\x8f.", ""), ROW("\x97.", ""), ROW("\x8a\1x.", ""),
	ROW("\x8b\1\0\0\0x.", ""), ROW("\x8e\1\0\0\0\0\0\0\0x.", ""),
	ROW("\x96\1\0\0\0\0\0\0\0x.", ""), ROW("N\x98.", ""), ROW("NQ.", ""),
	ROW("}.", ""), ROW("].", ""), ROW(").", ""), ROW("(d.", ""), ROW("(l.", ""), ROW("(t.", ""),
	ROW("(No.", ""), ROW("(N\x91.", ""), ROW("\x8f(N\x90.", ""), ROW("](Ne.", ""), ROW("}(NNu.", ""),
	ROW("]Na.", ""), ROW("}NNs.", ""), ROW("NNb.", ""), ROW("N\x85.", ""), ROW("NN\x86.", ""),
	ROW("NNN\x87.", ""), ROW("NNR.", ""), ROW("NN\x81.", ""), ROW("NNN\x92.", ""), ROW("N2\x86.", ""),
	ROW("\x80\5N.", ""), ROW("\x95\2\0\0\0\0\0\0\0N.", ""),
	/* What is missing, or beyond the end. */
	ROW("\x80\6N.", NULL), ROW("\x80", NULL), ROW("\x95\3\0\0\0\0\0\0\0N.", NULL), ROW("J\1.", NULL),
	ROW("X\xff\xff\xff\xffx.", NULL), ROW("\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", NULL), ROW("F1.5.", NULL),
	ROW("R.", NULL), ROW("NR.", NULL), ROW("(R.", NULL), ROW("(NR.", NULL), ROW("t.", NULL), ROW("Ne.", NULL),
	ROW("0.", NULL), ROW("2.", NULL), ROW("(2.", NULL), ROW("h\0.", NULL), ROW("g0\n.", NULL), ROW("q\0.", NULL),
	ROW("(q\0.", NULL), ROW("Nq\xff.", ""), ROW("Nr\xff\xff\xff\xff.", ""), ROW("Np-1\n.", NULL),
	ROW("Np\n.", NULL), ROW("Np99999999999\n.", ""), ROW("Np 1_0 \n0g+10\n.", ""), ROW("Np1__0\n.", NULL), ROW("Np_1\n.", NULL),
	ROW("Np-0\n0g-00_0\n.", ""), ROW("Np-01\n.", NULL), ROW("Np1 \0x1\n0g1\0\n.", ""), ROW("Np\0\n.", NULL),
	ROW("Np1 0\n.", NULL), ROW("Nr\0\0\1\0""0j\0\0\2\0.", NULL), ROW("X\2\0\0\0osr\0\0\x10\0X\6\0\0\0system\x93.", "os.system"),
	ROW("X\2\0\0\0osr\0\0\x10\0""0j\0\0\x10\0X\6\0\0\0system\x93.", "(computed)"), ROW("!N.", NULL), ROW("\xffN.", NULL), ROW("\x94.", NULL),
};

static void finds_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf found = BUF_INIT(1 << 16);
		const struct pickle_names names = { take, &found };
		struct wm_error err = { 0 };
		size_t used = 0;
		enum wm_code code = pickle_scan(&used, rows[i].bytes, rows[i].len, &names, "p", &err);

		if ((code == WM_OK) != (rows[i].names != NULL) ||
		    (rows[i].names && strcmp(buf_str(&found), rows[i].names) != 0))
			test_failed(__FILE__, __LINE__, "row %zu: %s '%s'", i,
				    code == WM_OK ? "taken" : err.message, buf_str(&found));
		if (code == WM_OK)
			assert_int_equal(used, rows[i].len);
		else
			assert_string_equal(err.reason, "pickle-malformed");
	}
}

static void stops_at_stop(void **state)
{
	cleanup_buf struct buf found = BUF_INIT(1 << 16);
	const struct pickle_names names = { take, &found };
	struct wm_error err = { 0 };
	size_t used = 0;

	(void)state;
	assert_ok(pickle_scan(&used, "N.cos\nsystem\n.", 15, &names, "p", &err), &err);
	assert_int_equal(used, 2);
	assert_int_equal(found.len, 0);
}

/* A million values on the stack, and one more. */
static void bounds_the_stack(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 22), found = BUF_INIT(1 << 16);
	const struct pickle_names names = { take, &found };
	struct wm_error err = { 0 };
	size_t used = 0;

	(void)state;
	assert_ok(buf_reserve(&bytes, (1 << 20) + 8, &err), &err);
	memset(bytes.data, 'N', (1 << 20) + 1);
	bytes.len = (1 << 20) + 1;
	assert_reason(pickle_scan(&used, bytes.data, bytes.len, &names, "p", &err), &err, LIMIT);
}

static void files_are_one_pickle(void **state)
{
	static const struct {
		const char *name, *bytes, *grammar, *reason;
	} files[] = {
		{ "m.pkl", "cos\nsystem\n(tR.", "pickle/1", NULL },
		{ "m.PICKLE", "N.", "pickle/1", NULL },
		{ "m.joblib", "N.N.", NULL, "pickle-malformed" },
		{ "m.pt", "N.x", NULL, "pickle-malformed" },
		{ "m.pth", "no pickle", NULL, "pickle-malformed" },
		{ "m.bin", "\x80\2N.", "pickle/1", NULL },
		{ "m.bin", "\x80\2N", NULL, "pickle-malformed" },
		{ "m.bin", "\x80\6N.", "raw/1", NULL },
		{ "m.bin", "N.", "pickle/1", NULL },
		{ "m.bin", "cos\nsystem\n(tR.", "pickle/1", NULL },
		{ "m.ckpt", "cos\nsystem\n(tRx", NULL, "pickle-malformed" },
		{ "m.bin", "weights", "raw/1", NULL },
		{ "m.other", "\x80\2N.", "pickle/1", NULL },
		{ "m", "\x80\4\x8c\2os\x94\x8c\6system\x94\x93\x94)R.", "pickle/1", NULL },
		{ "m.ort", "\x80\5N.", "pickle/1", NULL },
		{ "m.pb", "cos\nsystem\n(tR.", "pickle/1", NULL },
		{ "m.index", "cos\nsystem\n(tR.", "pickle/1", NULL },
		{ "m", "N.cos\nsystem\n(tR", NULL, "pickle-malformed" },
		{ "m", "(icollections\nOrderedDict\n.", "pickle/1", NULL },
		{ "m", "(ccollections\nOrderedDict\no.", "pickle/1", NULL },
		{ "m", "\x80\2r\xff\xff\xff\x7f", "raw/1", NULL },
		{ "m", "\x80\2Nr\xff\xff\xff\x7f", NULL, "pickle-malformed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code = made_parse(&l, files[i].bytes, strlen(files[i].bytes),
					       files[i].name, &err);

		if (files[i].reason) {
			assert_int_not_equal(code, WM_OK);
			assert_string_equal(err.reason, files[i].reason);
			continue;
		}
		assert_ok(code, &err);
		assert_string_equal(l.format->grammar, files[i].grammar);
		assert_false(l.has_tensors);
		assert_int_equal(l.size, strlen(files[i].bytes));
		assert_int_equal(l.n_segments, 1);
	}
}

static const struct format *picked(const char *name, const void *bytes, size_t len)
{
	cleanup_fd int fd = made_file(bytes, len);
	const struct window w = { .fd = fd, .size = len, .name = name };
	const struct format *f = NULL;
	struct wm_error err = { 0 };

	assert_ok(format_pick_window(&f, &w, &err), &err);
	return f;
}

/* Other files that begin with what some pickle begins with. */
static void leaves_others_alone(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} files[] = {
		{ "cat\ndog\nSun\nMoon\n", 17 },	       /* words, */
		{ "cache\nbuild\n.env\n", 17 },	       /* patterns, */
		{ "Version\n.hidden\n", 16 },
		{ "C\x08MAKE_X\n\n..note", 16 },
		{ "const a = b('a')\nconst c = 1\n\x4e(tR.", 34 },
		{ "c\nsystem\n(tR.", 13 },		       /* names of nothing, */
		{ "cos\n\n(tR.", 9 },
		{ "class Net:\n    pass\n", 20 },	       /* sources, */
		{ "(c) 2020\n", 9 },
		{ "(i) You may use.\n(ii) You may not.\n", 35 },
		{ "(in order of names)\nA\nB and others\n", 36 },
		{ "(c) 2024 Foo Inc.\nAll rights\nor ask us\n", 39 },
		{ "{\"a\": 1}", 8 },
		{ "\x89PNG\r\n\x1a\n", 8 },		       /* images, */
		{ "\xff\xd8\xff\xe0\0\x10JFIF", 10 },
		{ "\x1f\x8b\x08\0\0\0\0\0", 8 },	       /* compressed, */
		{ "\x80\1\x34\x12\0\0%!PS-Adobe", 16 },      /* a font, */
		{ "\x80\2\xe0\1\0\0\0\0", 8 },	       /* 640 by 480, */
		{ "\x80\2\0\0\x80\2\0\0", 8 },
		{ "\0\0\x80\x3f\0\0\0\x40", 8 },	       /* numbers, */
		{ "\x80\4X\xff\xff\xff\x7f", 7 },
		{ "\x80\4\x95\0\0\0\0\0\0\0\xff", 11 },	       /* more than there can be, */
		{ "\x80\4K\2K\2\x93(tR", 10 },		       /* a name that is no text */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_ptr_equal(picked("m.bin", files[i].bytes, files[i].len), &format_raw);
}

/* What loaders run tells, however far it lies behind arguments, and however it is written. */
static void tells_what_runs(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} files[] = {
		{ "cos\nsystem\np99999\n(S'x'\ntR.", 28 }, { "cos\nsystem\np+1\n(S'x'\ntR.", 25 },
		{ "cos\nsystem\np1_1\n(S'x'\ntR.", 26 },	{ "cos\nsystem\np 7 \n(S'x'\ntR.", 26 },
		{ "cos\nsystem\nr\0\0\1\0(S'x'\ntR.", 26 },
		{ "cos\nsystem\np99999999999999999999999\n(S'x'\ntR\xff", 45 },
		{ "clogging\nroot\n(dS'append'\ncos\nsystem\nsbS'x'\na\xff", 46 },
		{ "cos\nsystem\np-0\n(S'x'\ntR\xff", 24 }, { "cos\nsystem\np1 \0_\n(S'x'\ntR\xff", 26 },
		{ "\x80\4\x95\xff\xff\0\0\0\0\0\0cos\nsystem\n(S'x'\ntR\xff", 31 },
		{ "Nq\5.cos\nsystem\n\x94h\0(S'x'\ntR\xff", 27 },
		{ "\x80\2cos\nsystem\n\xff", 14 }, { "X\2\0\0\0osU\6system\x93\xff", 17 },
		{ "]cos\nsystem\na\xff", 14 }, { "](cos\nsystem\ne\xff", 15 },
		{ "}(Ncos\nsystem\nu\xff", 16 }, { "}Ncos\nsystem\ns\xff", 15 },
	};
	static char far[300000];
	static const char payload[] = "cos\nsystem\n(S'x'\ntR\xff";

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (picked("m.bin", files[i].bytes, files[i].len) != &format_pickle)
			test_failed(__FILE__, __LINE__, "row %zu", i);
	/* BINBYTES of 100,000 bytes; then a text of one long line. */
	memcpy(far, "B\xa0\x86\1\0", 5);
	memcpy(far + 100005, "S'", 2);
	memset(far + 100007, 'x', 150000);
	memcpy(far + 250007, "'\n", 2);
	memcpy(far + 250009, payload, sizeof(payload) - 1);
	assert_ptr_equal(picked("m", far, 250009 + sizeof(payload) - 1), &format_pickle);
	far[250009] = 'X';
	assert_ptr_equal(picked("m", far, 250009 + sizeof(payload) - 1), &format_raw);
}

/* What is followed beyond its limit may do anything. */
static void bounds_what_is_followed(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_PICKLE_OPCODES + 8);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_reserve(&bytes, LIMIT_PICKLE_OPCODES + 2, &err), &err);
	for (size_t i = 0; i < LIMIT_PICKLE_OPCODES; i++)
		bytes.data[i] = i % 2 ? '0' : 'N';
	bytes.data[LIMIT_PICKLE_OPCODES - 1] = bytes.data[LIMIT_PICKLE_OPCODES] = 0xff;
	assert_ptr_equal(picked("m", bytes.data, LIMIT_PICKLE_OPCODES), &format_raw);
	bytes.data[LIMIT_PICKLE_OPCODES - 1] = '0';
	assert_ptr_equal(picked("m", bytes.data, LIMIT_PICKLE_OPCODES + 1), &format_pickle);
}

/* Equal names count once. */
static void bounds_the_names(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		const size_t n = LIMIT_IMPORTS + over;
		cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		for (size_t i = 0; i < 3 * n; i++)
			assert_ok(buf_printf(&bytes, &err, "cm\n%zu\n0", i % n), &err);
		assert_ok(buf_append_str(&bytes, "N.", &err), &err);
		assert_verdict(made_parse(&l, bytes.data, bytes.len, "m.pkl", &err), &err, "names",
			       over ? "limit" : NULL);
		assert_int_equal(l.n_imports, over ? 0 : n);
	}
}

/* A name of 512 bytes is told, a longer one is not, however often it is used. */
static void bounds_one_name(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(buf_append_str(&bytes, "X", &err), &err);
		assert_ok(buf_append(&bytes, over ? "\1\1\0\0" : "\0\1\0\0", 4, &err), &err);
		for (size_t i = 0; i < 256 + over; i++)
			assert_ok(buf_append_byte(&bytes, 'a', &err), &err);
		assert_ok(buf_append(&bytes, "q\0""0h\0h\0\x93h\0h\0\x93\x86.", 15, &err), &err);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.pkl", &err), &err);
		assert_int_equal(l.n_imports, 1);
		assert_int_equal(strlen(l.imports[0].name), over ? strlen("(computed)") : 513);
	}
}

static void only_dictionaries_are_harmless(void **state)
{
	static const char bytes[] = "(ccollections\nOrderedDict\ncos\nsystem\ncos\nsystem\nt.";
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(made_parse(&l, bytes, sizeof(bytes) - 1, "m.pkl", &err), &err);
	assert_int_equal(l.n_imports, 2);
	assert_string_equal(l.imports[0].name, "collections.OrderedDict");
	assert_true(l.imports[0].allowed);
	assert_string_equal(l.imports[1].name, "os.system");
	assert_false(l.imports[1].allowed);
}

static enum wm_code parse_it(void *unused, struct wm_error *err)
{
	static const char bytes[] = "\x80\4\x8c\2os\x94\x8c\6system\x94\x93.";
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)unused;
	return made_parse(&l, bytes, sizeof(bytes) - 1, "m.pkl", err);
}

static void fails_where_memory_does(void **state)
{
	(void)state;
	with_every_allocation_failing(parse_it, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_names),
		cmocka_unit_test(stops_at_stop),
		cmocka_unit_test(bounds_the_stack),
		cmocka_unit_test(files_are_one_pickle),
		cmocka_unit_test(leaves_others_alone),
		cmocka_unit_test(tells_what_runs),
		cmocka_unit_test(bounds_what_is_followed),
		cmocka_unit_test(bounds_the_names),
		cmocka_unit_test(bounds_one_name),
		cmocka_unit_test(only_dictionaries_are_harmless),
		cmocka_unit_test(fails_where_memory_does),
	};

	return run_tests(tests);
}
