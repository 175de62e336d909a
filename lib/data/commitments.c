/* SPDX-License-Identifier: Apache-2.0 */
/* Files of commitments: written in one pass, read by ranges. */
#include "data/commitments.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest/tree.h"
#include "util/cursor.h"
#include "util/limits.h"

static const char magic[] = "weightmark-commitments/1\n";

static_assert(sizeof(struct tag_row) == TAG_BYTES, "tags are written as they lie");

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	HEADER_BYTES = MAGIC_BYTES + 3 * 8 + 3 * SHA256_BYTES,
	READ_ROWS = 8192, /* that are read at once; whole subtrees */
};

/* --- places ------------------------------------------------------------------------------ */

static uint64_t row_off(uint64_t row)
{
	return HEADER_BYTES + row * ROW_BYTES;
}

static uint64_t tops_off(const struct commitments_header *h)
{
	return row_off(h->n_rows);
}

static uint64_t tags_off(const struct commitments_header *h)
{
	return tops_off(h) + n_tops(h->n_rows) * SHA256_BYTES;
}

static uint64_t sum_off(const struct commitments_header *h)
{
	return tags_off(h) + h->n_tags * TAG_BYTES;
}

uint64_t commitments_size(const struct commitments_header *h)
{
	return sum_off(h) + SHA256_BYTES;
}

/* --- writing ----------------------------------------------------------------------------- */

struct writing {
	const struct new_file *f;
	struct sha256 *sum;
};

static enum wm_code put(struct writing *w, const void *data, size_t len, struct wm_error *err)
{
	TRY(sha256_update(w->sum, data, len, err));
	return file_write_fd(w->f->fd, data, len, w->f->path, err);
}

static enum wm_code append_header(struct buf *out, const struct commitments_header *h,
				  struct wm_error *err)
{
	TRY(buf_append(out, magic, MAGIC_BYTES, err));
	TRY(buf_append_u64be(out, h->n_rows, err));
	TRY(buf_append_u64be(out, h->n_records, err));
	TRY(buf_append_u64be(out, h->n_tags, err));
	TRY(buf_append(out, h->key_id, SHA256_BYTES, err));
	TRY(buf_append(out, h->content_root, SHA256_BYTES, err));
	return buf_append(out, h->root, SHA256_BYTES, err);
}

enum wm_code commitments_write(const struct new_file *f, const struct commitments_header *h,
			       const struct record_set *set, const uint8_t (*tops)[SHA256_BYTES],
			       const struct tag_row *tags, struct wm_error *err)
{
	cleanup_buf struct buf header = BUF_INIT(HEADER_BYTES);
	cleanup_sha256 struct sha256 *sum = NULL;
	uint8_t digest[SHA256_BYTES];
	struct writing w = { f, NULL };

	assert(h->n_rows == set->n);
	TRY(sha256_new(&sum, err));
	TRY(sha256_start(sum, err));
	w.sum = sum;
	TRY(append_header(&header, h, err));
	TRY(put(&w, header.data, header.len, err));
	TRY(put(&w, set->rows, set->n * ROW_BYTES, err));
	TRY(put(&w, tops, n_tops(set->n) * SHA256_BYTES, err));
	TRY(put(&w, tags, h->n_tags * TAG_BYTES, err));
	TRY(sha256_finish(sum, digest, err));
	return file_write_fd(f->fd, digest, sizeof(digest), f->path, err);
}

/* --- opening ----------------------------------------------------------------------------- */

void commitments_close(struct commitments *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	free(c);
}

static enum wm_code check_size(const struct commitments *c, uint64_t size, struct wm_error *err)
{
	const struct commitments_header *h = &c->header;

	if (h->n_rows == 0 || h->n_rows > LIMIT_RECORDS || h->n_tags > LIMIT_ATTRIBUTES ||
	    h->n_records < h->n_rows || h->n_records > LIMIT_RECORDS)
		return fail(err, REASON_COMMITMENTS_MALFORMED,
			    "%s: says that it has %llu rows of %llu records and %llu tags", c->path,
			    (unsigned long long)h->n_rows, (unsigned long long)h->n_records,
			    (unsigned long long)h->n_tags);
	if (size == commitments_size(h))
		return WM_OK;
	return fail(err, size < commitments_size(h) ? REASON_COMMITMENTS_TRUNCATED :
							    REASON_COMMITMENTS_PADDED,
		    "%s: has %llu bytes, and %llu rows and %llu tags take %llu", c->path,
		    (unsigned long long)size, (unsigned long long)h->n_rows,
		    (unsigned long long)h->n_tags,
		    (unsigned long long)commitments_size(h));
}

static enum wm_code read_header(struct commitments *c, uint64_t size, struct wm_error *err)
{
	struct commitments_header *h = &c->header;
	uint8_t bytes[HEADER_BYTES];
	struct cursor in = cursor_of(bytes, sizeof(bytes));

	if (size < MAGIC_BYTES)
		return fail(err, REASON_COMMITMENTS_MALFORMED, "%s: is too short for one", c->path);
	TRY(file_read_at(c->fd, bytes, MAGIC_BYTES, 0, c->path, err));
	if (memcmp(cursor_take(&in, MAGIC_BYTES), magic, MAGIC_BYTES) != 0)
		return fail(err, REASON_COMMITMENTS_MALFORMED, "%s: does not begin as one",
			    c->path);
	if (size < HEADER_BYTES)
		return fail(err, REASON_COMMITMENTS_TRUNCATED, "%s: ends within its header",
			    c->path);
	TRY(file_read_at(c->fd, bytes, sizeof(bytes), 0, c->path, err));
	(void)cursor_u64be(&in, &h->n_rows);
	(void)cursor_u64be(&in, &h->n_records);
	(void)cursor_u64be(&in, &h->n_tags);
	memcpy(h->key_id, cursor_take(&in, SHA256_BYTES), SHA256_BYTES);
	memcpy(h->content_root, cursor_take(&in, SHA256_BYTES), SHA256_BYTES);
	memcpy(h->root, cursor_take(&in, SHA256_BYTES), SHA256_BYTES);
	return check_size(c, size, err);
}

enum wm_code commitments_open(struct commitments **out, const char *path, struct wm_error *err)
{
	cleanup_commitments struct commitments *c = calloc(1, sizeof(*c));
	uint64_t size = 0;

	if (!c)
		return fail_nomem(err);
	c->fd = -1;
	c->path = strdup(path);
	if (!c->path)
		return fail_nomem(err);
	TRY(file_open(&c->fd, &size, path, err));
	TRY(read_header(c, size, err));
	*out = take_ptr(&c);
	return WM_OK;
}

/* --- one record -------------------------------------------------------------------------- */

static enum wm_code unsorted(const struct commitments *c, const char *what, uint64_t at,
			     struct wm_error *err)
{
	return fail(err, REASON_COMMITMENTS_UNSORTED, "%s: %s %llu is not above the one before",
		    c->path, what, (unsigned long long)at);
}

enum wm_code commitments_find(uint64_t *row, bool *found, const struct commitments *c,
			      const uint8_t leaf[SHA256_BYTES], struct wm_error *err)
{
	uint64_t from = 0, to = c->header.n_rows;
	struct record_row below = { { 0 }, { 0 } }, above = { { 0 }, { 0 } }, r;
	bool has_below = false, has_above = false;

	while (from < to) {
		const uint64_t middle = from + (to - from) / 2;

		TRY(file_read_at(c->fd, &r, sizeof(r), row_off(middle), c->path, err));
		if ((has_below && memcmp(below.digest, r.digest, SHA256_BYTES) >= 0) ||
		    (has_above && memcmp(r.digest, above.digest, SHA256_BYTES) >= 0))
			return unsorted(c, "row", middle, err);
		if (memcmp(r.digest, leaf, SHA256_BYTES) < 0) {
			below = r;
			has_below = true;
			from = middle + 1;
		} else {
			above = r;
			has_above = true;
			to = middle;
		}
	}
	*row = from;
	*found = has_above && memcmp(above.digest, leaf, SHA256_BYTES) == 0;
	return WM_OK;
}

static enum wm_code damaged(const struct commitments *c, const char *what, struct wm_error *err)
{
	return fail(err, REASON_COMMITMENTS_DAMAGED, "%s: %s", c->path, what);
}

/* Climbs from a row to the root of its subtree, which must be the top that is stored. */
static enum wm_code climb_subtree(struct inclusion *p, uint8_t leaf[SHA256_BYTES],
				  uint8_t top[SHA256_BYTES], const struct commitments *c,
				  uint64_t row, struct wm_error *err)
{
	cleanup_free struct record_row *rows = NULL;
	cleanup_free uint8_t (*nodes)[SHA256_BYTES] = NULL;
	const uint64_t from = row / TOP_ROWS * TOP_ROWS, left = c->header.n_rows - from;
	const size_t n = left < TOP_ROWS ? (size_t)left : TOP_ROWS;

	rows = malloc(n * sizeof(*rows));
	nodes = malloc(n * sizeof(*nodes));
	if (!rows || !nodes)
		return fail_nomem(err);
	TRY(file_read_at(c->fd, rows, n * sizeof(*rows), row_off(from), c->path, err));
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && memcmp(rows[i - 1].digest, rows[i].digest, SHA256_BYTES) >= 0)
			return unsorted(c, "row", from + i, err);
		memcpy(nodes[i], rows[i].digest, SHA256_BYTES);
	}
	memcpy(leaf, nodes[row - from], SHA256_BYTES);
	inclusion_climb(p, nodes, n, (size_t)(row - from));
	memcpy(top, nodes[0], SHA256_BYTES);
	return WM_OK;
}

enum wm_code commitments_prove(struct inclusion *out, uint8_t leaf[SHA256_BYTES],
			       const struct commitments *c, uint64_t row, struct wm_error *err)
{
	cleanup_free uint8_t (*tops)[SHA256_BYTES] = NULL;
	const size_t n = (size_t)n_tops(c->header.n_rows), at = (size_t)(row / TOP_ROWS);
	struct inclusion p = { .index = row };
	uint8_t top[SHA256_BYTES];

	assert(row < c->header.n_rows);
	TRY(climb_subtree(&p, leaf, top, c, row, err));
	tops = malloc(n * sizeof(*tops));
	if (!tops)
		return fail_nomem(err);
	TRY(file_read_at(c->fd, tops, n * sizeof(*tops), tops_off(&c->header), c->path, err));
	if (memcmp(tops[at], top, SHA256_BYTES) != 0)
		return damaged(c, "rows do not lead to the root of their subtree", err);
	inclusion_climb(&p, tops, n, at);
	if (memcmp(tops[0], c->header.root, SHA256_BYTES) != 0)
		return damaged(c, "subtrees do not lead to the root", err);
	*out = p;
	return WM_OK;
}

/* The first tag that is not below `tag`. */
static enum wm_code find_tag(uint64_t *at, const struct commitments *c,
			     const uint8_t tag[RECORD_TAG_BYTES], struct wm_error *err)
{
	uint64_t from = 0, to = c->header.n_tags;
	struct tag_row t;

	while (from < to) {
		const uint64_t middle = from + (to - from) / 2;

		TRY(file_read_at(c->fd, &t, sizeof(t), tags_off(&c->header) + middle * TAG_BYTES,
				 c->path, err));
		if (memcmp(t.tag, tag, RECORD_TAG_BYTES) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	*at = from;
	return WM_OK;
}

enum wm_code commitments_tag(struct tag_row *out, uint8_t leaf[SHA256_BYTES],
			     const struct commitments *c, uint64_t at, struct wm_error *err)
{
	TRY(file_read_at(c->fd, out, sizeof(*out), tags_off(&c->header) + at * TAG_BYTES, c->path,
			 err));
	if (get_u32be(out->row) >= c->header.n_rows)
		return damaged(c, "a tag is of a row that is not there", err);
	return file_read_at(c->fd, leaf, SHA256_BYTES, row_off(get_u32be(out->row)), c->path, err);
}

enum wm_code commitments_tagged(struct buf *leaves, const struct commitments *c,
				const uint8_t tag[RECORD_TAG_BYTES], struct wm_error *err)
{
	uint8_t leaf[SHA256_BYTES];
	struct tag_row t;
	uint64_t at = 0;

	TRY(find_tag(&at, c, tag, err));
	for (; at < c->header.n_tags; at++) {
		TRY(commitments_tag(&t, leaf, c, at, err));
		if (memcmp(t.tag, tag, RECORD_TAG_BYTES) != 0)
			break;
		TRY(buf_append(leaves, leaf, SHA256_BYTES, err));
	}
	return WM_OK;
}

enum wm_code commitments_first_bytes(uint64_t *out, const struct commitments *c,
				     struct wm_error *err)
{
	cleanup_free uint8_t *bytes = malloc((size_t)READ_ROWS * ROW_BYTES);
	const uint64_t n_rows = c->header.n_rows;

	if (!bytes)
		return fail_nomem(err);
	for (uint64_t from = 0, n; from < n_rows; from += n) {
		n = n_rows - from < READ_ROWS ? n_rows - from : READ_ROWS;
		TRY(file_read_at(c->fd, bytes, (size_t)n * ROW_BYTES, row_off(from), c->path, err));
		for (uint64_t i = 0; i < n; i++) {
			struct cursor in = cursor_of(bytes + i * ROW_BYTES, ROW_BYTES);

			(void)cursor_u64be(&in, &out[from + i]);
			if (from + i > 0 && out[from + i - 1] > out[from + i])
				return unsorted(c, "row", from + i, err);
		}
	}
	return WM_OK;
}

/* --- all --------------------------------------------------------------------------------- */

/* How far reading has come, and what it is compared with. */
struct checking {
	const struct commitments *c;
	struct sha256 *sum;
	uint8_t *bytes; /* READ_ROWS * ROW_BYTES */
	struct tree_frontier tree, part; /* `part` is of the rows since the last top */
	uint64_t n_records;
	uint8_t last[SHA256_BYTES];
	const struct record_set *now;
	size_t at; /* in `now` */
	struct commitments_change change;
};

/* Both lists are ascending: what comes first in one alone was added, or removed. */
static enum wm_code compare_row(struct checking *k, const struct record_row *r,
				struct wm_error *err)
{
	struct buf *removed = k->change.removed;
	const struct record_set *now = k->now;
	uint32_t was = record_row_count(r), is = 0;
	int order = 1;

	while (now && k->at < now->n &&
	       (order = memcmp(now->rows[k->at].digest, r->digest, SHA256_BYTES)) < 0)
		k->change.n_added += record_row_count(&now->rows[k->at++]);
	if (now && k->at < now->n && order == 0)
		is = record_row_count(&now->rows[k->at++]);
	if (is > was)
		k->change.n_added += is - was;
	else
		k->change.n_removed += was - is;
	if (is > 0 || !removed || removed->max - removed->len < SHA256_BYTES)
		return WM_OK;
	return buf_append(removed, r->digest, SHA256_BYTES, err);
}

/* Reads `len` bytes at `off` and counts them into the sum. */
static enum wm_code take(struct checking *k, uint64_t off, size_t len, struct wm_error *err)
{
	TRY(file_read_at(k->c->fd, k->bytes, len, off, k->c->path, err));
	return sha256_update(k->sum, k->bytes, len, err);
}

/* Appends a row to the tree; where it ends a subtree, the top that is stored must be its root. */
static enum wm_code climb_row(struct checking *k, uint64_t row, const uint8_t leaf[SHA256_BYTES],
			      struct wm_error *err)
{
	const struct commitments_header *h = &k->c->header;
	const bool complete = row / TOP_ROWS < h->n_rows / TOP_ROWS;
	uint8_t top[SHA256_BYTES], said[SHA256_BYTES];

	tree_append(&k->part, 0, leaf);
	if (!complete)
		tree_append(&k->tree, 0, leaf);
	if ((row + 1) % TOP_ROWS != 0 && row + 1 < h->n_rows)
		return WM_OK;
	tree_root(top, &k->part);
	k->part = (struct tree_frontier)TREE_FRONTIER_INIT;
	if (complete)
		tree_append(&k->tree, TOP_LEVEL, top);
	TRY(file_read_at(k->c->fd, said, sizeof(said), tops_off(h) + row / TOP_ROWS * SHA256_BYTES,
			 k->c->path, err));
	return memcmp(top, said, SHA256_BYTES) == 0 ?
		       WM_OK :
		       damaged(k->c, "rows do not lead to the root of their subtree", err);
}

static enum wm_code check_rows(struct checking *k, struct wm_error *err)
{
	const uint64_t n_rows = k->c->header.n_rows;
	struct record_row r;

	for (uint64_t from = 0, n; from < n_rows; from += n) {
		n = n_rows - from < READ_ROWS ? n_rows - from : READ_ROWS;
		TRY(take(k, row_off(from), (size_t)n * ROW_BYTES, err));
		for (uint64_t i = 0; i < n; i++) {
			memcpy(&r, k->bytes + i * ROW_BYTES, ROW_BYTES);
			if (from + i > 0 && memcmp(k->last, r.digest, SHA256_BYTES) >= 0)
				return unsorted(k->c, "row", from + i, err);
			memcpy(k->last, r.digest, SHA256_BYTES);
			if (record_row_count(&r) == 0)
				return damaged(k->c, "a row counts no record", err);
			TRY(climb_row(k, from + i, r.digest, err));
			k->n_records += record_row_count(&r);
			TRY(compare_row(k, &r, err));
		}
	}
	while (k->now && k->at < k->now->n)
		k->change.n_added += record_row_count(&k->now->rows[k->at++]);
	return WM_OK;
}

static enum wm_code check_rest(struct checking *k, struct wm_error *err)
{
	const struct commitments_header *h = &k->c->header;
	enum { PIECE = READ_ROWS * TAG_BYTES };
	uint8_t before[TAG_BYTES] = { 0 };

	for (uint64_t off = tops_off(h), n; off < tags_off(h); off += n) {
		n = tags_off(h) - off < PIECE ? tags_off(h) - off : PIECE;
		TRY(take(k, off, (size_t)n, err));
	}
	for (uint64_t off = tags_off(h), n; off < sum_off(h); off += n) {
		n = sum_off(h) - off < PIECE ? sum_off(h) - off : PIECE;
		TRY(take(k, off, (size_t)n, err));
		for (uint64_t i = 0; i < n; i += TAG_BYTES) {
			if (off + i > tags_off(h) && memcmp(before, k->bytes + i, TAG_BYTES) >= 0)
				return unsorted(k->c, "tag", (off + i - tags_off(h)) / TAG_BYTES,
						err);
			memcpy(before, k->bytes + i, TAG_BYTES);
		}
	}
	return WM_OK;
}

static enum wm_code check_ends(struct checking *k, struct wm_error *err)
{
	const struct commitments_header *h = &k->c->header;
	uint8_t root[SHA256_BYTES], sum[SHA256_BYTES], said[SHA256_BYTES];

	tree_root(root, &k->tree);
	TRY(sha256_finish(k->sum, sum, err));
	TRY(file_read_at(k->c->fd, said, sizeof(said), sum_off(h), k->c->path, err));
	if (memcmp(root, h->root, SHA256_BYTES) != 0)
		return damaged(k->c, "rows do not lead to the root", err);
	if (k->n_records != h->n_records)
		return damaged(k->c, "counts do not add up to the number of records", err);
	if (memcmp(sum, said, SHA256_BYTES) != 0)
		return damaged(k->c, "its sum is another one", err);
	return WM_OK;
}

enum wm_code commitments_check(struct commitments_change *change, const struct commitments *c,
			       const struct record_set *now, struct wm_error *err)
{
	cleanup_free uint8_t *bytes = malloc((size_t)READ_ROWS * ROW_BYTES);
	cleanup_sha256 struct sha256 *sum = NULL;
	struct checking k = { .c = c, .bytes = bytes, .now = now,
			      .change = { .removed = now ? change->removed : NULL } };

	if (!bytes)
		return fail_nomem(err);
	TRY(sha256_new(&sum, err));
	TRY(sha256_start(sum, err));
	k.sum = sum;
	TRY(take(&k, 0, HEADER_BYTES, err));
	TRY(check_rows(&k, err));
	TRY(check_rest(&k, err));
	TRY(check_ends(&k, err));
	*change = k.change;
	return WM_OK;
}
