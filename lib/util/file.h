/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: opened once, read whole or by range, replaced atomically.
 *
 * A file that is read is opened without blocking and must be regular: a FIFO, a
 * device or a directory is refused before a byte is read. A file that is written
 * appears whole under its name or not at all, also after a kill or a power cut.
 */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

/*
 * Opens the regular file `path` for reading (symbolic links are followed) and
 * stores descriptor and size in bytes. Fails with `not-found`, `read-failed`,
 * `not-a-file`.
 */
MUST_USE enum wm_code file_open(int *fd, uint64_t *size, const char *path,
				struct wm_error *err);

/*
 * Reads exactly `len` bytes at `off`. Fails with `file-changed` where the file
 * ends before, else `read-failed`. `name` is used in messages only.
 */
MUST_USE enum wm_code file_read_at(int fd, void *out, size_t len, uint64_t off,
				   const char *name, struct wm_error *err);

/* Appends the whole regular file `path` to `out`; `limit` where it exceeds out->max. */
MUST_USE enum wm_code file_read(struct buf *out, const char *path, struct wm_error *err);

/*
 * The same for a file that a user names as his own input (a key, YAML, settings):
 * `wrong` in place of `not-a-file` and `limit`, which speak of checkpoints.
 */
MUST_USE enum wm_code file_read_input(struct buf *out, const char *path, enum reason wrong,
				      struct wm_error *err);

/* Hands on `from`, with the reason `wrong` where it is `not-a-file` or `limit`. */
enum wm_code fail_input(struct wm_error *err, const struct wm_error *from, enum reason wrong);

/* Appends all that `fd` (a pipe, a file) still gives to `out`. */
MUST_USE enum wm_code file_read_fd(struct buf *out, int fd, const char *name,
				   struct wm_error *err);

enum file_mode {
	FILE_REPLACE,	/* an existing file of that name is replaced */
	FILE_EXCLUSIVE, /* an existing file of that name is `exists` */
};

/*
 * Writes `len` bytes as the file `path` with permissions `perm` (less umask): to an
 * unnamed file in the same directory, fsync, name, fsync of the directory. On
 * failure (`write-failed`, `exists`) nothing under `path` changed, save that a file that
 * was replaced before the fsync of the directory failed stays so.
 */
MUST_USE enum wm_code file_write(const char *path, const void *data, size_t len, mode_t perm,
				 enum file_mode mode, struct wm_error *err);

/*
 * Whether a command may write `path`, a file of the kind that begins with `begins`: nothing has
 * that name, or what has it is a file of that kind, to be written anew. Fails with `exists` where
 * it is anything else; where `begins` is NULL, as no bytes tell the kind, where anything is there.
 * It is at most 256 bytes.
 */
MUST_USE enum wm_code file_check_kind(const char *path, const char *begins, struct wm_error *err);

/* Writes such a file, as file_write() does, where file_check_kind() lets it. */
MUST_USE enum wm_code file_write_kind(const char *path, const void *data, size_t len, mode_t perm,
				      const char *begins, struct wm_error *err);

/*
 * The same in steps, for a file whose bytes are not all in memory:
 *
 *	cleanup_new_file struct new_file f = NEW_FILE_INIT;
 *	TRY(new_file_open(&f, path, 0600, err));
 *	... write to f.fd ...
 *	TRY(new_file_finish(&f, FILE_REPLACE, err));
 *
 * Until it is finished nothing has the name `path`; released before, it is gone.
 */
struct new_file {
	const char *path;   /* what it will be called; borrowed */
	int fd;		    /* open for writing */
	int dir;	    /* of `path` */
	char temporary[64]; /* its name until then; empty where it has none */
};
#define NEW_FILE_INIT { NULL, -1, -1, "" }

MUST_USE enum wm_code new_file_open(struct new_file *out, const char *path, mode_t perm,
				    struct wm_error *err);
MUST_USE enum wm_code new_file_finish(struct new_file *f, enum file_mode mode,
				      struct wm_error *err);
void new_file_release(struct new_file *f);
#define cleanup_new_file __attribute__((cleanup(new_file_release)))

/* Writes all of `data` to `fd`, through short writes and EINTR. */
MUST_USE enum wm_code file_write_fd(int fd, const void *data, size_t len, const char *name,
				    struct wm_error *err);

/* The same at `off`. */
MUST_USE enum wm_code file_write_at(int fd, const void *data, size_t len, uint64_t off,
				    const char *name, struct wm_error *err);

/* Removes the name `path`, also for the time after a power cut. */
MUST_USE enum wm_code file_remove(const char *path, struct wm_error *err);

/*
 * Creates the directory `path` and its missing parents with permissions `perm`, and makes the
 * names of those that it creates durable.
 */
MUST_USE enum wm_code file_mkdirs(const char *path, mode_t perm, struct wm_error *err);

/* Whether something, of any kind, has the name `path`. */
bool file_exists(const char *path);

/* Whether both are of one file, under whatever name. */
bool file_is_same(const struct stat *a, const struct stat *b);

/* Whether both say the same of one file: which it is, its size, when it last changed. */
bool file_unchanged(const struct stat *before, const struct stat *after);

/*
 * Whether a file of this name, without directories, is one that was being written: a kill
 * between giving it a name and giving it its own leaves it behind.
 */
bool file_is_temporary(const char *name);

/* Whether `path` ends with `suffix`, as we write it ourselves, and has something before it. */
bool file_has_suffix(const char *path, const char *suffix);

/* Whether the `len` bytes of a name end with `suffix`, in upper or lower case: as others do. */
bool file_ends_with(const char *name, size_t len, const char *suffix);

/* Whether `path` ends so with one of these, of which the last is NULL. */
bool file_ends_with_any(const char *path, const char *const *suffixes);

/* The part of `path` after the last slash. Borrowed from `path`. */
const char *file_name(const char *path);

#endif
