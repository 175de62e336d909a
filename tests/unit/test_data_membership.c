/* SPDX-License-Identifier: Apache-2.0 */
/* lib/data/membership.c: proofs hold for what is in, and for nothing else. */
#include "harness.h"

#include <stdio.h>

#include "committed.h"
#include "data/membership.h"
#include "digest/tree.h"

enum { N = 40 }; /* records of the small set */

/* A set of records, open. */
struct given {
	char *dir;
	struct commitments *c;
	struct record_key key;
};

static void given_set(struct given *g, unsigned n)
{
	struct wm_error err = { 0 };
	char path[300];

	g->dir = scratch_new();
	snprintf(path, sizeof(path), "%s/a.wmc", g->dir);
	committed_write(path, n);
	committed_key(&g->key);
	assert_ok(commitments_open(&g->c, path, &err), &err);
}

static void given_release(struct given *g)
{
	commitments_close(g->c);
	scratch_remove(g->dir);
}

static void prove(struct membership *m, const struct given *g, unsigned number)
{
	uint8_t d[SHA256_BYTES];
	struct wm_error err = { 0 };

	committed_digest(d, number);
	assert_ok(membership_prove(m, g->c, &g->key, d, &err), &err);
	strcpy(m->dataset, "steward/photos");
}

static void prove_absent(struct membership *m, const struct given *g, unsigned number)
{
	uint8_t d[SHA256_BYTES];
	struct wm_error err = { 0 };

	committed_digest(d, number);
	assert_ok(membership_prove_absent(m, g->c, &g->key, d, &err), &err);
	strcpy(m->dataset, "steward/photos");
}

static bool holds(const struct membership *m, const struct given *g)
{
	return membership_verify(m, g->c->header.root, g->c->header.n_rows, &g->key, NULL) ==
	       WM_OK;
}

/* Each record is in or is not, never both, over sets of many sizes. */
static void proves_what_is_so(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 5, 16, 31, 1025 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct wm_error err = { 0 };
		uint8_t d[SHA256_BYTES];
		struct membership m;
		struct given g;

		given_set(&g, sizes[s]);
		for (unsigned i = 0; i < sizes[s] + 30; i += sizes[s] > 100 ? 61 : 1) {
			committed_digest(d, i);
			if (i < sizes[s]) {
				prove(&m, &g, i);
				assert_reason(membership_prove_absent(&m, g.c, &g.key, d, &err),
					      &err, RECORD_MISMATCH);
			} else {
				prove_absent(&m, &g, i);
				assert_reason(membership_prove(&m, g.c, &g.key, d, &err), &err,
					      RECORD_UNKNOWN);
			}
			assert_true(holds(&m, &g));
		}
		given_release(&g);
	}
}

static void needs_the_right_root_size_and_key(void **state)
{
	struct wm_error err = { 0 };
	struct record_key other;
	struct membership m;
	struct given g, h;

	(void)state;
	given_set(&g, N);
	given_set(&h, N + 1);
	prove(&m, &g, 7);
	assert_reason(membership_verify(&m, h.c->header.root, 0, NULL, &err), &err,
		      RECORD_PROOF_MISMATCH);
	assert_reason(membership_verify(&m, g.c->header.root, N + 1, NULL, &err), &err,
		      RECORD_PROOF_MISMATCH);
	assert_ok(membership_verify(&m, g.c->header.root, 0, NULL, &err), &err);
	prove_absent(&m, &g, N);
	assert_reason(membership_verify(&m, g.c->header.root, N, NULL, &err), &err,
		      COMMITMENT_KEY_MISSING);
	assert_reason(membership_verify(&m, g.c->header.root, 0, &g.key, &err), &err,
		      COMMITMENT_KEY_MISSING);
	assert_ok(record_key_new(&other, &err), &err);
	assert_reason(membership_prove(&m, g.c, &other, m.digest, &err), &err,
		      COMMITMENT_KEY_MISMATCH);
	given_release(&g);
	given_release(&h);
}

/* The neighbours of a record that is in do not prove that it is absent. */
static void no_neighbours_hide_a_record(void **state)
{
	struct given g;

	(void)state;
	given_set(&g, N);
	for (unsigned i = 0; i < N; i++) {
		struct membership in, m = { .absent = true, .size = N };
		struct wm_error err = { 0 };

		prove(&in, &g, i);
		memcpy(m.root, g.c->header.root, SHA256_BYTES);
		memcpy(m.digest, in.digest, SHA256_BYTES);
		for (uint64_t a = 0; a < N; a++)
			for (uint64_t b = a; b < N && b < a + 4; b++) {
				m.n = a == b ? 1 : 2;
				assert_ok(commitments_prove(&m.at[0].path, m.at[0].leaf, g.c, a,
							    &err), &err);
				assert_ok(commitments_prove(&m.at[m.n - 1].path,
							    m.at[m.n - 1].leaf, g.c, b, &err),
					  &err);
				assert_false(holds(&m, &g));
			}
	}
	given_release(&g);
}

/* An inner node is no leaf, though its path would lead to the root. */
static void takes_no_node_for_a_leaf(void **state)
{
	struct membership m = { .absent = true, .size = 2, .n = 1 }, in;
	struct wm_error err = { 0 };
	uint8_t root[SHA256_BYTES];
	struct given g;

	(void)state;
	given_set(&g, 4);
	prove(&in, &g, 0);
	memcpy(m.root, g.c->header.root, SHA256_BYTES);
	memcpy(m.digest, in.digest, SHA256_BYTES);
	/* The left half as leaf 0 of two, the right one as its sibling. */
	assert_ok(commitments_prove(&in.at[0].path, in.at[0].leaf, g.c, 2, &err), &err);
	memcpy(m.at[0].leaf, in.at[0].path.hashes[1], SHA256_BYTES);
	m.at[0].path.n = 1;
	tree_node(m.at[0].path.hashes[0], in.at[0].leaf, in.at[0].path.hashes[0]);
	assert_true(inclusion_root(root, &m.at[0].path, m.at[0].leaf, 2));
	assert_memory_equal(root, g.c->header.root, SHA256_BYTES);
	assert_reason(membership_verify(&m, root, 4, &g.key, &err), &err, RECORD_PROOF_MISMATCH);
	given_release(&g);
}

/* --- bytes ------------------------------------------------------------------------------- */

static void encode(struct buf *out, const struct membership *m)
{
	struct wm_error err = { 0 };

	buf_truncate(out, 0);
	assert_ok(membership_encode(out, m, &err), &err);
}

static void parses_what_it_writes(void **state)
{
	cleanup_buf struct buf a = BUF_INIT(LIMIT_RECORD_PROOF), b = BUF_INIT(LIMIT_RECORD_PROOF);
	struct wm_error err = { 0 };
	struct membership m, again;
	struct given g;

	(void)state;
	given_set(&g, N);
	for (unsigned i = 0; i < 2 * N; i++) {
		if (i < N)
			prove(&m, &g, i);
		else
			prove_absent(&m, &g, i);
		encode(&a, &m);
		assert_ok(membership_parse(&again, a.data, a.len, "a", &err), &err);
		assert_true(holds(&again, &g));
		encode(&b, &again);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, a.len);
	}
	given_release(&g);
}

/*
 * Of all texts that differ in one bit none proves what is not so. Another record may be absent
 * between the same neighbours; what else may differ are names, which no root covers.
 */
static void no_other_bit_proves(struct buf *text, const struct membership *m,
				const struct given *g)
{
	for (size_t i = 0; i < text->len * 8; i++) {
		struct wm_error err = { 0 };
		struct membership other;

		text->data[i / 8] ^= (uint8_t)(1 << i % 8);
		if (membership_parse(&other, text->data, text->len, "a", &err) != WM_OK) {
			assert_string_equal(err.reason, "record-proof-malformed");
		} else if (holds(&other, g)) {
			assert_int_equal(other.absent, m->absent);
			if (memcmp(other.digest, m->digest, SHA256_BYTES) != 0)
				assert_reason(membership_prove(&other, g->c, &g->key, other.digest,
							       &err), &err, RECORD_UNKNOWN);
			else
				assert_true(strcmp(other.dataset, m->dataset) != 0 ||
					    memcmp(other.statement, m->statement,
						   SHA256_BYTES) != 0);
		}
		text->data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void no_changed_proof_holds(void **state)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_RECORD_PROOF);
	struct membership m;
	struct given g;

	(void)state;
	given_set(&g, N);
	for (unsigned i = 0; i < 2 * N; i += 13) {
		if (i < N)
			prove(&m, &g, i);
		else
			prove_absent(&m, &g, i);
		encode(&text, &m);
		no_other_bit_proves(&text, &m, &g);
	}
	given_release(&g);
}

static void refuses_other_forms(void **state)
{
	static const char *const texts[] = {
		"", "{}", "[]", "null", "{\"_type\":\"urn:weightmark:record-proof:v1\"}", "{\"a\":",
	};
	cleanup_buf struct buf text = BUF_INIT(2 * LIMIT_RECORD_PROOF);
	struct wm_error err = { 0 };
	struct membership m;
	struct given g;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_reason(membership_parse(&m, texts[i], strlen(texts[i]), "a", &err), &err,
			      RECORD_PROOF_MALFORMED);
	given_set(&g, N);
	prove(&m, &g, 0);
	encode(&text, &m);
	for (size_t n = 0; n < text.len; n++)
		assert_reason(membership_parse(&m, text.data, n, "a", &err), &err,
			      RECORD_PROOF_MALFORMED);
	assert_ok(buf_append_byte(&text, '\n', &err), &err);
	assert_reason(membership_parse(&m, text.data, text.len, "a", &err), &err,
		      RECORD_PROOF_MALFORMED);
	while (text.len <= LIMIT_RECORD_PROOF)
		assert_ok(buf_append_byte(&text, ' ', &err), &err);
	assert_reason(membership_parse(&m, text.data, text.len, "a", &err), &err,
		      RECORD_PROOF_MALFORMED);
	given_release(&g);
}

static enum wm_code round_trip(void *context, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_RECORD_PROOF);
	const struct given *g = context;
	uint8_t d[SHA256_BYTES];
	struct membership m;

	committed_digest(d, 3);
	TRY(membership_prove(&m, g->c, &g->key, d, err));
	TRY(membership_encode(&text, &m, err));
	return membership_parse(&m, text.data, text.len, "a", err);
}

static void survives_want_of_memory(void **state)
{
	struct given g;

	(void)state;
	given_set(&g, N);
	with_every_allocation_failing(round_trip, &g);
	given_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proves_what_is_so),
		cmocka_unit_test(needs_the_right_root_size_and_key),
		cmocka_unit_test(no_neighbours_hide_a_record),
		cmocka_unit_test(takes_no_node_for_a_leaf),
		cmocka_unit_test(parses_what_it_writes),
		cmocka_unit_test(no_changed_proof_holds),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(survives_want_of_memory),
	};

	return run_tests(tests);
}
