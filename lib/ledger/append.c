/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a log, in an order that a kill or a power cut cannot turn into two histories. */
#include "ledger/append.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ledger/commit.h"
#include "ledger/state.h"
#include "ledger/writer.h"
#include "log/origin.h"
#include "util/file.h"
#include "util/lock.h"

/* So many entries, or more, are written as one pack. */
enum { PACK_FROM = 32 };

void ledger_writer_close(struct ledger_writer *w)
{
	if (!w)
		return;
	lock_release(&w->lock);
	private_key_free(w->key);
	log_key_free(w->log_key);
	ledger_head_release(&w->head);
	free(w->directory);
	free(w);
}

const struct ledger_head *ledger_writer_head(const struct ledger_writer *w)
{
	return &w->head;
}

/* --- the signed half --------------------------------------------------------------------- */

static enum wm_code write_note(struct object_id *out, struct ledger_writer *w,
			       const struct writer_state *s, struct wm_error *err)
{
	cleanup_buf struct buf note = BUF_INIT(LIMIT_NOTE);
	struct tree_head head = { .size = s->size };

	snprintf(head.origin, sizeof(head.origin), "%s", w->origin);
	memcpy(head.root, s->root, SHA256_BYTES);
	TRY(note_sign(&note, &head, w->key, err));
	return object_write(out, w->repository, OBJECT_BLOB, note.data, note.len, err);
}

static enum wm_code write_edge(struct object_id *out, struct pack *pack, struct ledger_writer *w,
			       const struct tree_frontier *edge, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(sizeof(edge->roots));

	TRY(edge_encode(&bytes, edge, err));
	if (pack)
		return pack_add(out, pack, OBJECT_BLOB, bytes.data, bytes.len, err);
	return object_write(out, w->repository, OBJECT_BLOB, bytes.data, bytes.len, err);
}

/* Edge and key, which are there already unless the commit is the first. */
static enum wm_code name_constant(struct commit_files *files, struct ledger_writer *w,
				  const struct tree_frontier *edge, bool written,
				  struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(sizeof(edge->roots) + LIMIT_NOTE);
	cleanup_buf struct buf text = BUF_INIT(LIMIT_NOTE);

	TRY(edge_encode(&bytes, edge, err));
	TRY(log_key_encode(&text, w->log_key, err));
	TRY(buf_append_byte(&text, '\n', err));
	if (!written) {
		TRY(object_write(&files->edge, w->repository, OBJECT_BLOB, bytes.data, bytes.len,
				 err));
		return object_write(&files->key, w->repository, OBJECT_BLOB, text.data, text.len,
				    err);
	}
	TRY(object_name(&files->edge, OBJECT_BLOB, bytes.data, bytes.len, err));
	return object_name(&files->key, OBJECT_BLOB, text.data, text.len, err);
}

/* A clock that was set back must not show in the history. */
static int64_t commit_time(const struct ledger_writer *w)
{
	const int64_t now = time(NULL);

	return now > w->parent_time ? now : w->parent_time;
}

enum wm_code writer_publish(struct ledger_writer *w, const struct writer_state *s,
			    const struct tree_frontier *edge, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT((size_t)64 * (LIMIT_BATCH + 3));
	struct commit_files files = { .entries = s->entries, .n_entries = s->n_entries,
				      .first = s->size - s->n_entries };
	struct commit c = { .has_parent = s->has_from, .parent = s->from,
			    .time = commit_time(w) };
	struct object_id id;
	char ref[LEDGER_REF];

	TRY(name_constant(&files, w, edge, s->has_from, err));
	TRY(write_note(&files.checkpoint, w, s, err));
	TRY(commit_files_encode(&bytes, &files, err));
	TRY(object_write(&c.tree, w->repository, OBJECT_TREE, bytes.data, bytes.len, err));
	buf_truncate(&bytes, 0);
	TRY(commit_encode(&bytes, &c, w->origin, files.first, s->size, w->key, err));
	TRY(object_write(&id, w->repository, OBJECT_COMMIT, bytes.data, bytes.len, err));
	TRY(repository_sync(w->repository, err));
	ledger_ref(ref, w->origin);
	TRY(ref_move(w->repository, ref, s->has_from ? &s->from : NULL, &id, err));
	return writer_read_head(w, &id, err);
}

enum wm_code writer_read_head(struct ledger_writer *w, const struct object_id *commit,
			      struct wm_error *err)
{
	cleanup_buf struct buf data = BUF_INIT(LIMIT_NOTE);
	cleanup_commit_files struct commit_files files = { .entries = NULL };
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	struct tree_frontier edge;
	struct commit c;

	TRY(ledger_head_at(&head, w->repository, w->origin, commit, err));
	TRY(object_read(&data, w->repository, commit, OBJECT_COMMIT, err));
	TRY(commit_parse(&c, data.data, data.len, w->origin, NULL, err));
	TRY(commit_files_read(&files, w->repository, &c.tree, err));
	buf_truncate(&data, 0);
	TRY(object_read(&data, w->repository, &files.edge, OBJECT_BLOB, err));
	TRY(edge_parse(&edge, head.note.head.size, data.data, data.len, err));
	ledger_head_release(&w->head);
	w->head = head;
	head = (struct ledger_head){ .key = NULL };
	w->edge = edge;
	w->parent_time = c.time;
	return WM_OK;
}

/* --- the unsigned half ------------------------------------------------------------------- */

enum wm_code writer_add_leaf(struct tree_frontier *edge, const struct envelope *e,
			     struct wm_error *err)
{
	uint8_t leaf[SHA256_BYTES];

	TRY(entry_leaf(leaf, e, err));
	tree_append(edge, 0, leaf);
	return WM_OK;
}

/* Writes the entries and the edge, as loose objects or as one pack. */
static enum wm_code write_entries(struct ledger_writer *w, struct writer_state *s,
				  struct tree_frontier *edge, const struct envelope *list,
				  struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY);
	cleanup_pack struct pack *pack = NULL;
	struct object_id id;

	if (s->n_entries >= PACK_FROM)
		TRY(pack_new(&pack, w->repository, err));
	for (size_t i = 0; i < s->n_entries; i++) {
		buf_truncate(&entry, 0);
		TRY(entry_encode(&entry, &list[i], err));
		if (pack)
			TRY(pack_add(&s->entries[i], pack, OBJECT_BLOB, entry.data, entry.len,
				     err));
		else
			TRY(object_write(&s->entries[i], w->repository, OBJECT_BLOB, entry.data,
					 entry.len, err));
		TRY(writer_add_leaf(edge, &list[i], err));
	}
	TRY(write_edge(&id, pack, w, edge, err));
	return pack ? pack_finish(pack, err) : WM_OK;
}

static enum wm_code append_batch(struct ledger_writer *w, const struct envelope *list, size_t n,
				 struct wm_error *err)
{
	cleanup_writer_state struct writer_state s = {
		.size = w->head.note.head.size + n,
		.has_from = true,
		.from = w->head.commit,
		.entries = calloc(n, sizeof(*s.entries)),
		.n_entries = n,
	};
	struct tree_frontier edge = w->edge;
	char path[LIMIT_PATH];

	if (!s.entries)
		return fail_nomem(err);
	TRY(write_entries(w, &s, &edge, list, err));
	TRY(repository_sync(w->repository, err));
	tree_root(s.root, &edge);
	TRY(writer_path(path, w, "state", err));
	w->unsettled = true;
	TRY(writer_state_store(&s, path, err));
	TRY(writer_publish(w, &s, &edge, err));
	w->unsettled = false;
	return WM_OK;
}

/* --- packing ----------------------------------------------------------------------------- */

struct loose {
	struct object_id *ids;
	size_t n, room;
};

static enum wm_code add_loose(struct loose *l, const struct object_id *ids, size_t n,
			      struct wm_error *err)
{
	while (l->n + n > l->room) {
		size_t room = l->room ? 2 * l->room : 1024;
		void *more = reallocarray(l->ids, room, sizeof(*l->ids));

		if (!more)
			return fail_nomem(err);
		l->ids = more;
		l->room = room;
	}
	for (size_t i = 0; i < n; i++)
		l->ids[l->n++] = ids[i];
	return WM_OK;
}

/*
 * Lists the objects of the last commits, those whose entries begin at `since` or behind it: what
 * came before was packed when the log reached that size.
 */
static enum wm_code list_recent(struct loose *l, const struct ledger_writer *w, uint64_t since,
				struct wm_error *err)
{
	cleanup_buf struct buf data = BUF_INIT(LIMIT_NOTE);
	struct object_id id = w->head.commit;
	struct commit c = { .has_parent = true };

	for (; c.has_parent; id = c.parent) {
		cleanup_commit_files struct commit_files f = { .entries = NULL };

		buf_truncate(&data, 0);
		TRY(object_read(&data, w->repository, &id, OBJECT_COMMIT, err));
		TRY(commit_parse(&c, data.data, data.len, w->origin, NULL, err));
		TRY(commit_files_read(&f, w->repository, &c.tree, err));
		if (f.first < since)
			break;
		TRY(add_loose(l, (struct object_id[]){ id, c.tree, f.checkpoint, f.edge, f.key }, 5,
			      err));
		TRY(add_loose(l, f.entries, f.n_entries, err));
	}
	return WM_OK;
}

/* What was appended stays appended whatever becomes of this: a failure says nothing. */
static void pack_recent(struct ledger_writer *w, uint64_t since)
{
	struct loose l = { .n = 0 };
	struct wm_error why;

	if (list_recent(&l, w, since, &why) == WM_OK)
		(void)!repository_pack(w->repository, l.ids, l.n, &why);
	free(l.ids);
}

enum wm_code ledger_append(struct ledger_writer *w, const struct envelope *list, size_t n,
			   struct wm_error *err)
{
	const uint64_t before = w->head.note.head.size;

	if (w->unsettled)
		return fail(err, REASON_WRITE_FAILED,
			    "%s: an append failed before; the log must be opened anew to tell what "
			    "became of it",
			    w->origin);
	if (before + n >= UINT64_C(10000000000))
		return fail(err, REASON_LIMIT, "%s: a log holds less than 10^10 entries",
			    w->origin);
	for (size_t i = 0; i < n; i += LIMIT_BATCH)
		TRY(append_batch(w, list + i, n - i < LIMIT_BATCH ? n - i : LIMIT_BATCH, err));
	if (before / PACK_EVERY != w->head.note.head.size / PACK_EVERY)
		pack_recent(w, before / PACK_EVERY * PACK_EVERY);
	return WM_OK;
}
