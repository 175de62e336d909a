/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, every SQL text, and how they are run. */
#include "index/sql.h"

#include <assert.h>
#include <string.h>

#include "index/index_internal.h"

#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)

/* Numbers of enums in index_internal.h, as SQL has them. */
#define IS_USES	       "kind=1"
#define IS_RUN	       "kind IN (2,3)"
#define IS_DATASET     "class=3"
#define IS_CONTENT     "role=6"
#define IS_REF_SHA256  "role=9"
#define IS_ABOUT_ORDERS "kind IN ('transfer','order','event','certificate','revocation')"
_Static_assert(DIGEST_SHA256 == 1 && DIGEST_WEIGHTS == 3 && DIGEST_TENSOR_SET == 4 &&
		       EDGE_USES == 1 && EDGE_RUN == 2 && EDGE_CHECKPOINT_OF == 3 &&
		       NAME_DATASET == 3 && DIGEST_CONTENT_ROOT == 6 &&
		       DIGEST_REFERENCE_SHA256 == 9 && DIGEST_WHOLE == 11,
	       "the SQL below has these numbers");

/*
 * entry.id and whatever else is called entry: log << 40 | position. word: each object id, as it
 * stands, and each name, folded, once. A correction is an entry with `previous`; the statements
 * about an object are those with its `object`. edge: what a statement refers to, as it says it; a
 * reader joins on object, weights or sha256 (those two through the table digest), and on the
 * statement only where nothing else is said.
 */
const char sql_schema[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL UNIQUE,"
	" size INTEGER NOT NULL, tip BLOB NOT NULL) STRICT;"
	"CREATE TABLE tile(log INTEGER NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL,"
	" hashes BLOB NOT NULL, PRIMARY KEY(log, level, n)) STRICT;"
	"CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE entry(id INTEGER PRIMARY KEY, object_id BLOB NOT NULL,"
	" commit_id BLOB NOT NULL, statement BLOB NOT NULL, keyid BLOB NOT NULL,"
	" leaf BLOB NOT NULL, kind TEXT, object INTEGER, issuer INTEGER, sequence INTEGER,"
	" previous BLOB, issued_at INTEGER, begins INTEGER, ends INTEGER, flags INTEGER) STRICT;"
	"CREATE INDEX entry_statement ON entry(statement);"
	"CREATE INDEX entry_object ON entry(object) WHERE object IS NOT NULL;"
	"CREATE INDEX entry_kind ON entry(kind) WHERE " IS_ABOUT_ORDERS ";"
	"CREATE TABLE digest(digest BLOB NOT NULL, role INTEGER NOT NULL, entry INTEGER NOT NULL,"
	" PRIMARY KEY(digest, role, entry)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE name(word INTEGER NOT NULL, class INTEGER NOT NULL, entry INTEGER NOT NULL,"
	" PRIMARY KEY(word, class, entry)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE edge(entry INTEGER NOT NULL, n INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" detail INTEGER, derivation INTEGER, object INTEGER, statement BLOB, weights BLOB,"
	" sha256 BLOB, from_step INTEGER, to_step INTEGER, subset BLOB,"
	" PRIMARY KEY(entry, n)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX edge_object ON edge(object, kind) WHERE object IS NOT NULL;"
	"CREATE INDEX edge_statement ON edge(statement)"
	" WHERE object IS NULL AND statement IS NOT NULL;"
	"CREATE VIRTUAL TABLE full USING"
	" fts5(text, content='', detail=none, columnsize=0, tokenize='ascii');"
	"INSERT INTO full(full, rank) VALUES('hashsize', 16777216);"
	"PRAGMA application_id=" TEXT(0x574d4958) ";";

#define NEWEST "ORDER BY 1 DESC LIMIT ?3"

static const char *const texts[N_SQL] = {
	[SQL_APPLICATION_ID] = "PRAGMA application_id",
	[SQL_USER_VERSION] = "PRAGMA user_version",
	[SQL_TABLES] = "SELECT count(*) FROM sqlite_schema",
	[SQL_DATA_VERSION] = "PRAGMA data_version",
	[SQL_META] = "SELECT value FROM meta WHERE key=?1",
	[SQL_META_ADD] = "INSERT INTO meta VALUES(?1,?2)",
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",

	[SQL_LOG] = "SELECT id,size,tip FROM log WHERE origin=?1",
	[SQL_LOGS] = "SELECT id,origin FROM log ORDER BY origin",
	[SQL_LOG_ADD] = "INSERT INTO log(origin,size,tip) VALUES(?1,0,x'')",
	[SQL_LOG_MOVE] = "UPDATE log SET size=?2,tip=?3 WHERE id=?1",
	[SQL_LOG_DROP] = "DELETE FROM log WHERE id=?1",
	[SQL_TILE] = "SELECT hashes FROM tile WHERE log=?1 AND level=?2 AND n=?3",
	[SQL_TILE_PUT] = "INSERT OR REPLACE INTO tile VALUES(?1,?2,?3,?4)",
	[SQL_TILE_DROP] = "DELETE FROM tile WHERE log=?1",

	[SQL_ENTRY] = "SELECT entry.id,object_id,commit_id,statement,keyid,leaf,origin"
		      " FROM entry JOIN log ON log.id=entry.id>>" TEXT(40) " WHERE entry.id=?1",
	[SQL_ENTRY_ADD] = "INSERT INTO entry"
			  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
	[SQL_ENTRY_DROP] = "DELETE FROM entry WHERE id BETWEEN ?1 AND ?2",
	[SQL_DIGEST_ADD] = "INSERT OR IGNORE INTO digest VALUES(?1,?2,?3)",
	[SQL_DIGEST_DROP] = "DELETE FROM digest WHERE entry BETWEEN ?1 AND ?2",
	[SQL_WORD] = "SELECT id FROM word WHERE text=?1",
	[SQL_WORD_ADD] = "INSERT INTO word(text) VALUES(?1)",
	[SQL_NAME_ADD] = "INSERT OR IGNORE INTO name VALUES(?1,?2,?3)",
	[SQL_NAME_DROP] = "DELETE FROM name WHERE entry BETWEEN ?1 AND ?2",
	[SQL_EDGE_ADD] = "INSERT INTO edge VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	[SQL_EDGE_DROP] = "DELETE FROM edge WHERE entry BETWEEN ?1 AND ?2",
	[SQL_TEXT_ADD] = "INSERT INTO full(rowid,text) VALUES(?1,?2)",

	[SQL_FIND_ENTRY] = "SELECT id FROM entry INDEXED BY entry_statement WHERE statement=?3"
			   " AND keyid=?4 AND id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1",
	[SQL_BY_STATEMENT] = "SELECT id FROM entry INDEXED BY entry_statement"
			     " WHERE statement BETWEEN ?4 AND ?5 AND id BETWEEN ?1 AND ?2 " NEWEST,
	[SQL_BY_DIGEST] = "SELECT entry FROM digest WHERE digest=?4 AND role=?5"
			  " AND entry BETWEEN ?1 AND ?2 " NEWEST,
	[SQL_BY_OBJECT] = "SELECT id FROM entry INDEXED BY entry_object"
			  " WHERE object=(SELECT id FROM word WHERE text=?4)"
			  " AND id BETWEEN ?1 AND ?2 " NEWEST,
	[SQL_BY_NAME] = "SELECT entry FROM name WHERE word=(SELECT id FROM word WHERE text=?4)"
			" AND class=?5 AND entry BETWEEN ?1 AND ?2 " NEWEST,
	[SQL_BY_PARTY] = "SELECT entry FROM name WHERE word=(SELECT id FROM word WHERE text=?4)"
			 " AND class=?5 AND entry BETWEEN ?1 AND ?2"
			 " UNION SELECT id FROM entry WHERE keyid BETWEEN ?6 AND ?7"
			 " AND id BETWEEN ?1 AND ?2 " NEWEST,
	[SQL_SUCCESSOR] = "SELECT id FROM entry INDEXED BY entry_object"
			  " WHERE object=(SELECT id FROM word WHERE text=?1) AND previous=?2"
			  " ORDER BY id LIMIT 1",
	[SQL_BY_TEXT] = "SELECT rowid FROM full WHERE full MATCH ?4 AND rowid BETWEEN ?1 AND ?2"
			" ORDER BY rowid DESC LIMIT ?3",
	/* ?4 an object id, ?5 a name, ?6 a root or NULL. */
	[SQL_BY_DATASET] =
		"WITH dataset(object) AS ("
		" SELECT id FROM word WHERE text=?4"
		" UNION SELECT object FROM name JOIN entry ON entry.id=name.entry"
		"  WHERE word=(SELECT id FROM word WHERE text=?5) AND " IS_DATASET
		" UNION SELECT object FROM digest JOIN entry ON entry.id=digest.entry"
		"  WHERE digest=?6 AND " IS_CONTENT "),"
		"said(entry,statement) AS ("
		" SELECT id,statement FROM dataset JOIN entry USING(object)"
		"  WHERE entry.kind='dataset'),"
		"run(entry) AS ("
		" SELECT entry FROM dataset JOIN edge USING(object) WHERE edge." IS_USES
		" UNION SELECT edge.entry FROM said JOIN edge USING(statement)"
		"  WHERE edge.object IS NULL AND edge." IS_USES
		" UNION SELECT edge.entry FROM digest JOIN edge USING(entry)"
		"  WHERE digest=?6 AND " IS_REF_SHA256 " AND edge." IS_USES " AND edge.sha256=?6),"
		"trained(object) AS (SELECT DISTINCT object FROM run JOIN entry ON id=run.entry),"
		"manifest(entry) AS ("
		" SELECT entry FROM trained JOIN edge USING(object) WHERE edge." IS_RUN
		" UNION SELECT edge.entry FROM run JOIN entry ON id=run.entry"
		"  JOIN edge USING(statement) WHERE edge.object IS NULL AND edge." IS_RUN ") "
		"SELECT entry FROM (SELECT entry FROM said UNION SELECT entry FROM run"
		" UNION SELECT entry FROM manifest) JOIN log ON log.id=entry>>" TEXT(40)
		" WHERE entry BETWEEN ?1 AND ?2 ORDER BY origin,entry DESC LIMIT ?3",
	[SQL_BY_KIND] = "SELECT id FROM entry INDEXED BY entry_kind WHERE kind=?4"
			" AND " IS_ABOUT_ORDERS " AND id BETWEEN ?1 AND ?2 " NEWEST,
	/* The inner order has the indexes merged, where a table of all would be made. */
	[SQL_GRAPH_OBJECTS] = "SELECT id,text FROM word WHERE id IN ("
			      "SELECT object FROM entry WHERE object IS NOT NULL"
			      " UNION SELECT object FROM edge WHERE object IS NOT NULL"
			      " UNION SELECT DISTINCT issuer FROM entry ORDER BY 1) ORDER BY id",
	[SQL_GRAPH_ENTRIES] =
		"SELECT id,statement,keyid,kind,object,issuer,sequence,issued_at,begins,"
		"ends,flags FROM entry WHERE object IS NOT NULL AND id BETWEEN ?1"
		" AND ?2 ORDER BY id",
	[SQL_GRAPH_EDGES] = "SELECT entry,kind,detail,derivation,object,statement,weights,sha256,"
			    "from_step,to_step,subset FROM edge WHERE entry BETWEEN ?1 AND ?2"
			    " ORDER BY entry,n",
	[SQL_GRAPH_DIGESTS] = "SELECT digest,role,entry FROM digest WHERE role IN (1,3,4,6,11)"
			      " AND entry BETWEEN ?1 AND ?2",
	[SQL_RECENT] = "SELECT id FROM entry WHERE id BETWEEN ?1 AND ?2 " NEWEST,
};

enum wm_code fail_malformed(struct wm_error *err, struct index *x, const char *what)
{
	x->malformed = true;
	return fail(err, REASON_INDEX_FAILED, "%s: %s", x->path ? x->path : "index in memory",
		    what);
}

enum wm_code fail_sqlite(struct wm_error *err, struct index *x, int status)
{
	const char *path = x->path ? x->path : "index in memory";
	const char *said = x->db ? sqlite3_errmsg(x->db) : sqlite3_errstr(status);

	switch (status & 0xff) {
	case SQLITE_NOMEM:
		return fail_nomem(err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail(err, REASON_BUSY, "%s: %s", path, said);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a table that is not there, or is another one */
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return fail_malformed(err, x, said);
	default:
		return fail(err, REASON_INDEX_FAILED, "%s: %s", path, said);
	}
}

enum wm_code sql_start(struct sql *q, struct index *x, enum sql_name name, struct wm_error *err)
{
	sqlite3_stmt **s = &x->prepared[name];
	int status;

	if (!*s) {
		status = sqlite3_prepare_v3(x->db, texts[name], -1, SQLITE_PREPARE_PERSISTENT, s,
					    NULL);
		if (status != SQLITE_OK)
			return fail_sqlite(err, x, status);
	}
	assert(!sqlite3_stmt_busy(*s));
	*q = (struct sql){ .x = x, .stmt = *s, .status = SQLITE_OK };
	return WM_OK;
}

void sql_end(struct sql *q)
{
	if (!q->stmt)
		return;
	(void)sqlite3_reset(q->stmt);
	(void)sqlite3_clear_bindings(q->stmt);
	q->stmt = NULL;
}

static void bound(struct sql *q, int status)
{
	if (q->status == SQLITE_OK)
		q->status = status;
}

void sql_int(struct sql *q, int64_t value)
{
	bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void sql_null(struct sql *q)
{
	bound(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

void sql_data(struct sql *q, const void *data, size_t len)
{
	bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound, data, len, SQLITE_STATIC));
}

void sql_text_of(struct sql *q, const void *text, size_t len)
{
	bound(q, sqlite3_bind_text64(q->stmt, ++q->bound, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void sql_text(struct sql *q, const char *text)
{
	sql_text_of(q, text, text ? strlen(text) : 0);
}

enum wm_code sql_step(bool *row, struct sql *q, struct wm_error *err)
{
	int status = q->status;

	if (status == SQLITE_OK)
		status = sqlite3_step(q->stmt);
	if (status != SQLITE_ROW && status != SQLITE_DONE)
		return fail_sqlite(err, q->x, status);
	*row = status == SQLITE_ROW;
	return WM_OK;
}

enum wm_code sql_run(struct sql *q, struct wm_error *err)
{
	bool row;

	return sql_step(&row, q, err);
}

enum wm_code sql_do(struct index *x, enum sql_name name, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;

	TRY(sql_start(&q, x, name, err));
	return sql_run(&q, err);
}

/* A number that changes with what other connections commit. */
static enum wm_code data_version(int64_t *out, struct index *x, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row = false;

	TRY(sql_start(&q, x, SQL_DATA_VERSION, err));
	TRY(sql_step(&row, &q, err));
	*out = row ? sqlite3_column_int64(q.stmt, 0) : 0;
	return WM_OK;
}

enum wm_code sql_begin(struct index *x, struct wm_error *err)
{
	int64_t before, now;

	TRY(data_version(&before, x, err));
	for (;; before = now) {
		struct wm_error said = { 0 };

		if (sql_do(x, SQL_BEGIN, &said) == WM_OK)
			return WM_OK;
		if (error_reason(&said) != REASON_BUSY)
			return fail_again(err, &said);
		TRY(data_version(&now, x, err));
		if (now == before)
			return fail_again(err, &said);
	}
}

void sql_rollback(struct index *x)
{
	if (!sqlite3_get_autocommit(x->db))
		(void)sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
}

enum wm_code sql_bytes(void *out, size_t len, struct sql *q, int i, struct wm_error *err)
{
	const void *data = sqlite3_column_blob(q->stmt, i);

	if (!data || (size_t)sqlite3_column_bytes(q->stmt, i) != len)
		return fail_malformed(err, q->x, "a column has another length");
	memcpy(out, data, len);
	return WM_OK;
}

void sql_release(struct index *x)
{
	for (size_t i = 0; i < N_SQL; i++) {
		(void)sqlite3_finalize(x->prepared[i]);
		x->prepared[i] = NULL;
	}
}
