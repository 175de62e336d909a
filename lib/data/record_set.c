/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of records: gathered, sorted in place, counted, committed to. */
#include "data/record_set.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "digest/records.h"
#include "digest/tree.h"
#include "digest/workers.h"
#include "util/limits.h"

static_assert(sizeof(struct record_row) == ROW_BYTES, "rows are written as they lie");

enum { FIRST_CAP = 4096, COMMITTED_AT_ONCE = 4096 };

void record_set_release(struct record_set *s)
{
	free(s->rows);
	*s = (struct record_set){ .rows = NULL };
}

enum wm_code record_set_add(struct record_set *s, const uint8_t (*digests)[SHA256_BYTES],
			    size_t n, struct wm_error *err)
{
	size_t cap = s->cap ? s->cap : FIRST_CAP;
	void *grown;

	if (n > LIMIT_RECORDS - s->n)
		return fail(err, REASON_LIMIT, "more than %d records", LIMIT_RECORDS);
	while (cap < s->n + n)
		cap *= 2;
	if (cap > s->cap) {
		grown = reallocarray(s->rows, cap, sizeof(*s->rows));
		if (!grown)
			return fail_nomem(err);
		s->rows = grown;
		s->cap = cap;
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(s->rows[s->n].digest, digests[i], SHA256_BYTES);
		put_u32be(s->rows[s->n++].count, 1);
	}
	s->n_records += n;
	return WM_OK;
}

/* --- sorting ----------------------------------------------------------------------------- */

enum { ELEMENT_MAX = 64, FEW = 48, VALUES = 256 };

struct order {
	size_t size, key;
};

static void insertion_sort(uint8_t *at, size_t n, size_t depth, const struct order *o)
{
	uint8_t held[ELEMENT_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t j = i;

		memcpy(held, at + i * o->size, o->size);
		for (; j > 0 && memcmp(at + (j - 1) * o->size + depth, held + depth,
				       o->key - depth) > 0;
		     j--)
			memcpy(at + j * o->size, at + (j - 1) * o->size, o->size);
		memcpy(at + j * o->size, held, o->size);
	}
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t held[ELEMENT_MAX];

	memcpy(held, a, size);
	memcpy(a, b, size);
	memcpy(b, held, size);
}

/* Sorts elements that are equal before `depth`. No deeper than the key is long. */
static void sort_from(uint8_t *at, size_t n, size_t depth, const struct order *o)
{
	size_t begins[VALUES], ends[VALUES], sum = 0;

	if (depth == o->key)
		return;
	if (n <= FEW) {
		insertion_sort(at, n, depth, o);
		return;
	}
	memset(ends, 0, sizeof(ends));
	for (size_t i = 0; i < n; i++)
		ends[at[i * o->size + depth]]++;
	for (size_t v = 0; v < VALUES; v++) {
		begins[v] = sum;
		sum += ends[v];
		ends[v] = sum;
	}
	for (size_t v = 0; v < VALUES; v++)
		while (begins[v] < ends[v]) {
			uint8_t *p = at + begins[v] * o->size;
			uint8_t value = p[depth];

			if (value == v)
				begins[v]++;
			else
				swap(p, at + begins[value]++ * o->size, o->size);
		}
	for (size_t v = 0; v < VALUES; v++) {
		size_t from = v ? ends[v - 1] : 0;

		sort_from(at + from * o->size, ends[v] - from, depth + 1, o);
	}
}

void sort_bytes(void *elements, size_t n, size_t size, size_t key)
{
	const struct order o = { size, key };

	assert(size <= ELEMENT_MAX && key <= size);
	if (n > 1)
		sort_from(elements, n, 0, &o);
}

void record_set_close(struct record_set *s)
{
	size_t to = 0;

	sort_bytes(s->rows, s->n, ROW_BYTES, SHA256_BYTES);
	for (size_t i = 1; i < s->n; i++) {
		struct record_row *r = &s->rows[to];

		if (memcmp(r->digest, s->rows[i].digest, SHA256_BYTES) == 0)
			put_u32be(r->count,
				  record_row_count(r) + record_row_count(&s->rows[i]));
		else
			s->rows[++to] = s->rows[i];
	}
	s->n = s->n ? to + 1 : 0;
}

/* --- roots ------------------------------------------------------------------------------- */

enum wm_code record_set_content_root(uint8_t out[SHA256_BYTES], const struct record_set *s,
				     struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmContentV1", (const uint64_t[]){ s->n_records, s->n }, 2, err));
	for (size_t i = 0; i < s->n; i++) {
		TRY(buf_append(records_leaf(r), s->rows[i].digest, SHA256_BYTES, err));
		TRY(buf_append_u64be(records_leaf(r), record_row_count(&s->rows[i]), err));
		TRY(records_end_leaf(r, err));
	}
	return records_root(out, r, err);
}

enum wm_code record_content_root(uint8_t out[SHA256_BYTES], const uint8_t digest[SHA256_BYTES],
				 struct wm_error *err)
{
	struct record_row row;
	const struct record_set one = { .rows = &row, .n = 1, .n_records = 1 };

	memcpy(row.digest, digest, SHA256_BYTES);
	put_u32be(row.count, 1);
	return record_set_content_root(out, &one, err);
}

enum wm_code record_set_root(uint8_t root[SHA256_BYTES], uint8_t (**tops)[SHA256_BYTES],
			     const struct record_set *s, struct wm_error *err)
{
	struct tree_frontier whole = TREE_FRONTIER_INIT;
	uint8_t (*nodes)[SHA256_BYTES] = calloc(n_tops(s->n) + 1, sizeof(*nodes));

	if (!nodes)
		return fail_nomem(err);
	for (size_t from = 0, n; from < s->n; from += n) {
		struct tree_frontier part = TREE_FRONTIER_INIT;

		n = s->n - from < TOP_ROWS ? s->n - from : TOP_ROWS;
		for (size_t i = from; i < from + n; i++)
			tree_append(n == TOP_ROWS ? &part : &whole, 0, s->rows[i].digest);
		for (size_t i = from; n < TOP_ROWS && i < from + n; i++)
			tree_append(&part, 0, s->rows[i].digest);
		tree_root(nodes[from / TOP_ROWS], &part);
		if (n == TOP_ROWS)
			tree_append(&whole, TOP_LEVEL, nodes[from / TOP_ROWS]);
	}
	tree_root(root, &whole);
	*tops = nodes;
	return WM_OK;
}

/* --- committing -------------------------------------------------------------------------- */

struct committing {
	struct record_set *set;
	const struct record_key *key;
	_Atomic size_t next; /* row that nobody has taken */
	_Atomic int failed;  /* why a worker gave up, or WM_OK */
};

static enum wm_code commit_rows(struct committing *job)
{
	cleanup_committer struct committer *c = NULL;
	struct record_set *s = job->set;

	TRY(committer_new(&c, job->key, NULL));
	for (;;) {
		size_t from = atomic_fetch_add(&job->next, COMMITTED_AT_ONCE), n;

		if (from >= s->n)
			return WM_OK;
		n = s->n - from < COMMITTED_AT_ONCE ? s->n - from : COMMITTED_AT_ONCE;
		TRY(committer_run(c, s->rows[from].digest, ROW_BYTES, n, NULL));
	}
}

static void *commit_work(void *context)
{
	struct committing *job = context;
	enum wm_code code = commit_rows(job);

	if (code != WM_OK)
		atomic_store(&job->failed, (int)code);
	return NULL;
}

enum wm_code record_set_commit(struct record_set *s, const struct record_key *k, unsigned workers,
			       struct wm_error *err)
{
	struct committing job = { .set = s, .key = k };
	size_t useful = s->n / COMMITTED_AT_ONCE + 1;

	workers = workers ? workers : workers_default();
	workers = workers < MEASURE_WORKERS_MAX ? workers : MEASURE_WORKERS_MAX;
	workers_run(workers < useful ? workers : (unsigned)useful, commit_work, &job);
	if (job.failed)
		return job.failed == WM_NOMEM ?
			       fail_nomem(err) :
			       fail(err, REASON_INTERNAL, "libcrypto could not digest");
	sort_bytes(s->rows, s->n, ROW_BYTES, SHA256_BYTES);
	return WM_OK;
}

static int compare_row(const void *key, const void *row)
{
	return memcmp(key, ((const struct record_row *)row)->digest, SHA256_BYTES);
}

const struct record_row *record_set_find(const struct record_set *s,
					 const uint8_t digest[SHA256_BYTES])
{
	return s->n ? bsearch(digest, s->rows, s->n, ROW_BYTES, compare_row) : NULL;
}
