/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the database of a ledger, and making it anew. */
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "index/index_internal.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/lock.h"

enum { BUSY_MILLISECONDS = 5000, NAME_DIGITS = 32 };

/* What SQLite keeps beside a database of ours. */
static const char *const beside[] = { "", "-wal", "-shm", "-journal" };

/* --- one connection ------------------------------------------------------------------- */

static void disconnect(struct index *x)
{
	sql_release(x);
	(void)sqlite3_close(x->db);
	x->db = NULL;
	x->malformed = false;
}

static enum wm_code execute(struct index *x, const char *text, struct wm_error *err)
{
	int status = sqlite3_exec(x->db, text, NULL, NULL, NULL);

	return status == SQLITE_OK ? WM_OK : fail_sqlite(err, x, status);
}

static enum wm_code connect(struct index *x, struct wm_error *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			  SQLITE_OPEN_EXRESCODE;
	int status = sqlite3_open_v2(x->path ? x->path : ":memory:", &x->db, flags, NULL);

	if (status != SQLITE_OK)
		return fail_sqlite(err, x, status);
	(void)sqlite3_busy_timeout(x->db, BUSY_MILLISECONDS);
	status = sqlite3_db_config(x->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (status == SQLITE_OK)
		status = sqlite3_db_config(x->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (status != SQLITE_OK)
		return fail_sqlite(err, x, status);
	return execute(x,
		       "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
		       "PRAGMA cache_size=-49152; PRAGMA journal_size_limit=16777216;"
		       "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
		       err);
}

/* --- what is in it -------------------------------------------------------------------- */

static enum wm_code get_number(int64_t *out, struct index *x, enum sql_name name,
			       struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	bool row;

	TRY(sql_start(&q, x, name, err));
	TRY(sql_step(&row, &q, err));
	*out = row ? sqlite3_column_int64(q.stmt, 0) : 0;
	return WM_OK;
}

/* What the database is an index of. */
static const char *repository_of(const struct index *x)
{
	return x->ledger ? ledger_directory(x->ledger) : CARRIED_ORIGIN;
}

/* Whether the database says that it is of this repository. */
static enum wm_code is_of(bool *same, struct index *x, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	const char *directory = repository_of(x);
	const void *text;
	bool row;

	TRY(sql_start(&q, x, SQL_META, err));
	sql_text(&q, "repository");
	TRY(sql_step(&row, &q, err));
	text = row ? sqlite3_column_text(q.stmt, 0) : NULL;
	*same = text && strcmp(text, directory) == 0;
	return WM_OK;
}

static enum wm_code fill(struct index *x, struct wm_error *err)
{
	cleanup_sql struct sql q = SQL_INIT;
	char version[64];

	TRY(execute(x, sql_schema, err));
	snprintf(version, sizeof(version), "PRAGMA user_version=%d", INDEX_VERSION);
	TRY(execute(x, version, err));
	TRY(sql_start(&q, x, SQL_META_ADD, err));
	sql_text(&q, "repository");
	sql_text(&q, repository_of(x));
	return sql_run(&q, err);
}

static enum wm_code create(struct index *x, struct wm_error *err)
{
	enum wm_code code;

	TRY(sql_begin(x, err));
	code = fill(x, err);
	if (code != WM_OK) {
		sql_rollback(x);
		return code;
	}
	return sql_do(x, SQL_COMMIT, err);
}

/* Creates what an empty database lacks; fails as malformed where it is another one than ours. */
static enum wm_code check(struct index *x, struct wm_error *err)
{
	int64_t application, version, tables;
	bool same;

	TRY(get_number(&application, x, SQL_APPLICATION_ID, err));
	TRY(get_number(&version, x, SQL_USER_VERSION, err));
	TRY(get_number(&tables, x, SQL_TABLES, err));
	if (application == 0 && version == 0 && tables == 0)
		return create(x, err);
	if (application != INDEX_APPLICATION || version != INDEX_VERSION)
		return fail_malformed(err, x, "of another schema");
	TRY(is_of(&same, x, err));
	return same ? WM_OK : fail_malformed(err, x, "of another repository");
}

/* --- where it is ---------------------------------------------------------------------- */

/* Whoever else could write to the folder could make SQLite read whatever he likes. */
static bool folder_is_ours(const char *directory)
{
	struct stat st;

	return file_mkdirs(directory, 0700, NULL) == WM_OK && stat(directory, &st) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* SQLite would make the file readable to others. False where there can be none. */
static bool file_is_ours(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	cleanup_fd int fd = open(path, flags, 0600);
	struct stat st;

	if (fd >= 0)
		return true;
	return errno == EEXIST && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() &&
	       ((st.st_mode & 07777) == 0600 || chmod(path, 0600) == 0);
}

static void remove_files(const char *path)
{
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		cleanup_free char *name = NULL;

		if (asprintf(&name, "%s%s", path, beside[i]) < 0)
			name = NULL;
		else
			(void)unlink(name);
	}
}

static enum wm_code name_file(char **path, const struct index *x, struct wm_error *err)
{
	const char *repository = repository_of(x);
	char hex[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_of(digest, repository, strlen(repository), err));
	hex_encode(hex, digest, sizeof(digest));
	if (asprintf(path, "%s/%.*s-%d.sqlite", x->directory, NAME_DIGITS, hex,
		     INDEX_VERSION) < 0) {
		*path = NULL;
		return fail_nomem(err);
	}
	return WM_OK;
}

/* One try; `*again` where what stood there was not ours and has been removed. */
static enum wm_code open_file(bool *again, struct index *x, struct wm_error *err)
{
	enum wm_code code;
	bool ours = file_is_ours(x->path);

	if (!ours)
		code = fail(err, REASON_INDEX_FAILED, "%s: not a file of ours", x->path);
	else
		code = connect(x, err);
	if (code == WM_OK && sqlite3_db_readonly(x->db, "main") != 0)
		code = fail(err, REASON_INDEX_FAILED, "%s: cannot be written to", x->path);
	if (code == WM_OK)
		code = check(x, err);
	*again = code != WM_OK && (x->malformed || !ours);
	if (code == WM_OK)
		return WM_OK;
	disconnect(x);
	if (*again)
		remove_files(x->path);
	return code;
}

/*
 * Leaves x->db NULL where no file can be had. Those who open and remove files take turns: a
 * journal made for a database must not come to stand beside another one of its name.
 */
static enum wm_code open_folder(struct index *x, struct wm_error *err)
{
	struct wm_error said = { 0 };
	enum wm_code code = WM_OK;
	cleanup_fd int lock = -1;
	bool again = true;

	if (!x->directory || !folder_is_ours(x->directory))
		return WM_OK;
	TRY(name_file(&x->path, x, err));
	TRY(lock_take(&lock, x->directory, err));
	for (int i = 0; i < 2 && again; i++)
		code = open_file(&again, x, &said);
	if (code == WM_OK)
		return WM_OK;
	disconnect(x);
	free(take_ptr(&x->path));
	if (code == WM_NOMEM || error_reason(&said) == REASON_BUSY)
		return fail_again(err, &said);
	return WM_OK;
}

static enum wm_code open_any(struct index *x, struct wm_error *err)
{
	TRY(open_folder(x, err));
	if (x->db)
		return WM_OK;
	TRY(connect(x, err));
	return check(x, err);
}

static void remove_locked(const struct index *x)
{
	cleanup_fd int lock = -1;

	if (x->path && lock_take(&lock, x->directory, NULL) == WM_OK)
		remove_files(x->path);
}

enum wm_code index_make_anew(struct index *x, struct wm_error *err)
{
	disconnect(x);
	remove_locked(x);
	/* Logs are numbered anew: tiles that were handed out must not be read from another one. */
	for (struct tile_source *s = x->sources; s; s = s->next)
		s->log = 0;
	free(take_ptr(&x->path));
	return open_any(x, err);
}

enum wm_code index_open(struct index **out, struct ledger *l, const char *directory,
			struct wm_error *err)
{
	cleanup_index struct index *x = calloc(1, sizeof(*x));

	if (!x)
		return fail_nomem(err);
	x->ledger = l;
	x->batch = BATCH_ENTRIES;
	if (directory) {
		x->directory = strdup(directory);
		if (!x->directory)
			return fail_nomem(err);
	}
	TRY(open_any(x, err));
	*out = take_ptr(&x);
	return WM_OK;
}

static enum wm_code add_carried(struct index *x, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_MAX);
	struct log_state state = { 0 };

	TRY(log_state_add(&state, x, CARRIED_ORIGIN, err));
	for (size_t i = 0; i < x->n_carried; i++) {
		const struct ledger_entry e = { .position = i, .envelope = x->carried[i] };

		TRY(extract_entry(x, entry_first(state.id) + (int64_t)i, &e, &text, err));
	}
	return WM_OK;
}

enum wm_code index_carried(struct index **out, const struct envelope *list, size_t n,
			   struct wm_error *err)
{
	cleanup_index struct index *x = calloc(1, sizeof(*x));

	if (!x)
		return fail_nomem(err);
	x->carried = list;
	x->n_carried = n;
	TRY(open_any(x, err));
	TRY(sql_begin(x, err));
	TRY(add_carried(x, err));
	TRY(sql_do(x, SQL_COMMIT, err));
	*out = take_ptr(&x);
	return WM_OK;
}

void index_close(struct index *x)
{
	bool malformed;

	if (!x)
		return;
	malformed = x->malformed;
	while (x->sources) {
		struct tile_source *next = x->sources->next;

		free(x->sources);
		x->sources = next;
	}
	disconnect(x);
	if (malformed)
		remove_locked(x);
	free(x->path);
	free(x->directory);
	free(x);
}
