/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the measuring cache: written, found, believed or not. */
#include "checkpoint/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "checkpoint/digests.h"
#include "util/cursor.h"
#include "util/file.h"
#include "util/lease.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

static const char magic[] = "weightmark-measured/2\n";

enum {
	SETTLED_SECONDS = 2, /* as coarse as file times come */
	TIME_BYTES = 16,
	ENTRY_MAX = 4096 + (2 * LIMIT_TENSORS + 64) * SHA256_BYTES,
};

/* A file as it is now, and the file system as it is mounted now. */
struct sight {
	struct stat st;
	struct cache_below below;
};

/* --- where --------------------------------------------------------------------------- */

enum wm_code cache_folder(char **out, const char *name, struct wm_error *err)
{
	const char *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
	int n = 0;

	*out = NULL;
	if (xdg && *xdg == '/')
		n = asprintf(out, "%s/weightmark/%s", xdg, name);
	else if (home && *home == '/')
		n = asprintf(out, "%s/.cache/weightmark/%s", home, name);
	if (n < 0) {
		*out = NULL;
		return fail_nomem(err);
	}
	return WM_OK;
}

static void entry_name(char *out, size_t size, const struct stat *st)
{
	snprintf(out, size, "%llx-%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino);
}

bool cache_is_ours(int fd, mode_t type, off_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return false;
	*size = st.st_size;
	return true;
}

int cache_open_folder(const char *folder)
{
	cleanup_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	off_t size;

	return fd >= 0 && cache_is_ours(fd, S_IFDIR, &size) ? take_fd(&fd) : -1;
}

/* --- what ---------------------------------------------------------------------------- */

static enum wm_code append_time(struct buf *out, const struct timespec *t, struct wm_error *err)
{
	TRY(buf_append_u64be(out, (uint64_t)t->tv_sec, err));
	return buf_append_u64be(out, (uint64_t)t->tv_nsec, err);
}

/* All of an entry before the time when it was made. */
static enum wm_code append_start(struct buf *out, const struct checkpoint_file *f,
				 const struct sight *now, struct wm_error *err)
{
	const char *grammar = f->layout.format->grammar;
	const struct stat *st = &now->st;

	TRY(buf_append_str(out, magic, err));
	TRY(buf_append(out, now->below.boot_id, sizeof(now->below.boot_id), err));
	TRY(buf_append_u64be(out, now->below.mount, err));
	TRY(buf_append_u64be(out, now->below.file_system, err));
	TRY(buf_append_u64be(out, st->st_dev, err));
	TRY(buf_append_u64be(out, st->st_ino, err));
	TRY(buf_append_u64be(out, (uint64_t)st->st_size, err));
	TRY(append_time(out, &st->st_mtim, err));
	TRY(append_time(out, &st->st_ctim, err));
	TRY(buf_append_u64be(out, f->layout.size, err));
	TRY(buf_append_u64be(out, strlen(grammar), err));
	TRY(buf_append_str(out, grammar, err));
	return buf_append_u64be(out, f->layout.n_segments, err);
}

bool cache_settled(const struct timespec *changed, const struct timespec *made)
{
	int64_t seconds;

	if (__builtin_sub_overflow(made->tv_sec, changed->tv_sec, &seconds))
		return false;
	return seconds > SETTLED_SECONDS ||
	       (seconds == SETTLED_SECONDS && made->tv_nsec >= changed->tv_nsec);
}

bool cache_look_below(struct cache_below *out, int file)
{
	cleanup_fd int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	struct statvfs fs;
	struct statx sx;

	if (fd < 0 || read(fd, out->boot_id, sizeof(out->boot_id)) != sizeof(out->boot_id))
		return false;
	if (fstatvfs(file, &fs) < 0 ||
	    statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &sx) < 0 ||
	    !(sx.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)))
		return false;
	out->mount = sx.stx_mnt_id;
	out->file_system = fs.f_fsid;
	return true;
}

/* The file as it was opened and is now, where nobody can be writing to it. */
static bool look(struct sight *now, const struct checkpoint_file *f)
{
	const struct stat *st = &now->st;

	return f->writers_excluded && !f->is_pointer && f->layout.size >= CACHE_FROM_BYTES &&
	       fstat(f->fd, &now->st) == 0 && file_unchanged(&f->opened, st) &&
	       cache_look_below(&now->below, f->fd) && lease_held(f->fd);
}

/* --- loading ------------------------------------------------------------------------- */

/* Reads the entry if it has exactly `len` bytes; nothing otherwise. */
static enum wm_code read_entry(struct buf *out, const char *folder, const struct stat *st,
			       size_t len, struct wm_error *err)
{
	cleanup_fd int dir = cache_open_folder(folder);
	cleanup_fd int fd = -1;
	char name[64];
	off_t size = 0;

	if (dir < 0)
		return WM_OK;
	entry_name(name, sizeof(name), st);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || !cache_is_ours(fd, S_IFREG, &size) || (uint64_t)size != len)
		return WM_OK;
	TRY(buf_reserve(out, len, err));
	if (file_read_at(fd, out->data, len, 0, name, NULL) == WM_OK)
		out->len = len;
	return WM_OK;
}

/* Whether the entry ends with the SHA-256 of the rest. */
static enum wm_code check_sum(bool *intact, const struct buf *entry, struct wm_error *err)
{
	size_t len = entry->len - SHA256_BYTES;
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_of(digest, entry->data, len, err));
	*intact = memcmp(digest, entry->data + len, SHA256_BYTES) == 0;
	return WM_OK;
}

/* Takes the digests over where they are consistent. `in` stands behind the start. */
static enum wm_code take_digests(struct checkpoint_file *f, struct cursor *in,
				 const struct stat *st, struct wm_error *err)
{
	uint64_t seconds, nanoseconds;
	struct timespec made;
	const uint8_t *kept;

	if (!cursor_u64be(in, &seconds) || !cursor_u64be(in, &nanoseconds))
		return WM_OK;
	made = (struct timespec){ (time_t)seconds, (long)nanoseconds };
	if (!cache_settled(&st->st_ctim, &made))
		return WM_OK;
	for (size_t i = 0; i < f->layout.n_segments; i++)
		memcpy(f->layout.segments[i].digest, cursor_take(in, SHA256_BYTES), SHA256_BYTES);
	TRY(digest_file(f->file_digest, &f->layout, err));
	kept = cursor_take(in, SHA256_BYTES);
	if (memcmp(f->file_digest, kept, SHA256_BYTES) != 0)
		return WM_OK;
	memcpy(f->sha256, cursor_take(in, SHA256_BYTES), SHA256_BYTES);
	f->has_sha256 = f->measured = f->from_cache = true;
	return WM_OK;
}

enum wm_code cache_load(struct checkpoint_file *f, struct wm_error *err)
{
	cleanup_buf struct buf start = BUF_INIT(4096), entry = BUF_INIT(ENTRY_MAX);
	cleanup_free char *folder = NULL;
	struct cursor in;
	struct sight now;
	bool intact = false;

	if (!look(&now, f))
		return WM_OK;
	TRY(cache_folder(&folder, "measured", err));
	if (!folder)
		return WM_OK;
	TRY(append_start(&start, f, &now, err));
	TRY(read_entry(&entry, folder, &now.st,
		       start.len + TIME_BYTES + (f->layout.n_segments + 3) * SHA256_BYTES, err));
	if (entry.len == 0 || memcmp(entry.data, start.data, start.len) != 0)
		return WM_OK;
	TRY(check_sum(&intact, &entry, err));
	if (!intact)
		return WM_OK;
	in = cursor_of(entry.data, entry.len);
	in.off = start.len;
	return take_digests(f, &in, &now.st, err);
}

/* --- storing ------------------------------------------------------------------------- */

static enum wm_code append_rest(struct buf *out, const struct checkpoint_file *f,
				const struct timespec *made, struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];

	TRY(append_time(out, made, err));
	for (size_t i = 0; i < f->layout.n_segments; i++)
		TRY(buf_append(out, f->layout.segments[i].digest, SHA256_BYTES, err));
	TRY(buf_append(out, f->file_digest, SHA256_BYTES, err));
	TRY(buf_append(out, f->sha256, SHA256_BYTES, err));
	TRY(sha256_of(digest, out->data, out->len, err));
	return buf_append(out, digest, SHA256_BYTES, err);
}

/* Nothing but want of memory is the caller's concern. */
static enum wm_code write_entry(const char *folder, const struct stat *st,
				const struct buf *entry, struct wm_error *err)
{
	cleanup_fd int dir = -1;
	cleanup_free char *path = NULL;
	struct wm_error why = { 0 };
	enum wm_code code = file_mkdirs(folder, 0700, &why);
	char name[64];

	if (code == WM_OK)
		dir = cache_open_folder(folder);
	if (dir >= 0) {
		entry_name(name, sizeof(name), st);
		if (asprintf(&path, "%s/%s", folder, name) < 0) {
			path = NULL;
			return fail_nomem(err);
		}
		code = file_write(path, entry->data, entry->len, 0600, FILE_REPLACE, &why);
	}
	return code == WM_NOMEM ? fail_again(err, &why) : WM_OK;
}

enum wm_code cache_store(const struct checkpoint_file *f, struct wm_error *err)
{
	cleanup_buf struct buf entry = BUF_INIT(ENTRY_MAX);
	cleanup_free char *folder = NULL;
	struct timespec made;
	struct sight now;

	if (!f->measured || !f->has_sha256 || f->from_cache || !look(&now, f) ||
	    clock_gettime(CLOCK_REALTIME, &made) < 0 || !cache_settled(&now.st.st_ctim, &made))
		return WM_OK;
	TRY(cache_folder(&folder, "measured", err));
	if (!folder)
		return WM_OK;
	TRY(append_start(&entry, f, &now, err));
	TRY(append_rest(&entry, f, &made, err));
	return write_entry(folder, &now.st, &entry, err);
}
