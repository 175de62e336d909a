/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to libgit2 from this floor: its start, its last error, and owners of its objects. */
#ifndef GIT_LIBGIT2_H
#define GIT_LIBGIT2_H

#include <git2.h>

#include "git/repository.h"

struct repository {
	git_repository *git;
	git_odb *odb;
	char *directory;     /* with a slash at its end */
	bool unsynced[258];  /* directories of objects whose names may not be durable yet:
			      * 0 to 255, 256 objects/, 257 objects/pack/ */
};

/* Initialises libgit2, once a process: no configuration but a repository's own, fsync on. */
MUST_USE enum wm_code libgit2_start(struct wm_error *err);

/*
 * Fails with `reason`, the formatted message and ": " with what libgit2 said last; with
 * `no-memory` where it ran out of memory, and with `read-failed` where the system failed and
 * `reason` would say that something was found wrong. Forgets its error.
 */
enum wm_code fail_libgit2(struct wm_error *err, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/*
 * The same after a look-up that returned `said`: that nothing is there, or something else than its
 * name says, is an answer and `reason`, whichever way the system told libgit2.
 */
enum wm_code fail_lookup(struct wm_error *err, int said, enum reason reason, const char *format,
			 ...) __attribute__((format(printf, 4, 5), cold));

/* Removes a directory with all that is in it; what cannot be removed stays. */
void directory_remove(char *path);

DEFINE_CLEANUP(git_repo, git_repository, git_repository_free)
DEFINE_CLEANUP(git_odb_object, git_odb_object, git_odb_object_free)
DEFINE_CLEANUP(git_ref, git_reference, git_reference_free)
DEFINE_CLEANUP(git_refs, git_reference_iterator, git_reference_iterator_free)
DEFINE_CLEANUP(git_builder, git_packbuilder, git_packbuilder_free)
DEFINE_CLEANUP(git_remote, git_remote, git_remote_free)

#define cleanup_git_repo       __attribute__((cleanup(git_repo_cleanup_)))
#define cleanup_git_odb_object __attribute__((cleanup(git_odb_object_cleanup_)))
#define cleanup_git_ref	       __attribute__((cleanup(git_ref_cleanup_)))
#define cleanup_git_refs       __attribute__((cleanup(git_refs_cleanup_)))
#define cleanup_git_builder    __attribute__((cleanup(git_builder_cleanup_)))
#define cleanup_git_remote     __attribute__((cleanup(git_remote_cleanup_)))

static inline git_object_t type_of(enum object_type type)
{
	static const git_object_t types[] = {
		[OBJECT_COMMIT] = GIT_OBJECT_COMMIT,
		[OBJECT_TREE] = GIT_OBJECT_TREE,
		[OBJECT_BLOB] = GIT_OBJECT_BLOB,
	};

	return types[type];
}

static inline git_oid to_oid(const struct object_id *id)
{
	git_oid oid;

	_Static_assert(sizeof(oid.id) == OBJECT_ID_BYTES, "git_oid is SHA-1");
	__builtin_memcpy(oid.id, id->bytes, OBJECT_ID_BYTES);
	return oid;
}

static inline struct object_id from_oid(const git_oid *oid)
{
	struct object_id id;

	__builtin_memcpy(id.bytes, oid->id, OBJECT_ID_BYTES);
	return id;
}

#endif
