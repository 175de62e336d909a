/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, making and reading the private ledger. */
#include "private_ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/append.h"
#include "output.h"
#include "util/file.h"
#include "util/limits.h"

#define PRIVATE_ORIGIN "private/orders"

enum { PRIVATE_MODE = 0700, PRIVATE_MASK = 0077 };

static enum wm_code data_directory(struct buf *out, struct wm_error *err)
{
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return buf_printf(out, err, "%s/weightmark", xdg);
	if (home && *home == '/')
		return buf_printf(out, err, "%s/.local/share/weightmark", home);
	return WM_OK;
}

/* Appends its path, whether or not it is there; nothing where there is no home. */
static enum wm_code private_ledger_path(struct buf *out, struct call *call, struct wm_error *err)
{
	const char *path = NULL;

	TRY(settings_get(&path, &call->settings, NULL, "private-ledger", err));
	if (path)
		return buf_append_str(out, path, err);
	TRY(data_directory(out, err));
	return out->len > 0 ? buf_append_str(out, "/private.git", err) : WM_OK;
}

/* Nobody else may read it, nor the folder that it is made in. */
static enum wm_code make_private(const char *path, struct wm_error *err)
{
	cleanup_buf struct buf parent = BUF_INIT(LIMIT_PATH);
	cleanup_ledger struct ledger *l = NULL;
	const char *name = file_name(path);
	enum wm_code code;
	mode_t mask;

	TRY(buf_append(&parent, path, (size_t)(name - path), err));
	if (parent.len > 1)
		TRY(file_mkdirs(buf_str(&parent), PRIVATE_MODE, err));
	mask = umask(PRIVATE_MASK);
	code = ledger_create(&l, path, PRIVATE_ORIGIN, err);
	umask(mask);
	TRY(code);
	message("%s: made the private ledger, with the log " PRIVATE_ORIGIN, path);
	return WM_OK;
}

enum wm_code private_record(const struct record_options **out, struct record_options *room,
			    struct buf *path, struct buf *index, bool make, struct call *call,
			    struct wm_error *err)
{
	const char *given = options_nth(&call->options, "ledger", 0);

	buf_truncate(path, 0);
	buf_truncate(index, 0);
	if (given)
		TRY(buf_append_str(path, given, err));
	else
		TRY(private_ledger_path(path, call, err));
	if (path->len == 0)
		return fail(err, REASON_USAGE,
			    "neither XDG_DATA_HOME nor HOME is an absolute path: give the ledger "
			    "with --ledger PATH");
	if (!given && make && !file_exists(buf_str(path)))
		TRY(make_private(buf_str(path), err));
	room->ledger = buf_str(path);
	room->origin = options_get(&call->options, "origin");
	TRY(index_directory(index, err));
	room->index = index->len > 0 ? buf_str(index) : NULL;
	*out = room;
	return WM_OK;
}

enum wm_code open_order_ledgers(struct ledgers *out, struct call *call, struct wm_error *err)
{
	cleanup_buf struct buf private = BUF_INIT(LIMIT_PATH);
	const char *paths[LEDGERS_MAX];
	struct setting_value set;
	const char *given;
	size_t n = 0;

	while (n < LEDGERS_MAX && (given = options_nth(&call->options, "ledger", n)))
		paths[n++] = given;
	if (options_nth(&call->options, "ledger", n))
		return fail(err, REASON_USAGE, "more than %d times --ledger", LEDGERS_MAX);
	if (n > 0)
		return open_ledgers_at(out, paths, n, err);
	TRY(settings_find(&set, &call->settings, NULL, "ledger", err));
	if (set.n >= LEDGERS_MAX)
		return fail(err, REASON_USAGE, "the setting ledger names more than %d ledgers",
			    LEDGERS_MAX - 1);
	for (; n < set.n; n++)
		paths[n] = set.values[n];
	TRY(private_ledger_path(&private, call, err));
	if (private.len > 0 && file_exists(buf_str(&private)))
		paths[n++] = buf_str(&private);
	return open_ledgers_at(out, paths, n, err);
}
