/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that talks to SQLite: every SQL text by name, prepared once, its values bound and
 * never spliced.
 *
 *	cleanup_sql struct sql q = SQL_INIT;
 *	TRY(sql_start(&q, x, SQL_LOG, err));
 *	sql_text(&q, origin);
 *	TRY(sql_step(&row, &q, err));
 *
 * Values are bound in order, and must live until the call ends. A failure of SQLite becomes
 * `busy`, `no-memory` or `index-failed`; where SQLite finds the database malformed, x->malformed is
 * set besides.
 */
#ifndef INDEX_SQL_H
#define INDEX_SQL_H

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct index;

enum sql_name {
	SQL_APPLICATION_ID,
	SQL_USER_VERSION,
	SQL_TABLES,
	SQL_DATA_VERSION,
	SQL_META,
	SQL_META_ADD,
	SQL_BEGIN,
	SQL_COMMIT,

	SQL_LOG,
	SQL_LOGS,
	SQL_LOG_ADD,
	SQL_LOG_MOVE,
	SQL_LOG_DROP,
	SQL_TILE,
	SQL_TILE_PUT,
	SQL_TILE_DROP,

	SQL_ENTRY,
	SQL_ENTRY_ADD,
	SQL_ENTRY_DROP,
	SQL_DIGEST_ADD,
	SQL_DIGEST_DROP,
	SQL_WORD,
	SQL_WORD_ADD,
	SQL_NAME_ADD,
	SQL_NAME_DROP,
	SQL_EDGE_ADD,
	SQL_EDGE_DROP,
	SQL_TEXT_ADD,

	SQL_FIND_ENTRY,
	/* From here on: entries between two, logs by origin, newest first, at most so many. */
	SQL_BY_STATEMENT,
	SQL_BY_DIGEST,
	SQL_BY_OBJECT,
	SQL_BY_NAME,
	SQL_BY_PARTY,
	SQL_SUCCESSOR,
	SQL_BY_TEXT,
	SQL_BY_DATASET,
	SQL_BY_KIND,
	SQL_RECENT,

	SQL_GRAPH_OBJECTS,
	/* Entries between two. */
	SQL_GRAPH_ENTRIES,
	SQL_GRAPH_EDGES,
	SQL_GRAPH_DIGESTS,
	N_SQL
};

/* What makes an empty database ours. */
extern const char sql_schema[];

/* One use of an SQL text. */
struct sql {
	struct index *x;
	sqlite3_stmt *stmt; /* borrowed from `x` */
	int bound;	    /* values so far */
	int status;	    /* of binding them */
};
#define SQL_INIT { NULL, NULL, 0, SQLITE_OK }

MUST_USE enum wm_code sql_start(struct sql *q, struct index *x, enum sql_name name,
				struct wm_error *err);
void sql_end(struct sql *q);
#define cleanup_sql __attribute__((cleanup(sql_end)))

/* The next value. NULL is NULL. */
void sql_int(struct sql *q, int64_t value);
void sql_null(struct sql *q);
void sql_data(struct sql *q, const void *data, size_t len);
void sql_text(struct sql *q, const char *text);
void sql_text_of(struct sql *q, const void *text, size_t len);

/* Goes to the next row; `*row` false where there is none. */
MUST_USE enum wm_code sql_step(bool *row, struct sql *q, struct wm_error *err);

/* The same for what gives no rows; and all of it for what takes no values. */
MUST_USE enum wm_code sql_run(struct sql *q, struct wm_error *err);
MUST_USE enum wm_code sql_do(struct index *x, enum sql_name name, struct wm_error *err);

/*
 * Begins to write. Waits for another writer as long as that one gets on; fails with `busy` where it
 * does not. Ended by SQL_COMMIT, or by sql_rollback(), which keeps what went wrong.
 */
MUST_USE enum wm_code sql_begin(struct index *x, struct wm_error *err);
void sql_rollback(struct index *x);

/* Copies column `i`, which must be of exactly `len` bytes. */
MUST_USE enum wm_code sql_bytes(void *out, size_t len, struct sql *q, int i,
				struct wm_error *err);

/* Frees every prepared text of `x`. */
void sql_release(struct index *x);

/* Fails for the result `status` of SQLite. */
enum wm_code fail_sqlite(struct wm_error *err, struct index *x, int status)
	__attribute__((cold));

/* Fails because what the database holds cannot be: it is to be made anew. */
enum wm_code fail_malformed(struct wm_error *err, struct index *x, const char *what)
	__attribute__((cold));

#endif
