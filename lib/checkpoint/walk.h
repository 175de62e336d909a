/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a checkpoint directory: which files it has, opened, and what is passed over.
 *
 * Files are opened beneath the directory, without blocking, and must be regular. A link to
 * a file is followed where it ends beneath the directory, in the `blobs` folder of the same
 * Hub cache (ROOT/snapshots/REVISION beside ROOT/blobs), or beneath `links_within`; what was
 * opened is what was checked. Passed over, and listed: .git*, .cache/huggingface, .DS_Store.
 */
#ifndef CHECKPOINT_WALK_H
#define CHECKPOINT_WALK_H

#include <sys/stat.h>

#include "util/arena.h"

/* Whether a loader may read it. By name alone: README*, LICENSE*, *.md, images are documents. */
enum file_role { ROLE_LOAD, ROLE_DOCUMENT };
enum file_role file_role_of(const char *path);

struct walk_entry {
	const char *path; /* within the directory, '/' between components; in `arena` */
	enum file_role role;
	int fd;		/* open for reading, regular; -1 once it was taken */
	bool linked;	/* reached through a symbolic link */
	struct stat st; /* what fstat() said after opening */
};

struct walk {
	struct arena arena;
	struct walk_entry *entries; /* by the bytes of their paths, ascending */
	size_t n_entries, cap_entries;
	const char **passed_over; /* paths, ascending; a directory ends with '/' */
	size_t n_passed_over, cap_passed_over;
};

void walk_release(struct walk *w); /* closes what was not taken */
#define cleanup_walk __attribute__((cleanup(walk_release)))

/*
 * Walks the directory `root`. Fails with `not-found`, `read-failed`, `file-name` (a name that
 * cannot stand in a statement), `name-collision` (two names that are one to a file system
 * that ignores case or Unicode form), `link-outside`, `not-a-file` (FIFO, socket, device, a
 * link to a directory), `limit` (over LIMIT_FILES files, or depth).
 */
MUST_USE enum wm_code walk_directory(struct walk *out, const char *root,
				     const char *links_within, struct wm_error *err);

#endif
