/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/pickle.c, pickle_build.c: what pickles are read as, and the limits. Malformed ones
 * and other opcodes are those of testdata/bad/zip (test_format_torch_zip.c).
 */
#include "harness.h"

#include "format/pickle.h"
#include "util/limits.h"

/* --- what they are read as --------------------------------------------------------------- */

static void show(struct buf *out, const struct pickle *p, uint32_t number);

static void show_text(struct buf *out, const char *text)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(out, text, &err), &err);
}

static void show_items(struct buf *out, const struct pickle *p, const struct pickle_node *n,
		       const char *brackets)
{
	const char open[] = { brackets[0], 0 }, close[] = { brackets[1], 0 };

	show_text(out, open);
	for (uint32_t i = 0; i < n->n; i++) {
		if (i > 0)
			show_text(out, ",");
		show(out, p, pickle_item(p, n, i));
	}
	show_text(out, close);
	assert_true(pickle_item(p, n, n->n) == PICKLE_FAR);
}

/* Each kind has its own brackets; a call made by NEWOBJ begins with "new". */
static void show(struct buf *out, const struct pickle *p, uint32_t number)
{
	static const char *const brackets[] = {
		[PICKLE_TUPLE] = "()", [PICKLE_LIST] = "[]", [PICKLE_SET] = "||",
		[PICKLE_DICT] = "{}", [PICKLE_GLOBAL] = "<>", [PICKLE_CALL] = "!;",
		[PICKLE_STATE] = "=;", [PICKLE_PERSISTENT] = "@;",
	};
	const struct pickle_node *n = pickle_node(p, number);
	struct wm_error err = { 0 };

	switch (n->kind) {
	case PICKLE_NONE: show_text(out, "None"); break;
	case PICKLE_BOOL: show_text(out, n->integer ? "True" : "False"); break;
	case PICKLE_OTHER: show_text(out, "other"); break;
	case PICKLE_INTEGER:
		assert_ok(buf_printf(out, &err, "%lld", (long long)n->integer), &err);
		break;
	case PICKLE_TEXT:
		assert_ok(buf_append(out, p->data + n->off, n->n, &err), &err);
		break;
	default:
		if (n->is_new)
			show_text(out, "new");
		show_items(out, p, n, brackets[n->kind]);
	}
}

#define BODY(text) "\x80\2" text, sizeof("\x80\2" text) - 1

static const struct {
	const char *data;
	size_t len;
	const char *shown;
} good[] = {
	{ BODY("N."), "None" },
	{ BODY("\x88."), "True" },
	{ BODY("\x89."), "False" },
	{ BODY("K\xff."), "255" },
	{ BODY("M\xff\xff."), "65535" },
	{ BODY("J\xff\xff\xff\x7f."), "2147483647" },
	{ BODY("J\0\0\0\x80."), "-2147483648" },
	{ BODY("J\xff\xff\xff\xff."), "-1" },
	{ BODY("\x8a\0."), "0" },
	{ BODY("\x8a\1\x7f."), "127" },
	{ BODY("\x8a\1\x80."), "-128" },
	{ BODY("\x8a\2\xff\0."), "255" },
	{ BODY("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), "9223372036854775807" },
	{ BODY("\x8a\x08\0\0\0\0\0\0\0\x80."), "-9223372036854775808" },
	{ BODY("\x8a\x09\0\0\0\0\0\0\0\0\0."), "other" },
	{ BODY("G\0\0\0\0\0\0\0\0."), "other" },
	{ BODY("X\0\0\0\0."), "" },
	{ BODY("X\2\0\0\0\xc3\xa8."), "\xc3\xa8" },
	{ BODY("U\3abc."), "abc" },
	{ BODY(")."), "()" },
	{ BODY("]."), "[]" },
	{ BODY("}."), "{}" },
	{ BODY("\x8f."), "||" },
	{ BODY("(t."), "()" },
	{ BODY("(K\1K\2t."), "(1,2)" },
	{ BODY("K\1\x85."), "(1)" },
	{ BODY("K\1K\2\x86."), "(1,2)" },
	{ BODY("K\1K\2K\3\x87."), "(1,2,3)" },
	{ BODY("K\1(K\2t\x86."), "(1,(2))" },
	{ BODY("]K\1aK\2a."), "[1,2]" },
	{ BODY("](K\1K\2eK\3a."), "[1,2,3]" },
	{ BODY("](e."), "[]" },
	{ BODY("}K\1K\2s."), "{1,2}" },
	{ BODY("}(K\1K\2K\3K\4uK\5K\6s."), "{1,2,3,4,5,6}" },
	{ BODY("cos\nsystem\n."), "<os,system>" },
	{ BODY("c\n\n."), "<,>" },
	{ BODY("ca\nb\n)R."), "!<a,b>,();" },
	{ BODY("ca\nb\n)\x81."), "new!<a,b>,();" },
	{ BODY("ca\nb\n)RNb."), "!<a,b>,(),=None;;" },
	{ BODY("ca\nb\n)RK\1K\2s}b."), "!<a,b>,(),{1,2},={};;" },
	{ BODY("ca\nb\n)RK\1aK\2a."), "!<a,b>,(),[1],[2];" },
	{ BODY("K\1\x85Q."), "@(1);" },
	{ BODY("K\7q\0h\0\x86."), "(7,7)" },
	{ BODY("K\7r\3\0\0\0j\3\0\0\0\x86."), "(7,7)" },
	{ BODY("K\7q\0K\1q\0h\0\x87."), "(7,1,1)" },
	/* What is added later is there wherever the list is. */
	{ BODY("]q\0K\1ah\0K\2a\x86."), "([1,2],[1,2])" },
};

static void reads_what_pickles_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cleanup_pickle struct pickle p = PICKLE_INIT;
		cleanup_buf struct buf shown = BUF_INIT(1000);
		struct wm_error err = { 0 };

		assert_ok(pickle_read(&p, good[i].data, good[i].len, "p", &err), &err);
		assert_int_equal(p.len, good[i].len);
		show(&shown, &p, p.root);
		assert_string_equal(buf_str(&shown), good[i].shown);
	}
}

/* Each beginning of a pickle is malformed, in memory of its own size. */
static void every_beginning_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t len = 0; len < good[i].len; len++) {
			cleanup_pickle struct pickle p = PICKLE_INIT;
			cleanup_free uint8_t *cut = malloc(len + !len);
			struct wm_error err = { 0 };

			assert_non_null(cut);
			memcpy(cut, good[i].data, len);
			assert_reason(pickle_read(&p, cut, len, "p", &err), &err, PICKLE_MALFORMED);
		}
}

static void what_follows_is_left(void **state)
{
	static const char two[] = "\x80\2N.\x80\2K\1.";
	cleanup_pickle struct pickle p = PICKLE_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(pickle_read(&p, two, sizeof(two) - 1, "p", &err), &err);
	assert_int_equal(p.len, 4);
}

static void compares_text_and_globals(void **state)
{
	static const char data[] = "\x80\2catorch\nbSize\nU\3ab\0\x86.";
	cleanup_pickle struct pickle p = PICKLE_INIT;
	struct wm_error err = { 0 };
	const struct pickle_node *root, *global, *text;

	(void)state;
	assert_ok(pickle_read(&p, data, sizeof(data) - 1, "p", &err), &err);
	root = pickle_node(&p, p.root);
	global = pickle_node(&p, pickle_item(&p, root, 0));
	text = pickle_node(&p, pickle_item(&p, root, 1));
	assert_true(pickle_global_is(&p, global, "atorch", "bSize"));
	assert_false(pickle_global_is(&p, global, "atorch", "bSiz"));
	assert_false(pickle_global_is(&p, global, "torch", "bSize"));
	assert_false(pickle_global_is(&p, text, "ab", ""));
	assert_false(pickle_text_is(&p, text, "ab"));
	assert_false(pickle_text_is(&p, global, "atorch"));
	assert_true(pickle_item(&p, text, 0) == PICKLE_FAR);
}

/* --- limits ------------------------------------------------------------------------------ */

static void put(struct buf *out, const char *text, size_t len, size_t times)
{
	struct wm_error err = { 0 };

	for (size_t i = 0; i < times; i++)
		assert_ok(buf_append(out, text, len, &err), &err);
}

/* `front`, `times` times `body`, `back`: success, or the reason `limit`. */
static bool is_read(const char *front, const char *body, size_t body_len, size_t times,
		    const char *back)
{
	cleanup_buf struct buf data = BUF_INIT(1 << 25);
	cleanup_pickle struct pickle p = PICKLE_INIT;
	struct wm_error err = { 0 };

	put(&data, "\x80\2", 2, 1);
	put(&data, front, strlen(front), 1);
	put(&data, body, body_len, times);
	put(&data, back, strlen(back), 1);
	if (pickle_read(&p, data.data, data.len, "p", &err) == WM_OK)
		return true;
	assert_string_equal(err.reason, "limit");
	return false;
}

static void keeps_to_the_limits(void **state)
{
	enum { MAX = 1 << 20 };

	(void)state;
	/* Values: the list is one too. */
	assert_true(is_read("", "]a", 2, 0, "N."));
	assert_true(is_read("]", "Na", 2, MAX - 1, "."));
	assert_false(is_read("]", "Na", 2, MAX, "."));
	/* Items: number 0 is none. */
	assert_true(is_read("]q\1", "h\1a", 3, MAX - 1, "."));
	assert_false(is_read("]q\1", "h\1a", 3, MAX, "."));
	/* Stack: the list and the mark are on it as well; cells would hold one less. */
	assert_true(is_read("]q\1(", "h\1", 2, MAX - 2, "e."));
	assert_false(is_read("]q\1(", "h\1", 2, MAX - 1, "e."));
}

static bool remembers(uint32_t number, size_t at)
{
	const uint8_t tail[] = { 'r', (uint8_t)number, (uint8_t)(number >> 8),
				 (uint8_t)(number >> 16), (uint8_t)(number >> 24), '.' };
	cleanup_buf struct buf data = BUF_INIT(1 << 25);
	cleanup_pickle struct pickle p = PICKLE_INIT;
	struct wm_error err = { 0 };
	const size_t len = at - 2 - 1 - 5 - 1 - 5;
	const char head[] = { 'X', (char)len, (char)(len >> 8), (char)(len >> 16), (char)(len >> 24) };

	/* A long text, so that the put ends at byte `at`. */
	put(&data, "\x80\2]", 3, 1);
	put(&data, head, 5, 1);
	put(&data, "x", 1, len);
	put(&data, "a", 1, 1);
	put(&data, (const char *)tail, 6, 1);
	assert_int_equal(data.len, at + 1);
	if (pickle_read(&p, data.data, data.len, "p", &err) == WM_OK)
		return true;
	assert_true(strcmp(err.reason, "limit") == 0 || strcmp(err.reason, "pickle-malformed") == 0);
	return false;
}

/* A number of the memo is no order for memory. */
static void memo_numbers_are_bounded(void **state)
{
	(void)state;
	assert_true(remembers(0, 100));
	assert_true(remembers(99, 100));
	assert_false(remembers(100, 100));
	assert_true(remembers((1 << 20) - 1, 2 << 20));
	assert_false(remembers(1 << 20, 2 << 20));
	assert_false(remembers(UINT32_MAX, 2 << 20));
}

static enum wm_code read_again(void *context, struct wm_error *err)
{
	const struct buf *data = context;
	cleanup_pickle struct pickle p = PICKLE_INIT;

	return pickle_read(&p, data->data, data->len, "p", err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf data = BUF_INIT(1 << 20);

	(void)state;
	put(&data, "\x80\2](", 4, 1);
	put(&data, "K\1", 2, 600);
	put(&data, "K\1r\x90\1\0\0", 7, 1);
	put(&data, "ca\nb\n)R}b", 9, 1);
	put(&data, "e.", 2, 1);
	with_every_allocation_failing(read_again, &data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_pickles_say),
		cmocka_unit_test(every_beginning_is_malformed),
		cmocka_unit_test(what_follows_is_left),
		cmocka_unit_test(compares_text_and_globals),
		cmocka_unit_test(keeps_to_the_limits),
		cmocka_unit_test(memo_numbers_are_bounded),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
