/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a checkpoint directory: which files it has, opened, and what is passed over.
 *
 * Files are opened beneath the directory, without blocking, and must be regular. A link to
 * a file is followed where it ends beneath the directory, in the `blobs` folder of the same
 * Hub cache (ROOT/snapshots/REVISION beside ROOT/blobs), or beneath `links_within`; what was
 * opened is what was checked. Passed over unopened, and listed: in any directory what has
 * exactly one of the names .git, .gitattributes, .gitignore, .gitmodules, .gitkeep,
 * .gitlab-ci.yml, .github, .DS_Store; and the directory .cache/huggingface at the top.
 * Directories without files leave no trace.
 *
 * A directory is listed to its end before anything in it is opened, so that too many files
 * are refused at the price of listing them.
 */
#ifndef CHECKPOINT_WALK_H
#define CHECKPOINT_WALK_H

#include <sys/stat.h>

#include "util/arena.h"

/*
 * Whether a loader may read it, by the last component of its path alone, in any case:
 *
 *	document = name "." ( md | png | jpg | jpeg | gif | svg | webp | pdf )
 *	         | title [ ( "." | "_" | "-" | " " ) anything ] that has no dot
 *	         | title ... "." ( txt | rst | html | cff | bib )
 *	title    = README | LICENSE | LICENCE | NOTICE | COPYING | CITATION
 *	         | MODEL_CARD | MODEL-CARD | MODELCARD
 *
 * Every other file is a load file: LICENSE.json, README.safetensors, merges.txt.
 */
enum file_role { ROLE_LOAD, ROLE_DOCUMENT };
enum file_role file_role_of(const char *path);

struct walk_entry {
	const char *path; /* within the directory, '/' between components; in `arena` */
	enum file_role role;
	int fd;		/* open for reading, regular; -1 once it was taken */
	bool linked;	/* reached through a symbolic link */
	struct stat st; /* what fstat() said after opening */
};

/* Zeroed, it is empty and may be released. */
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
 * Walks the directory `root`, which may be a link. Fails with `not-found`, `read-failed` (also
 * where the process may not have so many files open), `file-name` (a name that cannot stand
 * in a statement), `name-collision` (two names that are one to a file system that ignores
 * case or Unicode form), `link-outside`, `not-a-file` (FIFO, socket, device, a link to a
 * directory or to nothing), `file-changed` (a file that vanished meanwhile), `limit` (over
 * LIMIT_FILES files, those passed over included, or as many directories; LIMIT_DEPTH,
 * LIMIT_PATH, LIMIT_NAMES). A file that was replaced meanwhile is the one or the other.
 */
MUST_USE enum wm_code walk_directory(struct walk *out, const char *root,
				     const char *links_within, struct wm_error *err);

#endif
