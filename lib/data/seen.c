/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping which files were digested under which digest. */
#include "data/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/cache.h"
#include "data/record_set.h"
#include "digest/kernel.h"
#include "util/array.h"
#include "util/cursor.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/lease.h"
#include "util/limits.h"

static const char magic[] = "weightmark-seen/1\n";

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	ENTRY_BYTES = SIGHT_BYTES + SHA256_BYTES,
	HEAD_BYTES = MAGIC_BYTES + 8,
};

struct entry {
	uint8_t sight[SIGHT_BYTES];
	uint8_t digest[SHA256_BYTES];
};

struct seen {
	char *folder, *path; /* NULL: there is no place for it */
	struct buf file;     /* as it was read; empty where there was none */
	size_t n_known;
	struct entry *noted;
	size_t n;
	bool entered; /* `below` and `dev` hold */
	struct cache_below below;
	dev_t dev;
};

void seen_free(struct seen *s)
{
	if (!s)
		return;
	free(s->folder);
	free(s->path);
	free(s->noted);
	buf_release(&s->file);
	free(s);
}

/* --- the file ---------------------------------------------------------------------------- */

static enum wm_code name_file(char **folder, char **path, const uint8_t key_id[SHA256_BYTES],
			      struct wm_error *err)
{
	char id[2 * SHA256_BYTES + 1];

	hex_encode(id, key_id, SHA256_BYTES);
	TRY(cache_folder(folder, "records", err));
	if (!*folder)
		return WM_OK;
	if (asprintf(path, "%s/%s", *folder, id) < 0) {
		*path = NULL;
		return fail_nomem(err);
	}
	return WM_OK;
}

static const struct entry *entry_at(const struct seen *s, size_t i)
{
	return (const void *)(s->file.data + HEAD_BYTES + i * ENTRY_BYTES);
}

/* Whether all that was read is as it was written. */
static bool is_intact(struct seen *s)
{
	struct cursor in = cursor_of(s->file.data, s->file.len);
	const uint8_t *start = cursor_take(&in, MAGIC_BYTES), *sum;
	uint8_t digest[SHA256_BYTES];
	uint64_t n = 0;

	if (!start || memcmp(start, magic, MAGIC_BYTES) != 0 || !cursor_u64be(&in, &n) ||
	    n > LIMIT_RECORDS || cursor_left(&in) != n * ENTRY_BYTES + SHA256_BYTES)
		return false;
	(void)cursor_take(&in, (size_t)n * ENTRY_BYTES);
	kernel_one(&(struct message){ s->file.data, in.off, MESSAGE_PLAIN, digest });
	sum = cursor_take(&in, SHA256_BYTES);
	s->n_known = (size_t)n;
	return memcmp(digest, sum, SHA256_BYTES) == 0;
}

static enum wm_code read_file(struct seen *s, struct wm_error *err)
{
	cleanup_fd int dir = cache_open_folder(s->folder);
	cleanup_fd int fd = -1;
	off_t size = 0;

	if (dir < 0)
		return WM_OK;
	fd = openat(dir, file_name(s->path),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || !cache_is_ours(fd, S_IFREG, &size) || (uint64_t)size > s->file.max)
		return WM_OK;
	TRY(buf_reserve(&s->file, (size_t)size, err));
	if (file_read_at(fd, s->file.data, (size_t)size, 0, s->path, NULL) == WM_OK)
		s->file.len = (size_t)size;
	if (!is_intact(s))
		s->n_known = 0;
	return WM_OK;
}

enum wm_code seen_open(struct seen **out, const uint8_t key_id[SHA256_BYTES],
		       struct wm_error *err)
{
	cleanup_seen struct seen *s = calloc(1, sizeof(*s));

	if (!s)
		return fail_nomem(err);
	s->file = (struct buf)BUF_INIT(HEAD_BYTES + (size_t)LIMIT_RECORDS * ENTRY_BYTES +
				       SHA256_BYTES);
	TRY(name_file(&s->folder, &s->path, key_id, err));
	if (s->path)
		TRY(read_file(s, err));
	*out = take_ptr(&s);
	return WM_OK;
}

enum wm_code seen_store(struct seen *s, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(s->file.max);
	struct wm_error why = { 0 };
	uint8_t digest[SHA256_BYTES];

	if (!s->path || s->n == 0)
		return WM_OK;
	sort_bytes(s->noted, s->n, ENTRY_BYTES, SIGHT_BYTES);
	TRY(buf_append(&out, magic, MAGIC_BYTES, err));
	TRY(buf_append_u64be(&out, s->n, err));
	TRY(buf_append(&out, s->noted, s->n * ENTRY_BYTES, err));
	TRY(sha256_of(digest, out.data, out.len, err));
	TRY(buf_append(&out, digest, SHA256_BYTES, err));
	if (file_mkdirs(s->folder, 0700, &why) == WM_OK) {
		cleanup_fd int dir = cache_open_folder(s->folder);

		if (dir >= 0 && file_write(s->path, out.data, out.len, 0600, FILE_REPLACE,
					   &why) != WM_OK && why.code == WM_NOMEM)
			return fail_again(err, &why);
	}
	return why.code == WM_NOMEM ? fail_again(err, &why) : WM_OK;
}

enum wm_code seen_forget(const uint8_t key_id[SHA256_BYTES], struct wm_error *err)
{
	cleanup_free char *folder = NULL, *path = NULL;

	TRY(name_file(&folder, &path, key_id, err));
	if (path && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail(err, REASON_WRITE_FAILED, "%s: cannot be removed", path);
	return WM_OK;
}

/* --- files ------------------------------------------------------------------------------- */

void seen_enter(struct seen *s, int fd)
{
	struct stat st;

	s->entered = fstat(fd, &st) == 0 && cache_look_below(&s->below, fd);
	if (s->entered)
		s->dev = st.st_dev;
}

struct sight_key seen_look(const struct seen *s, int fd, const struct stat *st)
{
	const uint64_t numbers[] = {
		s->below.mount,
		s->below.file_system,
		(uint64_t)st->st_dev,
		(uint64_t)st->st_ino,
		(uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};
	uint8_t text[BOOT_ID_BYTES + sizeof(numbers)], digest[SHA256_BYTES];
	struct sight_key k = { .believed = false };
	struct timespec now;

	if (!s->path || !s->entered || st->st_dev != s->dev ||
	    clock_gettime(CLOCK_REALTIME, &now) < 0 || !cache_settled(&st->st_ctim, &now) ||
	    !lease_take(fd))
		return k;
	memcpy(text, s->below.boot_id, BOOT_ID_BYTES);
	memcpy(text + BOOT_ID_BYTES, numbers, sizeof(numbers));
	kernel_one(&(struct message){ text, sizeof(text), MESSAGE_PLAIN, digest });
	memcpy(k.bytes, digest, SIGHT_BYTES);
	k.believed = true;
	return k;
}

bool seen_find(uint8_t out[SHA256_BYTES], const struct seen *s, const struct sight_key *k)
{
	size_t from = 0, to = s->n_known;

	while (from < to && k->believed) {
		size_t middle = from + (to - from) / 2;
		int order = memcmp(entry_at(s, middle)->sight, k->bytes, SIGHT_BYTES);

		if (order == 0) {
			memcpy(out, entry_at(s, middle)->digest, SHA256_BYTES);
			return true;
		}
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

enum wm_code seen_note(struct seen *s, const struct sight_key *k,
		       const uint8_t digest[SHA256_BYTES], struct wm_error *err)
{
	struct entry *list;

	if (!k->believed)
		return WM_OK;
	list = array_grow(s->noted, s->n, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	s->noted = list;
	memcpy(s->noted[s->n].sight, k->bytes, SIGHT_BYTES);
	memcpy(s->noted[s->n++].digest, digest, SHA256_BYTES);
	return WM_OK;
}
