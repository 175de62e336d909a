/* SPDX-License-Identifier: Apache-2.0 */
/* Reading regular files, and writing files that are whole or absent. */
#include "util/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

enum { READ_STEP = 65536, NAME_TRIES = 100, KIND_BYTES = 256 };

enum wm_code file_open(int *fd, uint64_t *size, const char *path, struct wm_error *err)
{
	cleanup_fd int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (opened < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(err, REASON_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (opened < 0 && (errno == ENXIO || errno == ELOOP))
		return fail(err, REASON_NOT_A_FILE, "%s: %s", path, strerror(errno));
	if (opened < 0 || fstat(opened, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, REASON_NOT_A_FILE, "%s: is %s, not a regular file", path,
			    S_ISDIR(st.st_mode) ? "a directory" : "a FIFO, socket or device");
	*size = (uint64_t)st.st_size;
	*fd = take_fd(&opened);
	return WM_OK;
}

enum wm_code file_read_at(int fd, void *out, size_t len, uint64_t off, const char *name,
			  struct wm_error *err)
{
	uint8_t *to = out;

	while (len > 0) {
		ssize_t n = pread(fd, to, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, REASON_READ_FAILED, "%s: %s", name, strerror(errno));
		if (n == 0)
			return fail(err, REASON_FILE_CHANGED, "%s: ends before byte %llu", name,
				    (unsigned long long)(off + len));
		to += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return WM_OK;
}

enum wm_code file_read_fd(struct buf *out, int fd, const char *name, struct wm_error *err)
{
	for (;;) {
		uint8_t step[READ_STEP];
		enum wm_code code;
		ssize_t n = read(fd, step, sizeof(step));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, REASON_READ_FAILED, "%s: %s", name, strerror(errno));
		if (n == 0)
			return WM_OK;
		code = buf_append(out, step, (size_t)n, err);
		if (code != WM_OK)
			return fail_context(code, err, "%s", name);
	}
}

enum wm_code file_read(struct buf *out, const char *path, struct wm_error *err)
{
	cleanup_fd int fd = -1;
	uint64_t size;

	TRY(file_open(&fd, &size, path, err));
	if (size > out->max - out->len)
		return fail(err, REASON_LIMIT, "%s: has %llu bytes, more than %zu", path,
			    (unsigned long long)size, out->max);
	return file_read_fd(out, fd, path, err);
}

enum wm_code fail_input(struct wm_error *err, const struct wm_error *from, enum reason wrong)
{
	enum reason reason = error_reason(from);

	if (reason == REASON_NOT_A_FILE || reason == REASON_LIMIT)
		return fail(err, wrong, "%s", from->message);
	return fail_again(err, from);
}

enum wm_code file_read_input(struct buf *out, const char *path, enum reason wrong,
			     struct wm_error *err)
{
	struct wm_error why = { 0 };

	if (file_read(out, path, &why) != WM_OK)
		return fail_input(err, &why, wrong);
	return WM_OK;
}

enum wm_code file_write_fd(int fd, const void *data, size_t len, const char *name,
			   struct wm_error *err)
{
	const uint8_t *from = data;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, REASON_WRITE_FAILED, "%s: %s", name, strerror(errno));
		from += n;
		len -= (size_t)n;
	}
	return WM_OK;
}

enum wm_code file_write_at(int fd, const void *data, size_t len, uint64_t off, const char *name,
			   struct wm_error *err)
{
	const uint8_t *from = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, REASON_WRITE_FAILED, "%s: %s", name, strerror(errno));
		from += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return WM_OK;
}

static enum wm_code open_parent(int *dir, const char *path, struct wm_error *err)
{
	size_t len = (size_t)(file_name(path) - path);
	char parent[PATH_MAX] = ".";

	if (len >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
	}
	if (len > 0) {
		memcpy(parent, path, len);
		parent[len] = '\0';
	}
	*dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
	return WM_OK;
}

static const char temporary_prefix[] = ".weightmark-", temporary_suffix[] = ".tmp";

static void temporary_name(char *out, size_t size, int attempt)
{
	snprintf(out, size, "%s%ld-%d%s", temporary_prefix, (long)getpid(), attempt,
		 temporary_suffix);
}

bool file_is_temporary(const char *name)
{
	static const char digits[] = "0123456789";
	size_t n = strlen(temporary_prefix), n_digits;

	if (strncmp(name, temporary_prefix, n) != 0)
		return false;
	n_digits = strspn(name + n, digits);
	n += n_digits;
	if (n_digits == 0 || name[n] != '-')
		return false;
	n_digits = strspn(name + ++n, digits);
	return n_digits > 0 && strcmp(name + n + n_digits, temporary_suffix) == 0;
}

/* Through which a file without a name is given one. */
static const char own_descriptors[] = "/proc/self/fd";

/* Opens a file in `dir` to be named later; `name` stays empty where it has none yet. */
static int open_temporary(int dir, mode_t perm, char *name, size_t size)
{
	int fd = -1;

	name[0] = '\0';
	if (access(own_descriptors, X_OK) == 0) {
		fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, perm);
		if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
			return fd;
	}
	for (int i = 0; i < NAME_TRIES; i++) {
		temporary_name(name, size, i);
		fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, perm);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd;
}

static int link_unnamed(int fd, int dir, const char *name)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "%s/%d", own_descriptors, fd);
	return linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW);
}

/*
 * Gives the file `temporary` the name `name` unless that is taken. Not every file system
 * has hard links (FAT), and not every one such a renaming (NFS).
 */
static int rename_exclusive(int dir, const char *temporary, const char *name)
{
	int done = renameat2(dir, temporary, dir, name, RENAME_NOREPLACE);

	if (done == 0 || (errno != EINVAL && errno != ENOSYS))
		return done;
	done = linkat(dir, temporary, dir, name, 0);
	if (done == 0)
		unlinkat(dir, temporary, 0);
	return done;
}

/* Gives the finished file its name. `temporary` names it or is empty; it is emptied. */
static int name_file(int fd, int dir, char *temporary, size_t size, const char *name,
		     enum file_mode mode)
{
	int done = -1;

	if (mode == FILE_EXCLUSIVE && !*temporary)
		return link_unnamed(fd, dir, name);
	for (int i = 0; !*temporary && i < NAME_TRIES; i++) {
		temporary_name(temporary, size, i);
		if (link_unnamed(fd, dir, temporary) == 0)
			break;
		*temporary = '\0';
		if (errno != EEXIST)
			return -1;
	}
	if (!*temporary)
		return -1;
	if (mode == FILE_REPLACE)
		done = renameat(dir, temporary, dir, name);
	else
		done = rename_exclusive(dir, temporary, name);
	if (done < 0) {
		int saved = errno;

		unlinkat(dir, temporary, 0);
		errno = saved;
	}
	*temporary = '\0';
	return done;
}

enum wm_code new_file_open(struct new_file *out, const char *path, mode_t perm,
			   struct wm_error *err)
{
	cleanup_new_file struct new_file f = { path, -1, -1, "" };

	TRY(open_parent(&f.dir, path, err));
	f.fd = open_temporary(f.dir, perm, f.temporary, sizeof(f.temporary));
	if (f.fd < 0) {
		*f.temporary = '\0';
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
	}
	*out = f;
	f.fd = f.dir = -1;
	*f.temporary = '\0';
	return WM_OK;
}

void new_file_release(struct new_file *f)
{
	int saved = errno;

	if (*f->temporary)
		unlinkat(f->dir, f->temporary, 0);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	*f = (struct new_file)NEW_FILE_INIT;
	errno = saved;
}

enum wm_code new_file_finish(struct new_file *f, enum file_mode mode, struct wm_error *err)
{
	const char *name = file_name(f->path);
	enum wm_code code;

	if (fsync(f->fd) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", f->path, strerror(errno));
	if (name_file(f->fd, f->dir, f->temporary, sizeof(f->temporary), name, mode) < 0)
		return fail(err, errno == EEXIST ? REASON_EXISTS : REASON_WRITE_FAILED, "%s: %s",
			    f->path, strerror(errno));
	if (close(take_fd(&f->fd)) == 0 && fsync(f->dir) == 0)
		return WM_OK;
	code = fail(err, REASON_WRITE_FAILED, "%s: %s", f->path, strerror(errno));
	/* A new name that may not last is taken back, so that a failure changed nothing. */
	if (mode == FILE_EXCLUSIVE)
		unlinkat(f->dir, name, 0);
	return code;
}

enum wm_code file_write(const char *path, const void *data, size_t len, mode_t perm,
			enum file_mode mode, struct wm_error *err)
{
	cleanup_new_file struct new_file f = NEW_FILE_INIT;

	if (mode == FILE_EXCLUSIVE && file_exists(path))
		return fail(err, REASON_EXISTS, "%s: exists already", path);
	TRY(new_file_open(&f, path, perm, err));
	TRY(file_write_fd(f.fd, data, len, path, err));
	return new_file_finish(&f, mode, err);
}

enum wm_code file_check_kind(const char *path, const char *begins, struct wm_error *err)
{
	const size_t len = begins ? strlen(begins) : 0;
	char head[KIND_BYTES];
	cleanup_fd int fd = -1;
	uint64_t size = 0;

	assert(len <= sizeof(head));
	if (!file_exists(path))
		return WM_OK;
	if (!begins)
		return fail(err, REASON_EXISTS, "%s: exists already", path);
	if (file_open(&fd, &size, path, NULL) != WM_OK || size < len ||
	    file_read_at(fd, head, len, 0, path, NULL) != WM_OK || memcmp(head, begins, len) != 0)
		return fail(err, REASON_EXISTS, "%s: exists already, and is another file than "
						"this command writes", path);
	return WM_OK;
}

enum wm_code file_write_kind(const char *path, const void *data, size_t len, mode_t perm,
			     const char *begins, struct wm_error *err)
{
	const bool there = file_exists(path);

	TRY(file_check_kind(path, begins, err));
	return file_write(path, data, len, perm, there ? FILE_REPLACE : FILE_EXCLUSIVE, err);
}

enum wm_code file_remove(const char *path, struct wm_error *err)
{
	cleanup_fd int dir = -1;

	TRY(open_parent(&dir, path, err));
	if (unlinkat(dir, file_name(path), 0) < 0 || fsync(dir) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
	return WM_OK;
}

/* Keeps errno. */
static bool is_directory(const char *path)
{
	int saved = errno;
	struct stat st;
	bool is = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	errno = saved;
	return is;
}

static enum wm_code sync_name(const char *path, struct wm_error *err)
{
	cleanup_fd int dir = -1;

	TRY(open_parent(&dir, path, err));
	if (fsync(dir) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
	return WM_OK;
}

enum wm_code file_mkdirs(const char *path, mode_t perm, struct wm_error *err)
{
	cleanup_free char *partial = strdup(path);

	if (!partial)
		return fail_nomem(err);
	for (char *p = partial + 1; *partial; p++) {
		char end = *p;

		if (end != '/' && end != '\0')
			continue;
		*p = '\0';
		if (mkdir(partial, perm) == 0)
			TRY(sync_name(partial, err));
		else if (errno != EEXIST || !is_directory(partial))
			return fail(err, REASON_WRITE_FAILED, "%s: %s", partial, strerror(errno));
		*p = end;
		if (end == '\0')
			break;
	}
	return WM_OK;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool file_unchanged(const struct stat *before, const struct stat *after)
{
	return file_is_same(before, after) && before->st_size == after->st_size &&
	       same_time(&before->st_mtim, &after->st_mtim) &&
	       same_time(&before->st_ctim, &after->st_ctim);
}

bool file_has_suffix(const char *path, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

bool file_ends_with(const char *name, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len >= suffix_len && strncasecmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

bool file_ends_with_any(const char *path, const char *const *suffixes)
{
	size_t len = strlen(path);

	while (*suffixes && !file_ends_with(path, len, *suffixes))
		suffixes++;
	return *suffixes != NULL;
}

const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
