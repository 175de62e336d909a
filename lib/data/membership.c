/* SPDX-License-Identifier: Apache-2.0 */
/* Making, writing, reading and verifying proofs about records. */
#include "data/membership.h"

#include <string.h>

#include "statement/scalar.h"
#include "text/json.h"
#include "text/node.h"
#include "util/base64.h"
#include "util/hex.h"

static const char type_in[] = "urn:weightmark:record-proof:v1";
static const char type_absent[] = "urn:weightmark:record-absence:v1";
static const char statement_prefix[] = STATEMENT_PREFIX;

enum { DIGEST_CHARS = 44, PREFIX_CHARS = sizeof(statement_prefix) - 1 };

/* --- proving ----------------------------------------------------------------------------- */

static enum wm_code check_key(const struct commitments *c, const struct record_key *k,
			      struct wm_error *err)
{
	if (memcmp(c->header.key_id, k->id, SHA256_BYTES) == 0)
		return WM_OK;
	return fail(err, REASON_COMMITMENT_KEY_MISMATCH, "%s: was made under another key", c->path);
}

/* Finds where the record is or would be. */
static enum wm_code locate(struct membership *out, struct commitment *commitment, uint64_t *row,
			   bool *found, const struct commitments *c, const struct record_key *k,
			   const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	TRY(check_key(c, k, err));
	record_commit(commitment, k, digest);
	memcpy(out->root, c->header.root, SHA256_BYTES);
	memcpy(out->digest, digest, SHA256_BYTES);
	out->size = c->header.n_rows;
	return commitments_find(row, found, c, commitment->leaf, err);
}

/* Adds a row, which must lead to the root. */
static enum wm_code add_row(struct membership *out, const struct commitments *c, uint64_t row,
			    struct wm_error *err)
{
	struct neighbour *at = &out->at[out->n];

	TRY(commitments_prove(&at->path, at->leaf, c, row, err));
	out->n++;
	return WM_OK;
}

/* Both sides of where a leaf would be that was not found there. */
static enum wm_code add_neighbours(struct membership *out, const struct commitments *c,
				   uint64_t row, const uint8_t leaf[SHA256_BYTES],
				   struct wm_error *err)
{
	if (row > 0)
		TRY(add_row(out, c, row - 1, err));
	if (row < c->header.n_rows)
		TRY(add_row(out, c, row, err));
	if ((row > 0 && memcmp(out->at[0].leaf, leaf, SHA256_BYTES) >= 0) ||
	    (row < c->header.n_rows &&
	     memcmp(leaf, out->at[out->n - 1].leaf, SHA256_BYTES) >= 0))
		return fail(err, REASON_COMMITMENTS_UNSORTED, "%s: row %llu changed", c->path,
			    (unsigned long long)row);
	return WM_OK;
}

/* `*out` is zeroed. */
static enum wm_code prove_in(struct membership *out, const struct commitments *c,
			     const struct record_key *k, const uint8_t digest[SHA256_BYTES],
			     struct wm_error *err)
{
	struct membership beside = { .n = 0 };
	struct commitment commitment;
	uint64_t row = 0;
	bool found = false;

	TRY(locate(out, &commitment, &row, &found, c, k, digest, err));
	if (!found) {
		/* A damaged file is told from one that has no such row. */
		TRY(add_neighbours(&beside, c, row, commitment.leaf, err));
		return fail(err, REASON_RECORD_UNKNOWN,
			    "the record is not among the %llu of %s: so says who holds the key, "
			    "and that needs the custodian's honesty",
			    (unsigned long long)c->header.n_rows, c->path);
	}
	memcpy(out->r, commitment.r, SHA256_BYTES);
	return add_row(out, c, row, err);
}

enum wm_code membership_prove(struct membership *out, const struct commitments *c,
			      const struct record_key *k, const uint8_t digest[SHA256_BYTES],
			      struct wm_error *err)
{
	struct membership m = { .absent = false };

	TRY(prove_in(&m, c, k, digest, err));
	*out = m;
	return WM_OK;
}

enum wm_code membership_prove_absent(struct membership *out, const struct commitments *c,
				     const struct record_key *k,
				     const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	struct membership m = { .absent = true };
	struct commitment commitment;
	uint64_t row = 0;
	bool found = false;

	TRY(locate(&m, &commitment, &row, &found, c, k, digest, err));
	if (found)
		return fail(err, REASON_RECORD_MISMATCH, "%s: the record is in it", c->path);
	TRY(add_neighbours(&m, c, row, commitment.leaf, err));
	*out = m;
	return WM_OK;
}

/* --- writing ----------------------------------------------------------------------------- */

static enum wm_code set_digest(struct node *map, struct tree *t, const char *key,
			       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	char chars[DIGEST_CHARS + 1] = { 0 };

	base64_encode(chars, digest, SHA256_BYTES);
	return node_set_text(map, t, key, chars, err);
}

static enum wm_code set_path(struct node *map, struct tree *t, const struct inclusion *p,
			     struct wm_error *err)
{
	char chars[DIGEST_CHARS];
	struct node *list = NULL, *item = NULL;

	TRY(node_set_integer(map, t, "index", p->index, err));
	TRY(node_set_new(&list, map, t, "path", NODE_LIST, err));
	for (size_t i = 0; i < p->n; i++) {
		base64_encode(chars, p->hashes[i], SHA256_BYTES);
		TRY(node_text(&item, t, chars, sizeof(chars), err));
		node_append(list, item);
	}
	return WM_OK;
}

static enum wm_code set_neighbours(struct node *map, struct tree *t, const struct membership *m,
				   struct wm_error *err)
{
	struct node *list = NULL, *item = NULL;

	TRY(node_set_new(&list, map, t, "neighbour", NODE_LIST, err));
	for (size_t i = 0; i < m->n; i++) {
		TRY(node_append_new(&item, list, t, NODE_MAP, err));
		TRY(set_digest(item, t, "leaf", m->at[i].leaf, err));
		TRY(set_path(item, t, &m->at[i].path, err));
	}
	return WM_OK;
}

enum wm_code membership_encode(struct buf *out, const struct membership *m, struct wm_error *err)
{
	char statement[PREFIX_CHARS + 2 * SHA256_BYTES + 1];
	cleanup_tree struct tree t = TREE_INIT;
	struct node *map = NULL;

	memcpy(statement, statement_prefix, PREFIX_CHARS);
	hex_encode(statement + PREFIX_CHARS, m->statement, SHA256_BYTES);
	TRY(node_new(&map, &t, NODE_MAP, err));
	TRY(node_set_text(map, &t, "_type", m->absent ? type_absent : type_in, err));
	TRY(node_set_text(map, &t, "dataset", m->dataset, err));
	TRY(node_set_text(map, &t, "statement", statement, err));
	TRY(set_digest(map, &t, "root", m->root, err));
	TRY(set_digest(map, &t, "digest", m->digest, err));
	TRY(node_set_integer(map, &t, "size", m->size, err));
	if (m->absent) {
		TRY(set_neighbours(map, &t, m, err));
	} else {
		TRY(set_digest(map, &t, "commitment", m->r, err));
		TRY(set_path(map, &t, &m->at[0].path, err));
	}
	return json_write_canonical(out, map, err);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Members are taken one by one; what is left over makes the text another than its encoding. */
struct taking {
	const char *name;
	struct wm_error *err;
};

static enum wm_code malformed(const struct taking *t, const char *what)
{
	return fail(t->err, REASON_RECORD_PROOF_MALFORMED, "%s: '%s' is missing or no such value",
		    t->name, what);
}

static bool is_digest(uint8_t out[SHA256_BYTES], const struct node *n)
{
	return n && n->kind == NODE_TEXT && n->len == DIGEST_CHARS &&
	       base64_decoded_len(n->text, n->len) == SHA256_BYTES &&
	       base64_decode(out, n->text, n->len);
}

static enum wm_code take_digest(uint8_t out[SHA256_BYTES], const struct node *map,
				const char *key, const struct taking *t)
{
	return is_digest(out, node_find(map, key)) ? WM_OK : malformed(t, key);
}

static enum wm_code take_number(uint64_t *out, const struct node *map, const char *key,
				const struct taking *t)
{
	const struct node *n = node_find(map, key);

	if (!n || n->kind != NODE_INTEGER || n->integer < 0)
		return malformed(t, key);
	*out = (uint64_t)n->integer;
	return WM_OK;
}

static enum wm_code take_path(struct inclusion *out, const struct node *map,
			      const struct taking *t)
{
	const struct node *list = node_find(map, "path");

	TRY(take_number(&out->index, map, "index", t));
	if (!list || list->kind != NODE_LIST || list->len > PROOF_HASHES)
		return malformed(t, "path");
	out->n = 0;
	for (const struct node *n = list->first; n; n = n->next)
		if (!is_digest(out->hashes[out->n++], n))
			return malformed(t, "path");
	return WM_OK;
}

static enum wm_code take_neighbours(struct membership *m, const struct node *map,
				    const struct taking *t)
{
	const struct node *list = node_find(map, "neighbour");

	if (!list || list->kind != NODE_LIST || list->len < 1 || list->len > 2)
		return malformed(t, "neighbour");
	for (const struct node *n = list->first; n; n = n->next, m->n++) {
		if (n->kind != NODE_MAP)
			return malformed(t, "neighbour");
		TRY(take_digest(m->at[m->n].leaf, n, "leaf", t));
		TRY(take_path(&m->at[m->n].path, n, t));
	}
	return WM_OK;
}

static enum wm_code take_names(struct membership *m, const struct node *map,
			       const struct taking *t)
{
	const struct node *n = node_find(map, "dataset");

	if (!n || n->kind != NODE_TEXT || n->len > LIMIT_OBJECT)
		return malformed(t, "dataset");
	memcpy(m->dataset, n->text, n->len + 1);
	n = node_find(map, "statement");
	if (!n || n->kind != NODE_TEXT || n->len != PREFIX_CHARS + 2 * SHA256_BYTES ||
	    memcmp(n->text, statement_prefix, PREFIX_CHARS) != 0 ||
	    !hex_decode(m->statement, n->text + PREFIX_CHARS, (size_t)2 * SHA256_BYTES))
		return malformed(t, "statement");
	n = node_find(map, "_type");
	if (!n || n->kind != NODE_TEXT ||
	    (strcmp(n->text, type_in) != 0 && strcmp(n->text, type_absent) != 0))
		return malformed(t, "_type");
	m->absent = strcmp(n->text, type_absent) == 0;
	return WM_OK;
}

static enum wm_code take_all(struct membership *m, const struct node *map, const struct taking *t)
{
	if (map->kind != NODE_MAP)
		return malformed(t, "_type");
	TRY(take_names(m, map, t));
	TRY(take_digest(m->root, map, "root", t));
	TRY(take_digest(m->digest, map, "digest", t));
	TRY(take_number(&m->size, map, "size", t));
	if (m->absent)
		return take_neighbours(m, map, t);
	TRY(take_digest(m->r, map, "commitment", t));
	TRY(take_path(&m->at[0].path, map, t));
	commitment_leaf(m->at[0].leaf, m->r, m->digest);
	m->n = 1;
	return WM_OK;
}

enum wm_code membership_parse(struct membership *out, const void *data, size_t len,
			      const char *name, struct wm_error *err)
{
	cleanup_buf struct buf again = BUF_INIT(LIMIT_RECORD_PROOF);
	cleanup_tree struct tree t = TREE_INIT;
	const struct taking taking = { name, err };
	struct membership m = { .n = 0 };
	struct wm_error why = { 0 };

	if (len > LIMIT_RECORD_PROOF)
		return fail(err, REASON_RECORD_PROOF_MALFORMED, "%s: %zu bytes, more than %d", name,
			    len, LIMIT_RECORD_PROOF);
	if (json_read(&t, data, len, name, &why) != WM_OK)
		return why.code == WM_NOMEM ? fail_again(err, &why) :
					      fail(err, REASON_RECORD_PROOF_MALFORMED, "%s",
						   why.message);
	TRY(take_all(&m, t.root, &taking));
	TRY(membership_encode(&again, &m, err));
	if (again.len != len || memcmp(again.data, data, len) != 0)
		return fail(err, REASON_RECORD_PROOF_MALFORMED,
			    "%s: is not written in the one form that it has", name);
	*out = m;
	return WM_OK;
}

/* --- verifying --------------------------------------------------------------------------- */

static enum wm_code mismatch(struct wm_error *err, const char *what)
{
	return fail(err, REASON_RECORD_PROOF_MISMATCH, "%s", what);
}

/* Whether `leaf` can be in no tree that has these neighbours, which are in it. */
static bool is_between(const struct membership *m, const uint8_t leaf[SHA256_BYTES])
{
	const struct neighbour *first = &m->at[0], *last = &m->at[m->n - 1];
	const bool below = memcmp(leaf, last->leaf, SHA256_BYTES) < 0;
	const bool above = memcmp(first->leaf, leaf, SHA256_BYTES) < 0;

	if (m->n == 2)
		return above && below && first->path.index + 1 == last->path.index;
	return (below && first->path.index == 0) || (above && first->path.index + 1 == m->size);
}

enum wm_code membership_verify(const struct membership *m, const uint8_t root[SHA256_BYTES],
			       uint64_t size, const struct record_key *k, struct wm_error *err)
{
	struct commitment commitment;
	uint8_t got[SHA256_BYTES];

	if (size && size != m->size)
		return mismatch(err, "the proof is about another number of leaves");
	if (memcmp(m->root, root, SHA256_BYTES) != 0)
		return mismatch(err, "the proof is about another root");
	for (size_t i = 0; i < m->n; i++)
		if (!inclusion_root(got, &m->at[i].path, m->at[i].leaf, m->size) ||
		    memcmp(got, root, SHA256_BYTES) != 0)
			return mismatch(err, "the path does not lead to the root");
	if (!m->absent)
		return WM_OK;
	if (!k || !size)
		return fail(err, REASON_COMMITMENT_KEY_MISSING,
			    "that a record is absent can only be verified with the statement and "
			    "the key");
	record_commit(&commitment, k, m->digest);
	if (!is_between(m, commitment.leaf))
		return mismatch(err, "the record would not be between the neighbours");
	return WM_OK;
}
