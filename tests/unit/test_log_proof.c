/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/proof.c: proofs against the definition, and their text. */
#include "logs.h"

#include "log/proof.h"
#include "util/base64.h"

enum { INCLUSION_MAX = 512, CONSISTENCY_MAX = 128, HASH_CHARS = 44 };

#define ORIGIN "example.com/log"

/* --- trees ----------------------------------------------------------------------------- */

/* The shape of a way up: how many hashes, and on which side each. */
static uint64_t shape(uint64_t m, uint64_t n)
{
	uint64_t k = 1;

	if (n == 1)
		return 1;
	while (2 * k < n)
		k *= 2;
	return m < k ? 2 * shape(m, k) : 2 * shape(m - k, n - k) + 1;
}

/* Nothing but the right index and size, or others of the same shape, leads to `root`. */
static void check_others(const struct inclusion *p, const uint8_t *leaf, uint64_t size,
			 const uint8_t *root)
{
	const uint64_t near[] = { 0, 1, p->index - 1, p->index + 1, p->index ^ 1, p->index ^ 2,
				  size - 1, size, size + 1, 2 * size, UINT64_MAX };
	struct inclusion q = *p;
	uint8_t got[SHA256_BYTES];

	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
		q.index = near[i];
		if (q.index == p->index)
			continue;
		if (inclusion_root(got, &q, leaf, size))
			assert_memory_not_equal(got, root, SHA256_BYTES);
	}
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
		bool fits = p->index < near[i] && near[i] <= INCLUSION_MAX;
		bool leads = inclusion_root(got, p, leaf, near[i]) &&
			     memcmp(got, root, SHA256_BYTES) == 0;

		if (near[i] <= INCLUSION_MAX || near[i] == UINT64_MAX)
			assert_int_equal(leads, fits && shape(p->index, near[i]) ==
						shape(p->index, size));
	}
}

static void check_flips(struct inclusion *p, const uint8_t *leaf, uint64_t size,
			const uint8_t *root)
{
	uint8_t got[SHA256_BYTES], other[SHA256_BYTES];

	for (size_t i = 0; i < p->n; i++) {
		p->hashes[i][i % SHA256_BYTES] ^= 0x10;
		assert_true(inclusion_root(got, p, leaf, size));
		assert_memory_not_equal(got, root, SHA256_BYTES);
		p->hashes[i][i % SHA256_BYTES] ^= 0x10;
	}
	memcpy(other, leaf, sizeof(other));
	other[31] ^= 1;
	assert_true(inclusion_root(got, p, other, size));
	assert_memory_not_equal(got, root, SHA256_BYTES);
	p->n++;
	assert_false(inclusion_root(got, p, leaf, size));
	p->n -= 2;
	assert_false(p->n < PROOF_HASHES && inclusion_root(got, p, leaf, size));
	p->n++;
}

/* The way down the tree of `size` entries, with the siblings on it, first the highest. */
struct way {
	const struct made_tree *tree;
	uint64_t size;
	uint8_t root[SHA256_BYTES];
	uint8_t siblings[PROOF_HASHES][SHA256_BYTES];
	size_t n;
};

static void check_leaf(const struct way *w, uint64_t at)
{
	const uint8_t *leaf = w->tree->hashes[0][at];
	struct inclusion p = { .index = at, .n = w->n };
	uint8_t got[SHA256_BYTES];

	for (size_t i = 0; i < w->n; i++)
		memcpy(p.hashes[i], w->siblings[w->n - 1 - i], SHA256_BYTES);
	assert_true(inclusion_root(got, &p, leaf, w->size));
	assert_memory_equal(got, w->root, SHA256_BYTES);
	if (w->size <= 70 || at % 16 == 5 || at + 3 > w->size) {
		check_others(&p, leaf, w->size, w->root);
		check_flips(&p, leaf, w->size, w->root);
	}
}

/* Checks the proof of each leaf of [start, start + n). */
static void check_leaves(struct way *w, uint64_t start, uint64_t n)
{
	leaf_list leaves = made_leaves(w->tree) + start;
	uint64_t k = 1;

	if (n == 1) {
		check_leaf(w, start);
		return;
	}
	while (2 * k < n)
		k *= 2;
	naive_tree(w->siblings[w->n++], leaves + k, n - k);
	check_leaves(w, start, k);
	naive_tree(w->siblings[w->n - 1], leaves, k);
	check_leaves(w, start + k, n - k);
	w->n--;
}

static void inclusion_is_as_defined(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };

	(void)state;
	made_tree_init(&t, INCLUSION_MAX, UINT64_MAX);
	for (uint64_t size = 1; size <= INCLUSION_MAX; size++) {
		struct way w = { .tree = &t, .size = size };

		naive_tree(w.root, made_leaves(&t), size);
		check_leaves(&w, 0, size);
	}
}

static void inclusion_of_huge_trees(void **state)
{
	static const uint8_t leaf[SHA256_BYTES] = { 9 };
	struct inclusion p = { .index = 0, .n = PROOF_HASHES };
	uint8_t root[SHA256_BYTES];

	(void)state;
	assert_true(inclusion_root(root, &p, leaf, UINT64_MAX));
	p.n = PROOF_HASHES - 1;
	assert_false(inclusion_root(root, &p, leaf, UINT64_MAX));
	p.n = PROOF_HASHES + 1;
	assert_false(inclusion_root(root, &p, leaf, UINT64_MAX));
	p = (struct inclusion){ .index = UINT64_MAX - 1, .n = PROOF_HASHES - 1 };
	assert_true(inclusion_root(root, &p, leaf, UINT64_MAX));
	p = (struct inclusion){ .index = 0, .n = 0 };
	assert_false(inclusion_root(root, &p, leaf, 0));
	assert_true(inclusion_root(root, &p, leaf, 1));
	assert_memory_equal(root, leaf, SHA256_BYTES);
}

static void check_pair(const struct made_tree *t, uint64_t m, uint64_t n, const uint8_t *old,
		       const uint8_t *new)
{
	struct consistency p = { 0 };
	uint8_t other[SHA256_BYTES];

	naive_consistency(&p, made_leaves(t), m, n);
	assert_true(consistency_holds(&p, m, old, n, new));
	for (size_t i = 0; i < p.n; i++) {
		p.hashes[i][i % SHA256_BYTES] ^= 1;
		assert_false(consistency_holds(&p, m, old, n, new));
		p.hashes[i][i % SHA256_BYTES] ^= 1;
	}
	memcpy(other, old, sizeof(other));
	other[7] ^= 0x80;
	assert_false(consistency_holds(&p, m, other, n, new));
	memcpy(other, new, sizeof(other));
	other[7] ^= 0x80;
	assert_false(consistency_holds(&p, m, old, n, other));
	p.n++;
	assert_false(consistency_holds(&p, m, old, n, new));
	p.n--;
	if (m == n)
		return;
	assert_false(consistency_holds(&p, n, new, m, old));
	p.n--;
	assert_false(consistency_holds(&p, m, old, n, new));
}

static void consistency_is_as_defined(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	uint8_t roots[CONSISTENCY_MAX + 1][SHA256_BYTES];

	(void)state;
	made_tree_init(&t, CONSISTENCY_MAX, UINT64_MAX);
	for (uint64_t n = 0; n <= CONSISTENCY_MAX; n++)
		naive_tree(roots[n], made_leaves(&t), n);
	for (uint64_t n = 1; n <= CONSISTENCY_MAX; n++) {
		for (uint64_t m = 1; m <= n; m++)
			check_pair(&t, m, n, roots[m], roots[n]);
	}
}

static void consistency_with_no_entries(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	struct consistency p = { 0 };
	uint8_t none[SHA256_BYTES], root[SHA256_BYTES];

	(void)state;
	made_tree_init(&t, 5, UINT64_MAX);
	naive_tree(none, made_leaves(&t), 0);
	naive_tree(root, made_leaves(&t), 5);
	assert_true(consistency_holds(&p, 0, none, 0, none));
	assert_true(consistency_holds(&p, 0, none, 5, root));
	assert_false(consistency_holds(&p, 0, root, 5, root));
	assert_false(consistency_holds(&p, 0, root, 0, root));
	assert_false(consistency_holds(&p, 0, none, 0, root));
	assert_false(consistency_holds(&p, 5, root, 0, none));
	assert_false(consistency_holds(&p, 4, root, 5, root));
	p.n = 1;
	assert_false(consistency_holds(&p, 0, none, 5, root));
	p.n = PROOF_HASHES + 1;
	assert_false(consistency_holds(&p, 4, none, 5, root));
}

/* Proofs of one size are none of another. */
static void consistency_of_other_sizes(void **state)
{
	cleanup_made_tree struct made_tree t = { 0 };
	uint8_t roots[33][SHA256_BYTES];

	(void)state;
	made_tree_init(&t, 32, UINT64_MAX);
	for (uint64_t n = 0; n <= 32; n++)
		naive_tree(roots[n], made_leaves(&t), n);
	for (uint64_t n = 2; n <= 32; n++) {
		for (uint64_t m = 1; m < n; m++) {
			struct consistency p = { 0 };

			naive_consistency(&p, made_leaves(&t), m, n);
			for (uint64_t k = 1; k < n; k++) {
				assert_int_equal(consistency_holds(&p, k, roots[k], n, roots[n]),
						 k == m);
			}
			/* A way up that ends below the root of a larger tree. */
			assert_false(consistency_holds(&p, m, roots[m], 65, roots[n]));
			assert_false(consistency_holds(&p, m, roots[m], 4 * n, roots[n]));
		}
	}
}

/* --- the text -------------------------------------------------------------------------- */

struct sample {
	struct made_log log;
	struct made_tree tree;
	struct note note;
	struct buf text; /* that entry 3 is one of 7 */
};

static void sample_init(struct sample *s)
{
	struct inclusion p = { 0 };
	struct wm_error err = { 0 };

	*s = (struct sample){ .text = BUF_INIT(LIMIT_PROOF + 1) };
	made_log_init(&s->log, ORIGIN);
	made_tree_init(&s->tree, 7, UINT64_MAX);
	made_note(&s->note, &s->log, &s->tree, 7);
	naive_inclusion(&p, made_leaves(&s->tree), 3, 7);
	assert_ok(log_proof_encode(&s->text, &p, s->note.text, s->note.len, &err), &err);
}

static void sample_release(struct sample *s)
{
	made_log_release(&s->log);
	made_tree_release(&s->tree);
	note_release(&s->note);
	buf_release(&s->text);
}

#define cleanup_sample __attribute__((cleanup(sample_release)))

static void text_is_as_specified(void **state)
{
	cleanup_sample struct sample s;
	cleanup_log_proof struct log_proof p = { 0 };
	cleanup_buf struct buf want = BUF_INIT(LIMIT_PROOF), again = BUF_INIT(LIMIT_PROOF);
	struct inclusion naive = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	sample_init(&s);
	naive_inclusion(&naive, made_leaves(&s.tree), 3, 7);
	assert_ok(buf_append_str(&want, "c2sp.org/tlog-proof@v1\nindex 3\n", &err), &err);
	for (size_t i = 0; i < naive.n; i++) {
		char chars[HASH_CHARS];

		base64_encode(chars, naive.hashes[i], SHA256_BYTES);
		assert_ok(buf_printf(&want, &err, "%.44s\n", chars), &err);
	}
	assert_ok(buf_printf(&want, &err, "\n%s", s.note.text), &err);
	assert_string_equal(buf_str(&s.text), buf_str(&want));

	assert_ok(log_proof_parse(&p, s.text.data, s.text.len, "p", &err), &err);
	assert_int_equal(p.inclusion.index, 3);
	assert_int_equal(p.inclusion.n, 3);
	assert_int_equal(p.note.head.size, 7);
	assert_ok(log_proof_encode(&again, &p.inclusion, p.note.text, p.note.len, &err), &err);
	assert_string_equal(buf_str(&again), buf_str(&want));
}

static void verifies(void **state)
{
	cleanup_sample struct sample s;
	cleanup_made_log struct made_log other;
	cleanup_log_proof struct log_proof p = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	sample_init(&s);
	made_log_init(&other, ORIGIN);
	assert_ok(log_proof_parse(&p, s.text.data, s.text.len, "p", &err), &err);
	assert_ok(log_proof_verify(&p, s.log.key, s.tree.hashes[0][3], &err), &err);
	assert_reason(log_proof_verify(&p, s.log.key, s.tree.hashes[0][2], &err), &err,
		      PROOF_MISMATCH);
	assert_reason(log_proof_verify(&p, other.key, s.tree.hashes[0][3], &err), &err,
		      NOTE_SIGNATURE);
	p.inclusion.index = 2;
	assert_reason(log_proof_verify(&p, s.log.key, s.tree.hashes[0][3], &err), &err,
		      PROOF_MISMATCH);
	p.inclusion.index = 7;
	assert_reason(log_proof_verify(&p, s.log.key, s.tree.hashes[0][3], &err), &err,
		      PROOF_MISMATCH);
	p.inclusion.index = 3;
	p.inclusion.n--;
	assert_reason(log_proof_verify(&p, s.log.key, s.tree.hashes[0][3], &err), &err,
		      PROOF_MISMATCH);
}

/* The reason that `before`, then the note, gets; REASON_NONE where it is read. */
static enum reason reason_of(const char *before, const struct note *note)
{
	cleanup_buf struct buf b = BUF_INIT(2 * LIMIT_PROOF);
	cleanup_log_proof struct log_proof p = { 0 };
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&b, before, &err), &err);
	assert_ok(buf_append(&b, note->text, note->len, &err), &err);
	if (log_proof_parse(&p, b.data, b.len, "p", &err) == WM_OK)
		return REASON_NONE;
	assert_null(p.note.text);
	return error_reason(&err);
}

#define FIRST "c2sp.org/tlog-proof@v1\n"
#define HASH  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static void refuses_malformed_text(void **state)
{
	static const struct {
		const char *before;
		enum reason reason;
	} rows[] = {
		{ FIRST "index 0\n\n", REASON_NONE },
		{ FIRST "index 9007199254740991\n" HASH "\n", REASON_NONE },
		{ FIRST "index 9007199254740992\n" HASH "\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 18446744073709551616\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 99999999999999999999999999\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 00\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 01\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index -1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index +1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1 \n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index  1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1a\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index \n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "Index 1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1\r\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "extra AAAA\nindex 1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nextra AAAA\n\n", REASON_PROOF_MALFORMED },
		{ FIRST, REASON_PROOF_MALFORMED },
		{ FIRST "index 1\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1\n\n\n", REASON_NOTE_MALFORMED },
		{ FIRST "index 1\n" HASH "\n\n", REASON_NOTE_MALFORMED },
		{ "index 1\n\n", REASON_PROOF_MALFORMED },
		{ "", REASON_PROOF_MALFORMED },
		{ "\n" FIRST "index 1\n\n", REASON_PROOF_MALFORMED },
		{ "c2sp.org/tlog-proof@v2\nindex 1\n\n", REASON_PROOF_MALFORMED },
		{ "c2sp.org/tlog-proof@v1 \nindex 1\n\n", REASON_PROOF_MALFORMED },
		{ "c2sp.org/tlog-proof@v\nindex 1\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nAAAA\n\n", REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
		  REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
		  REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n\n",
		  REASON_PROOF_MALFORMED },
		{ FIRST "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n",
		  REASON_PROOF_MALFORMED },
		{ FIRST "index 1\n-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
		  REASON_PROOF_MALFORMED },
		{ FIRST "index 1\n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
		  REASON_PROOF_MALFORMED },
	};
	cleanup_sample struct sample s;

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (reason_of(rows[i].before, &s.note) != rows[i].reason)
			test_failed(__FILE__, __LINE__, "row %zu: %s", i, rows[i].before);
	}
}

static void bounds_what_it_reads(void **state)
{
	cleanup_sample struct sample s;
	cleanup_buf struct buf b = BUF_INIT(2 * LIMIT_PROOF);
	cleanup_log_proof struct log_proof p = { 0 };
	struct wm_error err = { 0 };

	(void)state;
	sample_init(&s);
	assert_ok(buf_append_str(&b, FIRST "index 1\n", &err), &err);
	for (int i = 0; i < PROOF_HASHES - 1; i++)
		assert_ok(buf_append_str(&b, HASH, &err), &err);
	for (int more = 0; more < 2; more++) {
		size_t len;

		assert_ok(buf_append_str(&b, HASH, &err), &err);
		len = b.len;
		assert_ok(buf_append_byte(&b, '\n', &err), &err);
		assert_int_equal(reason_of(buf_str(&b), &s.note),
				 more ? REASON_PROOF_MALFORMED : REASON_NONE);
		buf_truncate(&b, len);
	}
	while (b.len <= LIMIT_PROOF)
		assert_ok(buf_append_str(&b, HASH, &err), &err);
	assert_reason(log_proof_parse(&p, b.data, LIMIT_PROOF, "p", &err), &err, PROOF_MALFORMED);
	assert_null(strstr(err.message, "bytes, more than"));
	assert_reason(log_proof_parse(&p, b.data, LIMIT_PROOF + 1, "p", &err), &err,
		      PROOF_MALFORMED);
	assert_non_null(strstr(err.message, "bytes, more than"));
}

/* Each beginning of a proof, and each proof with one byte changed, is refused. */
static void no_byte_is_free(void **state)
{
	cleanup_sample struct sample s;
	struct wm_error err = { 0 };

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < s.text.len; i++) {
		struct log_proof p = { 0 };

		assert_int_not_equal(log_proof_parse(&p, s.text.data, i, "p", &err), WM_OK);
		s.text.data[i] ^= 1;
		if (log_proof_parse(&p, s.text.data, s.text.len, "p", &err) == WM_OK) {
			assert_int_not_equal(log_proof_verify(&p, s.log.key,
							      s.tree.hashes[0][3], &err), WM_OK);
			log_proof_release(&p);
		}
		s.text.data[i] ^= 1;
	}
}

static enum wm_code parse_and_encode(void *context, struct wm_error *err)
{
	const struct sample *s = context;
	cleanup_log_proof struct log_proof p = { 0 };
	cleanup_buf struct buf again = BUF_INIT(LIMIT_PROOF);

	TRY(log_proof_parse(&p, s->text.data, s->text.len, "p", err));
	return log_proof_encode(&again, &p.inclusion, p.note.text, p.note.len, err);
}

static void survives_failed_allocations(void **state)
{
	cleanup_sample struct sample s;

	(void)state;
	sample_init(&s);
	with_every_allocation_failing(parse_and_encode, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inclusion_is_as_defined),
		cmocka_unit_test(inclusion_of_huge_trees),
		cmocka_unit_test(consistency_is_as_defined),
		cmocka_unit_test(consistency_with_no_entries),
		cmocka_unit_test(consistency_of_other_sizes),
		cmocka_unit_test(text_is_as_specified),
		cmocka_unit_test(verifies),
		cmocka_unit_test(refuses_malformed_text),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(no_byte_is_free),
		cmocka_unit_test(survives_failed_allocations),
	};

	return run_tests(tests);
}
