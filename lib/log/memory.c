/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering tree heads, and comparing new ones with them. */
#include "log/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log/document.h"
#include "log/evidence.h"
#include "text/json.h"
#include "util/file.h"
#include "util/lock.h"

static const char kind[] = "weightmark-heads/1";

/* A tree head that was seen. */
struct seen {
	struct note note;
	bool linked;
	bool fresh; /* since the file was read */
};

/* The newest linked head first, if there is one; then the others, the oldest first. */
struct heads {
	struct seen *list[LIMIT_HEADS]; /* owned */
	size_t n;
};

struct log_memory {
	char *directory;
	char *path; /* of the file */
	struct log_key *key;
	struct heads heads;
	struct tree_head base; /* the newest linked head that the file had */
};

const char *linkage_name(enum linkage linkage)
{
	static const char *const names[] = {
		[LINK_FIRST] = "first-seen", [LINK_LINKED] = "linked",
		[LINK_UNLINKED] = "unlinked", [LINK_FORK] = "fork",
		[LINK_BEHIND] = "behind",
	};

	return names[linkage];
}

/* --- a list of heads ------------------------------------------------------------------- */

static void seen_free(struct seen *s)
{
	note_release(&s->note);
	free(s);
}

DEFINE_CLEANUP(seen, struct seen, seen_free)
#define cleanup_seen __attribute__((cleanup(seen_cleanup_)))

static void heads_release(struct heads *h)
{
	for (size_t i = 0; i < h->n; i++)
		seen_free(h->list[i]);
	h->n = 0;
}

#define cleanup_heads __attribute__((cleanup(heads_release)))

static void remove_at(struct heads *h, size_t i)
{
	seen_free(h->list[i]);
	h->n--;
	memmove(&h->list[i], &h->list[i + 1], (h->n - i) * sizeof(h->list[0]));
}

static void insert_at(struct heads *h, size_t i, struct seen *take_s)
{
	memmove(&h->list[i + 1], &h->list[i], (h->n - i) * sizeof(h->list[0]));
	h->list[i] = take_s;
	h->n++;
}

static struct seen *newest_linked(const struct heads *h)
{
	return h->n > 0 && h->list[0]->linked ? h->list[0] : NULL;
}

static bool same_head(const struct tree_head *a, const struct tree_head *b)
{
	return a->size == b->size && memcmp(a->root, b->root, SHA256_BYTES) == 0;
}

/* The place of a head in the list; h->n where it has none. */
static size_t find_head(const struct heads *h, const struct tree_head *head)
{
	size_t i = 0;

	while (i < h->n && !same_head(&h->list[i]->note.head, head))
		i++;
	return i;
}

static enum wm_code seen_new(struct seen **out, const char *text, size_t len, const char *name,
			     struct wm_error *err)
{
	cleanup_free struct seen *s = calloc(1, sizeof(*s));

	if (!s)
		return fail_nomem(err);
	TRY(note_parse(&s->note, text, len, name, err));
	*out = take_ptr(&s);
	return WM_OK;
}

/* Adds one that was seen; the oldest makes room for it. */
static void add_seen(struct heads *h, struct seen *take_s)
{
	take_s->linked = false;
	if (h->n == LIMIT_HEADS)
		remove_at(h, newest_linked(h) ? 1 : 0);
	insert_at(h, h->n, take_s);
}

/*
 * Puts a linked head, which the list has not, in the place of a smaller one, which stays as one
 * that was seen. Of the size of the newest one it has another root: it is kept, as one that was
 * seen.
 */
static void add_linked(struct heads *h, struct seen *take_s)
{
	struct seen *newest = newest_linked(h);

	if (newest && newest->note.head.size == take_s->note.head.size) {
		add_seen(h, take_s);
		return;
	}
	if (newest && newest->note.head.size > take_s->note.head.size) {
		seen_free(take_s);
		return;
	}
	if (newest) {
		h->list[0] = take_s;
		add_seen(h, newest);
		return;
	}
	if (h->n == LIMIT_HEADS)
		remove_at(h, 0);
	insert_at(h, 0, take_s);
}

/* --- the file -------------------------------------------------------------------------- */

/* Takes what the file says of one head; one that does not verify is dropped. */
static enum wm_code take_head(struct heads *h, const struct node *n, size_t i,
			      const struct log_memory *m, struct wm_error *err)
{
	const struct node *linked = n->kind == NODE_MAP ? node_find(n, "linked") : NULL;
	const struct node *note = n->kind == NODE_MAP ? document_text(n, "note") : NULL;
	cleanup_seen struct seen *s = NULL;
	struct wm_error why = { 0 };

	if (!linked || linked->kind != NODE_BOOL || !note || n->len != 2)
		return fail(err, REASON_STATE_MALFORMED,
			    "%s: head %zu is not a note and whether it is linked", m->path, i + 1);
	if (linked->plain && i > 0)
		return fail(err, REASON_STATE_MALFORMED, "%s: head %zu is linked, not the first",
			    m->path, i + 1);
	if (seen_new(&s, note->text, note->len, m->path, &why) != WM_OK)
		return fail_as(err, REASON_STATE_MALFORMED, &why);
	if (note_verify(&s->note, m->key, &why) != WM_OK)
		return error_is_untold(why.code) ? fail_again(err, &why) : WM_OK;
	if (find_head(h, &s->note.head) < h->n)
		return fail(err, REASON_STATE_MALFORMED, "%s: head %zu stands there twice",
			    m->path, i + 1);
	s->linked = linked->plain;
	insert_at(h, h->n, take_ptr(&s));
	return WM_OK;
}

/* Reads the file into `out`; nothing is no failure. `out` is the caller's to release anyway. */
static enum wm_code read_heads(struct heads *out, const struct log_memory *m,
			       struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_MEMORY);
	cleanup_tree struct tree t = TREE_INIT;
	const struct node *list;
	struct wm_error why = { 0 };
	size_t i = 0;

	if (file_read_input(&bytes, m->path, REASON_STATE_MALFORMED, &why) != WM_OK)
		return error_reason(&why) == REASON_NOT_FOUND ? WM_OK : fail_again(err, &why);
	TRY(document_read(&t, bytes.data, bytes.len, LIMIT_MEMORY, kind, 2,
			  REASON_STATE_MALFORMED, m->path, err));
	list = node_find(t.root, "heads");
	if (!list || list->kind != NODE_LIST || list->len > LIMIT_HEADS)
		return fail(err, REASON_STATE_MALFORMED, "%s: heads is not a list of at most %d",
			    m->path, LIMIT_HEADS);
	for (const struct node *n = list->first; n; n = n->next)
		TRY(take_head(out, n, i++, m, err));
	return WM_OK;
}

static enum wm_code write_heads(const struct heads *h, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_MEMORY);
	cleanup_tree struct tree t = TREE_INIT;
	struct node *map = NULL, *list = NULL, *head = NULL;

	TRY(node_new(&map, &t, NODE_MAP, err));
	TRY(node_set_new(&list, map, &t, "heads", NODE_LIST, err));
	for (size_t i = 0; i < h->n; i++) {
		TRY(node_append_new(&head, list, &t, NODE_MAP, err));
		TRY(node_set_bool(head, &t, "linked", h->list[i]->linked, err));
		TRY(node_set_text(head, &t, "note", h->list[i]->note.text, err));
	}
	TRY(node_set_text(map, &t, "kind", kind, err));
	TRY(json_write_canonical(&bytes, map, err));
	return file_write(path, bytes.data, bytes.len, 0600, FILE_REPLACE, err);
}

/* --- loading and storing --------------------------------------------------------------- */

void log_memory_free(struct log_memory *m)
{
	if (!m)
		return;
	heads_release(&m->heads);
	log_key_free(m->key);
	free(m->directory);
	free(m->path);
	free(m);
}

/* Stores `directory`/HEX.json and a copy of `key`. */
static enum wm_code set_key(struct log_memory *m, const struct log_key *key, struct wm_error *err)
{
	cleanup_buf struct buf vkey = BUF_INIT(LIMIT_NOTE), path = BUF_INIT(LIMIT_NOTE);
	uint8_t digest[SHA256_BYTES];

	TRY(log_key_encode(&vkey, key, err));
	TRY(log_key_parse(&m->key, vkey.data, vkey.len, "log key", err));
	TRY(sha256_of(digest, vkey.data, vkey.len, err));
	TRY(buf_printf(&path, err, "%s/", m->directory));
	TRY(buf_append_hex(&path, digest, sizeof(digest), err));
	TRY(buf_append_str(&path, ".json", err));
	m->path = strdup(buf_str(&path));
	return m->path ? WM_OK : fail_nomem(err);
}

/* Keeps in mind which linked head the file has. */
static void rebase(struct log_memory *m)
{
	const struct note *head = log_memory_head(m);

	m->base = head ? head->head : (struct tree_head){ 0 };
}

enum wm_code log_memory_load(struct log_memory **out, const char *directory,
			     const struct log_key *key, struct wm_error *err)
{
	cleanup_log_memory struct log_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return fail_nomem(err);
	m->directory = strdup(directory);
	if (!m->directory)
		return fail_nomem(err);
	TRY(set_key(m, key, err));
	TRY(read_heads(&m->heads, m, err));
	rebase(m);
	*out = take_ptr(&m);
	return WM_OK;
}

/*
 * Adds what is new here to what the file has now. Where another process linked a head to what
 * we had too, nothing connects the two: the larger one stays, and the other was seen.
 */
static void merge(struct heads *file, struct seen *take_s, const struct tree_head *base)
{
	size_t at = find_head(file, &take_s->note.head);
	struct seen *newest = newest_linked(file);

	if (at < file->n && (file->list[at] == newest || !take_s->linked)) {
		seen_free(take_s);
		return;
	}
	if (at < file->n)
		remove_at(file, at);
	if (take_s->linked && (!newest || same_head(&newest->note.head, base))) {
		add_linked(file, take_s);
	} else if (take_s->linked && newest->note.head.size < take_s->note.head.size) {
		file->list[0] = take_s;
		add_seen(file, newest);
	} else {
		add_seen(file, take_s);
	}
}

enum wm_code log_memory_store(struct log_memory *m, struct wm_error *err)
{
	cleanup_heads struct heads file = { 0 };
	cleanup_fd int lock = -1;
	bool changed = false;

	for (size_t i = 0; i < m->heads.n; i++)
		changed |= m->heads.list[i]->fresh;
	if (!changed)
		return WM_OK;
	TRY(file_mkdirs(m->directory, 0700, err));
	TRY(lock_take(&lock, m->directory, err));
	if (lock < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be locked", m->directory);
	TRY(read_heads(&file, m, err));
	for (size_t i = 0; i < m->heads.n; i++) {
		const struct seen *s = m->heads.list[i];
		struct seen *copy = NULL;

		if (!s->fresh)
			continue;
		TRY(seen_new(&copy, s->note.text, s->note.len, m->path, err));
		copy->linked = s->linked;
		merge(&file, copy, &m->base);
	}
	TRY(write_heads(&file, m->path, err));
	heads_release(&m->heads);
	m->heads = file;
	file.n = 0;
	rebase(m);
	return WM_OK;
}

/* --- what is remembered ---------------------------------------------------------------- */

const struct note *log_memory_head(const struct log_memory *m)
{
	const struct seen *s = newest_linked(&m->heads);

	return s ? &s->note : NULL;
}

const struct note *log_memory_at(const struct log_memory *m, size_t i)
{
	return i < m->heads.n ? &m->heads.list[i]->note : NULL;
}

enum wm_code log_memory_add(struct log_memory *m, const struct note *note, bool linked,
			    struct wm_error *err)
{
	size_t at = find_head(&m->heads, &note->head);
	struct seen *s = NULL;

	if (at < m->heads.n && (m->heads.list[at]->linked || !linked))
		return WM_OK;
	TRY(seen_new(&s, note->text, note->len, "note", err));
	s->linked = linked;
	s->fresh = true;
	if (at < m->heads.n)
		remove_at(&m->heads, at);
	if (linked)
		add_linked(&m->heads, s);
	else
		add_seen(&m->heads, s);
	return WM_OK;
}

/* --- comparing ------------------------------------------------------------------------- */

/* The trees at hand. */
struct trees {
	struct tiles *tiles; /* or NULL */
	uint64_t size;
};

enum relation { APART, ONE_HISTORY, CONTRADICTING };

/* What two heads are to each other; believes nothing that the tiles say without a proof. */
static enum wm_code relate(enum relation *out, const struct tree_head *a,
			   const struct tree_head *b, const struct trees *trees,
			   struct wm_error *err)
{
	const struct tree_head *old = a->size < b->size ? a : b, *new = old == a ? b : a;
	struct consistency p;
	uint8_t root[SHA256_BYTES];

	*out = APART;
	if (old->size == new->size) {
		*out = same_head(old, new) ? ONE_HISTORY : CONTRADICTING;
		return WM_OK;
	}
	if (!trees->tiles || new->size > trees->size)
		return WM_OK;
	TRY(tiles_consistency(&p, trees->tiles, old->size, new->size, err));
	if (consistency_holds(&p, old->size, old->root, new->size, new->root)) {
		*out = ONE_HISTORY;
		return WM_OK;
	}
	TRY(tiles_root(root, trees->tiles, old->size, err));
	if (consistency_holds(&p, old->size, root, new->size, new->root))
		*out = CONTRADICTING;
	return WM_OK;
}

enum wm_code log_memory_compare(enum linkage *out, struct log_memory *m, const struct note *note,
				struct tiles *tiles, uint64_t tiles_size, struct buf *evidence,
				struct wm_error *err)
{
	const struct trees trees = { tiles, tiles_size };
	const struct seen *newest = newest_linked(&m->heads);
	bool linked = true;

	for (size_t i = 0; i < m->heads.n; i++) {
		const struct seen *s = m->heads.list[i];
		enum relation relation;

		TRY(relate(&relation, &note->head, &s->note.head, &trees, err));
		if (relation == CONTRADICTING) {
			TRY(evidence_encode(evidence, m->key, &s->note, note, tiles, err));
			*out = LINK_FORK;
			return WM_OK;
		}
		if (relation == APART && (!newest || s == newest))
			linked = false;
	}
	if (m->heads.n == 0)
		*out = LINK_FIRST;
	else if (linked)
		*out = LINK_LINKED;
	else if (newest && note->head.size < newest->note.head.size)
		*out = LINK_BEHIND;
	else
		*out = LINK_UNLINKED;
	return WM_OK;
}

/* --- evidence -------------------------------------------------------------------------- */

/* Appends "ORIGIN-SIZE-8HEX.fork.json". */
static enum wm_code evidence_name(struct buf *out, const struct buf *evidence,
				  struct wm_error *err)
{
	cleanup_evidence struct evidence e = { 0 };
	uint8_t digest[SHA256_BYTES];
	size_t start = out->len;

	TRY(evidence_check(&e, evidence->data, evidence->len, "evidence", err));
	TRY(sha256_of(digest, evidence->data, evidence->len, err));
	TRY(buf_append_str(out, e.second.head.origin, err));
	for (size_t i = start; i < out->len; i++) {
		if (out->data[i] == '/')
			out->data[i] = '-';
	}
	TRY(buf_printf(out, err, "-%llu-", (unsigned long long)e.second.head.size));
	TRY(buf_append_hex(out, digest, 4, err));
	return buf_append_str(out, ".fork.json", err);
}

enum wm_code evidence_store(char **path, const char *directory, const struct buf *evidence,
			    struct wm_error *err)
{
	cleanup_buf struct buf full = BUF_INIT(LIMIT_NOTE), there = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_free char *copy = NULL;
	struct wm_error why = { 0 };

	TRY(buf_printf(&full, err, "%s/evidence", directory));
	TRY(file_mkdirs(buf_str(&full), 0700, err));
	TRY(buf_append_byte(&full, '/', err));
	TRY(evidence_name(&full, evidence, err));
	copy = strdup(buf_str(&full));
	if (!copy)
		return fail_nomem(err);
	if (file_write(copy, evidence->data, evidence->len, 0600, FILE_EXCLUSIVE, &why) != WM_OK) {
		if (error_reason(&why) != REASON_EXISTS)
			return fail_again(err, &why);
		TRY(file_read(&there, copy, err));
		if (there.len != evidence->len ||
		    memcmp(there.data, evidence->data, there.len) != 0)
			return fail_again(err, &why);
	}
	*path = take_ptr(&copy);
	return WM_OK;
}

enum wm_code fail_forked(char **path, const char *directory, const struct buf *evidence,
			 const char *what, struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (!directory)
		return fail(err, REASON_LOG_FORK, "%s; evidence is not kept", what);
	if (evidence_store(path, directory, evidence, &why) != WM_OK)
		return fail(err, REASON_LOG_FORK, "%s; evidence could not be kept: %s", what,
			    why.message);
	return fail(err, REASON_LOG_FORK, "%s; evidence is kept: %s", what, *path);
}
