/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing copies of a log, and copying what one of them adds. */
#include "ledger/compare.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/commit.h"
#include "log/evidence.h"
#include "util/limits.h"

/* Objects wait in memory until a pack is written. */
enum { PACK_BYTES = 64 << 20, PACK_OBJECTS = 65536 };

void object_list_release(struct object_list *o)
{
	free(o->list);
	*o = (struct object_list){ .n = 0 };
}

/* Room for one more of `size` bytes. */
static enum wm_code grow(void **list, size_t n, size_t *room, size_t size, struct wm_error *err)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (n < *room)
		return WM_OK;
	grown = reallocarray(*list, more, size);
	if (!grown)
		return fail_nomem(err);
	*list = grown;
	*room = more;
	return WM_OK;
}

static enum wm_code add_object(struct object_list *o, const struct object_id *id,
			       enum object_type type, struct wm_error *err)
{
	void *list = o->list;

	TRY(grow(&list, o->n, &o->room, sizeof(*o->list), err));
	o->list = list;
	o->list[o->n++] = (struct listed_object){ *id, type };
	return WM_OK;
}

/* --- what was added ---------------------------------------------------------------------- */

struct listing {
	struct object_list *out;
	const struct repository *repository;
	const char *origin;
};

static enum wm_code list_entry(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	struct listing *x = context;

	return add_object(x->out, &e->blob, OBJECT_BLOB, err);
}

static enum wm_code list_commit(void *context, const struct ledger_commit *visited,
				struct wm_error *err)
{
	cleanup_buf struct buf data = BUF_INIT(LIMIT_NOTE);
	cleanup_commit_files struct commit_files f = { .entries = NULL };
	struct listing *x = context;
	struct commit c;

	TRY(object_read(&data, x->repository, &visited->id, OBJECT_COMMIT, err));
	TRY(commit_parse(&c, data.data, data.len, x->origin, NULL, err));
	TRY(commit_files_read(&f, x->repository, &c.tree, err));
	TRY(add_object(x->out, &f.checkpoint, OBJECT_BLOB, err));
	TRY(add_object(x->out, &f.edge, OBJECT_BLOB, err));
	if (!c.has_parent)
		TRY(add_object(x->out, &f.key, OBJECT_BLOB, err));
	TRY(add_object(x->out, &c.tree, OBJECT_TREE, err));
	return add_object(x->out, &visited->id, OBJECT_COMMIT, err);
}

enum wm_code compare_added(struct object_list *out, const struct ledger *l, const char *origin,
			   const struct ledger_head *head, const struct object_id *from,
			   struct progress *progress, struct wm_error *err)
{
	struct listing x = { out, ledger_repository(l), origin };
	const struct ledger_visitor v = { list_entry, list_commit, &x, head->key, progress };

	return ledger_walk(l, origin, head, from, &v, err);
}

enum wm_code copy_objects(struct repository *to, const struct repository *from,
			  const struct object_list *objects, struct wm_error *err)
{
	cleanup_buf struct buf data = BUF_INIT(LIMIT_ENTRY);
	struct object_id id;

	for (size_t i = 0; i < objects->n;) {
		cleanup_pack struct pack *pack = NULL;
		size_t bytes = 0, n = 0;

		TRY(pack_new(&pack, to, err));
		for (; i < objects->n && bytes < PACK_BYTES && n < PACK_OBJECTS; i++, n++) {
			const struct listed_object *o = &objects->list[i];

			buf_truncate(&data, 0);
			TRY(object_read(&data, from, &o->id, o->type, err));
			TRY(pack_add(&id, pack, o->type, data.data, data.len, err));
			bytes += data.len;
		}
		TRY(pack_finish(pack, err));
	}
	return WM_OK;
}

/* --- forks ------------------------------------------------------------------------------- */

/* All hashes of a log's tree, in tiles. */
struct forest {
	struct tile_edge edge;
	struct {
		void *hashes; /* owned; of full tiles, in their order */
		size_t n, room;
	} levels[TILE_LEVELS];
};

static void forest_free(struct forest *f)
{
	for (unsigned i = 0; f && i < TILE_LEVELS; i++)
		free(f->levels[i].hashes);
	free(f);
}
DEFINE_CLEANUP(forest, struct forest, forest_free)

static enum wm_code keep_tile(void *context, unsigned level, uint64_t n, const tile_hashes hashes,
			      struct wm_error *err)
{
	struct forest *f = context;
	tile_hashes *tiles;

	(void)n; /* they come in order */
	TRY(grow(&f->levels[level].hashes, f->levels[level].n, &f->levels[level].room,
		 sizeof(tile_hashes), err));
	tiles = f->levels[level].hashes;
	memcpy(tiles[f->levels[level].n++], hashes, sizeof(tile_hashes));
	return WM_OK;
}

static enum wm_code read_tile(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level,
			      uint64_t n, unsigned width, struct wm_error *err)
{
	struct forest *f = context;
	tile_hashes *tiles = f->levels[level].hashes;

	if (n < f->levels[level].n)
		memcpy(hashes, tiles[n], (size_t)width * SHA256_BYTES);
	else if (n == f->levels[level].n)
		memcpy(hashes, f->edge.levels[level], (size_t)width * SHA256_BYTES);
	else
		return fail(err, REASON_INTERNAL, "a tile that is not there");
	return WM_OK;
}

static enum wm_code add_leaf(void *context, const struct ledger_entry *e, struct wm_error *err)
{
	struct forest *f = context;

	return tile_edge_append(&f->edge, e->leaf, keep_tile, f, err);
}

static enum wm_code agree(const char *origin, struct wm_error *err)
{
	return fail(err, REASON_LEDGER_REWRITTEN,
		    "%s: both copies say the same, in commits that were made anew", origin);
}

enum wm_code compare_forked(struct buf *evidence, const struct ledger *l, const char *origin,
			    const struct ledger_head *larger, const struct ledger_head *smaller,
			    struct progress *progress, struct wm_error *err)
{
	__attribute__((cleanup(forest_cleanup_))) struct forest *f = calloc(1, sizeof(*f));
	cleanup_tiles struct tiles *tiles = NULL;
	const struct ledger_visitor v = { add_leaf, NULL, f, larger->key, progress };
	const struct tree_head *a = &smaller->note.head, *b = &larger->note.head;
	uint8_t root[SHA256_BYTES];

	if (!f)
		return fail_nomem(err);
	if (a->size < b->size)
		TRY(ledger_walk(l, origin, larger, NULL, &v, err));
	TRY(tiles_new(&tiles, read_tile, f, err));
	if (a->size < b->size)
		TRY(tiles_root(root, tiles, a->size, err));
	else
		memcpy(root, b->root, sizeof(root));
	if (memcmp(root, a->root, sizeof(root)) == 0)
		return agree(origin, err);
	TRY(evidence_encode(evidence, larger->key, &smaller->note, &larger->note, tiles, err));
	return fail(err, REASON_LOG_FORK,
		    "%s: its key signed two histories, of %llu and %llu entries", origin,
		    (unsigned long long)a->size, (unsigned long long)b->size);
}
