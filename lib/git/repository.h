/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Git repositories through libgit2, as far as ledgers need them. No configuration but a
 * repository's own format is read, no hook, filter or helper is run, and nothing that a repository
 * holds is executed. What is written is on disk (fsync) when a call returns.
 *
 * libgit2 is initialised by the first repository_open() or repository_create() of a process.
 */
#ifndef GIT_REPOSITORY_H
#define GIT_REPOSITORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { OBJECT_ID_BYTES = 20, OBJECT_ID_HEX = 40 };

/* The name of an object, by git's own SHA-1: where it is, never what vouches for it. */
struct object_id {
	uint8_t bytes[OBJECT_ID_BYTES];
};

bool object_id_equal(const struct object_id *a, const struct object_id *b);
void object_id_text(char out[OBJECT_ID_HEX + 1], const struct object_id *id);
bool object_id_parse(struct object_id *out, const char *hex, size_t len);

enum object_type { OBJECT_COMMIT, OBJECT_TREE, OBJECT_BLOB };

struct repository;
void repository_close(struct repository *r);
DEFINE_CLEANUP(repository, struct repository, repository_close)
#define cleanup_repository __attribute__((cleanup(repository_cleanup_)))

/*
 * Opens the repository whose git directory is `path` or `path`/.git; no parent is searched. Fails
 * with `ledger-missing`, `ledger-malformed`, `read-failed`, `limit` where the path leaves no room
 * for those of its files.
 */
MUST_USE enum wm_code repository_open(struct repository **out, const char *path,
				      struct wm_error *err);

/*
 * Makes a bare repository at `path`, which must be empty or not there: beside it and on disk first,
 * then moved, so that one that is there is whole. Fails with `write-failed`.
 */
MUST_USE enum wm_code repository_create(struct repository **out, const char *path,
					struct wm_error *err);

/* Makes one at `path` itself, of which nothing is synced: for what does not outlive the process. */
MUST_USE enum wm_code repository_create_scratch(struct repository **out, const char *path,
						struct wm_error *err);

/* The git directory, absolute, with a slash at its end. Borrowed from `r`. */
const char *repository_directory(const struct repository *r);

/* --- objects ----------------------------------------------------------------------------- */

/*
 * Appends the object `id` to `out`, beyond whose maximum it fails with `limit` before it is
 * inflated. Fails with `object-missing` where it is not there or is not what its name says, with
 * `ledger-malformed` where it is of another type, with `read-failed` where the system could not
 * tell.
 */
MUST_USE enum wm_code object_read(struct buf *out, const struct repository *r,
				  const struct object_id *id, enum object_type type,
				  struct wm_error *err);

/* Fails with `ledger-malformed` where what would be the file of a ref is none, or too long. */
MUST_USE enum wm_code repository_check_ref(const struct repository *r, const char *name,
					   struct wm_error *err);

/* Writes one object, durably but for the directory of objects (repository_sync()). */
MUST_USE enum wm_code object_write(struct object_id *out, struct repository *r,
				   enum object_type type, const void *data, size_t len,
				   struct wm_error *err);

/* The name that an object has, or would have. */
MUST_USE enum wm_code object_name(struct object_id *out, enum object_type type, const void *data,
				  size_t len, struct wm_error *err);

/* Makes the names of objects that were written durable too. */
MUST_USE enum wm_code repository_sync(struct repository *r, struct wm_error *err);

/* Makes all that was written to the repository's file system durable: for making one. */
MUST_USE enum wm_code repository_settle(const struct repository *r, struct wm_error *err);

/* Many objects as one pack: add them, then finish; until then none is there. */
struct pack;
void pack_free(struct pack *p);
DEFINE_CLEANUP(pack, struct pack, pack_free)
#define cleanup_pack __attribute__((cleanup(pack_cleanup_)))
MUST_USE enum wm_code pack_new(struct pack **out, struct repository *r, struct wm_error *err);
MUST_USE enum wm_code pack_add(struct object_id *out, struct pack *p, enum object_type type,
			       const void *data, size_t len, struct wm_error *err);
MUST_USE enum wm_code pack_finish(struct pack *p, struct wm_error *err);

/* Puts those of the `n` objects that lie loose into one pack and removes the loose ones. */
MUST_USE enum wm_code repository_pack(struct repository *r, const struct object_id *ids, size_t n,
				      struct wm_error *err);

/* --- trees ------------------------------------------------------------------------------- */

struct tree_entry {
	const char *name; /* NOT zero-terminated */
	size_t name_len;
	struct object_id blob;
};

/* Appends the bytes of a tree of regular files, in order of their names. */
MUST_USE enum wm_code tree_encode(struct buf *out, const struct tree_entry *files, size_t n,
				  struct wm_error *err);

/*
 * Calls `visit` for each entry of the tree `data`. Fails with `ledger-malformed` for anything but
 * regular files of mode 100644 in ascending order.
 */
typedef enum wm_code tree_visitor(void *context, const struct tree_entry *f, struct wm_error *err);
MUST_USE enum wm_code tree_parse(const void *data, size_t len, tree_visitor *visit, void *context,
				 struct wm_error *err);

/* --- refs -------------------------------------------------------------------------------- */

/* The object that the ref `name` is; `*found` false where there is none. Symbolic refs refuse. */
MUST_USE enum wm_code ref_read(struct object_id *out, bool *found, const struct repository *r,
			       const char *name, struct wm_error *err);

/*
 * Moves `name` from `old` (NULL: it must not be there) to `new`, durably. Fails with `ref-moved`
 * where it is something else by now. A lock that a killed process left is removed where nothing
 * has changed it for LOCK_STALE_SECONDS; the caller holds a lock of its own among our processes.
 */
enum { LOCK_STALE_SECONDS = 3 };
MUST_USE enum wm_code ref_move(struct repository *r, const char *name, const struct object_id *old,
			       const struct object_id *new, struct wm_error *err);

/* Makes what `name` is durable: whoever moved it may have been killed before that. */
MUST_USE enum wm_code ref_sync(const struct repository *r, const char *name, struct wm_error *err);

/* Calls `visit` for the name of each ref that begins with `prefix`, at most `max` of them
 * (`limit`). */
typedef enum wm_code ref_visitor(void *context, const char *name, struct wm_error *err);
MUST_USE enum wm_code ref_list(const struct repository *r, const char *prefix, size_t max,
			       ref_visitor *visit, void *context, struct wm_error *err);

#endif
