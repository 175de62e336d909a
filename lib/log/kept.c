/* SPDX-License-Identifier: Apache-2.0 */
/* Looking through the evidence that was kept. */
#include "log/kept.h"

#include <dirent.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/limits.h"

/* Whether a file has the name that evidence_store() gives evidence against `origin`. */
static bool is_name(const char *name, const char *origin)
{
	for (; *origin; origin++, name++)
		if (*name != (*origin == '/' ? '-' : *origin))
			return false;
	return *name == '-' && file_has_suffix(name, ".fork.json");
}

/* Whether the file is evidence against the log of `key`. */
static enum wm_code read_one(bool *found, struct evidence *out, const char *path,
			     const struct log_key *key, struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_EVIDENCE);
	cleanup_evidence struct evidence e = { .key = NULL };
	struct wm_error why = { 0 };
	enum wm_code code = file_read_input(&text, path, REASON_EVIDENCE_MALFORMED, &why);

	*found = false;
	if (code == WM_OK)
		code = evidence_check(&e, text.data, text.len, path, &why);
	if (code == WM_NOMEM)
		return fail_again(err, &why);
	if (code != WM_OK || !log_key_same(e.key, key))
		return WM_OK;
	*out = e;
	e = (struct evidence){ .key = NULL };
	*found = true;
	return WM_OK;
}

static enum wm_code look_through(char **path, struct evidence *out, DIR *dir, const char *where,
				 const struct log_key *key, struct wm_error *err)
{
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		cleanup_buf struct buf full = BUF_INIT(LIMIT_PATH);
		cleanup_free char *copy = NULL;
		bool found;

		if (!is_name(e->d_name, log_key_origin(key)))
			continue;
		TRY(buf_printf(&full, err, "%s/%s", where, e->d_name));
		copy = strdup(buf_str(&full));
		if (!copy)
			return fail_nomem(err);
		TRY(read_one(&found, out, copy, key, err));
		if (!found)
			continue;
		*path = take_ptr(&copy);
		return WM_OK;
	}
	return WM_OK;
}

enum wm_code evidence_find(char **path, struct evidence *out, const char *directory,
			   const struct log_key *key, struct wm_error *err)
{
	cleanup_buf struct buf where = BUF_INIT(LIMIT_PATH);
	enum wm_code code;
	DIR *dir;

	*path = NULL;
	TRY(buf_printf(&where, err, "%s/evidence", directory));
	dir = opendir(buf_str(&where));
	if (!dir)
		return WM_OK;
	code = look_through(path, out, dir, buf_str(&where), key, err);
	closedir(dir);
	return code;
}
