/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in the index: how far each is indexed, and the tiles of its tree. */
#include "index/index_internal.h"

#include <stdlib.h>
#include <string.h>

enum wm_code log_state_get(struct log_state *out, struct index *x, const char *origin,
			   struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	struct log_state state = { 0 };
	bool row;

	TRY(sql_start(&q, x, SQL_LOG, err));
	sql_text(&q, origin);
	TRY(sql_step(&row, &q, err));
	if (row) {
		state.id = sqlite3_column_int64(q.stmt, 0);
		state.size = (uint64_t)sqlite3_column_int64(q.stmt, 1);
		TRY(sql_bytes(&state.tip, sizeof(state.tip), &q, 2, err));
		if (state.id <= 0 || state.size >> POSITION_BITS)
			return fail_malformed(err, x, "a log has an impossible number or size");
	}
	*out = state;
	return WM_OK;
}

enum wm_code log_state_add(struct log_state *out, struct index *x, const char *origin,
			   struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, x, SQL_LOG_ADD, err));
	sql_text(&q, origin);
	TRY(sql_run(&q, err));
	*out = (struct log_state){ .id = sqlite3_last_insert_rowid(x->db) };
	if (out->id > INT64_MAX >> (POSITION_BITS + 1))
		return fail_malformed(err, x, "all numbers of logs are in use");
	return WM_OK;
}

/* --- tiles ---------------------------------------------------------------------------- */

static enum wm_code put(struct index *x, int64_t log, unsigned level, uint64_t n,
			const uint8_t (*hashes)[SHA256_BYTES], size_t width, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, x, SQL_TILE_PUT, err));
	sql_int(&q, log);
	sql_int(&q, level);
	sql_int(&q, (int64_t)n);
	sql_data(&q, hashes, width * SHA256_BYTES);
	return sql_run(&q, err);
}

enum wm_code tile_put(void *context, unsigned level, uint64_t n, const tile_hashes hashes,
		      struct wm_error *err)
{
	const struct tile_source *s = context;

	return put(s->x, s->log, level, n, hashes, TILE_WIDTH, err);
}

/* Reads the first `width` hashes of a tile, if there are so many. */
static enum wm_code get(bool *there, struct index *x, int64_t log,
			uint8_t (*hashes)[SHA256_BYTES], unsigned level, uint64_t n, size_t width,
			struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	const void *data;
	bool row;

	TRY(sql_start(&q, x, SQL_TILE, err));
	sql_int(&q, log);
	sql_int(&q, level);
	sql_int(&q, (int64_t)n);
	TRY(sql_step(&row, &q, err));
	data = row ? sqlite3_column_blob(q.stmt, 0) : NULL;
	*there = data && (size_t)sqlite3_column_bytes(q.stmt, 0) >= width * SHA256_BYTES;
	if (*there)
		memcpy(hashes, data, width * SHA256_BYTES);
	return WM_OK;
}

/* The number of the tile of `level` that a tree of `size` entries ends with. */
static uint64_t last_tile(unsigned level, uint64_t size)
{
	return level + 1 < TILE_LEVELS ? size >> (8 * (level + 1)) : 0;
}

enum wm_code log_state_put(struct index *x, const struct log_state *state,
			   const struct tile_edge *edge, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t n = last_tile(level, edge->size);
		unsigned width = tile_width(level, n, edge->size);

		if (width > 0)
			TRY(put(x, state->id, level, n,
				(const uint8_t(*)[SHA256_BYTES])edge->levels[level], width, err));
	}
	TRY(sql_start(&q, x, SQL_LOG_MOVE, err));
	sql_int(&q, state->id);
	sql_int(&q, (int64_t)state->size);
	sql_data(&q, &state->tip, sizeof(state->tip));
	return sql_run(&q, err);
}

enum wm_code log_edge_get(struct tile_edge *out, struct index *x, const struct log_state *state,
			  struct wm_error *err)
{
	memset(out, 0, sizeof(*out));
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t n = last_tile(level, state->size);
		unsigned width = tile_width(level, n, state->size);

		bool there = true;

		if (width > 0)
			TRY(get(&there, x, state->id, out->levels[level], level, n, width, err));
		if (!there)
			return fail_malformed(err, x, "a tile is not there");
	}
	out->size = state->size;
	return WM_OK;
}

/* --- dropping ------------------------------------------------------------------------- */

static enum wm_code drop_range(struct index *x, enum sql_name name, int64_t log,
			       struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, x, name, err));
	sql_int(&q, entry_first(log));
	sql_int(&q, entry_last(log));
	return sql_run(&q, err);
}

static enum wm_code drop_of(struct index *x, enum sql_name name, int64_t log,
			    struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, x, name, err));
	sql_int(&q, log);
	return sql_run(&q, err);
}

/* The words stay in the table `full`, which keeps no texts to remove them by; nothing asks. */
enum wm_code log_drop(struct index *x, int64_t log, struct wm_error *err)
{
	static const enum sql_name ranges[] = { SQL_ENTRY_DROP, SQL_DIGEST_DROP, SQL_NAME_DROP,
						SQL_EDGE_DROP };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		TRY(drop_range(x, ranges[i], log, err));
	TRY(drop_of(x, SQL_TILE_DROP, log, err));
	return drop_of(x, SQL_LOG_DROP, log, err);
}

/* --- what others see ------------------------------------------------------------------ */

enum wm_code index_size(uint64_t *size, bool *found, struct index *x, const char *origin,
			struct wm_error *err)
{
	struct log_state state = { 0 };

	TRY(log_state_get(&state, x, origin, err));
	*found = state.id != 0;
	*size = state.size;
	return WM_OK;
}

static enum wm_code read_tile(void *context, uint8_t (*hashes)[SHA256_BYTES], unsigned level,
			      uint64_t n, unsigned width, struct wm_error *err)
{
	const struct tile_source *s = context;
	bool there = false;

	TRY(get(&there, s->x, s->log, hashes, level, n, width, err));
	return there ? WM_OK
		     : fail(err, REASON_INDEX_STALE, "a tile of level %u is not there", level);
}

enum wm_code index_tiles(struct tiles **out, struct index *x, const char *origin,
			 struct wm_error *err)
{
	struct log_state state = { 0 };
	struct tile_source *s;

	TRY(log_state_get(&state, x, origin, err));
	if (!state.id)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: the index has no such log", origin);
	for (s = x->sources; s && s->log != state.id; s = s->next)
		;
	if (!s) {
		s = malloc(sizeof(*s));
		if (!s)
			return fail_nomem(err);
		*s = (struct tile_source){ x->sources, x, state.id };
		x->sources = s;
	}
	return tiles_new(out, read_tile, s, err);
}
