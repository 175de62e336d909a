/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the beginning or end of a file where it lies, under a journal; finishing that later. */
#include "checkpoint/rewrite.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#include "checkpoint/journal.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/lease.h"

enum { DIGEST_STEP = 65536 };

bool rewrite_unfinished(const char *path)
{
	char real[PATH_MAX], journal[LIMIT_PATH];

	if (journal_path(journal, path) && file_exists(journal))
		return true;
	return realpath(path, real) && journal_path(journal, real) && file_exists(journal);
}

/* --- the file, and who else has it ------------------------------------------------------- */

/* Opens `path` for writing. Without blocking: a lease of another process is one to respect. */
static enum wm_code open_for_change(int *fd, const char *path, struct wm_error *err)
{
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd >= 0)
		return WM_OK;
	if (errno == ELOOP)
		return fail(err, REASON_IN_PLACE_UNSUPPORTED,
			    "%s: is a symbolic link; give the file that it stands for", path);
	if (errno == EWOULDBLOCK || errno == ETXTBSY)
		return fail(err, REASON_FILE_BUSY, "%s: another program has it open", path);
	if (errno == ENOENT || errno == ENOTDIR)
		return fail(err, REASON_NOT_FOUND, "%s: %s", path, strerror(errno));
	return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(errno));
}

static enum wm_code be_alone(int fd, const char *path, struct wm_error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return fail(err, REASON_FILE_BUSY, "%s: another program has locked it", path);
	if (lease_take_alone(fd) == OTHERS_SOME)
		return fail(err, REASON_FILE_BUSY, "%s: another program has it open", path);
	return WM_OK;
}

/* Whether it is a file, and has no further name that would show the change. */
static enum wm_code check_alone(const struct stat *st, const char *path, struct wm_error *err)
{
	if (!S_ISREG(st->st_mode))
		return fail(err, REASON_NOT_A_FILE, "%s: is not a regular file", path);
	if (st->st_nlink > 1)
		return fail(err, REASON_HARD_LINKED, "%s: has %llu names", path,
			    (unsigned long long)st->st_nlink);
	return WM_OK;
}

static void let_go(int fd)
{
	lease_release(fd);
	flock(fd, LOCK_UN);
}

/*
 * Makes r->fd a descriptor for writing, the only one of the file. It has to take the place
 * of the one for reading, beside which no write lease is granted.
 */
static enum wm_code take_over(const struct rewrite *r, struct wm_error *err)
{
	cleanup_fd int fd = -1;
	struct stat before, after;

	if (fstat(r->fd, &before) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", r->path, strerror(errno));
	/* Ours as well would keep us from opening it. */
	lease_release(r->fd);
	TRY(open_for_change(&fd, r->path, err));
	if (fstat(fd, &after) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", r->path, strerror(errno));
	if (!file_is_same(&before, &after))
		return fail(err, REASON_FILE_CHANGED, "%s: is another file by now", r->path);
	TRY(check_alone(&after, r->path, err));
	if (dup3(fd, r->fd, O_CLOEXEC) < 0)
		return fail(err, REASON_WRITE_FAILED, "%s: %s", r->path, strerror(errno));
	TRY(be_alone(r->fd, r->path, err));
	if (fstat(r->fd, &after) < 0 || !file_unchanged(&before, &after) ||
	    (uint64_t)after.st_size != r->size)
		return fail(err, REASON_FILE_CHANGED, "%s: was written to", r->path);
	return WM_OK;
}

/* --- how far it came --------------------------------------------------------------------- */

static enum wm_code digest_range(uint8_t out[SHA256_BYTES], int fd, uint64_t off, uint64_t len,
				 const char *name, struct wm_error *err)
{
	cleanup_sha256 struct sha256 *s = NULL;
	uint8_t step[DIGEST_STEP];

	TRY(sha256_new(&s, err));
	TRY(sha256_start(s, err));
	while (len > 0) {
		size_t n = len < sizeof(step) ? (size_t)len : sizeof(step);

		TRY(file_read_at(fd, step, n, off, name, err));
		TRY(sha256_update(s, step, n, err));
		off += n;
		len -= n;
	}
	return sha256_finish(s, out, err);
}

static bool is_end(const struct journal *j)
{
	return j->from > 0;
}

/* The bytes that stay next to what is replaced: [*off, *off + *len) of the old file. */
static void find_beside(uint64_t *off, uint64_t *len, const struct journal *j)
{
	uint64_t left = is_end(j) ? j->from : j->old_size - j->to;

	*len = left < JOURNAL_BESIDE ? left : JOURNAL_BESIDE;
	*off = is_end(j) ? j->from - *len : j->to;
}

static enum wm_code holds(bool *out, const uint8_t digest[SHA256_BYTES], int fd, uint64_t off,
			  uint64_t len, const char *name, struct wm_error *err)
{
	uint8_t found[SHA256_BYTES];

	TRY(digest_range(found, fd, off, len, name, err));
	*out = memcmp(found, digest, SHA256_BYTES) == 0;
	return WM_OK;
}

/* Writes the journal, durably, before anything else changes. */
static enum wm_code store_journal(struct journal *out, const struct rewrite *r, const char *path,
				  struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_JOURNAL);
	struct journal j = {
		.new_size = r->size - (r->to - r->from) + r->len,
		.from = r->from,
		.to = r->to,
		.bytes = r->bytes,
		.len = r->len,
	};
	struct wm_error why = { 0 };
	uint64_t off = 0, len = 0;
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", r->path, strerror(errno));
	j.inode = st.st_ino;
	j.old_size = (uint64_t)st.st_size;
	TRY(digest_range(j.replaced, r->fd, j.from, j.to - j.from, r->path, err));
	find_beside(&off, &len, &j);
	TRY(digest_range(j.beside, r->fd, off, len, r->path, err));
	if (journal_encode(&bytes, &j, &why) != WM_OK)
		return error_reason(&why) == REASON_LIMIT ?
			       fail(err, REASON_IN_PLACE_UNSUPPORTED,
				    "%s: what would be written is too long", r->path) :
			       fail_again(err, &why);
	if (file_write(path, bytes.data, bytes.len, 0600, FILE_EXCLUSIVE, &why) != WM_OK)
		return error_reason(&why) == REASON_EXISTS ?
			       fail(err, REASON_UNFINISHED, "%s: there is a journal", path) :
			       fail_again(err, &why);
	*out = j;
	return WM_OK;
}

/* --- changing it ------------------------------------------------------------------------- */

static enum wm_code fail_move(const char *path, int error, struct wm_error *err)
{
	errno = error;
	switch (error) {
	case EOPNOTSUPP:
	case ENOSYS:
		return fail(err, REASON_IN_PLACE_UNSUPPORTED,
			    "%s: its file system moves no ranges", path);
	case EINVAL:
		return fail(err, REASON_IN_PLACE_UNSUPPORTED,
			    "%s: its file system moves no ranges of this length", path);
	case EFBIG:
		return fail(err, REASON_IN_PLACE_UNSUPPORTED,
			    "%s: would be too large for its file system", path);
	case ETXTBSY:
		return fail(err, REASON_FILE_BUSY, "%s: %s", path, strerror(error));
	default:
		return fail(err, REASON_WRITE_FAILED, "%s: %s", path, strerror(error));
	}
}

/* fallocate(), 0 or errno. */
static int allocate(int fd, int mode, uint64_t off, uint64_t len)
{
	while (fallocate(fd, mode, (off_t)off, (off_t)len) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

/* Makes room on the disk, so that writing cannot fail for want of it. */
static int reserve(int fd, uint64_t off, uint64_t len)
{
	int error = len > 0 ? allocate(fd, FALLOC_FL_KEEP_SIZE, off, len) : 0;

	return error == EOPNOTSUPP || error == ENOSYS ? 0 : error;
}

static enum wm_code fail_unfinished(const char *path, int error, struct wm_error *err)
{
	errno = error;
	return fail(err, REASON_LEFT_UNFINISHED, "%s: %s", path, strerror(error));
}

/* Moves the bytes behind a beginning to where they belong; on failure, back. */
static enum wm_code move(const struct rewrite *r, struct wm_error *err)
{
	uint64_t by = r->len > r->to ? r->len - r->to : r->to - r->len;
	int error, undone;

	if (r->len <= r->to) {
		error = reserve(r->fd, by, r->len);
		if (!error && by > 0)
			error = allocate(r->fd, FALLOC_FL_COLLAPSE_RANGE, 0, by);
		return error ? fail_move(r->path, error, err) : WM_OK;
	}
	error = allocate(r->fd, FALLOC_FL_INSERT_RANGE, 0, by);
	if (error)
		return fail_move(r->path, error, err);
	error = reserve(r->fd, 0, r->len);
	if (!error)
		return WM_OK;
	undone = allocate(r->fd, FALLOC_FL_COLLAPSE_RANGE, 0, by);
	if (undone)
		return fail_unfinished(r->path, undone, err);
	if (fsync(r->fd) < 0)
		return fail_unfinished(r->path, errno, err);
	return fail_move(r->path, error, err);
}

/* Room for the new end, before any of it is written. */
static enum wm_code make_room(const struct rewrite *r, struct wm_error *err)
{
	int error = reserve(r->fd, r->from, r->len);

	return error ? fail_move(r->path, error, err) : WM_OK;
}

/* The last steps, which recovery repeats. */
static enum wm_code finish(int fd, const struct journal *j, const char *path, const char *journal,
			   struct wm_error *err)
{
	struct wm_error why = { 0 };

	/* The move must last before anything is written to where it moved. */
	if (!is_end(j) && fsync(fd) < 0)
		return fail_unfinished(path, errno, err);
	if (file_write_at(fd, j->bytes, j->len, j->from, path, &why) != WM_OK)
		return fail_unfinished(path, why.saved_errno, err);
	if (is_end(j) && ftruncate(fd, (off_t)j->new_size) < 0)
		return fail_unfinished(path, errno, err);
	if (fsync(fd) < 0)
		return fail_unfinished(path, errno, err);
	if (file_remove(journal, &why) != WM_OK)
		return fail_unfinished(journal, why.saved_errno, err);
	return WM_OK;
}

/* Whether a move that failed left the file as it was: it may be done in several steps. */
static bool is_untouched(const struct rewrite *r, const struct journal *j)
{
	bool replaced = false, beside = false;
	uint64_t off = 0, len = 0;
	struct stat st;

	find_beside(&off, &len, j);
	return fstat(r->fd, &st) == 0 && (uint64_t)st.st_size == j->old_size &&
	       holds(&replaced, j->replaced, r->fd, j->from, j->to - j->from, r->path, NULL) ==
		       WM_OK &&
	       holds(&beside, j->beside, r->fd, off, len, r->path, NULL) == WM_OK && replaced &&
	       beside;
}

static enum wm_code change(const struct rewrite *r, struct wm_error *err)
{
	char journal[LIMIT_PATH];
	struct wm_error why = { 0 }, gone = { 0 };
	struct journal j = { 0 };

	if (!journal_path(journal, r->path))
		return fail(err, REASON_WRITE_FAILED, "%s: its path is too long", r->path);
	TRY(store_journal(&j, r, journal, err));
	if ((is_end(&j) ? make_room(r, &why) : move(r, &why)) == WM_OK)
		return finish(r->fd, &j, r->path, journal, err);
	if (error_reason(&why) != REASON_LEFT_UNFINISHED && !is_untouched(r, &j))
		return fail_unfinished(r->path, why.saved_errno, err);
	if (error_reason(&why) != REASON_LEFT_UNFINISHED && file_remove(journal, &gone) != WM_OK)
		return fail_unfinished(journal, gone.saved_errno, err);
	return fail_again(err, &why);
}

enum wm_code rewrite_in_place(const struct rewrite *r, struct wm_error *err)
{
	enum wm_code code;

	assert(r->from <= r->to && r->to <= r->size);
	assert(r->to == r->size || (r->from == 0 && (r->len - r->to) % JOURNAL_UNIT == 0));
	if (rewrite_unfinished(r->path))
		return fail(err, REASON_UNFINISHED, "%s: there is a journal beside it", r->path);
	if (r->from == 0 && r->to == r->size)
		return fail(err, REASON_IN_PLACE_UNSUPPORTED,
			    "%s: has nothing beside the slot that could stay", r->path);
	code = take_over(r, err);
	if (code == WM_OK)
		code = change(r, err);
	let_go(r->fd);
	return code;
}

/* --- finishing it later ------------------------------------------------------------------ */

/*
 * What a journal says is written to the file with the rights of whoever recovers it. In a
 * directory where others may make files, they could have put it there.
 */
static enum wm_code read_journal(struct buf *out, const char *path, struct wm_error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct wm_error why = { 0 };
	struct stat st;

	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: is not a regular file", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, REASON_JOURNAL_MALFORMED, "%s: is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fail(err, REASON_JOURNAL_FOREIGN, "%s: belongs to the user %llu", path,
			    (unsigned long long)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail(err, REASON_JOURNAL_FOREIGN, "%s: others may write to it", path);
	if (st.st_nlink != 1)
		return fail(err, REASON_JOURNAL_FOREIGN, "%s: has %llu names", path,
			    (unsigned long long)st.st_nlink);
	if (file_read_fd(out, fd, path, &why) != WM_OK)
		return fail_input(err, &why, REASON_JOURNAL_MALFORMED);
	return WM_OK;
}

/* Sizes that the file can have: of an end any between, since it is written bit by bit. */
static bool size_fits(const struct journal *j, uint64_t size)
{
	uint64_t least = j->old_size < j->new_size ? j->old_size : j->new_size;

	if (!is_end(j))
		return size == j->old_size || size == j->new_size;
	return size >= least && size <= j->old_size + j->new_size - least;
}

/* Whether nothing was changed yet: of an end the bytes tell, else the size does. */
static enum wm_code is_old(bool *out, int fd, const struct journal *j, uint64_t size,
			   const char *path, struct wm_error *err)
{
	*out = size == j->old_size && (is_end(j) || size != j->new_size);
	return *out ? holds(out, j->replaced, fd, j->from, j->to - j->from, path, err) : WM_OK;
}

static enum wm_code recover_file(enum recovery *out, int fd, const struct stat *st,
				 const struct journal *j, const char *path,
				 const char *journal, struct wm_error *err)
{
	uint64_t size = (uint64_t)st->st_size, off = 0, len = 0;
	bool old = false, beside = false;

	if (st->st_ino != j->inode)
		return fail(err, REASON_JOURNAL_MISMATCH, "%s: its journal is of another file",
			    path);
	if (!size_fits(j, size))
		return fail(err, REASON_JOURNAL_MISMATCH,
			    "%s: has neither its old nor its new size", path);
	TRY(is_old(&old, fd, j, size, path, err));
	find_beside(&off, &len, j);
	if (!is_end(j) && !old)
		off = j->len;
	TRY(holds(&beside, j->beside, fd, off, len, path, err));
	if (!beside || (!old && !is_end(j) && size != j->new_size))
		return fail(err, REASON_JOURNAL_MISMATCH,
			    "%s: holds neither its old nor its new bytes", path);
	if (!old) {
		TRY(finish(fd, j, path, journal, err));
		*out = RECOVERY_FINISHED;
		return WM_OK;
	}
	TRY(file_remove(journal, err));
	*out = RECOVERY_UNDONE;
	return WM_OK;
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

enum wm_code rewrite_recover(enum recovery *out, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_JOURNAL);
	char real[PATH_MAX], journal[LIMIT_PATH];
	cleanup_fd int fd = -1;
	struct journal j;
	struct stat st;

	if (!rewrite_unfinished(path)) {
		*out = RECOVERY_NONE;
		return WM_OK;
	}
	if (journal_path(journal, path) && file_exists(journal)) {
		/* It would lie beside what the link stands for. */
		if (is_link(path))
			return fail(err, REASON_JOURNAL_MISMATCH,
				    "%s: is of another file: %s is a symbolic link", journal, path);
	} else if (realpath(path, real) && journal_path(journal, real)) {
		path = real;
	}
	TRY(read_journal(&bytes, journal, err));
	TRY(journal_parse(&j, bytes.data, bytes.len, journal, err));
	TRY(open_for_change(&fd, path, err));
	TRY(be_alone(fd, path, err));
	if (fstat(fd, &st) < 0)
		return fail(err, REASON_READ_FAILED, "%s: %s", path, strerror(errno));
	TRY(check_alone(&st, path, err));
	return recover_file(out, fd, &st, &j, path, journal, err);
}
