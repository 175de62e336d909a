/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary repositories beside the one that they are for. */
#include "git/quarantine.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "git/libgit2.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/lock.h"

/* No origin's directory begins with a dot. */
static const char name_prefix[] = ".fetch-";

struct quarantine {
	char path[LIMIT_PATH]; /* empty where there is none yet */
	int lock;
};

void quarantine_free(struct quarantine *q)
{
	if (!q)
		return;
	if (q->path[0])
		directory_remove(q->path);
	lock_release(&q->lock);
	free(q);
}

/* Whoever holds the lock is alone: all that is there was left behind. */
static void remove_stale(const char *parent)
{
	char path[LIMIT_PATH];
	struct dirent *e;
	DIR *dir = opendir(parent);

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, name_prefix, sizeof(name_prefix) - 1) != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", parent, e->d_name) < LIMIT_PATH)
			directory_remove(path);
	}
	if (dir)
		closedir(dir);
}

enum wm_code exchange_lock(int *fd, const struct repository *r, struct wm_error *err)
{
	char parent[LIMIT_PATH], path[LIMIT_PATH];

	if (snprintf(parent, sizeof(parent), "%sweightmark", repository_directory(r)) >=
		    LIMIT_PATH ||
	    snprintf(path, sizeof(path), "%s/.exchange", parent) >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", repository_directory(r));
	TRY(file_mkdirs(parent, 0700, err));
	return lock_take_file(fd, path, err);
}

/* Nothing here outlives the process, so that nothing is synced. */
static enum wm_code write_file(const struct quarantine *q, const char *name, const struct buf *text,
			       struct wm_error *err)
{
	cleanup_fd int fd = -1;
	char path[LIMIT_PATH];

	if (snprintf(path, sizeof(path), "%s/%s", q->path, name) >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", q->path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be made", path);
	return file_write_fd(fd, text->data, text->len, path, err);
}

static enum wm_code write_alternates(const struct quarantine *q, const struct repository *r,
				     struct wm_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIMIT_PATH + 16);

	if (strchr(repository_directory(r), '\n'))
		return fail(err, REASON_WRITE_FAILED, "%s: a path with a line break",
			    repository_directory(r));
	TRY(buf_printf(&text, err, "%sobjects\n", repository_directory(r)));
	return write_file(q, "objects/info/alternates", &text, err);
}

struct copying {
	const struct repository *from;
	size_t prefix_len;
	struct buf text;
};

static enum wm_code copy_ref(void *context, const char *name, struct wm_error *err)
{
	struct copying *c = context;
	char hex[OBJECT_ID_HEX + 1];
	struct object_id id;
	bool found;

	TRY(ref_read(&id, &found, c->from, name, err));
	if (!found)
		return WM_OK;
	object_id_text(hex, &id);
	return buf_printf(&c->text, err, "%s %s%s\n", hex, QUARANTINE_REFS, name + c->prefix_len);
}

static enum wm_code write_refs(const struct quarantine *q, const struct repository *r,
			       const char *prefix, size_t max, struct wm_error *err)
{
	struct copying c = { r, strlen(prefix), BUF_INIT(max * LIMIT_PATH) };
	enum wm_code code = ref_list(r, prefix, max, copy_ref, &c, err);

	if (code == WM_OK && c.text.len > 0)
		code = write_file(q, "packed-refs", &c.text, err);
	buf_release(&c.text);
	return code;
}

static enum wm_code fill(struct quarantine *q, const struct repository *r, const char *prefix,
			 size_t max, struct wm_error *err)
{
	cleanup_repository struct repository *made = NULL;

	TRY(repository_create_scratch(&made, q->path, err));
	TRY(write_alternates(q, r, err));
	return write_refs(q, r, prefix, max, err);
}

enum wm_code quarantine_new(struct quarantine **out, const struct repository *r,
			    const char *prefix, size_t max, struct wm_error *err)
{
	cleanup_quarantine struct quarantine *q = calloc(1, sizeof(*q));
	char parent[LIMIT_PATH], path[LIMIT_PATH];

	if (!q)
		return fail_nomem(err);
	q->lock = -1;
	if (snprintf(parent, sizeof(parent), "%sweightmark", repository_directory(r)) >=
		    LIMIT_PATH ||
	    snprintf(path, sizeof(path), "%s/%sXXXXXX", parent, name_prefix) >= LIMIT_PATH)
		return fail(err, REASON_LIMIT, "%s: the path is too long", repository_directory(r));
	TRY(exchange_lock(&q->lock, r, err));
	remove_stale(parent);
	if (!mkdtemp(path))
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be made", path);
	memcpy(q->path, path, sizeof(path));
	TRY(fill(q, r, prefix, max, err));
	*out = take_ptr(&q);
	return WM_OK;
}

const char *quarantine_path(const struct quarantine *q)
{
	return q->path;
}

enum wm_code quarantine_open(struct repository **out, const struct quarantine *q,
			     struct wm_error *err)
{
	return repository_open(out, q->path, err);
}
