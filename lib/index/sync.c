/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing the index up to the ledger: entries and tiles, one transaction a batch of commits. */
#include "index/index_internal.h"

#include <stdlib.h>
#include <string.h>

/* One origin being brought up. */
struct sync {
	struct index *x;
	const char *origin;
	struct progress *progress;
	struct log_state state;
	struct tile_edge *edge; /* owned */
	uint64_t pending;	/* entries in the present transaction */
	bool moved;		/* another process went on meanwhile: look again */
	bool rewritten;
	struct buf text;
};

static void sync_release(struct sync *s)
{
	free(s->edge);
	buf_release(&s->text);
}

static enum wm_code on_entry(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	struct sync *s = context;
	struct tile_source to = { NULL, s->x, s->state.id };

	if (e->position != s->state.size)
		return fail_malformed(err, s->x, "a log has another size than its commits");
	if (e->position >> POSITION_BITS)
		return fail(err, REASON_LIMIT, "%s: more entries than an index has room for",
			    s->origin);
	TRY(extract_entry(s->x, entry_first(s->state.id) + (int64_t)e->position, e, &s->text, err));
	TRY(tile_edge_append(s->edge, e->leaf, tile_put, &to, err));
	s->state.size++;
	s->pending++;
	return WM_OK;
}

static enum wm_code save(struct sync *s, struct wm_error *err)
{
	TRY(log_state_put(s->x, &s->state, s->edge, err));
	TRY(sql_do(s->x, SQL_COMMIT, err));
	s->pending = 0;
	return WM_OK;
}

static bool same_state(const struct log_state *a, const struct log_state *b)
{
	return a->id == b->id && a->size == b->size && object_id_equal(&a->tip, &b->tip);
}

static enum wm_code on_commit(void *context, const struct ledger_commit *c, struct wm_error *err)
{
	struct sync *s = context;
	struct log_state now = { 0 };

	s->state.tip = c->id;
	if (s->pending < s->x->batch)
		return WM_OK;
	TRY(save(s, err));
	TRY(sql_begin(s->x, err));
	TRY(log_state_get(&now, s->x, s->origin, err));
	s->moved = !same_state(&now, &s->state);
	return s->moved ? fail(err, REASON_BUSY, "%s: indexed by another process", s->origin)
			: WM_OK;
}

/* Walks from where the index stands; a log that is new to it begins here. */
static enum wm_code walk(struct sync *s, const struct ledger_head *head, struct wm_error *err)
{
	const struct ledger_visitor visitor = { on_entry, on_commit, s, NULL, s->progress };
	const struct object_id from = s->state.tip;
	bool begun = s->state.id != 0;

	if (begun)
		TRY(log_edge_get(s->edge, s->x, &s->state, err));
	else
		TRY(log_state_add(&s->state, s->x, s->origin, err));
	return ledger_walk(s->x->ledger, s->origin, head, begun ? &from : NULL, &visitor, err);
}

static enum wm_code start_anew(struct sync *s, struct wm_error *err)
{
	TRY(log_drop(s->x, s->state.id, err));
	s->state = (struct log_state){ 0 };
	memset(s->edge, 0, sizeof(*s->edge));
	s->rewritten = true;
	return WM_OK;
}

/* Within a transaction, which is over with success alone. */
static enum wm_code catch_up(struct sync *s, struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head head = { 0 };
	uint8_t root[SHA256_BYTES];
	struct wm_error said = { 0 };
	enum wm_code code;

	TRY(log_state_get(&s->state, s->x, s->origin, err));
	/* Read behind BEGIN: so no other process has indexed a newer one. */
	TRY(ledger_head(&head, s->x->ledger, s->origin, err));
	code = walk(s, &head, &said);
	if (code != WM_OK && error_reason(&said) == REASON_LEDGER_REWRITTEN && s->state.id) {
		TRY(start_anew(s, err));
		code = walk(s, &head, &said);
	}
	if (code != WM_OK)
		return fail_again(err, &said);
	tile_edge_root(root, s->edge);
	if (s->state.size != head.note.head.size ||
	    memcmp(root, head.note.head.root, sizeof(root)) != 0)
		return fail_malformed(err, s->x, "the tiles do not have the root that was signed");
	return save(s, err);
}

/* Whether the newest commit is indexed: what most calls find, and all that they do. */
static enum wm_code is_current(bool *current, struct index *x, const char *origin,
			       struct wm_error *err)
{
	char ref[LEDGER_REF];
	struct log_state state = { 0 };
	struct object_id newest;
	bool found;

	ledger_ref(ref, origin);
	TRY(log_state_get(&state, x, origin, err));
	TRY(ref_read(&newest, &found, ledger_repository(x->ledger), ref, err));
	*current = found && state.id && object_id_equal(&newest, &state.tip);
	return WM_OK;
}

static enum wm_code sync_moving(struct sync *s, struct wm_error *err)
{
	enum wm_code code;

	s->moved = false;
	s->pending = 0;
	memset(s->edge, 0, sizeof(*s->edge));
	TRY(sql_begin(s->x, err));
	code = catch_up(s, err);
	if (code != WM_OK)
		sql_rollback(s->x);
	return code;
}

static enum wm_code sync_origin(struct index *x, const char *origin, bool *rewritten,
				struct progress *progress, struct wm_error *err)
{
	__attribute__((cleanup(sync_release))) struct sync s = {
		.x = x, .origin = origin, .progress = progress, .text = BUF_INIT(TEXT_MAX)
	};
	enum wm_code code;
	bool current;

	TRY(is_current(&current, x, origin, err));
	if (current)
		return WM_OK;
	s.edge = calloc(1, sizeof(*s.edge));
	if (!s.edge)
		return fail_nomem(err);
	do
		code = sync_moving(&s, err);
	while (s.moved);
	*rewritten |= s.rewritten;
	return code;
}

/* --- all of them ---------------------------------------------------------------------- */

/* Finds a log whose branch is gone; both lists are in order. */
static enum wm_code find_gone(int64_t *log, struct index *x, char **origins, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	*log = 0;
	TRY(sql_start(&q, x, SQL_LOGS, err));
	for (;;) {
		const void *text;

		TRY(sql_step(&row, &q, err));
		if (!row)
			return WM_OK;
		text = sqlite3_column_text(q.stmt, 1);
		if (!text)
			return fail_malformed(err, x, "a log has no name");
		while (*origins && strcmp(*origins, text) < 0)
			origins++;
		if (!*origins || strcmp(*origins, text) != 0) {
			*log = sqlite3_column_int64(q.stmt, 0);
			return WM_OK;
		}
	}
}

static enum wm_code drop_gone(struct index *x, char **origins, bool *rewritten,
			      struct wm_error *err)
{
	enum wm_code code;
	int64_t log;

	for (;;) {
		TRY(find_gone(&log, x, origins, err));
		if (!log)
			return WM_OK;
		TRY(sql_begin(x, err));
		code = log_drop(x, log, err);
		if (code == WM_OK)
			code = sql_do(x, SQL_COMMIT, err);
		if (code != WM_OK) {
			sql_rollback(x);
			return code;
		}
		*rewritten = true;
	}
}

static enum wm_code sync_all(struct index *x, bool *rewritten, struct progress *progress,
			     struct wm_error *err)
{
	cleanup_origins char **origins = NULL;

	TRY(ledger_origins(&origins, x->ledger, err));
	TRY(drop_gone(x, origins, rewritten, err));
	for (char **o = origins; *o; o++)
		TRY(sync_origin(x, *o, rewritten, progress, err));
	return WM_OK;
}

static enum wm_code sync_once(struct index *x, const char *origin, bool *rewritten,
			      struct progress *progress, struct wm_error *err)
{
	return origin ? sync_origin(x, origin, rewritten, progress, err)
		      : sync_all(x, rewritten, progress, err);
}

enum wm_code index_sync(struct index *x, const char *origin, bool *rewritten,
			struct progress *progress, struct wm_error *err)
{
	bool was_rewritten = false;
	enum wm_code code;

	if (rewritten)
		*rewritten = false;
	if (x->malformed)
		TRY(index_make_anew(x, err));
	code = sync_once(x, origin, &was_rewritten, progress, err);
	if (code != WM_OK && x->malformed) {
		code = index_make_anew(x, err);
		if (code == WM_OK)
			code = sync_once(x, origin, &was_rewritten, progress, err);
	}
	/* What was dropped before a failure is gone, and would not be seen again. */
	if (rewritten)
		*rewritten = was_rewritten;
	return code;
}
