/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and opening the ledgers that a call names. */
#include "ledgers.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "progress_view.h"
#include "util/hex.h"
#include "util/limits.h"

enum wm_code need_ledger(const char **out, struct call *call, struct wm_error *err)
{
	struct setting_value paths;

	TRY(settings_find(&paths, &call->settings, &call->options, "ledger", err));
	if (paths.n == 0)
		return fail(err, REASON_USAGE,
			    "give the git repository with --ledger PATH, or set it once: "
			    "'weightmark config set ledger PATH'");
	*out = paths.values[0];
	return WM_OK;
}

enum wm_code index_directory(struct buf *out, struct wm_error *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return buf_printf(out, err, "%s/weightmark/index", xdg);
	return home && *home == '/' ? buf_printf(out, err, "%s/.cache/weightmark/index", home) :
				      WM_OK;
}

enum wm_code record_options(const struct record_options **out, struct record_options *room,
			    struct buf *index, struct call *call, struct wm_error *err)
{
	struct setting_value paths;

	*out = NULL;
	TRY(settings_find(&paths, &call->settings, &call->options, "ledger", err));
	if (paths.n == 0 && options_has(&call->options, "origin"))
		TRY(need_ledger(&room->ledger, call, err));
	if (paths.n == 0)
		return WM_OK;
	room->ledger = paths.values[0];
	TRY(settings_get(&room->origin, &call->settings, &call->options, "origin", err));
	TRY(index_directory(index, err));
	room->index = index->len > 0 ? buf_str(index) : NULL;
	*out = room;
	return WM_OK;
}

static void warn_rewritten(const char *what)
{
	warning("%s: the history of a log was rewritten since it was last read here; "
		"'weightmark audit' tells more", what);
}

void warn_recording(const struct recording *r)
{
	if (r->rewritten)
		warn_rewritten(r->origin);
}

void print_recording(const struct recording *r)
{
	const unsigned long long size = r->size;

	if (!*r->origin)
		return;
	print("  %-10s%s, %llu %s, ", "log", r->origin, size, size == 1 ? "entry" : "entries");
	if (r->key)
		print("%zu new", r->n_appended);
	else
		print("could be appended to");
	print(", in %s\n", r->ledger);
}

enum wm_code recording_tree(struct node *map, struct tree *t, const struct recording *r,
			    struct wm_error *err)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_NOTE);
	struct node *said;

	if (!*r->origin)
		return WM_OK;
	TRY(node_set_new(&said, map, t, r->key ? "recorded" : "would_record", NODE_MAP, err));
	TRY(node_set_shown(said, t, "ledger", r->ledger, err));
	TRY(node_set_text(said, t, "origin", r->origin, err));
	if (!r->key)
		return node_set_integer(said, t, "size", r->size, err);
	TRY(log_key_encode(&key, r->key, err));
	TRY(node_set_text(said, t, "log_key", buf_str(&key), err));
	TRY(node_set_integer(said, t, "size", r->size, err));
	TRY(node_set_hex(said, t, "root", r->root, SHA256_BYTES, err));
	TRY(node_set_integer(said, t, "appended", r->n_appended, err));
	TRY(node_set_integer(said, t, "present", r->n_present, err));
	return node_set_integer(said, t, "sidecars_updated", r->n_updated, err);
}

/* --- read as one ------------------------------------------------------------------------- */

void ledgers_release(struct ledgers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		index_close(l->indexes[i]);
		ledger_close(l->list[i]);
	}
	l->n = 0;
}

bool origin_wanted(const struct call *call, const char *origin)
{
	const char *wanted = options_nth(&call->options, "origin", 0);

	for (size_t i = 0; wanted; wanted = options_nth(&call->options, "origin", ++i))
		if (strcmp(wanted, origin) == 0)
			return true;
	return options_nth(&call->options, "origin", 0) == NULL;
}

enum wm_code wanted_origins(const char ***out, const struct call *call, struct wm_error *err)
{
	const char **list;
	size_t n = 0;

	*out = NULL;
	while (options_nth(&call->options, "origin", n))
		n++;
	if (n == 0)
		return WM_OK;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		list[i] = options_nth(&call->options, "origin", i);
	*out = list;
	return WM_OK;
}

bool is_in_ledgers(const struct ledgers *l, const char *origin)
{
	for (size_t i = 0; i < l->n; i++) {
		cleanup_origins char **origins = NULL;

		if (ledger_origins(&origins, l->list[i], NULL) != WM_OK)
			continue;
		for (char **o = origins; *o; o++)
			if (strcmp(*o, origin) == 0)
				return true;
	}
	return false;
}

enum wm_code check_origins(const struct ledgers *l, const struct call *call, struct wm_error *err)
{
	const char *origin;

	for (size_t i = 0; (origin = options_nth(&call->options, "origin", i)); i++)
		if (!is_in_ledgers(l, origin))
			return fail(err, REASON_ORIGIN_UNKNOWN, "%s: is in none of these ledgers",
				    origin);
	return WM_OK;
}

static enum wm_code open_one(struct ledgers *l, const char *path, const char *index,
			     struct progress *progress, struct wm_error *err)
{
	bool rewritten = false;
	enum wm_code code;

	TRY(ledger_open(&l->list[l->n], path, err));
	l->indexes[l->n] = NULL;
	l->n++;
	TRY(index_open(&l->indexes[l->n - 1], l->list[l->n - 1], index, err));
	code = index_sync(l->indexes[l->n - 1], NULL, &rewritten, progress, err);
	if (rewritten)
		warn_rewritten(path);
	return code;
}

enum wm_code open_ledgers_at(struct ledgers *out, const char *const *paths, size_t n,
			     struct wm_error *err)
{
	cleanup_buf struct buf index = BUF_INIT(LIMIT_PATH);
	struct progress progress = { 0 };
	enum wm_code code = WM_OK;

	TRY(index_directory(&index, err));
	progress_view_start(&progress);
	for (size_t i = 0; i < n && code == WM_OK; i++)
		code = open_one(out, paths[i], index.len ? buf_str(&index) : NULL, &progress, err);
	progress_view_end();
	return code;
}

enum wm_code open_ledgers(struct ledgers *out, struct call *call, struct wm_error *err)
{
	struct setting_value paths;
	const char *first;

	TRY(need_ledger(&first, call, err));
	TRY(settings_find(&paths, &call->settings, &call->options, "ledger", err));
	return open_ledgers_at(out, paths.values, paths.n, err);
}

enum wm_code join_ledgers(struct graph **out, const struct ledgers *l, const char *const *origins,
			  struct wm_error *err)
{
	struct progress progress = { 0 };
	enum wm_code code;

	progress_view_start_counting(&progress, "statements and references");
	code = graph_load_shown(out, l->indexes, l->n, origins, &progress, err);
	progress_view_end();
	return code;
}

/* --- which were read --------------------------------------------------------------------- */

/* The log as far as it was read: entries that came since do not count, and have another root. */
static enum wm_code tell_head(struct node *list, struct tree *t, const struct ledgers *l, size_t i,
			      const char *origin, struct wm_error *err)
{
	cleanup_ledger_head struct ledger_head head = { .key = NULL };
	char root[2 * SHA256_BYTES + 1] = "";
	struct node *map = NULL;
	bool found = false;
	uint64_t size = 0;

	TRY(ledger_head(&head, l->list[i], origin, err));
	TRY(index_size(&size, &found, l->indexes[i], origin, err));
	if (size == head.note.head.size)
		hex_encode(root, head.note.head.root, SHA256_BYTES);
	if (!list) {
		message("read %s in %s: %llu %s%s%.16s", origin, ledger_path(l->list[i]),
			(unsigned long long)size, size == 1 ? "entry" : "entries",
			*root ? ", root " : "", root);
		return WM_OK;
	}
	TRY(node_append_new(&map, list, t, NODE_MAP, err));
	TRY(node_set_shown(map, t, "ledger", ledger_path(l->list[i]), err));
	TRY(node_set_text(map, t, "origin", origin, err));
	TRY(node_set_integer(map, t, "size", size, err));
	return *root ? node_set_text(map, t, "root", root, err) : WM_OK;
}

static bool is_among(const char *origin, const char *const *only)
{
	for (size_t i = 0; only && only[i]; i++)
		if (strcmp(only[i], origin) == 0)
			return true;
	return only == NULL;
}

static enum wm_code tell_heads(struct node *list, struct tree *t, const struct ledgers *l,
			       const char *const *only, struct wm_error *err)
{
	for (size_t i = 0; i < l->n; i++) {
		cleanup_origins char **origins = NULL;

		TRY(ledger_origins(&origins, l->list[i], err));
		for (char **o = origins; *o; o++)
			if (is_among(*o, only))
				TRY(tell_head(list, t, l, i, *o, err));
	}
	return WM_OK;
}

enum wm_code tell_ledgers(const struct ledgers *l, const char *const *origins, struct wm_error *err)
{
	return output_is_json() ? WM_OK : tell_heads(NULL, NULL, l, origins, err);
}

enum wm_code ledgers_tree(struct node *map, struct tree *t, const struct ledgers *l,
			  const char *const *origins, struct wm_error *err)
{
	struct node *list;

	TRY(node_set_new(&list, map, t, "ledgers", NODE_LIST, err));
	return tell_heads(list, t, l, origins, err);
}
