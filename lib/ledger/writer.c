/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming a log's writer: making it, locking it, completing what was interrupted. */
#include "ledger/writer.h"

#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "log/origin.h"
#include "util/file.h"
#include "util/lock.h"

/* The directory of the writer's files, without a slash at its end; false where it is too long. */
static bool writer_directory(char out[LIMIT_PATH], const struct ledger *l, const char *origin)
{
	const int len = snprintf(out, LIMIT_PATH, "%sweightmark/%s", ledger_directory(l), origin);

	if (len < 0 || len >= LIMIT_PATH)
		return false;
	for (char *c = out + (size_t)len - strlen(origin); *c; c++)
		if (*c == '/')
			*c = '+';
	return true;
}

enum wm_code writer_path(char out[LIMIT_PATH], const struct ledger_writer *w, const char *name,
			 struct wm_error *err)
{
	if (snprintf(out, LIMIT_PATH, "%s/%s", w->directory, name) >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", w->directory);
	return WM_OK;
}

bool ledger_is_writer(const struct ledger *l, const char *origin)
{
	char directory[LIMIT_PATH], path[LIMIT_PATH];
	static const char *const names[] = { "log.key", "state" };

	/* Of a path that is too long no writer can have been made: writer_path(). */
	if (!writer_directory(directory, l, origin))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (snprintf(path, sizeof(path), "%s/%s", directory, names[i]) >= LIMIT_PATH ||
		    !file_exists(path))
			return false;
	return true;
}

static enum wm_code not_writer(const struct ledger *l, const char *origin, struct wm_error *err)
{
	return fail(err, REASON_NOT_WRITER, "%s: this copy of the log %s has not its key and state",
		    ledger_path(l), origin);
}

/* --- key and lock ------------------------------------------------------------------------ */

static enum wm_code load_key(struct ledger_writer *w, struct wm_error *err)
{
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	uint8_t raw[KEY_ED25519_BYTES];
	char path[LIMIT_PATH];

	TRY(writer_path(path, w, "log.key", err));
	TRY(file_read_input(&pem, path, REASON_KEY_MALFORMED, err));
	TRY(private_key_parse(&w->key, pem.data, pem.len, path, NULL, NULL, err));
	if (!public_key_ed25519(raw, private_key_public(w->key)))
		return fail(err, REASON_KEY_UNSUPPORTED, "%s: a log's key is an Ed25519 key", path);
	return log_key_new(&w->log_key, w->origin, raw, err);
}

static enum wm_code make_key(const struct ledger_writer *w, struct wm_error *err)
{
	cleanup_private_key struct private_key *key = NULL;
	cleanup_secret struct buf pem = BUF_INIT(LIMIT_KEY_FILE);
	char path[LIMIT_PATH];

	TRY(writer_path(path, w, "log.key", err));
	if (file_exists(path))
		return WM_OK;
	TRY(private_key_new(&key, KEY_ED25519, err));
	TRY(private_key_encode(&pem, key, NULL, 0, err));
	return file_write(path, pem.data, pem.len, 0600, FILE_EXCLUSIVE, err);
}

static enum wm_code take_lock(struct ledger_writer *w, struct wm_error *err)
{
	char path[LIMIT_PATH];

	TRY(writer_path(path, w, "lock", err));
	return lock_take_file(&w->lock, path, err);
}

static enum wm_code writer_new(struct ledger_writer **out, struct ledger *l, const char *origin,
			       struct wm_error *err)
{
	cleanup_ledger_writer struct ledger_writer *w = calloc(1, sizeof(*w));
	char directory[LIMIT_PATH];

	if (!w)
		return fail_nomem(err);
	w->lock = -1;
	w->repository = ledger_repository(l);
	snprintf(w->origin, sizeof(w->origin), "%s", origin);
	if (!writer_directory(directory, l, origin))
		return fail(err, REASON_LIMIT, "%s: the path is too long", ledger_path(l));
	w->directory = strdup(directory);
	if (!w->directory)
		return fail_nomem(err);
	*out = take_ptr(&w);
	return WM_OK;
}

/* --- completing -------------------------------------------------------------------------- */

/* The edge with the entries of `s`, read from git, must give the root that `s` is bound to. */
static enum wm_code edge_of(struct tree_frontier *out, const struct ledger_writer *w,
			    const struct writer_state *s, struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(LIMIT_ENTRY);
	struct tree_frontier edge = w->edge;
	uint8_t root[SHA256_BYTES];

	for (size_t i = 0; i < s->n_entries; i++) {
		cleanup_arena struct arena a = ARENA_INIT(LIMIT_DECODE_MEMORY);
		struct envelope e;

		buf_truncate(&entry, 0);
		TRY(object_read(&entry, w->repository, &s->entries[i], OBJECT_BLOB, err));
		TRY(entry_decode(&e, &a, entry.data, entry.len, w->origin, err));
		TRY(writer_add_leaf(&edge, &e, err));
	}
	tree_root(root, &edge);
	if (edge.n_leaves != s->size || memcmp(root, s->root, SHA256_BYTES) != 0)
		return fail(err, REASON_WRITER_MALFORMED,
			    "%s/state: does not go with the entries that it names", w->directory);
	*out = edge;
	return WM_OK;
}

static enum wm_code complete(struct ledger_writer *w, const struct writer_state *s,
			     struct wm_error *err)
{
	struct tree_frontier edge;

	TRY(edge_of(&edge, w, s, err));
	return writer_publish(w, s, &edge, err);
}

/* Brings the branch to what the state is bound to, or says that somebody else moved it. */
static enum wm_code settle(struct ledger_writer *w, const struct ledger *l, struct wm_error *err)
{
	cleanup_writer_state struct writer_state s = { .entries = NULL };
	const struct tree_head *head;
	struct object_id commit;
	char path[LIMIT_PATH], ref[LEDGER_REF];
	bool found;

	TRY(writer_path(path, w, "state", err));
	TRY(writer_state_load(&s, path, err));
	ledger_ref(ref, w->origin);
	TRY(ref_read(&commit, &found, w->repository, ref, err));
	if (!found && !s.has_from)
		return complete(w, &s, err);
	if (!found)
		return fail(err, REASON_REF_MOVED, "%s: the branch %s is gone", ledger_path(l),
			    ref);
	TRY(writer_read_head(w, &commit, err));
	head = &w->head.note.head;
	if (!log_key_same(w->head.key, w->log_key))
		return fail(err, REASON_REF_MOVED, "%s: the branch %s is by another key",
			    ledger_path(l), ref);
	if (head->size == s.size && memcmp(head->root, s.root, SHA256_BYTES) == 0)
		return ref_sync(w->repository, ref, err);
	if (s.has_from && object_id_equal(&s.from, &commit))
		return complete(w, &s, err);
	return fail(err, REASON_REF_MOVED,
		    "%s: the branch of %s holds %llu entries, and its writer left it at %llu",
		    ledger_path(l), w->origin, (unsigned long long)head->size,
		    (unsigned long long)s.size);
}

enum wm_code ledger_writer_open(struct ledger_writer **out, struct ledger *l, const char *origin,
				struct wm_error *err)
{
	cleanup_ledger_writer struct ledger_writer *w = NULL;
	cleanup_ledger_head struct ledger_head head = { .key = NULL };

	TRY(origin_check(origin, err));
	if (!ledger_is_writer(l, origin)) {
		TRY(ledger_head(&head, l, origin, err));
		return not_writer(l, origin, err);
	}
	TRY(writer_new(&w, l, origin, err));
	TRY(take_lock(w, err));
	TRY(load_key(w, err));
	TRY(settle(w, l, err));
	*out = take_ptr(&w);
	return WM_OK;
}

/* --- making ------------------------------------------------------------------------------ */

static enum wm_code check_free(const struct ledger *l, const char *origin, struct wm_error *err)
{
	cleanup_origins char **list = NULL;

	TRY(ledger_origins(&list, l, err));
	for (char **o = list; *o; o++)
		if (strcmp(*o, origin) == 0)
			return fail(err, REASON_EXISTS, "%s: the log %s is there already",
				    ledger_path(l), origin);
	return ledger_check_name(l, origin, err);
}

static enum wm_code create_log(struct ledger *l, const char *origin, struct wm_error *err)
{
	cleanup_ledger_writer struct ledger_writer *w = NULL;
	const struct tree_frontier none = { .n_leaves = 0 };
	struct writer_state s = { .size = 0 };
	char path[LIMIT_PATH];

	TRY(writer_new(&w, l, origin, err));
	TRY(file_mkdirs(w->directory, 0700, err));
	TRY(take_lock(w, err));
	TRY(check_free(l, origin, err));
	TRY(make_key(w, err));
	TRY(load_key(w, err));
	tree_root(s.root, &none);
	TRY(writer_path(path, w, "state", err));
	if (!file_exists(path))
		TRY(writer_state_store(&s, path, err));
	/* A branch that is there must never be without the key that signs it. */
	TRY(repository_settle(w->repository, err));
	return settle(w, l, err);
}

enum wm_code ledger_create(struct ledger **out, const char *path, const char *origin,
			   struct wm_error *err)
{
	cleanup_ledger struct ledger *l = NULL;
	struct repository *r = NULL;
	struct wm_error why = { 0 };

	TRY(origin_check(origin, err));
	if (repository_open(&r, path, &why) != WM_OK) {
		if (error_reason(&why) != REASON_LEDGER_MISSING)
			return fail_again(err, &why);
		TRY(repository_create(&r, path, err));
	}
	TRY(ledger_take(&l, path, r, err));
	TRY(check_free(l, origin, err));
	TRY(create_log(l, origin, err));
	*out = take_ptr(&l);
	return WM_OK;
}
