/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/note.c: tree heads parsed in one form, and verified. */
#include "keys.h"
#include "logs.h"

#include "util/base64.h"

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define SIG  "\xe2\x80\x94 example.com/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
#define HEAD "example.com/log\n20852163\n" ROOT "\n"

static enum wm_code parse(struct note *out, const char *text, struct wm_error *err)
{
	return note_parse(out, text, strlen(text), "note", err);
}

/* The example of C2SP tlog-checkpoint, but for its name. */
static void parses(void **state)
{
	cleanup_note struct note n = { .text = NULL };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(parse(&n, HEAD "\n" SIG, &err), &err);
	assert_string_equal(n.head.origin, "example.com/log");
	assert_int_equal(n.head.size, 20852163);
	assert_int_equal(n.head.root[0], 0x0a);
	assert_int_equal(n.body_len, sizeof(HEAD) - 1);
	assert_int_equal(n.n_signatures, 1);
	assert_int_equal(n.signatures[0].key_id[0], 0x03);
	assert_int_equal(n.signatures[0].sig_len, 64);
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"", "\n", "\n" SIG, HEAD, HEAD "\n", HEAD "\n\n" SIG, HEAD SIG, HEAD "\n" SIG "x",
		HEAD "\n" SIG "\n", HEAD "more\n\n" SIG, HEAD "more\n" SIG, " " HEAD "\n" SIG,
		"Example.com/log\n1\n" ROOT "\n\n" SIG, "example.com/log\n01\n" ROOT "\n\n" SIG,
		"example.com/log\n\n" ROOT "\n\n" SIG, "example.com/log\n-1\n" ROOT "\n\n" SIG,
		"example.com/log\n9007199254740992\n" ROOT "\n\n" SIG,
		"example.com/log\n99999999999999999999\n" ROOT "\n\n" SIG,
		"example.com/log\n1\nAAAA\n\n" SIG, "example.com/log\n1\n" ROOT "=\n\n" SIG,
		"example.com/log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\n" SIG,
		HEAD "\n\xe2\x80\x94 a \n", HEAD "\n\xe2\x80\x94  AAAAAAAA\n", HEAD "\n\xe2\x80\x94 a+b AAAAAAAA\n",
		HEAD "\n- example.com/log AAAAAAAA\n", HEAD "\n\xe2\x80\x94 a AAAAAA==\n",
		HEAD "\r\n" SIG, "example.com/log\t\n1\n" ROOT "\n\n" SIG, HEAD "\n\xe2\x80 a AAAAAAAA\n",
	};
	struct wm_error err = { 0 };
	struct note n = { .text = NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(&n, bad[i], &err) == WM_OK || err.code != WM_FORMAT)
			test_failed(__FILE__, __LINE__, "case %zu: %s", i, err.message);
	assert_null(n.text);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
		bool good;
	} rows[] = {
		{ "0", 0, true },
		{ "1", 1, true },
		{ "10", 10, true },
		{ "9007199254740990", UINT64_C(9007199254740990), true },
		{ "9007199254740991", UINT64_C(9007199254740991), true },
		{ "9007199254740992", 0, false },
		{ "9999999999999999", 0, false },
		{ "10000000000000000", 0, false },
		{ "18446744073709551617", 0, false },
		{ "00", 0, false },
		{ "01", 0, false },
		{ "+1", 0, false },
		{ "1 ", 0, false },
		{ " 1", 0, false },
		{ "1.", 0, false },
		{ "0x1", 0, false },
		{ "1e1", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
		cleanup_note struct note n = { .text = NULL };
		struct wm_error err = { 0 };

		assert_ok(buf_printf(&text, &err, "a.b\n%s\n" ROOT "\n\n" SIG, rows[i].text), &err);
		if (!rows[i].good) {
			assert_reason(parse(&n, buf_str(&text), &err), &err, NOTE_MALFORMED);
			continue;
		}
		assert_ok(parse(&n, buf_str(&text), &err), &err);
		assert_true(n.head.size == rows[i].size);
	}
}

/* C2SP signed-note: key names have neither Unicode spaces nor plus. */
static void names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{ "a", true },		     { "PeterNeumann", true },
		{ "\xc3\xa9", true },	     { "a/b:c~", true },
		{ "\xe2\x80\x8b", true }, /* U+200B is no space */
		{ "\xe2\x80\x94", true },   { "\xf0\x9f\x8c\xb2", true },
		{ "\xe3\x80\x81", true },   { "", false },
		{ "Bad Name", false },	     { "a+", false },
		{ "\xc2\x85", false },	     { "a\xc2\xa0z", false },
		{ "\xe1\x9a\x80", false },  { "\xe2\x80\x80", false },
		{ "\xe2\x80\x8a", false },  { "\xe2\x80\xa8", false },
		{ "\xe2\x80\xa9", false },  { "\xe2\x80\xaf", false },
		{ "\xe2\x81\x9f", false },  { "z\xe3\x80\x80", false },
		{ "a\tb", false },	     { "a\x7f", false },
		{ "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
		cleanup_note struct note n = { .text = NULL };
		struct wm_error err = { 0 };

		assert_ok(buf_printf(&text, &err, HEAD "\n\xe2\x80\x94 %s AAAAAAAA\n", rows[i].name),
			  &err);
		if ((parse(&n, buf_str(&text), &err) == WM_OK) != rows[i].good)
			test_failed(__FILE__, __LINE__, "row %zu: %s", i, err.message);
		if (!rows[i].good)
			assert_int_equal(error_reason(&err), REASON_NOTE_MALFORMED);
		else
			assert_int_equal(n.signatures[0].name_len, strlen(rows[i].name));
	}
}

static void length(void **state)
{
	static const char start[] = HEAD "\n\xe2\x80\x94 ", end[] = " AAAAAAAA\n";

	(void)state;
	for (size_t len = LIMIT_NOTE - 1; len <= LIMIT_NOTE + 1; len++) {
		cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE + 1);
		cleanup_note struct note n = { .text = NULL };
		struct wm_error err = { 0 };

		assert_ok(buf_append_str(&text, start, &err), &err);
		while (text.len < len - (sizeof(end) - 1))
			assert_ok(buf_append_byte(&text, 'n', &err), &err);
		assert_ok(buf_append_str(&text, end, &err), &err);
		assert_int_equal(text.len, len);
		if (len > LIMIT_NOTE)
			assert_reason(parse(&n, buf_str(&text), &err), &err, NOTE_MALFORMED);
		else
			assert_ok(parse(&n, buf_str(&text), &err), &err);
	}
}

static void limits(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(2 * LIMIT_NOTE);
	cleanup_note struct note n = { .text = NULL };
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_append_str(&text, HEAD "\n", &err), &err);
	for (int i = 0; i < NOTE_SIGNATURES; i++)
		assert_ok(buf_append_str(&text, SIG, &err), &err);
	assert_ok(parse(&n, buf_str(&text), &err), &err);
	assert_int_equal(n.n_signatures, NOTE_SIGNATURES);
	assert_ok(buf_append_str(&text, SIG, &err), &err);
	note_release(&n);
	assert_reason(parse(&n, buf_str(&text), &err), &err, NOTE_MALFORMED);
}

static void verifies(void **state)
{
	cleanup_made_log struct made_log log = { .origin = NULL }, other = { .origin = NULL },
					 same_name = { .origin = NULL };
	cleanup_made_tree struct made_tree tree = { 0 };
	cleanup_note struct note n = { .text = NULL };
	struct wm_error err = { 0 };

	(void)state;
	made_log_init(&log, "a.b/c");
	made_log_init(&other, "a.b/d");
	made_log_init(&same_name, "a.b/c");
	made_tree_init(&tree, 5, 5);
	made_note(&n, &log, &tree, 5);
	assert_ok(note_verify(&n, log.key, &err), &err);
	assert_reason(note_verify(&n, other.key, &err), &err, NOTE_SIGNATURE);
	if (!log_key_same(same_name.key, log.key))
		assert_reason(note_verify(&n, same_name.key, &err), &err, NOTE_SIGNATURE);
	/* Every bit of a note counts: it does not parse any more, or does not verify. */
	for (size_t bit = 0; bit < 8 * n.len; bit++) {
		cleanup_note struct note m = { .text = NULL };
		cleanup_buf struct buf copy = BUF_INIT(LIMIT_NOTE);

		assert_ok(buf_append(&copy, n.text, n.len, &err), &err);
		copy.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (note_parse(&m, copy.data, copy.len, "note", &err) == WM_OK)
			assert_int_not_equal(note_verify(&m, log.key, &err), WM_OK);
	}
	for (size_t len = 0; len < n.len; len++) {
		struct note m = { .text = NULL };

		assert_int_not_equal(note_parse(&m, n.text, len, "note", &err), WM_OK);
	}
}

/* Lines by unknown keys are passed over; a second one by the log's key must verify too. */
static void other_signatures(void **state)
{
	cleanup_made_log struct made_log log = { .origin = NULL };
	cleanup_made_tree struct made_tree tree = { 0 };
	cleanup_note struct note n = { .text = NULL }, more = { .text = NULL }, twice = { .text = NULL };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	struct wm_error err = { 0 };
	char *line;

	(void)state;
	made_log_init(&log, "a.b/c");
	made_tree_init(&tree, 5, 5);
	made_note(&n, &log, &tree, 5);
	assert_ok(buf_append(&text, n.text, n.len, &err), &err);
	assert_ok(buf_append_str(&text, SIG "\xe2\x80\x94 a.b/c AAAAAAAAAAAA\n", &err), &err);
	assert_ok(parse(&more, buf_str(&text), &err), &err);
	assert_ok(note_verify(&more, log.key, &err), &err);
	line = strstr(n.text, "\n\n") + 2;
	buf_truncate(&text, n.len);
	assert_ok(buf_append_str(&text, line, &err), &err);
	text.data[text.len - 20] = text.data[text.len - 20] == 'A' ? 'B' : 'A';
	assert_ok(parse(&twice, buf_str(&text), &err), &err);
	assert_reason(note_verify(&twice, log.key, &err), &err, NOTE_SIGNATURE);
}

/* What one log's key signed, by its own name, is no tree head of another log. */
static void other_origin(void **state)
{
	static const char body[] = "a.b/d\n5\n" ROOT "\n";
	cleanup_made_log struct made_log log = { .origin = NULL }, other = { .origin = NULL };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	cleanup_note struct note n = { .text = NULL };
	uint8_t bytes[LOG_KEY_ID + SIGNATURE_MAX];
	char base64[(sizeof(bytes) + 2) / 3 * 4 + 1] = "";
	struct wm_error err = { 0 };
	size_t len = 0;

	(void)state;
	made_log_init(&log, "a.b/c");
	made_log_init(&other, "a.b/d");
	memcpy(bytes, log_key_id(log.key), LOG_KEY_ID);
	assert_ok(private_key_sign(log.secret, body, sizeof(body) - 1, bytes + LOG_KEY_ID, &len,
				   &err), &err);
	base64_encode(base64, bytes, LOG_KEY_ID + len);
	assert_ok(buf_printf(&text, &err, "%s\n\xe2\x80\x94 a.b/c %s\n", body, base64), &err);
	assert_ok(parse(&n, buf_str(&text), &err), &err);
	assert_reason(note_verify(&n, log.key, &err), &err, NOTE_SIGNATURE);
	assert_reason(note_verify(&n, other.key, &err), &err, NOTE_SIGNATURE);
}

/* Of the tests of golang.org/x/mod/sumdb/note: the signature over a text that is no tree head. */
static void published_signature(void **state)
{
	static const char text[] = "If you think cryptography is the answer to your problem,\n"
				   "then you don't know what your problem is.\n";
	static const char key64[] = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const char sig64[] = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
	cleanup_public_key struct public_key *key = NULL;
	uint8_t typed[33], sig[4 + 64], id[LOG_KEY_ID];
	struct wm_error err = { 0 };

	(void)state;
	assert_true(base64_decode(typed, key64, sizeof(key64) - 1));
	assert_true(base64_decode(sig, sig64, sizeof(sig64) - 1));
	assert_ok(note_key_id(id, "PeterNeumann", typed + 1, &err), &err);
	assert_memory_equal(id, sig, LOG_KEY_ID);
	assert_ok(public_key_from_ed25519(&key, typed + 1, "key", &err), &err);
	assert_ok(key_verify(key, text, sizeof(text) - 1, sig + 4, 64, &err), &err);
}

static enum wm_code parse_once(void *context, struct wm_error *err)
{
	cleanup_note struct note n = { .text = NULL };

	return parse(&n, context, err);
}

static enum wm_code sign_and_verify(void *context, struct wm_error *err)
{
	static const struct tree_head head = { .origin = "a.b/c", .size = 3, .root = { 1 } };
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);
	cleanup_note struct note n = { .text = NULL };
	const struct made_log *log = context;

	TRY(note_sign(&text, &head, log->secret, err));
	TRY(note_parse(&n, text.data, text.len, "note", err));
	return note_verify(&n, log->key, err);
}

static void memory(void **state)
{
	cleanup_made_log struct made_log log = { .origin = NULL };
	char text[] = HEAD "\n" SIG;

	(void)state;
	made_log_init(&log, "a.b/c");
	with_every_allocation_failing(parse_once, text);
	with_every_allocation_failing(sign_and_verify, &log);
}

static void wrong_key(void **state)
{
	cleanup_private_key struct private_key *p256 = test_private_key("p256.pem");
	cleanup_buf struct buf out = BUF_INIT(LIMIT_NOTE);
	struct tree_head head = { .origin = "a.b" };
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(note_sign(&out, &head, p256, &err), &err, KEY_UNSUPPORTED);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),	    cmocka_unit_test(malformed),
		cmocka_unit_test(sizes),	    cmocka_unit_test(names),
		cmocka_unit_test(length),	    cmocka_unit_test(limits),
		cmocka_unit_test(verifies),
		cmocka_unit_test(other_signatures), cmocka_unit_test(published_signature),
		cmocka_unit_test(memory),	    cmocka_unit_test(wrong_key),
		cmocka_unit_test(other_origin),
	};

	return run_tests(tests);
}
