/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers opened: their logs, and where each stands. */
#include "ledger/ledger.h"

#include <stdio.h>
#include <string.h>

#include "ledger/commit.h"
#include "log/origin.h"
#include "util/limits.h"

struct ledger {
	char *path;
	struct repository *repository;
};

static const char ref_prefix[] = "refs/heads/weightmark/";

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	repository_close(l->repository);
	free(l->path);
	free(l);
}

enum wm_code ledger_open(struct ledger **out, const char *path, struct wm_error *err)
{
	struct repository *r = NULL;

	TRY(repository_open(&r, path, err));
	return ledger_take(out, path, r, err);
}

enum wm_code ledger_take(struct ledger **out, const char *path, struct repository *r,
			 struct wm_error *err)
{
	cleanup_ledger struct ledger *l = calloc(1, sizeof(*l));

	if (!l) {
		repository_close(r);
		return fail_nomem(err);
	}
	l->repository = r;
	l->path = strdup(path);
	if (!l->path)
		return fail_nomem(err);
	*out = take_ptr(&l);
	return WM_OK;
}

const char *ledger_path(const struct ledger *l)
{
	return l->path;
}

const char *ledger_directory(const struct ledger *l)
{
	return repository_directory(l->repository);
}

struct repository *ledger_repository(const struct ledger *l)
{
	return l->repository;
}

void ledger_ref(char out[LEDGER_REF], const char *origin)
{
	snprintf(out, LEDGER_REF, "%s%s", ref_prefix, origin);
}

/* --- origins ----------------------------------------------------------------------------- */

struct origins {
	char **list;
	size_t n;
};

static enum wm_code add_origin(void *context, const char *name, struct wm_error *err)
{
	struct origins *o = context;
	const char *origin = name + sizeof(ref_prefix) - 1;

	if (!origin_valid(origin))
		return fail(err, REASON_LEDGER_MALFORMED, "the branch %s is no name of a log",
			    name);
	o->list[o->n] = strdup(origin);
	return o->list[o->n++] ? WM_OK : fail_nomem(err);
}

static int compare_origins(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum wm_code longer_name(void *context, const char *name, struct wm_error *err)
{
	const char *origin = context;

	return fail(err, REASON_ORIGIN_CONFLICT, "%s cannot stand beside the log %s", origin,
		    name + sizeof(ref_prefix) - 1);
}

enum wm_code ledger_check_name(const struct ledger *l, const char *origin, struct wm_error *err)
{
	char ref[LEDGER_REF + 1], copy[LIMIT_ORIGIN + 1];
	struct object_id commit;
	bool found;

	ledger_ref(ref, origin);
	for (char *slash = strrchr(ref, '/'); slash > ref + sizeof(ref_prefix) - 2;
	     slash = strrchr(ref, '/')) {
		*slash = '\0';
		TRY(ref_read(&commit, &found, l->repository, ref, err));
		if (found)
			return fail(err, REASON_ORIGIN_CONFLICT,
				    "%s: %s cannot stand beside the log %s", l->path, origin,
				    ref + sizeof(ref_prefix) - 1);
	}
	snprintf(copy, sizeof(copy), "%s", origin);
	snprintf(ref, sizeof(ref), "%s%s/", ref_prefix, origin);
	return ref_list(l->repository, ref, 1, longer_name, copy, err);
}

void ledger_origins_free(char **origins)
{
	for (size_t i = 0; origins && origins[i]; i++)
		free(origins[i]);
	free(origins);
}

enum wm_code ledger_origins(char ***out, const struct ledger *l, struct wm_error *err)
{
	struct origins o = { calloc(LIMIT_ORIGINS + 1, sizeof(*o.list)), 0 };
	enum wm_code code;

	if (!o.list)
		return fail_nomem(err);
	code = ref_list(l->repository, ref_prefix, LIMIT_ORIGINS, add_origin, &o, err);
	if (code != WM_OK) {
		ledger_origins_free(o.list);
		return code;
	}
	qsort(o.list, o.n, sizeof(*o.list), compare_origins);
	*out = o.list;
	return WM_OK;
}

/* --- heads ------------------------------------------------------------------------------- */

void ledger_head_release(struct ledger_head *h)
{
	log_key_free(h->key);
	note_release(&h->note);
	*h = (struct ledger_head){ .key = NULL };
}

enum wm_code ledger_head_at(struct ledger_head *out, const struct repository *r,
			    const char *origin, const struct object_id *commit,
			    struct wm_error *err)
{
	cleanup_buf struct buf data = BUF_INIT(LIMIT_NOTE);
	cleanup_commit_files struct commit_files files = { .entries = NULL };
	cleanup_ledger_head struct ledger_head h = { .commit = *commit };
	struct commit c;

	TRY(object_read(&data, r, commit, OBJECT_COMMIT, err));
	TRY(commit_parse(&c, data.data, data.len, origin, NULL, err));
	TRY(commit_files_read(&files, r, &c.tree, err));
	buf_truncate(&data, 0);
	TRY(object_read(&data, r, &files.key, OBJECT_BLOB, err));
	TRY(log_key_parse(&h.key, data.data, data.len, origin, err));
	if (strcmp(log_key_origin(h.key), origin) != 0)
		return fail(err, REASON_LEDGER_MALFORMED, "%s: has the key of the log %s", origin,
			    log_key_origin(h.key));
	buf_truncate(&data, 0);
	TRY(object_read(&data, r, &files.checkpoint, OBJECT_BLOB, err));
	TRY(note_parse(&h.note, data.data, data.len, origin, err));
	TRY(note_verify(&h.note, h.key, err));
	*out = h;
	h.key = NULL;
	h.note.text = NULL;
	h.note.decoded = NULL;
	return WM_OK;
}

enum wm_code ledger_head(struct ledger_head *out, const struct ledger *l, const char *origin,
			 struct wm_error *err)
{
	struct object_id commit;
	char ref[LEDGER_REF];
	bool found;

	TRY(origin_check(origin, err));
	ledger_ref(ref, origin);
	TRY(ref_read(&commit, &found, l->repository, ref, err));
	if (!found)
		return fail(err, REASON_ORIGIN_UNKNOWN, "%s: has no log %s", l->path, origin);
	return ledger_head_at(out, l->repository, origin, &commit, err);
}

enum wm_code ledger_read_entry(struct buf *out, const struct ledger *l,
			       const struct object_id *blob, struct wm_error *err)
{
	return object_read(out, l->repository, blob, OBJECT_BLOB, err);
}
