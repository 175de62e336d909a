/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/evidence.c: what convinces others of two histories, and what does not. */
#include "logs.h"

#include "log/evidence.h"
#include "text/json.h"
#include "util/base64.h"

enum { TREE_SIZE = 300, FORK = 5, HASH_CHARS = 44 };

#define ORIGIN "example.com/log"

/* One log, and two trees that are the same for the first FORK entries. */
struct forked {
	struct made_log log;
	struct made_tree left, right;
};

static void forked_init(struct forked *f)
{
	made_log_init(&f->log, ORIGIN);
	made_tree_init(&f->left, TREE_SIZE, UINT64_MAX);
	made_tree_init(&f->right, TREE_SIZE, FORK);
}

static void forked_release(struct forked *f)
{
	made_log_release(&f->log);
	made_tree_release(&f->left);
	made_tree_release(&f->right);
}

#define cleanup_forked __attribute__((cleanup(forked_release)))

/* Evidence of the heads of `left` at `a` and `right` at `b` entries; the reason otherwise. */
static enum reason make(struct buf *out, struct forked *f, uint64_t a, uint64_t b)
{
	cleanup_note struct note x = { 0 }, y = { 0 };
	cleanup_tiles struct tiles *tiles = NULL;
	struct wm_error err = { 0 };

	made_note(&x, &f->log, &f->left, a);
	made_note(&y, &f->log, &f->right, b);
	if (a != b)
		tiles = made_tiles(a > b ? &f->left : &f->right);
	if (evidence_encode(out, f->log.key, &x, &y, tiles, &err) != WM_OK)
		return error_reason(&err);
	return REASON_NONE;
}

static enum reason check(const struct buf *b)
{
	cleanup_evidence struct evidence e = { 0 };
	struct wm_error err = { 0 };

	if (evidence_check(&e, b->data, b->len, "e.json", &err) == WM_OK) {
		assert_non_null(e.key);
		return REASON_NONE;
	}
	assert_null(e.key);
	assert_null(e.first.text);
	assert_null(e.second.text);
	return error_reason(&err);
}

static void shows_forks(void **state)
{
	static const uint64_t at[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9, 16, 17, 64, 127, 128, 129,
				       255, 256, 257, 299, 300 };
	cleanup_forked struct forked f;

	(void)state;
	forked_init(&f);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		for (size_t j = 0; j < sizeof(at) / sizeof(*at); j++) {
			cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE);
			cleanup_evidence struct evidence e = { 0 };
			struct wm_error err = { 0 };

			/* What both begin with is no contradiction. */
			if (at[i] <= FORK || at[j] <= FORK) {
				assert_int_equal(make(&b, &f, at[i], at[j]),
						 REASON_EVIDENCE_VOID);
				assert_int_equal(b.len, 0);
				continue;
			}
			assert_int_equal(make(&b, &f, at[i], at[j]), REASON_NONE);
			assert_ok(evidence_check(&e, b.data, b.len, "e.json", &err), &err);
			assert_true(log_key_same(e.key, f.log.key));
			assert_true(e.first.head.size <= e.second.head.size);
			assert_int_equal(e.first.head.size + e.second.head.size, at[i] + at[j]);
		}
	}
}

/* Whoever finds it writes the same evidence. */
static void order_is_no_matter(void **state)
{
	static const uint64_t sizes[][2] = { { 7, 7 }, { 7, 9 }, { 9, 7 } };
	cleanup_forked struct forked f;

	(void)state;
	forked_init(&f);
	for (size_t i = 0; i < 3; i++) {
		cleanup_note struct note x = { 0 }, y = { 0 };
		cleanup_tiles struct tiles *tiles = NULL;
		cleanup_buf struct buf a = BUF_INIT(LIMIT_EVIDENCE), b = BUF_INIT(LIMIT_EVIDENCE);
		struct wm_error err = { 0 };

		made_note(&x, &f.log, &f.left, sizes[i][0]);
		made_note(&y, &f.log, &f.right, sizes[i][1]);
		tiles = made_tiles(sizes[i][0] > sizes[i][1] ? &f.left : &f.right);
		assert_ok(evidence_encode(&a, f.log.key, &x, &y, tiles, &err), &err);
		assert_ok(evidence_encode(&b, f.log.key, &y, &x, tiles, &err), &err);
		assert_string_equal(buf_str(&a), buf_str(&b));
	}
}

/* Tiles of another tree, or that cannot be read, accuse nobody. */
static void tiles_are_not_believed(void **state)
{
	cleanup_forked struct forked f;
	cleanup_note struct note x = { 0 }, y = { 0 }, z = { 0 };
	cleanup_tiles struct tiles *wrong = NULL, *damaged = NULL, *unreadable = NULL;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE);
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_note(&x, &f.log, &f.left, 7);
	made_note(&y, &f.log, &f.right, 9);
	made_note(&z, &f.log, &f.left, 9);
	wrong = made_tiles(&f.left);
	damaged = made_tiles(&f.right);
	unreadable = made_tiles(&f.left);
	assert_reason(evidence_encode(&b, f.log.key, &x, &y, wrong, &err), &err, EVIDENCE_VOID);
	f.right.damaged = true;
	assert_reason(evidence_encode(&b, f.log.key, &x, &y, damaged, &err), &err,
		      EVIDENCE_VOID);
	assert_reason(evidence_encode(&b, f.log.key, &x, &z, damaged, &err), &err,
		      EVIDENCE_VOID);
	f.left.unreadable = true;
	assert_reason(evidence_encode(&b, f.log.key, &x, &z, unreadable, &err), &err,
		      READ_FAILED);
	assert_int_equal(b.len, 0);
}

/* --- as a document --------------------------------------------------------------------- */

/* What is put in the place of the value under `key`; text NULL takes it away. */
struct change {
	const char *key;
	const char *text;
};

/* Writes the evidence `b` with one change, canonical again. */
static void rewrite(struct buf *out, const struct buf *b, const struct change *change)
{
	cleanup_tree struct tree t = TREE_INIT;
	struct wm_error err = { 0 };

	assert_ok(json_read(&t, b->data, b->len, "e", &err), &err);
	(void)node_take(t.root, change->key);
	if (change->text)
		assert_ok(node_set_text(t.root, &t, change->key, change->text, &err), &err);
	assert_ok(json_write_canonical(out, t.root, &err), &err);
}

static enum reason check_changed(const struct buf *b, const char *key, const char *text)
{
	cleanup_buf struct buf changed = BUF_INIT(2 * LIMIT_EVIDENCE);

	rewrite(&changed, b, &(struct change){ key, text });
	return check(&changed);
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void void_evidence(void **state)
{
	cleanup_forked struct forked f;
	cleanup_made_log struct made_log other, same_name;
	cleanup_note struct note left7 = { 0 }, left9 = { 0 }, right9 = { 0 }, others = { 0 },
				 stranger = { 0 };
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), equal = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	cleanup_tiles struct tiles *wrong = NULL;
	char root[HASH_CHARS + 1] = "";
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	made_log_init(&other, "example.com/other");
	made_log_init(&same_name, ORIGIN);
	assert_int_equal(make(&b, &f, 7, 9), REASON_NONE);
	assert_int_equal(make(&equal, &f, 9, 9), REASON_NONE);
	assert_int_equal(check(&b), REASON_NONE);
	assert_int_equal(check(&equal), REASON_NONE);
	made_note(&left7, &f.log, &f.left, 7);
	made_note(&left9, &f.log, &f.left, 9);
	made_note(&right9, &f.log, &f.right, 9);
	made_note(&others, &other, &f.left, 7);
	made_note(&stranger, &same_name, &f.left, 7);
	wrong = made_tiles(&f.right);

	assert_int_equal(check_changed(&b, "first", left7.text), REASON_NONE);
	/* The notes agree, or are not of one log. */
	assert_int_equal(check_changed(&b, "second", left9.text), REASON_EVIDENCE_VOID);
	assert_int_equal(check_changed(&b, "first", others.text), REASON_EVIDENCE_VOID);
	assert_int_equal(check_changed(&b, "first", stranger.text), REASON_EVIDENCE_VOID);
	assert_int_equal(check_changed(&b, "first", right9.text), REASON_EVIDENCE_VOID);
	/* The path leads elsewhere. */
	assert_int_equal(check_changed(&b, "prefix_root", HASH), REASON_EVIDENCE_VOID);
	base64_encode(root, left7.head.root, SHA256_BYTES);
	assert_int_equal(check_changed(&b, "prefix_root", root), REASON_EVIDENCE_VOID);
	assert_int_equal(check_changed(&equal, "prefix_root", HASH), REASON_EVIDENCE_VOID);
	assert_reason(evidence_encode(&key, other.key, &others, &right9, wrong, &err), &err,
		      EVIDENCE_VOID);
	assert_int_equal(key.len, 0);
	/* Another key. */
	assert_ok(log_key_encode(&key, same_name.key, &err), &err);
	assert_int_equal(check_changed(&b, "log_key", buf_str(&key)), REASON_EVIDENCE_VOID);
	assert_int_equal(check_changed(&equal, "log_key", buf_str(&key)), REASON_EVIDENCE_VOID);
}

/* Both of a size, and the same. */
static void equal_notes_are_void(void **state)
{
	cleanup_forked struct forked f;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), changed = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_evidence struct evidence e = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	assert_int_equal(make(&b, &f, 9, 9), REASON_NONE);
	assert_ok(evidence_check(&e, b.data, b.len, "e", &err), &err);
	rewrite(&changed, &b, &(struct change){ "first", e.second.text });
	assert_int_equal(check(&changed), REASON_EVIDENCE_VOID);
	buf_truncate(&changed, 0);
	rewrite(&changed, &b, &(struct change){ "second", e.first.text });
	assert_int_equal(check(&changed), REASON_EVIDENCE_VOID);
}

static void malformed_evidence(void **state)
{
	static const struct change rows[] = {
		{ "first", NULL }, { "second", NULL }, { "kind", NULL }, { "log_key", NULL },
		{ "path", NULL }, { "prefix_root", NULL }, { "more", "" },
		{ "kind", "weightmark-fork-evidence/2" }, { "kind", "" },
		{ "first", "" }, { "second", "" }, { "log_key", "" }, { "path", "" },
		{ "prefix_root", "" }, { "prefix_root", HASH "=" }, { "prefix_root", "AAAA" },
		{ "first", "example.com/log\n7\n" HASH "\n" },
		{ "log_key", "example.com/log+00000000+AAAA" },
	};
	cleanup_forked struct forked f;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), key = BUF_INIT(LIMIT_NOTE);
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	assert_int_equal(make(&b, &f, 7, 9), REASON_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (check_changed(&b, rows[i].key, rows[i].text) != REASON_EVIDENCE_MALFORMED)
			test_failed(__FILE__, __LINE__, "row %zu", i);
	}
	assert_ok(log_key_encode(&key, f.log.key, &err), &err);
	assert_int_equal(check_changed(&b, "log_key", buf_str(&key)), REASON_NONE);
	assert_ok(buf_append_byte(&key, '\n', &err), &err);
	assert_int_equal(check_changed(&b, "log_key", buf_str(&key)), REASON_EVIDENCE_MALFORMED);
}

/* The evidence `b` with `n` hashes as its path, the first of them `first`. */
static enum reason check_path(const struct buf *b, size_t n, const char *first)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf out = BUF_INIT(LIMIT_EVIDENCE);
	struct node *path = NULL, *hash = NULL;
	struct wm_error err = { 0 };

	assert_ok(json_read(&t, b->data, b->len, "e", &err), &err);
	(void)node_take(t.root, "path");
	assert_ok(node_set_new(&path, t.root, &t, "path", NODE_LIST, &err), &err);
	for (size_t i = 0; i < n; i++) {
		const char *text = i == 0 ? first : HASH;

		assert_ok(node_text(&hash, &t, text, strlen(text), &err), &err);
		node_append(path, hash);
	}
	assert_ok(json_write_canonical(&out, t.root, &err), &err);
	return check(&out);
}

static void paths(void **state)
{
	cleanup_forked struct forked f;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE);

	(void)state;
	forked_init(&f);
	assert_int_equal(make(&b, &f, 7, 9), REASON_NONE);
	assert_int_equal(check_path(&b, 0, HASH), REASON_EVIDENCE_VOID);
	assert_int_equal(check_path(&b, 1, HASH), REASON_EVIDENCE_VOID);
	assert_int_equal(check_path(&b, PROOF_HASHES, HASH), REASON_EVIDENCE_VOID);
	assert_int_equal(check_path(&b, PROOF_HASHES + 1, HASH), REASON_EVIDENCE_MALFORMED);
	assert_int_equal(check_path(&b, 1, "AAAA"), REASON_EVIDENCE_MALFORMED);
	assert_int_equal(check_path(&b, 1, ""), REASON_EVIDENCE_MALFORMED);
}

static void one_spelling(void **state)
{
	cleanup_forked struct forked f;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), c = BUF_INIT(2 * LIMIT_EVIDENCE);
	struct wm_error err = { 0 };

	(void)state;
	forked_init(&f);
	assert_int_equal(make(&b, &f, 7, 9), REASON_NONE);
	assert_ok(buf_append(&c, b.data, b.len, &err), &err);
	assert_int_equal(check(&c), REASON_NONE);
	assert_ok(buf_append_byte(&c, '\n', &err), &err);
	assert_int_equal(check(&c), REASON_EVIDENCE_MALFORMED);
	buf_truncate(&c, 0);
	assert_ok(buf_printf(&c, &err, "{ %s", buf_str(&b) + 1), &err);
	assert_int_equal(check(&c), REASON_EVIDENCE_MALFORMED);
	buf_truncate(&c, 0);
	assert_ok(buf_append_str(&c, "[]", &err), &err);
	assert_int_equal(check(&c), REASON_EVIDENCE_MALFORMED);
	buf_truncate(&c, 0);
	assert_int_equal(check(&c), REASON_EVIDENCE_MALFORMED);
}

static void bounds_what_it_reads(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(2 * LIMIT_EVIDENCE);
	cleanup_evidence struct evidence e = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	while (b.len <= LIMIT_EVIDENCE)
		assert_ok(buf_append_byte(&b, ' ', &err), &err);
	assert_reason(evidence_check(&e, b.data, LIMIT_EVIDENCE, "e", &err), &err,
		      EVIDENCE_MALFORMED);
	assert_null(strstr(err.message, "more than"));
	assert_reason(evidence_check(&e, b.data, LIMIT_EVIDENCE + 1, "e", &err), &err,
		      EVIDENCE_MALFORMED);
	assert_non_null(strstr(err.message, "more than"));
}

/* The larger one first, or of one size the one with the larger root. */
static void exchanged_notes(void **state)
{
	static const uint64_t sizes[] = { 7, 9 };
	cleanup_forked struct forked f;

	(void)state;
	forked_init(&f);
	for (size_t i = 0; i < 2; i++) {
		cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE), c = BUF_INIT(LIMIT_EVIDENCE);
		cleanup_buf struct buf d = BUF_INIT(LIMIT_EVIDENCE);
		cleanup_evidence struct evidence e = { 0 };
		char root[HASH_CHARS + 1] = "";
		struct wm_error err = { 0 };

		assert_int_equal(make(&b, &f, sizes[i], 9), REASON_NONE);
		assert_ok(evidence_check(&e, b.data, b.len, "e", &err), &err);
		rewrite(&c, &b, &(struct change){ "first", e.second.text });
		rewrite(&d, &c, &(struct change){ "second", e.first.text });
		base64_encode(root, e.first.head.root, SHA256_BYTES);
		assert_int_equal(check_changed(&d, "prefix_root", root),
				 REASON_EVIDENCE_MALFORMED);
	}
}

/* No byte can be another one, and none can be missing. */
static void no_byte_is_free(void **state)
{
	cleanup_forked struct forked f;
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE);

	(void)state;
	forked_init(&f);
	assert_int_equal(make(&b, &f, 7, 9), REASON_NONE);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t was = b.data[i];
		size_t len = b.len;

		b.len = i;
		assert_int_not_equal(check(&b), REASON_NONE);
		b.len = len;
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[i] = (uint8_t)(was ^ 1u << bit);
			if (check(&b) == REASON_NONE)
				test_failed(__FILE__, __LINE__, "byte %zu as %02x", i, b.data[i]);
		}
		b.data[i] = was;
	}
	assert_int_equal(check(&b), REASON_NONE);
}

/* --- allocations ----------------------------------------------------------------------- */

struct two {
	struct forked f;
	struct note x, y;
};

static enum wm_code encode_and_check(void *context, struct wm_error *err)
{
	struct two *two = context;
	cleanup_tiles struct tiles *tiles = NULL;
	cleanup_evidence struct evidence e = { 0 };
	cleanup_buf struct buf b = BUF_INIT(LIMIT_EVIDENCE);

	TRY(tiles_new(&tiles, made_tree_read, &two->f.right, err));
	TRY(evidence_encode(&b, two->f.log.key, &two->x, &two->y, tiles, err));
	return evidence_check(&e, b.data, b.len, "e", err);
}

static void survives_failed_allocations(void **state)
{
	struct two two = { 0 };

	(void)state;
	forked_init(&two.f);
	made_note(&two.x, &two.f.log, &two.f.left, 7);
	made_note(&two.y, &two.f.log, &two.f.right, 9);
	with_every_allocation_failing(encode_and_check, &two);
	note_release(&two.x);
	note_release(&two.y);
	forked_release(&two.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_forks),
		cmocka_unit_test(order_is_no_matter),
		cmocka_unit_test(tiles_are_not_believed),
		cmocka_unit_test(void_evidence),
		cmocka_unit_test(equal_notes_are_void),
		cmocka_unit_test(malformed_evidence),
		cmocka_unit_test(paths),
		cmocka_unit_test(one_spelling),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(exchanged_notes),
		cmocka_unit_test(no_byte_is_free),
		cmocka_unit_test(survives_failed_allocations),
	};

	return run_tests(tests);
}
