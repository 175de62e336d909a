/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this floor share: the handle, and how entries are numbered and classed.
 *
 * The number of an entry is that of its log and its position, so that the entries of a log are one
 * range, in order. A log whose history was rewritten gets a new number: what is left under the
 * old one is outside every range that is asked for.
 */
#ifndef INDEX_INDEX_INTERNAL_H
#define INDEX_INDEX_INTERNAL_H

#include "index/index.h"
#include "index/lineage.h"
#include "index/sql.h"
#include "statement/statement.h"

/* Changes with the schema, and with what is indexed of a statement. */
enum { INDEX_VERSION = 3, INDEX_APPLICATION = 0x574d4958 /* "WMIX" */ };

enum name_class { NAME_PARTY = 1, NAME_THING, NAME_DATASET };

/* What tiles that were handed out are read from. */
struct tile_source {
	struct tile_source *next;
	struct index *x;
	int64_t log; /* 0: its index was made anew since */
};

struct index {
	struct ledger *ledger; /* NULL: of `carried` */
	const struct envelope *carried; /* borrowed; entry i is carried[i] */
	size_t n_carried;
	char *path;	/* of the database; NULL: in memory */
	char *directory;
	sqlite3 *db;
	sqlite3_stmt *prepared[N_SQL];
	bool malformed; /* SQLite or we found it so: to be made anew before the next use */
	struct tile_source *sources;
	uint64_t batch; /* entries after which a transaction ends with its commit of the ledger */
};

/* Unless a test asks for fewer: what a writer that is killed loses. */
enum { BATCH_ENTRIES = 10000 };

/* How much text of one statement is indexed. */
enum { TEXT_MAX = 4 * LIMIT_STATEMENT };

enum { POSITION_BITS = 40 };

/* The rows of a log's entries. The database may hold any number: they wrap, and find nothing. */
static inline int64_t entry_first(int64_t log)
{
	return (int64_t)((uint64_t)log << POSITION_BITS);
}

static inline int64_t entry_last(int64_t log)
{
	return (int64_t)((((uint64_t)log + 1) << POSITION_BITS) - 1);
}

/* Throws the database away and makes it anew. */
MUST_USE enum wm_code index_make_anew(struct index *x, struct wm_error *err);

/* --- logs: tree.c ------------------------------------------------------------------------- */

struct log_state {
	int64_t id; /* 0: the log is not in the index */
	uint64_t size;
	struct object_id tip; /* the newest commit that is indexed */
};

MUST_USE enum wm_code log_state_get(struct log_state *out, struct index *x, const char *origin,
				    struct wm_error *err);

/* Adds the log, without entries or commit, and stores its number. */
MUST_USE enum wm_code log_state_add(struct log_state *out, struct index *x, const char *origin,
				    struct wm_error *err);

/* Stores size and commit of state->id, and the partial tiles of `edge`. */
MUST_USE enum wm_code log_state_put(struct index *x, const struct log_state *state,
				    const struct tile_edge *edge, struct wm_error *err);

/* Reads the partial tiles of a log back. */
MUST_USE enum wm_code log_edge_get(struct tile_edge *out, struct index *x,
				   const struct log_state *state, struct wm_error *err);

/* Forgets a log and its entries. */
MUST_USE enum wm_code log_drop(struct index *x, int64_t log, struct wm_error *err);

/* A tile_full_fn of the struct tile_source `context`. */
enum wm_code tile_put(void *context, unsigned level, uint64_t n, const tile_hashes hashes,
		      struct wm_error *err);

/* --- statements: extract.c ---------------------------------------------------------------- */

/* Adds entry `id` with all that its payload says; `text` is scratch. */
MUST_USE enum wm_code extract_entry(struct index *x, int64_t id, const struct ledger_entry *e,
				    struct buf *text, struct wm_error *err);

/* Appends a name as it is looked for: ASCII capitals made small. */
MUST_USE enum wm_code fold_name(struct buf *out, const char *text, struct wm_error *err);

/*
 * Appends UTF-8 text for the table of words: case folded beyond ASCII too (text/fold.h), words
 * parted by ASCII that is no letter or digit.
 */
MUST_USE enum wm_code fold_words(struct buf *out, const char *text, struct wm_error *err);

#endif
