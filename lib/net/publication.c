/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a publication, from a directory or a server. */
#include "net/publication.h"

#include <stdio.h>
#include <string.h>

#include "util/file.h"
#include "util/limits.h"

void published_release(struct published *p)
{
	http_free(p->http);
	p->http = NULL;
}

static bool has(const char *base, const char *name)
{
	char path[LIMIT_PATH];

	return snprintf(path, sizeof(path), "%s/%s", base, name) < LIMIT_PATH && file_exists(path);
}

bool published_is(const char *base)
{
	return strstr(base, "://") || has(base, "checkpoint");
}

static enum wm_code read_file(void *context, struct buf *out, bool *found, const char *path,
			      struct wm_error *err)
{
	const struct published *p = context;
	cleanup_buf struct buf whole = BUF_INIT(LIMIT_PATH - 1);
	struct wm_error why = { 0 };

	TRY(buf_printf(&whole, err, "%s/%s", p->base, path));
	*found = file_read(out, buf_str(&whole), &why) == WM_OK;
	if (*found || error_reason(&why) == REASON_NOT_FOUND)
		return WM_OK;
	return fail_again(err, &why);
}

static enum wm_code read_url(void *context, struct buf *out, bool *found, const char *path,
			     struct wm_error *err)
{
	const struct published *p = context;
	cleanup_buf struct buf url = BUF_INIT(LIMIT_PATH);
	const size_t len = strlen(p->base);

	TRY(buf_printf(&url, err, "%s%s%s", p->base, len && p->base[len - 1] == '/' ? "" : "/",
		       path));
	return http_get(p->http, out, found, buf_str(&url), err);
}

static enum wm_code check_directory(const char *base, struct wm_error *err)
{
	if (!file_exists(base))
		return fail(err, REASON_NOT_FOUND, "%s: no such directory", base);
	if (!has(base, "checkpoint") && (has(base, ".git") || (has(base, "HEAD") &&
							       has(base, "objects"))))
		return fail(err, REASON_USAGE, "%s: is a git repository: give it with --ledger",
			    base);
	return WM_OK;
}

enum wm_code published_open(struct published *out, const char *base, struct wm_error *err)
{
	*out = (struct published){ .base = base };
	out->site = (struct site){ read_file, out, base };
	if (!strstr(base, "://"))
		return check_directory(base, err);
	TRY(http_check(base, err));
	out->site.read = read_url;
	return http_new(&out->http, err);
}
