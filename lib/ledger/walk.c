/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a log from an old commit to its newest, recomputing every root on the way. */
#include "ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/commit.h"
#include "util/limits.h"

/* What is known of a commit from the way back. */
struct step {
	struct object_id id, tree;
	int64_t time;
	uint64_t first, size;
};

struct walk {
	const struct repository *repository;
	const char *origin;
	const struct ledger_head *head;
	const struct ledger_visitor *visitor;
	struct step *steps; /* newest first */
	size_t n, room;
	struct tree_frontier edge;
	struct object_id key; /* the file `key`, of the head's commit */
	struct buf data;      /* of one object at a time */
	struct buf entry;
};

static void walk_release(struct walk *w)
{
	free(w->steps);
	buf_release(&w->data);
	buf_release(&w->entry);
}

static enum wm_code read_object(struct walk *w, const struct object_id *id, enum object_type type,
				struct wm_error *err)
{
	buf_truncate(&w->data, 0);
	return object_read(&w->data, w->repository, id, type, err);
}

static enum wm_code add_step(struct walk *w, const struct object_id *id, const struct commit *c,
			     struct wm_error *err)
{
	if (w->n == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		void *more = reallocarray(w->steps, room, sizeof(*w->steps));

		if (!more)
			return fail_nomem(err);
		w->steps = more;
		w->room = room;
	}
	w->steps[w->n++] = (struct step){ *id, c->tree, c->time, c->first, c->size };
	return WM_OK;
}

/* Lists the commits after `from`. Each but the first adds an entry, so that their number is
 * bounded. */
static enum wm_code go_back(struct walk *w, const struct object_id *from, struct wm_error *err)
{
	struct object_id id = w->head->commit;
	struct commit c = { .has_parent = true };

	for (; c.has_parent; id = c.parent) {
		if (from && object_id_equal(&id, from))
			return WM_OK;
		if (w->n > w->head->note.head.size)
			return fail(err, REASON_LEDGER_MALFORMED,
				    "%s: has more commits than entries", w->origin);
		TRY(read_object(w, &id, OBJECT_COMMIT, err));
		TRY(commit_parse(&c, w->data.data, w->data.len, w->origin, w->visitor->key, err));
		if (w->n > 0 && c.time > w->steps[w->n - 1].time)
			return fail(err, REASON_LEDGER_MALFORMED,
				    "%s: a commit is older than the one before it", w->origin);
		TRY(add_step(w, &id, &c, err));
	}
	if (from)
		return fail(err, REASON_LEDGER_REWRITTEN,
			    "%s: its history does not hold the commit that it was at", w->origin);
	return WM_OK;
}

/* The note of a commit, verified where the visitor wants that. */
static enum wm_code read_note(struct note *out, struct walk *w, const struct object_id *blob,
			      struct wm_error *err)
{
	cleanup_note struct note note = { .text = NULL };

	TRY(read_object(w, blob, OBJECT_BLOB, err));
	TRY(note_parse(&note, w->data.data, w->data.len, w->origin, err));
	if (strcmp(note.head.origin, w->origin) != 0)
		return fail(err, REASON_LEDGER_MALFORMED, "%s: has a tree head of %s", w->origin,
			    note.head.origin);
	if (w->visitor->key)
		TRY(note_verify(&note, w->visitor->key, err));
	*out = note;
	note = (struct note){ .text = NULL };
	return WM_OK;
}

static enum wm_code check_root(const struct walk *w, const struct note *note, struct wm_error *err)
{
	uint8_t root[SHA256_BYTES];

	tree_root(root, &w->edge);
	if (note->head.size != w->edge.n_leaves ||
	    memcmp(root, note->head.root, SHA256_BYTES) != 0)
		return fail(err, REASON_LEDGER_MALFORMED,
			    "%s: its entries do not give the root that it signed at size %llu",
			    w->origin, (unsigned long long)note->head.size);
	return WM_OK;
}

/* Begins with the edge at the commit `from`. */
static enum wm_code begin_at(struct walk *w, const struct object_id *from, struct wm_error *err)
{
	cleanup_commit_files struct commit_files files = { .entries = NULL };
	cleanup_note struct note note = { .text = NULL };
	struct commit c;

	if (!from)
		return WM_OK;
	TRY(read_object(w, from, OBJECT_COMMIT, err));
	TRY(commit_parse(&c, w->data.data, w->data.len, w->origin, NULL, err));
	TRY(commit_files_read(&files, w->repository, &c.tree, err));
	TRY(read_note(&note, w, &files.checkpoint, err));
	TRY(read_object(w, &files.edge, OBJECT_BLOB, err));
	TRY(edge_parse(&w->edge, note.head.size, w->data.data, w->data.len, err));
	return check_root(w, &note, err);
}

static enum wm_code visit_entry(struct walk *w, const struct step *at,
				const struct object_id *blob, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
	const struct ledger_visitor *v = w->visitor;
	uint8_t digest[SHA256_BYTES], record[RECORD_BYTES];
	struct ledger_entry e = { .position = w->edge.n_leaves, .blob = *blob, .commit = at->id };
	enum wm_code code;

	buf_truncate(&w->entry, 0);
	TRY(object_read(&w->entry, w->repository, blob, OBJECT_BLOB, err));
	e.data = w->entry.data;
	e.len = w->entry.len;
	code = entry_decode(&e.envelope, &a, e.data, e.len, w->origin, err);
	if (code != WM_OK)
		return fail_context(code, err, "entry %llu", (unsigned long long)e.position);
	TRY(sha256_of(digest, e.data, e.len, err));
	entry_record(record, &e.envelope, digest);
	record_leaf(e.leaf, record);
	tree_append(&w->edge, 0, e.leaf);
	progress_add(v->progress, 1);
	return v->entry ? v->entry(v->context, &e, err) : WM_OK;
}

static enum wm_code check_edge(const struct walk *w, const struct commit_files *files,
			       struct wm_error *err)
{
	cleanup_buf struct buf edge = BUF_INIT(sizeof(w->edge.roots));
	struct object_id name;

	TRY(edge_encode(&edge, &w->edge, err));
	TRY(object_name(&name, OBJECT_BLOB, edge.data, edge.len, err));
	if (!object_id_equal(&name, &files->edge) || !object_id_equal(&w->key, &files->key))
		return fail(err, REASON_LEDGER_MALFORMED,
			    "%s: a commit has another edge or key than its entries and log",
			    w->origin);
	return WM_OK;
}

static enum wm_code visit_commit(struct walk *w, const struct step *at, bool first,
				 struct wm_error *err)
{
	cleanup_commit_files struct commit_files files = { .entries = NULL };
	cleanup_note struct note note = { .text = NULL };
	const struct ledger_visitor *v = w->visitor;

	TRY(commit_files_read(&files, w->repository, &at->tree, err));
	if ((files.n_entries == 0) != first ||
	    (files.n_entries > 0 && files.first != w->edge.n_leaves))
		return fail(err, REASON_LEDGER_MALFORMED,
			    "%s: a commit adds no entries, or others than the next", w->origin);
	if (at->first != files.first || at->size != (first ? 0 : files.first + files.n_entries))
		return fail(err, REASON_LEDGER_MALFORMED,
			    "%s: a commit says that it adds other entries", w->origin);
	TRY(read_note(&note, w, &files.checkpoint, err));
	for (size_t i = 0; i < files.n_entries; i++)
		TRY(visit_entry(w, at, &files.entries[i], err));
	TRY(check_root(w, &note, err));
	TRY(check_edge(w, &files, err));
	if (!v->commit)
		return WM_OK;
	return v->commit(v->context, &(struct ledger_commit){ at->id, &note, at->time }, err);
}

static enum wm_code find_key(struct walk *w, struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);

	TRY(log_key_encode(&key, w->head->key, err));
	TRY(buf_append_byte(&key, '\n', err));
	return object_name(&w->key, OBJECT_BLOB, key.data, key.len, err);
}

enum wm_code ledger_walk(const struct ledger *l, const char *origin,
			 const struct ledger_head *head, const struct object_id *from,
			 const struct ledger_visitor *visitor, struct wm_error *err)
{
	__attribute__((cleanup(walk_release))) struct walk w = {
		.repository = ledger_repository(l),
		.origin = origin,
		.head = head,
		.visitor = visitor,
		.data = BUF_INIT(LIMIT_STATEMENT),
		.entry = BUF_INIT(LIMIT_ENTRY),
	};

	if (visitor->key && !log_key_same(visitor->key, head->key))
		return fail(err, REASON_NOTE_SIGNATURE, "%s: is by another key than the pinned one",
			    origin);
	TRY(find_key(&w, err));
	TRY(go_back(&w, from, err));
	TRY(begin_at(&w, from, err));
	if (visitor->progress)
		visitor->progress->total += head->note.head.size - w.edge.n_leaves;
	for (size_t i = w.n; i-- > 0;)
		TRY(visit_commit(&w, &w.steps[i], !from && i == w.n - 1, err));
	if (w.edge.n_leaves != head->note.head.size)
		return fail(err, REASON_LEDGER_MALFORMED, "%s: changed while it was read", origin);
	return WM_OK;
}
