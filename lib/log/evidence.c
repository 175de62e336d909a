/* SPDX-License-Identifier: Apache-2.0 */
/* Making and checking evidence of two histories. */
#include "log/evidence.h"

#include <assert.h>
#include <string.h>

#include "log/document.h"
#include "text/json.h"
#include "text/node.h"
#include "util/base64.h"

enum { DIGEST_CHARS = 44 }; /* base64 of 32 bytes */

static const char kind[] = "weightmark-fork-evidence/1";

/* --- what it says ---------------------------------------------------------------------- */

/* Two tree heads, and what connects them. */
struct claim {
	const struct note *first, *second;
	uint8_t prefix_root[SHA256_BYTES];
	struct consistency path;
};

/* Fails with `evidence-void` unless it shows two histories; signatures are not looked at. */
static enum wm_code check_claim(const struct claim *c, const char *name, struct wm_error *err)
{
	const struct tree_head *first = &c->first->head, *second = &c->second->head;

	if (strcmp(first->origin, second->origin) != 0)
		return fail(err, REASON_EVIDENCE_VOID, "%s: the tree heads are of %s and %s", name,
			    first->origin, second->origin);
	if (memcmp(first->root, c->prefix_root, SHA256_BYTES) == 0)
		return fail(err, REASON_EVIDENCE_VOID,
			    "%s: the tree of %llu entries begins with that of %llu", name,
			    (unsigned long long)second->size, (unsigned long long)first->size);
	if (!consistency_holds(&c->path, first->size, c->prefix_root, second->size, second->root))
		return fail(err, REASON_EVIDENCE_VOID,
			    "%s: its path does not lead to the root of %llu entries", name,
			    (unsigned long long)second->size);
	return WM_OK;
}

/* Whether `a` comes before `b`. */
static bool is_first(const struct tree_head *a, const struct tree_head *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	return memcmp(a->root, b->root, SHA256_BYTES) < 0;
}

/* --- writing --------------------------------------------------------------------------- */

static enum wm_code digest_node(struct node **out, struct tree *t,
				const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	char chars[DIGEST_CHARS];

	base64_encode(chars, digest, SHA256_BYTES);
	return node_text(out, t, chars, sizeof(chars), err);
}

static enum wm_code add_path(struct node *map, struct tree *t, const struct claim *c,
			     struct wm_error *err)
{
	struct node *path = NULL, *digest = NULL;

	TRY(node_set_new(&path, map, t, "path", NODE_LIST, err));
	for (size_t i = 0; i < c->path.n; i++) {
		TRY(digest_node(&digest, t, c->path.hashes[i], err));
		node_append(path, digest);
	}
	TRY(digest_node(&digest, t, c->prefix_root, err));
	return node_set(map, t, "prefix_root", digest, err);
}

static enum wm_code write_claim(struct buf *out, const struct log_key *key, const struct claim *c,
				struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	cleanup_buf struct buf vkey = BUF_INIT(LIMIT_NOTE);
	struct node *map = NULL;

	TRY(log_key_encode(&vkey, key, err));
	TRY(node_new(&map, &t, NODE_MAP, err));
	TRY(node_set_text(map, &t, "first", c->first->text, err));
	TRY(node_set_text(map, &t, "kind", kind, err));
	TRY(node_set_text(map, &t, "log_key", buf_str(&vkey), err));
	TRY(add_path(map, &t, c, err));
	TRY(node_set_text(map, &t, "second", c->second->text, err));
	return json_write_canonical(out, map, err);
}

enum wm_code evidence_encode(struct buf *out, const struct log_key *key, const struct note *a,
			     const struct note *b, struct tiles *tiles, struct wm_error *err)
{
	bool in_order = is_first(&a->head, &b->head);
	struct claim c = { .first = in_order ? a : b, .second = in_order ? b : a };
	uint64_t old_size = c.first->head.size, new_size = c.second->head.size;

	if (old_size == new_size) {
		memcpy(c.prefix_root, c.second->head.root, SHA256_BYTES);
	} else {
		assert(tiles);
		TRY(tiles_consistency(&c.path, tiles, old_size, new_size, err));
		TRY(tiles_root(c.prefix_root, tiles, old_size, err));
	}
	TRY(check_claim(&c, "evidence", err));
	return write_claim(out, key, &c, err);
}

/* --- reading --------------------------------------------------------------------------- */

void evidence_release(struct evidence *e)
{
	log_key_free(e->key);
	note_release(&e->first);
	note_release(&e->second);
	e->key = NULL;
}

static bool read_digest(uint8_t out[SHA256_BYTES], const struct node *n)
{
	return n && n->kind == NODE_TEXT && n->len == DIGEST_CHARS &&
	       base64_decoded_len(n->text, n->len) == SHA256_BYTES &&
	       base64_decode(out, n->text, n->len);
}

static bool read_path(struct consistency *out, const struct node *path)
{
	if (!path || path->kind != NODE_LIST || path->len > PROOF_HASHES)
		return false;
	out->n = 0;
	for (const struct node *n = path->first; n; n = n->next) {
		if (!read_digest(out->hashes[out->n++], n))
			return false;
	}
	return true;
}

static enum wm_code read_key(struct log_key **out, const struct node *n, const char *name,
			     struct wm_error *err)
{
	cleanup_log_key struct log_key *key = NULL;
	cleanup_buf struct buf again = BUF_INIT(LIMIT_NOTE);

	TRY(log_key_parse(&key, n->text, n->len, name, err));
	TRY(log_key_encode(&again, key, err));
	if (again.len != n->len || memcmp(again.data, n->text, n->len) != 0)
		return fail(err, REASON_EVIDENCE_MALFORMED, "%s: a newline ends its log_key", name);
	*out = take_ptr(&key);
	return WM_OK;
}

static enum wm_code parse(struct evidence *e, struct claim *c, const void *text, size_t len,
			  const char *name, struct wm_error *err)
{
	cleanup_tree struct tree t = TREE_INIT;
	const struct node *first, *second, *key;

	TRY(document_read(&t, text, len, LIMIT_EVIDENCE, kind, 6, REASON_EVIDENCE_MALFORMED, name,
			  err));
	first = document_text(t.root, "first");
	second = document_text(t.root, "second");
	key = document_text(t.root, "log_key");
	if (!first || !second || !key || !read_path(&c->path, node_find(t.root, "path")) ||
	    !read_digest(c->prefix_root, node_find(t.root, "prefix_root")))
		return fail(err, REASON_EVIDENCE_MALFORMED,
			    "%s: expected first, kind, log_key, path, prefix_root and second",
			    name);
	TRY(read_key(&e->key, key, name, err));
	TRY(note_parse(&e->first, first->text, first->len, name, err));
	TRY(note_parse(&e->second, second->text, second->len, name, err));
	if (is_first(&e->second.head, &e->first.head))
		return fail(err, REASON_EVIDENCE_MALFORMED, "%s: first and second are exchanged",
			    name);
	return WM_OK;
}

enum wm_code evidence_check(struct evidence *out, const void *text, size_t len, const char *name,
			    struct wm_error *err)
{
	cleanup_evidence struct evidence e = { 0 };
	struct claim c = { .first = &e.first, .second = &e.second };
	struct wm_error why = { 0 };

	if (parse(&e, &c, text, len, name, &why) != WM_OK)
		return fail_as(err, REASON_EVIDENCE_MALFORMED, &why);
	if (note_verify(&e.first, e.key, &why) != WM_OK ||
	    note_verify(&e.second, e.key, &why) != WM_OK)
		return fail_as(err, REASON_EVIDENCE_VOID, &why);
	TRY(check_claim(&c, name, err));
	*out = e;
	e = (struct evidence){ 0 };
	return WM_OK;
}
