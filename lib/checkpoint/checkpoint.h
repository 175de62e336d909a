/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint at hand: a weights file, or a directory of them with all that is beside them,
 * each file opened once, parsed once, measured from the same descriptor.
 *
 *	cleanup_checkpoint struct checkpoint *c = NULL;
 *	TRY(checkpoint_open(&c, path, &opening, err));
 *	TRY(checkpoint_find_parts(c, err));	or checkpoint_add_part() for each signed one
 *	TRY(checkpoint_measure(c, &measuring, err));
 *
 * A lone file is a checkpoint of one file. All sizes, layouts and digests are those of
 * stripped views (format/format.h). From open to the hand-over of the descriptors a read
 * lease keeps writers out where the file system and the owner allow it.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include <sys/stat.h>

#include "checkpoint/digests.h"
#include "checkpoint/pointer.h"
#include "checkpoint/walk.h"
#include "format/format.h"

struct checkpoint_file {
	char *path; /* within the checkpoint, '/' between components; of a lone file, its name */
	char *place; /* where it was opened, for messages and for opening it again */
	enum file_role role;
	int fd;
	struct stat opened; /* what fstat() said then */
	bool writers_excluded; /* a read lease was held from open until now */
	struct layout layout;
	bool is_pointer; /* a git-lfs pointer stands in its place; the layout is the pointer's */
	struct pointer pointer;
	/* Filled by checkpoint_measure(), or taken from a cache: */
	bool measured, has_sha256;
	bool from_cache;
	uint8_t file_digest[SHA256_BYTES];
	uint8_t sha256[SHA256_BYTES];
};

/* The files that load together. Names are sorted as bytes, in parts and among them. */
struct checkpoint_part {
	const char *name;  /* in the checkpoint's arena, as are the paths */
	const char **paths; /* ascending */
	size_t n_paths;
	size_t *files;	  /* of the paths, those that are there: indices into the files */
	size_t n_files;	  /* n_paths where the part is whole */
	/* Filled by checkpoint_measure() where the part is whole and all its files measured: */
	bool measured, has_weights; /* without weights: none of the digests and numbers below */
	bool ungathered; /* has no weights because tensors were to be gathered, and were not */
	uint8_t weights_digest[SHA256_BYTES];
	uint8_t tensor_set_digest[SHA256_BYTES];
	uint64_t n_tensors;
	uint64_t n_parameters; /* elements over all tensors */
	uint64_t n_tensor_bytes;
	const struct listed_tensor *listed; /* in the checkpoint's arena: list_tensors() */
	size_t n_listed;
};

struct checkpoint {
	struct arena arena;
	char *path;
	bool is_directory;
	struct checkpoint_file *files; /* by path bytes, ascending */
	size_t n_files;
	struct checkpoint_part *parts; /* by name bytes, ascending */
	size_t n_parts;
	const char **passed_over; /* of the directory: not looked at, ascending */
	size_t n_passed_over;
};

struct checkpoint_open_options {
	const char *links_within; /* links that end beneath it are followed too, or NULL */
};

/*
 * Opens and parses every file. Sidecars among the files of a directory are left out and
 * listed as passed over where they decode. Tensors that one file names and another holds
 * are in the layout of the other. Fails as walk_directory(), file_open(), format_parse() and
 * external_resolve() do, with `unfinished` where an in-place change was interrupted, and with
 * `empty-checkpoint` where a directory has no file to load.
 */
MUST_USE enum wm_code checkpoint_open(struct checkpoint **out, const char *path,
				      const struct checkpoint_open_options *options,
				      struct wm_error *err);
void checkpoint_free(struct checkpoint *c);

/* Closes the files, which gives their leases back; what was parsed and measured stays. */
void checkpoint_close_files(struct checkpoint *c);
DEFINE_CLEANUP(checkpoint, struct checkpoint, checkpoint_free)
#define cleanup_checkpoint __attribute__((cleanup(checkpoint_cleanup_)))

/* The file with this path within the checkpoint, or NULL. Borrowed from it. */
struct checkpoint_file *checkpoint_find_file(const struct checkpoint *c, const char *path);

/* The tensors of all files. */
size_t checkpoint_n_tensors(const struct checkpoint *c);

/* Why no tensor of it can be told, as words for a note; NULL where some can. Static. */
const char *checkpoint_without_tensors(const struct checkpoint *c);

/* The bytes of all stripped views. */
uint64_t checkpoint_size(const struct checkpoint *c);

/* Whether a read lease was held on every file from open until now. */
bool checkpoint_excluded_writers(const struct checkpoint *c);

/*
 * Finds which files load together (checkpoint/parts.c): the shards that an index lists, split
 * sets by their names, each other file of tensors by itself; where there is none, all
 * files to load. Fails with `index-malformed`, `index-mismatch`, `part-incomplete` (a shard
 * is missing), `limit`.
 */
MUST_USE enum wm_code checkpoint_find_parts(struct checkpoint *c, struct wm_error *err);

/*
 * Checks every index of shards against the shards that are there: each tensor that it maps
 * stands in the file that it names, and no other does. What was read of an index is kept, to
 * be measured. Fails with `index-malformed`, `index-mismatch`, `limit`.
 */
MUST_USE enum wm_code checkpoint_check_indexes(struct checkpoint *c, struct wm_error *err);

/*
 * Adds a part of these files, which need not all be there. Parts are added in ascending
 * order of their names, paths ascend. Everything is copied. Fails with `limit` over
 * LIMIT_PARTS.
 */
MUST_USE enum wm_code checkpoint_add_part(struct checkpoint *c, const char *name,
					  char *const *paths, size_t n_paths,
					  struct wm_error *err);

/* Whether all files of a part are there, none of them as a git-lfs pointer. */
bool part_is_whole(const struct checkpoint *c, const struct checkpoint_part *p);

struct checkpoint_measure_options {
	bool sha256; /* the plain SHA-256 too */
	bool gather; /* tensors too that are no runs of their files */
	unsigned workers;
	struct progress *progress; /* started by the caller; the total is set here. Or NULL */
	/* Whether to read the file; NULL: all that are not measured yet. */
	bool (*wanted)(const struct checkpoint_file *f, const void *context);
	const void *context;
};

/* For `wanted`: whether the file has a slot. */
bool file_has_slot(const struct checkpoint_file *f, const void *unused);

/*
 * Measures the files and, where all of a part's files are measured, the part. Fails with
 * `file-changed` where size, mtime or ctime of a measured file, now or before, changed since
 * it was opened or its lease was broken, and with `tensor-twice` where two files of a part
 * have a tensor of one name.
 */
MUST_USE enum wm_code checkpoint_measure(struct checkpoint *c,
					 const struct checkpoint_measure_options *options,
					 struct wm_error *err);

/* Fails with `file-changed` where the file, or the lease on it, is not what it was at open. */
MUST_USE enum wm_code checkpoint_check_unchanged(struct checkpoint_file *f, struct wm_error *err);

#endif
